//! Policy checks: what is declared, looked at for what should not be so. Nothing is called.

mod identity;
mod network;
mod secrets;
mod stores;

use engine::{Finding, Node, Severity};

/// All findings about the nodes of an environment, in the nodes' order.
pub fn check(nodes: &[Node]) -> Vec<Finding> {
    let mut report = Report::default();
    for node in nodes {
        report.node = Some(node);
        match node.type_name.as_str() {
            "AWS::IAM::Role" | "AWS::IAM::RolePolicy" | "AWS::IAM::ManagedPolicy" => identity::check(node, &mut report),
            "AWS::SNS::TopicPolicy" | "AWS::SQS::QueuePolicy" | "AWS::S3::BucketPolicy" | "AWS::EC2::VPCEndpoint" => {
                identity::check_resource_policy(node, &mut report);
            }
            "AWS::EC2::SecurityGroup" | "AWS::EC2::SecurityGroupIngress" => network::check(node, &mut report),
            "AWS::ElasticLoadBalancingV2::Listener" => network::check_listener(node, &mut report),
            "AWS::RDS::DBInstance" | "AWS::RDS::DBCluster" => stores::check_database(node, &mut report),
            "AWS::ElastiCache::ReplicationGroup" => stores::check_cache(node, &mut report),
            "AWS::SecretsManager::Secret" => secrets::check_secret(node, &mut report),
            "AWS::ECS::TaskDefinition" => secrets::check_containers(node, &mut report),
            _ => {}
        }
    }
    report.findings
}

/// Where the checks of one node report to.
#[derive(Default)]
struct Report<'a> {
    node: Option<&'a Node>,
    findings: Vec<Finding>,
}

impl Report<'_> {
    fn error(&mut self, rule: &str, message: impl Into<String>, hint: impl Into<String>) {
        self.add(Severity::Error, rule, message.into(), hint.into());
    }

    fn warning(&mut self, rule: &str, message: impl Into<String>, hint: impl Into<String>) {
        self.add(Severity::Warning, rule, message.into(), hint.into());
    }

    fn add(&mut self, severity: Severity, rule: &str, message: String, hint: String) {
        self.findings.push(Finding {
            severity,
            rule: rule.to_owned(),
            address: self.node.map(|node| node.address.clone()),
            key: self.node.and_then(|node| node.origin.clone()),
            message,
            hint: Some(hint),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::Stack;
    use serde_json::{Value, json};

    fn rules(type_name: &str, properties: Value) -> Vec<(Severity, String)> {
        let mut stack = Stack::new("a/b", "us-east-1", &[]);
        stack.section("some.key");
        stack.add_value("some.thing", type_name, properties);
        let findings = check(&stack.finish().0);
        for finding in &findings {
            assert_eq!(finding.key.as_deref(), Some("some.key"));
            assert_eq!(finding.address.as_ref().map(|address| address.as_str()), Some("some.thing"));
        }
        findings.into_iter().map(|finding| (finding.severity, finding.rule)).collect()
    }

    /// Type, properties, the rules they break: `!` before an error's.
    fn assert_rules(cases: &[(&str, Value, &[&str])]) {
        for (type_name, properties, expected) in cases {
            let found: Vec<String> = rules(type_name, properties.clone())
                .into_iter()
                .map(|(severity, rule)| if severity == Severity::Error { format!("!{rule}") } else { rule })
                .collect();
            assert_eq!(found, *expected, "{type_name} {properties}");
        }
    }

    fn policy(statement: Value) -> Value {
        json!({ "PolicyDocument": { "Version": "2012-10-17", "Statement": statement } })
    }

    #[test]
    fn permissions() {
        const POLICY: &str = "AWS::IAM::ManagedPolicy";
        let allow = |action: Value, resource: Value| {
            policy(json!([{ "Effect": "Allow", "Action": action, "Resource": resource }]))
        };
        assert_rules(&[
            (POLICY, allow(json!("*"), json!("*")), &["!iam-allows-everything"]),
            (
                POLICY,
                allow(json!(["s3:GetObject", "*:*"]), json!(["arn:aws:s3:::b", "*"])),
                &["!iam-allows-everything"],
            ),
            (POLICY, allow(json!("s3:*"), json!("*")), &["iam-allows-a-whole-service"]),
            (POLICY, allow(json!("*"), json!("arn:aws:s3:::b")), &["iam-allows-every-action"]),
            (POLICY, allow(json!("ecr:GetAuthorizationToken"), json!("*")), &[]),
            (POLICY, allow(json!("s3:*"), json!("arn:aws:s3:::b/*")), &[]),
            (POLICY, policy(json!({ "Effect": "Deny", "Action": "*", "Resource": "*" })), &[]),
            (
                POLICY,
                policy(json!({ "Effect": "Allow", "NotAction": "iam:*", "Resource": "*" })),
                &["iam-allows-all-but"],
            ),
            ("AWS::IAM::RolePolicy", allow(json!("*"), json!("*")), &["!iam-allows-everything"]),
            (
                "AWS::IAM::Role",
                json!({
                    "Policies": [{ "PolicyName": "p", "PolicyDocument": { "Statement": { "Effect": "Allow", "Action": "*", "Resource": "*" } } }],
                    "ManagedPolicyArns": ["arn:aws:iam::aws:policy/AdministratorAccess"],
                }),
                &["!iam-allows-everything", "iam-administrator"],
            ),
        ]);
    }

    #[test]
    fn trust() {
        let role = |principal: Value, condition: Value| {
            let mut statement = json!({ "Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole" });
            if !condition.is_null() {
                statement["Condition"] = condition;
            }
            json!({ "AssumeRolePolicyDocument": { "Statement": [statement] } })
        };
        let own = json!({ "StringEquals": { "aws:PrincipalOrgID": "o-1" } });
        assert_rules(&[
            ("AWS::IAM::Role", role(json!("*"), Value::Null), &["!iam-trusts-anyone"]),
            ("AWS::IAM::Role", role(json!({ "AWS": ["*"] }), Value::Null), &["!iam-trusts-anyone"]),
            ("AWS::IAM::Role", role(json!("*"), own), &[]),
            ("AWS::IAM::Role", role(json!({ "Service": "ecs-tasks.amazonaws.com" }), Value::Null), &[]),
        ]);
        let topic = |condition: bool| {
            let mut statement =
                json!({ "Effect": "Allow", "Principal": "*", "Action": "sns:Publish", "Resource": "arn" });
            if condition {
                statement["Condition"] =
                    json!({ "StringEquals": { "aws:SourceAccount": { "Ref": "AWS::AccountId" } } });
            }
            json!({ "Topics": ["arn"], "PolicyDocument": { "Statement": [statement] } })
        };
        assert_rules(&[
            ("AWS::SNS::TopicPolicy", topic(false), &["policy-for-anyone"]),
            ("AWS::SNS::TopicPolicy", topic(true), &[]),
        ]);
    }

    #[test]
    fn open_ports() {
        const GROUP: &str = "AWS::EC2::SecurityGroup";
        const RULE: &str = "AWS::EC2::SecurityGroupIngress";
        let rule = |from: i64, to: i64, cidr: &str| {
            let property = if cidr.contains(':') { "CidrIpv6" } else { "CidrIp" };
            json!({ "IpProtocol": "tcp", "FromPort": from, "ToPort": to, property: cidr })
        };
        assert_rules(&[
            (RULE, rule(443, 443, "0.0.0.0/0"), &[]),
            (RULE, rule(80, 80, "::/0"), &[]),
            (RULE, rule(5432, 5432, "10.0.0.0/16"), &[]),
            (RULE, rule(5432, 5432, "0.0.0.0/0"), &["!open-to-the-world"]),
            (RULE, rule(20, 30, "::/0"), &["!open-to-the-world"]),
            (RULE, rule(8080, 8080, "0.0.0.0/0"), &["open-to-the-world"]),
            (RULE, rule(80, 443, "0.0.0.0/0"), &["open-to-the-world"]),
            (RULE, json!({ "IpProtocol": "-1", "CidrIp": "0.0.0.0/0" }), &["!open-to-the-world"]),
            (RULE, json!({ "IpProtocol": "icmp", "FromPort": 8, "ToPort": -1, "CidrIp": "0.0.0.0/0" }), &[]),
            (
                GROUP,
                json!({ "SecurityGroupIngress": [rule(443, 443, "0.0.0.0/0"), rule(22, 22, "0.0.0.0/0")] }),
                &["!open-to-the-world"],
            ),
            (
                "AWS::ElasticLoadBalancingV2::Listener",
                json!({ "Protocol": "HTTP", "DefaultActions": [{ "Type": "forward" }] }),
                &["plain-http"],
            ),
            (
                "AWS::ElasticLoadBalancingV2::Listener",
                json!({ "Protocol": "HTTP", "DefaultActions": [{ "Type": "redirect" }] }),
                &[],
            ),
        ]);
    }

    #[test]
    fn stores() {
        const DATABASE: &str = "AWS::RDS::DBInstance";
        const CACHE: &str = "AWS::ElastiCache::ReplicationGroup";
        assert_rules(&[
            (DATABASE, json!({ "StorageEncrypted": true, "PubliclyAccessible": false }), &[]),
            (DATABASE, json!({ "StorageEncrypted": true, "PubliclyAccessible": true }), &["database-public"]),
            (DATABASE, json!({}), &["database-not-encrypted"]),
            (DATABASE, json!({ "DBClusterIdentifier": "c" }), &[]),
            (DATABASE, json!({ "StorageEncrypted": true, "MasterUserPassword": "hunter2" }), &["!secret-in-the-open"]),
            (
                DATABASE,
                json!({ "StorageEncrypted": true, "MasterUserPassword": { "Fn::Join": ["", ["{{resolve:secretsmanager:", { "Ref": "s" }, "}}"]] } }),
                &[],
            ),
            (CACHE, json!({ "AtRestEncryptionEnabled": true, "TransitEncryptionEnabled": true }), &[]),
            (CACHE, json!({}), &["cache-not-encrypted", "cache-not-encrypted-in-transit"]),
        ]);
    }

    #[test]
    fn secrets_in_the_open() {
        let container = |name: &str, value: &str| json!({ "ContainerDefinitions": [{ "Name": "api", "Environment": [{ "Name": name, "Value": value }] }] });
        const TASK: &str = "AWS::ECS::TaskDefinition";
        assert_rules(&[
            ("AWS::SecretsManager::Secret", json!({ "SecretString": "hunter2" }), &["!secret-in-the-open"]),
            ("AWS::SecretsManager::Secret", json!({ "GenerateSecretString": {} }), &[]),
            (TASK, container("DB_PASSWORD", "hunter2"), &["secret-in-the-open"]),
            (TASK, container("apiKey", "hunter2"), &["secret-in-the-open"]),
            (TASK, container("PASSWORD_FILE", ""), &[]),
            (TASK, container("LOG_LEVEL", "info"), &[]),
        ]);
        let findings = {
            let mut stack = Stack::new("a/b", "us-east-1", &[]);
            stack.add_value("a.b", TASK, container("DB_PASSWORD", "hunter2"));
            check(&stack.finish().0)
        };
        assert!(!format!("{findings:?}").contains("hunter2"));
    }

    #[test]
    fn what_this_crate_declares_is_clean() {
        use crate::{roles, secrets, settings::Settings};
        let settings: Settings =
            serde_json::from_value(json!({ "secret": { "db": { "generate": { "username": "u" } }, "app": {} } }))
                .unwrap();
        let mut stack = Stack::new("a/b", "us-east-1", &[]);
        let secrets = secrets::declare(&settings, &secrets::Inputs { prefix: "a-b".to_owned() }, &mut stack);
        let service = roles::ServiceAccess {
            name: "api".to_owned(),
            repository_arn: Some("arn:aws:ecr:us-east-1:1:repository/a".to_owned()),
            log_group_arn: Some("arn:aws:logs:us-east-1:1:log-group:a:*".to_owned()),
            secret_arns: secrets.arn("db").into_iter().collect(),
            exec: true,
            ..roles::ServiceAccess::default()
        };
        roles::declare(&roles::Inputs { prefix: "a-b".to_owned(), services: vec![service] }, &mut stack);
        roles::declare_flow_logs("a-b", "arn:aws:logs:us-east-1:1:log-group:f:*", &mut stack);
        assert_eq!(check(&stack.finish().0), []);
    }
}
