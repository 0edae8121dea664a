//! The `[events]` section of an environment file.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where notifications go.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
    /// SNS topics by name. The physical name is `<prefix>-<name>`.
    #[serde(default)]
    pub topic: BTreeMap<String, TopicSettings>,
}

/// One topic, and who gets what is published to it. CloudWatch alarms of the account may publish.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TopicSettings {
    /// E-mail addresses. AWS asks each for a confirmation; unconfirmed ones are forgotten after two days. Default none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub email: Vec<String>,
    /// HTTPS addresses, such as a pager's webhook, which must confirm the subscription. Default none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub https: Vec<String>,
    /// The sender's name in e-mails, up to 100 characters. Default none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The KMS key (id, ARN or alias) that encrypts messages. It must be a customer key that lets CloudWatch use it:
    /// with `alias/aws/sns` alarms cannot publish. Default none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<String>,
}
