//! What a resource type is: one implementation of [`Resource`] per CloudFormation type.

use std::future::Future;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use crate::{Charge, Context, Failure, Pricing};

/// Attributes as `Fn::GetAtt` names them (`Arn`, `Endpoint.Address`) with their values.
pub type Attributes = Map<String, Value>;

/// What a `create` brings back.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Created {
    /// The physical id: what CloudFormation's `Ref` returns for the type.
    pub id: String,
    /// The attributes known at once.
    #[serde(default)]
    pub attributes: Attributes,
}

impl Created {
    /// An id without attributes.
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), attributes: Attributes::new() }
    }

    /// Adds an attribute.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.attributes.insert(name.to_owned(), value.into());
        self
    }
}

/// What a reference to a made resource stands for: its id (`Ref`), or one of its attributes (`Fn::GetAtt`).
pub fn value(id: &str, attributes: &Attributes, attribute: Option<&str>) -> Option<Value> {
    match attribute {
        None => Some(Value::from(id)),
        Some(attribute) => attributes.get(attribute).cloned(),
    }
}

/// Whether a text holds the id or attribute of a resource: all of it, or a part that is too long to be there by chance.
pub(crate) fn is_told_by(value: &str, text: &str) -> bool {
    const TELLING: usize = 8;
    text == value || value.len() >= TELLING && text.contains(value)
}

/// What AWS has now, in the struct's own shape, with all its attributes.
#[derive(Clone, Debug)]
pub struct Live<R> {
    /// The properties. What AWS does not report is `None`.
    pub properties: R,
    /// The attributes.
    pub attributes: Attributes,
}

impl<R> Live<R> {
    /// An attribute that is a text, and not empty.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name)?.as_str().filter(|text| !text.is_empty())
    }

    /// Properties without attributes.
    pub fn new(properties: R) -> Self {
        Self { properties, attributes: Attributes::new() }
    }

    /// Adds an attribute.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.attributes.insert(name.to_owned(), value.into());
        self
    }
}

/// Whether a resource can be relied on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// It can.
    Ready,
    /// Not yet; AWS calls its state so (`creating`, `2 of 3 tasks running`).
    Pending(String),
    /// It never will; why, in words.
    Failed(String),
}

/// How long AWS takes, in seconds: a default until the environment's own journal knows better.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seconds {
    /// From the making call to ready.
    pub create: f64,
    /// From the changing call to ready.
    pub update: f64,
    /// From the deleting call to gone.
    pub delete: f64,
}

impl Seconds {
    /// A type whose calls take effect at once.
    pub const INSTANT: Self = Self { create: 1.0, update: 1.0, delete: 1.0 };
}

/// A thing found by the tags it carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tagged {
    /// Its physical id.
    pub id: String,
    /// All its tags.
    pub tags: Vec<(String, String)>,
}

/// Tags by key, as a thing carries them.
pub type Carried = Vec<(String, String)>;

/// What a thing is, and how it comes about. One implementation per CloudFormation type.
///
/// The struct serialises to exactly the type's properties. During work on it all references are
/// resolved: its strings hold real ids. Every method may be repeated after a crash.
pub trait Resource: Serialize + DeserializeOwned + Send + Sync + Sized + 'static {
    /// The CloudFormation type name, such as `AWS::EC2::NatGateway`.
    const TYPE: &'static str;

    /// How long AWS takes.
    const SECONDS: Seconds = Seconds::INSTANT;

    /// Attributes that `create` cannot know yet: a reader of one waits until this is ready.
    /// Whoever reads only `Ref` or another attribute goes on as soon as `create` returned.
    const LATE: &'static [&'static str] = &[];

    /// Properties whose target must be ready, though only its id is read (a listener's
    /// certificate must be issued).
    const NEEDS_READY: &'static [&'static str] = &[];

    /// Properties through which this blocks the deletion of what they refer to although it could
    /// be changed in place (a listener's target group). When the target must be deleted before it
    /// is made again, this is replaced too.
    const HOLDS: &'static [&'static str] = &[];

    /// `(property, cause)`: this cannot follow what the property refers to where that is elsewhere
    /// than until now by a property of its own, and is replaced. A load balancer's `Subnets` may
    /// change, but not to those of another VPC: `("Subnets", "VpcId")`.
    const MOVES_WITH: &'static [(&'static str, &'static str)] = &[];

    /// The property that AWS wants unique among its kind (a name), where [`Resource::id`] does not
    /// follow from it: a replacement of the same name must delete first.
    const UNIQUE_NAME: Option<&'static str> = None;

    /// The property that names where [`Resource::UNIQUE_NAME`] is unique (a security group's
    /// `VpcId`): in another one the same name does not collide.
    const UNIQUE_WITHIN: Option<&'static str> = None;

    /// List properties whose emptiness says something: declared as an empty list, what others put there is taken out. Other
    /// empty lists count as not given, and what is there as AWS's own.
    const EMPTY_SAYS: &'static [&'static str] = &[];

    /// Whether losing it loses data: a plan that deletes or replaces it says so.
    const HOLDS_DATA: bool = false;

    /// The id, if it follows from the properties alone (a name, or `table|destination`).
    fn id(&self) -> Option<String> {
        None
    }

    /// The one call that brings it into being. Carries `cx.token` as idempotency token where the
    /// service has one, and the tags (declared ones, and [`Context::operation_tag`]) in the same
    /// call where the service can.
    fn create(&self, cx: &Context) -> impl Future<Output = Result<Created, Failure>> + Send;

    /// Everything that `create` could not say in one call (`live` is `None`: just made), and every
    /// later change (`live`: as last read). Changes only what differs. Safe to repeat.
    fn sync(&self, id: &str, live: Option<&Self>, cx: &Context) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Asked, never slept on: the engine owns all waiting.
    fn ready(id: &str, cx: &Context) -> impl Future<Output = Result<Readiness, Failure>> + Send {
        let _ = (id, cx);
        async { Ok(Readiness::Ready) }
    }

    /// What AWS has now, for many at once, in the order asked; `None`: it is gone (or going).
    fn read(ids: &[String], cx: &Context) -> impl Future<Output = Result<Vec<Option<Live<Self>>>, Failure>> + Send;

    /// Lifts AWS's own protection against deletion, after a person consented. The default: there is none.
    fn unprotect(id: &str, cx: &Context) -> impl Future<Output = Result<(), Failure>> + Send {
        let _ = (id, cx);
        async { Ok(()) }
    }

    /// Deletes. Already gone is success.
    fn delete(id: &str, cx: &Context) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Asked after `delete` until it is true. The default: gone when the deleting call returned.
    fn gone(id: &str, cx: &Context) -> impl Future<Output = Result<bool, Failure>> + Send {
        let _ = (id, cx);
        async { Ok(true) }
    }

    /// After a crash: did the interrupted `create` happen? By name, token or ownership tag. After the state was lost
    /// (the context has no token): what is there for this address? [`Context::made`] tells both by tags.
    /// The default serves types whose id follows from their properties.
    fn find(&self, cx: &Context) -> impl Future<Output = Result<Option<Created>, Failure>> + Send {
        async move {
            let Some(id) = self.id() else { return Ok(None) };
            let live = Self::read(std::slice::from_ref(&id), cx).await?.into_iter().next().flatten();
            Ok(live.map(|live| Created { id, attributes: live.attributes }))
        }
    }

    /// The id of the thing that an ARN names, if it is of this type and the ARN alone tells the id. After the state was
    /// lost, what carries the environment's tags is listed by ARN.
    fn id_of_arn(arn: &str) -> Option<String> {
        let _ = arn;
        None
    }

    /// [`Resource::id_of_arn`], asked of the cloud where the ARN alone does not tell. `None`: it is not of this type.
    fn of_arn(arn: &str, cx: &Context) -> impl Future<Output = Result<Option<String>, Failure>> + Send {
        let _ = cx;
        let id = Self::id_of_arn(arn);
        async { Ok(id) }
    }

    /// The environment's things of this type, where the listing by tags leaves the type out though it has tags.
    fn unlisted(cx: &Context) -> impl Future<Output = Result<Vec<Tagged>, Failure>> + Send {
        let _ = cx;
        async { Ok(Vec::new()) }
    }

    /// Puts the ownership tags of the context on what was made elsewhere, where the thing can carry tags and the type has
    /// no property for them. Elsewhere the engine says the tags through [`Resource::sync`].
    fn own(id: &str, cx: &Context) -> impl Future<Output = Result<(), Failure>> + Send {
        let _ = (id, cx);
        async { Ok(()) }
    }

    /// The tags that things carry though their type has no property for them, in the order asked: they tell whose a thing
    /// is. The default: such a thing carries none.
    fn carried(ids: &[String], cx: &Context) -> impl Future<Output = Result<Vec<Carried>, Failure>> + Send {
        let _ = cx;
        let none = vec![Carried::new(); ids.len()];
        async { Ok(none) }
    }

    /// The id of what was read, which may have been asked for by another spelling that AWS takes as well (a name for an
    /// ARN). The default: the one that follows from its properties, else the one asked for.
    fn canonical(id: &str, live: &Live<Self>, cx: &Context) -> impl Future<Output = Result<String, Failure>> + Send {
        let _ = cx;
        let id = live.properties.id().unwrap_or_else(|| id.to_owned());
        async { Ok(id) }
    }

    /// What is there that does what this declares, whoever made it. For types whose id does not follow from their
    /// properties, and which other tools keep within another resource, without an id of their own (inline rules).
    fn alike(&self, cx: &Context) -> impl Future<Output = Result<Vec<Created>, Failure>> + Send {
        let _ = cx;
        async { Ok(Vec::new()) }
    }

    /// Quantities and price keys. Strings may hold reference tokens here.
    fn charges(&self, pricing: &Pricing<'_>) -> Vec<Charge> {
        let _ = pricing;
        Vec::new()
    }
}
