//! Sends a call to the emulator that its route names, over connections that stay open.

use axum::body::Body;
use hyper::header::{CONNECTION, TRANSFER_ENCODING};
use hyper::{Request, StatusCode, Uri};

use crate::call::{Call, Payload};
use crate::cloud::Cloud;
use crate::emulators::Emulator;
use crate::protocol::errors;
use crate::reply::Reply;
use crate::routes::{Target, route};
use crate::trail;

/// Sends a call where it belongs.
pub(crate) async fn send(cloud: &Cloud, call: Call) -> Reply {
    if let Some(events) = trail::answer(cloud, &call) {
        return events;
    }
    match route(&call.service).target {
        Target::Emulator(emulator) => to(cloud, emulator, call).await,
        Target::Later { needs } => {
            let message = format!(
                "local cloud: {} is not answered yet; it needs {needs}, which is a later issue. Use --cloud aws, or leave the resource out",
                call.service
            );
            errors::answer(&call, StatusCode::NOT_IMPLEMENTED, "NotImplemented", &message)
        }
    }
}

/// Sends a call to an emulator, whatever its route says.
pub(crate) async fn to(cloud: &Cloud, emulator: Emulator, call: Call) -> Reply {
    let port = cloud.emulator_port(emulator);
    let path = call.uri.path_and_query().map_or("/", |path| path.as_str());
    let Ok(uri) = Uri::builder().scheme("http").authority(format!("127.0.0.1:{port}")).path_and_query(path).build()
    else {
        return errors::answer(
            &call,
            StatusCode::BAD_REQUEST,
            "InvalidURI",
            "local cloud: the path cannot be passed on",
        );
    };
    let dead = errors::answer(
        &call,
        StatusCode::SERVICE_UNAVAILABLE,
        "ServiceUnavailable",
        &format!("local cloud: {} is not answering; see {}", emulator.name(), cloud.log.display()),
    );
    let mut request = Request::new(match call.payload {
        Payload::Whole(bytes) => Body::from(bytes),
        Payload::Stream(body) => body,
    });
    *request.method_mut() = call.method;
    *request.uri_mut() = uri;
    *request.headers_mut() = call.headers;
    request.headers_mut().remove(CONNECTION);
    if !matches!(request.headers().get(TRANSFER_ENCODING), Some(value) if value == "chunked") {
        request.headers_mut().remove(TRANSFER_ENCODING);
    }
    if hyper::body::Body::size_hint(request.body()).exact().is_some() {
        // A layer may have written another body: hyper counts anew.
        request.headers_mut().remove(hyper::header::CONTENT_LENGTH);
        request.headers_mut().remove(TRANSFER_ENCODING);
    }
    match cloud.client.request(request).await {
        Ok(response) => {
            let (mut parts, body) = response.into_parts();
            parts.headers.remove(CONNECTION);
            parts.headers.remove("keep-alive");
            parts.headers.remove(TRANSFER_ENCODING);
            Reply::stream(parts.status, parts.headers, Body::new(body))
        }
        Err(_) => dead,
    }
}
