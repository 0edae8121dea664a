//! Roles that were made a moment ago, and that the services which shall assume them do not know yet.

use hyper::StatusCode;

use super::asked;
use super::decide::fits;
use crate::call::Call;
use crate::protocol::errors;
use crate::reply::Reply;

/// Roles that cannot be assumed yet: ARN, and until when.
#[derive(Debug, Default)]
pub(super) struct Roles(Vec<(String, f64)>);

/// What a service answers to a call that passes such a role, or names it as principal of a policy.
struct Refusal {
    service: &'static str,
    /// With a `*` at the end: all that begin so.
    operations: &'static [&'static str],
    code: &'static str,
    /// `{role}` stands for the ARN.
    message: &'static str,
}

const fn refusal(
    service: &'static str,
    operations: &'static [&'static str],
    code: &'static str,
    message: &'static str,
) -> Refusal {
    Refusal { service, operations, code, message }
}

/// Codes and words as AWS gives them; from the services' API references, and from what users of Terraform, Pulumi and cdkd reported.
const REFUSALS: &[Refusal] = &[
    refusal(
        "application-autoscaling",
        &["RegisterScalableTarget"],
        "ValidationException",
        "Unable to assume IAM role: {role}",
    ),
    refusal(
        "backup",
        &["PUT /backup/plans/*"],
        "InvalidParameterValueException",
        "IAM Role {role} cannot be assumed by AWS Backup",
    ),
    refusal(
        "cloudtrail",
        &["CreateTrail", "UpdateTrail"],
        "InvalidCloudWatchLogsRoleArnException",
        "Access denied. Check the permissions for your role.",
    ),
    refusal("ec2", &["CreateFlowLogs"], "InvalidParameter", "Unable to assume given IAM role"),
    refusal("ecs", &["RegisterTaskDefinition"], "ClientException", "Role is not valid"),
    refusal(
        "ecs",
        &["CreateService", "UpdateService"],
        "InvalidParameterException",
        "Unable to assume role and validate the specified targetGroupArn. Please verify that the ECS service role being passed has the proper permissions.",
    ),
    refusal(
        "ecr",
        &["SetRepositoryPolicy"],
        "InvalidParameterException",
        "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Principal not found'",
    ),
    refusal(
        "events",
        &["PutTargets"],
        "ValidationException",
        "Provided role '{role}' cannot be assumed by principal 'events.amazonaws.com'.",
    ),
    refusal(
        "firehose",
        &["CreateDeliveryStream"],
        "InvalidArgumentException",
        "Firehose is unable to assume role {role}. Please check the role provided.",
    ),
    refusal(
        "iam",
        &["CreateRole", "UpdateAssumeRolePolicy"],
        "MalformedPolicyDocument",
        "Invalid principal in policy: \"AWS\":\"{role}\"",
    ),
    refusal(
        "kms",
        &["CreateKey", "PutKeyPolicy"],
        "MalformedPolicyDocumentException",
        "Policy contains a statement with one or more invalid principals.",
    ),
    refusal(
        "lambda",
        &["POST /*/functions", "PUT /*/functions/*"],
        "InvalidParameterValueException",
        "The role defined for the function cannot be assumed by Lambda.",
    ),
    refusal(
        "rds",
        &["CreateDBInstance", "CreateDBCluster", "ModifyDBInstance", "ModifyDBCluster", "CreateDBInstanceReadReplica"],
        "InvalidParameterValue",
        "IAM role ARN value is invalid or does not include the required permissions for: ENHANCED_MONITORING",
    ),
    refusal("s3", &["PutBucketPolicy"], "MalformedPolicy", "Invalid principal in policy"),
    refusal(
        "scheduler",
        &["POST /schedules/*", "PUT /schedules/*"],
        "ValidationException",
        "The execution role you provide must allow AWS EventBridge Scheduler to assume the role.",
    ),
    refusal(
        "secretsmanager",
        &["PutResourcePolicy"],
        "MalformedPolicyDocumentException",
        "This resource policy contains an unsupported principal.",
    ),
    refusal(
        "sns",
        &["CreateTopic", "SetTopicAttributes"],
        "InvalidParameter",
        "Invalid parameter: Policy Error: PrincipalNotFound",
    ),
    refusal(
        "sqs",
        &["CreateQueue", "SetQueueAttributes"],
        "InvalidAttributeValue",
        "Invalid value for the parameter Policy.",
    ),
];

impl Roles {
    /// Forgets those that can be assumed by now.
    pub fn forget(&mut self, now: f64) {
        self.0.retain(|(_, until)| *until > now);
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A role was made, if the answer says so.
    pub fn made(&mut self, reply: &Reply, until: f64) {
        let arn = reply.xml().filter(|_| reply.status.is_success()).and_then(|root| Some(root.find("Arn")?.text()));
        self.0.extend(arn.map(|arn| (arn, until)));
    }

    /// What AWS answers to a call that needs one of them.
    pub fn refuse(&self, call: &Call, now: f64) -> Option<Reply> {
        if self.0.is_empty() {
            return None;
        }
        let fits = |row: &&Refusal| {
            row.service == call.service && row.operations.iter().any(|pattern| fits(pattern, &call.operation))
        };
        let row = REFUSALS.iter().find(fits)?;
        let values = asked::values(call);
        let names = |arn: &str, value: &str| {
            // Whole, or within a policy: not the beginning of a longer name.
            value.match_indices(arn).any(|(at, _)| {
                !value[at + arn.len()..]
                    .starts_with(|next: char| next.is_ascii_alphanumeric() || "+=,.@_-/".contains(next))
            })
        };
        let (arn, _) =
            self.0.iter().find(|(arn, until)| *until > now && values.iter().any(|(_, value)| names(arn, value)))?;
        Some(errors::answer(call, StatusCode::BAD_REQUEST, row.code, &row.message.replace("{role}", arn)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_new_role_is_refused_where_it_is_passed_and_only_for_its_time() {
        let arn = "arn:aws:iam::123456789012:role/api";
        let roles = Roles(vec![(arn.into(), 10.0)]);
        let register =
            |role: &str| Call::json("ecs", "us-east-1", "X.RegisterTaskDefinition", &json!({"executionRoleArn": role}));
        let code = |call: &Call, now| roles.refuse(call, now).and_then(|reply| reply.error_code());
        assert_eq!(code(&register(arn), 9.0).as_deref(), Some("ClientException"));
        assert_eq!(code(&register(arn), 10.0), None, "its time is over");
        assert_eq!(code(&register("arn:aws:iam::123456789012:role/api-2"), 9.0), None, "another role");
        let describe = Call::json("ecs", "us-east-1", "X.DescribeTaskDefinition", &json!({"taskDefinition": arn}));
        assert_eq!(code(&describe, 9.0), None, "it is not passed");
        let policy = json!({"SecretId": "s", "ResourcePolicy": format!("{{\"Principal\":{{\"AWS\":\"{arn}\"}}}}")});
        let policy = Call::json("secretsmanager", "us-east-1", "X.PutResourcePolicy", &policy);
        assert_eq!(code(&policy, 9.0).as_deref(), Some("MalformedPolicyDocumentException"));
    }
}
