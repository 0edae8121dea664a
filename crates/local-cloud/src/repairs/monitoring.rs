//! CloudWatch: error codes.

use crate::call::{Call, Protocol};
use crate::cloud::Cloud;
use crate::forward;
use crate::protocol::errors;
use crate::reply::Reply;

/// The error of a missing dashboard has the code `ResourceNotFound`; ministack gives the name of its shape at deletion.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DeleteDashboards.html>
pub(super) async fn around(cloud: &Cloud, call: Call) -> Reply {
    let of_dashboard = call.operation == "DeleteDashboards";
    let reply = forward::send(cloud, call).await;
    if !of_dashboard || reply.status.is_success() {
        return reply;
    }
    let reply = reply.whole().await;
    if reply.error_code().as_deref() != Some("DashboardNotFoundError") {
        return reply;
    }
    let message = reply.json()["message"].as_str().unwrap_or_default().to_owned();
    errors::reply(Protocol::Json, reply.status, "ResourceNotFound", &message)
}
