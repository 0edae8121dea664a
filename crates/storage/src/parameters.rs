//! What parameter groups of RDS and ElastiCache share: families, and changes in the chunks that AWS takes.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Parameters by name; AWS keeps all values as text.
pub(crate) type Parameters = BTreeMap<String, String>;

/// AWS takes this many parameters in one call.
pub(crate) const PER_CALL: usize = 20;

/// What makes the live parameters the declared ones.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    /// To be set: name and value.
    pub(crate) set: Vec<(String, String)>,
    /// To be given the engine's default again.
    pub(crate) reset: Vec<String>,
}

pub(crate) fn changes(declared: Option<&Parameters>, live: Option<&Parameters>) -> Changes {
    let none = Parameters::new();
    let (declared, live) = (declared.unwrap_or(&none), live.unwrap_or(&none));
    let differs = |(name, value): &(&String, &String)| live.get(*name) != Some(*value);
    Changes {
        set: declared.iter().filter(differs).map(|(name, value)| (name.clone(), value.clone())).collect(),
        reset: live.keys().filter(|name| !declared.contains_key(*name)).cloned().collect(),
    }
}

/// Reads values that a template may write as numbers or booleans.
pub(crate) fn as_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Parameters>, D::Error> {
    let Some(values) = Option::<BTreeMap<String, Value>>::deserialize(deserializer)? else {
        return Ok(None);
    };
    let text = |(name, value)| match value {
        Value::String(text) => Ok((name, text)),
        Value::Number(number) => Ok((name, number.to_string())),
        Value::Bool(on) => Ok((name, on.to_string())),
        _ => Err(serde::de::Error::custom(format!("the parameter `{name}` must be text or a number"))),
    };
    values.into_iter().map(text).collect::<Result<_, _>>().map(Some)
}

/// A version as numbers: `15.10` is `[15, 10]`. What is no number counts as 0.
pub(crate) fn numbers(version: &str) -> Vec<u32> {
    version.split('.').map(|part| part.parse().unwrap_or(0)).collect()
}

/// The major version of a database: `15` of PostgreSQL 15.10, `8.0` of MySQL 8.0.36.
pub(crate) fn major(engine: &str, version: &str) -> String {
    let parts: Vec<&str> = version.split('.').collect();
    let long = match engine {
        "postgres" | "aurora-postgresql" => numbers(version).first().is_some_and(|first| *first < 10),
        _ => true,
    };
    parts[..parts.len().min(if long { 2 } else { 1 })].join(".")
}

/// The parameter group family of a database: `postgres15`, `mysql8.0`.
pub(crate) fn db_family(engine: &str, version: &str) -> String {
    format!("{engine}{}", major(engine, version))
}

/// The parameter group family of a cache: `redis7`, `redis6.x`, `redis5.0`, `valkey8`.
pub(crate) fn cache_family(engine: &str, version: &str) -> String {
    let parts: Vec<&str> = version.split('.').collect();
    match (engine, numbers(version).first()) {
        ("redis", Some(6)) => "redis6.x".to_owned(),
        ("redis", Some(first)) if *first < 6 => {
            format!("redis{}", parts[..parts.len().min(2)].join("."))
        }
        _ => format!("{engine}{}", parts.first().unwrap_or(&"")),
    }
}

/// A cache's version as it is declared: ElastiCache reports `7.1.0` for 7.1, and from 6 on takes no patch level.
pub(crate) fn cache_version(version: &str) -> String {
    let parts: Vec<&str> = version.split('.').collect();
    match numbers(version).first() {
        Some(first) if *first >= 6 => parts[..parts.len().min(2)].join("."),
        _ => version.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(pairs: &[(&str, &str)]) -> Parameters {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn only_what_differs_is_set_and_what_is_gone_is_reset() {
        let declared = parameters(&[("a", "1"), ("b", "2")]);
        let live = parameters(&[("a", "1"), ("b", "3"), ("c", "4")]);
        let expected = Changes { set: vec![("b".into(), "2".into())], reset: vec!["c".into()] };
        assert_eq!(changes(Some(&declared), Some(&live)), expected);
        assert_eq!(changes(Some(&declared), None).set.len(), 2);
        assert_eq!(changes(None, Some(&live)).reset.len(), 3);
    }

    #[test]
    fn families_and_versions_are_those_of_aws() {
        for (engine, version, family) in [
            ("postgres", "15.10", "postgres15"),
            ("postgres", "9.6.24", "postgres9.6"),
            ("mysql", "8.0.36", "mysql8.0"),
            ("aurora-postgresql", "16.4", "aurora-postgresql16"),
        ] {
            assert_eq!(db_family(engine, version), family);
        }
        for (engine, version, family) in [
            ("redis", "7.1", "redis7"),
            ("redis", "6.2", "redis6.x"),
            ("redis", "5.0.6", "redis5.0"),
            ("valkey", "8.0", "valkey8"),
        ] {
            assert_eq!(cache_family(engine, version), family);
        }
        for (reported, declared) in [("7.1.0", "7.1"), ("6.2.6", "6.2"), ("5.0.6", "5.0.6"), ("8.0.1", "8.0")] {
            assert_eq!(cache_version(reported), declared);
        }
    }
}
