//! What was made: the state of an environment, and the records that change it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Address, Attributes, Created};

/// A resource that was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Its address.
    pub address: Address,
    /// Its CloudFormation type.
    #[serde(rename = "type")]
    pub type_name: String,
    /// The region it lives in.
    pub region: String,
    /// Its physical id: what `Ref` returns.
    pub id: String,
    /// The properties last applied, references resolved. Secrets stand as dynamic references.
    pub properties: Value,
    /// Its attributes as last read.
    #[serde(default)]
    pub attributes: Attributes,
    /// What it needs: deleted after it.
    #[serde(default)]
    pub dependencies: Vec<Address>,
    /// Whether destroying it needs consent of its own.
    #[serde(default)]
    pub protected: bool,
    /// The operation that made it.
    pub token: String,
    /// Whether the last operation on it has not been seen to its end.
    #[serde(default)]
    pub incomplete: bool,
    /// Whether it was never seen ready since it was made.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fresh: bool,
    /// Why it will never be ready, if it was made and that was found out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

/// What an operation does to a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Work {
    /// Makes it.
    Create,
    /// Changes it in place.
    Update,
    /// Deletes it.
    Delete,
}

impl Work {
    /// The verb.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// An operation that was begun: written before its first call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Intent {
    /// The operation's token.
    pub token: String,
    /// What it does.
    pub work: Work,
    /// The resource as it shall be (create, update), or was (delete). A create has no id yet.
    pub entry: Entry,
}

/// One line of the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "kebab-case")]
pub enum Record {
    /// A run began.
    Began {
        /// When, as RFC 3339.
        time: String,
        /// The command.
        command: String,
        /// The cloud: an account, or an instance of the local cloud.
        cloud: String,
    },
    /// An operation is about to make its first call.
    Intent(Box<Intent>),
    /// The creating call returned.
    Made {
        /// The operation.
        token: String,
        /// What it brought.
        created: Created,
    },
    /// An operation was seen to its end.
    Done {
        /// The operation.
        token: String,
        /// The attributes at its end; `None`: as they were.
        attributes: Option<Attributes>,
        /// How long it took.
        seconds: f64,
    },
    /// An operation failed.
    Failed {
        /// The operation.
        token: String,
        /// Why, in words.
        why: String,
        /// Whether nothing was made, so that there is nothing to look for.
        without_effect: bool,
        /// Whether what was made will never be ready.
        broken: bool,
    },
    /// A resource made elsewhere, or found again, is ours now.
    Adopted(Box<Entry>),
    /// A resource is not ours any more, or gone; it is not deleted.
    Forgot {
        /// Its address.
        address: Address,
        /// Its id.
        id: String,
    },
    /// A resource has another address now.
    Moved {
        /// The address it had.
        from: Address,
        /// The address it has.
        to: Address,
    },
    /// The environment's outputs.
    Outputs(BTreeMap<String, Value>),
    /// What damaged records told of was looked for everywhere, and what was found is in the records before this one.
    Mended,
}

impl Record {
    /// What it tells of, in a word.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Began { .. } => "began",
            Self::Intent(_) => "intent",
            Self::Made { .. } => "made",
            Self::Done { .. } => "done",
            Self::Failed { .. } => "failed",
            Self::Adopted(_) => "adopted",
            Self::Forgot { .. } => "forgot",
            Self::Moved { .. } => "moved",
            Self::Outputs(_) => "outputs",
            Self::Mended => "mended",
        }
    }
}

/// All that is known of an environment's resources on one cloud.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Counts the records that made it: a plan made from another serial is out of date.
    pub serial: u64,
    /// Which cloud it is of: an AWS account, or an instance of the local cloud.
    pub cloud: String,
    /// The resources by address.
    pub entries: BTreeMap<Address, Entry>,
    /// Replaced resources that are still to be deleted.
    pub deposed: Vec<Entry>,
    /// Operations begun and not seen to their end, by token.
    pub pending: BTreeMap<String, Intent>,
    /// The environment's outputs.
    pub outputs: BTreeMap<String, Value>,
    /// Learned durations in seconds, by `type/work`.
    pub durations: BTreeMap<String, f64>,
    /// Where the state was moved to, or is being moved: nobody goes on from here, as with an old environment file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved_to: Option<String>,
    /// Which records were damaged, until what they told of was looked for ([`Record::Mended`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub damaged: Option<String>,
}

/// How much of a new duration goes into a learned one.
const LEARNING: f64 = 0.3;

impl State {
    /// Whether nothing is there and nothing was begun.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.deposed.is_empty() && self.pending.is_empty()
    }

    /// Notes that records are missing. Snapshots keep the note when the damaged records are long gone.
    pub fn lacks(&mut self, damaged: &[String]) {
        let known = self.damaged.take().into_iter();
        let all: Vec<String> = known.chain(damaged.iter().cloned()).collect();
        self.damaged = (!all.is_empty()).then(|| all.join("; "));
    }

    /// Takes up one record.
    pub fn apply(&mut self, record: &Record) {
        self.serial += 1;
        match record {
            Record::Began { cloud, .. } => self.cloud.clone_from(cloud),
            Record::Intent(intent) => self.intend(intent),
            Record::Made { token, created } => self.made(token, created),
            Record::Done { token, attributes, seconds } => self.done(token, attributes.as_ref(), *seconds),
            Record::Failed { token, why, without_effect, broken } => {
                self.failed(token, why, *without_effect, *broken);
            }
            Record::Adopted(entry) => {
                self.pending.remove(&entry.token);
                self.put((**entry).clone());
            }
            Record::Forgot { address, id } => {
                if self.entries.get(address).is_some_and(|entry| entry.id == *id) {
                    self.entries.remove(address);
                }
                self.deposed.retain(|entry| entry.address != *address || entry.id != *id);
            }
            Record::Moved { from, to } => self.moved(from, to),
            Record::Outputs(outputs) => self.outputs.clone_from(outputs),
            Record::Mended => self.damaged = None,
        }
    }

    fn moved(&mut self, from: &Address, to: &Address) {
        let made = self.entries.remove(from).map(|mut entry| {
            entry.address = to.clone();
            let token = entry.token.clone();
            self.entries.insert(to.clone(), entry);
            token
        });
        // What has yet to be looked for is found by the address that its tags have.
        let begun = self.pending.values_mut().map(|intent| &mut intent.entry);
        let begun = begun.map(|entry| (!entry.id.is_empty() || made.as_ref() == Some(&entry.token), entry));
        let there = self.entries.values_mut().chain(&mut self.deposed).map(|entry| (true, entry));
        for (is_made, entry) in there.chain(begun) {
            if is_made && entry.address == *from {
                entry.address = to.clone();
            }
            entry.dependencies.iter_mut().filter(|need| *need == from).for_each(|need| *need = to.clone());
        }
    }

    fn intend(&mut self, intent: &Intent) {
        if intent.work == Work::Update
            && let Some(entry) = self.entries.get_mut(&intent.entry.address)
        {
            entry.incomplete = true;
            // Until its end is seen nobody knows whether it refers to the old ones or the new ones: both outlive it.
            entry.dependencies.extend(intent.entry.dependencies.iter().cloned());
            entry.dependencies.sort();
            entry.dependencies.dedup();
        }
        self.pending.insert(intent.token.clone(), intent.clone());
    }

    fn made(&mut self, token: &str, created: &Created) {
        let Some(intent) = self.pending.get(token) else { return };
        let mut entry = intent.entry.clone();
        entry.id.clone_from(&created.id);
        entry.attributes.clone_from(&created.attributes);
        entry.incomplete = true;
        entry.fresh = true;
        self.put(entry);
    }

    /// Puts an entry at its address; another resource there becomes one to be deleted. What was to be deleted, and is
    /// put somewhere again, is kept.
    fn put(&mut self, entry: Entry) {
        let is_it = |old: &Entry| old.type_name == entry.type_name && old.region == entry.region && old.id == entry.id;
        self.deposed.retain(|old| !is_it(old));
        let id = entry.id.clone();
        if let Some(old) = self.entries.insert(entry.address.clone(), entry)
            && old.id != id
        {
            self.deposed.push(old);
        }
    }

    fn done(&mut self, token: &str, attributes: Option<&Attributes>, seconds: f64) {
        let Some(intent) = self.pending.remove(token) else { return };
        let address = &intent.entry.address;
        if intent.work == Work::Create && self.entries.get(address).is_none_or(|entry| entry.token != token) {
            // The line with its identity is damaged: it was made, and must be looked for.
            self.pending.insert(token.to_owned(), intent);
            return;
        }
        match intent.work {
            Work::Delete => {
                let same = |entry: &Entry| entry.address == *address && entry.id == intent.entry.id;
                match self.deposed.iter().position(same) {
                    Some(at) => drop(self.deposed.remove(at)),
                    None if self.entries.get(address).is_some_and(same) => drop(self.entries.remove(address)),
                    None => {}
                }
            }
            Work::Create | Work::Update => {
                if let Some(entry) = self.entries.get_mut(address) {
                    if intent.work == Work::Update {
                        let (id, token) = (entry.id.clone(), entry.token.clone());
                        let was = std::mem::take(&mut entry.attributes);
                        *entry = Entry { id, token, attributes: was, ..intent.entry.clone() };
                    }
                    if let Some(attributes) = attributes {
                        entry.attributes.clone_from(attributes);
                    }
                    entry.incomplete = false;
                    entry.fresh = false;
                    entry.failed = None;
                }
            }
        }
        self.learn(&intent.entry.type_name, intent.work, seconds);
    }

    fn failed(&mut self, token: &str, why: &str, without_effect: bool, broken: bool) {
        let Some(intent) = self.pending.get(token) else { return };
        let address = intent.entry.address.clone();
        let made = self.entries.get(&address).is_some_and(|entry| entry.token == token);
        if broken && let Some(entry) = self.entries.get_mut(&address) {
            entry.failed = Some(why.to_owned());
        }
        // A create of which nobody knows whether it took effect stays, to be looked for.
        if intent.work != Work::Create || made || without_effect {
            self.pending.remove(token);
        }
    }

    fn learn(&mut self, type_name: &str, work: Work, seconds: f64) {
        let learned = self.durations.entry(duration_key(type_name, work)).or_insert(seconds);
        *learned += (seconds - *learned) * LEARNING;
    }

    /// The learned duration of a kind of work, in seconds.
    pub fn learned(&self, type_name: &str, work: Work) -> Option<f64> {
        self.durations.get(&duration_key(type_name, work)).copied()
    }
}

fn duration_key(type_name: &str, work: Work) -> String {
    format!("{type_name}/{}", work.as_str())
}

#[cfg(test)]
pub(crate) mod tests;
