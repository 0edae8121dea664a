//! Embedded JSON lines, each parsed when first asked for.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::de::DeserializeOwned;
use serde_json::Value;

/// Rows of one or two embedded files. Each line is an object whose first member is its key. A line of the second file is
/// put over the line of the same key in the first.
pub(crate) struct Table<T> {
    rows: BTreeMap<&'static str, Row<T>>,
}

struct Row<T> {
    lines: Vec<&'static str>,
    parsed: OnceLock<Option<T>>,
}

impl<T: DeserializeOwned> Table<T> {
    /// Finds the lines and their keys; parses nothing.
    pub(crate) fn new(texts: &[&'static str]) -> Self {
        let mut rows: BTreeMap<_, Row<T>> = BTreeMap::new();
        for line in texts.iter().flat_map(|text| text.lines()) {
            // {"typeName":"AWS::EC2::VPC",…: the fourth piece between quotes is the key.
            if let Some(key) = line.split('"').nth(3) {
                let row = rows.entry(key).or_insert_with(|| Row { lines: Vec::new(), parsed: OnceLock::new() });
                row.lines.push(line);
            }
        }
        Self { rows }
    }

    /// The row of this key. None: there is no such row. (Tests parse every row, so none is lost to a parse error.)
    pub(crate) fn get(&self, key: &str) -> Option<&T> {
        let row = self.rows.get(key)?;
        row.parsed.get_or_init(|| parse(&row.lines).ok()).as_ref()
    }

    /// All keys, sorted.
    pub(crate) fn keys(&self) -> impl ExactSizeIterator<Item = &'static str> + '_ {
        self.rows.keys().copied()
    }
}

fn parse<T: DeserializeOwned>(lines: &[&str]) -> serde_json::Result<T> {
    match lines {
        [line] => serde_json::from_str(line),
        _ => {
            let mut whole = Value::Null;
            for line in lines {
                merge(&mut whole, serde_json::from_str(line)?);
            }
            serde_json::from_value(whole)
        }
    }
}

/// Objects member by member; all else is replaced.
fn merge(under: &mut Value, over: Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            over.into_iter().for_each(|(key, value)| merge(under.entry(key).or_insert(Value::Null), value));
        }
        (under, over) => *under = over,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn later_lines_are_put_over_earlier_ones() {
        let table: Table<Value> = Table::new(&[
            "{\"k\":\"a\",\"m\":{\"x\":1,\"y\":[1]}}\n",
            "{\"k\":\"a\",\"m\":{\"y\":[2]}}\n{\"k\":\"b\"}\n",
        ]);
        assert_eq!(table.keys().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(table.get("a"), Some(&json!({"k": "a", "m": {"x": 1, "y": [2]}})));
        assert_eq!(table.get("b"), Some(&json!({"k": "b"})));
        assert_eq!(table.get("c"), None);
    }
}
