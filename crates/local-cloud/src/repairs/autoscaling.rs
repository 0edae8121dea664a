//! Application Auto Scaling: tags of scalable targets, which moto does not have.
//! <https://docs.aws.amazon.com/autoscaling/application/APIReference/API_TagResource.html>

use std::collections::BTreeMap;

use hyper::StatusCode;
use serde_json::{Map, Value, json};

use crate::call::Call;
use crate::cloud::Cloud;
use crate::forward;
use crate::protocol::errors;
use crate::reply::Reply;

/// Tags by region and ARN of the scalable target.
#[derive(Debug, Default)]
pub(crate) struct Tags(BTreeMap<(String, String), Map<String, Value>>);

pub(super) async fn around(cloud: &Cloud, call: Call) -> Reply {
    let (region, body) = (call.region.clone(), call.body());
    match call.operation.as_str() {
        "RegisterScalableTarget" => {
            let reply = forward::send(cloud, call).await.whole().await;
            if let Some(arn) = reply.json()["ScalableTargetARN"].as_str().filter(|_| reply.status.is_success()) {
                let given = body["Tags"].as_object().cloned().unwrap_or_default();
                cloud.tags().0.entry((region, arn.to_owned())).or_default().extend(given);
            }
            reply
        }
        "ListTagsForResource" | "TagResource" | "UntagResource" => {
            let arn = body["ResourceARN"].as_str().unwrap_or_default().to_owned();
            if !exists(cloud, &region, &arn).await {
                let message = format!("The resource doesn't exist: {arn}");
                return errors::answer(&call, StatusCode::BAD_REQUEST, "ResourceNotFoundException", &message);
            }
            let mut all = cloud.tags();
            let tags = all.0.entry((region, arn)).or_default();
            let answer = match call.operation.as_str() {
                "ListTagsForResource" => json!({"Tags": tags}),
                "TagResource" => {
                    tags.extend(body["Tags"].as_object().cloned().unwrap_or_default());
                    json!({})
                }
                _ => {
                    let gone: Vec<&str> =
                        body["TagKeys"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
                    tags.retain(|name, _| !gone.contains(&name.as_str()));
                    json!({})
                }
            };
            Reply::new(StatusCode::OK, "application/x-amz-json-1.1", answer.to_string().into())
        }
        _ => forward::send(cloud, call).await,
    }
}

/// Whether a scalable target of this ARN is registered, in any namespace that has been tagged or asked for here: ECS.
async fn exists(cloud: &Cloud, region: &str, arn: &str) -> bool {
    let target = "AnyScaleFrontendService.DescribeScalableTargets";
    let call = Call::json("application-autoscaling", region, target, &json!({"ServiceNamespace": "ecs"}));
    let answer = forward::send(cloud, call).await.whole().await.json();
    answer["ScalableTargets"].as_array().into_iter().flatten().any(|target| target["ScalableTargetARN"] == arn)
}
