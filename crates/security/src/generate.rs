//! How a secret's value is generated: by AWS, into a template of JSON.

use aws_sdk_secretsmanager::Client;
use cloud::{Aws, AwsResult, Context, Failure};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::value::{SecretText, sealed};

/// How a password is generated.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct GenerateSecretString {
    /// Characters that it may not hold.
    pub exclude_characters: Option<String>,
    /// Whether it has no lower-case letters.
    pub exclude_lowercase: Option<bool>,
    /// Whether it has no digits.
    pub exclude_numbers: Option<bool>,
    /// Whether it has no punctuation.
    pub exclude_punctuation: Option<bool>,
    /// Whether it has no upper-case letters.
    pub exclude_uppercase: Option<bool>,
    /// The key under which it is put into the template.
    pub generate_string_key: Option<String>,
    /// Whether it may hold spaces.
    pub include_space: Option<bool>,
    /// Its length; 32 if not given.
    pub password_length: Option<i64>,
    /// Whether it holds one of every kind of character; so it is if not given.
    pub require_each_included_type: Option<bool>,
    /// A JSON object, in which the password is the key `GenerateStringKey`.
    pub secret_string_template: Option<String>,
}

impl GenerateSecretString {
    pub(crate) async fn password(&self, cx: &Context) -> Result<SecretText, Failure> {
        let action = "secretsmanager:GetRandomPassword";
        let made = cx
            .client(Client::new)
            .get_random_password()
            .set_exclude_characters(self.exclude_characters.clone())
            .set_exclude_lowercase(self.exclude_lowercase)
            .set_exclude_numbers(self.exclude_numbers)
            .set_exclude_punctuation(self.exclude_punctuation)
            .set_exclude_uppercase(self.exclude_uppercase)
            .set_include_space(self.include_space)
            .set_password_length(self.password_length)
            .set_require_each_included_type(self.require_each_included_type)
            .send()
            .await
            .aws(action);
        sealed(made)?.random_password.map(SecretText::new).ok_or_else(|| Failure::missing(action, "RandomPassword"))
    }

    fn template(&self) -> Result<Option<Template<'_>>, Failure> {
        match (&self.secret_string_template, &self.generate_string_key) {
            (None, None) => Ok(None),
            (Some(template), Some(key)) => match serde_json::from_str(template) {
                Ok(Value::Object(object)) => Ok(Some(Template { object, key })),
                _ => Err(Failure::invalid("SecretStringTemplate is no JSON object")),
            },
            _ => Err(Failure::invalid("SecretStringTemplate and GenerateStringKey go together")),
        }
    }

    /// The value: the password alone, or the template with it, over what was there before.
    pub(crate) fn value(&self, password: &SecretText, mut before: Map<String, Value>) -> Result<SecretText, Failure> {
        let Some(template) = self.template()? else { return Ok(password.clone()) };
        before.extend(template.object);
        before.insert(template.key.to_owned(), Value::from(password.expose()));
        Ok(SecretText::of(before))
    }

    /// The value with what the template says and it lacks; a password that is there stays.
    pub(crate) async fn completed(&self, before: &SecretText, cx: &Context) -> Result<Option<SecretText>, Failure> {
        let (Some(template), Some(object)) = (self.template()?, before.object()) else { return Ok(None) };
        let password = match object.get(template.key).and_then(Value::as_str) {
            Some(password) => SecretText::new(password),
            None => self.password(cx).await?,
        };
        self.value(&password, object).map(Some)
    }
}

/// A JSON object, and the key that the password gets in it.
struct Template<'a> {
    object: Map<String, Value>,
    key: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn generate() -> GenerateSecretString {
        GenerateSecretString {
            secret_string_template: Some(r#"{"username":"arrakis"}"#.to_owned()),
            generate_string_key: Some("password".to_owned()),
            ..GenerateSecretString::default()
        }
    }

    #[test]
    fn a_password_goes_into_the_template() {
        let value = generate().value(&SecretText::new("p"), Map::new()).unwrap();
        assert_eq!(Value::Object(value.object().unwrap()), json!({ "username": "arrakis", "password": "p" }));
        let alone = GenerateSecretString::default().value(&SecretText::new("p"), Map::new()).unwrap();
        assert_eq!(alone.expose(), "p");
    }

    #[test]
    fn what_others_put_beside_it_stays() {
        let before = json!({ "username": "old", "password": "p", "host": "db" });
        let value = generate().value(&SecretText::new("p"), before.as_object().cloned().unwrap()).unwrap();
        let expected = json!({ "username": "arrakis", "password": "p", "host": "db" });
        assert_eq!(Value::Object(value.object().unwrap()), expected);
    }

    #[test]
    fn half_a_template_is_refused() {
        let half = GenerateSecretString { generate_string_key: None, ..generate() };
        assert!(half.template().is_err());
        let broken = GenerateSecretString { secret_string_template: Some("[]".to_owned()), ..generate() };
        assert!(broken.template().is_err());
    }
}
