//! Numbers and values in words.

use serde_json::Value;

/// A duration: `0.4 s`, `12 s`, `3 min 20 s`, `1 h 5 min`.
pub fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    let (hours, minutes, rest) = (whole / 3600, whole % 3600 / 60, whole % 60);
    match (hours, minutes, rest) {
        _ if seconds < 10.0 => format!("{seconds:.1} s"),
        (0, 0, rest) => format!("{rest} s"),
        (0, minutes, 0) => format!("{minutes} min"),
        (0, minutes, rest) => format!("{minutes} min {rest} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

/// An amount of money: `12.30`.
pub fn money(dollars: f64) -> String {
    format!("{dollars:.2}")
}

/// A count with its noun: `1 resource`, `3 resources`.
pub fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// The longest value shown on one line.
const LONGEST: usize = 100;

/// A value on one line, cut where it is long. References read as `(address.Attribute)`.
pub fn value(value: &Value) -> String {
    let text = match value {
        Value::String(text) => format!("{text:?}"),
        other => engine::intrinsic::readable(other),
    };
    if text.chars().count() <= LONGEST {
        return text;
    }
    text.chars().take(LONGEST - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_like_speech() {
        let cases = [
            (0.04, "0.0 s"),
            (9.94, "9.9 s"),
            (42.0, "42 s"),
            (60.0, "1 min"),
            (200.4, "3 min 20 s"),
            (3900.0, "1 h 5 min"),
        ];
        for (seconds, words) in cases {
            assert_eq!(duration(seconds), words);
        }
    }

    #[test]
    fn long_values_are_cut() {
        assert_eq!(value(&Value::from("x".repeat(300))).chars().count(), LONGEST);
    }
}
