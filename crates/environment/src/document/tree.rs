//! The values of an environment with the place each was written at, and laying one file over another.

use std::ops::Range;

use indexmap::IndexMap;
use serde_json::{Map, Value};
use toml_edit::{Array, Item, Key, Table, TableLike};

/// A span of bytes in one of the files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    /// The index of the file.
    pub source: usize,
    /// The bytes.
    pub bytes: Range<usize>,
}

/// A value, and where it was written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tree {
    pub shape: Shape,
    /// The key, where the value has one.
    pub key: Option<Span>,
    /// The value itself; of a table its `[header]`.
    pub value: Option<Span>,
}

/// A value's kind.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Shape {
    Table(IndexMap<String, Tree>),
    List(Vec<Tree>),
    Scalar(Value),
}

impl Tree {
    /// The table of a whole file.
    pub fn of_file(table: &Table, source: usize) -> Self {
        Self { shape: of_table(table, source), key: None, value: None }
    }

    /// Lays `over` over this: tables merge key by key, everything else is replaced.
    pub fn overlay(&mut self, over: Self) {
        match (&mut self.shape, over.shape) {
            (Shape::Table(below), Shape::Table(above)) => {
                for (key, value) in above {
                    match below.get_mut(&key) {
                        Some(there) => there.overlay(value),
                        None => {
                            below.insert(key, value);
                        }
                    }
                }
                // A table that the upper file only passes through stays where it has its header.
                if over.value.is_some() {
                    (self.key, self.value) = (over.key, over.value);
                }
            }
            (shape, above) => {
                *shape = above;
                (self.key, self.value) = (over.key, over.value);
            }
        }
    }

    /// The values alone.
    pub fn to_json(&self) -> Value {
        match &self.shape {
            Shape::Table(entries) => {
                Value::Object(entries.iter().map(|(key, tree)| (key.clone(), tree.to_json())).collect::<Map<_, _>>())
            }
            Shape::List(items) => Value::Array(items.iter().map(Self::to_json).collect()),
            Shape::Scalar(value) => value.clone(),
        }
    }

    /// The value at a key, if this is a table that has it.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match &self.shape {
            Shape::Table(entries) => entries.get(key),
            _ => None,
        }
    }

    /// The keys, if this is a table.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        let entries = match &self.shape {
            Shape::Table(entries) => Some(entries),
            _ => None,
        };
        entries.into_iter().flat_map(|entries| entries.keys().map(String::as_str))
    }

    /// Follows a path as far as it leads: the last value there is, and how many segments led to it.
    ///
    /// A key may itself hold dots (`"nat-gateway.gb"`), so several segments may be one key.
    pub fn follow(&self, path: &[&str]) -> (&Self, usize) {
        let mut best = (self, 0);
        for taken in 1..=path.len() {
            let inner = match &self.shape {
                Shape::Table(entries) => entries.get(&path[..taken].join(".")),
                Shape::List(items) if taken == 1 => path[0].parse::<usize>().ok().and_then(|index| items.get(index)),
                _ => None,
            };
            if let Some(inner) = inner {
                let (found, further) = inner.follow(&path[taken..]);
                if taken + further > best.1 {
                    best = (found, taken + further);
                }
            }
        }
        best
    }

    /// Takes the value at a path away; whether it was there.
    pub fn remove(&mut self, path: &[&str]) -> bool {
        let Shape::Table(entries) = &mut self.shape else { return false };
        (1..=path.len()).any(|taken| {
            let key = path[..taken].join(".");
            if taken == path.len() {
                entries.shift_remove(&key).is_some()
            } else {
                entries.get_mut(&key).is_some_and(|inner| inner.remove(&path[taken..]))
            }
        })
    }
}

fn span(bytes: Option<Range<usize>>, source: usize) -> Option<Span> {
    bytes.map(|bytes| Span { source, bytes })
}

fn of_table(table: &dyn TableLike, source: usize) -> Shape {
    let entry = |(name, item): (&str, &Item)| {
        let key = span(table.key(name).and_then(Key::span), source);
        Some((name.to_owned(), of_item(item, key, source)?))
    };
    Shape::Table(table.iter().filter_map(entry).collect())
}

fn of_item(item: &Item, key: Option<Span>, source: usize) -> Option<Tree> {
    let value = span(item.span(), source);
    let shape = match item {
        Item::None => return None,
        Item::Table(table) => of_table(table, source),
        Item::ArrayOfTables(tables) => {
            let table =
                |table: &Table| Tree { shape: of_table(table, source), key: None, value: span(table.span(), source) };
            Shape::List(tables.iter().map(table).collect())
        }
        Item::Value(value) => of_value(value, source),
    };
    Some(Tree { shape, key, value })
}

fn of_value(value: &toml_edit::Value, source: usize) -> Shape {
    let scalar = |value: Value| Shape::Scalar(value);
    match value {
        toml_edit::Value::String(text) => scalar(Value::from(text.value().as_str())),
        toml_edit::Value::Integer(number) => scalar(Value::from(*number.value())),
        // JSON has no infinity and no NaN: as text they are refused where a number is asked for.
        toml_edit::Value::Float(number) => scalar(
            serde_json::Number::from_f64(*number.value())
                .map_or_else(|| Value::from(number.value().to_string()), Value::Number),
        ),
        toml_edit::Value::Boolean(flag) => scalar(Value::from(*flag.value())),
        toml_edit::Value::Datetime(time) => scalar(Value::from(time.value().to_string())),
        toml_edit::Value::Array(items) => of_array(items, source),
        toml_edit::Value::InlineTable(table) => of_table(table, source),
    }
}

fn of_array(items: &Array, source: usize) -> Shape {
    let item = |value: &toml_edit::Value| Tree {
        shape: of_value(value, source),
        key: None,
        value: span(value.span(), source),
    };
    Shape::List(items.iter().map(item).collect())
}
