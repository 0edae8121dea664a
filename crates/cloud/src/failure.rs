//! The SDK's errors into words, and into the kinds that the engine acts on.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::request_id::RequestId;
use engine::{Failure, FailureKind};

use crate::door::Unclear;

/// Names the action of a call, and turns the SDK's error into a [`Failure`].
pub trait AwsResult<T> {
    /// `client.create_vpc().send().await.aws("ec2:CreateVpc")?`
    fn aws(self, action: &str) -> Result<T, Failure>;
}

impl<T, E> AwsResult<T> for Result<T, SdkError<E, HttpResponse>>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    fn aws(self, action: &str) -> Result<T, Failure> {
        self.map_err(|error| failure(action, &error))
    }
}

fn failure<E>(action: &str, error: &SdkError<E, HttpResponse>) -> Failure
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let code = error.code().unwrap_or_default().to_owned();
    let message = match (error, error.message()) {
        (_, Some(message)) => message.to_owned(),
        (SdkError::TimeoutError(_), None) => "no answer in time".to_owned(),
        (SdkError::DispatchFailure(failure), None) if failure.is_io() => {
            format!("no connection: {}", root_cause(error))
        }
        // Never the answer itself: it may hold a secret.
        (SdkError::ServiceError(_) | SdkError::ResponseError(_), None) => {
            let status = error.raw_response().map_or(0, |raw| raw.status().as_u16());
            format!("the answer was not understood (HTTP status {status})")
        }
        _ => root_cause(error),
    };
    let kind = match error {
        SdkError::TimeoutError(_) => FailureKind::Unavailable,
        SdkError::DispatchFailure(failure) if failure.is_io() || failure.is_timeout() => FailureKind::Unavailable,
        // A connection closed in good order instead of an answer is neither of these to the SDK.
        SdkError::DispatchFailure(failure) if failure.as_other().is_some() => FailureKind::Unavailable,
        SdkError::DispatchFailure(_) if is_unclear(error) => FailureKind::Unavailable,
        SdkError::DispatchFailure(_) => FailureKind::Denied,
        _ => classify(&code, &message, error.raw_response().map(|raw| raw.status().as_u16())),
    };
    let hint = hint(kind, action, &message);
    Failure { kind, action: action.to_owned(), code, message, request_id: error.request_id().map(str::to_owned), hint }
}

/// What a call that answers "done" lists among what it did not do. Such a code may be an HTTP status.
pub fn listed(action: &str, code: &str, message: &str) -> Failure {
    let kind = classify(code, message, Some(code.parse().unwrap_or(400)));
    let hint = hint(kind, action, message);
    Failure { action: action.to_owned(), code: code.to_owned(), hint, ..Failure::new(kind, message) }
}

/// Whether a making call had no clear answer.
fn is_unclear(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source()).any(|error| error.is::<Unclear>())
}

pub(crate) fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

/// Codes by what they contain; the first row that fits decides. From the services' API references.
const KINDS: &[(FailureKind, &[&str])] = &[
    (
        FailureKind::Throttled,
        &[
            "Throttl",
            "RequestLimitExceeded",
            "TooManyRequests",
            "SlowDown",
            "BandwidthLimit",
            "PriorRequestNotComplete",
        ],
    ),
    (
        FailureKind::Denied,
        &[
            "AccessDenied",
            "UnauthorizedOperation",
            "NotAuthorized",
            "ExpiredToken",
            "InvalidClientTokenId",
            "UnrecognizedClient",
            "AuthFailure",
            "OptInRequired",
            "SignatureDoesNotMatch",
            "MissingAuthentication",
            "AuthorizationError",
        ],
    ),
    (
        FailureKind::AlreadyExists,
        &["AlreadyExist", "Duplicate", "ResourceExists", "AlreadyOwnedByYou", "NameInUse", "InUseByAnotherAccount"],
    ),
    (FailureKind::NotFound, &["NotFound", "NoSuch", "DoesNotExist", "NonExistent", "UnknownResource"]),
    (
        FailureKind::InUse,
        &["DependencyViolation", "InUse", "ClusterContains", "DeleteConflict", "NotEmpty", "HasDependent"],
    ),
    (
        FailureKind::NotYet,
        &[
            "IncorrectState",
            "InvalidState",
            "InvalidDBInstanceState",
            "InvalidDBClusterState",
            "InvalidClusterState",
            "InvalidReplicationGroupState",
            "InvalidCacheClusterState",
            "InvalidDBSubnetGroupState",
            "InvalidDBParameterGroupState",
            "InvalidCacheParameterGroupState",
            "ConcurrentModification",
            "ConcurrentUpdate",
            "OperationAborted",
            "UnsupportedCertificate",
            "ResourceNotReady",
            "UpdateInProgress",
            "ConflictException",
            "IncompatibleState",
        ],
    ),
    (
        FailureKind::Unavailable,
        &["ServiceUnavailable", "InternalFailure", "InternalError", "InternalServer", "ServerException"],
    ),
];

/// A role takes seconds until other services know it; they say so with general codes, in these words.
const NEW_ROLE: &[&str] = &[
    "cannot be assumed",
    "nable to assume",
    "authorized to assume",
    "to assume the role",
    // RDS: <https://github.com/hashicorp/terraform/issues/5455>
    "does not include the required permissions for: ENHANCED_MONITORING",
    // Policies that name it as principal: S3, IAM, SNS, KMS, Secrets Manager, ECR.
    "nvalid principal in policy",
    "PrincipalNotFound",
    "one or more invalid principals",
    "contains an unsupported principal",
    "'Principal not found'",
];

/// What a code means for the engine.
pub(crate) fn classify(code: &str, message: &str, status: Option<u16>) -> FailureKind {
    if NEW_ROLE.iter().any(|words| message.contains(words)) {
        return FailureKind::Propagating;
    }
    let fits = |fragments: &&(FailureKind, &[&str])| fragments.1.iter().any(|fragment| code.contains(fragment));
    match KINDS.iter().find(fits) {
        Some((kind, _)) => *kind,
        None => match status {
            Some(404) => FailureKind::NotFound,
            Some(403 | 401) => FailureKind::Denied,
            Some(429) => FailureKind::Throttled,
            Some(500..) => FailureKind::Unavailable,
            Some(400..) => FailureKind::Invalid,
            _ => FailureKind::Other,
        },
    }
}

fn hint(kind: FailureKind, action: &str, message: &str) -> Option<String> {
    match kind {
        FailureKind::Denied if message.contains("credential") || message.contains("token") => {
            Some("sign in again (`aws sso login`), or choose a profile with AWS_PROFILE".to_owned())
        }
        FailureKind::Denied => Some(format!("the credentials in use need the IAM permission `{action}`")),
        FailureKind::Throttled => {
            Some("the account's request rate is used up; the same command again goes on from here".to_owned())
        }
        FailureKind::Unavailable => Some("the same command again goes on from here".to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_told_apart() {
        use FailureKind::*;
        let cases = [
            ("InvalidVpcID.NotFound", NotFound),
            ("NoSuchEntity", NotFound),
            ("DBInstanceNotFound", NotFound),
            ("NonExistentQueue", NotFound),
            ("EntityAlreadyExists", AlreadyExists),
            ("InvalidGroup.Duplicate", AlreadyExists),
            ("ResourceExistsException", AlreadyExists),
            ("DependencyViolation", InUse),
            ("ResourceInUse", InUse),
            ("DeleteConflict", InUse),
            ("InvalidDBInstanceState", NotYet),
            ("ThrottlingException", Throttled),
            ("RequestLimitExceeded", Throttled),
            ("UnauthorizedOperation", Denied),
            ("InvalidParameterValue", Invalid),
        ];
        for (code, kind) in cases {
            assert_eq!(classify(code, "", Some(400)), kind, "{code}");
        }
        assert_eq!(classify("", "", Some(503)), Unavailable);
        assert_eq!(classify("InvalidParameterValue", "The role cannot be assumed", Some(400)), Propagating);
    }

    #[test]
    fn a_new_role_may_come() {
        let cases = [
            ("InvalidParameter", "Unable to assume given IAM role"),
            (
                "InvalidParameterValue",
                "IAM role ARN value is invalid or does not include the required permissions for: ENHANCED_MONITORING",
            ),
            (
                "ValidationException",
                "The execution role you provide must allow AWS EventBridge Scheduler to assume the role.",
            ),
            ("MalformedPolicy", "Invalid principal in policy"),
            ("InvalidParameter", "Invalid parameter: Policy Error: PrincipalNotFound"),
            ("MalformedPolicyDocumentException", "Policy contains a statement with one or more invalid principals."),
            ("MalformedPolicyDocumentException", "This resource policy contains an unsupported principal."),
        ];
        for (code, message) in cases {
            assert_eq!(classify(code, message, Some(400)), FailureKind::Propagating, "{message}");
        }
        let refused = "User: a is not authorized to perform: iam:PassRole on resource: b";
        assert_eq!(classify("AccessDenied", refused, Some(403)), FailureKind::Denied);
    }

    #[test]
    fn a_connection_that_ended_instead_of_an_answer_is_no_refusal() {
        use aws_smithy_runtime_api::client::result::ConnectorError;
        use aws_smithy_types::retry::ErrorKind;
        type Error = SdkError<aws_smithy_types::error::ErrorMetadata, HttpResponse>;
        let closed = || Box::new(std::io::Error::other("connection closed before message completed"));
        for error in [ConnectorError::io(closed()), ConnectorError::other(closed(), Some(ErrorKind::TransientError))] {
            assert_eq!(failure("a:B", &Error::dispatch_failure(error)).kind, FailureKind::Unavailable);
        }
        let ours = ConnectorError::other(closed(), None);
        assert_eq!(failure("a:B", &Error::dispatch_failure(ours)).kind, FailureKind::Denied);
    }
}
