//! The roles that services and AWS itself act in: each may do exactly what it needs, on exactly what it uses.

use std::collections::BTreeMap;

use cloud::{Handle, Stack};
use serde_json::Value;

use crate::policy;
use crate::role::{Policy, Role};

/// What the roles need of others.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// Begins every physical name: `arrakis-production`.
    pub prefix: String,
    /// The services.
    pub services: Vec<ServiceAccess>,
}

/// What a service uses. ARNs are tokens, or text.
#[derive(Clone, Debug, Default)]
pub struct ServiceAccess {
    /// The service's name in the environment file.
    pub name: String,
    /// The ARN of the ECR repository its image comes from; none for an image from elsewhere.
    pub repository_arn: Option<String>,
    /// The ARN of its log group (`Fn::GetAtt Arn`, which ends in `:*`).
    pub log_group_arn: Option<String>,
    /// The ARNs of the secrets that its containers get.
    pub secret_arns: Vec<String>,
    /// What its own code may do.
    pub allow: Vec<Allow>,
    /// Whether a person may open a shell in its containers (ECS Exec).
    pub exec: bool,
}

/// Actions allowed on resources.
#[derive(Clone, Debug, Default)]
pub struct Allow {
    /// Actions as IAM writes them: `s3:GetObject`.
    pub actions: Vec<String>,
    /// ARNs, or `*`.
    pub resources: Vec<String>,
}

/// The roles declared.
#[derive(Clone, Debug, Default)]
pub struct Outputs {
    /// By service: what ECS itself acts in, to pull the image, read the secrets and write the log.
    pub execution: BTreeMap<String, DeclaredRole>,
    /// By service: what the service's own code acts in.
    pub task: BTreeMap<String, DeclaredRole>,
}

/// One role declared.
#[derive(Clone, Debug)]
pub struct DeclaredRole {
    /// The resource; [`Handle::id`] is the role's name.
    pub handle: Handle,
    /// The role's ARN, as a token.
    pub arn: String,
    /// The physical name.
    pub name: String,
}

/// IAM's longest role name.
const LONGEST_NAME: usize = 64;

/// Declares the roles.
pub fn declare(inputs: &Inputs, stack: &mut Stack) -> Outputs {
    let mut outputs = Outputs::default();
    for service in &inputs.services {
        let name = &service.name;
        let key = format!("compute.service.{name}");
        stack.section(&key);
        check(service, &key, stack);
        let execution = Role {
            description: Some(format!("ECS starts the tasks of {name} in this role")),
            assume_role_policy_document: Some(policy::trust(ECS_TASKS)),
            policies: inline("start-tasks", execution_statements(service)),
            ..Role::default()
        };
        outputs
            .execution
            .insert(name.clone(), add(&format!("{name}-execution"), execution, &key, &inputs.prefix, stack));
        let task = Role {
            description: Some(format!("The code of {name} acts in this role")),
            assume_role_policy_document: Some(policy::trust_for(ECS_TASKS, ANY_TASK)),
            policies: inline("allow", task_statements(service)),
            ..Role::default()
        };
        outputs.task.insert(name.clone(), add(&format!("{name}-task"), task, &key, &inputs.prefix, stack));
    }
    outputs
}

/// Declares the role that VPC flow logs are written in, to the log group of this ARN (`Fn::GetAtt Arn`).
pub fn declare_flow_logs(prefix: &str, log_group_arn: &str, stack: &mut Stack) -> DeclaredRole {
    let key = "networking.flow-logs";
    stack.section(key);
    let role = Role {
        description: Some("VPC flow logs are written in this role".to_owned()),
        assume_role_policy_document: Some(policy::trust_for(FLOW_LOGS, ANY_FLOW_LOG)),
        policies: inline("write-log", flow_log_statements(log_group_arn)),
        ..Role::default()
    };
    add("flow-logs", role, key, prefix, stack)
}

const ECS_TASKS: &str = "ecs-tasks.amazonaws.com";
const FLOW_LOGS: &str = "vpc-flow-logs.amazonaws.com";
/// Amazon ECS Developer Guide, "Task IAM role": the condition against the confused deputy.
const ANY_TASK: &str = "arn:${AWS::Partition}:ecs:${AWS::Region}:${AWS::AccountId}:*";
/// Amazon VPC User Guide, "IAM role for publishing flow logs to CloudWatch Logs".
const ANY_FLOW_LOG: &str = "arn:${AWS::Partition}:ec2:${AWS::Region}:${AWS::AccountId}:vpc-flow-log/*";

fn add(short: &str, role: Role, key: &str, prefix: &str, stack: &mut Stack) -> DeclaredRole {
    let name = format!("{prefix}-{short}");
    if name.len() > LONGEST_NAME {
        stack
            .findings
            .error("role-name-too-long", key, format!("the role name `{name}` has {} characters", name.len()))
            .hint(format!(
                "IAM takes {LONGEST_NAME}: choose a shorter name here, or a shorter system or environment name"
            ));
    }
    // Nothing is attached: what somebody attaches by hand is drift.
    let role = Role { role_name: Some(name.clone()), managed_policy_arns: Some(Vec::new()), ..role };
    let handle = stack.add(format!("security.role.{short}"), role);
    DeclaredRole { arn: handle.get("Arn"), handle, name }
}

/// One inline policy; an empty list, which says that there is none, where it would allow nothing.
fn inline(name: &str, statements: Vec<Value>) -> Option<Vec<Policy>> {
    if statements.is_empty() {
        return Some(Vec::new());
    }
    Some(vec![Policy { policy_name: name.to_owned(), policy_document: policy::document(statements) }])
}

fn execution_statements(service: &ServiceAccess) -> Vec<Value> {
    let mut statements = Vec::new();
    if let Some(repository) = &service.repository_arn {
        // This action knows no resources: Service Authorization Reference, Amazon ECR.
        statements.push(policy::allow("SignIn", &["ecr:GetAuthorizationToken"], &["*".to_owned()]));
        let pull = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"];
        statements.push(policy::allow("PullImage", &pull, std::slice::from_ref(repository)));
    }
    if let Some(log_group) = &service.log_group_arn {
        statements.push(policy::allow(
            "WriteLog",
            &["logs:CreateLogStream", "logs:PutLogEvents"],
            std::slice::from_ref(log_group),
        ));
    }
    if !service.secret_arns.is_empty() {
        let mut secrets = service.secret_arns.clone();
        secrets.sort();
        secrets.dedup();
        statements.push(policy::allow("ReadSecrets", &["secretsmanager:GetSecretValue"], &secrets));
    }
    statements
}

fn task_statements(service: &ServiceAccess) -> Vec<Value> {
    let mut statements: Vec<Value> = service
        .allow
        .iter()
        .enumerate()
        .map(|(at, allow)| {
            let actions: Vec<&str> = allow.actions.iter().map(String::as_str).collect();
            policy::allow(&format!("Allow{at}"), &actions, &allow.resources)
        })
        .collect();
    if service.exec {
        // Amazon ECS Developer Guide, "ECS Exec": the Systems Manager channels know no resources.
        let channels = [
            "ssmmessages:CreateControlChannel",
            "ssmmessages:CreateDataChannel",
            "ssmmessages:OpenControlChannel",
            "ssmmessages:OpenDataChannel",
        ];
        statements.push(policy::allow("Exec", &channels, &["*".to_owned()]));
    }
    statements
}

fn flow_log_statements(log_group: &str) -> Vec<Value> {
    let write = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"];
    vec![
        policy::allow("WriteLog", &write, &[log_group.to_owned()]),
        // A listing knows no single resource: Service Authorization Reference, CloudWatch Logs.
        policy::allow("FindLog", &["logs:DescribeLogGroups"], &["*".to_owned()]),
    ]
}

fn check(service: &ServiceAccess, key: &str, stack: &mut Stack) {
    for (at, allow) in service.allow.iter().enumerate() {
        for (part, texts, good) in
            [("actions", &allow.actions, is_action as fn(&str) -> bool), ("resources", &allow.resources, is_resource)]
        {
            let key = format!("{key}.allow.{at}.{part}");
            if texts.is_empty() {
                stack.findings.error("allow-incomplete", &key, format!("no {part} are given"));
            }
            for (index, text) in texts.iter().enumerate().filter(|(_, text)| !good(text)) {
                let (what, hint) = match part {
                    "actions" => ("action", "write it as IAM does: `s3:GetObject`, `sqs:*`"),
                    _ => ("resource", "write an ARN (`arn:aws:s3:::bucket/*`), or `*`"),
                };
                let message = format!("`{text}` is no {what}");
                stack.findings.error("allow-malformed", format!("{key}.{index}"), message).hint(hint);
            }
        }
    }
}

fn is_action(text: &str) -> bool {
    let name = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-*?".contains(&b));
    text == "*" || text.split_once(':').is_some_and(|(service, action)| name(service) && name(action))
}

fn is_resource(text: &str) -> bool {
    text == "*" || text.starts_with("arn:") || engine::intrinsic::token(text).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn inputs() -> Inputs {
        let secret = |name: &str| Handle::to(format!("security.secret.{name}")).id();
        let api = ServiceAccess {
            name: "api".to_owned(),
            repository_arn: Some(Handle::to("compute.repository.api").get("Arn")),
            log_group_arn: Some(Handle::to("monitoring.log-group.api").get("Arn")),
            secret_arns: vec![secret("app-config"), secret("db-credentials"), secret("app-config")],
            allow: vec![Allow {
                actions: vec!["s3:GetObject".to_owned(), "s3:PutObject".to_owned()],
                resources: vec!["arn:aws:s3:::exports/*".to_owned()],
            }],
            exec: true,
        };
        let worker = ServiceAccess { name: "worker".to_owned(), ..ServiceAccess::default() };
        Inputs { prefix: "arrakis-production".to_owned(), services: vec![api, worker] }
    }

    fn statement<'a>(node: &'a engine::Node, sid: &str) -> &'a Value {
        let statements = node.properties["Policies"][0]["PolicyDocument"]["Statement"].as_array().unwrap();
        statements.iter().find(|statement| statement["Sid"] == sid).unwrap()
    }

    #[test]
    fn every_role_may_do_just_what_its_service_uses() {
        let mut stack = Stack::new("arrakis/production", "us-east-1", &[]);
        let outputs = declare(&inputs(), &mut stack);
        let log_group = Handle::to("monitoring.log-group.flow-logs").get("Arn");
        let flow_logs = declare_flow_logs("arrakis-production", &log_group, &mut stack);
        assert_eq!(flow_logs.name, "arrakis-production-flow-logs");
        let (nodes, findings) = stack.finish();
        assert_eq!(findings, []);
        for node in &nodes {
            assert_eq!(schema::validate(&node.type_name, &node.properties), [], "{}", node.address);
        }
        let addresses: Vec<_> = nodes.iter().map(|node| node.address.as_str()).collect();
        assert_eq!(
            addresses,
            [
                "security.role.api-execution",
                "security.role.api-task",
                "security.role.worker-execution",
                "security.role.worker-task",
                "security.role.flow-logs",
            ]
        );
        assert_eq!(outputs.task["api"].name, "arrakis-production-api-task");

        let execution = &nodes[0];
        let secrets = &statement(execution, "ReadSecrets")["Resource"];
        assert_eq!(
            secrets,
            &json!([{ "Ref": "security.secret.app-config" }, { "Ref": "security.secret.db-credentials" }])
        );
        let repository = json!({ "Fn::GetAtt": ["compute.repository.api", "Arn"] });
        assert_eq!(statement(execution, "PullImage")["Resource"], repository);
        assert_eq!(statement(execution, "SignIn")["Resource"], "*");

        let task = &nodes[1];
        assert_eq!(statement(task, "Allow0")["Resource"], "arn:aws:s3:::exports/*");
        assert_eq!(statement(task, "Exec")["Action"].as_array().unwrap().len(), 4);
        let condition = &task.properties["AssumeRolePolicyDocument"]["Statement"][0]["Condition"];
        assert_eq!(condition["StringEquals"]["aws:SourceAccount"], json!({ "Ref": "AWS::AccountId" }));

        let condition = &nodes[4].properties["AssumeRolePolicyDocument"]["Statement"][0]["Condition"];
        assert_eq!(condition["ArnLike"]["aws:SourceArn"], json!({ "Fn::Sub": ANY_FLOW_LOG }));

        // Nothing used, nothing allowed.
        assert_eq!(nodes[2].properties["Policies"], json!([]));
        assert_eq!(nodes[3].properties["Policies"], json!([]));
        assert_eq!(nodes[3].properties["ManagedPolicyArns"], json!([]));
    }

    #[test]
    fn what_is_no_policy_is_an_error_at_its_key() {
        let cases = [
            (vec![], vec!["*"], "compute.service.api.allow.0.actions"),
            (vec!["GetObject"], vec!["*"], "compute.service.api.allow.0.actions.0"),
            (vec!["s3:*"], vec!["*", "bucket"], "compute.service.api.allow.0.resources.1"),
            (vec!["s3:*"], vec![], "compute.service.api.allow.0.resources"),
        ];
        for (actions, resources, key) in cases {
            let owned = |texts: Vec<&str>| texts.into_iter().map(str::to_owned).collect();
            let allow = vec![Allow { actions: owned(actions), resources: owned(resources) }];
            let service = ServiceAccess { name: "api".to_owned(), allow, ..ServiceAccess::default() };
            let mut stack = Stack::new("a/b", "us-east-1", &[]);
            declare(&Inputs { prefix: "a-b".to_owned(), services: vec![service] }, &mut stack);
            let (_, findings) = stack.finish();
            assert_eq!(findings.len(), 1, "{key}: {findings:?}");
            assert_eq!(findings[0].key.as_deref(), Some(key));
        }
    }

    #[test]
    fn a_role_name_has_a_limit() {
        let service = ServiceAccess { name: "a".repeat(50), ..ServiceAccess::default() };
        let mut stack = Stack::new("a/b", "us-east-1", &[]);
        declare(&Inputs { prefix: "arrakis-production".to_owned(), services: vec![service] }, &mut stack);
        let (_, findings) = stack.finish();
        assert!(findings.iter().all(|finding| finding.rule == "role-name-too-long"));
        assert_eq!(findings.len(), 2);
    }
}
