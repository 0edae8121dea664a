//! Permissions that reach too far, and trust that reaches too far.

use engine::Node;
use serde_json::Value;

use super::Report;
use crate::policy::{statements, texts};

pub(super) fn check(node: &Node, report: &mut Report<'_>) {
    let properties = &node.properties;
    check_permissions(&properties["PolicyDocument"], report);
    for policy in properties["Policies"].as_array().into_iter().flatten() {
        check_permissions(&policy["PolicyDocument"], report);
    }
    check_trust(&properties["AssumeRolePolicyDocument"], report);
    if texts(&properties["ManagedPolicyArns"]).iter().any(|arn| arn.ends_with(":policy/AdministratorAccess")) {
        report.warning(
            "iam-administrator",
            "the role has AWS's AdministratorAccess: it may do everything in the account",
            "list the actions and resources that it needs",
        );
    }
}

fn check_permissions(document: &Value, report: &mut Report<'_>) {
    for statement in statements(document).iter().filter(|statement| statement["Effect"] == "Allow") {
        let actions = texts(&statement["Action"]);
        let every_resource = texts(&statement["Resource"]).contains(&"*");
        let every_action = actions.iter().any(|action| matches!(*action, "*" | "*:*"));
        let service = actions.iter().find(|action| action.ends_with(":*"));
        if every_action && every_resource {
            report.error(
                "iam-allows-everything",
                "a policy allows every action on every resource",
                "list the actions and resources that are needed",
            );
        } else if every_action {
            report.warning(
                "iam-allows-every-action",
                "a policy allows every action",
                "list the actions that are needed",
            );
        } else if let (Some(action), true) = (service, every_resource) {
            report.warning(
                "iam-allows-a-whole-service",
                format!("a policy allows `{action}` on every resource"),
                "list the actions, or the resources, that are needed",
            );
        } else if !statement["NotAction"].is_null() && every_resource {
            report.warning(
                "iam-allows-all-but",
                "a policy allows all but some actions on every resource (`NotAction`)",
                "list the actions that are needed",
            );
        }
    }
}

/// Whether a statement allows anyone, whoever they are.
fn allows_anyone(statement: &Value) -> bool {
    let principal = &statement["Principal"];
    let anyone = principal == "*" || texts(&principal["AWS"]).contains(&"*");
    statement["Effect"] == "Allow" && anyone && statement.get("Condition").is_none()
}

fn check_trust(document: &Value, report: &mut Report<'_>) {
    if statements(document).iter().any(allows_anyone) {
        report.error(
            "iam-trusts-anyone",
            "anyone in any AWS account may assume the role",
            "name the service or the account in `Principal`, or add a `Condition`",
        );
    }
}

pub(super) fn check_resource_policy(node: &Node, report: &mut Report<'_>) {
    // A gateway or interface endpoint's policy names anyone as a rule: the network is its condition.
    if node.type_name == "AWS::EC2::VPCEndpoint" {
        return;
    }
    if statements(&node.properties["PolicyDocument"]).iter().any(allows_anyone) {
        report.warning(
            "policy-for-anyone",
            "the policy allows anyone in any AWS account",
            "name the service or the account in `Principal`, or add a `Condition` such as `aws:SourceAccount`",
        );
    }
}
