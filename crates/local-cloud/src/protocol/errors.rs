//! Errors of the front's own, in the shape that the caller's protocol gives them.

use ciborium::Value as Cbor;
use hyper::StatusCode;
use hyper::header::HeaderValue;
use serde_json::{Value, json};

use crate::call::{Call, Protocol};
use crate::reply::Reply;

/// An error as the service of this call would write it.
pub(crate) fn answer(call: &Call, status: StatusCode, code: &str, message: &str) -> Reply {
    if call.service == "ec2" {
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>{}</Code><Message>{}</Message></Error></Errors>\
             <RequestID>{REQUEST}</RequestID></Response>",
            escape(code),
            escape(message)
        );
        return Reply::new(status, "text/xml", body.into());
    }
    if call.service == "s3" {
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{}</Code><Message>{}</Message><RequestId>{REQUEST}</RequestId></Error>",
            escape(code),
            escape(message)
        );
        return Reply::new(status, "application/xml", body.into());
    }
    let rest_xml = ["cloudfront", "route53"].contains(&call.service.as_str());
    reply(if rest_xml { Protocol::Query } else { call.protocol }, status, code, message)
}

const REQUEST: &str = "00000000-0000-4000-8000-000000000000";

/// An error in a protocol's general shape.
pub(crate) fn reply(protocol: Protocol, status: StatusCode, code: &str, message: &str) -> Reply {
    let mut reply = match protocol {
        Protocol::Query => {
            let body = format!(
                "<ErrorResponse><Error><Type>{}</Type><Code>{}</Code><Message>{}</Message></Error><RequestId>{REQUEST}</RequestId></ErrorResponse>",
                if status.is_server_error() { "Receiver" } else { "Sender" },
                escape(code),
                escape(message)
            );
            Reply::new(status, "text/xml", body.into())
        }
        Protocol::Json | Protocol::Rest => {
            let body = json!({"__type": code, "message": message}).to_string();
            Reply::new(status, "application/x-amz-json-1.1", body.into())
        }
        Protocol::Cbor => {
            let text = |text: &str| Cbor::Text(text.to_owned());
            let body = Cbor::Map(vec![(text("__type"), text(code)), (text("message"), text(message))]);
            let mut bytes = Vec::new();
            let _ = ciborium::into_writer(&body, &mut bytes);
            Reply::cbor(status, bytes)
        }
    };
    if let Ok(value) = HeaderValue::try_from(code) {
        reply.headers.insert("x-amzn-errortype", value);
    }
    reply.headers.insert("x-amzn-requestid", HeaderValue::from_static(REQUEST));
    reply
}

/// The code of a JSON error, without namespace and address.
pub(crate) fn code(body: &Value) -> Option<&str> {
    let code = body["__type"].as_str().or_else(|| body["code"].as_str())?;
    code.rsplit('#').next()?.split(':').next()
}

fn escape(text: &str) -> String {
    quick_xml::escape::partial_escape(text).into_owned()
}
