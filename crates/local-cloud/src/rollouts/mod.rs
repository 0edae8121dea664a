//! Rollouts.
use crate::call::Call; use crate::cloud::Cloud; use crate::reply::Reply;
#[derive(Default)]
pub(crate) struct Rollouts;
pub(crate) async fn around(cloud: &Cloud, call: Call) -> Reply { crate::repairs::around(cloud, call).await }
