//! A scenario: what is declared at first, and what happens then.

use std::fmt;

use engine::FailureKind;
use engine::apply::{Interrupt, OnFailure};
use proptest::prelude::*;

use crate::fate::{Crash, Fault, How, Stopped};
use crate::model::{Edit, Spec, edit, spec};

/// One run, and what befalls it.
#[derive(Clone)]
pub struct Run {
    pub on_failure: OnFailure,
    pub lift: bool,
    pub at_once: u8,
    pub faults: Vec<Fault>,
    pub stopped: Option<Stopped>,
    pub crash: Option<Crash>,
    /// How many times the things made by this run say that they are not ready.
    pub slow: Vec<u8>,
    /// Declared resources by number, modulo.
    pub targets: Vec<u8>,
    pub excludes: Vec<u8>,
    pub replace: Vec<u8>,
}

impl Run {
    /// A run that nothing befalls.
    pub fn clean() -> Self {
        Self {
            on_failure: OnFailure::Stop,
            lift: true,
            at_once: 64,
            faults: vec![],
            stopped: None,
            crash: None,
            slow: vec![],
            targets: vec![],
            excludes: vec![],
            replace: vec![],
        }
    }
}

/// A change in the cloud that nobody told us of.
#[derive(Clone, Copy, Debug)]
pub enum Drift {
    /// Its size is another.
    Resized(u8),
    /// What another owns by right is another.
    Owned,
    /// It is gone.
    Gone,
}

#[derive(Clone, Debug)]
pub enum Step {
    Edit(Edit),
    Drift(u8, Drift),
    Run(Run),
}

#[derive(Clone)]
pub struct Scenario {
    pub declared: Vec<Spec>,
    pub steps: Vec<Step>,
    /// Whether the state is in files.
    pub files: bool,
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "on failure {:?}", self.on_failure)?;
        if self.lift {
            write!(f, ", protection lifted")?;
        }
        if self.at_once < 64 {
            write!(f, ", {} at once", self.at_once)?;
        }
        for (what, list) in
            [("slow", &self.slow), ("target", &self.targets), ("exclude", &self.excludes), ("replace", &self.replace)]
        {
            if !list.is_empty() {
                write!(f, ", {what} {list:?}")?;
            }
        }
        for fault in &self.faults {
            write!(f, ", {fault:?}")?;
        }
        if let Some(stopped) = &self.stopped {
            write!(f, ", interrupted: {stopped:?}")?;
        }
        if let Some(crash) = &self.crash {
            write!(f, ", dies {crash:?}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "declared at first{}:", if self.files { " (state in files)" } else { "" })?;
        for (at, spec) in self.declared.iter().enumerate() {
            writeln!(f, "  r{at}: {spec:?}")?;
        }
        writeln!(f, "then:")?;
        for (at, step) in self.steps.iter().enumerate() {
            writeln!(f, "  {}. {step:?}", at + 1)?;
        }
        Ok(())
    }
}

fn how() -> impl Strategy<Value = How> {
    let refused = |kind| Just(How::Refused(kind));
    prop_oneof![
        3 => refused(FailureKind::Denied),
        3 => refused(FailureKind::Invalid),
        2 => refused(FailureKind::Other),
        2 => refused(FailureKind::AlreadyExists),
        1 => refused(FailureKind::NotFound),
        1 => refused(FailureKind::InUse),
        1 => refused(FailureKind::NotYet),
        1 => refused(FailureKind::Throttled),
        1 => refused(FailureKind::Unavailable),
        3 => Just(How::AnswerLost),
        3 => Just(How::NeverReady),
    ]
}

fn run() -> impl Strategy<Value = Run> {
    let policy = prop_oneof![Just(OnFailure::Stop), Just(OnFailure::Continue), Just(OnFailure::Undo)];
    let fault = (0..80u8, how()).prop_map(|(at, how)| Fault { at, how });
    let faults = prop_oneof![3 => Just(vec![]), 2 => prop::collection::vec(fault, 1..4)];
    let interrupt = prop_oneof![Just(Interrupt::Finish), Just(Interrupt::Now)];
    let stopped = (1..120u8, interrupt).prop_map(|(point, how)| Stopped { point, how });
    let torn = prop::option::weighted(0.5, any::<u8>());
    let crash = (1..160u8, torn).prop_map(|(point, torn)| Crash { point, torn });
    let some = || prop_oneof![9 => Just(vec![]), 1 => prop::collection::vec(any::<u8>(), 1..3)];
    let slow = prop_oneof![9 => Just(vec![]), 1 => prop::collection::vec(0..3u8, 1..4)];
    let at_once = prop_oneof![3 => Just(64u8), 1 => 1..4u8];
    (
        (policy, any::<bool>(), at_once, faults),
        prop::option::weighted(0.15, stopped),
        prop::option::weighted(0.3, crash),
        slow,
        (some(), some(), some()),
    )
        .prop_map(|((on_failure, lift, at_once, faults), stopped, crash, slow, (targets, excludes, replace))| {
            Run { on_failure, lift, at_once, faults, stopped, crash, slow, targets, excludes, replace }
        })
}

fn drift() -> impl Strategy<Value = Drift> {
    prop_oneof![
        2 => (5..8u8).prop_map(Drift::Resized),
        1 => Just(Drift::Owned),
        2 => Just(Drift::Gone),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => edit().prop_map(Step::Edit),
        1 => (any::<u8>(), drift()).prop_map(|(which, drift)| Step::Drift(which, drift)),
        4 => run().prop_map(Step::Run),
    ]
}

pub fn scenario(files: bool) -> impl Strategy<Value = Scenario> {
    let size = prop_oneof![3 => 1..8usize, 1 => 8..26usize];
    let declared = size.prop_flat_map(|size| prop::collection::vec(spec(), 1..=size));
    let steps = prop::collection::vec(step(), 1..14);
    (declared, steps).prop_map(move |(declared, steps)| Scenario { declared, steps, files })
}
