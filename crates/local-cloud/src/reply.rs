//! An answer on its way back: still streaming, or whole where a layer must read it.

use axum::body::{Body, Bytes};
use axum::response::Response;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, TRANSFER_ENCODING};
use hyper::{HeaderMap, StatusCode};

use crate::xml::Element;

/// One answer.
pub(crate) struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    content: Content,
}

enum Content {
    Whole(Bytes),
    Stream(Body),
}

impl Reply {
    /// An answer made here.
    pub fn new(status: StatusCode, content_type: &'static str, body: Bytes) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        Self { status, headers, content: Content::Whole(body) }
    }

    /// An answer that still arrives.
    pub fn stream(status: StatusCode, headers: HeaderMap, body: Body) -> Self {
        Self { status, headers, content: Content::Stream(body) }
    }

    /// The same answer, read to its end.
    pub async fn whole(mut self) -> Self {
        if let Content::Stream(body) = self.content {
            match axum::body::to_bytes(body, usize::MAX).await {
                Ok(bytes) => self.content = Content::Whole(bytes),
                Err(error) => {
                    let text = format!("local cloud: the emulator's answer broke off ({error})");
                    return Self::new(StatusCode::BAD_GATEWAY, "text/plain", text.into());
                }
            }
        }
        self
    }

    /// The body of a whole answer.
    pub fn bytes(&self) -> &[u8] {
        match &self.content {
            Content::Whole(bytes) => bytes,
            Content::Stream(_) => &[],
        }
    }

    /// Puts another body in place of the old one.
    pub fn set_body(&mut self, body: impl Into<Bytes>) {
        self.headers.remove(CONTENT_LENGTH);
        self.headers.remove(TRANSFER_ENCODING);
        self.headers.remove("x-amz-crc32");
        self.content = Content::Whole(body.into());
    }

    /// The body of a whole answer as XML.
    pub fn xml(&self) -> Option<Element> {
        Element::parse(self.bytes())
    }

    /// Rewrites a successful XML answer.
    pub async fn edit_xml(self, edit: impl FnOnce(&mut Element)) -> Self {
        let mut reply = self.whole().await;
        if reply.status.is_success()
            && let Some(mut root) = reply.xml()
        {
            edit(&mut root);
            reply.set_body(root.write());
        }
        reply
    }

    /// Rewrites a successful JSON answer.
    pub async fn edit_json(self, edit: impl FnOnce(&mut serde_json::Value)) -> Self {
        let mut reply = self.whole().await;
        if reply.status.is_success() {
            let mut value = reply.json();
            edit(&mut value);
            reply.set_body(value.to_string());
        }
        reply
    }

    /// The error code of a whole answer that failed, in any of the shapes.
    pub fn error_code(&self) -> Option<String> {
        if self.status.is_success() {
            return None;
        }
        if let Some(code) = crate::protocol::errors::code(&self.json()) {
            return Some(code.to_owned());
        }
        self.xml()?.find("Code").map(Element::text)
    }

    /// For the HTTP server.
    pub fn into_response(self) -> Response {
        let body = match self.content {
            Content::Whole(bytes) => Body::from(bytes),
            Content::Stream(body) => body,
        };
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}
