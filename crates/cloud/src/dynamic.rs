//! CloudFormation's dynamic references: secrets that are read at the moment of use.
//!
//! `{{resolve:secretsmanager:NAME-OR-ARN:SecretString:KEY}}` stands in state and plan; the value
//! exists in memory only, between this call and the one that carries it. See AWS CloudFormation
//! User Guide, "Get a secret or secret value from Secrets Manager".

use engine::{Context, Failure};
use serde_json::Value;

use crate::{Aws, AwsResult};

const OPEN: &str = "{{resolve:secretsmanager:";
const CLOSE: &str = "}}";

/// The dynamic reference to one key of a secret's JSON.
pub fn secret_reference(secret: &str, key: &str) -> String {
    format!("{OPEN}{secret}:SecretString:{key}{CLOSE}")
}

/// Replaces every dynamic reference in a text by the secret's value.
pub async fn resolve(text: &str, cx: &Context) -> Result<String, Failure> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(OPEN) {
        let Some(end) = rest[start..].find(CLOSE).map(|end| end + start) else { break };
        out.push_str(&rest[..start]);
        out.push_str(&secret_value(&rest[start + OPEN.len()..end], cx).await?);
        rest = &rest[end + CLOSE.len()..];
    }
    out.push_str(rest);
    Ok(out)
}

async fn secret_value(reference: &str, cx: &Context) -> Result<String, Failure> {
    // An ARN holds colons itself: what follows `:SecretString` is ours.
    let (secret, key) = reference.split_once(":SecretString").unwrap_or((reference, ""));
    let key = key.trim_matches(':').split(':').next().unwrap_or_default();
    let client = cx.client(aws_sdk_secretsmanager::Client::new);
    let action = "secretsmanager:GetSecretValue";
    let answer = client.get_secret_value().secret_id(secret).send().await.aws(action)?;
    let text = answer.secret_string.ok_or_else(|| Failure::missing(action, "SecretString"))?;
    if key.is_empty() {
        return Ok(text);
    }
    let value: Value = serde_json::from_str(&text)
        .map_err(|_| Failure::invalid(format!("the secret {secret} is not a JSON object with a key `{key}`")))?;
    match &value[key] {
        Value::String(found) => Ok(found.clone()),
        Value::Null => Err(Failure::invalid(format!("the secret {secret} has no key `{key}`"))),
        other => Ok(other.to_string()),
    }
}
