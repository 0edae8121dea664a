//! What a call names: values in its form, its JSON or its path.

use serde_json::Value;

use crate::call::{Call, Protocol};

/// The ownership tag of Groundplan's resources.
const OWNER: &str = "groundplan:address";

/// All values by which a call may name a resource, with the field that holds each. A filter names nothing: what it does not find is left
/// out, and no error.
pub(super) fn values(call: &Call) -> Vec<(String, String)> {
    match call.protocol {
        Protocol::Query => {
            let named = call.form.iter().filter(|(name, _)| !name.starts_with("Filter"));
            named.map(|(name, value)| (name.split('.').next().unwrap_or(name).to_owned(), value.clone())).collect()
        }
        Protocol::Json => strings(&call.body()),
        Protocol::Cbor => Vec::new(),
        Protocol::Rest => {
            let segments = call.uri.path().split('/').filter(|segment| !segment.is_empty());
            let decoded = segments.filter_map(|segment| form_urlencoded::parse(segment.as_bytes()).next());
            decoded.map(|(segment, _)| (String::new(), segment.into_owned())).chain(strings(&call.body())).collect()
        }
    }
}

/// Every text in a JSON value, with the member that holds it.
fn strings(value: &Value) -> Vec<(String, String)> {
    fn walk(member: &str, value: &Value, found: &mut Vec<(String, String)>) {
        match value {
            Value::String(text) => found.push((member.to_owned(), text.clone())),
            Value::Array(items) => items.iter().for_each(|item| walk(member, item, found)),
            Value::Object(members) => members.iter().for_each(|(name, value)| walk(name, value, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    walk("", value, &mut found);
    found
}

/// The address that a creating call gives as ownership tag.
pub(super) fn owner(call: &Call) -> Option<String> {
    if call.protocol == Protocol::Query {
        let (key, _) = call.form.iter().find(|(_, value)| value == OWNER)?;
        return call.field(&format!("{}.Value", key.strip_suffix(".Key")?)).map(str::to_owned);
    }
    fn walk(value: &Value) -> Option<String> {
        match value {
            Value::Array(items) => items.iter().find_map(walk),
            Value::Object(members) => {
                let text = |name: &str| members.get(name).and_then(Value::as_str);
                let key = text("Key").or(text("key")).or(text("TagKey"));
                match (key, text("Value").or(text("value")).or(text("TagValue")), text(OWNER)) {
                    (Some(OWNER), Some(address), _) | (_, _, Some(address)) => Some(address.to_owned()),
                    _ => members.values().find_map(walk),
                }
            }
            _ => None,
        }
    }
    walk(&call.body())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn owner_is_found_in_forms_and_json() {
        let fields = [
            ("TagSpecification.1.Tag.1.Key", "Name"),
            ("TagSpecification.1.Tag.1.Value", "x"),
            ("TagSpecification.1.Tag.2.Key", OWNER),
            ("TagSpecification.1.Tag.2.Value", "networking.vpc"),
        ];
        let call = Call::query("ec2", "us-east-1", "CreateVpc", "2016-11-15", &fields);
        assert_eq!(owner(&call).as_deref(), Some("networking.vpc"));
        for body in [
            json!({"tags": [{"key": "a", "value": "b"}, {"key": OWNER, "value": "compute.api"}]}),
            json!({"Tags": {OWNER: "compute.api"}}),
        ] {
            assert_eq!(
                owner(&Call::json("ecs", "us-east-1", "X.CreateCluster", &body)).as_deref(),
                Some("compute.api")
            );
        }
        assert_eq!(owner(&Call::json("ecs", "us-east-1", "X.CreateCluster", &json!({"tags": []}))), None);
    }

    #[test]
    fn filters_name_nothing() {
        let fields = [("VpcId.1", "vpc-1"), ("Filter.1.Value.1", "vpc-2")];
        let call = Call::query("ec2", "us-east-1", "DescribeVpcs", "2016-11-15", &fields);
        let values = values(&call);
        assert!(values.contains(&("VpcId".into(), "vpc-1".into())));
        assert!(values.iter().all(|(_, value)| value != "vpc-2"));
    }
}
