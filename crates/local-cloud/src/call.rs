//! An AWS API call as the layers see it: service, region, operation and parameters, found without knowing the service's model.

use axum::body::{Body, Bytes};
use axum::extract::Request;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE};
use hyper::http::request::Parts;
use hyper::{HeaderMap, Method, Uri};
use serde_json::Value;

use crate::protocol::rest;

/// How a call is written. <https://smithy.io/2.0/aws/protocols/index.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// Form in, XML out.
    Query,
    /// `X-Amz-Target` and JSON.
    Json,
    /// Smithy RPC v2 with CBOR.
    Cbor,
    /// Methods and paths; XML or JSON.
    Rest,
}

/// The body: read where the protocol needs it to tell the operation, else passed on as it arrives.
pub(crate) enum Payload {
    Whole(Bytes),
    Stream(Body),
}

/// One call.
pub(crate) struct Call {
    /// The signing name: `ec2`, `elasticloadbalancing`, `monitoring`.
    pub service: String,
    pub region: String,
    /// AWS's operation name, or method and path shape where the path does not tell.
    pub operation: String,
    pub protocol: Protocol,
    pub method: Method,
    pub uri: Uri,
    pub headers: HeaderMap,
    pub payload: Payload,
    /// The form fields of a query call, in order.
    pub form: Vec<(String, String)>,
    /// What it makes shall never be ready.
    pub stuck: bool,
}

/// Who signed: the service and region of the credential scope.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>
fn scope(parts: &Parts) -> Option<(String, String)> {
    let credential = match parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()) {
        Some(header) => {
            let start = header.find("Credential=")? + "Credential=".len();
            header[start..].split([',', ' ']).next()?.to_owned()
        }
        None => form_urlencoded::parse(parts.uri.query()?.as_bytes())
            .find(|(name, _)| name == "X-Amz-Credential")
            .map(|(_, value)| value.into_owned())?,
    };
    let mut fields = credential.rsplit('/');
    let (_terminal, service, region) = (fields.next()?, fields.next()?, fields.next()?);
    Some((service.to_ascii_lowercase(), region.to_owned()))
}

impl Call {
    /// Reads what is needed of a request.
    pub async fn read(request: Request) -> Result<Self, axum::Error> {
        let (parts, body) = request.into_parts();
        // Unsigned calls are few: objects by public address, and AssumeRoleWithWebIdentity.
        let (service, region) = scope(&parts).unwrap_or_else(|| {
            let form = content_type(&parts.headers).starts_with("application/x-www-form-urlencoded");
            (if form { "sts" } else { "s3" }.to_owned(), "us-east-1".to_owned())
        });
        let target = parts.headers.get("x-amz-target").and_then(|value| value.to_str().ok()).map(str::to_owned);
        let path = parts.uri.path();
        let mut form = Vec::new();
        let (protocol, operation, payload) = if let Some(operation) = cbor_operation(path) {
            (Protocol::Cbor, operation.to_owned(), Payload::Whole(whole(body).await?))
        } else if let Some(target) = target {
            let operation = target.rsplit('.').next().unwrap_or(&target).to_owned();
            (Protocol::Json, operation, Payload::Whole(whole(body).await?))
        } else if service != "s3"
            && (content_type(&parts.headers).starts_with("application/x-www-form-urlencoded")
                || parts.uri.query().is_some_and(|query| query.contains("Action=")))
        {
            let bytes = whole(body).await?;
            let query = parts.uri.query().unwrap_or_default().as_bytes();
            form = form_urlencoded::parse(query)
                .chain(form_urlencoded::parse(&bytes))
                .map(|(name, value)| (name.into_owned(), value.into_owned()))
                .collect();
            let operation = form.iter().find(|(name, _)| name == "Action").map(|(_, value)| value.clone());
            (Protocol::Query, operation.unwrap_or_else(|| "Unknown".into()), Payload::Whole(bytes))
        } else {
            (Protocol::Rest, rest::operation(&service, &parts.method, &parts.uri), Payload::Stream(body))
        };
        Ok(Self {
            service,
            region,
            operation,
            protocol,
            method: parts.method,
            uri: parts.uri,
            headers: parts.headers,
            payload,
            form,
            stuck: false,
        })
    }

    /// A further call that a layer makes in the same service and region, in the query protocol.
    pub fn query(service: &str, region: &str, operation: &str, version: &str, fields: &[(&str, &str)]) -> Self {
        let mut form = vec![("Action".to_owned(), operation.to_owned()), ("Version".to_owned(), version.to_owned())];
        form.extend(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let mut call = Self::internal(service, region, operation, Protocol::Query);
        call.set_form(form);
        call
    }

    /// The same in the JSON protocol.
    pub fn json(service: &str, region: &str, target: &str, body: &Value) -> Self {
        let operation = target.rsplit('.').next().unwrap_or(target);
        let mut call = Self::internal(service, region, operation, Protocol::Json);
        if let Ok(target) = target.parse() {
            call.headers.insert("x-amz-target", target);
        }
        call.payload = Payload::Whole(body.to_string().into());
        call
    }

    fn internal(service: &str, region: &str, operation: &str, protocol: Protocol) -> Self {
        let mut headers = HeaderMap::new();
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential=local/20260101/{region}/{service}/aws4_request, SignedHeaders=host, Signature=0"
        );
        if let Ok(value) = authorization.parse() {
            headers.insert(AUTHORIZATION, value);
        }
        let content_type =
            if protocol == Protocol::Json { "application/x-amz-json-1.1" } else { "application/x-www-form-urlencoded" };
        headers.insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(content_type));
        Self {
            service: service.to_owned(),
            region: region.to_owned(),
            operation: operation.to_owned(),
            protocol,
            method: Method::POST,
            uri: Uri::from_static("/"),
            headers,
            payload: Payload::Whole(Bytes::new()),
            form: Vec::new(),
            stuck: false,
        }
    }

    /// A form field.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.form.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// The values of a list field: `VpcId.1`, `VpcId.2` or `Names.member.1`.
    pub fn fields<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.form.iter().filter_map(move |(field, value)| {
            let rest = field.strip_prefix(name)?.strip_prefix('.')?;
            let index = rest.rsplit('.').next()?;
            index.parse::<u32>().is_ok().then_some(value.as_str())
        })
    }

    /// Writes the form anew.
    pub fn set_form(&mut self, form: Vec<(String, String)>) {
        let text = form_urlencoded::Serializer::new(String::new()).extend_pairs(&form).finish();
        if self.uri.query().is_some() {
            self.uri = Uri::from_static("/");
        }
        self.payload = Payload::Whole(text.into());
        self.form = form;
    }

    /// The JSON body of a JSON call; an empty object if there is none.
    pub fn body(&self) -> Value {
        match &self.payload {
            Payload::Whole(bytes) => {
                serde_json::from_slice(bytes).unwrap_or_else(|_| Value::Object(serde_json::Map::new()))
            }
            Payload::Stream(_) => Value::Null,
        }
    }

    /// Writes another JSON body.
    pub fn set_body(&mut self, body: &Value) {
        self.payload = Payload::Whole(body.to_string().into());
    }

    /// Reads a body that would have been passed on as it arrives. One that breaks off is passed on empty, and refused there.
    pub async fn read_body(&mut self) {
        if let Payload::Stream(body) = &mut self.payload {
            let body = std::mem::replace(body, Body::empty());
            self.payload = Payload::Whole(whole(body).await.unwrap_or_default());
        }
    }

    /// The whole body, if it was read.
    pub fn bytes(&self) -> &[u8] {
        match &self.payload {
            Payload::Whole(bytes) => bytes,
            Payload::Stream(_) => &[],
        }
    }

    /// A name or identifier in the call, for the record: the first field that looks like one. Never a value that could be secret.
    pub fn resource(&self) -> Option<String> {
        let telling = |name: &str| {
            let end = name.split(['.', '_']).next().unwrap_or(name).to_ascii_lowercase();
            !["key", "token", "secret", "password", "action"].iter().any(|word| end.contains(word))
                && ["id", "ids", "identifier", "name", "names", "arn", "arns"].iter().any(|tail| end.ends_with(tail))
        };
        match self.protocol {
            Protocol::Query => self.form.iter().find(|(name, _)| telling(name)).map(|(_, value)| value.clone()),
            Protocol::Json => self
                .body()
                .as_object()?
                .iter()
                .find_map(|(name, value)| telling(name).then(|| value.as_str()).flatten().map(str::to_owned))
                .or_else(|| self.body()["SecretId"].as_str().map(str::to_owned)),
            Protocol::Cbor => None,
            Protocol::Rest => Some(self.uri.path().to_owned()),
        }
    }
}

fn content_type(headers: &HeaderMap) -> &str {
    headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

async fn whole(body: Body) -> Result<Bytes, axum::Error> {
    axum::body::to_bytes(body, usize::MAX).await
}

/// `/service/GraniteServiceVersion20100801/operation/PutMetricAlarm`
fn cbor_operation(path: &str) -> Option<&str> {
    path.strip_prefix("/service/")?.split_once("/operation/").map(|(_, operation)| operation)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(request: hyper::http::request::Builder, body: &str) -> Call {
        Call::read(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap()
    }

    fn signed(service: &str) -> String {
        format!(
            "AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-west-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
        )
    }

    #[tokio::test]
    async fn operation_is_found_in_every_protocol() {
        let form = "application/x-www-form-urlencoded; charset=utf-8";
        let query = Request::post("/").header("authorization", signed("ec2")).header("content-type", form);
        let call = read(query, "Action=DescribeVpcs&Version=2016-11-15&VpcId.1=vpc-1&VpcId.2=vpc-2").await;
        assert_eq!(
            (call.service.as_str(), call.region.as_str(), call.operation.as_str()),
            ("ec2", "eu-west-1", "DescribeVpcs")
        );
        assert_eq!(call.fields("VpcId").collect::<Vec<_>>(), ["vpc-1", "vpc-2"]);
        assert_eq!(call.resource().as_deref(), Some("vpc-1"));

        let json = Request::post("/")
            .header("authorization", signed("secretsmanager"))
            .header("x-amz-target", "secretsmanager.PutSecretValue");
        let call = read(json, r#"{"ClientRequestToken":"t","SecretString":"hush","SecretId":"db"}"#).await;
        assert_eq!((call.protocol, call.operation.as_str()), (Protocol::Json, "PutSecretValue"));
        assert_eq!(call.resource().as_deref(), Some("db"));

        let cbor = Request::post("/service/GraniteServiceVersion20100801/operation/PutMetricAlarm")
            .header("authorization", signed("monitoring"));
        let call = read(cbor, "").await;
        assert_eq!((call.protocol, call.operation.as_str()), (Protocol::Cbor, "PutMetricAlarm"));

        let presigned = Request::get("/bucket/key?X-Amz-Credential=AKID%2F20260101%2Feu-west-1%2Fs3%2Faws4_request");
        let call = read(presigned, "").await;
        assert_eq!(
            (call.service.as_str(), call.region.as_str(), call.operation.as_str()),
            ("s3", "eu-west-1", "GetObject")
        );
    }
}
