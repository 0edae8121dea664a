//! The wire protocols: Smithy RPC v2 CBOR for emulators that do not speak it, operation names of REST calls, and errors in each shape.

pub(crate) mod cbor;
pub(crate) mod errors;
pub(crate) mod rest;

use hyper::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use hyper::{Method, StatusCode, Uri};
use serde_json::Value;

use crate::call::{Call, Payload, Protocol};
use crate::cloud::Cloud;
use crate::reply::Reply;
use crate::{time, trail};

/// CloudWatch is the one service that aws-sdk-rust calls in CBOR, and that no emulator answers in it.
const CLOUDWATCH: &str = "GraniteServiceVersion20100801";

/// Hands a call on, as awsJson 1.0 where it came in CBOR, and has the event history keep it.
pub(crate) async fn around(cloud: &Cloud, call: Call) -> Reply {
    let noted = trail::Noted::of(&call);
    trail::keep(cloud, noted, translated(cloud, call).await).await
}

async fn translated(cloud: &Cloud, mut call: Call) -> Reply {
    if call.protocol != Protocol::Cbor {
        return time::around(cloud, call).await;
    }
    let input = match cbor::to_json(call.bytes()) {
        Ok(input) => input,
        Err(error) => {
            let message = format!("the CBOR body could not be read: {error}");
            return errors::reply(Protocol::Cbor, StatusCode::BAD_REQUEST, "SerializationException", &message);
        }
    };
    let target = format!("{CLOUDWATCH}.{}", call.operation);
    if let Ok(target) = HeaderValue::try_from(target) {
        call.headers.insert("x-amz-target", target);
    }
    call.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.0"));
    call.headers.remove("smithy-protocol");
    call.headers.remove(ACCEPT);
    call.method = Method::POST;
    call.uri = Uri::from_static("/");
    call.payload = Payload::Whole(input.to_string().into());
    call.protocol = Protocol::Json;
    let reply = time::around(cloud, call).await.whole().await;
    let (status, output) = (reply.status, reply.json());
    if status.is_success() {
        return Reply::cbor(status, cbor::from_json(&output));
    }
    let code = errors::code(&output).unwrap_or("InternalServiceError");
    let message = output["message"].as_str().or_else(|| output["Message"].as_str()).unwrap_or_default();
    let mut answer = errors::reply(Protocol::Cbor, status, code, message);
    if let Some(value) = reply.headers.get("x-amzn-query-error") {
        answer.headers.insert("x-amzn-query-error", value.clone());
    }
    answer
}

impl Reply {
    /// An answer in Smithy RPC v2 CBOR.
    pub fn cbor(status: StatusCode, body: Vec<u8>) -> Self {
        let mut reply = Self::new(status, "application/cbor", body.into());
        reply.headers.insert("smithy-protocol", HeaderValue::from_static("rpc-v2-cbor"));
        reply
    }

    /// The body as JSON; null if it is not.
    pub fn json(&self) -> Value {
        serde_json::from_slice(self.bytes()).unwrap_or(Value::Null)
    }
}
