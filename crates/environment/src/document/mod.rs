//! An environment's files: read, laid over each other, and where every value was written.

mod place;
mod tree;

use std::path::{Component, Path, PathBuf};

use engine::{Finding, Severity};
use serde_json::Value;
use toml_edit::Document as Toml;

pub use place::Located;
use place::Source;
use tree::{Shape, Span, Tree};

use crate::LocatedFinding;

/// An environment's files as one: the file itself over those that it `extends`.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    sources: Vec<Source>,
    root: Tree,
}

/// What of a key an error is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The key: it should not be there.
    Key,
    /// The value: it should be another.
    Value,
}

impl Document {
    /// Reads a file, relative to the workspace `root`, and what it `extends`.
    ///
    /// Tables merge key by key; lists and single values replace; what `unset` names is taken away from the file below
    /// before.
    pub fn read(root: &Path, file: &str) -> Result<Self, Vec<LocatedFinding>> {
        let mut document = Self { sources: Vec::new(), root: empty() };
        let mut findings = Vec::new();
        match document.tree(root, file, None, &mut findings) {
            Some(tree) if findings.is_empty() => {
                document.root = tree;
                Ok(document)
            }
            _ => Err(findings),
        }
    }

    /// The values alone.
    pub fn value(&self) -> Value {
        self.root.to_json()
    }

    /// The files, the environment's own first, relative to the workspace.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.sources.iter().map(|source| source.file.as_str())
    }

    /// Where the value at a dotted key path was written (`networking.private.1`), or else the deepest table above it
    /// that was.
    pub fn locate(&self, path: &str) -> Located {
        self.locate_part(&path.split('.').collect::<Vec<_>>(), Part::Value)
    }

    /// Where a key or its value was written, or else the deepest table above it that was.
    pub fn locate_part(&self, path: &[&str], part: Part) -> Located {
        let (mut found, mut length) = self.root.follow(path);
        loop {
            let whole = length == path.len();
            let span = match part {
                Part::Key if whole => found.key.as_ref().or(found.value.as_ref()),
                _ => found.value.as_ref().or(found.key.as_ref()),
            };
            match span {
                Some(span) => return self.place(span),
                // Only the file itself, or a list of tables, has no place.
                None if length == 0 => return self.place(&Span { source: 0, bytes: 0..0 }),
                None => (found, length) = self.root.follow(&path[..length - 1]),
            }
        }
    }

    /// Adds the place to a finding.
    pub fn located(&self, finding: Finding) -> LocatedFinding {
        let place = finding.key.as_deref().map(|key| self.locate(key));
        LocatedFinding { finding, place }
    }

    /// What the keys of the table at a path are.
    pub fn keys(&self, path: &[&str]) -> Vec<&str> {
        match self.root.follow(path) {
            (tree, length) if length == path.len() => tree.keys().collect(),
            _ => Vec::new(),
        }
    }

    fn place(&self, span: &Span) -> Located {
        match self.sources.get(span.source) {
            Some(source) => source.locate(span.bytes.clone()),
            None => Source { file: String::new(), text: String::new() }.locate(0..0),
        }
    }

    /// Reads one file over those below it. `asked` is the `extends` that names it.
    fn tree(
        &mut self,
        root: &Path,
        file: &str,
        asked: Option<&Span>,
        findings: &mut Vec<LocatedFinding>,
    ) -> Option<Tree> {
        let at = |document: &Self| asked.map(|span| document.place(span));
        if self.sources.iter().any(|source| source.file == file) {
            let chain: Vec<&str> = self.files().chain([file]).collect();
            let message = format!("the files extend each other in a circle: {}", chain.join(" → "));
            findings.push(problem("extends-circle", "extends", message, "take one `extends` away", at(self)));
            return None;
        }
        let text = match std::fs::read_to_string(root.join(file)) {
            Ok(text) => text,
            Err(error) => {
                findings.push(unreadable(root, file, &error, at(self)));
                return None;
            }
        };
        let index = self.sources.len();
        self.sources.push(Source { file: file.to_owned(), text });
        let toml = match Toml::parse(self.sources[index].text.clone()) {
            Ok(toml) => toml,
            Err(error) => {
                let place = self.sources[index].locate(error.span().unwrap_or(0..0));
                findings.push(syntax(&error, place));
                return None;
            }
        };
        let over = Tree::of_file(toml.as_table(), index);
        let unset = unset(&over);
        let Some((below, span)) = over.get("extends").and_then(extends) else {
            for (path, span) in unset {
                let message = format!("there is nothing to take `{path}` away from");
                let hint = "`unset` is for a file with `extends`: take it away";
                findings.push(problem("unset-nothing", "unset", message, hint, Some(self.place(&span))));
            }
            return Some(over);
        };
        let Some(path) = beside(file, &below) else {
            let message = format!("`{below}` is no file of this workspace");
            let hint = "write a path relative to this file, such as `base.toml`";
            findings.push(problem("extends-outside", "extends", message, hint, Some(self.place(&span))));
            return None;
        };
        let mut tree = self.tree(root, &path, Some(&span), findings)?;
        for (key, span) in unset {
            if !tree.remove(&key.split('.').collect::<Vec<_>>()) {
                let message = format!("`{key}` is not in `{below}`, so it cannot be taken away");
                let hint = near(&tree, &key).unwrap_or_else(|| "take it out of `unset`".to_owned());
                findings.push(problem("unset-nothing", "unset", message, &hint, Some(self.place(&span))));
            }
        }
        tree.overlay(over);
        Some(tree)
    }
}

fn empty() -> Tree {
    Tree { shape: Shape::Table(indexmap::IndexMap::new()), key: None, value: None }
}

fn extends(tree: &Tree) -> Option<(String, Span)> {
    match &tree.shape {
        Shape::Scalar(Value::String(text)) => Some((text.clone(), tree.value.clone()?)),
        // Another type is found when the settings are read.
        _ => None,
    }
}

fn unset(tree: &Tree) -> Vec<(String, Span)> {
    match tree.get("unset").map(|unset| &unset.shape) {
        Some(Shape::List(items)) => items.iter().filter_map(extends).collect(),
        _ => Vec::new(),
    }
}

/// The path of a file named in another, relative to the workspace; `None`: it is outside of it.
fn beside(file: &str, named: &str) -> Option<String> {
    let mut path = PathBuf::from(file);
    path.pop();
    for component in Path::new(named).components() {
        match component {
            Component::Normal(name) => path.push(name),
            Component::CurDir => {}
            Component::ParentDir if path.pop() => {}
            _ => return None,
        }
    }
    let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
    Some(parts.join("/"))
}

/// The key of a tree that was probably meant, with the same table above it.
fn near(tree: &Tree, key: &str) -> Option<String> {
    let path: Vec<&str> = key.split('.').collect();
    let (table, length) = tree.follow(&path);
    let meant = schema::closest(path.get(length)?, table.keys())?;
    let mut full: Vec<&str> = path[..length].to_vec();
    full.push(meant);
    full.extend(path.iter().skip(length + 1));
    Some(format!("did you mean `{}`?", full.join(".")))
}

fn problem(rule: &str, key: &str, message: String, hint: &str, place: Option<Located>) -> LocatedFinding {
    LocatedFinding {
        finding: Finding {
            severity: Severity::Error,
            rule: rule.to_owned(),
            address: None,
            key: Some(key.to_owned()),
            message,
            hint: Some(hint.to_owned()),
        },
        place,
    }
}

fn syntax(error: &toml_edit::TomlError, place: Located) -> LocatedFinding {
    let message = error.message().trim().replace('\n', ", ");
    let mut finding = problem("syntax", "", format!("this is not TOML: {message}"), "", Some(place));
    finding.finding.key = None;
    finding.finding.hint = None;
    finding
}

fn unreadable(root: &Path, file: &str, error: &std::io::Error, place: Option<Located>) -> LocatedFinding {
    if error.kind() != std::io::ErrorKind::NotFound {
        let message = format!("`{file}` cannot be read: {error}");
        return problem("file-unreadable", "extends", message, "make it a readable UTF-8 file", place);
    }
    let folder = Path::new(file).parent().unwrap_or(Path::new(""));
    let beside = std::fs::read_dir(root.join(folder)).into_iter().flatten().flatten();
    let names: Vec<String> = beside.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    let wanted = Path::new(file).file_name().unwrap_or_default().to_string_lossy();
    let hint = match schema::closest(&wanted, names.iter().map(String::as_str)) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("write the name of a file in `{}`", folder.display()),
    };
    problem("file-missing", "extends", format!("there is no file `{file}`"), &hint, place)
}
