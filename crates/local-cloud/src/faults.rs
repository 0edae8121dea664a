//! The place where faults will be injected: between the record and everything that has effects. Nothing is injected yet.

use crate::call::Call;
use crate::cloud::Cloud;
use crate::protocol;
use crate::reply::Reply;

/// Hands a call on. A fault before the call answers instead of it; one after the call loses its answer.
pub(crate) async fn around(cloud: &Cloud, call: Call) -> Reply {
    protocol::around(cloud, call).await
}
