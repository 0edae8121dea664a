//! The resource types at hand, each behind one object-safe face that speaks JSON.

use std::collections::BTreeMap;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;

use serde_json::Value;

use crate::resource::{Carried, Tagged};
use crate::{Attributes, Charge, Context, Created, Failure, Live, Pricing, Readiness, Resource, Seconds, intrinsic};

/// A future that a trait object can return.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The properties and attributes of a live resource as JSON.
pub type LiveValue = (Value, Attributes);

/// What [`Resource`] says of its type, without its methods.
#[derive(Clone, Copy, Debug)]
pub struct TypeFacts {
    /// [`Resource::SECONDS`].
    pub seconds: Seconds,
    /// [`Resource::LATE`].
    pub late: &'static [&'static str],
    /// [`Resource::NEEDS_READY`].
    pub needs_ready: &'static [&'static str],
    /// [`Resource::HOLDS`].
    pub holds: &'static [&'static str],
    /// [`Resource::MOVES_WITH`].
    pub moves_with: &'static [(&'static str, &'static str)],
    /// [`Resource::UNIQUE_NAME`].
    pub unique_name: Option<&'static str>,
    /// [`Resource::UNIQUE_WITHIN`].
    pub unique_within: Option<&'static str>,
    /// [`Resource::HOLDS_DATA`].
    pub holds_data: bool,
}

/// A [`Resource`] type with its properties as JSON. See there for what each method means.
#[allow(missing_docs)]
pub trait Handler: Send + Sync {
    fn type_name(&self) -> &'static str;
    fn facts(&self) -> TypeFacts;
    fn id(&self, properties: &Value) -> Option<String>;
    fn create<'a>(&'a self, properties: &'a Value, cx: &'a Context) -> BoxFuture<'a, Result<Created, Failure>>;
    fn sync<'a>(
        &'a self,
        properties: &'a Value,
        id: &'a str,
        live: Option<&'a Value>,
        cx: &'a Context,
    ) -> BoxFuture<'a, Result<(), Failure>>;
    fn ready<'a>(&'a self, id: &'a str, cx: &'a Context) -> BoxFuture<'a, Result<Readiness, Failure>>;
    fn read<'a>(&'a self, ids: &'a [String], cx: &'a Context)
    -> BoxFuture<'a, Result<Vec<Option<LiveValue>>, Failure>>;
    fn unprotect<'a>(&'a self, id: &'a str, cx: &'a Context) -> BoxFuture<'a, Result<(), Failure>>;
    fn delete<'a>(&'a self, id: &'a str, cx: &'a Context) -> BoxFuture<'a, Result<(), Failure>>;
    fn gone<'a>(&'a self, id: &'a str, cx: &'a Context) -> BoxFuture<'a, Result<bool, Failure>>;
    fn find<'a>(&'a self, properties: &'a Value, cx: &'a Context) -> BoxFuture<'a, Result<Option<Created>, Failure>>;
    fn of_arn<'a>(&'a self, arn: &'a str, cx: &'a Context) -> BoxFuture<'a, Result<Option<String>, Failure>> {
        let _ = (arn, cx);
        Box::pin(async { Ok(None) })
    }
    fn unlisted<'a>(&'a self, cx: &'a Context) -> BoxFuture<'a, Result<Vec<Tagged>, Failure>> {
        let _ = cx;
        Box::pin(async { Ok(Vec::new()) })
    }
    fn own<'a>(&'a self, id: &'a str, cx: &'a Context) -> BoxFuture<'a, Result<(), Failure>> {
        let _ = (id, cx);
        Box::pin(async { Ok(()) })
    }
    fn carried<'a>(&'a self, ids: &'a [String], cx: &'a Context) -> BoxFuture<'a, Result<Vec<Carried>, Failure>> {
        let _ = cx;
        Box::pin(async { Ok(vec![Carried::new(); ids.len()]) })
    }
    fn canonical<'a>(
        &'a self,
        id: &'a str,
        live: &'a LiveValue,
        cx: &'a Context,
    ) -> BoxFuture<'a, Result<String, Failure>> {
        let _ = (live, cx);
        Box::pin(async { Ok(id.to_owned()) })
    }
    fn alike<'a>(&'a self, properties: &'a Value, cx: &'a Context) -> BoxFuture<'a, Result<Vec<Created>, Failure>> {
        let _ = (properties, cx);
        Box::pin(async { Ok(Vec::new()) })
    }
    fn charges(&self, properties: &Value, pricing: &Pricing<'_>) -> Vec<Charge>;
    /// Whether the properties, intrinsics standing for any text, fit the type's struct.
    fn check(&self, properties: &Value) -> Result<(), String>;
}

struct Typed<R>(PhantomData<fn() -> R>);

fn typed<R: Resource>(properties: &Value) -> Result<R, Failure> {
    R::deserialize(properties).map_err(|error| Failure::invalid(format!("{}: {error}", R::TYPE)))
}

fn json<R: Resource>(live: Live<R>) -> Result<LiveValue, Failure> {
    let value =
        serde_json::to_value(live.properties).map_err(|error| Failure::invalid(format!("{}: {error}", R::TYPE)))?;
    Ok((intrinsic::lower(value), live.attributes))
}

impl<R: Resource> Handler for Typed<R> {
    fn type_name(&self) -> &'static str {
        R::TYPE
    }

    fn facts(&self) -> TypeFacts {
        TypeFacts {
            seconds: R::SECONDS,
            late: R::LATE,
            needs_ready: R::NEEDS_READY,
            holds: R::HOLDS,
            moves_with: R::MOVES_WITH,
            unique_name: R::UNIQUE_NAME,
            unique_within: R::UNIQUE_WITHIN,
            holds_data: R::HOLDS_DATA,
        }
    }

    fn id(&self, properties: &Value) -> Option<String> {
        typed::<R>(properties).ok()?.id()
    }

    fn create<'a>(&'a self, properties: &'a Value, cx: &'a Context) -> BoxFuture<'a, Result<Created, Failure>> {
        Box::pin(async move { typed::<R>(properties)?.create(cx).await })
    }

    fn sync<'a>(
        &'a self,
        properties: &'a Value,
        id: &'a str,
        live: Option<&'a Value>,
        cx: &'a Context,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let live = live.map(typed::<R>).transpose()?;
            typed::<R>(properties)?.sync(id, live.as_ref(), cx).await
        })
    }

    fn ready<'a>(&'a self, id: &'a str, cx: &'a Context) -> BoxFuture<'a, Result<Readiness, Failure>> {
        Box::pin(R::ready(id, cx))
    }

    fn read<'a>(
        &'a self,
        ids: &'a [String],
        cx: &'a Context,
    ) -> BoxFuture<'a, Result<Vec<Option<LiveValue>>, Failure>> {
        Box::pin(async move { R::read(ids, cx).await?.into_iter().map(|live| live.map(json).transpose()).collect() })
    }

    fn unprotect<'a>(&'a self, id: &'a str, cx: &'a Context) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(R::unprotect(id, cx))
    }

    fn delete<'a>(&'a self, id: &'a str, cx: &'a Context) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(R::delete(id, cx))
    }

    fn gone<'a>(&'a self, id: &'a str, cx: &'a Context) -> BoxFuture<'a, Result<bool, Failure>> {
        Box::pin(R::gone(id, cx))
    }

    fn find<'a>(&'a self, properties: &'a Value, cx: &'a Context) -> BoxFuture<'a, Result<Option<Created>, Failure>> {
        Box::pin(async move { typed::<R>(properties)?.find(cx).await })
    }

    fn of_arn<'a>(&'a self, arn: &'a str, cx: &'a Context) -> BoxFuture<'a, Result<Option<String>, Failure>> {
        Box::pin(R::of_arn(arn, cx))
    }

    fn unlisted<'a>(&'a self, cx: &'a Context) -> BoxFuture<'a, Result<Vec<Tagged>, Failure>> {
        Box::pin(R::unlisted(cx))
    }

    fn own<'a>(&'a self, id: &'a str, cx: &'a Context) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(R::own(id, cx))
    }

    fn carried<'a>(&'a self, ids: &'a [String], cx: &'a Context) -> BoxFuture<'a, Result<Vec<Carried>, Failure>> {
        Box::pin(R::carried(ids, cx))
    }

    fn canonical<'a>(
        &'a self,
        id: &'a str,
        live: &'a LiveValue,
        cx: &'a Context,
    ) -> BoxFuture<'a, Result<String, Failure>> {
        Box::pin(async move {
            let live = Live { properties: typed::<R>(&live.0)?, attributes: live.1.clone() };
            R::canonical(id, &live, cx).await
        })
    }

    fn alike<'a>(&'a self, properties: &'a Value, cx: &'a Context) -> BoxFuture<'a, Result<Vec<Created>, Failure>> {
        Box::pin(async move { typed::<R>(properties)?.alike(cx).await })
    }

    fn charges(&self, properties: &Value, pricing: &Pricing<'_>) -> Vec<Charge> {
        typed::<R>(&intrinsic::raise(properties)).map(|resource| resource.charges(pricing)).unwrap_or_default()
    }

    fn check(&self, properties: &Value) -> Result<(), String> {
        R::deserialize(&intrinsic::raise(properties)).map(drop).map_err(|error| error.to_string())
    }
}

/// All types that can be handled, by name.
#[derive(Clone, Default)]
pub struct Catalogue(BTreeMap<&'static str, Arc<dyn Handler>>);

impl Catalogue {
    /// Adds a type.
    pub fn register<R: Resource>(&mut self) -> &mut Self {
        self.insert(Arc::new(Typed::<R>(PhantomData)))
    }

    /// Adds a type behind its own face.
    pub fn insert(&mut self, handler: Arc<dyn Handler>) -> &mut Self {
        self.0.insert(handler.type_name(), handler);
        self
    }

    /// The handler of a type.
    pub fn get(&self, type_name: &str) -> Option<&Arc<dyn Handler>> {
        self.0.get(type_name)
    }

    /// The types, in order of name.
    pub fn types(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.0.keys().copied()
    }
}

/// Registers a crate's resource types: `catalogue!(catalogue; Vpc, Subnet)`.
#[macro_export]
macro_rules! catalogue {
    ($catalogue:expr; $($resource:ty),+ $(,)?) => {{
        $( $catalogue.register::<$resource>(); )+
    }};
}
