//! Resources on a cloud, each taken through its whole life.

use std::borrow::Borrow;
use std::sync::Arc;
use std::time::Duration;

use cloud::{Address, Catalogue, Context, Created, Failure, FailureKind, Readiness};
use engine::catalogue::{Handler, LiveValue};
use engine::diff::{Sides, as_ours, diff};
use schema::{Segment, Step};
use serde_json::Value;
use tokio::sync::{Mutex, MutexGuard};

use crate::{Must, TestCloud};

/// What one resource cannot keep of the assertions; named where it is made, with the reason.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Except {
    /// It is found before it is made: it is a property of something that is there.
    FoundBefore,
    /// It is not found again, as its cloud keeps no mark on it.
    NotFoundAgain,
    /// Another operation for the same address takes it for its own, by its tags.
    Adopted,
    /// Its making call makes over what has its name, whoever made that.
    MadeOver,
    /// Its changes are several, each tried again while the one before is under way.
    InSteps,
    /// This property, declared no more, falls back to AWS's default, and is reported.
    Default(&'static str),
    /// The texts of this property are reported in any order, though AWS's schema gives them one.
    Unordered(&'static str),
    /// This property is reported, though AWS's schema calls it write-only.
    Reported(&'static str),
}

struct Thing {
    address: String,
    context: Context,
    handler: Arc<dyn Handler>,
    id: String,
    declared: Value,
    except: Vec<Except>,
}

/// One world at a time: a refresh counts all calls of its cloud.
static ALONE: Mutex<()> = Mutex::const_new(());

const LOOKS: u32 = 200;
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// Resources on a cloud, known by their addresses.
pub struct World {
    /// The cloud they are on.
    pub cloud: TestCloud,
    /// Their types.
    pub catalogue: Catalogue,
    things: Vec<Thing>,
    _alone: MutexGuard<'static, ()>,
}

impl World {
    /// An empty world with the types of a crate.
    pub async fn new(register: impl Fn(&mut Catalogue)) -> Self {
        let mut catalogue = Catalogue::default();
        register(&mut catalogue);
        let alone = ALONE.lock().await;
        Self { cloud: TestCloud::start().await, catalogue, things: Vec::new(), _alone: alone }
    }

    /// A type's handler.
    pub fn handler(&self, type_name: &str) -> Arc<dyn Handler> {
        self.catalogue.get(type_name).must(format!("{type_name} is not registered")).clone()
    }

    /// Made, ready, read as declared, and found again by its operation and by no other.
    pub async fn make(&mut self, address: &str, type_name: &str, properties: impl Borrow<Value>) -> Created {
        self.make_except(&[], address, type_name, properties).await
    }

    /// [`Self::make`] with exceptions.
    pub async fn make_except(
        &mut self,
        except: &[Except],
        address: &str,
        type_name: &str,
        properties: impl Borrow<Value>,
    ) -> Created {
        let properties = properties.borrow();
        let made = self.make_unready(except, address, type_name, properties).await;
        self.settle(address).await.must(address);
        let (live, attributes) = self.read(address).await.must(format!("{address} cannot be read"));
        self.assert_as_declared(address, properties, &live);
        for (name, value) in &made.attributes {
            assert_eq!(attributes.get(name), Some(value), "{address}: {name}");
        }
        if except.contains(&Except::NotFoundAgain) {
            return made;
        }
        let thing = self.thing(address);
        let found = thing.handler.find(properties, &thing.context).await.must(address);
        assert_eq!(found.as_ref(), Some(&made), "{address} is not found again as it was made");
        self.assert_found_without_token(address).await;
        if properties.get("Tags").is_some() {
            self.assert_not_anothers(address).await;
        }
        made
    }

    /// Made, and no more.
    pub async fn make_unready(
        &mut self,
        except: &[Except],
        address: &str,
        type_name: &str,
        properties: &Value,
    ) -> Created {
        let handler = self.handler(type_name);
        if schema::facts(type_name).is_some() {
            let violations = schema::validate(type_name, properties);
            assert!(violations.is_empty(), "{address}: {violations:?}");
        } else {
            assert!(type_name.starts_with("Groundplan::"), "{type_name} has no schema");
        }
        let context = self.cloud.context(address);
        if !except.contains(&Except::FoundBefore) {
            let found = handler.find(properties, &context).await.must(address);
            assert!(found.is_none(), "{address} was found before it was made");
        }
        let made = handler.create(properties, &context).await.must(address);
        for _ in 0..2 {
            handler.sync(properties, &made.id, None, &context).await.must(address);
        }
        if let Some(id) = handler.id(properties) {
            assert_eq!(id, made.id, "{address}: the id its properties tell");
        }
        let (address, id, declared) = (address.to_owned(), made.id.clone(), properties.clone());
        self.things.push(Thing { address, context, handler, id, declared, except: except.to_vec() });
        made
    }

    /// Takes in what was made by other means.
    pub fn hold(&mut self, address: &str, type_name: &str, id: &str, properties: &Value) {
        let (handler, context) = (self.handler(type_name), self.cloud.context(address));
        let (address, id, declared) = (address.to_owned(), id.to_owned(), properties.clone());
        self.things.push(Thing { address, context, handler, id, declared, except: Vec::new() });
    }

    /// Nobody else finds it, nor makes it if its name is given.
    pub async fn assert_not_anothers(&self, address: &str) {
        let thing = self.thing(address);
        let environment = Context { environment: "test/another".into(), ..self.cloud.context(address) };
        let mut others = vec![self.cloud.context("another.thing"), environment];
        if !thing.except.contains(&Except::Adopted) {
            others.push(self.cloud.context(address));
        }
        for other in &others {
            let found = thing.handler.find(&thing.declared, other).await.must(address);
            assert_eq!(found, None, "{address} was found for {} {}", other.environment, other.address);
        }
        if thing.handler.id(&thing.declared).is_some() && !thing.except.contains(&Except::MadeOver) {
            for stranger in &others[..2] {
                let Err(failure) = thing.handler.create(&thing.declared, stranger).await else {
                    panic!("{address} was made for {} {}, too", stranger.environment, stranger.address);
                };
                assert_eq!(failure.kind, FailureKind::AlreadyExists, "{address}: {failure}");
            }
        }
    }

    /// Found by its address when nobody knows any more which operation made it; by tags not for another's address.
    pub async fn assert_found_without_token(&self, address: &str) {
        let thing = self.thing(address);
        let lost = nobodys(&self.cloud.context(address));
        // A search shares its answers; a look at one thing does not.
        let search = Context { memo: Some(Arc::default()), ..lost.clone() };
        for cx in [&lost, &search] {
            let found = thing.handler.find(&thing.declared, cx).await.must(address);
            let id = found.map(|found| found.id);
            assert_eq!(id.as_ref(), Some(&thing.id), "{address} is not found by its address");
        }
        if thing.declared.get("Tags").is_some() {
            self.assert_not_anothers_without_token(address).await;
        }
    }

    /// By its tags it is not found for another address or environment when nobody knows any operation.
    pub async fn assert_not_anothers_without_token(&self, address: &str) {
        let thing = self.thing(address);
        let environment = Context { environment: "test/another".into(), ..nobodys(&self.cloud.context(address)) };
        for other in [environment, nobodys(&self.cloud.context("another.thing"))] {
            let found = thing.handler.find(&thing.declared, &other).await.must(address);
            assert_eq!(found, None, "{address} was found for {} {}", other.environment, other.address);
        }
    }

    /// Waits until it is ready. The error: why it never will be.
    pub async fn settle(&self, address: &str) -> Result<(), String> {
        let thing = self.thing(address);
        for _ in 0..LOOKS {
            match thing.handler.ready(&thing.id, &thing.context).await.must(address) {
                Readiness::Ready => return Ok(()),
                Readiness::Pending(_) => tokio::time::sleep(BETWEEN_LOOKS).await,
                Readiness::Failed(why) => return Err(why),
            }
        }
        panic!("{address} is not getting ready");
    }

    /// Changed to other properties, as the engine does it, and read as these.
    pub async fn change(&mut self, address: &str, properties: impl Borrow<Value>) {
        let properties = properties.borrow();
        self.try_change(address, properties).await.must(address);
        self.settle(address).await.must(address);
        self.expect(address, properties).await;
        let at = self.at(address);
        self.things[at].declared = properties.clone();
    }

    /// The changing call, as the engine makes it.
    ///
    /// # Errors
    /// What it says.
    pub async fn try_change(&self, address: &str, properties: &Value) -> Result<(), Failure> {
        let thing = self.thing(address);
        let (mut live, _) = self.read(address).await.must(format!("{address} cannot be read"));
        as_ours(properties, Some(&thing.declared), &mut live, schema::facts(thing.handler.type_name()));
        let cx = self.cloud.context(address);
        let mut tries = if thing.except.contains(&Except::InSteps) { LOOKS } else { 0 };
        loop {
            match thing.handler.sync(properties, &thing.id, Some(&live), &cx).await {
                Err(failure) if failure.may_pass() && tries > 0 => tries -= 1,
                answer => return answer,
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
    }

    /// What is there now.
    pub async fn read(&self, address: &str) -> Option<LiveValue> {
        let thing = self.thing(address);
        read_one(&*thing.handler, &thing.id, &self.cloud.context(address)).await
    }

    /// Read as it should be: by the engine's own difference, which sees also what should not be there any more.
    pub async fn expect(&self, address: &str, properties: &Value) {
        let (live, _) = self.read(address).await.must(format!("{address} cannot be read"));
        self.assert_as_declared(address, properties, &live);
    }

    fn assert_as_declared(&self, address: &str, declared: &Value, live: &Value) {
        let thing = self.thing(address);
        let facts = schema::facts(thing.handler.type_name());
        // What is never read back is taken as applied.
        let (mut applied, mut read) = (thing.declared.clone(), Vec::new());
        for path in facts.map(schema::Facts::write_only).unwrap_or_default() {
            let ([Step::Name(name), ..], Some(applied)) = (path.steps(), applied.as_object_mut()) else { continue };
            let whole = path.steps().len() == 1;
            if thing.except.iter().any(|one| matches!(one, Except::Reported(property) if property == name)) {
                assert!(
                    declared.get(name).is_none_or(|value| live.get(name) == Some(value)),
                    "{address}: {name} {live:#}"
                );
            } else if whole && live.get(name).is_some() {
                read.push(name.as_str());
            }
            match declared.get(name) {
                Some(value) => drop(applied.insert(name.clone(), value.clone())),
                None if whole => drop(applied.remove(name)),
                None => {}
            }
        }
        assert!(read.is_empty(), "{address}: {read:?} cannot be read, says AWS's schema");
        let mut live = live.clone();
        for one in &thing.except {
            let Except::Unordered(name) = one else { continue };
            let sorted = |side: &Value| {
                let mut texts: Vec<String> =
                    side[name].as_array().into_iter().flatten().map(Value::to_string).collect();
                texts.sort();
                texts
            };
            if sorted(&live) == sorted(declared) {
                live[name] = declared[name].clone();
            }
        }
        let mut changes = diff(&Sides { declared, applied: Some(&applied), live: &live, facts });
        changes.retain(|change| {
            let default = |name: &str| matches!(&change.path[..], [Segment::Key(key)] if key == name);
            change.after.is_some()
                || !thing.except.iter().any(|one| matches!(one, Except::Default(name) if default(name)))
        });
        assert!(changes.is_empty(), "{address} is not as declared: {changes:#?}\nlive: {live:#}");
    }

    /// Reads everything as a refresh does: by type, sharing answers. Returns how many calls that took.
    pub async fn refresh_all(&self) -> (usize, u64) {
        let present = |name: &&str| self.things.iter().any(|thing| thing.handler.type_name() == *name);
        let types: Vec<(&str, Option<&str>)> =
            self.catalogue.types().filter(present).map(|name| (name, None)).collect();
        (self.things.len(), self.refresh_types(&types).await)
    }

    /// Reads all of some types in one refresh, with one id of each that is not there. Returns how many calls that took.
    pub async fn refresh(&self, types: &[(&str, &str)]) -> u64 {
        let types: Vec<(&str, Option<&str>)> = types.iter().map(|(name, absent)| (*name, Some(*absent))).collect();
        self.refresh_types(&types).await
    }

    async fn refresh_types(&self, types: &[(&str, Option<&str>)]) -> u64 {
        let cx = self.cloud.refresh("refresh");
        let before = self.cloud.calls();
        let mut together = Vec::new();
        for (type_name, absent) in types {
            let of_type = self.things.iter().filter(|thing| thing.handler.type_name() == *type_name);
            let things: Vec<&Thing> = of_type.collect();
            let ids = things.iter().map(|thing| thing.id.as_str()).chain(*absent);
            let ids: Vec<String> = ids.map(str::to_owned).collect();
            let mut lives = self.handler(type_name).read(&ids, &cx).await.must(type_name);
            assert_eq!(lives.len(), ids.len(), "{type_name}");
            if let Some(absent) = absent {
                assert_eq!(lives.pop(), Some(None), "{type_name}: {absent} is not there and was read");
            }
            together.extend(things.into_iter().zip(lives));
        }
        let calls = self.cloud.calls() - before;
        for (thing, live) in together {
            assert!(live.is_some(), "{} is not in the refresh", thing.address);
            let shared = Context { address: Address::of(&thing.address), ..cx.clone() };
            assert_eq!(read_one(&*thing.handler, &thing.id, &shared).await, live, "{}", thing.address);
            assert_eq!(self.read(&thing.address).await, live, "{}, read alone", thing.address);
        }
        calls
    }

    /// Deleted, twice, and gone.
    pub async fn end(&mut self, address: &str) {
        let thing = self.things.remove(self.at(address));
        let cx = self.cloud.context(address);
        thing.handler.delete(&thing.id, &cx).await.must(address);
        let mut looks = 0;
        while !thing.handler.gone(&thing.id, &cx).await.must(address) {
            assert!(looks < LOOKS, "{address} does not go");
            looks += 1;
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
        let live = read_one(&*thing.handler, &thing.id, &cx).await;
        assert!(live.is_none(), "{address} is still there: {live:?}");
        if !thing.except.contains(&Except::FoundBefore) && !thing.except.contains(&Except::NotFoundAgain) {
            let found = thing.handler.find(&thing.declared, &nobodys(&cx)).await.must(address);
            assert!(found.is_none(), "{address} is gone and was found: {found:?}");
        }
        thing.handler.delete(&thing.id, &cx).await.must(format!("{address}, deleted again"));
    }

    /// Deletes everything that is left, the last made first.
    pub async fn end_all(&mut self) {
        while let Some(address) = self.things.last().map(|thing| thing.address.clone()) {
            self.end(&address).await;
        }
    }

    /// One deleting call.
    ///
    /// # Errors
    /// What it says.
    pub async fn delete_once(&self, address: &str) -> Result<(), Failure> {
        let thing = self.thing(address);
        thing.handler.delete(&thing.id, &self.cloud.context(address)).await
    }

    /// Lifts AWS's own protection.
    pub async fn unprotect(&self, address: &str) {
        let thing = self.thing(address);
        thing.handler.unprotect(&thing.id, &self.cloud.context(address)).await.must(address);
    }

    /// The resources as a health check gets them.
    pub fn resources(&self) -> Vec<(Address, String, String, Value)> {
        let thing = |thing: &Thing| {
            let kind = thing.handler.type_name().to_owned();
            (Address::of(&thing.address), kind, thing.id.clone(), Value::Null)
        };
        self.things.iter().map(thing).collect()
    }

    fn at(&self, address: &str) -> usize {
        self.things.iter().position(|thing| thing.address == address).must(format!("there is no {address}"))
    }

    fn thing(&self, address: &str) -> &Thing {
        &self.things[self.at(address)]
    }
}

/// The surroundings of a search: no operation's token.
fn nobodys(cx: &Context) -> Context {
    Context { token: "".into(), ..cx.clone() }
}

async fn read_one(handler: &dyn Handler, id: &str, cx: &Context) -> Option<LiveValue> {
    handler.read(&[id.to_owned()], cx).await.must(id).into_iter().next().must(format!("no answer for {id}"))
}
