//! The operations of a plan, and which waits for which.

use std::collections::HashMap;

use super::{Action, Plan, Verb};
use crate::graph::Needs;
use crate::state::Work;
use crate::{Address, Catalogue, Graph};

/// One operation: a replacement has two.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    /// The index of its action in the plan.
    pub action: usize,
    /// What it does.
    pub work: Work,
    /// How long it is expected to take, in seconds.
    pub expected: f64,
    /// Who waits for it: the operation, and for what.
    pub then: Vec<(usize, Needs)>,
    /// How many it waits for.
    pub waits: usize,
    /// The longest way from its start to the end of all, in expected seconds.
    pub remaining: f64,
}

/// All operations of a plan.
#[derive(Debug)]
pub struct Operations {
    /// The operations.
    pub all: Vec<Operation>,
}

/// How long a creating call itself takes: what waits for an identity waits this long.
const CALL: f64 = 0.5;

impl Operations {
    /// The operations of a plan.
    pub fn of(plan: &Plan, catalogue: &Catalogue) -> Self {
        let mut build = Build::default();
        for (index, action) in plan.actions.iter().enumerate() {
            build.add(index, action);
        }
        build.creations(plan, catalogue);
        build.deletions(plan);
        let mut operations = Self { all: build.all };
        operations.measure();
        operations
    }

    /// The longest path in expected seconds.
    pub fn longest_path(&self) -> f64 {
        self.all.iter().map(|operation| operation.remaining).fold(0.0, f64::max)
    }

    fn measure(&mut self) {
        let mut waits: Vec<usize> = self.all.iter().map(|operation| operation.waits).collect();
        let mut order: Vec<usize> = (0..self.all.len()).filter(|&i| waits[i] == 0).collect();
        let mut next = 0;
        while let Some(&at) = order.get(next) {
            next += 1;
            for &(to, _) in &self.all[at].then {
                waits[to] -= 1;
                if waits[to] == 0 {
                    order.push(to);
                }
            }
        }
        for &at in order.iter().rev() {
            let own = self.all[at].expected;
            let beyond = self.all[at].then.iter().map(|&(to, needs)| {
                let reached = if needs == Needs::Identity { own.min(CALL) } else { own };
                reached + self.all[to].remaining
            });
            self.all[at].remaining = beyond.fold(own, f64::max);
        }
    }
}

#[derive(Default)]
struct Build {
    all: Vec<Operation>,
    /// The creating or updating operation of an address.
    forward: HashMap<Address, usize>,
    /// The deleting operations of an address: the current one's, and those of deposed ones.
    backward: HashMap<Address, Vec<usize>>,
}

impl Build {
    fn push(&mut self, action: usize, work: Work, expected: f64) -> usize {
        self.all.push(Operation { action, work, expected, then: Vec::new(), waits: 0, remaining: 0.0 });
        self.all.len() - 1
    }

    fn edge(&mut self, from: usize, to: usize, needs: Needs) {
        self.all[from].then.push((to, needs));
        self.all[to].waits += 1;
    }

    fn add(&mut self, index: usize, action: &Action) {
        let expected = action.expected_seconds;
        let address = || action.address.clone();
        match action.verb {
            Verb::NoOp => {}
            Verb::Create | Verb::Update => {
                let work = if action.verb == Verb::Create { Work::Create } else { Work::Update };
                let operation = self.push(index, work, expected);
                self.forward.insert(address(), operation);
            }
            Verb::Delete => {
                let operation = self.push(index, Work::Delete, expected);
                self.backward.entry(address()).or_default().push(operation);
            }
            Verb::Replace => {
                let make = self.push(index, Work::Create, expected - action.deletion_seconds);
                let delete = self.push(index, Work::Delete, action.deletion_seconds);
                self.forward.insert(address(), make);
                self.backward.entry(address()).or_default().push(delete);
                match action.delete_first {
                    true => self.edge(delete, make, Needs::Ready),
                    false => self.edge(make, delete, Needs::Ready),
                }
            }
        }
    }

    /// What is made or changed waits for what it needs, as far as that is made or changed too.
    fn creations(&mut self, plan: &Plan, catalogue: &Catalogue) {
        let nodes = plan.actions.iter().filter_map(|action| action.node.clone()).collect();
        let Ok(graph) = Graph::build(nodes, catalogue) else { return };
        for (index, node) in graph.nodes.iter().enumerate() {
            let Some(&operation) = self.forward.get(&node.address) else { continue };
            for edge in &graph.edges[index] {
                let Some(&needed) = self.forward.get(&graph.nodes[edge.to].address) else { continue };
                // What is only updated has its identity already.
                if self.all[needed].work == Work::Create || edge.needs == Needs::Ready {
                    self.edge(needed, operation, edge.needs);
                }
            }
        }
    }

    /// What is deleted waits until nothing of the state needs it any more.
    fn deletions(&mut self, plan: &Plan) {
        for (index, action) in plan.actions.iter().enumerate() {
            let made = action.makes_room_for.as_ref().and_then(|address| self.forward.get(address));
            let deletion = self.backward.get(&action.address).into_iter().flatten();
            let deletion = deletion.copied().find(|&operation| self.all[operation].action == index);
            if let (Some(&made), Some(deletion)) = (made, deletion) {
                self.edge(deletion, made, Needs::Ready);
            }
        }
        // What ends first; then what is changed in place, which must let go but may also wait for what takes the place.
        for dependent in plan.actions.iter().filter(|action| matches!(action.verb, Verb::Delete | Verb::Replace)) {
            let before = self.backward.get(&dependent.address).cloned().unwrap_or_default();
            for deletion in self.deletions_needed_by(dependent) {
                for &first in before.iter().filter(|&&first| first != deletion) {
                    self.edge(first, deletion, Needs::Ready);
                }
            }
        }
        let first = plan.actions.iter().any(|action| action.delete_first || action.makes_room_for.is_some());
        for dependent in plan.actions.iter().filter(|action| action.verb == Verb::Update) {
            let Some(&update) = self.forward.get(&dependent.address) else { continue };
            for deletion in self.deletions_needed_by(dependent) {
                if !(first && self.leads(deletion, update)) {
                    self.edge(update, deletion, Needs::Ready);
                }
            }
        }
    }

    /// The deletions of what an action's resource needed.
    fn deletions_needed_by(&self, action: &Action) -> Vec<usize> {
        let needed = action.entry.iter().flat_map(|entry| &entry.dependencies);
        needed.filter_map(|needed| self.backward.get(needed)).flatten().copied().collect()
    }

    /// Whether an operation must wait for another, if only by way of others.
    fn leads(&self, from: usize, to: usize) -> bool {
        let (mut seen, mut next) = (vec![false; self.all.len()], vec![from]);
        while let Some(at) = next.pop() {
            if at == to {
                return true;
            }
            if !std::mem::replace(&mut seen[at], true) {
                next.extend(self.all[at].then.iter().map(|&(to, _)| to));
            }
        }
        false
    }
}
