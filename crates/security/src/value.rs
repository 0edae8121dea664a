//! The values of secrets. They exist in memory only, and nothing here puts one into a message.

use std::collections::HashMap;

use aws_sdk_secretsmanager::Client;
use cloud::{Absent, Aws, AwsResult, Cloud, Context, Failure, FailureKind};
use futures::future::try_join_all;
use serde_json::{Map, Value};

/// A secret's text. It has no `Debug` and no `Display`, so that it cannot slip into a message.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText(String);

impl SecretText {
    /// Takes a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text of a JSON object.
    pub fn of(object: Map<String, Value>) -> Self {
        Self(Value::Object(object).to_string())
    }

    /// The JSON object in it, if it is one.
    pub fn object(&self) -> Option<Map<String, Value>> {
        match serde_json::from_str(&self.0) {
            Ok(Value::Object(object)) => Some(object),
            _ => None,
        }
    }

    /// The text itself, for the call that carries it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

/// The current value of a secret; none: it has none, or it is gone.
pub async fn get(secret: &str, cx: &Context) -> Result<Option<SecretText>, Failure> {
    let client = cx.client(Client::new);
    let answer = client.get_secret_value().secret_id(secret).send().await.aws("secretsmanager:GetSecretValue");
    let answer = sealed(answer).and_then_absent()?;
    Ok(answer.and_then(|answer| answer.secret_string).map(SecretText))
}

/// How many secrets one BatchGetSecretValue takes:
/// <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_BatchGetSecretValue.html>.
const VALUES_PER_CALL: usize = 20;

/// The current values of secrets given by ARN, in their order, in as few calls as the API allows.
pub(crate) async fn get_all(secrets: &[String], cx: &Context) -> Result<Vec<Option<SecretText>>, Failure> {
    let mut found = HashMap::new();
    // For one the plain call does, which needs no further permission.
    if secrets.len() > 1 {
        for some in secrets.chunks(VALUES_PER_CALL) {
            match get_some(some, cx).await {
                Ok(values) => found.extend(values),
                // Whoever may read each of them need not be allowed to do so at once.
                Err(failure) if failure.kind == FailureKind::Denied => break,
                Err(failure) => return Err(failure),
            }
        }
    }
    // The batch leaves out what it could not get: why, the call for it alone says.
    try_join_all(secrets.iter().map(|secret| async {
        match found.get(secret) {
            Some(value) => Ok(Some(SecretText::clone(value))),
            None => get(secret, cx).await,
        }
    }))
    .await
}

async fn get_some(secrets: &[String], cx: &Context) -> Result<HashMap<String, SecretText>, Failure> {
    let client = cx.client(Client::new);
    let mut found = HashMap::new();
    let mut token = None;
    loop {
        let call = client.batch_get_secret_value().set_secret_id_list(Some(secrets.to_vec())).set_next_token(token);
        let page = sealed(call.send().await.aws("secretsmanager:BatchGetSecretValue"))?;
        let values = page.secret_values.unwrap_or_default().into_iter();
        found.extend(values.filter_map(|entry| Some((entry.arn?, SecretText(entry.secret_string?)))));
        token = page.next_token;
        if token.is_none() {
            return Ok(found);
        }
    }
}

/// Makes a text the current value of a secret.
pub async fn put(secret: &str, value: &SecretText, cx: &Context) -> Result<(), Failure> {
    put_with(&cx.client(Client::new), secret, value).await
}

/// Sets a secret's value by hand. With keys, only these of its JSON object change; the others stay.
pub async fn set(cloud: &Cloud, region: &str, secret: &str, change: Change) -> Result<(), Failure> {
    let client = cloud.client(region, Client::new);
    let value = match change {
        Change::Whole(value) => value,
        Change::Keys(keys) => {
            let answer = client.get_secret_value().secret_id(secret).send().await;
            let found = sealed(answer.aws("secretsmanager:GetSecretValue")).and_then_absent()?;
            let mut object = match found.and_then(|answer| answer.secret_string).map(SecretText) {
                None => Map::new(),
                Some(text) => text.object().ok_or_else(|| {
                    Failure::invalid(format!("the value of the secret {secret} is no JSON object, so it has no keys"))
                        .hint("set the whole value")
                })?,
            };
            object.extend(keys.into_iter().map(|(key, SecretText(value))| (key, Value::from(value))));
            SecretText::of(object)
        }
    };
    put_with(&client, secret, &value).await
}

/// What [`set`] changes.
pub enum Change {
    /// The whole value.
    Whole(SecretText),
    /// Some keys of its JSON object.
    Keys(Vec<(String, SecretText)>),
}

async fn put_with(client: &Client, secret: &str, value: &SecretText) -> Result<(), Failure> {
    let call = client.put_secret_value().secret_id(secret).secret_string(value.expose());
    sealed(call.send().await.aws("secretsmanager:PutSecretValue")).map(drop)
}

/// A failure of a call that carries values, without whatever of the answer its words may quote.
pub(crate) fn sealed<T>(result: Result<T, Failure>) -> Result<T, Failure> {
    result.map_err(|failure| {
        let known = !failure.code.is_empty() || matches!(failure.kind, FailureKind::Unavailable | FailureKind::Denied);
        if known { failure } else { Failure { message: "the answer could not be read".to_owned(), ..failure } }
    })
}

/// Whether a call failed because the secret waits for its deletion.
pub(crate) fn is_deleted(failure: &Failure) -> bool {
    failure.code.contains("InvalidRequest") && failure.message.contains("delet")
}

/// [`Absent`], where a secret that waits for its deletion counts as gone.
pub(crate) trait AndThenAbsent<T> {
    fn and_then_absent(self) -> Result<Option<T>, Failure>;
}

impl<T> AndThenAbsent<T> for Result<T, Failure> {
    fn and_then_absent(self) -> Result<Option<T>, Failure> {
        match self {
            Err(failure) if is_deleted(&failure) => Ok(None),
            other => other.absent(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::sync::{Arc, Mutex};

    use super::*;

    fn failure(kind: FailureKind, code: &str, message: &str) -> Failure {
        Failure { code: code.to_owned(), ..Failure::new(kind, message) }
    }

    #[test]
    fn an_answer_that_cannot_be_read_is_not_quoted() {
        let raw = sealed::<()>(Err(failure(FailureKind::Other, "", "unhandled: {\"SecretString\":\"hunter2\"}")));
        assert_eq!(raw.unwrap_err().message, "the answer could not be read");
        let coded = sealed::<()>(Err(failure(FailureKind::Invalid, "InvalidParameterException", "too long")));
        assert_eq!(coded.unwrap_err().message, "too long");
    }

    #[test]
    fn a_secret_that_waits_for_deletion_is_gone() {
        for message in [
            "You can't perform this operation on the secret because it was marked for deletion.",
            "You tried to perform the operation on a secret that's currently marked deleted.",
        ] {
            let result: Result<(), Failure> = Err(failure(FailureKind::Invalid, "InvalidRequestException", message));
            assert!(result.and_then_absent().unwrap().is_none());
        }
        let other: Result<(), Failure> = Err(failure(FailureKind::Invalid, "InvalidRequestException", "not now"));
        assert!(other.and_then_absent().is_err());
    }

    /// Compiles for a type only while it can be shown in no way: with a second impl to choose from it would not.
    trait NotShown<Way> {
        const HOLDS: bool = true;
    }
    impl<T: ?Sized> NotShown<()> for T {}
    impl<T: ?Sized + std::fmt::Debug> NotShown<u8> for T {}
    impl<T: ?Sized + std::fmt::Display> NotShown<u16> for T {}
    impl<T: ?Sized + serde::Serialize> NotShown<u32> for T {}

    #[test]
    fn a_secret_has_no_way_to_be_shown_or_written() {
        const { assert!(<SecretText as NotShown<_>>::HOLDS && <Change as NotShown<_>>::HOLDS) };
    }

    #[test]
    fn only_an_object_has_keys() {
        assert!(SecretText::new("plain").object().is_none());
        assert!(SecretText::new("[1]").object().is_none());
        assert_eq!(SecretText::new(r#"{"a":"b"}"#).object().unwrap()["a"], "b");
    }

    /// A Secrets Manager that has `arn:a` and `arn:b`, gives only `arn:a` in a batch (or refuses batches), and counts.
    fn served(batches: bool) -> (std::net::SocketAddr, Arc<Mutex<Vec<&'static str>>>) {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = asked.clone();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut request = Vec::new();
                let mut part = [0; 4096];
                // The bodies are JSON objects: a request ends with one's brace.
                while !request.ends_with(b"}") {
                    let read = stream.read(&mut part).unwrap();
                    request.extend_from_slice(&part[..read]);
                }
                let request = String::from_utf8(request).unwrap();
                let batch = request.contains("BatchGetSecretValue");
                seen.lock().unwrap().push(if batch { "batch" } else { "one" });
                let (status, body) = match (batch, batches) {
                    (true, true) => (200, r#"{"SecretValues":[{"ARN":"arn:a","SecretString":"A"}],"Errors":[]}"#),
                    (true, false) => (400, r#"{"__type":"AccessDeniedException","message":"no"}"#),
                    (false, _) if request.contains("arn:a") => (200, r#"{"ARN":"arn:a","SecretString":"A"}"#),
                    (false, _) if request.contains("arn:b") => (200, r#"{"ARN":"arn:b","SecretString":"B"}"#),
                    (false, _) => (400, r#"{"__type":"ResourceNotFoundException","message":"gone"}"#),
                };
                let head =
                    format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
                stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
            }
        });
        (address, asked)
    }

    /// Whether batches are allowed, the secrets, the calls, the values.
    type Case = (bool, &'static [&'static str], &'static [&'static str], &'static [Option<&'static str>]);

    #[tokio::test]
    async fn values_come_in_their_order_and_what_a_batch_leaves_out_is_asked_for_alone() {
        let cases: &[Case] = &[
            (true, &["arn:b", "arn:a", "arn:gone"], &["batch", "one", "one"], &[Some("B"), Some("A"), None]),
            (false, &["arn:a", "arn:b"], &["batch", "one", "one"], &[Some("A"), Some("B")]),
            (true, &["arn:a"], &["one"], &[Some("A")]),
            (true, &[], &[], &[]),
        ];
        for (batches, secrets, calls, expected) in cases {
            let (address, asked) = served(*batches);
            let cloud = Cloud::connect(&cloud::Target::Local(format!("http://{address}"))).await;
            let cx = Context {
                environment: "arrakis/production".into(),
                region: "us-east-1".into(),
                address: "security.attachment.db".into(),
                token: "t".into(),
                services: Arc::new(Arc::new(cloud)),
                memo: None,
            };
            let secrets: Vec<String> = secrets.iter().map(ToString::to_string).collect();
            let values = get_all(&secrets, &cx).await.unwrap();
            let values: Vec<Option<&str>> = values.iter().map(|value| value.as_ref().map(SecretText::expose)).collect();
            assert_eq!(values, *expected);
            assert_eq!(*asked.lock().unwrap(), *calls);
        }
    }
}
