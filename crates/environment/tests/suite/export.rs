//! CloudFormation templates of the shipped environments. That cfn-lint accepts them is checked by `.ci/run`.

use std::collections::BTreeSet;

use crate::common::{shown, this_workspace};
use environment::{Export, catalogue, export, load};
use serde_json::{Value, json};

fn exported(name: &str) -> Export {
    let loaded = load(this_workspace(), Some(name)).unwrap_or_else(|findings| panic!("{}", shown(&findings)));
    export(&loaded.name, &loaded.nodes, &loaded.outputs, &catalogue())
}

#[test]
fn one_template_holds_the_region() {
    let export = exported("freeside/production");
    assert_eq!(export.templates.len(), 1);
    let template = &export.templates[0];
    assert_eq!((template.region.as_str(), template.file.as_str()), ("us-east-1", "us-east-1.json"));
    assert_eq!(template.notes, Vec::<String>::new());
    let resources = template.body["Resources"].as_object().unwrap();
    assert!(resources.values().all(|resource| resource["Type"].as_str().unwrap().starts_with("AWS::")));
    assert_eq!(resources["NetworkingVpc"]["Properties"]["CidrBlock"], "10.0.0.0/16");
    assert!(template.text().ends_with("}\n"));
}

#[test]
fn what_cloudformation_cannot_make_is_named() {
    let export = exported("freeside/production");
    let left: Vec<(&str, Vec<&str>)> = export
        .left_out
        .iter()
        .map(|left| (left.address.as_str(), left.referred_by.iter().map(engine::Address::as_str).collect()))
        .collect();
    let services = vec!["compute.service.api", "compute.service.worker"];
    assert_eq!(
        left,
        [("security.attachment.db-credentials", services.clone()), ("security.attachment.redis-credentials", services),]
    );
}

#[test]
fn databases_leave_a_snapshot_where_they_are_protected() {
    let policy =
        |name: &str| exported(name).templates[0].body["Resources"]["StoragePostgresMain"]["DeletionPolicy"].clone();
    assert_eq!(policy("freeside/production"), json!("Snapshot"));
    assert_eq!(policy("freeside/staging"), json!("Delete"));
}

/// Every name that a template refers to.
fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        Value::Object(map) => {
            for (key, inner) in map {
                match (key.as_str(), inner) {
                    ("Ref", Value::String(name)) => drop(found.insert(name.clone())),
                    ("Fn::GetAtt", Value::Array(parts)) => drop(found.insert(parts[0].as_str().unwrap().to_owned())),
                    ("DependsOn", Value::Array(names)) => {
                        found.extend(names.iter().map(|name| name.as_str().unwrap().to_owned()));
                    }
                    (_, inner) => references(inner, found),
                }
            }
        }
        _ => {}
    }
}

#[test]
fn every_reference_leads_somewhere() {
    for name in ["freeside/production", "freeside/staging"] {
        let export = exported(name);
        let body = &export.templates[0].body;
        let mut found = BTreeSet::new();
        references(&body["Resources"], &mut found);
        references(&body["Outputs"], &mut found);
        let resources = body["Resources"].as_object().unwrap();
        let unknown: Vec<&String> =
            found.iter().filter(|name| !name.starts_with("AWS::") && !resources.contains_key(*name)).collect();
        assert_eq!(unknown, Vec::<&String>::new(), "{name}");
        assert!(found.len() > 20);
    }
}
