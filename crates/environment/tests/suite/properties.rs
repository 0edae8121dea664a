//! What holds for any text.

use crate::common::workspace;
use environment::{Document, Part, format};
use proptest::prelude::*;

/// Texts that are often TOML: lines of its pieces in any order.
fn toml_like() -> impl Strategy<Value = String> {
    let key = prop_oneof![Just("a"), Just("b.c"), Just("\"x y\""), Just("ü"), Just("extends"), Just("unset"), Just("region")];
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
        (key.clone(), value, prop_oneof![Just(""), Just("  # why"), Just(" ")]).prop_map(|(k, v, c)| format!("{k}= {v}{c}")),
        key.prop_map(|k| format!(" [ {k} ]")),
        Just("[[list]]".to_owned()),
        Just("".to_owned()),
        Just("   # a comment   ".to_owned()),
        "[ -~]{0,12}",
    ];
    prop::collection::vec(line, 0..12).prop_map(|lines| lines.join("\n"))
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
    fn any_text_can_be_formatted(text in any::<String>()) {
        let once = format(&text);
        prop_assert_eq!(format(&once), once);
    }
}
