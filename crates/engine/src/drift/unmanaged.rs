//! What carries the environment's tags and is in no state.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use crate::catalogue::Catalogue;
use crate::rebuild::{Listed, Other, Sources, rebuild};
use crate::state::Entry;
use crate::{Address, Failure, FailureKind, Graph, State, Surroundings};

/// Something with the environment's tags that the state does not have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unmanaged {
    /// Its ARN, or its id where it was found without one.
    pub arn: String,
    /// The address its tags name.
    pub address: Option<String>,
    /// Its CloudFormation type, where it is one of ours.
    #[serde(rename = "type")]
    pub type_name: Option<String>,
    /// Its region.
    pub region: String,
    /// What is known of it, in words.
    pub why: String,
    /// Whether `state rebuild` takes it into the state.
    pub adoptable: bool,
}

/// Finds what was `listed` by the environment's tags, or has them unlisted, and is in no state. What AWS copied the tags of
/// a resource to (snapshots, tasks) is not told. Changes nothing.
///
/// # Errors
/// The first thing that could not be read.
pub async fn unmanaged(
    surroundings: &Surroundings,
    state: &State,
    listed: &[Listed],
) -> Result<Vec<Unmanaged>, (Address, Failure)> {
    let rest: Vec<Listed> = listed.iter().filter(|listed| !holds(state, listed)).cloned().collect();
    let nothing = |_| (Address::of("state"), Failure::new(FailureKind::Other, "an empty graph is whole"));
    let graph = Graph::build(Vec::new(), &Catalogue::default()).map_err(nothing)?;
    let none = BTreeMap::new();
    let regions: Vec<String> =
        rest.iter().map(|listed| listed.region.clone()).collect::<BTreeSet<_>>().into_iter().collect();
    let sources = Sources { graph: &graph, outputs: &none, pseudo: &BTreeMap::new(), listed: &rest, regions: &regions };
    let found = rebuild(surroundings, state, &sources).await?;
    let own = found.found.iter().map(|entry| of_entry(entry, "its address is not in the state", &rest));
    let left = found.deposed.iter().map(|entry| of_entry(entry, "it was replaced, and is still there", &rest));
    let others = found
        .others
        .iter()
        .filter(|other| !is_copy(other.address.as_deref(), &other.why, state))
        .map(|other| of_other(other, &rest));
    let mut all: Vec<Unmanaged> = own.chain(left).chain(others).collect();
    all.sort_by(|a, b| (&a.address, &a.arn).cmp(&(&b.address, &b.arn)));
    Ok(all)
}

/// Whether the state holds what an ARN names: by the ARN itself, or by an id or name at its end.
fn holds(state: &State, listed: &Listed) -> bool {
    let Some(entry) = listed.address().and_then(|address| state.entries.get(address)) else { return false };
    let deposed = state.deposed.iter().filter(|deposed| deposed.address == entry.address);
    std::iter::once(entry).chain(deposed).any(|entry| {
        let attributes = entry.attributes.values().filter_map(Value::as_str);
        std::iter::once(entry.id.as_str()).chain(attributes).any(|name| names(&listed.arn, name))
    })
}

/// Whether an ARN is this one, or ends with this name.
fn names(arn: &str, name: &str) -> bool {
    let end = |rest: &str| rest.is_empty() || rest.ends_with([':', '/']);
    // A name of digits or of one letter would fit by chance.
    name.len() > 2 && arn.strip_suffix(name).is_some_and(end)
}

/// What no type here knows, with the address of a resource that the state has: AWS copies tags to what a resource brings
/// about.
fn is_copy(address: Option<&str>, why: &str, state: &State) -> bool {
    address.is_some_and(|address| state.entries.contains_key(address)) && why.contains("no resource type")
}

fn of_entry(entry: &Entry, why: &str, listed: &[Listed]) -> Unmanaged {
    let is = |listed: &&Listed| {
        listed.address() == Some(entry.address.as_str())
            && (names(&listed.arn, &entry.id) || holds_arn(entry, &listed.arn))
    };
    Unmanaged {
        arn: listed.iter().find(is).map_or_else(|| entry.id.clone(), |listed| listed.arn.clone()),
        address: Some(entry.address.to_string()),
        type_name: Some(entry.type_name.clone()),
        region: entry.region.clone(),
        why: why.to_owned(),
        adoptable: true,
    }
}

fn holds_arn(entry: &Entry, arn: &str) -> bool {
    entry.attributes.values().filter_map(Value::as_str).any(|value| names(arn, value))
}

fn of_other(other: &Other, listed: &[Listed]) -> Unmanaged {
    let region = listed.iter().find(|listed| listed.arn == other.what).map(|listed| listed.region.clone());
    Unmanaged {
        arn: other.what.clone(),
        address: other.address.clone(),
        type_name: None,
        region: region.unwrap_or_default(),
        why: other.why.clone(),
        adoptable: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::TAG_ADDRESS;
    use crate::state::tests::entry;

    fn listed(arn: &str, address: &str) -> Listed {
        Listed { arn: arn.into(), region: "r".into(), tags: vec![(TAG_ADDRESS.to_owned(), address.to_owned())] }
    }

    #[test]
    fn the_state_holds_what_an_arn_names() {
        let mut state = State::default();
        let mut ip = entry("ip", "192.0.2.1", "t");
        ip.attributes.insert("AllocationId".into(), "eipalloc-1".into());
        let mut group = entry("group", "/ecs/api", "t");
        group.attributes.insert("Arn".into(), "arn:aws:logs:r:1:log-group:/ecs/api".into());
        for entry in [ip, group, entry("vpc", "vpc-1", "t"), entry("topic", "arn:aws:sns:r:1:alerts", "t")] {
            state.entries.insert(entry.address.clone(), entry);
        }
        state.deposed.push(entry("vpc", "vpc-0", "t"));
        let cases = [
            ("arn:aws:ec2:r:1:vpc/vpc-1", "vpc", true),
            ("arn:aws:ec2:r:1:vpc/vpc-0", "vpc", true),
            ("arn:aws:ec2:r:1:vpc/vpc-2", "vpc", false),
            ("arn:aws:ec2:r:1:vpc/vpc-1", "other", false),
            ("arn:aws:ec2:r:1:elastic-ip/eipalloc-1", "ip", true),
            ("arn:aws:logs:r:1:log-group:/ecs/api", "group", true),
            ("arn:aws:sns:r:1:alerts", "topic", true),
            ("arn:aws:sns:r:1:more-alerts", "topic", false),
        ];
        for (arn, address, expected) in cases {
            assert_eq!(holds(&state, &listed(arn, address)), expected, "{arn} {address}");
        }
    }

    #[test]
    fn what_tags_were_copied_to_is_not_told() {
        let mut state = State::default();
        state.entries.insert(Address::of("db"), entry("db", "db-1", "t"));
        let unknown = "no resource type here has such ARNs";
        let cases = [
            (Some("db"), unknown, true),
            (Some("gone"), unknown, false),
            (Some("db"), "db-1 carries its tags already", false),
            (None, "its tags name no address", false),
        ];
        for (address, why, expected) in cases {
            assert_eq!(is_copy(address, why, &state), expected, "{address:?} {why}");
        }
    }
}
