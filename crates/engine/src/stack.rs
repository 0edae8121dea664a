//! Declaring resources: what a module adds to, and the nodes that come of it.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::context::{TAG_ADDRESS, TAG_ENVIRONMENT};
use crate::{Address, Finding, Findings, Resource, intrinsic};

/// A property that another party changes by right, and who that is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owned {
    /// The property, `/`-separated, `*` for every array item: `ContainerDefinitions/*/Image`.
    pub property: String,
    /// Who owns it: `Application Auto Scaling`, `releases`.
    pub by: String,
}

/// A resource as declared: what a graph is made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// Its name.
    pub address: Address,
    /// Its CloudFormation type.
    #[serde(rename = "type")]
    pub type_name: String,
    /// The region it lives in.
    pub region: String,
    /// The properties, with intrinsics for references.
    pub properties: Value,
    /// What must be ready before, though no property refers to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<Address>,
    /// Properties that others change by right.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owned: Vec<Owned>,
    /// Whether destroying it needs consent of its own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub protected: bool,
    /// The key of the environment file that asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
}

/// A declared resource, for others to refer to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handle {
    address: Address,
}

impl Handle {
    /// A reference to a resource by address alone.
    pub fn to(address: impl Into<Address>) -> Self {
        Self { address: address.into() }
    }

    /// What `Ref` returns: the physical id, as a token to put in any string.
    pub fn id(&self) -> String {
        intrinsic::reference(&self.address, None)
    }

    /// What `Fn::GetAtt` returns, as a token to put in any string.
    pub fn get(&self, attribute: &str) -> String {
        intrinsic::reference(&self.address, Some(attribute))
    }

    /// The resource's address.
    pub fn address(&self) -> &Address {
        &self.address
    }
}

/// What modules declare into.
#[derive(Debug, Default)]
pub struct Stack {
    environment: String,
    region: String,
    origin: Option<String>,
    tags: Map<String, Value>,
    nodes: IndexMap<Address, Node>,
    /// What the modules found wrong on the way.
    pub findings: Findings,
}

impl Stack {
    /// An empty stack of an environment (`system/environment`) whose resources live in `region`
    /// and carry `tags`.
    pub fn new(environment: &str, region: &str, tags: &[(String, String)]) -> Self {
        let tags = tags.iter().map(|(key, value)| (key.clone(), Value::from(value.as_str()))).collect();
        Self { environment: environment.to_owned(), region: region.to_owned(), tags, ..Self::default() }
    }

    /// The environment, `system/environment`.
    pub fn environment(&self) -> &str {
        &self.environment
    }

    /// The region that resources are declared in now.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Declares what follows in another region; returns the one before.
    pub fn set_region(&mut self, region: &str) -> String {
        std::mem::replace(&mut self.region, region.to_owned())
    }

    /// Says which key of the environment file asks for what follows: `storage.postgres.main`.
    pub fn section(&mut self, key: &str) {
        self.origin = Some(key.to_owned());
    }

    /// Declares a resource. Its tags get the environment's and the ownership tags.
    ///
    /// Nulls anywhere, and empty lists and maps among the properties, count as not given, but for
    /// [`Resource::EMPTY_SAYS`].
    pub fn add<R: Resource>(&mut self, address: impl Into<Address>, resource: R) -> Handle {
        let value = serde_json::to_value(resource).unwrap_or_else(|error| {
            // Only a map with keys that are no text cannot be serialised; the schema says so below.
            Value::from(error.to_string())
        });
        self.insert(address.into(), R::TYPE, value, R::EMPTY_SAYS)
    }

    /// Declares a resource of any type by its properties.
    pub fn add_value(&mut self, address: impl Into<Address>, type_name: &str, properties: Value) -> Handle {
        self.insert(address.into(), type_name, properties, &[])
    }

    fn insert(&mut self, address: Address, type_name: &str, properties: Value, empty_says: &[&str]) -> Handle {
        let mut properties = intrinsic::lower(properties);
        if let Some(map) = properties.as_object_mut() {
            let says = |key: &str| empty_says.contains(&key);
            map.retain(|key, value| says(key) || !matches!(value, Value::Array(items) if items.is_empty()));
            map.retain(|_, value| !matches!(value, Value::Object(items) if items.is_empty()));
            self.tag(&address, type_name, map);
        }
        let node = Node {
            address: address.clone(),
            type_name: type_name.to_owned(),
            region: self.region.clone(),
            properties,
            depends_on: Vec::new(),
            owned: Vec::new(),
            protected: false,
            origin: self.origin.clone(),
        };
        if self.nodes.insert(address.clone(), node).is_some() {
            let key = self.origin.clone().unwrap_or_default();
            self.findings.error("address-twice", key, format!("`{address}` is declared twice"));
        }
        Handle { address }
    }

    fn tag(&self, address: &Address, type_name: &str, properties: &mut Map<String, Value>) {
        let Some((property, shape)) = schema::facts(type_name).and_then(schema::Facts::tag_property) else { return };
        let mut tags = self.tags.clone();
        tags.insert(TAG_ENVIRONMENT.to_owned(), Value::from(self.environment.as_str()));
        tags.insert(TAG_ADDRESS.to_owned(), Value::from(address.as_str()));
        match (shape, properties.remove(property)) {
            (schema::TagShape::Map, Some(Value::Object(given))) => tags.extend(given),
            (schema::TagShape::List, Some(Value::Array(given))) => {
                for tag in given {
                    if let (Some(key), Some(value)) = (tag["Key"].as_str(), tag.get("Value")) {
                        tags.insert(key.to_owned(), value.clone());
                    }
                }
            }
            _ => {}
        }
        let value = match shape {
            schema::TagShape::Map => Value::Object(tags),
            schema::TagShape::List => {
                tags.into_iter().map(|(key, value)| serde_json::json!({ "Key": key, "Value": value })).collect()
            }
        };
        properties.insert(property.to_owned(), value);
    }

    /// Makes one wait until another is ready, though no property refers to it.
    pub fn depends_on(&mut self, resource: &Handle, on: &Handle) {
        if let Some(node) = self.nodes.get_mut(&resource.address) {
            node.depends_on.push(on.address.clone());
        }
    }

    /// Leaves a property to who changes it by right; ours is only its first value.
    pub fn owned(&mut self, resource: &Handle, property: &str, by: &str) {
        if let Some(node) = self.nodes.get_mut(&resource.address) {
            node.owned.push(Owned { property: property.to_owned(), by: by.to_owned() });
        }
    }

    /// Makes the destruction of a resource need consent of its own.
    pub fn protect(&mut self, resource: &Handle) {
        if let Some(node) = self.nodes.get_mut(&resource.address) {
            node.protected = true;
        }
    }

    /// What was declared, and what was found wrong.
    pub fn finish(self) -> (Vec<Node>, Vec<Finding>) {
        (self.nodes.into_values().collect(), self.findings.0)
    }
}
