//! `Groundplan::SecretsManager::Attachment`: where a store answers, put into the secret with its credentials.
//!
//! CloudFormation's `AWS::SecretsManager::SecretTargetAttachment` adds `host`, `port` and so on to the
//! secret of a database. This type does so for any store, and adds a whole connection URL (`url`),
//! which most programs want. Ours beyond CloudFormation, so the export leaves it out.

use std::collections::BTreeMap;

use cloud::{Context, Created, Failure, Live, Resource, Seconds};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use tokio::sync::Mutex;

use crate::secret;
use crate::url;
use crate::value::{self, SecretText};

/// Puts values and a URL into a secret's JSON object; its other keys stay.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct Attachment {
    /// The secret's ARN.
    pub secret_id: Option<String>,
    /// The keys to be put: only [`KEYS`], which are no secrets, since they are read back and shown.
    #[serde(deserialize_with = "texts")]
    pub values: Option<BTreeMap<String, String>>,
    /// The template of the key `url`; `{key}` stands for the percent-encoded value of any of the secret's keys.
    pub url_template: Option<String>,
}

/// The keys that say where a store answers, as CloudFormation's attachment names them, and two of ours.
pub const KEYS: &[&str] =
    &["engine", "host", "port", "dbname", "dbInstanceIdentifier", "dbClusterIdentifier", "readerHost", "tls"];

const URL: &str = "url";

/// One value is read, changed and written at a time: two at once would lose one's change.
static WRITING: Mutex<()> = Mutex::const_new(());

impl Resource for Attachment {
    const TYPE: &'static str = "Groundplan::SecretsManager::Attachment";
    const SECONDS: Seconds = Seconds::INSTANT;

    fn id(&self) -> Option<String> {
        self.secret_id.clone()
    }

    async fn create(&self, cx: &Context) -> Result<Created, Failure> {
        let secret = self.secret_id.as_deref().ok_or_else(|| Failure::invalid("SecretId is missing"))?;
        self.write(secret, &[], cx).await?;
        Ok(Created::new(secret))
    }

    async fn sync(&self, id: &str, live: Option<&Self>, cx: &Context) -> Result<(), Failure> {
        let Some(live) = live else { return Ok(()) };
        let declared = |key: &str| self.values.as_ref().is_some_and(|values| values.contains_key(key));
        let mut removed: Vec<&str> =
            live.values.iter().flatten().map(|(key, _)| key.as_str()).filter(|key| !declared(key)).collect();
        if self.url_template.is_none() && live.url_template.is_some() {
            removed.push(URL);
        }
        self.write(id, &removed, cx).await
    }

    async fn read(ids: &[String], cx: &Context) -> Result<Vec<Option<Live<Self>>>, Failure> {
        let values = value::get_all(ids, cx).await?;
        let live = |(id, value): (&String, Option<SecretText>)| live(id, &value?.object()?).map(Live::new);
        Ok(ids.iter().zip(values).map(live).collect())
    }

    /// AWS takes the secret's name too.
    async fn canonical(id: &str, _: &Live<Self>, cx: &Context) -> Result<String, Failure> {
        let found = secret::describe(id, cx).await?;
        Ok(found.and_then(|secret| secret.arn).unwrap_or_else(|| id.to_owned()))
    }

    async fn delete(id: &str, cx: &Context) -> Result<(), Failure> {
        let _writing = WRITING.lock().await;
        let Some(mut object) = value::get(id, cx).await?.and_then(|value| value.object()) else { return Ok(()) };
        let before = object.len();
        object.retain(|key, _| key != URL && !KEYS.contains(&key.as_str()));
        if object.len() == before {
            return Ok(());
        }
        value::put(id, &SecretText::of(object), cx).await
    }
}

/// Takes numbers too: a store may tell its port as one.
fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<BTreeMap<String, String>>, D::Error> {
    let values = Option::<BTreeMap<String, Value>>::deserialize(deserializer)?;
    Ok(values.map(|values| values.into_iter().map(|(key, value)| (key, text(&value))).collect()))
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

impl Attachment {
    async fn write(&self, secret: &str, removed: &[&str], cx: &Context) -> Result<(), Failure> {
        let _writing = WRITING.lock().await;
        let before = match value::get(secret, cx).await? {
            None => Map::new(),
            Some(text) => text.object().ok_or_else(|| {
                Failure::invalid(format!("the value of the secret {secret} is no JSON object, so it takes no keys"))
                    .hint("set it to a JSON object, such as {\"username\": …, \"password\": …}")
            })?,
        };
        let after = self.merged(before.clone(), removed)?;
        if after == before {
            return Ok(());
        }
        value::put(secret, &SecretText::of(after), cx).await
    }

    fn merged(&self, mut object: Map<String, Value>, removed: &[&str]) -> Result<Map<String, Value>, Failure> {
        object.retain(|key, _| !removed.contains(&key.as_str()));
        for (key, value) in self.values.iter().flatten() {
            if !KEYS.contains(&key.as_str()) {
                let keys = KEYS.join("`, `");
                return Err(Failure::invalid(format!("`{key}` cannot be attached")).hint(format!("take of `{keys}`")));
            }
            object.insert(key.clone(), Value::from(value.as_str()));
        }
        let Some(template) = &self.url_template else { return Ok(object) };
        let url = url::render(template, &object).map_err(|key| {
            Failure::invalid(format!("the URL needs the key `{key}`, which the secret does not have"))
                .hint("set the secret's value with this key first (set-secret)")
        })?;
        // Only a URL that leads back to its template can be compared later without being shown.
        if url::template_of(&url, &object) != *template {
            return Err(Failure::invalid(
                "UrlTemplate is not of the form scheme://{username}:{password}@{host}:{port}/{dbname}",
            ));
        }
        object.insert(URL.to_owned(), Value::from(url));
        Ok(object)
    }
}

/// What of a secret's keys is an attachment; none of them: there is none.
fn live(secret: &str, object: &Map<String, Value>) -> Option<Attachment> {
    let values: BTreeMap<_, _> = object
        .iter()
        .filter(|(key, _)| KEYS.contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), text(value)))
        .collect();
    let url_template = object.get(URL).map(|url| url::template_of(&text(url), object));
    if values.is_empty() && url_template.is_none() {
        return None;
    }
    Some(Attachment {
        secret_id: Some(secret.to_owned()),
        values: (!values.is_empty()).then_some(values),
        url_template,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn attachment() -> Attachment {
        let values = [("host", "cache.example.com"), ("port", "6379"), ("tls", "true")];
        Attachment {
            secret_id: Some("arn".to_owned()),
            values: Some(values.map(|(key, value)| (key.to_owned(), value.to_owned())).into()),
            url_template: Some("rediss://:{password}@{host}:{port}".to_owned()),
        }
    }

    fn secret() -> Map<String, Value> {
        json!({ "password": "pass/word", "note": "kept" }).as_object().cloned().unwrap()
    }

    #[test]
    fn the_other_keys_stay() {
        let object = attachment().merged(secret(), &[]).unwrap();
        assert_eq!(
            Value::Object(object),
            json!({
                "password": "pass/word", "note": "kept",
                "host": "cache.example.com", "port": "6379", "tls": "true",
                "url": "rediss://:pass%2Fword@cache.example.com:6379",
            })
        );
    }

    #[test]
    fn what_is_read_equals_what_was_declared() {
        let object = attachment().merged(secret(), &[]).unwrap();
        assert_eq!(live("arn", &object), Some(attachment()));
        assert_eq!(live("arn", &secret()), None);
    }

    #[test]
    fn a_rotated_password_shows_in_the_url_only() {
        let mut object = attachment().merged(secret(), &[]).unwrap();
        object.insert("password".to_owned(), json!("another"));
        let found = live("arn", &object).unwrap();
        assert_eq!(found.values, attachment().values);
        assert_eq!(found.url_template.as_deref(), Some("rediss://:(changed)@{host}:{port}"));
        let repaired = attachment().merged(object, &[]).unwrap();
        assert_eq!(repaired["url"], "rediss://:another@cache.example.com:6379");
    }

    #[test]
    fn nothing_secret_can_be_attached() {
        let with = |key: &str, template: &str| Attachment {
            values: Some([(key.to_owned(), "x".to_owned())].into()),
            url_template: Some(template.to_owned()),
            ..attachment()
        };
        let refused = [
            with("password", "redis://{host}"),
            with("host", "redis://{host}/{password}"),
            with("host", "redis://user:{password}@{host}"),
            with("host", "postgres://{username}:{password}@{host}"),
        ];
        for attachment in refused {
            let failure = attachment.merged(secret(), &[]).unwrap_err();
            assert!(!failure.to_string().contains("pass/word"));
        }
    }

    #[test]
    fn removed_keys_go() {
        let object = attachment().merged(secret(), &[]).unwrap();
        let less = Attachment { url_template: None, ..attachment() }.merged(object, &["url", "tls"]).unwrap();
        assert!(!less.contains_key("url"));
        assert!(less.contains_key("note"));
    }
}
