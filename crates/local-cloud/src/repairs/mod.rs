//! Repairs.
use crate::call::Call; use crate::cloud::Cloud; use crate::reply::Reply;
pub(crate) async fn around(cloud: &Cloud, call: Call) -> Reply { crate::protocol::around(cloud, call).await }
