//! The resource types of the scenarios. They borrow AWS's names for what the schemas say of create-only properties.

use std::sync::Arc;

use engine::catalogue::TypeFacts;
use engine::{Catalogue, Seconds};
use serde_json::Value;

use crate::cloud::FakeHandler;

/// One type. Every type has a changeable `Size`, and a list `Uses` of references that hold nothing.
pub struct Kind {
    pub type_name: &'static str,
    /// The property that is its id, or must be unique.
    pub name: Option<&'static str>,
    /// Whether the name is the id.
    pub named: bool,
    /// A create-only scalar.
    pub fixed: Option<&'static str>,
    /// A create-only reference.
    pub hard: Option<&'static str>,
    /// A reference with a meaning of its own to the type.
    pub special: Option<&'static str>,
    facts: TypeFacts,
}

const FACTS: TypeFacts = TypeFacts {
    seconds: Seconds::INSTANT,
    late: &["Late"],
    needs_ready: &[],
    holds: &[],
    moves_with: &[],
    unique_name: None,
    unique_within: None,
    holds_data: false,
};

const PLAIN: Kind =
    Kind { type_name: "Test::Thing", name: None, named: false, fixed: None, hard: None, special: None, facts: FACTS };

impl Kind {
    pub const ALL: [Kind; 10] = [
        PLAIN,
        Kind { type_name: "AWS::EC2::VPC", fixed: Some("CidrBlock"), ..PLAIN },
        Kind { type_name: "AWS::EC2::Subnet", fixed: Some("CidrBlock"), hard: Some("VpcId"), ..PLAIN },
        Kind {
            type_name: "AWS::ElasticLoadBalancingV2::LoadBalancer",
            name: Some("Name"),
            fixed: Some("Scheme"),
            special: Some("Subnets"),
            facts: TypeFacts { moves_with: &[("Subnets", "VpcId")], unique_name: Some("Name"), ..FACTS },
            ..PLAIN
        },
        Kind {
            type_name: "AWS::ElasticLoadBalancingV2::TargetGroup",
            name: Some("Name"),
            fixed: Some("Port"),
            hard: Some("VpcId"),
            facts: TypeFacts { unique_name: Some("Name"), ..FACTS },
            ..PLAIN
        },
        Kind {
            type_name: "AWS::ElasticLoadBalancingV2::Listener",
            hard: Some("LoadBalancerArn"),
            special: Some("DefaultActions"),
            facts: TypeFacts { holds: &["DefaultActions"], ..FACTS },
            ..PLAIN
        },
        Kind {
            type_name: "AWS::EC2::SecurityGroup",
            name: Some("GroupName"),
            fixed: Some("GroupDescription"),
            hard: Some("VpcId"),
            facts: TypeFacts { unique_name: Some("GroupName"), unique_within: Some("VpcId"), ..FACTS },
            ..PLAIN
        },
        Kind {
            type_name: "AWS::RDS::DBInstance",
            name: Some("DBInstanceIdentifier"),
            named: true,
            fixed: Some("DBName"),
            special: Some("Certificates"),
            facts: TypeFacts { holds_data: true, needs_ready: &["Certificates"], ..FACTS },
            ..PLAIN
        },
        Kind { type_name: "AWS::Logs::LogGroup", name: Some("LogGroupName"), named: true, ..PLAIN },
        Kind { type_name: "AWS::EC2::VPCGatewayAttachment", hard: Some("VpcId"), ..PLAIN },
    ];

    pub fn facts(&self) -> TypeFacts {
        self.facts
    }

    pub fn id(&self, properties: &Value) -> Option<String> {
        if !self.named {
            return None;
        }
        Some(properties[self.name?].as_str()?.to_owned())
    }

    /// Whether a property holds references.
    pub fn refers(&self, property: &str) -> bool {
        property == "Uses" || Some(property) == self.hard || Some(property) == self.special
    }

    /// Its create-only properties among those that scenarios use.
    pub fn create_only(&self) -> Vec<&'static str> {
        let Some(facts) = schema::facts(self.type_name) else { return vec![] };
        let used = [self.name, self.fixed, self.hard, self.special, Some("Size"), Some("Uses")];
        let only = |key: &&str| facts.create_only().iter().any(|path| path.matches(&[schema::Segment::from(*key)]));
        used.into_iter().flatten().filter(only).collect()
    }

    /// Whether a reference through this property keeps its target from being deleted.
    pub fn blocks(&self, property: &str) -> bool {
        self.facts.holds.contains(&property) || self.create_only().contains(&property)
    }
}

pub fn catalogue() -> Catalogue {
    let mut catalogue = Catalogue::default();
    for kind in 0..Kind::ALL.len() {
        catalogue.insert(Arc::new(FakeHandler(kind)));
    }
    catalogue
}

#[test]
fn the_borrowed_types_have_the_create_only_properties_that_the_scenarios_count_on() {
    for kind in &Kind::ALL {
        let only = kind.create_only();
        for property in [kind.name, kind.fixed, kind.hard].into_iter().flatten() {
            assert!(only.contains(&property), "{}: {property} is not create-only", kind.type_name);
        }
        assert!(!only.contains(&"Size") && !only.contains(&"Uses"));
    }
    let delete_first = schema::facts("AWS::EC2::VPCGatewayAttachment").unwrap();
    assert_eq!(delete_first.replacement(), schema::Replacement::DeleteThenCreate);
}
