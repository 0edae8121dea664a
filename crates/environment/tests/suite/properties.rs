//! What holds for any text.

use crate::common::workspace;
use crate::mistakes::{BASE, TOP};
use environment::{Document, Part, format, load};
use proptest::prelude::*;

/// Texts that are often TOML: lines of its pieces in any order.
fn toml_like() -> impl Strategy<Value = String> {
    let key =
        prop_oneof![Just("a"), Just("b.c"), Just("\"x y\""), Just("ü"), Just("extends"), Just("unset"), Just("region")];
    let value = prop_oneof![
        Just("1"),
        Just("-2.5e3"),
        Just("inf"),
        Just("true"),
        Just("\"base.toml\""),
        Just("'ä'"),
        Just("1979-05-27 07:32:00"),
        Just("\"\"\"\n x\n\"\"\""),
        Just("[ 1,2 ,\n 3 ]"),
        Just("[ # c\n \"a\" # d\n , \"b\"\n # e\n ]"),
        Just("[]"),
        Just("{a=1,b = [1, 2]}"),
        Just("[{ x = 1 }, [ 2 ]]"),
        Just("["),
        Just("{ a = "),
    ];
    let line = prop_oneof![
        (key.clone(), value, prop_oneof![Just(""), Just("  # why"), Just(" ")])
            .prop_map(|(k, v, c)| format!("{k}= {v}{c}")),
        key.prop_map(|k| format!(" [ {k} ]")),
        Just("[[list]]".to_owned()),
        Just("".to_owned()),
        Just("   # a comment   ".to_owned()),
        "[ -~]{0,12}",
    ];
    prop::collection::vec(line, 0..12).prop_map(|lines| lines.join("\n"))
}

const TEXTS: &[&str] =
    &["", "/", "10.0.0.0/8", "10.0.1.0/33", "::/0", "a.b.c", "ü", "{system}", "db.t3.small", "-1", "a:b:c", "*"];

/// Values that a person might write in the wrong place.
fn any_value() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>()
            .prop_filter("TOML writes it so", |number| number.is_finite())
            .prop_map(|number| format!("{number:?}")),
        any::<bool>().prop_map(|flag| flag.to_string()),
        prop::sample::select(TEXTS).prop_map(|text| format!("\"{text}\"")),
        "[a-zA-Z0-9./:_-]{0,70}".prop_map(|text| format!("\"{text}\"")),
        prop::sample::select(TEXTS).prop_map(|text| format!("[\"{text}\", \"{text}\"]")),
        "[a-z]{1,8}".prop_map(|key| format!("{{ {key} = 1 }}")),
        Just("[]".to_owned()),
        Just("{}".to_owned()),
        Just("[[1], [2]]".to_owned()),
    ]
}

fn values(text: &str) -> Option<serde_json::Value> {
    let folder = workspace(&[("a.toml", text)]);
    Document::read(folder.path(), "a.toml").ok().map(|document| document.value())
}

fn comments(text: &str) -> usize {
    text.matches("# ").count()
}

proptest! {
    #[test]
    fn reading_never_panics(top in toml_like(), base in toml_like(), path in "[a-c.0-9]{0,8}") {
        let folder = workspace(&[("s/a.toml", &top), ("s/base.toml", &base)]);
        if let Ok(document) = Document::read(folder.path(), "s/a.toml") {
            document.locate(&path);
            document.locate_part(&path.split('.').collect::<Vec<_>>(), Part::Key);
        }
    }

    #[test]
    fn formatting_keeps_values_and_comments(text in toml_like()) {
        let once = format(&text);
        prop_assert_eq!(&format(&once), &once);
        if toml_edit::Document::parse(text.as_str()).is_ok() {
            prop_assert!(toml_edit::Document::parse(once.as_str()).is_ok(), "{}", once);
            prop_assert_eq!(values(&text), values(&once));
            prop_assert_eq!(comments(&text), comments(&once));
        }
    }

    #[test]
    fn loading_never_panics(line in any::<prop::sample::Index>(), value in any_value(), dropped in any::<bool>()) {
        let mut lines: Vec<String> = BASE.lines().map(str::to_owned).collect();
        let at = line.index(lines.len());
        match lines[at].split_once(" = ") {
            Some((key, _)) if !dropped => lines[at] = format!("{key} = {value}"),
            _ => drop(lines.remove(at)),
        }
        let folder = workspace(&[("environments/s/base.toml", &lines.join("\n")), ("environments/s/e.toml", TOP)]);
        if let Err(findings) = load(folder.path(), Some("s/e")) {
            prop_assert!(findings.iter().any(environment::LocatedFinding::is_error));
        }
    }

    #[test]
    fn any_text_can_be_formatted(text in any::<String>()) {
        let once = format(&text);
        prop_assert_eq!(format(&once), once);
    }
}
