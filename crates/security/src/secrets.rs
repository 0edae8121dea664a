//! `[security.secret]` into `AWS::SecretsManager::Secret`.

use std::collections::BTreeMap;

use cloud::{Handle, Stack, Tag};
use serde_json::json;

use crate::secret::{GenerateSecretString, RECOVERY_DAYS, RECOVERY_TAG, ReplicaRegion, Secret};
use crate::settings::{GenerateSettings, SecretSettings, Settings};

/// What the secrets need of others.
#[derive(Clone, Debug)]
pub struct Inputs {
    /// Begins every physical name: `arrakis-production`.
    pub prefix: String,
}

/// The secrets declared.
#[derive(Clone, Debug, Default)]
pub struct Outputs {
    /// By the name in the environment file.
    pub secrets: BTreeMap<String, DeclaredSecret>,
}

/// One secret declared.
#[derive(Clone, Debug)]
pub struct DeclaredSecret {
    /// The resource; [`Handle::id`] is the ARN.
    pub handle: Handle,
    /// The physical name: `arrakis-production/db-credentials`.
    pub name: String,
    /// The JSON keys that are generated: `password`, `username`. Empty: the value is set by hand.
    pub keys: Vec<String>,
}

impl Outputs {
    /// The ARN of a secret, as a token.
    pub fn arn(&self, name: &str) -> Option<String> {
        self.secrets.get(name).map(|secret| secret.handle.id())
    }

    /// The names there are, for "did you mean".
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.secrets.keys().map(String::as_str)
    }
}

/// Declares the secrets.
pub fn declare(settings: &Settings, inputs: &Inputs, stack: &mut Stack) -> Outputs {
    let mut outputs = Outputs::default();
    for (name, secret) in &settings.secret {
        let key = format!("security.secret.{name}");
        stack.section(&key);
        check(name, secret, &key, stack);
        let physical = format!("{}/{name}", inputs.prefix);
        let handle = stack.add(format!("security.secret.{name}"), resource(&physical, secret));
        let keys = secret.generate.iter().flat_map(keys).collect();
        outputs.secrets.insert(name.clone(), DeclaredSecret { handle, name: physical, keys });
    }
    outputs
}

fn keys(generate: &GenerateSettings) -> Vec<String> {
    let username = generate.username.as_ref().map(|_| "username".to_owned());
    std::iter::once(generate.key.clone()).chain(username).collect()
}

fn resource(name: &str, settings: &SecretSettings) -> Secret {
    // Deletion gets no properties: the window travels as a tag.
    let recovery = (settings.recovery_days != RECOVERY_DAYS)
        .then(|| vec![Tag { key: RECOVERY_TAG.to_owned(), value: settings.recovery_days.to_string() }]);
    let replica = |region: &String| ReplicaRegion { region: region.clone(), kms_key_id: None };
    Secret {
        name: Some(name.to_owned()),
        description: settings.description.clone(),
        generate_secret_string: settings.generate.as_ref().map(generated),
        replica_regions: (!settings.replicas.is_empty()).then(|| settings.replicas.iter().map(replica).collect()),
        tags: recovery,
        ..Secret::default()
    }
}

/// Punctuation that a Redis AUTH token may not hold: all but `!&#$^<>-`. RDS refuses fewer.
const REFUSED: &str = r#""%'()*+,./:;=?@[\]_`{|}~"#;

fn generated(settings: &GenerateSettings) -> GenerateSecretString {
    let template = match &settings.username {
        Some(username) => json!({ "username": username }),
        None => json!({}),
    };
    GenerateSecretString {
        secret_string_template: Some(template.to_string()),
        generate_string_key: Some(settings.key.clone()),
        password_length: Some(i64::from(settings.length)),
        exclude_punctuation: Some(settings.exclude_punctuation),
        exclude_characters: (!settings.exclude_punctuation).then(|| REFUSED.to_owned()),
        ..GenerateSecretString::default()
    }
}

/// Characters that Secrets Manager takes in a name: CreateSecret API reference, `Name`.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"/_+=.@-".contains(&b))
}

fn check(name: &str, settings: &SecretSettings, key: &str, stack: &mut Stack) {
    let findings = &mut stack.findings;
    if !is_name(name) {
        findings
            .error("secret-name", key, format!("`{name}` is no name of a secret"))
            .hint("write letters, digits and `/_+=.@-` only");
    }
    let days = settings.recovery_days;
    if days != 0 && !(7..=30).contains(&days) {
        findings
            .error("secret-recovery-days", format!("{key}.recovery-days"), format!("{days} days cannot be given"))
            .hint("write 7 to 30, or 0 to delete at once, for good");
    }
    if settings.replicas.contains(&stack.region().to_owned()) {
        let region = stack.region().to_owned();
        stack
            .findings
            .error("secret-replica", format!("{key}.replicas"), format!("the secret itself is in {region}"))
            .hint("name other regions only");
    }
    let Some(generate) = &settings.generate else { return };
    let findings = &mut stack.findings;
    if !(16..=128).contains(&generate.length) {
        let length = generate.length;
        findings
            .error("secret-length", format!("{key}.generate.length"), format!("a password of {length} characters"))
            .hint("write 16 to 128: Redis takes no shorter and no longer one");
    }
    if generate.key.is_empty() || generate.key == "username" {
        findings
            .error(
                "secret-key",
                format!("{key}.generate.key"),
                format!("`{}` cannot be the password's key", generate.key),
            )
            .hint("leave it out: it is `password` then");
    }
    if generate.username.as_deref() == Some("") {
        findings
            .error("secret-username", format!("{key}.generate.username"), "the user name is empty")
            .hint("leave it out");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::Severity;

    fn declared(settings: serde_json::Value) -> (Outputs, Vec<engine::Node>, Vec<engine::Finding>) {
        let settings: Settings = serde_json::from_value(settings).unwrap();
        let mut stack = Stack::new("arrakis/production", "us-east-1", &[]);
        let outputs = declare(&settings, &Inputs { prefix: "arrakis-production".to_owned() }, &mut stack);
        let (nodes, findings) = stack.finish();
        (outputs, nodes, findings)
    }

    #[test]
    fn the_documented_secrets() {
        let (outputs, nodes, findings) = declared(json!({ "secret": {
            "app-config": { "description": "Application secrets" },
            "db-credentials": { "generate": { "username": "arrakis" }, "recovery-days": 30, "replicas": ["us-west-2"] },
        }}));
        assert_eq!(findings, []);
        for node in &nodes {
            assert_eq!(schema::validate(&node.type_name, &node.properties), [], "{}", node.address);
        }
        assert_eq!(nodes[0].properties["Name"], "arrakis-production/app-config");
        assert!(nodes[0].properties.get("GenerateSecretString").is_none());
        let generate = &nodes[1].properties["GenerateSecretString"];
        assert_eq!(generate["SecretStringTemplate"], r#"{"username":"arrakis"}"#);
        assert_eq!(generate["GenerateStringKey"], "password");
        assert_eq!(generate["PasswordLength"], 32);
        let tags = nodes[1].properties["Tags"].as_array().unwrap();
        assert!(tags.contains(&json!({ "Key": RECOVERY_TAG, "Value": "30" })));
        assert_eq!(outputs.secrets["db-credentials"].keys, ["password", "username"]);
        assert_eq!(outputs.secrets["app-config"].keys, Vec::<String>::new());
    }

    #[test]
    fn values_that_aws_would_refuse_are_errors_at_their_key() {
        let cases = [
            (json!({ "a b": {} }), "security.secret.a b"),
            (json!({ "a": { "recovery-days": 5 } }), "security.secret.a.recovery-days"),
            (json!({ "a": { "replicas": ["us-east-1"] } }), "security.secret.a.replicas"),
            (json!({ "a": { "generate": { "length": 8 } } }), "security.secret.a.generate.length"),
            (json!({ "a": { "generate": { "key": "username" } } }), "security.secret.a.generate.key"),
            (json!({ "a": { "generate": { "username": "" } } }), "security.secret.a.generate.username"),
        ];
        for (secret, key) in cases {
            let (_, _, findings) = declared(json!({ "secret": secret }));
            assert_eq!(findings.len(), 1, "{key}");
            assert_eq!(findings[0].severity, Severity::Error);
            assert_eq!(findings[0].key.as_deref(), Some(key));
            assert!(findings[0].hint.is_some());
        }
    }
}
