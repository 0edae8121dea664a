//! A workspace in a temporary folder, and findings as a person reads them.

use std::path::Path;

use environment::LocatedFinding;
use tempfile::TempDir;

/// A workspace with these files.
pub fn workspace(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (file, text) in files {
        write(folder.path(), file, text);
    }
    folder
}

pub fn write(root: &Path, file: &str, text: &str) {
    let path = root.join(file);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// The workspace that this crate is part of.
pub fn this_workspace() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// `file:line:column-end rule: message (hint)`, one a line.
pub fn shown(findings: &[LocatedFinding]) -> String {
    let lines: Vec<String> = findings
        .iter()
        .map(|found| {
            let place = match &found.place {
                Some(at) => format!("{}:{}:{}-{} ", at.file, at.line, at.column, at.end_column),
                None => String::new(),
            };
            let hint = found.finding.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
            format!("{place}{}: {}{hint}", found.finding.rule, found.finding.message)
        })
        .collect();
    lines.join("\n")
}
