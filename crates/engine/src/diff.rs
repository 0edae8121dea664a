//! The three-way difference: what is declared, what was last applied, what is there.

mod same;
mod unsaid;

use schema::{Facts, Kind, PropertyPath, Segment, Step, TagShape};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::intrinsic;
use crate::stack::Owned;
use same::{is_blank, same, same_document};
pub(crate) use unsaid::{whole, withhold};

/// One property that differs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Where.
    pub path: Vec<Segment>,
    /// What is there; `None`: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// What shall be there; `None`: nothing. An intrinsic is known only when its target is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
    /// Whether AWS cannot change it in place.
    #[serde(default)]
    pub forces_replacement: bool,
    /// Whether the values must not be shown.
    #[serde(default)]
    pub sensitive: bool,
}

impl Change {
    /// Where, as people write it: `Origins[0].DomainName`.
    pub fn place(&self) -> String {
        schema::show_path(&self.path)
    }
}

/// The three sides of a comparison, and what is known of the type.
pub struct Sides<'a> {
    /// As declared, references resolved as far as they are known.
    pub declared: &'a Value,
    /// As last applied; `None` if nothing ever was.
    pub applied: Option<&'a Value>,
    /// As read.
    pub live: &'a Value,
    /// AWS's schema of the type, if there is one.
    pub facts: Option<&'a Facts>,
}

/// Everything declared, or declared before, that is not so. What nobody ever declared is AWS's.
pub fn diff(sides: &Sides<'_>) -> Vec<Change> {
    let mut walk = Walk { facts: sides.facts, changes: Vec::new(), path: Vec::new() };
    walk.object(sides.declared, sides.applied, sides.live);
    let mut changes = walk.changes;
    if let Some(facts) = sides.facts {
        for change in &mut changes {
            change.forces_replacement = facts.create_only().iter().any(|path| path.touches(&change.path));
            change.sensitive = facts.may_be_secret(&change.path);
            hold_back(change, sides, facts);
        }
    }
    changes
}

/// What is there and was never declared is not told, where it may be a secret.
fn hold_back(change: &mut Change, sides: &Sides<'_>, facts: &Facts) {
    if facts.open_texts().is_empty() {
        return;
    }
    let Some(before) = change.before.take() else { return };
    // Places are told from the top.
    let mut whole = change.path.iter().rev().fold(before, |inner, segment| match segment {
        Segment::Key(key) => Value::Object([(key.clone(), inner)].into_iter().collect()),
        Segment::Index(_) => Value::Array(vec![inner]),
    });
    let known: Vec<&Value> = [Some(sides.declared), sides.applied].into_iter().flatten().collect();
    withhold(&mut whole, &known, Some(facts));
    change.before = change.path.iter().try_fold(whole, |outer, segment| match (segment, outer) {
        (Segment::Key(key), Value::Object(mut map)) => map.remove(key),
        (Segment::Index(_), Value::Array(mut items)) => items.pop(),
        _ => None,
    });
}

struct Walk<'a> {
    facts: Option<&'a Facts>,
    changes: Vec<Change>,
    path: Vec<Segment>,
}

impl Walk<'_> {
    fn object(&mut self, declared: &Value, applied: Option<&Value>, live: &Value) {
        let empty = serde_json::Map::new();
        let declared = declared.as_object().unwrap_or(&empty);
        for (key, value) in declared {
            self.path.push(Segment::Key(key.clone()));
            self.property(value, applied.and_then(|a| a.get(key)), live.get(key));
            self.path.pop();
        }
        // What was ours and is not declared any more, and is still there.
        for (key, was) in applied.and_then(Value::as_object).unwrap_or(&empty) {
            if declared.contains_key(key) {
                continue;
            }
            self.path.push(Segment::Key(key.clone()));
            let still = if self.is_write_only() { Some(was) } else { live.get(key) };
            if let Some(still) = still.filter(|value| !is_blank(value)) {
                self.push(Some(still), None);
            }
            self.path.pop();
        }
    }

    fn property(&mut self, declared: &Value, applied: Option<&Value>, live: Option<&Value>) {
        if self.is_write_only() {
            if applied != Some(declared) {
                self.push(applied, Some(declared));
            }
            return;
        }
        let Some(live) = live else {
            if !is_blank(declared) {
                self.push(None, Some(declared));
            }
            return;
        };
        if let Some(shape) = self.tags() {
            let live = ours(declared, applied, live, shape);
            if !self.same(declared, &live) {
                self.push(Some(&live), Some(declared));
            }
            return;
        }
        let members = |value: &Value| value.is_object() && !intrinsic::is_intrinsic(value);
        if members(declared) && members(live) && !self.is_document() {
            self.object(declared, applied, live);
        } else if !self.same(declared, live) {
            self.push(Some(live), Some(declared));
        }
    }

    fn push(&mut self, before: Option<&Value>, after: Option<&Value>) {
        self.changes.push(Change {
            path: self.path.clone(),
            before: before.cloned(),
            after: after.cloned(),
            forces_replacement: false,
            sensitive: false,
        });
    }

    fn is_write_only(&self) -> bool {
        is_write_only(self.facts, &self.path)
    }

    fn tags(&self) -> Option<TagShape> {
        let (property, shape) = self.facts?.tag_property()?;
        matches!(&self.path[..], [Segment::Key(key)] if key == property).then_some(shape)
    }

    fn is_document(&self) -> bool {
        is_document(self.facts, &self.path)
    }

    fn same(&self, declared: &Value, live: &Value) -> bool {
        if self.is_document() {
            return same_document(declared, live);
        }
        let mut place = PropertyPath::of(&self.path);
        same(declared, live, self.facts, &mut place)
    }
}

/// Whether what is at a path can be written and not be read.
pub(crate) fn is_write_only(facts: Option<&Facts>, path: &[Segment]) -> bool {
    facts.is_some_and(|facts| facts.write_only().iter().any(|write_only| write_only.matches(path)))
}

/// Whether a free-form JSON document is at a path, such as an IAM policy: the schema knows no members of it.
pub(crate) fn is_document(facts: Option<&Facts>, path: &[Segment]) -> bool {
    facts
        .and_then(|facts| facts.resolve(facts.property(&PropertyPath::of(path))?))
        .is_some_and(|property| property.kinds.has(Kind::Object) && property.properties.is_empty())
}

/// Live tags without those that were never ours.
fn ours(declared: &Value, applied: Option<&Value>, live: &Value, shape: TagShape) -> Value {
    let has = |tags: Option<&Value>, key: &str| match (shape, tags) {
        (TagShape::Map, Some(tags)) => tags.get(key).is_some(),
        (TagShape::List, Some(Value::Array(tags))) => tags.iter().any(|tag| tag["Key"] == key),
        _ => false,
    };
    let keep = |key: &str| has(Some(declared), key) || has(applied, key);
    match live {
        Value::Array(tags) => tags.iter().filter(|tag| tag["Key"].as_str().is_some_and(keep)).cloned().collect(),
        Value::Object(tags) => {
            Value::Object(tags.iter().filter(|(key, _)| keep(key)).map(|(k, v)| (k.clone(), v.clone())).collect())
        }
        other => other.clone(),
    }
}

/// Makes of what is there what a handler may work on: without what was never declared, so that it
/// may remove all that it sees beyond the declaration; with the write-only properties last applied,
/// so that it sees whether they changed.
pub fn as_ours(declared: &Value, applied: Option<&Value>, live: &mut Value, facts: Option<&Facts>) {
    let has = |side: Option<&Value>, key: &str| side.is_some_and(|side| side.get(key).is_some());
    if let Some(live) = live.as_object_mut() {
        live.retain(|key, _| has(Some(declared), key) || has(applied, key));
        for path in facts.map(Facts::write_only).unwrap_or_default() {
            if let ([Step::Name(name)], Some(was)) = (path.steps(), path.root().and_then(|name| applied?.get(name))) {
                live.insert(name.clone(), was.clone());
            }
        }
    }
    settings_by_key(declared, applied, live, facts);
    let Some((property, shape)) = facts.and_then(Facts::tag_property) else { return };
    if let Some(tags) = live.get_mut(property) {
        let declared = declared.get(property).unwrap_or(&Value::Null);
        *tags = ours(declared, applied.and_then(|applied| applied.get(property)), tags, shape);
    }
}

/// Takes settings by key (a load balancer's attributes) that nobody ever declared out of the lists of them.
fn settings_by_key(declared: &Value, applied: Option<&Value>, live: &mut Value, facts: Option<&Facts>) {
    let Some((facts, live)) = facts.zip(live.as_object_mut()) else { return };
    for (name, value) in live {
        let is_list = facts.property(&PropertyPath::parse(name)).is_some_and(schema::Property::is_attribute_list);
        if let (true, Value::Array(items)) = (is_list, value) {
            let sides = [declared.get(name.as_str()), applied.and_then(|applied| applied.get(name.as_str()))];
            let given = |key: &Value| {
                let lists = sides.iter().flatten().filter_map(|side| side.as_array());
                lists.flatten().any(|item| item["Key"] == *key)
            };
            items.retain(|item| given(&item["Key"]));
        }
    }
}

/// Puts what is there in place of what is declared for properties that others own.
pub fn yield_owned(declared: &mut Value, live: &Value, owned: &[Owned]) {
    for owned in owned {
        let path = PropertyPath::parse(&owned.property);
        give_way(declared, live, path.steps());
    }
}

fn give_way(declared: &mut Value, live: &Value, steps: &[Step]) {
    match steps {
        [] => {}
        [Step::Name(name)] => {
            if let (Some(map), Some(value)) = (declared.as_object_mut(), live.get(name))
                && map.contains_key(name)
            {
                map.insert(name.clone(), value.clone());
            }
        }
        [Step::Name(name), rest @ ..] => {
            if let (Some(declared), Some(live)) = (declared.get_mut(name), live.get(name)) {
                give_way(declared, live, rest);
            }
        }
        [Step::Any, rest @ ..] => {
            if let (Some(items), Some(found)) = (declared.as_array_mut(), live.as_array()) {
                items.iter_mut().zip(found).for_each(|(item, live)| give_way(item, live, rest));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn places(type_name: &str, declared: Value, applied: Option<Value>, live: Value) -> Vec<String> {
        let sides =
            Sides { declared: &declared, applied: applied.as_ref(), live: &live, facts: schema::facts(type_name) };
        diff(&sides).iter().map(|c| format!("{}{}", c.place(), if c.forces_replacement { " !" } else { "" })).collect()
    }

    #[test]
    fn only_declared_properties_are_compared() {
        let declared = json!({ "CidrBlock": "10.0.0.0/16" });
        assert!(
            places(
                "AWS::EC2::VPC",
                declared,
                None,
                json!({ "CidrBlock": "10.0.0.0/16", "InstanceTenancy": "default" })
            )
            .is_empty()
        );
    }

    #[test]
    fn a_create_only_property_forces_replacement() {
        let live = json!({ "CidrBlock": "10.0.0.0/16", "EnableDnsSupport": true });
        let declared = json!({ "CidrBlock": "10.1.0.0/16", "EnableDnsSupport": false });
        assert_eq!(places("AWS::EC2::VPC", declared, None, live), ["CidrBlock !", "EnableDnsSupport"]);
    }

    #[test]
    fn what_was_ours_and_is_not_declared_is_removed() {
        let applied = json!({ "EnableDnsSupport": true, "CidrBlock": "x" });
        let live = json!({ "EnableDnsSupport": true, "CidrBlock": "x", "InstanceTenancy": "default" });
        assert_eq!(places("AWS::EC2::VPC", json!({ "CidrBlock": "x" }), Some(applied), live), ["EnableDnsSupport"]);
    }

    #[test]
    fn foreign_tags_are_left_alone_and_order_does_not_count() {
        let tag = |k: &str, v: &str| json!({ "Key": k, "Value": v });
        let declared = json!({ "Tags": [tag("a", "1"), tag("b", "2")] });
        let live = json!({ "Tags": [tag("b", "2"), tag("cost", "x"), tag("a", "1")] });
        assert!(places("AWS::EC2::VPC", declared.clone(), None, live.clone()).is_empty());
        // The same tag is removed when it had been declared before.
        let applied = json!({ "Tags": [tag("cost", "x")] });
        assert_eq!(places("AWS::EC2::VPC", declared, Some(applied), live), ["Tags"]);
    }

    #[test]
    fn policies_are_compared_by_meaning() {
        let statement = |action: Value, resource: Value| json!({ "PolicyDocument": { "Statement": [{ "Action": action, "Resource": resource }] }, "PolicyName": "p", "RoleName": "r" });
        let declared = statement(json!(["s3:GetObject", "s3:PutObject"]), json!("*"));
        let live = statement(json!(["s3:PutObject", "s3:GetObject"]), json!(["*"]));
        assert!(places("AWS::IAM::RolePolicy", declared.clone(), None, live).is_empty());
        let live = statement(json!(["s3:PutObject"]), json!(["*"]));
        assert_eq!(places("AWS::IAM::RolePolicy", declared, None, live), ["PolicyDocument"]);
    }

    #[test]
    fn write_only_properties_are_compared_with_what_was_applied() {
        let declared = json!({ "MasterUserPassword": "{{resolve:secretsmanager:a}}" });
        assert!(places("AWS::RDS::DBInstance", declared.clone(), Some(declared.clone()), json!({})).is_empty());
        assert_eq!(
            places("AWS::RDS::DBInstance", declared, Some(json!({ "MasterUserPassword": "x" })), json!({})),
            ["MasterUserPassword"]
        );
    }

    #[test]
    fn a_handler_sees_only_what_was_ever_declared_and_the_secrets_last_applied() {
        let declared = json!({ "MultiAZ": true });
        let applied = json!({ "BackupRetentionPeriod": 7, "MasterUserPassword": "{{resolve:old}}" });
        let mut live = json!({ "MultiAZ": false, "BackupRetentionPeriod": 7, "DeletionProtection": true });
        as_ours(&declared, Some(&applied), &mut live, schema::facts("AWS::RDS::DBInstance"));
        let ours = json!({ "MultiAZ": false, "BackupRetentionPeriod": 7, "MasterUserPassword": "{{resolve:old}}" });
        assert_eq!(live, ours);
    }

    #[test]
    fn settings_that_nobody_declared_are_left_alone() {
        let setting = |key: &str, value: &str| json!({ "Key": key, "Value": value });
        let type_name = "AWS::ElasticLoadBalancingV2::LoadBalancer";
        let declared = json!({ "LoadBalancerAttributes": [setting("idle_timeout.timeout_seconds", "60")] });
        let live = json!({ "LoadBalancerAttributes": [setting("by.hand", "x"), setting("idle_timeout.timeout_seconds", "60")] });
        assert!(places(type_name, declared.clone(), None, live.clone()).is_empty());
        let mut pruned = live;
        as_ours(&declared, None, &mut pruned, schema::facts(type_name));
        assert_eq!(pruned, declared);
    }

    #[test]
    fn owned_properties_yield_to_what_is_there() {
        let mut declared = json!({ "DesiredCount": 2, "ContainerDefinitions": [{ "Image": "a", "Name": "n" }] });
        let live = json!({ "DesiredCount": 5, "ContainerDefinitions": [{ "Image": "b", "Name": "n" }] });
        let own = |p: &str| Owned { property: p.into(), by: "x".into() };
        yield_owned(&mut declared, &live, &[own("DesiredCount"), own("ContainerDefinitions/*/Image")]);
        assert_eq!(declared, live);
    }

    #[test]
    fn numbers_and_booleans_may_be_text_and_blank_may_be_absent() {
        let declared = json!({ "Port": 80, "Enabled": "true", "Off": false, "List": [] });
        assert!(places("Test::T", declared, None, json!({ "Port": "80", "Enabled": true })).is_empty());
    }
}
