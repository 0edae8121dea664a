//! Rules made of rules: all, any, one, none, and if-then-else.

use serde_json::Value;

use super::object::given;
use super::words::all_of;
use super::{Violation, Walk};
use crate::intrinsic::{contains_intrinsic, may_vanish};
use crate::property::Property;

impl<'f> Walk<'f> {
    pub(super) fn branches(&mut self, node: &'f Property, value: &Value) {
        for part in &node.all_of {
            self.node(part, value);
        }
        if !node.any_of.is_empty() {
            self.at_least_one("anyOf", &node.any_of, value);
        }
        if !node.one_of.is_empty() {
            self.exactly_one(&node.one_of, value);
        }
        // Whether these hold can only be said of values that are known.
        if let Some(never) = &node.never
            && !contains_intrinsic(value, 0)
            && self.trial(never, value).is_empty()
        {
            let shown = self.show(value);
            self.report("not", format!("{shown} is reserved by AWS"));
        }
        if let Some(condition) = &node.condition
            && !self.touches_unknown(condition, value)
        {
            let holds = self.trial(condition, value).is_empty();
            if let Some(then) = if holds { &node.then } else { &node.otherwise } {
                self.node(then, value);
            }
        }
    }

    fn exactly_one(&mut self, branches: &'f [Property], value: &Value) {
        let holding: Vec<&Property> = branches.iter().filter(|branch| self.trial(branch, value).is_empty()).collect();
        match holding.as_slice() {
            [] => self.at_least_one("oneOf", branches, value),
            [_] => {}
            // A member that may vanish may leave one branch only.
            _ if value.as_object().is_some_and(|members| members.values().any(may_vanish)) => {}
            _ => {
                let names: Vec<&str> = holding.iter().flat_map(|branch| &branch.required).map(String::as_str).collect();
                let message = match names.as_slice() {
                    [] => format!("{} has more than one of the forms of which one is needed", self.show(value)),
                    _ => format!("only one of {} may be given", super::words::any_of(names)),
                };
                self.report("oneOf", message);
            }
        }
    }

    fn at_least_one(&mut self, rule: &'static str, branches: &'f [Property], value: &Value) {
        let mut trials: Vec<Vec<Violation>> = branches.iter().map(|branch| self.trial(branch, value)).collect();
        if trials.iter().any(Vec::is_empty) {
            return;
        }
        if let (true, Value::Object(members)) = (branches.iter().all(only_requires), value) {
            let ways: Vec<String> = branches
                .iter()
                .filter(|branch| branch.required.iter().any(|name| !given(members, name)))
                .map(|branch| all_of(branch.required.iter().map(String::as_str)))
                .collect();
            return self.report(rule, format!("one of these is required: {}", ways.join("; ")));
        }
        // The branch that was most likely meant: of the right kind, and with the least wrong.
        let here = self.path.len();
        trials.sort_by_key(|found| {
            let wrong_kind = found.iter().any(|violation| violation.rule == "type" && violation.path.len() == here);
            (wrong_kind, found.len())
        });
        self.found.extend(trials.into_iter().next().unwrap_or_default());
    }

    /// Whether what the condition looks at is known only later.
    fn touches_unknown(&self, condition: &Property, value: &Value) -> bool {
        let names = condition.properties.keys().chain(&condition.required);
        match value {
            Value::Object(members) => {
                names.into_iter().any(|name| members.get(name).is_some_and(|member| contains_intrinsic(member, 0)))
            }
            other => contains_intrinsic(other, 0),
        }
    }
}

/// Whether the branch says no more than which members must be given.
fn only_requires(branch: &Property) -> bool {
    !branch.required.is_empty() && branch.properties.is_empty() && branch.reference.is_none()
}
