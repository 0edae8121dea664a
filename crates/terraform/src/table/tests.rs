use std::collections::BTreeSet;

use super::*;
use serde_json::{Value, json};

fn ids(terraform: &str, attributes: Value) -> Vec<String> {
    let values = attributes.as_object().unwrap();
    let show =
        |target: &Target| format!("{}{} {}", if target.implied { "(apart) " } else { "" }, target.type_name, target.id);
    match becomes(terraform, &Attributes::new(values, &[])) {
        Becomes::Ours(targets) => targets.iter().map(show).collect(),
        Becomes::PartOf { type_name, apart, .. } => {
            [format!("part of {type_name}")].into_iter().chain(apart.iter().map(show)).collect()
        }
        Becomes::WithoutId { type_name, .. } => vec![format!("{type_name} without id")],
        Becomes::Unhandled { type_name } => vec![format!("unhandled {type_name}")],
        Becomes::Unknown => vec!["unknown".into()],
        Becomes::Elsewhere => vec!["elsewhere".into()],
    }
}

#[test]
fn ids_are_those_of_our_handlers() {
    let topic = "arn:aws:sns:us-east-1:1:alerts";
    let secret = "arn:aws:secretsmanager:us-east-1:1:secret:a-x";
    let cases: Vec<(&str, Value, Vec<&str>)> = vec![
        ("aws_vpc", json!({ "id": "vpc-1" }), vec!["AWS::EC2::VPC vpc-1"]),
        (
            "aws_internet_gateway",
            json!({ "id": "igw-1", "vpc_id": "vpc-1" }),
            vec!["AWS::EC2::InternetGateway igw-1", "(apart) AWS::EC2::VPCGatewayAttachment IGW|vpc-1"],
        ),
        ("aws_internet_gateway", json!({ "id": "igw-1", "vpc_id": "" }), vec!["AWS::EC2::InternetGateway igw-1"]),
        (
            "aws_route_table",
            json!({ "id": "rtb-1", "route": [{ "cidr_block": "0.0.0.0/0" }, { "cidr_block": "", "ipv6_cidr_block": "::/0" }] }),
            vec![
                "AWS::EC2::RouteTable rtb-1",
                "(apart) AWS::EC2::Route rtb-1|0.0.0.0/0",
                "(apart) AWS::EC2::Route rtb-1|::/0",
            ],
        ),
        (
            "aws_route",
            json!({ "id": "r-rtb-11080289494", "route_table_id": "rtb-1", "destination_cidr_block": "0.0.0.0/0" }),
            vec!["AWS::EC2::Route rtb-1|0.0.0.0/0"],
        ),
        (
            "aws_route_table_association",
            json!({ "id": "rtbassoc-1", "subnet_id": "", "gateway_id": "igw-1" }),
            vec!["AWS::EC2::SubnetRouteTableAssociation without id"],
        ),
        ("aws_eip", json!({ "id": "eipalloc-1", "public_ip": "192.0.2.1" }), vec!["AWS::EC2::EIP 192.0.2.1"]),
        (
            "aws_network_acl_rule",
            json!({ "id": "nacl-123", "network_acl_id": "acl-1", "rule_number": 100, "egress": true }),
            vec!["AWS::EC2::NetworkAclEntry acl-1|100|egress"],
        ),
        (
            "aws_security_group_rule",
            json!({ "id": "sgrule-1", "type": "egress", "security_group_rule_id": "sgr-1" }),
            vec!["AWS::EC2::SecurityGroupEgress sgr-1"],
        ),
        (
            "aws_security_group_rule",
            json!({ "id": "sgrule-1", "type": "ingress", "security_group_rule_id": "" }),
            vec!["AWS::EC2::SecurityGroupIngress without id"],
        ),
        ("aws_vpc_security_group_ingress_rule", json!({ "id": "sgr-1" }), vec!["AWS::EC2::SecurityGroupIngress sgr-1"]),
        (
            "aws_ecs_cluster",
            json!({ "id": "arn:aws:ecs:us-east-1:1:cluster/main", "arn": "arn:aws:ecs:us-east-1:1:cluster/main", "name": "main" }),
            vec!["AWS::ECS::Cluster main", "(apart) AWS::ECS::ClusterCapacityProviderAssociations main"],
        ),
        (
            "aws_ecs_task_definition",
            json!({ "id": "api", "arn": "arn:aws:ecs:us-east-1:1:task-definition/api:7", "family": "api" }),
            vec!["AWS::ECS::TaskDefinition arn:aws:ecs:us-east-1:1:task-definition/api:7"],
        ),
        (
            "aws_appautoscaling_target",
            json!({ "id": "service/a/b", "resource_id": "service/a/b", "scalable_dimension": "ecs:service:DesiredCount", "service_namespace": "ecs" }),
            vec!["AWS::ApplicationAutoScaling::ScalableTarget service/a/b|ecs:service:DesiredCount|ecs"],
        ),
        (
            "aws_db_instance",
            json!({ "id": "db-ABCDEF", "resource_id": "db-ABCDEF", "identifier": "main", "password": "hunter2" }),
            vec!["AWS::RDS::DBInstance main"],
        ),
        (
            "aws_iam_role_policy",
            json!({ "id": "api:read", "name": "read", "role": "api" }),
            vec!["part of AWS::IAM::Role", "(apart) AWS::IAM::RolePolicy read|api"],
        ),
        ("aws_iam_role_policy_attachment", json!({ "id": "x" }), vec!["part of AWS::IAM::Role"]),
        (
            "aws_secretsmanager_secret_version",
            json!({ "id": "x|y", "secret_id": secret, "secret_string": "hunter2" }),
            vec![
                "part of AWS::SecretsManager::Secret",
                "(apart) Groundplan::SecretsManager::Attachment arn:aws:secretsmanager:us-east-1:1:secret:a-x",
            ],
        ),
        (
            "aws_sns_topic",
            json!({ "id": topic, "arn": topic }),
            vec![
                "AWS::SNS::Topic arn:aws:sns:us-east-1:1:alerts",
                "(apart) AWS::SNS::TopicPolicy arn:aws:sns:us-east-1:1:alerts",
            ],
        ),
        (
            "aws_sns_topic_subscription",
            json!({ "arn": "pending confirmation" }),
            vec!["AWS::SNS::Subscription without id"],
        ),
        ("aws_s3_bucket", json!({ "id": "b" }), vec!["unhandled AWS::S3::Bucket"]),
        ("aws_something_new", json!({ "id": "b" }), vec!["unknown"]),
        ("random_password", json!({ "result": "hunter2" }), vec!["elsewhere"]),
    ];
    for (terraform, attributes, expected) in cases {
        assert_eq!(ids(terraform, attributes), expected, "{terraform}");
    }
}

#[test]
fn a_type_stands_once_and_in_one_table() {
    let mut seen = BTreeSet::new();
    for row in TABLE {
        assert!(seen.insert(row.terraform), "{} stands twice", row.terraform);
        assert_eq!(unhandled::cloudformation(row.terraform), None, "{} is handled", row.terraform);
    }
}
