//! Nothing that anyone can write makes the validator panic or wait.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use schema::{facts, types, validate};
use serde_json::{Map, Value, json};

/// JSON made of names that schemas know, so that it gets below the surface.
fn any_json() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
        Just(json!({"Ref": "AWS::NoValue"})),
        Just(json!("{{resolve:ssm:x}}")),
        Just(json!("arn:aws:iam::123456789012:role/x")),
    ];
    let name = prop_oneof![
        prop::sample::select(vec![
            "Tags",
            "Name",
            "Rules",
            "Statement",
            "NotStatement",
            "Ref",
            "Fn::If",
            "Condition",
            "DistributionConfig",
            "Origins",
            "Key",
            "Value",
            "KeySchema",
            "LocalSecondaryIndexes",
            "VpcId",
            "CidrBlock",
            "ContainerDefinitions",
            "Environment",
        ])
        .prop_map(str::to_owned),
        ".{0,12}",
    ];
    scalar.prop_recursive(6, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((name.clone(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_value_gets_an_answer(value in any_json(), at in any::<prop::sample::Index>(), which in any::<prop::sample::Index>()) {
        let names: Vec<&str> = types().collect();
        let type_name = names[at.index(names.len())];
        for violation in validate(type_name, &value) {
            prop_assert!(!violation.to_string().is_empty());
        }
        // The same below a property that there is.
        let properties: Vec<&str> = facts(type_name).unwrap().property_names().collect();
        let property = properties[which.index(properties.len())];
        validate(type_name, &json!({ property: value }));
    }
}

#[test]
fn endless_depth_ends() {
    // As deep as serde_json reads.
    let depth = 60;
    let statement = format!("{}[]{}", r#"{"NotStatement":{"Statement":"#.repeat(depth), "}}".repeat(depth));
    let acl = format!(r#"{{"Rules":[{{"Name":"a","Priority":1,"Statement":{statement}}}]}}"#);
    let acl: Value = serde_json::from_str(&acl).unwrap();
    assert!(!validate("AWS::WAFv2::WebACL", &acl).is_empty());
}

#[test]
fn long_text_takes_no_time() {
    let long = "a".repeat(100_000) + "!";
    let begin = Instant::now();
    for type_name in types() {
        let properties: Map<String, Value> =
            facts(type_name).unwrap().property_names().map(|name| (name.to_owned(), json!(long))).collect();
        validate(type_name, &Value::Object(properties));
    }
    let medium = "a-".repeat(1_000) + "!";
    for type_name in types() {
        let properties: Map<String, Value> =
            facts(type_name).unwrap().property_names().map(|name| (name.to_owned(), json!(medium))).collect();
        validate(type_name, &Value::Object(properties));
    }
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
}
