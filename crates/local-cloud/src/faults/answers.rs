//! The errors that every service gives when it is asked too often, or fails itself.

use hyper::StatusCode;

use crate::call::{Call, Protocol};
use crate::protocol::errors;
use crate::reply::Reply;

/// What a service answers to a caller that is too fast.
///
/// Codes and statuses: <https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html>,
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>,
/// <https://docs.aws.amazon.com/lambda/latest/api/CommonErrors.html>, and each service's common errors.
pub(super) fn throttled(call: &Call) -> Reply {
    let unavailable = StatusCode::SERVICE_UNAVAILABLE;
    let (status, code, message) = match (call.service.as_str(), call.protocol) {
        ("ec2", _) => (unavailable, "RequestLimitExceeded", "Request limit exceeded."),
        ("s3", _) => (unavailable, "SlowDown", "Please reduce your request rate."),
        ("cloudfront" | "route53", _) | (_, Protocol::Query) => {
            (StatusCode::BAD_REQUEST, "Throttling", "Rate exceeded")
        }
        ("lambda" | "apigateway", _) => (StatusCode::TOO_MANY_REQUESTS, "TooManyRequestsException", "Rate exceeded"),
        (_, Protocol::Rest) => (StatusCode::TOO_MANY_REQUESTS, "ThrottlingException", "Rate exceeded"),
        (_, Protocol::Json | Protocol::Cbor) => (StatusCode::BAD_REQUEST, "ThrottlingException", "Rate exceeded"),
    };
    errors::answer(call, status, code, message)
}

/// What a service answers when it fails itself.
pub(super) fn failed(call: &Call) -> Reply {
    let (code, message) = match call.service.as_str() {
        "ec2" => ("InternalError", "An internal error has occurred"),
        "s3" => ("InternalError", "We encountered an internal error. Please try again."),
        "ecs" => ("ServerException", "These errors are usually caused by a server issue."),
        "monitoring" => ("InternalServiceFault", "Request processing has failed due to some unknown error."),
        "secretsmanager" => ("InternalServiceError", "An error occurred on the server side."),
        "dynamodb" => ("InternalServerError", "An error occurred on the server side."),
        "kms" => ("KMSInternalException", "An internal exception occurred."),
        "lambda" => ("ServiceException", "The Lambda service encountered an internal error."),
        _ => {
            ("InternalFailure", "The request processing has failed because of an unknown error, exception or failure.")
        }
    };
    errors::answer(call, StatusCode::INTERNAL_SERVER_ERROR, code, message)
}
