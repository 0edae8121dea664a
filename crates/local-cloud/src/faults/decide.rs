//! Which call goes wrong: a decision from the seed, the operation and how manyth such call it is. Neither clock nor chance takes part, so
//! a run that makes the same calls meets the same faults, in whatever order calls of different operations come.

use std::collections::HashMap;

use super::document::{Count, Fault, Faults, Report, Rule};

/// The document in force, and what was decided under it.
#[derive(Debug, Default)]
pub(super) struct Decisions {
    faults: Faults,
    counts: Vec<Count>,
    /// How many calls of each service and operation there were.
    calls: HashMap<(String, String), u64>,
}

/// What of a call a rule looks at.
pub(super) struct Subject<'a> {
    pub service: &'a str,
    pub operation: &'a str,
    /// All that the call's resource may be called.
    pub names: &'a [String],
}

/// A fault that strikes a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Strike {
    pub fault: Fault,
    /// For what is left open by the fault: as good as random, and the same again in the same run.
    pub dice: u64,
}

impl Decisions {
    /// Under another document, all counts begin anew.
    pub fn new(faults: Faults) -> Self {
        let counts = vec![Count::default(); faults.rules.len()];
        Self { faults, counts, calls: HashMap::new() }
    }

    /// Whether there is anything to decide.
    pub fn is_empty(&self) -> bool {
        self.faults.rules.is_empty()
    }

    /// Decides on one call. `possible` says whether a fault can happen to it at all: only what is created can be created late.
    pub fn decide(&mut self, call: &Subject<'_>, possible: impl Fn(Fault) -> bool) -> Option<Strike> {
        let key = (call.service.to_owned(), call.operation.to_owned());
        let nth = self.calls.entry(key).or_default();
        *nth += 1;
        for (index, rule) in self.faults.rules.iter().enumerate() {
            if !matches(rule, call) || !possible(rule.fault) {
                continue;
            }
            let Some(count) = self.counts.get_mut(index) else { continue };
            count.tried += 1;
            if rule.times.is_some_and(|times| count.injected >= times) {
                continue;
            }
            let dice = dice(self.faults.seed, index, call, *nth);
            if share(dice) < rule.rate {
                count.injected += 1;
                return Some(Strike { fault: rule.fault, dice });
            }
        }
        None
    }

    /// What is set, and what came of it.
    pub fn report(&self) -> Report {
        Report { faults: self.faults.clone(), counts: self.counts.clone() }
    }
}

fn matches(rule: &Rule, call: &Subject<'_>) -> bool {
    rule.service.as_deref().is_none_or(|service| service == call.service)
        && rule.operation.as_deref().is_none_or(|pattern| fits(pattern, call.operation))
        && rule.resource.as_deref().is_none_or(|pattern| call.names.iter().any(|name| fits(pattern, name)))
}

/// Whether a text is the pattern, or begins as a pattern with a star at its end.
pub(super) fn fits(pattern: &str, text: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => text.starts_with(beginning),
        None => text == pattern,
    }
}

fn dice(seed: u64, rule: usize, call: &Subject<'_>, nth: u64) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_be_bytes());
    hasher.update(&rule.to_be_bytes());
    hasher.update(call.service.as_bytes());
    hasher.update(b"\0");
    hasher.update(call.operation.as_bytes());
    hasher.update(b"\0");
    hasher.update(&nth.to_be_bytes());
    let mut first = [0_u8; 8];
    first.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    u64::from_be_bytes(first)
}

/// As a number from 0 to below 1.
fn share(dice: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "53 bits are what a float holds")]
    let share = (dice >> 11) as f64 / (1_u64 << 53) as f64;
    share
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(rate: f64, fault: Fault) -> Rule {
        Rule { service: None, operation: None, resource: None, rate, times: None, fault }
    }

    fn run(faults: &Faults, calls: &[(&str, &str)]) -> Vec<Option<Fault>> {
        let mut decisions = Decisions::new(faults.clone());
        let decide = |(service, operation): &(&str, &str)| {
            let strike = decisions.decide(&Subject { service, operation, names: &[] }, |_| true);
            strike.map(|strike| strike.fault)
        };
        calls.iter().map(decide).collect()
    }

    #[test]
    fn a_run_repeats_whatever_else_is_called_in_between() {
        let faults = Faults { seed: 3, rules: vec![rule(0.3, Fault::Throttle), rule(0.1, Fault::ResetAfter)] };
        let alone = run(&faults, &[("ec2", "CreateVpc"); 200]);
        let mixed: Vec<_> =
            (0..400).map(|n| if n % 2 == 0 { ("ec2", "CreateVpc") } else { ("iam", "GetRole") }).collect();
        let mixed = run(&faults, &mixed);
        assert_eq!(alone, mixed.iter().copied().step_by(2).collect::<Vec<_>>());
        assert_ne!(alone, run(&Faults { seed: 4, ..faults }, &[("ec2", "CreateVpc"); 200]));
    }

    #[test]
    fn rates_are_kept() {
        let faults = Faults { seed: 1, rules: vec![rule(0.3, Fault::Throttle), rule(0.1, Fault::ResetAfter)] };
        let outcome = run(&faults, &[("s3", "PutObject"); 10_000]);
        let count = |wanted| outcome.iter().filter(|fault| **fault == Some(wanted)).count();
        assert!((2_850..3_150).contains(&count(Fault::Throttle)), "{}", count(Fault::Throttle));
        // Of what the first rule leaves.
        assert!((610..790).contains(&count(Fault::ResetAfter)), "{}", count(Fault::ResetAfter));
        assert!(
            run(&Faults { seed: 1, rules: vec![rule(0.0, Fault::Throttle)] }, &[("s3", "PutObject"); 1_000])
                .iter()
                .all(Option::is_none)
        );
        assert!(
            run(&Faults { seed: 1, rules: vec![rule(1.0, Fault::Throttle)] }, &[("s3", "PutObject"); 1_000])
                .iter()
                .all(Option::is_some)
        );
    }

    #[test]
    fn rules_choose_their_calls_and_stop_after_their_times() {
        let only = Rule {
            service: Some("rds".into()),
            operation: Some("Create*".into()),
            resource: Some("AWS::RDS::*".into()),
            times: Some(2),
            ..rule(1.0, Fault::NeverReady)
        };
        let mut decisions = Decisions::new(Faults { seed: 0, rules: vec![only] });
        let mut decide = |service: &str, operation: &str, name: &str, possible: bool| {
            let names = [name.to_owned()];
            decisions.decide(&Subject { service, operation, names: &names }, |_| possible).is_some()
        };
        let instance = "AWS::RDS::DBInstance";
        assert!(!decide("ec2", "CreateDBInstance", instance, true), "another service");
        assert!(!decide("rds", "DescribeDBInstances", instance, true), "another operation");
        assert!(!decide("rds", "CreateDBInstance", "main", true), "another resource");
        assert!(!decide("rds", "CreateDBInstance", instance, false), "it cannot happen");
        assert!(decide("rds", "CreateDBInstance", instance, true));
        assert!(decide("rds", "CreateDBCluster", "AWS::RDS::DBCluster", true));
        assert!(!decide("rds", "CreateDBInstance", instance, true), "it was twice");
        assert_eq!(decisions.report().counts, [Count { tried: 3, injected: 2 }]);
    }
}
