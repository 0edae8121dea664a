use super::*;
use serde_json::{Value, json};

fn text(value: Value) -> SecretText {
    SecretText::new(value.to_string())
}

fn object(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap()
}

#[test]
fn what_others_put_beside_it_stays() {
    let declared = merged(&text(json!({ "a": 1, "host": "db" })), text(json!({ "a": 2 })));
    assert_eq!(declared.object().unwrap(), object(json!({ "a": 2, "host": "db" })));
    assert_eq!(merged(&text(json!({ "a": 1 })), SecretText::new("plain")).expose(), "plain");
}

#[test]
fn the_recovery_window_travels_as_a_tag() {
    let tagged = |days: &str| sdk_tags(vec![(RECOVERY_TAG.to_owned(), days.to_owned())]);
    for (tags, days) in [(vec![], 7), (tagged("30"), 30), (tagged("0"), 0), (tagged("soon"), 7)] {
        assert_eq!(recovery_days(&tags), days);
    }
}

#[test]
fn live_has_no_value_and_no_defaults() {
    let secret = DescribeSecretOutput::builder()
        .arn("arn")
        .name("arrakis-production/db")
        .description("")
        .set_tags(Some(sdk_tags(vec![("groundplan:operation".to_owned(), "x".to_owned())])))
        .build();
    let live = live(&secret);
    let expected = Secret { name: Some("arrakis-production/db".to_owned()), ..Secret::default() };
    assert_eq!(live.properties, expected);
    assert_eq!(live.attributes["Id"], "arn");
}

#[test]
fn each_copy_is_paid_for() {
    let copy = ReplicaRegion { region: "us-west-2".to_owned(), kms_key_id: None };
    let secret = Secret { replica_regions: Some(vec![copy]), ..Secret::default() };
    let usage = engine::Usage::default();
    let charges = secret.charges(&Pricing { usage: &usage, region: "us-east-1", lookup: &|_| None });
    assert_eq!(charges[0].quantity, Quantity::exactly(2.0));
}
