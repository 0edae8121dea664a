//! `AWS::IAM::RolePolicy`: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iam-rolepolicy.html>.

use aws_sdk_iam::Client;
use cloud::{Absent, Aws, AwsResult, Context, Created, Failure, Live, Resource};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::iam;
use crate::policy;
use crate::role;

/// An inline policy of a role that is declared elsewhere. Its id is `PolicyName|RoleName`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct RolePolicy {
    /// The name, unique in its role.
    pub policy_name: Option<String>,
    /// The role.
    pub role_name: Option<String>,
    /// What it allows.
    pub policy_document: Option<Value>,
}

impl Resource for RolePolicy {
    const TYPE: &'static str = "AWS::IAM::RolePolicy";

    fn id(&self) -> Option<String> {
        Some(format!("{}|{}", self.policy_name.as_ref()?, self.role_name.as_ref()?))
    }

    async fn create(&self, cx: &Context) -> Result<Created, Failure> {
        let id = self.id().ok_or_else(|| Failure::invalid("PolicyName or RoleName is missing"))?;
        self.put(&id, cx).await?;
        Ok(Created::new(id))
    }

    async fn sync(&self, id: &str, live: Option<&Self>, cx: &Context) -> Result<(), Failure> {
        let same = |live: &Self| match (&live.policy_document, &self.policy_document) {
            (Some(live), Some(declared)) => policy::same(live, declared),
            (live, declared) => live == declared,
        };
        // Without `live` it was written a moment ago, by `create`.
        if live.is_none_or(same) { Ok(()) } else { self.put(id, cx).await }
    }

    async fn read(ids: &[String], cx: &Context) -> Result<Vec<Option<Live<Self>>>, Failure> {
        let account = iam::account_for(ids.len(), cx).await?;
        let read = ids.iter().map(|id| async {
            let (name, role) = parts(id)?;
            let encoded = match account.iter().find_map(|account| account.role_policy(role, name)) {
                Some(encoded) => Some(encoded.to_owned()),
                // Too new to be listed, or gone.
                None => get(role, name, cx).await?,
            };
            let live = |encoded: String| {
                Live::new(Self {
                    policy_name: Some(name.to_owned()),
                    role_name: Some(role.to_owned()),
                    policy_document: Some(policy::from_iam(&encoded)),
                })
            };
            Ok::<_, Failure>(encoded.map(live))
        });
        futures::future::try_join_all(read).await
    }

    async fn delete(id: &str, cx: &Context) -> Result<(), Failure> {
        let (name, role) = parts(id)?;
        role::delete_inline(role, name, cx).await
    }
}

impl RolePolicy {
    async fn put(&self, id: &str, cx: &Context) -> Result<(), Failure> {
        let (name, role) = parts(id)?;
        let document = self.policy_document.as_ref().ok_or_else(|| Failure::invalid("PolicyDocument is missing"))?;
        role::put_inline(role, name, document, cx).await
    }
}

fn parts(id: &str) -> Result<(&str, &str), Failure> {
    id.split_once('|').ok_or_else(|| Failure::invalid(format!("`{id}` is not of the form PolicyName|RoleName")))
}

async fn get(role: &str, name: &str, cx: &Context) -> Result<Option<String>, Failure> {
    let get = cx.client(Client::new).get_role_policy().role_name(role).policy_name(name);
    let answer = get.send().await.aws("iam:GetRolePolicy").absent()?;
    Ok(answer.map(|answer| answer.policy_document))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_names_policy_and_role() {
        let policy =
            RolePolicy { policy_name: Some("p".to_owned()), role_name: Some("r".to_owned()), policy_document: None };
        let id = policy.id().unwrap();
        assert_eq!(id, "p|r");
        assert_eq!(parts(&id).unwrap(), ("p", "r"));
        assert!(parts("p").is_err());
    }
}
