//! Faults under a name: the classes that the reliability figures are given for.

use super::document::{Fault, Faults, Rule};

/// The names that [`preset`] knows.
pub const PRESETS: &[&str] = &["throttling", "errors", "resets", "slow", "late", "role", "never-ready", "all"];

const fn rule(rate: f64, fault: Fault) -> Rule {
    Rule { service: None, operation: None, resource: None, rate, times: None, fault }
}

/// The faults of this name. None if there is no such name.
///
/// | name | what goes wrong |
/// |---|---|
/// | `throttling` | 30 % of calls are throttled |
/// | `errors` | 10 % of calls answer with status 500 |
/// | `resets` | 5 % of calls end without an answer before they are carried out, 5 % after |
/// | `slow` | 20 % of answers come 1.5 s late, 2 % 5 s late |
/// | `late` | half of what is created is not seen by reads for 2 s |
/// | `role` | no role can be assumed in its first 3 s |
/// | `never-ready` | the first thing made that takes time is never ready |
/// | `all` | some of everything but `never-ready`, at half the rates |
#[must_use]
pub fn preset(name: &str, seed: u64) -> Option<Faults> {
    let late = |rate| rule(rate, Fault::Late { ms: 2_000 });
    let role = rule(1.0, Fault::RoleNotAssumable { ms: 3_000 });
    let rules = match name {
        "throttling" => vec![rule(0.30, Fault::Throttle)],
        "errors" => vec![rule(0.10, Fault::InternalError)],
        "resets" => vec![rule(0.05, Fault::ResetBefore), rule(0.05, Fault::ResetAfter)],
        "slow" => vec![rule(0.02, Fault::Slow { ms: 5_000 }), rule(0.20, Fault::Slow { ms: 1_500 })],
        "late" => vec![late(0.5)],
        "role" => vec![role],
        "never-ready" => vec![Rule { times: Some(1), ..rule(1.0, Fault::NeverReady) }],
        "all" => vec![
            rule(0.15, Fault::Throttle),
            rule(0.05, Fault::InternalError),
            rule(0.025, Fault::ResetBefore),
            rule(0.025, Fault::ResetAfter),
            rule(0.10, Fault::Slow { ms: 1_500 }),
            role,
            late(0.25),
        ],
        _ => return None,
    };
    Some(Faults { seed, rules })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_a_valid_document() {
        for name in PRESETS {
            let faults = preset(name, 5).unwrap();
            assert_eq!((faults.seed, faults.rules.is_empty()), (5, false), "{name}");
            assert_eq!(Faults::parse(&serde_json::to_vec(&faults).unwrap()).unwrap(), faults, "{name}");
        }
        assert_eq!(preset("nothing", 1), None);
    }
}
