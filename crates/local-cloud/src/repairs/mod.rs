//! Repairs: what an emulator answers in a way that no client can live with, seen from outside. Each says what AWS does; none fakes
//! success. Repairs that need an emulator's own state are in `launchers/`, inside it.

mod autoscaling;
mod ec2;
mod ecs;
mod monitoring;
mod snapshots;
mod tagging;
mod tokens;

pub(crate) use autoscaling::Tags;
pub(crate) use tokens::Tokens;

use crate::call::Call;
use crate::cloud::Cloud;
use crate::forward;
use crate::reply::Reply;

/// Hands a call to its emulator, repaired where need be.
pub(crate) async fn around(cloud: &Cloud, call: Call) -> Reply {
    if tokens::honoured(&call) {
        return tokens::around(cloud, call).await;
    }
    match call.service.as_str() {
        "application-autoscaling" => autoscaling::around(cloud, call).await,
        "ec2" => ec2::around(cloud, call).await,
        "ecs" => ecs::around(cloud, call).await,
        "monitoring" => monitoring::around(cloud, call).await,
        "elasticache" | "rds" => snapshots::around(cloud, call).await,
        "tagging" => tagging::around(cloud, call).await,
        _ => forward::send(cloud, call).await,
    }
}
