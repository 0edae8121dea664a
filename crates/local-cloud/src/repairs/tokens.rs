//! Client tokens: a repeated create call with the same token answers with what the first one made. moto makes a second one.
//! <https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html>

use std::collections::HashMap;

use axum::body::Bytes;
use hyper::StatusCode;

use crate::call::Call;
use crate::cloud::Cloud;
use crate::forward;
use crate::protocol::errors;
use crate::reply::Reply;

/// The operations of EC2 whose tokens moto does not honour.
const OPERATIONS: &[&str] =
    &["CreateFlowLogs", "CreateNatGateway", "CreateNetworkAcl", "CreateRouteTable", "CreateVpcEndpoint"];

/// Answers by region, operation and token.
#[derive(Default)]
pub(crate) struct Tokens(HashMap<(String, String, String), Answer>);

struct Answer {
    /// Everything else that the request said.
    asked: Vec<(String, String)>,
    body: Bytes,
}

/// Whether a call carries a token that only the front honours.
pub(super) fn honoured(call: &Call) -> bool {
    call.service == "ec2" && OPERATIONS.contains(&call.operation.as_str()) && call.field("ClientToken").is_some()
}

pub(super) async fn around(cloud: &Cloud, call: Call) -> Reply {
    let token = call.field("ClientToken").unwrap_or_default().to_owned();
    let key = (call.region.clone(), call.operation.clone(), token);
    let asked: Vec<(String, String)> = call.form.iter().filter(|(name, _)| name != "ClientToken").cloned().collect();
    // Two at once with one token must not both create: the second waits for the first.
    let _turn = cloud.token_turn.lock().await;
    let known = cloud.tokens().0.get(&key).map(|answer| (answer.asked == asked, answer.body.clone()));
    match known {
        Some((true, body)) => return Reply::new(StatusCode::OK, "text/xml", body),
        Some((false, _)) => {
            let message = "The client token has been used with other parameters";
            return errors::answer(&call, StatusCode::BAD_REQUEST, "IdempotentParameterMismatch", message);
        }
        None => {}
    }
    let reply = forward::send(cloud, call).await.whole().await;
    if reply.status.is_success() {
        let body = Bytes::copy_from_slice(reply.bytes());
        cloud.tokens().0.insert(key, Answer { asked, body });
    }
    reply
}
