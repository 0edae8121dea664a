//! What is declared, and how a person changes it.

use engine::stack::Owned;
use engine::{Address, Catalogue, Graph, Node};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::kinds::Kind;

/// What a reference reads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reads {
    Id,
    Arn,
    Late,
}

/// A resource to be declared. Numbers choose among what there is, modulo.
#[derive(Clone, Debug)]
pub struct Spec {
    pub kind: u8,
    pub fixed: u8,
    pub uses: Vec<(u8, Reads)>,
    pub hard: Option<u8>,
    pub special: Option<u8>,
    pub after: Option<u8>,
    pub protected: bool,
    pub owned: bool,
}

/// A person's change to what is declared. The first number chooses the resource, modulo.
#[derive(Clone, Debug)]
pub enum Edit {
    Resize(u8, u8),
    /// Another create-only value: it is replaced.
    Refix(u8, u8),
    /// Another name.
    Rename(u8, u8),
    /// Another address: the old one is deleted, a new one made.
    Readdress(u8),
    Add(u8, Spec),
    Remove(u8),
    Uses(u8, Vec<(u8, Reads)>),
    Hard(u8, Option<u8>),
    Special(u8, Option<u8>),
    After(u8, Option<u8>),
    Protect(u8, bool),
    Retype(u8, u8),
    Region(u8),
}

/// A declared resource. References are by `uid`, always to one that stands before it: no cycles.
#[derive(Clone, Debug)]
pub struct Declared {
    pub uid: usize,
    pub address: String,
    pub kind: usize,
    pub size: u8,
    pub fixed: u8,
    pub name: String,
    pub uses: Vec<(usize, Reads)>,
    pub hard: Option<usize>,
    pub special: Option<usize>,
    pub after: Option<usize>,
    pub protected: bool,
    pub owned: bool,
    pub elsewhere: bool,
}

#[derive(Clone, Debug, Default)]
pub struct Model {
    pub all: Vec<Declared>,
    next: usize,
}

impl Model {
    pub fn new(specs: &[Spec]) -> Self {
        let mut model = Self::default();
        specs.iter().for_each(|spec| model.add(model.all.len(), spec));
        model
    }

    fn add(&mut self, at: usize, spec: &Spec) {
        let uid = self.next;
        self.next += 1;
        let kind = usize::from(spec.kind) % Kind::ALL.len();
        let before = |which: u8| self.before(at, which);
        let declared = Declared {
            uid,
            address: format!("m.r{uid}"),
            kind,
            size: 1,
            fixed: spec.fixed,
            name: format!("n{uid}"),
            uses: spec.uses.iter().filter_map(|(which, reads)| Some((before(*which)?, *reads))).collect(),
            hard: spec.hard.and_then(before),
            special: spec.special.and_then(before),
            after: spec.after.and_then(before),
            protected: spec.protected,
            owned: spec.owned,
            elsewhere: false,
        };
        self.all.insert(at, declared);
    }

    /// One of those that stand before a position.
    fn before(&self, at: usize, which: u8) -> Option<usize> {
        (at > 0).then(|| self.all[usize::from(which) % at].uid)
    }

    pub fn choose(&self, which: u8) -> Option<usize> {
        (!self.all.is_empty()).then(|| usize::from(which) % self.all.len())
    }

    pub fn edit(&mut self, edit: &Edit) {
        if let Edit::Add(at, spec) = edit {
            let at = usize::from(*at) % (self.all.len() + 1);
            return self.add(at, spec);
        }
        let (Edit::Resize(which, _)
        | Edit::Refix(which, _)
        | Edit::Rename(which, _)
        | Edit::Readdress(which)
        | Edit::Add(which, _)
        | Edit::Remove(which)
        | Edit::Uses(which, _)
        | Edit::Hard(which, _)
        | Edit::Special(which, _)
        | Edit::After(which, _)
        | Edit::Protect(which, _)
        | Edit::Retype(which, _)
        | Edit::Region(which)) = edit;
        let Some(at) = self.choose(*which) else { return };
        let target = |to: &Option<u8>| to.and_then(|to| self.before(at, to));
        match edit {
            Edit::Add(..) => {}
            Edit::Resize(_, size) => self.all[at].size = *size,
            Edit::Refix(_, fixed) => self.all[at].fixed = *fixed,
            Edit::Rename(_, name) => self.all[at].name = format!("n{}-{name}", self.all[at].uid),
            Edit::Readdress(_) => {
                self.all[at].address.push('x');
                self.all[at].name.push('x');
            }
            Edit::Remove(_) => self.remove(at),
            Edit::Uses(_, uses) => {
                let uses = uses.iter().filter_map(|(to, reads)| Some((self.before(at, *to)?, *reads))).collect();
                self.all[at].uses = uses;
            }
            Edit::Hard(_, to) => self.all[at].hard = target(to),
            Edit::Special(_, to) => self.all[at].special = target(to),
            Edit::After(_, to) => self.all[at].after = target(to),
            Edit::Protect(_, protected) => self.all[at].protected = *protected,
            Edit::Retype(_, kind) => self.all[at].kind = usize::from(*kind) % Kind::ALL.len(),
            Edit::Region(_) => self.all[at].elsewhere ^= true,
        }
    }

    fn remove(&mut self, at: usize) {
        let uid = self.all.remove(at).uid;
        for other in &mut self.all {
            other.uses.retain(|(to, _)| *to != uid);
            for slot in [&mut other.hard, &mut other.special, &mut other.after] {
                slot.take_if(|to| *to == uid);
            }
        }
    }

    pub fn find(&self, uid: usize) -> &Declared {
        self.all.iter().find(|declared| declared.uid == uid).expect("references are to what is declared")
    }

    /// The properties, each reference made by `value`.
    pub fn properties(&self, of: &Declared, value: &dyn Fn(&Declared, Reads) -> Value) -> Value {
        let kind = &Kind::ALL[of.kind];
        let to = |uid: usize, reads| value(self.find(uid), reads);
        let mut map = Map::new();
        map.insert("Size".to_owned(), json!(of.size));
        if let Some(name) = kind.name {
            // Ids are told apart across types and regions, so that a reference means one thing.
            let apart = match kind.named {
                true => format!("-{}{}", of.kind, if of.elsewhere { "e" } else { "" }),
                false => String::new(),
            };
            map.insert(name.to_owned(), json!(format!("{}{apart}", of.name)));
        }
        if let Some(fixed) = kind.fixed {
            map.insert(fixed.to_owned(), json!(format!("fixed/{}", of.fixed)));
        }
        if !of.uses.is_empty() {
            map.insert("Uses".to_owned(), of.uses.iter().map(|(uid, reads)| to(*uid, *reads)).collect());
        }
        if let (Some(hard), Some(uid)) = (kind.hard, of.hard) {
            map.insert(hard.to_owned(), to(uid, Reads::Id));
        }
        if let (Some(special), Some(uid)) = (kind.special, of.special) {
            map.insert(special.to_owned(), json!([to(uid, Reads::Id)]));
        }
        if of.owned {
            map.insert("Owned".to_owned(), json!("ours"));
        }
        Value::Object(map)
    }

    pub fn graph(&self, catalogue: &Catalogue) -> Graph {
        let reference = |to: &Declared, reads| match reads {
            Reads::Id => json!({ "Ref": to.address }),
            Reads::Arn => json!({ "Fn::GetAtt": [to.address, "Arn"] }),
            Reads::Late => json!({ "Fn::GetAtt": [to.address, "Late"] }),
        };
        let owned = Owned { property: "Owned".to_owned(), by: "another".to_owned() };
        let node = |declared: &Declared| Node {
            address: Address::of(&declared.address),
            type_name: Kind::ALL[declared.kind].type_name.to_owned(),
            region: if declared.elsewhere { "elsewhere" } else { "here" }.to_owned(),
            properties: self.properties(declared, &reference),
            depends_on: declared.after.iter().map(|uid| Address::of(&self.find(*uid).address)).collect(),
            owned: declared.owned.then(|| owned.clone()).into_iter().collect(),
            protected: declared.protected,
            origin: None,
        };
        Graph::build(self.all.iter().map(node).collect(), catalogue).expect("no cycles")
    }
}

fn reads() -> impl Strategy<Value = Reads> {
    prop_oneof![3 => Just(Reads::Id), 1 => Just(Reads::Arn), 1 => Just(Reads::Late)]
}

fn uses() -> impl Strategy<Value = Vec<(u8, Reads)>> {
    prop::collection::vec((any::<u8>(), reads()), 0..3)
}

fn maybe() -> impl Strategy<Value = Option<u8>> {
    prop::option::weighted(0.5, any::<u8>())
}

pub fn spec() -> impl Strategy<Value = Spec> {
    let flags = (prop::bool::weighted(0.07), prop::bool::weighted(0.1));
    let after = prop::option::weighted(0.1, any::<u8>());
    (0..Kind::ALL.len() as u8, 0..3u8, uses(), maybe(), maybe(), after, flags).prop_map(
        |(kind, fixed, uses, hard, special, after, (protected, owned))| Spec {
            kind,
            fixed,
            uses,
            hard,
            special,
            after,
            protected,
            owned,
        },
    )
}

pub fn edit() -> impl Strategy<Value = Edit> {
    let which = any::<u8>;
    prop_oneof![
        4 => (which(), 1..4u8).prop_map(|(a, b)| Edit::Resize(a, b)),
        4 => (which(), 0..3u8).prop_map(|(a, b)| Edit::Refix(a, b)),
        1 => (which(), 0..3u8).prop_map(|(a, b)| Edit::Rename(a, b)),
        1 => which().prop_map(Edit::Readdress),
        3 => (which(), spec()).prop_map(|(a, b)| Edit::Add(a, b)),
        3 => which().prop_map(Edit::Remove),
        2 => (which(), uses()).prop_map(|(a, b)| Edit::Uses(a, b)),
        2 => (which(), maybe()).prop_map(|(a, b)| Edit::Hard(a, b)),
        2 => (which(), maybe()).prop_map(|(a, b)| Edit::Special(a, b)),
        1 => (which(), maybe()).prop_map(|(a, b)| Edit::After(a, b)),
        1 => (which(), any::<bool>()).prop_map(|(a, b)| Edit::Protect(a, b)),
        1 => (which(), 0..Kind::ALL.len() as u8).prop_map(|(a, b)| Edit::Retype(a, b)),
        1 => which().prop_map(Edit::Region),
    ]
}
