//! Every module's example environment on a local cloud: made, planned empty, changed, destroyed.
//! The same loop as `cargo xtask test MODULE`, without the unit tests, which run by themselves here.

#![allow(missing_docs)]

mod support;

use support::{Workspace, repository};

fn example(module: &str) {
    let workspace = Workspace::new(&format!("{module}/example"));
    let system = workspace.root().join("environments").join(module);
    std::fs::create_dir_all(&system).unwrap();
    let read = |name: &str| {
        std::fs::read_to_string(repository().join("crates").join(module).join("example").join(name)).unwrap()
    };
    std::fs::write(system.join("base.toml"), read("base.toml")).unwrap();
    let write = |overlay: &str| {
        std::fs::write(system.join("example.toml"), format!("extends = \"base.toml\"\n\n{overlay}")).unwrap()
    };

    write("");
    workspace.ok(&["deploy-full", "--yes"]);
    workspace.expect(0, &["plan", "--detailed-exitcode"]);
    write(&read("change.toml"));
    workspace.expect(2, &["plan", "--detailed-exitcode"]);
    workspace.ok(&["deploy-full", "--yes"]);
    workspace.expect(0, &["plan", "--detailed-exitcode"]);
    workspace.ok(&["destroy", "--yes", "--lift-protection"]);
    assert_eq!(workspace.json(0, &["state", "list"]), serde_json::json!([]));
}

#[test]
fn networking() {
    example("networking");
}

#[test]
fn compute() {
    example("compute");
}

#[test]
fn storage() {
    example("storage");
}

#[test]
fn security() {
    example("security");
}

#[test]
fn events() {
    example("events");
}

#[test]
fn monitoring() {
    example("monitoring");
}
