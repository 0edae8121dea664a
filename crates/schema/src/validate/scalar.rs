//! Rules for text, numbers and booleans.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde::de::IgnoredAny;
use serde_json::{Number, Value};

use super::Walk;
use super::words::{any_of, at_least, at_most, count, did_you_mean, text_of, ticks};
use crate::property::{Kind, Property};

/// Expressions are not tried on longer text: they backtrack, and no name or ARN is longer.
const LONGEST_FOR_PATTERN: usize = 8192;

impl Walk<'_> {
    pub(super) fn scalar(&mut self, node: &Property, value: &Value) {
        let Some(text) = text_of(value) else { return };
        self.allowed(node, value, &text);
        self.number(node, value, &text);
        // A number in a property that is a number has no length.
        let is_text = value.is_string() || node.kinds.has(Kind::String);
        let only_number = !node.kinds.list().is_empty() && !node.kinds.has(Kind::String);
        if is_text && !only_number && self.length(node, value, &text) {
            self.pattern(node, value, &text);
            self.format(node, value, &text);
        }
    }

    fn allowed(&mut self, node: &Property, value: &Value, text: &str) {
        if let Some(constant) = &node.constant
            && !equal(constant, value, text)
        {
            let only = ticks(&text_of(constant).unwrap_or_else(|| constant.to_string()));
            self.report("const", format!("{} is not {only}, the only value allowed", self.show(value)));
        }
        if !node.allowed.is_empty() && !node.allowed.iter().any(|allowed| equal(allowed, value, text)) {
            self.not_among("enum", &node.allowed, value, text);
        }
        let same = |allowed: &Value| text_of(allowed).is_some_and(|allowed| allowed.eq_ignore_ascii_case(text));
        if !node.enum_case_insensitive.is_empty() && !node.enum_case_insensitive.iter().any(same) {
            self.not_among("enumCaseInsensitive", &node.enum_case_insensitive, value, text);
        }
    }

    fn not_among(&mut self, rule: &'static str, list: &[Value], value: &Value, text: &str) {
        let words: Vec<String> = list.iter().filter_map(text_of).collect();
        let words = || words.iter().map(String::as_str);
        let one_of = if list.len() > 1 { "one of " } else { "" };
        let message = format!("{} is not {one_of}{}", self.show(value), any_of(words()));
        let hint = if self.is_secret() { None } else { did_you_mean(text, words()) };
        self.report_with(rule, message, hint);
    }

    fn number(&mut self, node: &Property, value: &Value, text: &str) {
        let number = match value {
            Value::Number(number) => number.as_f64(),
            Value::String(_) if node.kinds.has(Kind::Integer) || node.kinds.has(Kind::Number) => text.parse().ok(),
            _ => None,
        };
        let Some(number) = number else { return };
        let as_f64 = |limit: &Option<Number>| limit.as_ref().and_then(Number::as_f64);
        let shown = self.show(value);
        if let (Some(least), Some(limit)) = (as_f64(&node.minimum), &node.minimum)
            && number < least
        {
            self.report("minimum", format!("{shown} is less than {}", tidy(limit)));
        }
        if let (Some(most), Some(limit)) = (as_f64(&node.maximum), &node.maximum)
            && number > most
        {
            self.report("maximum", format!("{shown} is more than {}", tidy(limit)));
        }
        if let (Some(unit), Some(limit)) = (as_f64(&node.multiple_of), &node.multiple_of) {
            let times = number / unit;
            // 0.3 is a multiple of 0.1, whatever binary fractions say.
            if unit > 0.0 && (times - times.round()).abs() > 1e-6 {
                self.report("multipleOf", format!("{shown} is not a multiple of {}", tidy(limit)));
            }
        }
    }

    /// Whether the length is right.
    fn length(&mut self, node: &Property, value: &Value, text: &str) -> bool {
        if node.min_length.is_none() && node.max_length.is_none() {
            return true;
        }
        let length = text.chars().count() as u64;
        if let Some(least) = node.min_length.filter(|least| length < *least) {
            let message = match length {
                0 => "the text is empty".to_owned(),
                _ => format!("{} has {}, {}", self.show(value), count(length, "character"), at_least(least)),
            };
            self.report("minLength", message);
            return false;
        }
        if let Some(most) = node.max_length.filter(|most| length > *most) {
            let message = format!("{} has {}, {}", self.show(value), count(length, "character"), at_most(most));
            self.report("maxLength", message);
            return false;
        }
        true
    }

    fn pattern(&mut self, node: &Property, value: &Value, text: &str) {
        let Some(pattern) = &node.pattern else { return };
        if text.len() <= LONGEST_FOR_PATTERN && pattern.found_in(text) == Some(false) {
            let message = format!("{} does not have the form {}", self.show(value), ticks(pattern.source()));
            self.report("pattern", message);
        }
    }

    fn format(&mut self, node: &Property, value: &Value, text: &str) {
        let Some(format) = node.format.as_deref() else {
            return;
        };
        let (holds, what) = match format {
            "ipv4-network" => (is_network::<Ipv4Addr>(text, 32), "an IPv4 network such as `10.0.0.0/16`"),
            "ipv6-network" => (is_network::<Ipv6Addr>(text, 128), "an IPv6 network such as `2001:db8::/56`"),
            "date-time" => (is_time(text), "a time such as `2026-01-31T12:00:00Z`"),
            "json" => (serde_json::from_str::<IgnoredAny>(text).is_ok(), "JSON"),
            "AWS::EC2::VPC.Id" => (is_id(text, "vpc-"), "the id of a VPC, such as `vpc-0a1b2c3d4e5f60718`"),
            "AWS::EC2::Subnet.Id" => (is_id(text, "subnet-"), "the id of a subnet, such as `subnet-0a1b2c3d4e5f60718`"),
            "AWS::EC2::SecurityGroup.Id" => {
                (is_id(text, "sg-"), "the id of a security group, such as `sg-0a1b2c3d4e5f60718`")
            }
            _ => return,
        };
        if !holds {
            self.report("format", format!("{} is not {what}", self.show(value)));
        }
    }
}

/// CloudFormation compares scalars by their text.
fn equal(allowed: &Value, value: &Value, text: &str) -> bool {
    allowed == value || text_of(allowed).is_some_and(|allowed| allowed == text)
}

/// `1.0` in a schema is 1.
fn tidy(limit: &Number) -> String {
    let text = limit.to_string();
    text.strip_suffix(".0").map_or_else(|| text.clone(), str::to_owned)
}

fn is_network<A: std::str::FromStr>(text: &str, widest: u8) -> bool {
    text.split_once('/').is_some_and(|(address, length)| {
        let digits = !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit());
        digits && address.parse::<A>().is_ok() && length.parse::<u8>().is_ok_and(|length| length <= widest)
    })
}

/// RFC 3339; the zone may be left out, as some of AWS's services have it.
fn is_time(text: &str) -> bool {
    let form = "0000-00-00T00:00:00";
    let digits_and_marks = |(byte, model): (u8, u8)| {
        if model == b'0' { byte.is_ascii_digit() } else { byte == model }
    };
    text.len() >= form.len() && text.bytes().zip(form.bytes()).all(digits_and_marks)
}

/// EC2's ids are a prefix and 8 or 17 hexadecimal digits.
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/resource-ids.html>
fn is_id(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix)
        .is_some_and(|rest| matches!(rest.len(), 8 | 17) && rest.bytes().all(|byte| byte.is_ascii_hexdigit()))
}
