//! What the present task works on, for layers that are not told: the one door to the cloud, and crash points.

use std::future::Future;

/// What is worked on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// `create networking.vpc`; empty outside of operations.
    pub operation: String,
    /// Whether the call that brings a resource into being is made: repeated blindly, it would bring a second one.
    pub making: bool,
}

tokio::task_local! {
    static SCOPE: Scope;
}

/// Runs a future within a scope.
pub async fn within<T>(scope: Scope, future: impl Future<Output = T>) -> T {
    SCOPE.scope(scope, future).await
}

/// The present scope.
pub fn present() -> Scope {
    SCOPE.try_with(Clone::clone).unwrap_or_default()
}
