//! The facts of one resource type.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::path::{PropertyPath, Segment, Step};
use crate::property::{Kind, Property};
use crate::table::Table;

/// AWS's schemas, and over them what is ours: types that CloudFormation does not have, and properties of its types that
/// only the API has. `ours.jsonl` is written by hand, in the same form.
static TABLE: LazyLock<Table<Facts>> =
    LazyLock::new(|| Table::new(&[include_str!("../data/facts.jsonl"), include_str!("../data/ours.jsonl")]));

/// References are followed this far; AWS's schemas need one.
const LONGEST_REFERENCE: usize = 16;

/// The facts of a CloudFormation type (`AWS::EC2::VPC`). None: the type is not among the [`types`].
pub fn facts(type_name: &str) -> Option<&'static Facts> {
    TABLE.get(type_name)
}

/// All types with facts, sorted: AWS's, and those of our own (`Groundplan::…`).
pub fn types() -> impl ExactSizeIterator<Item = &'static str> {
    TABLE.keys()
}

/// The type whose name is closest to this one, for "did you mean".
pub fn closest_type(name: &str) -> Option<&'static str> {
    crate::closest(name, types())
}

/// What AWS's schema says of a resource type. The words are the schema's own:
/// <https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html>.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Facts {
    type_name: String,
    #[serde(default)]
    create_only: Vec<PropertyPath>,
    #[serde(default)]
    conditional_create_only: Vec<PropertyPath>,
    #[serde(default)]
    read_only: Vec<PropertyPath>,
    #[serde(default)]
    write_only: Vec<PropertyPath>,
    #[serde(default)]
    deprecated: Vec<PropertyPath>,
    #[serde(default)]
    primary_identifier: Vec<PropertyPath>,
    #[serde(default)]
    tagging: Option<Tagging>,
    #[serde(default)]
    replacement: Replacement,
    schema: Property,
    #[serde(default)]
    definitions: BTreeMap<String, Property>,
}

/// In which order a replacement has to happen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Replacement {
    /// AWS's default: the new resource first, then the old one away.
    #[default]
    CreateThenDelete,
    /// The old and the new resource cannot exist together.
    DeleteThenCreate,
}

/// How a type writes its tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TagShape {
    /// `[{"Key": "team", "Value": "core"}]`
    List,
    /// `{"team": "core"}`
    Map,
}

/// How a type is tagged.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Tagging {
    /// The property that holds the tags: `Tags`, `HostedZoneTags`, `ResourceTags`, …
    pub property: String,
    /// How it holds them.
    pub shape: TagShape,
    /// False: tags can be given at creation only.
    pub updatable: bool,
}

impl Facts {
    /// `AWS::EC2::VPC`
    pub fn type_name(&self) -> &str {
        &self.type_name
    }

    /// The top-level properties that must be given.
    pub fn required(&self) -> &[String] {
        &self.schema.required
    }

    /// Properties whose change replaces the resource.
    pub fn create_only(&self) -> &[PropertyPath] {
        &self.create_only
    }

    /// Properties whose change replaces the resource under conditions that only AWS knows.
    pub fn conditional_create_only(&self) -> &[PropertyPath] {
        &self.conditional_create_only
    }

    /// What AWS sets and nobody may give: the attributes of `Fn::GetAtt` (see [`PropertyPath::attribute`]).
    pub fn read_only(&self) -> &[PropertyPath] {
        &self.read_only
    }

    /// What can be given and is never reported back, so that no drift can be seen in it.
    pub fn write_only(&self) -> &[PropertyPath] {
        &self.write_only
    }

    /// Properties that AWS advises against.
    pub fn deprecated(&self) -> &[PropertyPath] {
        &self.deprecated
    }

    /// The properties that together name the resource; Cloud Control joins their values with `|`.
    pub fn primary_identifier(&self) -> &[PropertyPath] {
        &self.primary_identifier
    }

    /// How the type is tagged. None: it cannot be.
    pub fn tagging(&self) -> Option<&Tagging> {
        self.tagging.as_ref()
    }

    /// The property that holds the tags, and how. None: the type has no tags.
    pub fn tag_property(&self) -> Option<(&str, TagShape)> {
        self.tagging.as_ref().map(|tagging| (tagging.property.as_str(), tagging.shape))
    }

    /// In which order a replacement has to happen.
    pub fn replacement(&self) -> Replacement {
        self.replacement
    }

    /// Whether `Fn::GetAtt` can read this attribute (`Endpoint.Address`).
    pub fn has_attribute(&self, name: &str) -> bool {
        let path = PropertyPath::parse(&name.replace('.', "/"));
        self.read_only.contains(&path)
            // An object that AWS sets is named as a whole, its members are attributes all the same.
            || (self.property(&path).is_some()
                && self.read_only.iter().any(|whole| path.steps().starts_with(whole.steps())))
    }

    /// Whether the value at this place may be a secret, so that it must not be shown.
    pub fn may_be_secret(&self, path: &[Segment]) -> bool {
        const WORDS: &[&str] = &["Password", "SecretString", "AuthToken", "ClientSecret"];
        let told =
            |segment: &Segment| matches!(segment, Segment::Key(key) if WORDS.iter().any(|word| key.contains(word)));
        let parameter = self.type_name == "AWS::SSM::Parameter";
        path.iter().any(told) || (parameter && PropertyPath::parse("Value").covers(path))
    }

    /// The places of texts that people put anything into, passwords among it, and that AWS tells to whoever reads.
    pub fn open_texts(&self) -> Vec<PropertyPath> {
        let places: &[&str] = match self.type_name.as_str() {
            "AWS::ECS::TaskDefinition" => &[
                "ContainerDefinitions/*/Environment/*/Value",
                "ContainerDefinitions/*/LogConfiguration/Options/splunk-token",
            ],
            "AWS::Lambda::Function" => &["Environment/Variables/*"],
            _ => &[],
        };
        places.iter().map(|place| PropertyPath::parse(place)).collect()
    }

    /// The names of the top-level properties, those that AWS sets among them.
    pub fn property_names(&self) -> impl Iterator<Item = &str> {
        self.schema.properties.keys().map(String::as_str)
    }

    /// Whether the array at this place has no order, so that it must be compared as a set. Tags never have one.
    pub fn is_set(&self, path: &PropertyPath) -> bool {
        let is_tags = || {
            let [Step::Name(name)] = path.steps() else {
                return false;
            };
            self.tag_property() == Some((name.as_str(), TagShape::List))
        };
        self.property(path).is_some_and(Property::is_set) || is_tags()
    }

    /// What the schema says of this place. None: there is no such property.
    pub fn property(&self, path: &PropertyPath) -> Option<&Property> {
        path.steps().iter().try_fold(&self.schema, |node, step| self.step(node, step, 0))
    }

    /// The node for all properties of the resource.
    pub fn schema(&self) -> &Property {
        &self.schema
    }

    /// The node itself, or the definition that it refers to. None: the definition is missing (no published schema does that).
    pub fn resolve<'f>(&'f self, node: &'f Property) -> Option<&'f Property> {
        let mut node = node;
        for _ in 0..LONGEST_REFERENCE {
            match &node.reference {
                None => return Some(node),
                Some(name) => node = self.definitions.get(name)?,
            }
        }
        None
    }

    /// The patterns of this type that are not valid ECMAScript and so go unchecked.
    pub fn unchecked_patterns(&self) -> Vec<&str> {
        let mut found = Vec::new();
        let mut open: Vec<&Property> = std::iter::once(&self.schema).chain(self.definitions.values()).collect();
        while let Some(node) = open.pop() {
            let keys = node.pattern_properties.iter().map(|(pattern, _)| pattern);
            found.extend(node.pattern.iter().chain(keys).filter(|p| !p.compiles()).map(|p| p.source()));
            open.extend(node.parts());
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    fn step<'f>(&'f self, node: &'f Property, step: &Step, depth: usize) -> Option<&'f Property> {
        if depth > LONGEST_REFERENCE {
            return None;
        }
        let node = self.resolve(node)?;
        let inner = match step {
            Step::Name(name) => node.properties.get(name).or_else(|| {
                node.pattern_properties.iter().find(|(p, _)| p.found_in(name) == Some(true)).map(|(_, n)| n)
            }),
            Step::Any if node.kinds.has(Kind::Array) || node.items.is_some() => node.items.as_deref(),
            Step::Any => node.pattern_properties.first().map(|(_, inner)| inner),
        };
        match inner {
            Some(inner) => self.resolve(inner),
            None => [&node.one_of, &node.any_of, &node.all_of]
                .into_iter()
                .flatten()
                .find_map(|branch| self.step(branch, step, depth + 1)),
        }
    }
}
