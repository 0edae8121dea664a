use super::*;
use serde_json::json;

pub(crate) fn entry(address: &str, id: &str, token: &str) -> Entry {
    Entry {
        address: Address::of(address),
        type_name: "Test::T".into(),
        region: "r".into(),
        id: id.into(),
        properties: json!({}),
        attributes: Attributes::new(),
        dependencies: vec![],
        protected: false,
        token: token.into(),
        incomplete: false,
        fresh: false,
        failed: None,
    }
}

fn intent(work: Work, token: &str, entry: Entry) -> Record {
    Record::Intent(Box::new(Intent { token: token.into(), work, entry }))
}

fn done(token: &str) -> Record {
    Record::Done { token: token.into(), attributes: None, seconds: 1.0 }
}

#[test]
fn a_create_is_pending_then_incomplete_then_done() {
    let mut state = State::default();
    state.apply(&intent(Work::Create, "t1", entry("a", "", "t1")));
    assert!(state.entries.is_empty() && state.pending.contains_key("t1"));
    state.apply(&Record::Made { token: "t1".into(), created: Created::new("id-1").with("Arn", "x") });
    assert!(state.entries["a"].incomplete && state.entries["a"].id == "id-1");
    state.apply(&done("t1"));
    assert!(!state.entries["a"].incomplete && state.pending.is_empty());
    assert_eq!(state.entries["a"].attributes["Arn"], "x");
}

#[test]
fn a_create_whose_identity_was_lost_stays_pending() {
    let mut state = State::default();
    state.apply(&intent(Work::Create, "t1", entry("a", "", "t1")));
    state.apply(&done("t1"));
    assert!(state.entries.is_empty() && state.pending.contains_key("t1"));
}

#[test]
fn a_replacement_keeps_the_old_one_until_it_is_deleted() {
    let mut state = State::default();
    state.apply(&Record::Adopted(Box::new(entry("a", "old", "t0"))));
    state.apply(&intent(Work::Create, "t1", entry("a", "", "t1")));
    state.apply(&Record::Made { token: "t1".into(), created: Created::new("new") });
    state.apply(&done("t1"));
    assert_eq!(state.deposed[0].id, "old");
    state.apply(&intent(Work::Delete, "t2", entry("a", "old", "t0")));
    state.apply(&done("t2"));
    assert!(state.deposed.is_empty());
    assert_eq!(state.entries["a"].id, "new");
}

#[test]
fn a_move_takes_along_what_is_to_be_deleted_and_what_was_begun() {
    let mut state = State::default();
    let needs = |name: &str, on: &str, id: &str| Entry { dependencies: vec![Address::of(on)], ..entry(name, id, id) };
    state.apply(&Record::Adopted(Box::new(entry("a", "old-a", "t0"))));
    state.apply(&Record::Adopted(Box::new(entry("a", "new-a", "t1"))));
    state.apply(&Record::Adopted(Box::new(needs("b", "a", "old-b"))));
    state.apply(&Record::Adopted(Box::new(needs("b", "a", "new-b"))));
    state.apply(&intent(Work::Update, "t2", entry("a", "new-a", "t1")));
    state.apply(&intent(Work::Create, "t3", needs("c", "a", "")));
    state.apply(&Record::Moved { from: Address::of("a"), to: Address::of("z") });
    let at = |entries: &[Entry]| -> Vec<(String, String)> {
        entries.iter().map(|entry| (entry.address.to_string(), entry.id.clone())).collect()
    };
    assert_eq!(at(&state.deposed), [("z".into(), "old-a".into()), ("b".into(), "old-b".into())]);
    let needed = state.entries.values().chain(&state.deposed).chain(state.pending.values().map(|it| &it.entry));
    assert!(needed.flat_map(|entry| &entry.dependencies).all(|need| *need == Address::of("z")));
    state.apply(&done("t2"));
    assert!(!state.entries["z"].incomplete);
    // What nobody saw made has its tags with the address that it was begun at.
    state.apply(&intent(Work::Create, "t4", entry("d", "", "t4")));
    state.apply(&Record::Moved { from: Address::of("d"), to: Address::of("e") });
    assert_eq!(state.pending["t4"].entry.address, Address::of("d"));
}

#[test]
fn what_is_adopted_again_is_not_to_be_deleted_any_more() {
    let mut state = State::default();
    for id in ["old", "new"] {
        state.apply(&Record::Adopted(Box::new(entry("a", id, "t0"))));
    }
    let mut elsewhere = entry("b", "old", "t1");
    elsewhere.region = "another".into();
    state.apply(&Record::Adopted(Box::new(elsewhere)));
    assert_eq!(state.deposed[0].id, "old", "an id is of one region");
    state.apply(&Record::Forgot { address: Address::of("a"), id: "new".into() });
    state.apply(&Record::Adopted(Box::new(entry("a", "old", "t2"))));
    assert!(state.deposed.is_empty() && state.entries["a"].id == "old");
}

#[test]
fn a_failed_create_stays_pending_only_while_its_effect_is_unknown() {
    for (without_effect, pending) in [(true, 0), (false, 1)] {
        let mut state = State::default();
        state.apply(&intent(Work::Create, "t1", entry("a", "", "t1")));
        state.apply(&Record::Failed { token: "t1".into(), why: "x".into(), without_effect, broken: false });
        assert_eq!(state.pending.len(), pending);
    }
}
