//! The rules of the house, each a test. DESIGN and ARCHITECTURE.md say why.

#![allow(missing_docs)]

mod support;

use std::path::{Path, PathBuf};

use support::repository;

const SERVICE_CRATES: &[&str] = &["networking", "compute", "storage", "security", "events", "monitoring"];

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn rust_files(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// The code without comments and without what is for tests: after `#[cfg(test)]`, or in files called so.
fn code(path: &Path) -> String {
    let root = repository();
    let inside = path.strip_prefix(root.join("crates")).unwrap_or(Path::new(""));
    let is_test = inside.components().any(|part| matches!(part.as_os_str().to_str(), Some("tests" | "tests.rs")));
    let text = if is_test { String::new() } else { read(path) };
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn crate_dir(name: &str) -> PathBuf {
    repository().join("crates").join(name)
}

fn all_crates() -> Vec<String> {
    let entries = std::fs::read_dir(repository().join("crates")).unwrap().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn service_crates_do_not_depend_on_each_other() {
    for name in SERVICE_CRATES {
        let manifest = read(&crate_dir(name).join("Cargo.toml"));
        for other in SERVICE_CRATES.iter().chain(&["environment", "xtask"]).filter(|other| *other != name) {
            let depends = manifest
                .lines()
                .any(|line| line.starts_with(&format!("{other}.")) || line.starts_with(&format!("{other} ")));
            assert!(!depends, "{name} depends on {other}");
        }
    }
}

#[test]
fn the_engine_names_no_aws_service() {
    let manifest = read(&crate_dir("engine").join("Cargo.toml"));
    assert!(!manifest.contains("aws-"), "the engine depends on the AWS SDK");
    for path in rust_files(&crate_dir("engine").join("src")) {
        let code = code(&path);
        for service in ["EC2", "ECS", "RDS", "S3", "IAM", "Lambda", "aws_sdk", "ec2:", "CloudFront"] {
            assert!(!code.contains(service), "{} names {service}", path.display());
        }
    }
}

#[test]
fn only_xtask_prints() {
    for name in all_crates() {
        for path in rust_files(&crate_dir(&name).join("src")) {
            let code = code(&path);
            for macro_name in ["println!", "eprintln!", "print!(", "dbg!"] {
                assert!(!code.contains(macro_name), "{} prints with {macro_name}", path.display());
            }
        }
    }
}

#[test]
fn every_resource_is_in_its_catalogue() {
    for name in SERVICE_CRATES {
        let dir = crate_dir(name).join("src");
        let catalogue = read(&dir.join("lib.rs"));
        for path in rust_files(&dir) {
            for line in code(&path).lines() {
                let Some(resource) = line.strip_prefix("impl Resource for ") else { continue };
                let resource = resource.trim_end_matches([' ', '{']);
                assert!(
                    catalogue.contains(&format!("{resource},")),
                    "{resource} of {} is not in lib.rs",
                    path.display()
                );
            }
        }
    }
}

#[test]
fn every_catalogued_type_has_a_schema() {
    let catalogue = environment::catalogue();
    assert!(catalogue.types().count() >= 40);
    for name in catalogue.types() {
        assert!(schema::facts(name).is_some(), "{name} has no schema");
    }
}

#[test]
fn no_generated_sdk_waiter_and_no_sleep_in_a_service_crate() {
    for name in SERVICE_CRATES {
        for path in rust_files(&crate_dir(name).join("src")) {
            let code = code(&path);
            for word in ["wait_until", "waiters", "tokio::time::sleep", "thread::sleep"] {
                assert!(!code.contains(word), "{} waits by itself: {word}", path.display());
            }
        }
    }
}

#[test]
fn nothing_is_left_to_do_behind_a_command() {
    let mut dirs: Vec<PathBuf> = all_crates().iter().map(|name| crate_dir(name).join("src")).collect();
    dirs.push(repository().join("xtask/src"));
    for path in dirs.iter().flat_map(|dir| rust_files(dir)) {
        let code = code(&path);
        for word in ["todo!(", "unimplemented!(", ".unwrap()"] {
            assert!(!code.contains(word), "{} has {word}", path.display());
        }
    }
}

#[test]
fn files_have_one_subject() {
    let mut dirs: Vec<PathBuf> = all_crates().iter().map(|name| crate_dir(name).join("src")).collect();
    dirs.push(repository().join("xtask/src"));
    for path in dirs.iter().flat_map(|dir| rust_files(dir)) {
        let lines = read(&path).lines().count();
        assert!(lines <= 450, "{} has {lines} lines", path.display());
    }
}

#[test]
fn every_command_has_a_make_target() {
    let makefile = read(&repository().join("Makefile"));
    let help = std::process::Command::new(env!("CARGO_BIN_EXE_xtask")).arg("--help").output().unwrap();
    let help = support::text(&help.stdout);
    let commands =
        help.lines().skip_while(|line| !line.starts_with("Commands:")).skip(1).take_while(|line| !line.is_empty());
    let names: Vec<&str> = commands
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(names.len() > 10, "{help}");
    for name in names.into_iter().filter(|name| !["help", "bench", "generate"].contains(name)) {
        assert!(makefile.contains(name), "`{name}` has no make target");
    }
}

#[test]
fn generated_files_are_current() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["generate", "docs", "--check"])
        .env("GROUNDPLAN_ROOT", repository())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", support::text(&output.stderr));
}
