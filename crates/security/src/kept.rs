//! What is left of deleted secrets, read from AWS, and what would be left.

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::primitives::DateTimeFormat;
use cloud::{Absent, Aws, AwsResult, Context, Failure, Resource};
use engine::kept::Kept;
use engine::state::Entry;

use crate::secret::{RECOVERY_DAYS, RECOVERY_TAG, Secret};

/// What the deletion of a secret will leave, in words; `None`: nothing, or it is no secret.
pub fn will_keep(entry: &Entry) -> Option<String> {
    if entry.type_name != Secret::TYPE {
        return None;
    }
    match days(entry) {
        0 => None,
        days => Some(format!("its value, for {days} days")),
    }
}

fn days(entry: &Entry) -> u32 {
    let tags = entry.properties["Tags"].as_array().map(Vec::as_slice).unwrap_or_default();
    let said = tags.iter().find(|tag| tag["Key"] == RECOVERY_TAG).and_then(|tag| tag["Value"].as_str());
    said.and_then(|days| days.parse().ok()).unwrap_or(RECOVERY_DAYS)
}

/// What is left of a secret that was deleted; nothing of what is none.
pub async fn kept(entry: &Entry, cx: &Context) -> Result<Vec<Kept>, Failure> {
    if entry.type_name != Secret::TYPE {
        return Ok(Vec::new());
    }
    let answer = cx.client(Client::new).describe_secret().secret_id(&entry.id).send().await;
    let Some(secret) = answer.aws("secretsmanager:DescribeSecret").absent()? else { return Ok(Vec::new()) };
    let Some(date) = secret.deleted_date() else { return Ok(Vec::new()) };
    let name = secret.name().unwrap_or(&entry.id);
    Ok(vec![Kept {
        address: entry.address.clone(),
        what: format!("secret {name} with its value; deploying again restores it"),
        until: date.fmt(DateTimeFormat::DateTime).ok(),
        remove: format!(
            "aws secretsmanager delete-secret --region {} --force-delete-without-recovery --secret-id {}",
            entry.region, entry.id
        ),
    }])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_window_is_said_before() {
        let entry = |type_name: &str, tags: serde_json::Value| -> Entry {
            let entry = json!({
                "address": "security.secret.a", "type": type_name, "region": "us-east-1", "id": "arn", "token": "t",
                "properties": { "Tags": tags },
            });
            serde_json::from_value(entry).unwrap()
        };
        let window = |days: &str| json!([{ "Key": RECOVERY_TAG, "Value": days }]);
        let kept = |type_name: &str, tags| will_keep(&entry(type_name, tags));
        assert_eq!(kept(Secret::TYPE, json!([])).as_deref(), Some("its value, for 7 days"));
        assert_eq!(kept(Secret::TYPE, window("30")).as_deref(), Some("its value, for 30 days"));
        assert_eq!(kept(Secret::TYPE, window("0")), None);
        assert_eq!(kept("AWS::IAM::Role", json!([])), None);
    }
}
