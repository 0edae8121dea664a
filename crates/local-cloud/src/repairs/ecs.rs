//! ECS: operations that moto lacks and that are another operation in other words.

use hyper::header::HeaderValue;

use crate::call::Call;
use crate::cloud::Cloud;
use crate::forward;
use crate::reply::Reply;

/// `UpdateClusterSettings` is `UpdateCluster` with nothing but settings; moto has the latter only.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateClusterSettings.html>
pub(super) async fn around(cloud: &Cloud, mut call: Call) -> Reply {
    if call.operation == "UpdateClusterSettings" {
        let target = HeaderValue::from_static("AmazonEC2ContainerServiceV20141113.UpdateCluster");
        call.headers.insert("x-amz-target", target);
    }
    forward::send(cloud, call).await
}
