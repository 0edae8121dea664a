//! The words of messages.

use serde_json::Value;

use crate::property::Kind;

/// Longer values are cut in messages.
const LONGEST_VALUE: usize = 60;
/// Longer lists are cut in messages.
const LONGEST_LIST: usize = 12;

/// Marks what stands in a file, word for word.
pub(super) fn ticks(text: &str) -> String {
    format!("`{text}`")
}

/// A value as it stands in a file, cut if long.
pub(super) fn quote(value: &Value) -> String {
    ticks(&match value {
        Value::String(text) => cut(text),
        other => cut(&other.to_string()),
    })
}

/// A value as JSON, cut if long.
pub(super) fn short(value: &Value) -> String {
    cut(&value.to_string())
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST_VALUE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The text of a scalar, as CloudFormation would turn it into text. None: it is not a scalar.
pub(super) fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// `a`, `b` or `c`; long lists are cut.
pub(super) fn any_of<'w>(words: impl IntoIterator<Item = &'w str>) -> String {
    join(words, "or")
}

/// `a`, `b` and `c`; long lists are cut.
pub(super) fn all_of<'w>(words: impl IntoIterator<Item = &'w str>) -> String {
    join(words, "and")
}

fn join<'w>(words: impl IntoIterator<Item = &'w str>, last: &str) -> String {
    let words: Vec<String> = words.into_iter().map(ticks).collect();
    match words.split_last() {
        None => "nothing".to_owned(),
        Some((only, [])) => only.clone(),
        Some(_) if words.len() > LONGEST_LIST => {
            format!("{} and {} more", words[..LONGEST_LIST].join(", "), words.len() - LONGEST_LIST)
        }
        Some((end, start)) => format!("{} {last} {end}", start.join(", ")),
    }
}

/// "text", "a whole number or text", …
pub(super) fn name_kinds(kinds: &[Kind]) -> String {
    let name = |kind: &Kind| match kind {
        Kind::String => "text",
        Kind::Integer => "a whole number",
        Kind::Number => "a number",
        Kind::Boolean => "true or false",
        Kind::Object => "an object",
        Kind::Array => "a list",
    };
    kinds.iter().map(name).collect::<Vec<_>>().join(" or ")
}

/// "1 item", "2 items"
pub(super) fn count(number: u64, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

/// "at least 1 is needed", "at least 2 are needed"
pub(super) fn at_least(number: u64) -> String {
    format!("at least {number} {} needed", if number == 1 { "is" } else { "are" })
}

/// "at most 1 is allowed", "at most 2 are allowed"
pub(super) fn at_most(number: u64) -> String {
    format!("at most {number} {} allowed", if number == 1 { "is" } else { "are" })
}

/// "1 item is", "2 items are"
pub(super) fn there_is(number: u64, what: &str) -> String {
    format!("{} {}", count(number, what), if number == 1 { "is" } else { "are" })
}

/// The candidate that someone who wrote this word most likely meant, if any is close. Case, `_` and `-` do not count.
pub fn closest<'w>(word: &str, candidates: impl IntoIterator<Item = &'w str>) -> Option<&'w str> {
    // Long text is no misspelt name, and comparing it is slow.
    if word.len() > 256 {
        return None;
    }
    let bare = |text: &str| text.chars().filter(|c| !matches!(c, '_' | '-')).collect::<String>().to_lowercase();
    let word = bare(word);
    let length = word.chars().count();
    let allowed = (length / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (strsim::osa_distance(&word, &bare(candidate)), candidate))
        .filter(|(distance, _)| *distance <= allowed && *distance < length)
        .min()
        .map(|(_, candidate)| candidate)
}

/// The hint for a word that is none of the candidates.
pub(super) fn did_you_mean<'w>(word: &str, candidates: impl IntoIterator<Item = &'w str>) -> Option<String> {
    closest(word, candidates).map(|close| format!("did you mean {}?", ticks(close)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closest_word_is_found() {
        let names = ["CidrBlock", "EnableDnsHostnames", "EnableDnsSupport", "Tags"];
        for (word, expected) in [
            ("cidr_block", Some("CidrBlock")),
            ("CidrBlok", Some("CidrBlock")),
            ("EnableDnsHostname", Some("EnableDnsHostnames")),
            ("tag", Some("Tags")),
            ("Colour", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(closest(word, names), expected, "{word}");
        }
    }

    #[test]
    fn lists_are_joined() {
        assert_eq!(any_of(["a"]), "`a`");
        assert_eq!(any_of(["a", "b", "c"]), "`a`, `b` or `c`");
        assert_eq!(all_of(["a", "b"]), "`a` and `b`");
        assert!(any_of(["a"; 20]).ends_with("`a` and 8 more"));
    }

    #[test]
    fn long_values_are_cut_at_characters() {
        assert_eq!(quote(&Value::from("ü".repeat(80))), format!("`{}…`", "ü".repeat(60)));
    }
}
