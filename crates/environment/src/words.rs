//! What serde says of a wrong value, in words for a person who edits TOML.

use serde_json::Value;

/// What is wrong with a value.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub rule: &'static str,
    pub message: String,
    pub hint: Option<String>,
    /// The name of the key that is missing.
    pub missing: Option<String>,
}

/// Explains serde's message about the value at a path.
pub(crate) fn explain(message: &str, path: &[String], given: Option<&Value>) -> Problem {
    let problem = |rule, message: String, hint: Option<String>| Problem { rule, message, hint, missing: None };
    let name = path.last().map_or("the file", String::as_str);
    let subject = match path {
        [.., list, item] if item.bytes().all(|b| b.is_ascii_digit()) => format!("item {item} of `{list}`"),
        [.., key] => format!("`{key}`"),
        [] => "the file".to_owned(),
    };
    if let Some(rest) = message.strip_prefix("unknown field ") {
        let names = ticked(rest);
        let (field, known) = names.split_first().map_or((name, &[][..]), |(field, known)| (*field, known));
        let whole = match path.split_last() {
            Some((_, above)) if !above.is_empty() => format!("`{}`", above.join(".")),
            _ => "an environment file".to_owned(),
        };
        return problem("unknown-key", format!("`{field}` is no key of {whole}"), choice(field, known, "its keys are"));
    }
    if let Some(rest) = message.strip_prefix("missing field ") {
        let field = ticked(rest).first().copied().unwrap_or_default().to_owned();
        let whole = if path.is_empty() { "the file".to_owned() } else { format!("`{}`", path.join(".")) };
        return Problem {
            rule: "missing-key",
            message: format!("{whole} needs the key `{field}`"),
            hint: Some(format!("add `{field} = …`")),
            missing: Some(field),
        };
    }
    if let Some(rest) = message.strip_prefix("unknown variant ") {
        let names = ticked(rest);
        let (word, known) = names.split_first().map_or((name, &[][..]), |(word, known)| (*word, known));
        return problem("bad-value", format!("{subject} cannot be \"{word}\""), choice(word, known, "write one of"));
    }
    let shown = given.map_or_else(|| "this".to_owned(), show);
    for (start, rule) in
        [("invalid type: ", "wrong-type"), ("invalid value: ", "bad-value"), ("invalid length ", "bad-value")]
    {
        if let Some((_, wanted)) = message.strip_prefix(start).and_then(|rest| rest.split_once(", expected ")) {
            return problem(rule, format!("{subject} takes {}, not {shown}", expected(wanted)), cure(wanted, given));
        }
    }
    if let Some(wanted) = message.strip_prefix("write ") {
        return problem("bad-value", format!("{subject} cannot be {shown}"), Some(format!("write {wanted}")));
    }
    if message.starts_with("data did not match") {
        return problem("bad-value", format!("{subject} cannot be {shown}"), None);
    }
    // What a type says by itself it expects.
    problem("bad-value", format!("{subject} takes {message}, not {shown}"), None)
}

/// The words in backticks.
fn ticked(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

fn choice(word: &str, known: &[&str], lead: &str) -> Option<String> {
    if let Some(near) = schema::closest(word, known.iter().copied()) {
        return Some(format!("did you mean `{near}`?"));
    }
    let all: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
    (!all.is_empty()).then(|| format!("{lead} {}", all.join(", ")))
}

/// serde's name of a type.
fn expected(wanted: &str) -> String {
    let range = |least: &str, most: &str| format!("a whole number from {least} to {most}");
    match wanted {
        "u8" => range("0", "255"),
        "u16" => range("0", "65535"),
        "u32" | "u64" | "usize" => "a whole number, not negative".to_owned(),
        "i8" | "i16" | "i32" | "i64" => "a whole number".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "a string" | "string" => "text".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "a table".to_owned(),
        other if other.starts_with("struct ") => "a table".to_owned(),
        other if other.starts_with("enum ") || other.ends_with("enum") => "one of a few words".to_owned(),
        other => other.to_owned(),
    }
}

/// What to write instead, where the value given tells.
fn cure(wanted: &str, given: Option<&Value>) -> Option<String> {
    let number =
        matches!(wanted, "u8" | "u16" | "u32" | "u64" | "usize" | "i8" | "i16" | "i32" | "i64" | "f32" | "f64");
    match (wanted, given?) {
        (_, Value::String(text)) if number && text.parse::<f64>().is_ok() => {
            Some(format!("write {text} without quotes"))
        }
        ("a boolean", Value::String(text)) if matches!(text.as_str(), "true" | "false") => {
            Some(format!("write {text} without quotes"))
        }
        ("a string" | "string", value @ (Value::Number(_) | Value::Bool(_))) => Some(format!("write \"{value}\"")),
        ("a sequence", value @ (Value::String(_) | Value::Number(_))) => Some(format!("write [{value}]")),
        _ => None,
    }
}

/// A value as TOML has it, short.
fn show(value: &Value) -> String {
    match value {
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a table".to_owned(),
        Value::String(text) if text.chars().count() > 60 => "a long text".to_owned(),
        Value::String(text) => format!("the text \"{text}\""),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn messages_are_in_plain_words() {
        let cases = [
            (
                "unknown field `cpuu`, expected one of `image`, `cpu`, `memory`",
                "compute.service.api.cpuu",
                json!(1),
                "unknown-key: `cpuu` is no key of `compute.service.api` (did you mean `cpu`?)",
            ),
            (
                "unknown field `zzz`, expected `keep` or `scan`",
                "zzz",
                json!(1),
                "unknown-key: `zzz` is no key of an environment file (its keys are `keep`, `scan`)",
            ),
            (
                "invalid type: string \"512\", expected u32",
                "compute.service.api.cpu",
                json!("512"),
                "wrong-type: `cpu` takes a whole number, not negative, not the text \"512\" (write 512 without quotes)",
            ),
            (
                "invalid type: integer `15`, expected a string",
                "version",
                json!(15),
                "wrong-type: `version` takes text, not 15 (write \"15\")",
            ),
            (
                "invalid type: boolean `true`, expected a string",
                "networking.private.1",
                json!(true),
                "wrong-type: item 1 of `private` takes text, not true (write \"true\")",
            ),
            (
                "invalid type: string \"10.0.1.0/24\", expected a sequence",
                "networking.private",
                json!("10.0.1.0/24"),
                "wrong-type: `private` takes a list, not the text \"10.0.1.0/24\" (write [\"10.0.1.0/24\"])",
            ),
            (
                "unknown variant `singel`, expected one of `none`, `single`, `per-zone`",
                "networking.nat",
                json!("singel"),
                "bad-value: `nat` cannot be \"singel\" (did you mean `single`?)",
            ),
            (
                "missing field `image`",
                "compute.service.api",
                json!({}),
                "missing-key: `compute.service.api` needs the key `image` (add `image = …`)",
            ),
            (
                "write true, false or \"off\"",
                "insights",
                json!([1]),
                "bad-value: `insights` cannot be a list (write true, false or \"off\")",
            ),
            (
                "a number, or false to leave the alarm out",
                "monitoring.alarms.cpu",
                json!("high"),
                "bad-value: `cpu` takes a number, or false to leave the alarm out, not the text \"high\"",
            ),
        ];
        for (message, path, given, words) in cases {
            let path: Vec<String> = path.split('.').map(str::to_owned).collect();
            let problem = explain(message, &path, Some(&given));
            let hint = problem.hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
            assert_eq!(format!("{}: {}{hint}", problem.rule, problem.message), words);
        }
    }
}
