//! The shipped files: formatted, named by their schema, and valid by it.

use crate::common::{this_workspace, workspace};
use environment::{JSON_SCHEMA_FILE, choose, discover, files, format, json_schema};
use serde_json::Value;

fn text(file: &str) -> String {
    std::fs::read_to_string(this_workspace().join(file)).unwrap()
}

#[test]
fn the_schema_file_is_current() {
    // Made anew by `cargo xtask generate docs`; `UPDATE=1` does it here, too.
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(this_workspace().join(JSON_SCHEMA_FILE), json_schema()).unwrap();
    }
    assert!(text(JSON_SCHEMA_FILE) == json_schema(), "{JSON_SCHEMA_FILE} is not current: run this test with UPDATE=1");
}

#[test]
fn every_file_fits_the_schema() {
    let schema: Value = serde_json::from_str(&json_schema()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let environments: Vec<String> =
        files(this_workspace()).into_iter().filter(|file| file.matches('/').count() == 2).collect();
    assert!(environments.len() >= 3, "{environments:?}");
    for file in environments {
        assert!(
            text(&file).starts_with("#:schema ../schema.json\n"),
            "{file} does not name the schema in its first line"
        );
        let folder = workspace(&[("e/file.toml", &text(&file)), ("e/base.toml", "")]);
        let document = environment::Document::read(folder.path(), "e/file.toml").unwrap();
        let errors: Vec<String> = validator
            .iter_errors(&document.value())
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert_eq!(errors, Vec::<String>::new(), "{file}");
    }
}

#[test]
fn the_schema_knows_what_is_wrong() {
    let schema: Value = serde_json::from_str(&json_schema()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let cases = [
        (r#"{ "networking": { "nat": "single" } }"#, true),
        (r#"{ "networking": { "nat": "sngle" } }"#, false),
        (r#"{ "networkng": {} }"#, false),
        (r#"{ "compute": { "service": { "api": { "cpu": 512 } } } }"#, true),
        (r#"{ "compute": { "service": { "api": { "cpuu": 512 } } } }"#, false),
        (r#"{ "compute": { "service": { "api": { "cpu": "512" } } } }"#, false),
        (r#"{ "monitoring": { "alarms": { "cpu": false } } }"#, true),
        (r#"{ "cost": { "usage": { "nat-gateway.gb": { "min": 1, "expected": 2, "max": 3 } } } }"#, true),
    ];
    for (value, good) in cases {
        assert_eq!(validator.is_valid(&serde_json::from_str(value).unwrap()), good, "{value}");
    }
}

#[test]
fn every_key_is_described() {
    let schema: Value = serde_json::from_str(&json_schema()).unwrap();
    let mut nameless = Vec::new();
    let definitions = schema["definitions"].as_object().unwrap();
    for (name, definition) in definitions.iter().chain([(&"Settings".to_owned(), &schema)]) {
        for (key, property) in definition["properties"].as_object().into_iter().flatten() {
            if property.get("description").and_then(Value::as_str).is_none_or(str::is_empty) {
                nameless.push(format!("{name}.{key}"));
            }
        }
    }
    assert_eq!(nameless, Vec::<String>::new());
}

#[test]
fn every_file_is_formatted() {
    for file in files(this_workspace()) {
        assert!(format(&text(&file)) == text(&file), "{file} is not formatted: run `cargo xtask format`");
    }
}

#[test]
fn environments_are_found_by_their_folders() {
    let all = discover(this_workspace());
    let names: Vec<&str> = all.iter().map(|environment| environment.name.as_str()).collect();
    assert!(names.contains(&"freeside/production") && names.contains(&"freeside/staging"), "{names:?}");
    assert!(!names.iter().any(|name| name.ends_with("/base")));
    let production = all.iter().find(|environment| environment.name == "freeside/production").unwrap();
    assert_eq!(production.file, "environments/freeside/production.toml");
    assert_eq!(production.regions, ["us-east-1"]);
    assert_eq!(choose(this_workspace(), None).unwrap().name, "freeside/staging");
}

#[test]
fn a_wrong_name_lists_the_right_ones() {
    let folder = workspace(&[
        ("environments/groundplan.toml", "default = \"freeside/stagin\"\n"),
        ("environments/freeside/base.toml", ""),
        ("environments/freeside/staging.toml", "region = \"us-east-1\""),
        ("environments/freeside/production.toml", "this is no TOML"),
    ]);
    let chosen = |name| match choose(folder.path(), name) {
        Ok(environment) => environment.name,
        Err(findings) => crate::common::shown(&findings),
    };
    let cases = [
        (Some("freeside/staging"), "freeside/staging"),
        (
            Some("freeside/prodction"),
            "unknown-environment: there is no environment `freeside/prodction` \
             (did you mean `freeside/production`? there are `freeside/production`, `freeside/staging`)",
        ),
        (
            Some("staging"),
            "unknown-environment: there is no environment `staging` \
             (did you mean `freeside/staging`? there are `freeside/production`, `freeside/staging`)",
        ),
        (
            Some("freeside/base"),
            "unknown-environment: there is no environment `freeside/base` \
             (there are `freeside/production`, `freeside/staging`)",
        ),
        (
            None,
            "environments/groundplan.toml:1:11-28 unknown-environment: there is no environment `freeside/stagin` \
             (did you mean `freeside/staging`? there are `freeside/production`, `freeside/staging`)",
        ),
    ];
    for (name, answer) in cases {
        assert_eq!(chosen(name), answer);
    }
    let empty = workspace(&[]);
    assert_eq!(
        crate::common::shown(&choose(empty.path(), None).unwrap_err()),
        "no-default: no environment is named, and there is no `environments/groundplan.toml` with a default \
         (there are none: write `environments/<system>/<environment>.toml`)"
    );
}
