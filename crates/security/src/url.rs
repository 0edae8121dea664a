//! Connection URLs of a template and a secret's keys, and the way back.
//!
//! The way back is how a URL in a secret is compared without showing it: each part that is one of
//! the secret's values becomes `{key}` again, and what is neither that nor in a closed vocabulary
//! becomes `(changed)`. So a password that was rotated without its URL shows, and none is shown.

use serde_json::{Map, Value};

use crate::percent;

/// What stands for a part that is none of the secret's values.
const CHANGED: &str = "(changed)";

/// Queries that a URL may end in: libpq's `sslmode`.
const QUERIES: &[&str] = &[
    "sslmode=disable",
    "sslmode=allow",
    "sslmode=prefer",
    "sslmode=require",
    "sslmode=verify-ca",
    "sslmode=verify-full",
];

/// Puts percent-encoded values in place of `{key}`; or says which key there is no value for.
pub(crate) fn render(template: &str, keys: &Map<String, Value>) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (key, after) = after.split_once('}').ok_or_else(|| after.to_owned())?;
        let value = keys.get(key).and_then(value_text).ok_or_else(|| key.to_owned())?;
        out.push_str(before);
        out.push_str(&percent::encode(&value));
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

/// The template that a URL was made of, as far as it fits the keys.
pub(crate) fn template_of(url: &str, keys: &Map<String, Value>) -> String {
    let named = |text: &str, key: &str| match keys.get(key).and_then(value_text) {
        _ if text.is_empty() => String::new(),
        Some(value) if percent::encode(&value) == text => format!("{{{key}}}"),
        _ => CHANGED.to_owned(),
    };
    let Some((scheme, rest)) = url.split_once("://").filter(|(scheme, _)| is_scheme(scheme)) else {
        return CHANGED.to_owned();
    };
    let (authority, tail) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let mut out = format!("{scheme}://");
    let host = match authority.rsplit_once('@') {
        None => authority,
        Some((user, host)) => {
            let (user, password) = user.split_once(':').map_or((user, None), |(user, password)| (user, Some(password)));
            out.push_str(&named(user, "username"));
            if let Some(password) = password {
                out.push(':');
                out.push_str(&named(password, "password"));
            }
            out.push('@');
            host
        }
    };
    let (host, port) = host.rsplit_once(':').map_or((host, None), |(host, port)| (host, Some(port)));
    out.push_str(&named(host, "host"));
    if let Some(port) = port {
        out.push(':');
        out.push_str(&named(port, "port"));
    }
    let (path, query) = tail.split_once('?').map_or((tail, None), |(path, query)| (path, Some(query)));
    if let Some(name) = path.strip_prefix('/') {
        out.push('/');
        // A Redis URL ends in the number of a database.
        let number = name.len() <= 2 && name.bytes().all(|b| b.is_ascii_digit());
        out.push_str(&if number && !keys.contains_key("dbname") { name.to_owned() } else { named(name, "dbname") });
    } else if !path.is_empty() {
        out.push_str(CHANGED);
    }
    if let Some(query) = query {
        out.push('?');
        out.push_str(if QUERIES.contains(&query) { query } else { CHANGED });
    }
    out
}

fn is_scheme(text: &str) -> bool {
    matches!(text, "postgres" | "postgresql" | "mysql" | "mariadb" | "redis" | "rediss" | "valkey" | "valkeys")
}

/// A JSON value as it stands in a URL.
fn value_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn keys() -> Map<String, Value> {
        let keys = json!({
            "username": "arrakis", "password": "s/p@i:c%e", "host": "db.example.com", "port": 5432, "dbname": "dune",
        });
        keys.as_object().cloned().unwrap()
    }

    const POSTGRES: &str = "postgres://{username}:{password}@{host}:{port}/{dbname}?sslmode=require";

    #[test]
    fn there_and_back() {
        let url = render(POSTGRES, &keys()).unwrap();
        assert_eq!(url, "postgres://arrakis:s%2Fp%40i%3Ac%25e@db.example.com:5432/dune?sslmode=require");
        let mut without_database = keys();
        without_database.remove("dbname");
        for (template, keys) in [
            (POSTGRES, &keys()),
            ("rediss://:{password}@{host}:{port}", &keys()),
            ("redis://{host}:{port}/0", &without_database),
            ("mysql://{username}:{password}@{host}:{port}", &keys()),
        ] {
            assert_eq!(template_of(&render(template, keys).unwrap(), keys), template);
        }
    }

    #[test]
    fn a_missing_key_is_named() {
        assert_eq!(render("redis://{hots}", &keys()), Err("hots".to_owned()));
    }

    #[test]
    fn what_does_not_fit_is_never_shown() {
        let cases = [
            (
                "postgres://arrakis:hunter2@db.example.com:5432/dune",
                "postgres://{username}:(changed)@{host}:{port}/{dbname}",
            ),
            ("postgres://hunter2@db.example.com", "postgres://(changed)@{host}"),
            ("postgres://db.example.com/dune?password=hunter2", "postgres://{host}/{dbname}?(changed)"),
            ("postgres://db.example.com#hunter2", "postgres://{host}(changed)"),
            ("postgres://db.example.com/hunter2#x", "postgres://{host}/(changed)"),
            ("hunter2://db", "(changed)"),
            ("hunter2", "(changed)"),
            ("", "(changed)"),
        ];
        for (url, shown) in cases {
            assert_eq!(template_of(url, &keys()), shown, "{url}");
        }
    }
}
