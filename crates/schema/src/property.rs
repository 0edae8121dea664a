//! What a schema says of one property.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;
use serde_json::{Number, Value};

/// A JSON type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    String,
    /// A whole number.
    Integer,
    /// Any number.
    Number,
    /// True or false.
    Boolean,
    /// Members by name.
    Object,
    /// Items in a row.
    Array,
}

impl Kind {
    /// The kind of this schema name (`string`, `integer`, …).
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "string" => Self::String,
            "integer" => Self::Integer,
            "number" => Self::Number,
            "boolean" => Self::Boolean,
            "object" => Self::Object,
            "array" => Self::Array,
            _ => return None,
        })
    }
}

/// The kinds that a property may have; empty if the schema does not say. In the data: `object|string`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Kinds(Vec<Kind>);

impl Kinds {
    /// Whether the schema names this kind.
    pub fn has(&self, kind: Kind) -> bool {
        self.0.contains(&kind)
    }

    /// The kinds, in the schema's order.
    pub fn list(&self) -> &[Kind] {
        &self.0
    }
}

impl TryFrom<String> for Kinds {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let kind = |name: &str| Kind::named(name).ok_or_else(|| format!("unknown type `{name}`"));
        text.split('|').map(kind).collect::<Result<_, _>>().map(Self)
    }
}

/// A regular expression of ECMAScript, compiled when first used.
#[derive(Debug, Clone, Deserialize)]
#[serde(from = "String")]
pub struct Pattern {
    source: String,
    compiled: OnceLock<Option<regress::Regex>>,
}

impl From<String> for Pattern {
    fn from(source: String) -> Self {
        Self { source, compiled: OnceLock::new() }
    }
}

impl Pattern {
    /// The expression as AWS writes it.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether the expression is found in the text; None if it is not valid ECMAScript and so cannot be checked.
    pub fn found_in(&self, text: &str) -> Option<bool> {
        Some(self.regex()?.find(text).is_some())
    }

    /// Whether the expression is valid ECMAScript.
    pub fn compiles(&self) -> bool {
        self.regex().is_some()
    }

    fn regex(&self) -> Option<&regress::Regex> {
        self.compiled.get_or_init(|| compile(&self.source)).as_ref()
    }
}

fn compile(source: &str) -> Option<regress::Regex> {
    // AWS's handlers are Java in part, and cfn-lint is Python: their words for what ECMAScript says otherwise.
    let source = source.replace("\\Z", "$").replace("\\z", "$").replace("\\A", "^");
    let source = source.as_str();
    let (source, flags) = if let Some(rest) = source.strip_prefix("(?s)") {
        (rest, "s")
    } else if let Some(rest) = source.strip_prefix("(?i)") {
        (rest, "i")
    } else {
        (source, "")
    };
    let unicode = regress::Regex::with_flags(source, format!("{flags}u").as_str());
    match unicode {
        Ok(regex) => Some(regex),
        // Without `u`, an escaped letter that means nothing to ECMAScript is taken for the letter; that is not what was meant.
        Err(_) if has_foreign_escape(source) => None,
        Err(_) => regress::Regex::with_flags(source, flags).ok(),
    }
}

fn has_foreign_escape(source: &str) -> bool {
    let mut characters = source.chars();
    while let Some(character) = characters.next() {
        if character == '\\'
            && characters
                .next()
                .is_some_and(|escaped| escaped.is_ascii_alphabetic() && !"bBcdDfknrsStuvwWx".contains(escaped))
        {
            return true;
        }
    }
    false
}

/// What a schema says of one property, or of the resource as a whole. Either a reference to a definition and nothing
/// else, or a full node; [`crate::Facts`] follows references. The names are JSON Schema's and those of AWS's extension of it:
/// <https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html>.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Property {
    /// The definition that says everything about this property.
    #[serde(rename = "$ref")]
    pub reference: Option<String>,
    /// The JSON types allowed.
    #[serde(rename = "type")]
    pub kinds: Kinds,
    /// The only values allowed; empty if any.
    #[serde(rename = "enum")]
    pub allowed: Vec<Value>,
    /// The only values allowed, in any case.
    pub enum_case_insensitive: Vec<Value>,
    /// The one value allowed.
    #[serde(rename = "const")]
    pub constant: Option<Value>,
    /// What AWS assumes if the property is left out.
    #[serde(rename = "default")]
    pub default_value: Option<Value>,
    /// An expression that must be found in the text.
    pub pattern: Option<Pattern>,
    /// A format that can be checked: `ipv4-network`, `ipv6-network`, `json`, `AWS::EC2::VPC.Id`, …
    pub format: Option<String>,
    /// The least number of characters.
    pub min_length: Option<u64>,
    /// The greatest number of characters.
    pub max_length: Option<u64>,
    /// The least value.
    pub minimum: Option<Number>,
    /// The greatest value.
    pub maximum: Option<Number>,
    /// The value must be a multiple of this.
    pub multiple_of: Option<Number>,
    /// The least number of items.
    pub min_items: Option<u64>,
    /// The greatest number of items.
    pub max_items: Option<u64>,
    /// The greatest number of different items.
    pub max_unique_items: Option<u64>,
    /// No item may appear twice.
    pub unique_items: bool,
    /// No two items may have the same values of these members.
    pub unique_keys: Vec<String>,
    /// False: AWS does not keep the order of the items, so that they are to be compared as a set.
    pub insertion_order: Option<bool>,
    /// `AttributeList`: the items are settings by key, of which AWS reports also those that nobody gave.
    pub array_type: Option<String>,
    /// What each item is.
    pub items: Option<Box<Property>>,
    /// What the first items are, in order.
    pub prefix_items: Vec<Property>,
    /// The least number of members.
    pub min_properties: Option<u64>,
    /// The greatest number of members.
    pub max_properties: Option<u64>,
    /// The members by name.
    pub properties: BTreeMap<String, Property>,
    /// The members whose names have these patterns.
    pub pattern_properties: Vec<(Pattern, Property)>,
    /// False: no members besides these.
    pub additional_properties: Option<bool>,
    /// Members that must be given.
    pub required: Vec<String>,
    /// Exactly one of these members must be given.
    pub required_xor: Vec<String>,
    /// At least one of these members must be given.
    pub required_or: Vec<String>,
    /// If the member on the left is given, those on the right must be too.
    pub dependent_required: BTreeMap<String, Vec<String>>,
    /// If the member on the left is given, those on the right must not be.
    pub dependent_excluded: BTreeMap<String, Vec<String>>,
    /// All of these must hold.
    pub all_of: Vec<Property>,
    /// At least one of these must hold.
    pub any_of: Vec<Property>,
    /// Exactly one of these must hold.
    pub one_of: Vec<Property>,
    /// This must not hold.
    #[serde(rename = "not")]
    pub never: Option<Box<Property>>,
    /// If this holds, `then` must hold, too; if not, `otherwise`.
    #[serde(rename = "if")]
    pub condition: Option<Box<Property>>,
    /// Must hold where the condition holds.
    pub then: Option<Box<Property>>,
    /// Must hold where the condition does not.
    #[serde(rename = "else")]
    pub otherwise: Option<Box<Property>>,
}

impl Property {
    /// Whether AWS does not keep the order of the items, so that a comparison must not look at it either.
    pub fn is_set(&self) -> bool {
        self.insertion_order == Some(false)
    }

    /// Whether the items are settings by key (a load balancer's attributes), of which AWS reports also the ones nobody
    /// gave: only the given ones are to be compared.
    pub fn is_attribute_list(&self) -> bool {
        self.array_type.as_deref() == Some("AttributeList")
    }

    /// The parts of this node, for searches over a whole schema.
    pub(crate) fn parts(&self) -> impl Iterator<Item = &Property> {
        let boxed = [&self.items, &self.never, &self.condition, &self.then, &self.otherwise];
        let lists = [&self.prefix_items, &self.all_of, &self.any_of, &self.one_of];
        boxed
            .into_iter()
            .filter_map(|part| part.as_deref())
            .chain(lists.into_iter().flatten())
            .chain(self.properties.values())
            .chain(self.pattern_properties.iter().map(|(_, part)| part))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_other_tongues_are_understood_or_left() {
        // pattern, text, found
        let cases = [
            ("^a+$", "aaa", Some(true)),
            ("^a+$", "b", Some(false)),
            (r"^[.\-_/#A-Za-z0-9]{1,512}\Z", "/ecs/api", Some(true)),
            (r"^[.\-_/#A-Za-z0-9]{1,512}\Z", "/ecs api", Some(false)),
            (r"^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$", "Größe 1", Some(true)),
            ("(?s).*", "a\nb", Some(true)),
            (r"^[\w\:]+$", "a:b", Some(true)),
            (r"^\p{Print}+$", "x", None),
            (r"\Qa\E", "a", None),
            ("(", "x", None),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(Pattern::from(pattern.to_owned()).found_in(text), expected, "{pattern}");
        }
    }

    #[test]
    fn kinds_are_read() {
        let kinds = Kinds::try_from("object|string".to_owned()).unwrap();
        assert!(kinds.has(Kind::Object) && kinds.has(Kind::String) && !kinds.has(Kind::Array));
        assert!(Kinds::try_from("colour".to_owned()).is_err());
    }
}
