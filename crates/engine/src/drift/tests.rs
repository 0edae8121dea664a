use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::intrinsic::Reference;
use crate::plan::{Request, Selection, build};
use crate::stack::Owned;
use crate::state::tests::entry;
use crate::{Attributes, Catalogue, Graph, Node};

fn node(address: &str, properties: Value, owned: &[&str]) -> Node {
    let own = |property: &&str| Owned { property: (*property).to_owned(), by: "the autoscaler".into() };
    Node {
        address: Address::of(address),
        type_name: "Test::T".into(),
        region: "r".into(),
        properties,
        depends_on: vec![],
        owned: owned.iter().map(own).collect(),
        protected: false,
        origin: None,
    }
}

fn state(properties: &[(&str, Value)]) -> State {
    let mut state = State::default();
    for (address, properties) in properties {
        let entry = Entry { properties: properties.clone(), ..entry(address, &format!("id-{address}"), "t") };
        state.entries.insert(entry.address.clone(), entry);
    }
    state
}

fn live(all: &[(&str, Option<Value>)]) -> HashMap<Address, Option<LiveValue>> {
    let one = |(address, value): &(&str, Option<Value>)| {
        (Address::of(address), value.clone().map(|value| (value, Attributes::new())))
    };
    all.iter().map(one).collect()
}

fn plan(nodes: Vec<Node>, state: &State, live: &HashMap<Address, Option<LiveValue>>) -> Plan {
    let graph = Graph::build(nodes, &Catalogue::default()).unwrap();
    build(&Request {
        environment: "s/e",
        graph: &graph,
        state,
        live,
        catalogue: &Catalogue::default(),
        pseudo: &BTreeMap::new(),
        selection: &Selection::default(),
        outputs: &BTreeMap::new(),
        time_scale: 0.0,
    })
}

fn told(found: &Found) -> Vec<String> {
    let changes = |drift: &Drift| {
        let one = |c: &Difference| {
            let side = |value: &Option<Value>| value.as_ref().map_or("-".to_owned(), Value::to_string);
            let (applied, live, declared) = (side(&c.applied), side(&c.live), side(&c.declared));
            format!(" {}:{applied}>{live}|{declared}:{:?}", c.property, c.would)
        };
        drift.changes.iter().map(one).collect::<String>()
    };
    let line = |drift: &Drift| format!("{:?} {}{}", drift.kind, drift.entry.address, changes(drift));
    found.drift.iter().map(line).collect()
}

#[test]
fn each_difference_is_weighed_against_the_file() {
    // applied, live, declared, told
    let cases = [
        (json!({"P": 1}), json!({"P": 1}), json!({"P": 1}), None),
        (json!({"P": 1}), json!({"P": 1}), json!({"P": 2}), None),
        (json!({"P": 1}), json!({"P": 1, "Q": 5}), json!({"P": 1}), None),
        (json!({"P": 1}), json!({"P": 2}), json!({"P": 1}), Some("P:1>2|1:SetBack")),
        (json!({"P": 1}), json!({"P": 2}), json!({"P": 2}), Some("P:1>2|2:Keep")),
        (json!({"P": 1}), json!({"P": 2}), json!({"P": 3}), Some("P:1>2|3:Change")),
        (json!({"P": 1}), json!({"P": 2}), json!({}), Some("P:1>2|-:Change")),
        (json!({"P": 1}), json!({}), json!({"P": 1}), Some("P:1>-|1:SetBack")),
        (json!({"P": 1}), json!({}), json!({}), Some("P:1>-|-:Keep")),
        (json!({"P": {"Q": 1}}), json!({"P": {"Q": 2}}), json!({"P": {"Q": 1}}), Some("P.Q:1>2|1:SetBack")),
        (json!({"P": {"Q": 1}}), json!({"P": {"Q": 2}}), json!({"P": {"Q": 3}}), Some("P.Q:1>2|3:Change")),
        (json!({"P": {"Q": 1}}), json!({"P": {"Q": 2}}), json!({}), Some("P.Q:1>2|-:Change")),
    ];
    for (applied, there, declared, expected) in cases {
        let state = state(&[("a", applied.clone())]);
        let live = live(&[("a", Some(there.clone()))]);
        let plan = plan(vec![node("a", declared.clone(), &[])], &state, &live);
        let expected: Vec<String> = expected.map(|change| format!("Changed a {change}")).into_iter().collect();
        assert_eq!(told(&find(&state, &live, Some(&plan))), expected, "{applied} {there} {declared}");
    }
}

#[test]
fn only_the_tags_that_differ_are_told() {
    let tags = |pairs: &[(&str, &str)]| -> Value {
        json!({ "Tags": pairs.iter().map(|(k, v)| json!({"Key": k, "Value": v})).collect::<Vec<_>>() })
    };
    let applied = tags(&[("a", "1"), ("b", "2"), ("c", "3")]);
    let there = tags(&[("c", "by hand"), ("a", "1")]);
    let state = state(&[("a", applied.clone())]);
    let live = live(&[("a", Some(there))]);
    let plan = plan(vec![node("a", applied, &[])], &state, &live);
    let expected = r#"Changed a Tags[b]:"2">-|"2":SetBack Tags[c]:"3">"by hand"|"3":SetBack"#;
    assert_eq!(told(&find(&state, &live, Some(&plan))), [expected]);
}

#[test]
fn what_others_own_is_no_drift() {
    let state = state(&[("a", json!({"Count": 1, "Size": 1}))]);
    let live = live(&[("a", Some(json!({"Count": 5, "Size": 2})))]);
    let nodes = vec![node("a", json!({"Count": 1, "Size": 1}), &["Count"])];
    let found = find(&state, &live, Some(&plan(nodes, &state, &live)));
    assert_eq!(told(&found), ["Changed a Size:1>2|1:SetBack"]);
    assert_eq!((&*found.owned[0].by, &*found.owned[0].change.property), ("the autoscaler", "Count"));
}

#[test]
fn the_worst_comes_first_and_a_missing_file_is_no_obstacle() {
    let mut state = state(&[("a", json!({"P": 1})), ("b", json!({})), ("c", json!({})), ("d", json!({}))]);
    state.entries.get_mut("d").unwrap().incomplete = true;
    state.deposed.push(entry("c", "old", "t"));
    let live = live(&[("a", Some(json!({"P": 2}))), ("b", None), ("c", Some(json!({}))), ("d", Some(json!({})))]);
    let found = find(&state, &live, None);
    assert_eq!(told(&found), ["Gone b", "Changed a P:1>2|-:Unknown", "Unfinished c", "Unfinished d"]);
    assert!(found.drift.iter().all(|drift| drift.next.is_none()));
}

#[test]
fn a_deploy_makes_again_what_is_gone_and_deletes_what_is_not_declared() {
    let state = state(&[("a", json!({})), ("b", json!({"P": 1}))]);
    let live = live(&[("a", None), ("b", Some(json!({"P": 2})))]);
    let found = find(&state, &live, Some(&plan(vec![node("a", json!({}), &[])], &state, &live)));
    let next: Vec<Option<Verb>> = found.drift.iter().map(|drift| drift.next).collect();
    assert_eq!(next, [Some(Verb::Create), Some(Verb::Delete)]);
    assert_eq!(found.drift[1].changes[0].would, Would::Change);
}

#[test]
fn references_are_compared_by_what_they_stand_for() {
    let reference = intrinsic::lower(Value::from(intrinsic::reference(&Address::of("a"), None)));
    assert!(matches!(&intrinsic::references(&json!({ "P": reference }))[0].1, Reference { attribute: None, .. }));
    let state = state(&[("a", json!({})), ("b", json!({"P": "id-a"}))]);
    let live = live(&[("a", Some(json!({}))), ("b", Some(json!({"P": "other"})))]);
    let nodes = vec![node("a", json!({}), &[]), node("b", json!({ "P": reference }), &[])];
    let found = find(&state, &live, Some(&plan(nodes, &state, &live)));
    assert_eq!(told(&found), [r#"Changed b P:"id-a">"other"|"id-a":SetBack"#]);
}

#[test]
fn secrets_are_marked() {
    let mut state = state(&[("a", json!({"Description": "x", "SecretString": "s"}))]);
    state.entries.get_mut("a").unwrap().type_name = "AWS::SSM::Parameter".into();
    let live = live(&[("a", Some(json!({"Description": "y", "Value": "z"})))]);
    let found = find(&state, &live, None);
    for change in &found.drift[0].changes {
        assert_eq!(change.sensitive, change.property != "Description", "{}", change.property);
    }
}
