//! Files laid over each other, and where every value was written.

use crate::common::{shown, workspace};
use environment::{Document, Part};
use serde_json::json;

const BASE: &str = r#"region = "us-east-1"

[networking]
private = ["10.0.1.0/24", "10.0.2.0/24"]
nat = "single"

[compute.service.api]
cpu = 512
secrets = { A = "one", B = "two" }

[compute.service.worker]
cpu = 256

[cost.usage]
"nat-gateway.gb" = 50
"#;

const TOP: &str = r#"extends = "base.toml"
unset = ["compute.service.worker", "cost.usage.nat-gateway.gb"]

[networking]
private = [
    "10.1.1.0/24",
    "10.1.2.0/24",
]

[compute.service.api]
memory = 1024
secrets.B = "three"

[[list]]
x = 1
[[list]]
x = 2
"#;

fn read(top: &str, base: &str) -> Result<Document, String> {
    let folder = workspace(&[("e/s/top.toml", top), ("e/s/base.toml", base)]);
    Document::read(folder.path(), "e/s/top.toml").map_err(|findings| shown(&findings))
}

#[test]
fn tables_merge_and_everything_else_is_replaced() {
    let value = read(TOP, BASE).unwrap().value();
    assert_eq!(
        value,
        json!({
            "region": "us-east-1",
            "networking": { "private": ["10.1.1.0/24", "10.1.2.0/24"], "nat": "single" },
            "compute": { "service": { "api": { "cpu": 512, "secrets": { "A": "one", "B": "three" }, "memory": 1024 } } },
            "cost": { "usage": {} },
            "extends": "base.toml",
            "unset": ["compute.service.worker", "cost.usage.nat-gateway.gb"],
            "list": [{ "x": 1 }, { "x": 2 }],
        })
    );
}

#[test]
fn every_value_is_found_where_it_was_written() {
    let document = read(TOP, BASE).unwrap();
    let cases = [
        ("region", "base.toml:1:10-21"),
        ("networking", "top.toml:4:1-13"),
        ("networking.nat", "base.toml:5:7-15"),
        ("networking.private", "top.toml:5:11-12"),
        ("networking.private.1", "top.toml:7:5-18"),
        // The deepest above that was written.
        ("networking.private.7", "top.toml:5:11-12"),
        ("networking.cidr", "top.toml:4:1-13"),
        ("compute.service.api", "top.toml:10:1-22"),
        ("compute.service.api.cpu", "base.toml:8:7-10"),
        ("compute.service.api.secrets.A", "base.toml:9:17-22"),
        ("compute.service.api.secrets.B", "top.toml:12:13-20"),
        ("list.1.x", "top.toml:17:5-6"),
        ("list.1", "top.toml:16:1-9"),
        ("nothing.at.all", "top.toml:1:1-2"),
        ("", "top.toml:1:1-2"),
    ];
    for (key, place) in cases {
        let at = document.locate(key);
        let file = at.file.strip_prefix("e/s/").unwrap();
        assert_eq!(format!("{file}:{}:{}-{}", at.line, at.column, at.end_column), place, "{key}");
    }
    assert_eq!(document.locate("networking.nat").source_line, "nat = \"single\"");
}

#[test]
fn a_key_has_a_place_of_its_own() {
    let document = read("", BASE).unwrap();
    assert_eq!(document.files().collect::<Vec<_>>(), ["e/s/top.toml"]);
    let document = read(TOP, BASE).unwrap();
    let at = document.locate_part(&["networking", "nat"], Part::Key);
    assert_eq!((at.line, at.column, at.end_column), (5, 1, 4));
}

#[test]
fn keys_may_hold_dots() {
    let document = read("[cost.usage]\n\"nat-gateway.gb\" = 1\n\"nat-gateway.x.y\" = 2\n", BASE).unwrap();
    assert_eq!(document.locate("cost.usage.nat-gateway.gb").line, 2);
    assert_eq!(document.locate("cost.usage.nat-gateway.x.y").line, 3);
}

#[test]
fn files_extend_files_that_extend_files() {
    let folder = workspace(&[
        ("e/s/top.toml", "extends = \"../common/middle.toml\"\nc = 3\n"),
        ("e/common/middle.toml", "extends = \"base.toml\"\nb = 2\nc = 2\n"),
        ("e/common/base.toml", "a = 1\nb = 1\nc = 1\n"),
    ]);
    let document = Document::read(folder.path(), "e/s/top.toml").unwrap();
    let value = document.value();
    assert_eq!((&value["a"], &value["b"], &value["c"]), (&json!(1), &json!(2), &json!(3)));
    assert_eq!(document.locate("b").file, "e/common/middle.toml");
    assert_eq!(document.files().count(), 3);
}

#[test]
fn what_cannot_be_read_says_where_and_why() {
    let cases = [
        (
            "extends = \"bse.toml\"\n",
            "e/s/top.toml:1:11-21 file-missing: there is no file `e/s/bse.toml` (did you mean `base.toml`?)",
        ),
        (
            "extends = \"../../../base.toml\"\n",
            "e/s/top.toml:1:11-31 extends-outside: `../../../base.toml` is no file of this workspace \
             (write a path relative to this file, such as `base.toml`)",
        ),
        (
            "extends = \"/etc/passwd\"\n",
            "e/s/top.toml:1:11-24 extends-outside: `/etc/passwd` is no file of this workspace \
             (write a path relative to this file, such as `base.toml`)",
        ),
        (
            "a = 1\nextends = \"top.toml\"\n",
            "e/s/top.toml:2:11-21 extends-circle: the files extend each other in a circle: e/s/top.toml → e/s/top.toml \
             (take one `extends` away)",
        ),
        (
            "extends = \"base.toml\"\nunset = [\"compute.service.workr\", \"networking\"]\n",
            "e/s/top.toml:2:10-33 unset-nothing: `compute.service.workr` is not in `base.toml`, so it cannot be taken away \
             (did you mean `compute.service.worker`?)",
        ),
        (
            "unset = [\"a\"]\n",
            "e/s/top.toml:1:10-13 unset-nothing: there is nothing to take `a` away from \
             (`unset` is for a file with `extends`: take it away)",
        ),
        (
            "a = 1\nb = \n",
            "e/s/top.toml:2:5-6 syntax: this is not TOML: string values must be quoted, expected literal string",
        ),
        ("a = 1\n[b\nc = 2\n", "e/s/top.toml:2:3-4 syntax: this is not TOML: unclosed table, expected `]`"),
        ("a = 1\na = 2\n", "e/s/top.toml:2:1-2 syntax: this is not TOML: duplicate key"),
    ];
    for (top, message) in cases {
        assert_eq!(read(top, BASE).unwrap_err(), message);
    }
}

#[test]
fn a_mistake_below_is_reported_there() {
    let found = read("extends = \"base.toml\"\n", "x = 1\ny = [1,\n").unwrap_err();
    assert!(found.starts_with("e/s/base.toml:"), "{found}");
}
