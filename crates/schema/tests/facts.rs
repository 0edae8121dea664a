//! The facts of well-known types, against AWS's documentation of them.

use schema::{PropertyPath, Replacement, TagShape, facts, types};

fn path(text: &str) -> PropertyPath {
    PropertyPath::parse(text)
}

fn has(paths: &[PropertyPath], text: &str) -> bool {
    paths.contains(&path(text))
}

#[test]
fn all_types_of_the_list_load() {
    let listed: Vec<&str> = include_str!("../data/types.txt").split_whitespace().collect();
    let (aws, ours): (Vec<&str>, Vec<&str>) = types().partition(|name| name.starts_with("AWS::"));
    assert_eq!(aws, listed);
    assert_eq!(aws.len(), 111);
    assert_eq!(ours, ["Groundplan::SecretsManager::Attachment"]);
    for type_name in types() {
        let facts = facts(type_name).unwrap_or_else(|| panic!("{type_name} does not parse"));
        assert_eq!(facts.type_name(), type_name);
        assert!(!facts.primary_identifier().is_empty(), "{type_name}");
        // Every path that AWS names leads somewhere.
        let lists = [
            facts.create_only(),
            facts.conditional_create_only(),
            facts.read_only(),
            facts.write_only(),
            facts.primary_identifier(),
        ];
        for path in lists.into_iter().flatten() {
            assert!(facts.property(path).is_some(), "{type_name}: {path}");
        }
        for name in facts.required() {
            assert!(facts.property(&path(name)).is_some(), "{type_name}: {name}");
        }
    }
    assert!(facts("AWS::Moon::Base").is_none());
    assert_eq!(schema::closest_type("AWS::EC2::Vpcs"), Some("AWS::EC2::VPC"));
}

#[test]
fn what_replaces_a_resource() {
    // type, property, always replaces, sometimes replaces
    let cases = [
        ("AWS::EC2::VPC", "CidrBlock", true, false),
        ("AWS::EC2::VPC", "InstanceTenancy", false, true),
        ("AWS::EC2::VPC", "EnableDnsHostnames", false, false),
        ("AWS::EC2::Subnet", "AvailabilityZone", true, false),
        ("AWS::EC2::Subnet", "MapPublicIpOnLaunch", false, false),
        ("AWS::EC2::NatGateway", "SubnetId", true, false),
        ("AWS::EC2::NatGateway", "SecondaryAllocationIds", false, false),
        ("AWS::ElasticLoadBalancingV2::LoadBalancer", "Scheme", true, false),
        ("AWS::ElasticLoadBalancingV2::LoadBalancer", "SecurityGroups", false, false),
        ("AWS::RDS::DBInstance", "DBInstanceIdentifier", true, false),
        ("AWS::RDS::DBInstance", "Engine", false, true),
        ("AWS::RDS::DBInstance", "AllocatedStorage", false, false),
        ("AWS::ECS::Service", "ServiceName", true, false),
        ("AWS::ECS::Service", "LaunchType", false, true),
        ("AWS::ECS::Service", "DesiredCount", false, false),
        ("AWS::ECS::TaskDefinition", "ContainerDefinitions", true, false),
        ("AWS::IAM::Role", "RoleName", true, false),
        ("AWS::IAM::Role", "AssumeRolePolicyDocument", false, false),
        ("AWS::S3::Bucket", "BucketName", true, false),
        ("AWS::S3::Bucket", "VersioningConfiguration", false, false),
        ("AWS::CloudFront::Distribution", "DistributionConfig", false, false),
        ("AWS::SSM::Parameter", "Name", true, false),
        ("AWS::SSM::Parameter", "Value", false, false),
    ];
    for (type_name, property, always, sometimes) in cases {
        let facts = facts(type_name).unwrap();
        let found = (has(facts.create_only(), property), has(facts.conditional_create_only(), property));
        assert_eq!(found, (always, sometimes), "{type_name}.{property}");
    }
}

#[test]
fn what_must_be_given() {
    let cases: [(&str, &[&str]); 5] = [
        ("AWS::EC2::Subnet", &["VpcId"]),
        ("AWS::IAM::Role", &["AssumeRolePolicyDocument"]),
        ("AWS::CloudFront::Distribution", &["DistributionConfig"]),
        ("AWS::SSM::Parameter", &["Value", "Type"]),
        ("AWS::S3::Bucket", &[]),
    ];
    for (type_name, required) in cases {
        assert_eq!(facts(type_name).unwrap().required(), required, "{type_name}");
    }
}

#[test]
fn attributes_are_what_get_att_reads() {
    let cases = [
        ("AWS::EC2::VPC", "VpcId", true),
        ("AWS::EC2::VPC", "CidrBlock", false),
        ("AWS::EC2::NatGateway", "NatGatewayId", true),
        ("AWS::ElasticLoadBalancingV2::LoadBalancer", "DNSName", true),
        ("AWS::RDS::DBInstance", "Endpoint.Address", true),
        ("AWS::RDS::DBInstance", "Endpoint.Moon", false),
        ("AWS::RDS::DBInstance", "MasterUserSecret.SecretArn", true),
        ("AWS::IAM::Role", "Arn", true),
        ("AWS::S3::Bucket", "RegionalDomainName", true),
        ("AWS::CloudFront::Distribution", "DomainName", true),
        ("AWS::ECS::TaskDefinition", "TaskDefinitionArn", true),
    ];
    for (type_name, attribute, expected) in cases {
        assert_eq!(facts(type_name).unwrap().has_attribute(attribute), expected, "{type_name}.{attribute}");
    }
    let names: Vec<String> = facts("AWS::IAM::Role").unwrap().read_only().iter().map(PropertyPath::attribute).collect();
    assert_eq!(names, ["Arn", "RoleId"]);
}

#[test]
fn what_is_never_reported_back() {
    let cases = [
        ("AWS::RDS::DBInstance", "MasterUserPassword", true),
        ("AWS::RDS::DBInstance", "DBInstanceClass", false),
        ("AWS::S3::Bucket", "AccessControl", true),
        ("AWS::S3::Bucket", "LifecycleConfiguration/Rules/*/Transition", true),
        ("AWS::SSM::Parameter", "Tier", true),
    ];
    for (type_name, property, expected) in cases {
        assert_eq!(has(facts(type_name).unwrap().write_only(), property), expected, "{type_name}.{property}");
    }
}

#[test]
fn identifiers_keep_their_order() {
    let cases: [(&str, &[&str]); 4] = [
        ("AWS::EC2::VPC", &["VpcId"]),
        ("AWS::ECS::Service", &["ServiceArn", "Cluster"]),
        ("AWS::S3::Bucket", &["BucketName"]),
        ("AWS::SSM::Parameter", &["Name"]),
    ];
    for (type_name, expected) in cases {
        let names: Vec<String> =
            facts(type_name).unwrap().primary_identifier().iter().map(ToString::to_string).collect();
        assert_eq!(names, expected, "{type_name}");
    }
}

#[test]
fn how_types_are_tagged() {
    let cases = [
        ("AWS::EC2::VPC", Some(("Tags", TagShape::List))),
        ("AWS::SSM::Parameter", Some(("Tags", TagShape::Map))),
        ("AWS::ApiGatewayV2::Api", Some(("Tags", TagShape::Map))),
        ("AWS::Route53::HostedZone", Some(("HostedZoneTags", TagShape::List))),
        ("AWS::Backup::BackupPlan", Some(("BackupPlanTags", TagShape::Map))),
        ("AWS::Budgets::Budget", Some(("ResourceTags", TagShape::List))),
        ("AWS::EC2::Route", None),
        ("AWS::IAM::ManagedPolicy", None),
    ];
    for (type_name, expected) in cases {
        assert_eq!(facts(type_name).unwrap().tag_property(), expected, "{type_name}");
    }
    assert!(!facts("AWS::CE::AnomalyMonitor").unwrap().tagging().unwrap().updatable);
}

#[test]
fn which_lists_have_an_order() {
    let cases = [
        ("AWS::EC2::SecurityGroup", "SecurityGroupIngress", true),
        ("AWS::EC2::VPC", "Tags", true),
        // Tags are a set even where the schema does not say so.
        ("AWS::ECS::Service", "Tags", true),
        ("AWS::IAM::Role", "ManagedPolicyArns", true),
        ("AWS::ECS::TaskDefinition", "ContainerDefinitions/*/Command", false),
        ("AWS::EC2::VPC", "CidrBlock", false),
    ];
    for (type_name, property, expected) in cases {
        assert_eq!(facts(type_name).unwrap().is_set(&path(property)), expected, "{type_name}.{property}");
    }
    let balancer = facts("AWS::ElasticLoadBalancingV2::LoadBalancer").unwrap();
    assert!(balancer.property(&path("LoadBalancerAttributes")).unwrap().is_attribute_list());
}

#[test]
fn nested_properties_are_found() {
    let distribution = facts("AWS::CloudFront::Distribution").unwrap();
    let protocol = path("DistributionConfig/Origins/*/CustomOriginConfig/OriginProtocolPolicy");
    assert!(distribution.property(&protocol).is_some());
    assert!(distribution.property(&path("DistributionConfig/Moon")).is_none());
    let bucket = facts("AWS::S3::Bucket").unwrap();
    let status = bucket.property(&path("VersioningConfiguration/Status")).unwrap();
    assert_eq!(status.allowed, ["Enabled", "Suspended"]);
    // Through alternatives, and through maps.
    assert!(bucket.property(&path("LoggingConfiguration/TargetObjectKeyFormat/PartitionedPrefix")).is_some());
    assert!(facts("AWS::SSM::Parameter").unwrap().property(&path("Tags/*")).is_some());
    // A node that refers to itself.
    let statement = path("Rules/*/Statement/NotStatement/Statement/NotStatement/Statement/GeoMatchStatement");
    assert!(facts("AWS::WAFv2::WebACL").unwrap().property(&statement).is_some());
}

#[test]
fn our_own_words_are_put_over_those_of_aws() {
    let parameter = facts("AWS::SSM::Parameter").unwrap();
    assert_eq!(parameter.property(&path("Type")).unwrap().allowed, ["String", "StringList", "SecureString"]);
    assert!(parameter.property(&path("KeyId")).is_some());
    assert!(parameter.property(&path("Value")).is_some());
}

#[test]
fn which_replacements_delete_first() {
    let delete_first: Vec<&str> =
        types().filter(|name| facts(name).unwrap().replacement() == Replacement::DeleteThenCreate).collect();
    assert_eq!(
        delete_first,
        [
            "AWS::EC2::SubnetNetworkAclAssociation",
            "AWS::EC2::SubnetRouteTableAssociation",
            "AWS::EC2::VPCGatewayAttachment",
            "AWS::Logs::MetricFilter",
            "AWS::Logs::SubscriptionFilter",
        ]
    );
}

#[test]
fn the_patterns_that_cannot_be_checked() {
    let unchecked: Vec<(&str, Vec<&str>)> = types()
        .map(|name| (name, facts(name).unwrap().unchecked_patterns()))
        .filter(|(_, patterns)| !patterns.is_empty())
        .collect();
    // `\p{Print}` is Java's, not ECMAScript's.
    assert_eq!(unchecked, [("AWS::ApplicationAutoScaling::ScalingPolicy", vec![r"^\p{Print}+$"])]);
}
