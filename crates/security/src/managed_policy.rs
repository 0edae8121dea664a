//! `AWS::IAM::ManagedPolicy`: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iam-managedpolicy.html>.

use std::collections::BTreeSet;

use aws_sdk_iam::Client;
use aws_sdk_iam::types::{Policy as SdkPolicy, PolicyScopeType, PolicyVersion, Tag as SdkTag};
use cloud::{Absent, Aws, AwsResult, Context, Created, Failure, Live, Resource, tags};
use engine::context::{TAG_ADDRESS, TAG_ENVIRONMENT};
use engine::resource::Carried;
use futures::future::{try_join, try_join_all};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::iam;
use crate::policy;
use crate::role;

/// A policy of its own, that roles, users and groups share. Its id is the ARN.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct ManagedPolicy {
    /// The name.
    pub managed_policy_name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// The path, `/` if not given.
    pub path: Option<String>,
    /// What it allows.
    pub policy_document: Option<Value>,
    /// The names of the roles that have it.
    pub roles: Option<Vec<String>>,
    /// The names of the users that have it.
    pub users: Option<Vec<String>>,
    /// The names of the groups that have it.
    pub groups: Option<Vec<String>>,
}

/// IAM keeps this many versions of a policy.
const VERSIONS: usize = 5;

impl Resource for ManagedPolicy {
    const TYPE: &'static str = "AWS::IAM::ManagedPolicy";
    const UNIQUE_NAME: Option<&'static str> = Some("ManagedPolicyName");
    const LATE: &'static [&'static str] = &["DefaultVersionId", "AttachmentCount", "PermissionsBoundaryUsageCount"];

    async fn create(&self, cx: &Context) -> Result<Created, Failure> {
        let made = cx
            .client(Client::new)
            .create_policy()
            .policy_name(self.name(cx))
            .policy_document(policy::text(self.document()?))
            .set_description(self.description.clone())
            .set_path(self.path.clone())
            // CloudFormation gives the type no tags to declare.
            .set_tags(Some(ownership(cx)?))
            .send()
            .await
            .aws("iam:CreatePolicy")?;
        made.policy.and_then(|policy| created(&policy)).ok_or_else(|| Failure::missing("iam:CreatePolicy", "Arn"))
    }

    async fn sync(&self, id: &str, live: Option<&Self>, cx: &Context) -> Result<(), Failure> {
        if let (Some(live), Ok(declared)) = (live, self.document())
            && !live.policy_document.as_ref().is_some_and(|live| policy::same(live, declared))
        {
            make_room(id, cx).await?;
            let version = cx.client(Client::new).create_policy_version().policy_arn(id).set_as_default(true);
            version.policy_document(policy::text(declared)).send().await.aws("iam:CreatePolicyVersion")?;
        }
        let before = live.map(Entities::of).unwrap_or_default();
        let after = Entities::of(self);
        after.without(&before).attach(id, cx).await?;
        before.without(&after).detach(id, cx).await
    }

    async fn read(ids: &[String], cx: &Context) -> Result<Vec<Option<Live<Self>>>, Failure> {
        try_join_all(ids.iter().map(|id| read_one(id, cx))).await
    }

    async fn delete(id: &str, cx: &Context) -> Result<(), Failure> {
        let client = cx.client(Client::new);
        let Some((entities, versions)) = try_join(entities(id, cx), versions(id, cx)).await.absent()? else {
            return Ok(());
        };
        entities.detach(id, cx).await?;
        let old = versions.iter().filter(|version| !version.is_default_version);
        try_join_all(old.map(|version| delete_version(id, version, cx))).await?;
        client.delete_policy().policy_arn(id).send().await.aws("iam:DeletePolicy").absent().map(drop)
    }

    async fn find(&self, cx: &Context) -> Result<Option<Created>, Failure> {
        let (given, made_up) = (&self.managed_policy_name, || self.name(cx));
        let name = tags::name_to_find::<Self>(given, made_up, |arn| arn.rsplit('/').next(), cx).await?;
        let Some(name) = name else { return Ok(None) };
        let client = cx.client(Client::new);
        let pages = client.list_policies().scope(PolicyScopeType::Local).into_paginator().items().send();
        let policies = pages.collect::<Result<Vec<_>, _>>().await.aws("iam:ListPolicies")?;
        let Some(found) = policies.iter().find(|policy| policy.policy_name() == Some(&name)) else { return Ok(None) };
        let tags = client.list_policy_tags().policy_arn(found.arn().unwrap_or_default()).send().await;
        let tags = tags.aws("iam:ListPolicyTags")?.tags;
        Ok(if iam::made(&tags, cx) { created(found) } else { None })
    }

    /// IAM does not mind how a name is capitalised.
    async fn canonical(id: &str, live: &Live<Self>, _: &Context) -> Result<String, Failure> {
        Ok(live.attribute("PolicyArn").unwrap_or(id).to_owned())
    }

    fn id_of_arn(arn: &str) -> Option<String> {
        cloud::arn_name(arn, "iam", "policy/").map(|_| arn.to_owned())
    }

    async fn own(id: &str, cx: &Context) -> Result<(), Failure> {
        let tag = cx.client(Client::new).tag_policy().policy_arn(id).set_tags(Some(ownership(cx)?));
        tag.send().await.aws("iam:TagPolicy").map(drop)
    }

    async fn carried(ids: &[String], cx: &Context) -> Result<Vec<Carried>, Failure> {
        let tags = |id| async move {
            let found =
                cx.client(Client::new).get_policy().policy_arn(id).send().await.aws("iam:GetPolicy").absent()?;
            let policy = found.and_then(|answer| answer.policy);
            let tags = policy.and_then(|policy| policy.tags).unwrap_or_default();
            Ok::<_, Failure>(tags.into_iter().map(|tag| (tag.key, tag.value)).collect())
        };
        try_join_all(ids.iter().map(tags)).await
    }
}

/// The tags by which `find` tells ours from another's.
fn ownership(cx: &Context) -> Result<Vec<SdkTag>, Failure> {
    let (operation, token) = cx.operation_tag();
    let tags = [(TAG_ENVIRONMENT, &*cx.environment), (TAG_ADDRESS, cx.address.as_str()), (operation, token)];
    iam::sdk_tags(tags.map(|(key, value)| (key.to_owned(), value.to_owned())).into())
}

impl ManagedPolicy {
    fn name(&self, cx: &Context) -> String {
        self.managed_policy_name.clone().unwrap_or_else(|| iam::generated_name(cx, 128))
    }

    fn document(&self) -> Result<&Value, Failure> {
        self.policy_document.as_ref().ok_or_else(|| Failure::invalid("PolicyDocument is missing"))
    }
}

/// Who has a policy.
#[derive(Debug, Default, PartialEq, Eq)]
struct Entities {
    roles: BTreeSet<String>,
    users: BTreeSet<String>,
    groups: BTreeSet<String>,
}

impl Entities {
    fn of(policy: &ManagedPolicy) -> Self {
        let set = |names: &Option<Vec<String>>| names.iter().flatten().cloned().collect();
        Self { roles: set(&policy.roles), users: set(&policy.users), groups: set(&policy.groups) }
    }

    fn without(&self, other: &Self) -> Self {
        let less = |a: &BTreeSet<String>, b: &BTreeSet<String>| a.difference(b).cloned().collect();
        Self {
            roles: less(&self.roles, &other.roles),
            users: less(&self.users, &other.users),
            groups: less(&self.groups, &other.groups),
        }
    }

    async fn attach(&self, policy: &str, cx: &Context) -> Result<(), Failure> {
        let client = cx.client(Client::new);
        try_join_all(self.roles.iter().map(|role| role::attach(role, policy, cx))).await?;
        for user in &self.users {
            client.attach_user_policy().user_name(user).policy_arn(policy).send().await.aws("iam:AttachUserPolicy")?;
        }
        for group in &self.groups {
            client
                .attach_group_policy()
                .group_name(group)
                .policy_arn(policy)
                .send()
                .await
                .aws("iam:AttachGroupPolicy")?;
        }
        Ok(())
    }

    async fn detach(&self, policy: &str, cx: &Context) -> Result<(), Failure> {
        let client = cx.client(Client::new);
        try_join_all(self.roles.iter().map(|role| role::detach(role, policy, cx))).await?;
        for user in &self.users {
            let detach = client.detach_user_policy().user_name(user).policy_arn(policy);
            detach.send().await.aws("iam:DetachUserPolicy").absent()?;
        }
        for group in &self.groups {
            let detach = client.detach_group_policy().group_name(group).policy_arn(policy);
            detach.send().await.aws("iam:DetachGroupPolicy").absent()?;
        }
        Ok(())
    }
}

fn created(policy: &SdkPolicy) -> Option<Created> {
    let arn = policy.arn()?;
    let attributes = Created::new(arn)
        .with("PolicyArn", arn)
        .with("PolicyId", policy.policy_id().unwrap_or_default())
        .with("IsAttachable", policy.is_attachable);
    Some(attributes)
}

async fn versions(policy: &str, cx: &Context) -> Result<Vec<PolicyVersion>, Failure> {
    let pages = cx.client(Client::new).list_policy_versions().policy_arn(policy).into_paginator().items().send();
    pages.collect::<Result<Vec<_>, _>>().await.aws("iam:ListPolicyVersions")
}

async fn delete_version(policy: &str, version: &PolicyVersion, cx: &Context) -> Result<(), Failure> {
    let delete = cx.client(Client::new).delete_policy_version().policy_arn(policy);
    let delete = delete.version_id(version.version_id().unwrap_or_default());
    delete.send().await.aws("iam:DeletePolicyVersion").absent().map(drop)
}

/// Deletes the oldest version where there is no room for one more.
async fn make_room(policy: &str, cx: &Context) -> Result<(), Failure> {
    let versions = versions(policy, cx).await?;
    if versions.len() < VERSIONS {
        return Ok(());
    }
    let number = |version: &&PolicyVersion| -> u64 {
        version.version_id().and_then(|id| id.trim_start_matches('v').parse().ok()).unwrap_or(u64::MAX)
    };
    match versions.iter().filter(|version| !version.is_default_version).min_by_key(number) {
        Some(oldest) => delete_version(policy, oldest, cx).await,
        None => Ok(()),
    }
}

async fn entities(policy: &str, cx: &Context) -> Result<Entities, Failure> {
    let client = cx.client(Client::new);
    let mut found = Entities::default();
    let mut marker = None;
    loop {
        let call = client.list_entities_for_policy().policy_arn(policy).set_marker(marker);
        let page = call.send().await.aws("iam:ListEntitiesForPolicy")?;
        found.roles.extend(page.policy_roles.into_iter().flatten().filter_map(|role| role.role_name));
        found.users.extend(page.policy_users.into_iter().flatten().filter_map(|user| user.user_name));
        found.groups.extend(page.policy_groups.into_iter().flatten().filter_map(|group| group.group_name));
        marker = page.marker;
        if !page.is_truncated || marker.is_none() {
            return Ok(found);
        }
    }
}

async fn read_one(arn: &str, cx: &Context) -> Result<Option<Live<ManagedPolicy>>, Failure> {
    let client = cx.client(Client::new);
    let get = client.get_policy().policy_arn(arn).send().await.aws("iam:GetPolicy").absent()?;
    let Some(found) = get.and_then(|answer| answer.policy) else { return Ok(None) };
    let version = async {
        let version =
            client.get_policy_version().policy_arn(arn).version_id(found.default_version_id().unwrap_or_default());
        version.send().await.aws("iam:GetPolicyVersion")
    };
    let Some((version, entities)) = try_join(version, entities(arn, cx)).await.absent()? else { return Ok(None) };
    let document = version.policy_version.and_then(|version| version.document);
    let mut live = Live::new(properties(&found, document.as_deref(), entities));
    live.attributes = created(&found).map(|created| created.attributes).unwrap_or_default();
    // These change with whoever uses the policy, so that a making call cannot tell them.
    let live = live
        .with("DefaultVersionId", found.default_version_id().unwrap_or_default())
        .with("AttachmentCount", found.attachment_count.unwrap_or_default())
        .with("PermissionsBoundaryUsageCount", found.permissions_boundary_usage_count.unwrap_or_default());
    Ok(Some(live))
}

fn properties(found: &SdkPolicy, document: Option<&str>, entities: Entities) -> ManagedPolicy {
    let names = |names: BTreeSet<String>| (!names.is_empty()).then(|| names.into_iter().collect());
    ManagedPolicy {
        managed_policy_name: found.policy_name.clone(),
        description: found.description.clone().filter(|text| !text.is_empty()),
        path: found.path.clone(),
        policy_document: document.map(policy::from_iam),
        roles: names(entities.roles),
        users: names(entities.users),
        groups: names(entities.groups),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn who_gets_it_and_who_loses_it() {
        let with = |roles: &[&str]| {
            let roles = Some(roles.iter().map(|role| (*role).to_owned()).collect());
            Entities::of(&ManagedPolicy { roles, ..ManagedPolicy::default() })
        };
        let (before, after) = (with(&["a", "b"]), with(&["b", "c"]));
        assert_eq!(after.without(&before), with(&["c"]));
        assert_eq!(before.without(&after), with(&["a"]));
    }

    #[test]
    fn what_is_read_is_what_was_declared() {
        let found = SdkPolicy::builder().policy_name("p").path("/").arn("arn:p").description("").build();
        let entities = Entities { roles: ["r".to_owned()].into(), ..Entities::default() };
        let read = properties(&found, Some("%7B%22Statement%22%3A%5B%5D%7D"), entities);
        let expected = ManagedPolicy {
            managed_policy_name: Some("p".to_owned()),
            path: Some("/".to_owned()),
            policy_document: Some(json!({ "Statement": [] })),
            roles: Some(vec!["r".to_owned()]),
            ..ManagedPolicy::default()
        };
        assert_eq!(read, expected);
        assert_eq!(created(&found).unwrap().attributes["PolicyArn"], "arn:p");
    }
}
