//! Time.
use crate::call::Call; use crate::cloud::Cloud; use crate::reply::Reply;
#[derive(Default)]
pub(crate) struct Lifecycles;
pub(crate) async fn around(cloud: &Cloud, call: Call) -> Reply { crate::rollouts::around(cloud, call).await }
