//! A state file of version 4, as Terraform and OpenTofu write it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use crate::attributes::Attributes;
use crate::table::{self, Becomes};
use crate::{ReadError, address};

/// What a state file says, as far as it concerns an import.
#[derive(Clone, Debug, PartialEq)]
pub struct StateFile {
    /// The version of the program that wrote it.
    pub terraform_version: String,
    /// The state's serial.
    pub serial: u64,
    /// Every managed resource instance, in the order of the file. Data sources are left out.
    pub instances: Vec<Instance>,
    /// How many instances of data sources were left out.
    pub data_sources: usize,
}

/// One instance of a managed resource.
#[derive(Clone, Debug, PartialEq)]
pub struct Instance {
    /// Its address as Terraform writes it.
    pub address: String,
    /// Terraform's type, such as `aws_subnet`.
    pub type_name: String,
    /// Whether Terraform would replace it at its next apply.
    pub tainted: bool,
    /// Terraform's key of a replaced object that it had still to delete; `None`: it is the current object.
    pub deposed: Option<String>,
    /// The region it lives in, where the file tells: of itself, or of everything else of its provider.
    pub region: Option<String>,
    /// The alias of its provider, where nothing tells the region.
    pub unplaced: Option<String>,
    /// What it is for us.
    pub becomes: Becomes,
}

#[derive(Deserialize)]
struct Header {
    version: Option<u64>,
    #[serde(default)]
    format_version: Option<Value>,
    #[serde(default)]
    encrypted_data: Option<Value>,
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    terraform_version: String,
    #[serde(default)]
    serial: u64,
    #[serde(default)]
    resources: Vec<RawResource>,
}

#[derive(Deserialize)]
struct RawResource {
    #[serde(default)]
    module: Option<String>,
    mode: String,
    #[serde(rename = "type")]
    type_name: String,
    name: String,
    /// `provider["registry.terraform.io/hashicorp/aws"].west`, with `module.x.` before it or not.
    #[serde(default)]
    provider: String,
    #[serde(default)]
    instances: Vec<RawInstance>,
}

#[derive(Deserialize)]
struct RawInstance {
    #[serde(default)]
    index_key: Option<Value>,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    deposed: Option<String>,
    #[serde(default)]
    attributes: Option<Map<String, Value>>,
    /// As Terraform 0.11 kept them, until it writes the instance anew.
    #[serde(default)]
    attributes_flat: Option<IgnoredAny>,
    #[serde(default)]
    sensitive_attributes: Option<Vec<Value>>,
}

/// Reads the text of a state file.
pub fn read(text: &str) -> Result<StateFile, ReadError> {
    let text = text.trim_start_matches('\u{FEFF}');
    if text.trim().is_empty() {
        return Err(ReadError::Empty);
    }
    let header: Header = serde_json::from_str(text).map_err(located)?;
    match header {
        Header { encrypted_data: Some(_), .. } => return Err(ReadError::Encrypted),
        Header { format_version: Some(_), .. } => return Err(ReadError::Shown),
        Header { version: None, .. } => return Err(ReadError::Other),
        Header { version: Some(version), .. } if version != 4 => return Err(ReadError::Version(version)),
        Header { .. } => {}
    }
    let file: File = serde_json::from_str(text).map_err(located)?;
    let (managed, data): (Vec<RawResource>, Vec<RawResource>) =
        file.resources.into_iter().partition(|resource| resource.mode == "managed");
    let mut instances: Vec<(&str, Instance)> = managed
        .iter()
        .flat_map(|resource| resource.instances.iter().map(|one| (&*resource.provider, instance(resource, one))))
        .collect();
    place(&mut instances);
    Ok(StateFile {
        terraform_version: file.terraform_version,
        serial: file.serial,
        instances: instances.into_iter().map(|(_, instance)| instance).collect(),
        data_sources: data.iter().map(|resource| resource.instances.len()).sum(),
    })
}

/// The place of a mistake. The words of the parser may quote a value of the file, which may be a secret: what it quotes
/// is left out.
fn located(error: serde_json::Error) -> ReadError {
    let words = error.to_string();
    let words = words.rsplit_once(" at line ").map_or(words.as_str(), |(words, _)| words);
    let what = match words.strip_prefix("invalid type: ").and_then(|rest| rest.split_once(", expected ")) {
        Some((found, expected)) => {
            let kind = found.split([' ', '`', '"']).next().unwrap_or_default();
            format!("{kind} found where a state file has {expected}")
        }
        None => words.to_owned(),
    };
    ReadError::Json { line: error.line(), column: error.column(), what }
}

/// A provider has one region. What tells none is where all else of its provider is.
fn place(instances: &mut [(&str, Instance)]) {
    let mut regions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (provider, instance) in instances.iter() {
        let region = instance.region.clone().filter(|region| !region.is_empty());
        regions.entry((*provider).to_owned()).or_default().extend(region);
    }
    for (provider, instance) in instances {
        if instance.region.is_none() {
            let known = regions.get(*provider).filter(|regions| regions.len() == 1);
            instance.region = known.and_then(|regions| regions.first().cloned());
            instance.unplaced = alias(provider).filter(|_| instance.region.is_none()).map(str::to_owned);
        }
        instance.region.take_if(|region| region.is_empty());
    }
}

/// The alias of a provider: what comes after its name. Before Terraform 0.13 that was `provider.aws`.
fn alias(provider: &str) -> Option<&str> {
    let rest = match provider.rsplit_once("\"]") {
        Some((_, rest)) => rest,
        None => provider.split_once("provider.")?.1.trim_start_matches(|c| c != '.'),
    };
    rest.strip_prefix('.').filter(|alias| !alias.is_empty())
}

fn instance(resource: &RawResource, raw: &RawInstance) -> Instance {
    let empty = Map::new();
    let attributes = raw.attributes.as_ref().unwrap_or(&empty);
    let is_flat = raw.attributes.is_none() && raw.attributes_flat.is_some();
    let attributes = Attributes::new(attributes, raw.sensitive_attributes.as_deref().unwrap_or_default()).flat(is_flat);
    Instance {
        address: address::of(resource.module.as_deref(), &resource.type_name, &resource.name, raw.index_key.as_ref()),
        type_name: resource.type_name.clone(),
        tainted: raw.status.as_deref() == Some("tainted"),
        deposed: raw.deposed.clone(),
        region: attributes.region().map(str::to_owned),
        unplaced: None,
        becomes: table::becomes(&resource.type_name, &attributes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Target;
    use serde_json::json;

    fn file(resources: Value) -> String {
        json!({ "version": 4, "terraform_version": "1.9.8", "serial": 7, "lineage": "x", "outputs": {}, "resources": resources })
            .to_string()
    }

    fn subnet(instances: Value) -> Value {
        json!([{ "module": "module.network[\"a\"]", "mode": "managed", "type": "aws_subnet", "name": "private",
            "provider": "provider[\"registry.terraform.io/hashicorp/aws\"]", "instances": instances }])
    }

    #[test]
    fn every_instance_has_its_address_its_id_and_its_region() {
        let instances = json!([
            { "index_key": 0, "schema_version": 1, "attributes": { "id": "subnet-1", "arn": "arn:aws:ec2:us-west-2:1:subnet/subnet-1" } },
            { "index_key": 1, "schema_version": 1, "status": "tainted", "attributes": { "id": "subnet-2", "region": "us-east-1" } },
            { "index_key": 1, "schema_version": 1, "deposed": "0badcafe", "attributes": { "id": "subnet-3" } },
        ]);
        let read = read(&file(subnet(instances))).unwrap();
        assert_eq!((read.serial, read.terraform_version.as_str()), (7, "1.9.8"));
        let short = |one: &Instance| (one.address.clone(), one.tainted, one.deposed.is_some(), one.region.clone());
        let address = |n| format!("module.network[\"a\"].aws_subnet.private[{n}]");
        let region = |name: &str| Some(name.to_owned());
        assert_eq!(
            read.instances.iter().map(short).collect::<Vec<_>>(),
            [
                (address(0), false, false, region("us-west-2")),
                (address(1), true, false, region("us-east-1")),
                (address(1), false, true, None)
            ]
        );
        let target = Target { type_name: "AWS::EC2::Subnet", id: "subnet-1".into(), implied: false };
        assert_eq!(read.instances[0].becomes, Becomes::Ours(vec![target]));
    }

    #[test]
    fn a_region_is_that_of_all_else_of_the_provider() {
        let of = |provider: &str, kind: &str, attributes: Value| {
            json!({ "mode": "managed", "type": kind, "name": "x", "instances": [{ "attributes": attributes }],
                "provider": format!("provider[\"registry.terraform.io/hashicorp/aws\"]{provider}") })
        };
        let arn = |region: &str| json!({ "arn": format!("arn:aws:ec2:{region}:1:vpc/vpc-1"), "id": "vpc-1" });
        let service = json!({ "id": "arn:aws:ecs:eu-west-1:1:service/a/b" });
        let read = read(&file(json!([
            of(".west", "aws_vpc", arn("us-west-2")),
            of(".west", "aws_nat_gateway", json!({ "id": "nat-1" })),
            of(".west", "aws_iam_role", json!({ "name": "r", "arn": "arn:aws:iam::1:role/r" })),
            of(".far", "aws_nat_gateway", json!({ "id": "nat-1" })),
            of("", "aws_nat_gateway", json!({ "id": "nat-1" })),
            of(".eu", "aws_ecs_service", service),
        ])))
        .unwrap();
        let short = |one: &Instance| (one.region.clone(), one.unplaced.clone());
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            read.instances.iter().map(short).collect::<Vec<_>>(),
            [
                (some("us-west-2"), None),
                (some("us-west-2"), None),
                (None, None),
                (None, some("far")),
                (None, None),
                (some("eu-west-1"), None)
            ]
        );
    }

    #[test]
    fn aliases_of_all_versions() {
        let cases = [
            ("provider[\"registry.terraform.io/hashicorp/aws\"]", None),
            ("module.x[\"a\"].provider[\"registry.terraform.io/hashicorp/aws\"].west", Some("west")),
            ("provider.aws", None),
            ("module.x.provider.aws.west", Some("west")),
            ("", None),
        ];
        for (provider, expected) in cases {
            assert_eq!(alias(provider), expected, "{provider}");
        }
    }

    #[test]
    fn data_sources_are_left_out() {
        let data = json!([{ "mode": "data", "type": "aws_caller_identity", "name": "me", "instances": [{ "attributes": {} }] }]);
        let read = read(&file(data)).unwrap();
        assert_eq!((read.instances.len(), read.data_sources), (0, 1));
    }

    #[test]
    fn what_is_no_state_file_is_told_with_the_next_step() {
        let cases = [
            ("", ReadError::Empty),
            (" \n", ReadError::Empty),
            ("{\"version\": 3, \"modules\": []}", ReadError::Version(3)),
            ("{\"version\": 5}", ReadError::Version(5)),
            ("{\"encrypted_data\": \"x\", \"encryption_version\": \"v0\"}", ReadError::Encrypted),
            ("{\"format_version\": \"1.0\", \"values\": {}}", ReadError::Shown),
            ("{}", ReadError::Other),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text), Err(expected), "{text}");
        }
        assert!(ReadError::Version(3).to_string().contains("terraform 0.12 or later writes version 4"));
    }

    #[test]
    fn bad_json_has_a_place_and_quotes_nothing_of_the_file() {
        let error = read("{\n  \"version\": 4,\n  \"resources\": [\n    {\"mode\": \"hunter2\", }\n").unwrap_err();
        assert!(matches!(error, ReadError::Json { line: 4, .. }), "{error}");
        let error = read("{\"version\": 4, \"resources\": [{\"mode\": \"managed\", \"type\": \"t\", \"name\": \"n\", \"instances\": \"hunter2\"}]}").unwrap_err();
        assert!(error.to_string().starts_with("line 1, column "), "{error}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }

    #[test]
    fn a_sensitive_attribute_never_leaves_the_file() {
        let instances = json!([{ "attributes": { "id": "hunter2" },
            "sensitive_attributes": [[{ "type": "get_attr", "value": "id" }]] }]);
        let read = read(&file(subnet(instances))).unwrap();
        assert!(!format!("{read:?}").contains("hunter2"));
        assert!(why(&read.instances[0]).starts_with("the file marks its id or name as sensitive"));
    }

    fn why(instance: &Instance) -> &'static str {
        match instance.becomes {
            Becomes::WithoutId { why, .. } => why,
            _ => panic!("{instance:?} has an id"),
        }
    }

    #[test]
    fn what_terraform_0_11_wrote_is_told_with_the_next_step() {
        let instances = json!([{ "attributes_flat": { "id": "subnet-1" } }, { "attributes": { "cidr_block": "x" } }]);
        let read = read(&file(subnet(instances))).unwrap();
        assert!(why(&read.instances[0]).contains("`terraform apply -refresh-only`"));
        assert!(why(&read.instances[1]).starts_with("the file does not tell its id"));
    }
}
