//! What deletions lose, said before, and what outlives them, said after.

use engine::kept::Kept;
use engine::plan::{Plan, Verb};
use engine::state::Entry;
use engine::{Address, Catalogue};
use serde::Serialize;

use super::style::{DESTROY, QUIET, STRONG, paint};

/// A resource with data that a plan deletes.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Loss {
    /// The resource.
    pub address: Address,
    /// Its CloudFormation type.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Its id.
    pub id: String,
    /// What is kept of it; none: its data are lost.
    pub kept: Option<String>,
}

/// What is deleted, by a plan.
pub fn deleted(plan: &Plan) -> impl Iterator<Item = &Entry> {
    let ends = plan.changes().filter(|action| matches!(action.verb, Verb::Delete | Verb::Replace));
    ends.filter_map(|action| action.entry.as_ref())
}

/// What the deletion of a resource leaves, in words.
pub fn will_keep(entry: &Entry) -> Option<String> {
    storage::kept::will_keep(entry).or_else(|| security::kept::will_keep(entry))
}

/// The resources with data that a plan deletes, those that lose them first.
pub fn of(plan: &Plan, catalogue: &Catalogue) -> Vec<Loss> {
    let holds = |entry: &&Entry| catalogue.get(&entry.type_name).is_some_and(|handler| handler.facts().holds_data);
    let mut losses: Vec<Loss> = deleted(plan)
        .filter(holds)
        .map(|entry| Loss {
            address: entry.address.clone(),
            type_name: entry.type_name.clone(),
            id: entry.id.clone(),
            kept: will_keep(entry),
        })
        .collect();
    losses.sort_by(|a, b| (a.kept.is_some(), &a.address).cmp(&(b.kept.is_some(), &b.address)));
    losses
}

/// Whether an environment's name says that people rely on it.
pub fn is_production(environment: &str) -> bool {
    let name = environment.rsplit('/').next().unwrap_or(environment);
    name.split(['-', '_']).any(|part| matches!(part, "production" | "prod" | "live"))
}

/// The losses as text for a person.
pub fn text(losses: &[Loss], environment: &str, protected: bool) -> String {
    let what = match (is_production(environment), protected) {
        (true, _) => format!("{environment} is a production environment. "),
        (false, true) => format!("{environment} has protected resources. "),
        (false, false) => String::new(),
    };
    let width = losses.iter().map(|loss| loss.address.as_str().len()).max().unwrap_or_default();
    let kind = losses.iter().map(|loss| loss.type_name.len()).max().unwrap_or_default();
    let mut lines = vec![paint(STRONG, format_args!("{what}This deletes data:"))];
    for loss in losses {
        let fate = match &loss.kept {
            Some(kept) => paint(QUIET, format_args!("kept: {kept}")),
            None => paint(DESTROY, format_args!("lost for good")),
        };
        lines.push(format!("  {:width$}  {:kind$}  {fate}", loss.address.as_str(), loss.type_name));
    }
    lines.join("\n") + "\n"
}

/// What outlived the deletions, as text for a person.
pub fn kept_text(kept: &[Kept]) -> String {
    let mut lines = vec!["Kept:".to_owned()];
    for one in kept {
        // The day is enough for a person.
        let until = one.until.as_ref().and_then(|until| until.get(..10));
        let until = until.map(|until| format!(", until {until}")).unwrap_or_default();
        lines.push(format!("  {}: {}{until}", one.address, one.what));
        lines.push(format!("    {}", paint(QUIET, format_args!("to delete it: {}", one.remove))));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn production_is_told_by_its_name() {
        for name in ["freeside/production", "atreides/prod", "a/eu-prod", "a/prod-2", "a/live"] {
            assert!(is_production(name), "{name}");
        }
        for name in ["freeside/staging", "production/dev", "a/products", "a/reproduction"] {
            assert!(!is_production(name), "{name}");
        }
    }

    #[test]
    fn what_is_lost_is_told_from_what_is_kept() {
        let loss = |address: &str, kept: Option<&str>| Loss {
            address: Address::of(address),
            type_name: "AWS::RDS::DBInstance".into(),
            id: "db".into(),
            kept: kept.map(str::to_owned),
        };
        let losses = [loss("storage.postgres.main", None), loss("storage.a", Some("a final snapshot"))];
        let text = anstream::adapter::strip_str(&text(&losses, "freeside/production", true)).to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "freeside/production is a production environment. This deletes data:");
        assert_eq!(lines[1], "  storage.postgres.main  AWS::RDS::DBInstance  lost for good");
        assert_eq!(lines[2], "  storage.a              AWS::RDS::DBInstance  kept: a final snapshot");
    }
}
