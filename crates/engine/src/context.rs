//! What a resource may know and use while it is worked on.

use std::any::Any;
use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;

use tokio::sync::{Mutex, OnceCell};

use crate::{Address, Failure};

/// The tag that names the environment a resource belongs to.
pub const TAG_ENVIRONMENT: &str = "groundplan:environment";
/// The tag that names a resource's address.
pub const TAG_ADDRESS: &str = "groundplan:address";
/// The tag that names the operation which made a resource; it never takes part in a diff.
pub const TAG_OPERATION: &str = "groundplan:operation";

type Cell = Arc<OnceCell<Arc<dyn Any + Send + Sync>>>;

/// Answers shared by all reads of one refresh, so that types described by one call share it.
#[derive(Default)]
pub struct Memo(Mutex<HashMap<String, Cell>>);

/// The surroundings of one piece of work on a resource.
#[derive(Clone)]
pub struct Context {
    /// The environment, `system/environment`.
    pub environment: Arc<str>,
    /// The region the resource lives in.
    pub region: Arc<str>,
    /// The resource; in a batched read, the first of them.
    pub address: Address,
    /// This operation's token: the idempotency token of the call, and the value of [`TAG_OPERATION`].
    /// Empty in a [`Resource::find`](crate::Resource::find) that looks for the resource of the address whichever
    /// operation made it: after its state was lost.
    pub token: Arc<str>,
    /// The clients of the layer above; it downcasts them.
    pub services: Arc<dyn Any + Send + Sync>,
    /// Shared answers, during a refresh only.
    pub memo: Option<Arc<Memo>>,
}

impl Context {
    /// Makes one call for all who ask for it under the same key during this refresh.
    ///
    /// The key must name the call and everything it depends on besides environment and region.
    /// Outside a refresh the call is made each time.
    pub async fn once<T, F>(&self, key: &str, call: F) -> Result<Arc<T>, Failure>
    where
        T: Send + Sync + 'static,
        F: Future<Output = Result<T, Failure>> + Send,
    {
        let Some(memo) = &self.memo else { return call.await.map(Arc::new) };
        let cell = memo.0.lock().await.entry(format!("{}/{key}", self.region)).or_default().clone();
        let shared = cell
            .get_or_try_init(|| async { call.await.map(|value| Arc::new(value) as Arc<dyn Any + Send + Sync>) })
            .await?
            .clone();
        shared.downcast::<T>().map_err(|_| Failure::invalid(format!("two calls share the memo key `{key}`")))
    }

    /// Whether what carries these tags was made by this operation; without a token, by any operation for this address.
    pub fn made<'a>(&self, tags: impl IntoIterator<Item = (&'a str, &'a str)>) -> bool {
        if !self.token.is_empty() {
            return tags.into_iter().any(|tag| tag == self.operation_tag());
        }
        let (mut environment, mut address) = (false, false);
        for (key, value) in tags {
            environment |= key == TAG_ENVIRONMENT && value == &*self.environment;
            address |= key == TAG_ADDRESS && value == self.address.as_str();
        }
        environment && address
    }

    /// Whether what carries these tags is this resource, whichever operation made it: for what is told by its name, of
    /// which there is one.
    pub fn owns<'a>(&self, tags: impl IntoIterator<Item = (&'a str, &'a str)>) -> bool {
        let (mut operation, mut environment, mut address) = (false, false, false);
        for (key, value) in tags {
            operation |= !self.token.is_empty() && (key, value) == self.operation_tag();
            environment |= key == TAG_ENVIRONMENT && value == &*self.environment;
            address |= key == TAG_ADDRESS && value == self.address.as_str();
        }
        operation || (environment && address)
    }

    /// The ownership tag that the making call should carry beside the declared tags.
    pub fn operation_tag(&self) -> (&'static str, &str) {
        (TAG_OPERATION, &self.token)
    }
}
