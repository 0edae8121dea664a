//! What is being made, changed or deleted right now: a pure state machine over a clock that the caller reads.

use std::collections::{BTreeMap, BTreeSet};

use crate::xml::Element;

/// A resource: its kind, region and identifier.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub kind: &'static str,
    pub region: String,
    pub id: String,
}

/// What happens to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Phase {
    Creating,
    Modifying,
    Deleting,
}

#[derive(Debug)]
struct Entry {
    phase: Phase,
    began: f64,
    until: f64,
    /// Its last description, where the emulator no longer gives one.
    last: Option<Element>,
    /// What it still uses.
    holds: Vec<String>,
}

/// All resources that are not settled.
#[derive(Debug, Default)]
pub(crate) struct Lifecycles {
    entries: BTreeMap<Key, Entry>,
    /// All that were created and not deleted.
    made: BTreeSet<Key>,
}

impl Lifecycles {
    /// A resource was created and is ready after `seconds`. One that exists already, as when a client token is repeated, does not
    /// start anew.
    pub fn create(&mut self, key: Key, now: f64, seconds: f64) {
        if !self.made.insert(key.clone()) {
            return;
        }
        self.put(key, Phase::Creating, now, seconds, None, Vec::new());
    }

    /// A resource was created, and is not ready until it is released.
    pub fn stick(&mut self, key: Key, now: f64) {
        self.made.insert(key.clone());
        self.put(key, Phase::Creating, now, f64::INFINITY, None, Vec::new());
    }

    /// Whether anything sticks.
    pub fn is_stuck(&self) -> bool {
        self.entries.values().any(|entry| entry.until.is_infinite())
    }

    /// What sticks is ready at once.
    pub fn release(&mut self) {
        self.entries.retain(|_, entry| entry.until.is_finite());
    }

    /// A resource is being changed. One that is still being made stays in the making.
    pub fn modify(&mut self, key: Key, now: f64, seconds: f64) {
        if self.phase(&key, now) != Some(Phase::Creating) {
            self.put(key, Phase::Modifying, now, seconds, None, Vec::new());
        }
    }

    /// A resource is being deleted, and remains as `last` describes it until it is gone.
    pub fn delete(&mut self, key: Key, now: f64, seconds: f64, last: Option<Element>, holds: Vec<String>) {
        self.made.remove(&key);
        self.put(key, Phase::Deleting, now, seconds, last, holds);
    }

    fn put(&mut self, key: Key, phase: Phase, now: f64, seconds: f64, last: Option<Element>, holds: Vec<String>) {
        // What is settled says nothing any more; forgetting it here keeps the map as small as the present.
        self.entries.retain(|_, entry| entry.until > now);
        self.entries.insert(key, Entry { phase, began: now, until: now + seconds, last, holds });
    }

    fn live(&self, key: &Key, now: f64) -> Option<&Entry> {
        self.entries.get(key).filter(|entry| entry.until > now)
    }

    /// What happens to a resource; None if it is settled, or unknown.
    pub fn phase(&self, key: &Key, now: f64) -> Option<Phase> {
        self.live(key, now).map(|entry| entry.phase.clone())
    }

    /// How long its phase has lasted.
    pub fn age(&self, key: &Key, now: f64) -> Option<f64> {
        self.live(key, now).map(|entry| now - entry.began)
    }

    /// The last description of a resource that is being deleted, and that its emulator no longer describes.
    pub fn last(&self, key: &Key, now: f64) -> Option<&Element> {
        self.live(key, now).filter(|entry| entry.phase == Phase::Deleting)?.last.as_ref()
    }

    /// The same, of all of a kind in a region.
    pub fn leaving<'a>(
        &'a self,
        kind: &'static str,
        region: &'a str,
        now: f64,
    ) -> impl Iterator<Item = (&'a Key, &'a Element)> {
        self.entries
            .iter()
            .filter(move |(key, entry)| {
                key.kind == kind && key.region == region && entry.until > now && entry.phase == Phase::Deleting
            })
            .filter_map(|(key, entry)| Some((key, entry.last.as_ref()?)))
    }

    /// The resource that is being deleted and still uses what has this identifier.
    pub fn holder(&self, region: &str, id: &str, now: f64) -> Option<&Key> {
        self.entries
            .iter()
            .find(|(key, entry)| {
                key.region == region
                    && entry.until > now
                    && entry.phase == Phase::Deleting
                    && entry.holds.iter().any(|held| held == id)
            })
            .map(|(key, _)| key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: &str) -> Key {
        Key { kind: "AWS::RDS::DBInstance", region: "us-east-1".into(), id: id.into() }
    }

    #[test]
    fn phases_follow_the_clock() {
        let mut lifecycles = Lifecycles::default();
        lifecycles.create(key("a"), 100.0, 360.0);
        assert_eq!(lifecycles.phase(&key("a"), 100.0), Some(Phase::Creating));
        assert_eq!(lifecycles.age(&key("a"), 110.0), Some(10.0));
        assert_eq!(lifecycles.phase(&key("a"), 459.9), Some(Phase::Creating));
        assert_eq!(lifecycles.phase(&key("a"), 460.0), None);
        assert_eq!(lifecycles.phase(&key("b"), 100.0), None);
    }

    #[test]
    fn created_once_until_deleted() {
        let mut lifecycles = Lifecycles::default();
        lifecycles.create(key("a"), 0.0, 10.0);
        lifecycles.create(key("b"), 20.0, 10.0);
        lifecycles.create(key("a"), 20.0, 10.0);
        assert_eq!(lifecycles.phase(&key("a"), 20.0), None, "it is the same one");
        lifecycles.delete(key("a"), 30.0, 10.0, None, Vec::new());
        lifecycles.create(key("a"), 50.0, 10.0);
        assert_eq!(lifecycles.phase(&key("a"), 50.0), Some(Phase::Creating), "it is another of that name");
    }

    #[test]
    fn what_sticks_is_ready_when_it_is_released() {
        let mut lifecycles = Lifecycles::default();
        lifecycles.create(key("a"), 0.0, 10.0);
        assert!(!lifecycles.is_stuck());
        lifecycles.stick(key("b"), 0.0);
        assert_eq!(lifecycles.phase(&key("b"), 1e9), Some(Phase::Creating));
        assert!(lifecycles.is_stuck());
        lifecycles.release();
        assert_eq!(lifecycles.phase(&key("b"), 1.0), None);
        assert_eq!(lifecycles.phase(&key("a"), 1.0), Some(Phase::Creating), "it only takes its time");
    }

    #[test]
    fn a_change_does_not_end_the_making() {
        let mut lifecycles = Lifecycles::default();
        lifecycles.create(key("a"), 0.0, 360.0);
        lifecycles.modify(key("a"), 10.0, 60.0);
        assert_eq!(lifecycles.phase(&key("a"), 100.0), Some(Phase::Creating));
        lifecycles.modify(key("a"), 400.0, 60.0);
        assert_eq!(lifecycles.phase(&key("a"), 459.0), Some(Phase::Modifying));
        assert_eq!(lifecycles.phase(&key("a"), 460.0), None);
    }

    #[test]
    fn deleted_remains_and_holds_until_its_time_is_over() {
        let mut lifecycles = Lifecycles::default();
        let last = Element::leaf("DBInstance", "a");
        lifecycles.delete(key("a"), 0.0, 240.0, Some(last.clone()), vec!["sg-1".into()]);
        assert_eq!(lifecycles.phase(&key("a"), 239.0), Some(Phase::Deleting));
        assert_eq!(lifecycles.last(&key("a"), 239.0), Some(&last));
        assert_eq!(lifecycles.leaving("AWS::RDS::DBInstance", "us-east-1", 239.0).count(), 1);
        assert_eq!(lifecycles.leaving("AWS::RDS::DBInstance", "eu-west-1", 239.0).count(), 0);
        assert_eq!(lifecycles.holder("us-east-1", "sg-1", 239.0).map(|key| key.id.as_str()), Some("a"));
        assert!(lifecycles.holder("us-east-1", "sg-2", 239.0).is_none());
        assert!(lifecycles.last(&key("a"), 240.0).is_none());
        assert!(lifecycles.holder("us-east-1", "sg-1", 240.0).is_none());
    }
}
