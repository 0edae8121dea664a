//! `AWS::IAM::Role`: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iam-role.html>.

use std::collections::BTreeSet;

use aws_sdk_iam::Client;
use aws_sdk_iam::types::{Role as SdkRole, RoleDetail};
use cloud::{Absent, Aws, AwsResult, Context, Created, Failure, Live, Readiness, Resource, Seconds, Tag, tags};
use engine::resource::Tagged;
use futures::future::{try_join, try_join_all};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::iam::{self, Listed, principals_may_come};
use crate::policy;

/// An identity that AWS services and people act in.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct Role {
    /// The name.
    pub role_name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// Who may assume it.
    pub assume_role_policy_document: Option<Value>,
    /// The path, `/` if not given.
    pub path: Option<String>,
    /// The longest session, in seconds; an hour if not given.
    pub max_session_duration: Option<i64>,
    /// The ARN of the policy that bounds what its policies may allow.
    pub permissions_boundary: Option<String>,
    /// The ARNs of managed policies.
    pub managed_policy_arns: Option<Vec<String>>,
    /// Inline policies.
    pub policies: Option<Vec<Policy>>,
    /// Tags.
    pub tags: Option<Vec<Tag>>,
}

/// An inline policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Policy {
    /// The name, unique in its role.
    pub policy_name: String,
    /// What it allows.
    pub policy_document: Value,
}

/// IAM's default session, in seconds.
const HOUR: i64 = 3600;

impl Resource for Role {
    const TYPE: &'static str = "AWS::IAM::Role";
    // Known to IAM at once; other services see it some seconds later, and are then asked again.
    const SECONDS: Seconds = Seconds { create: 2.0, update: 1.0, delete: 1.0 };

    /// What is allowed by hand is taken away where nothing of its kind is declared.
    const EMPTY_SAYS: &'static [&'static str] = &["ManagedPolicyArns", "Policies"];

    fn id(&self) -> Option<String> {
        self.role_name.clone()
    }

    async fn create(&self, cx: &Context) -> Result<Created, Failure> {
        let trust = self.assume_role_policy_document.as_ref();
        let trust = trust.ok_or_else(|| Failure::invalid("AssumeRolePolicyDocument is missing"))?;
        let made = cx
            .client(Client::new)
            .create_role()
            .role_name(self.name(cx))
            .assume_role_policy_document(policy::text(trust))
            .set_path(self.path.clone())
            .set_description(self.description.clone())
            .set_max_session_duration(seconds(self.max_session_duration)?)
            .set_permissions_boundary(self.permissions_boundary.clone())
            .set_tags(Some(iam::tags_for_create(&self.tags, cx)?))
            .send()
            .await
            .aws("iam:CreateRole");
        let role = principals_may_come(made)?.role;
        role.map(|role| created(&role)).ok_or_else(|| Failure::missing("iam:CreateRole", "Role"))
    }

    async fn sync(&self, id: &str, live: Option<&Self>, cx: &Context) -> Result<(), Failure> {
        if let Some(live) = live {
            self.sync_itself(id, live, cx).await?;
            self.sync_tags(id, live, cx).await?;
        }
        self.sync_inline(id, live, cx).await?;
        self.sync_managed(id, live, cx).await
    }

    async fn ready(id: &str, cx: &Context) -> Result<Readiness, Failure> {
        Ok(match get(id, cx).await? {
            Some(_) => Readiness::Ready,
            None => Readiness::Pending("not visible yet".to_owned()),
        })
    }

    async fn read(ids: &[String], cx: &Context) -> Result<Vec<Option<Live<Self>>>, Failure> {
        let account = iam::account_for(ids.len(), cx).await?;
        let read = ids.iter().map(|id| async {
            match account.iter().find_map(|account| account.role(id)) {
                Some((role, listed)) => Ok(Some(live_detail(role, listed))),
                // Too new to be listed, or gone.
                None => read_one(id, cx).await,
            }
        });
        try_join_all(read).await
    }

    async fn delete(id: &str, cx: &Context) -> Result<(), Failure> {
        let client = cx.client(Client::new);
        let Some((inline, managed)) = policies_of(id, cx).await? else { return Ok(()) };
        for name in &inline {
            delete_inline(id, name, cx).await?;
        }
        for arn in &managed {
            detach(id, arn, cx).await?;
        }
        client.delete_role().role_name(id).send().await.aws("iam:DeleteRole").absent().map(drop)
    }

    async fn find(&self, cx: &Context) -> Result<Option<Created>, Failure> {
        let name = match &self.role_name {
            None if cx.token.is_empty() => {
                let roles = iam::tagged_roles(cx).await?;
                let made = |role: &Tagged| cx.made(role.tags.iter().map(|(key, value)| (key.as_str(), value.as_str())));
                let Some(role) = roles.into_iter().find(made) else { return Ok(None) };
                role.id
            }
            _ => self.name(cx),
        };
        let role = get(&name, cx).await?;
        Ok(role.filter(|role| iam::made(role.tags(), cx)).map(|role| created(&role)))
    }

    fn id_of_arn(arn: &str) -> Option<String> {
        cloud::arn_name(arn, "iam", "role/")?.rsplit('/').next().map(str::to_owned)
    }

    async fn unlisted(cx: &Context) -> Result<Vec<Tagged>, Failure> {
        iam::tagged_roles(cx).await
    }
}

impl Role {
    fn name(&self, cx: &Context) -> String {
        self.role_name.clone().unwrap_or_else(|| iam::generated_name(cx, 64))
    }

    async fn sync_itself(&self, id: &str, live: &Self, cx: &Context) -> Result<(), Failure> {
        let client = cx.client(Client::new);
        if let Some(trust) = &self.assume_role_policy_document
            && !live.assume_role_policy_document.as_ref().is_some_and(|live| policy::same(live, trust))
        {
            let update = client.update_assume_role_policy().role_name(id).policy_document(policy::text(trust));
            principals_may_come(update.send().await.aws("iam:UpdateAssumeRolePolicy"))?;
        }
        let duration = |role: &Self| role.max_session_duration.unwrap_or(HOUR);
        if self.description != live.description || duration(self) != duration(live) {
            let update = client
                .update_role()
                .role_name(id)
                .description(self.description.clone().unwrap_or_default())
                .set_max_session_duration(seconds(Some(duration(self)))?);
            update.send().await.aws("iam:UpdateRole")?;
        }
        match (&self.permissions_boundary, &live.permissions_boundary) {
            (declared, live) if declared == live => {}
            (Some(boundary), _) => {
                let put = client.put_role_permissions_boundary().role_name(id).permissions_boundary(boundary);
                put.send().await.aws("iam:PutRolePermissionsBoundary")?;
            }
            (None, _) => {
                let delete = client.delete_role_permissions_boundary().role_name(id);
                delete.send().await.aws("iam:DeleteRolePermissionsBoundary").absent()?;
            }
        }
        Ok(())
    }

    async fn sync_tags(&self, id: &str, live: &Self, cx: &Context) -> Result<(), Failure> {
        let client = cx.client(Client::new);
        let live = live.tags.as_deref().unwrap_or_default();
        let changes = tags::changes(self.tags.as_deref().unwrap_or_default(), Some(live));
        if !changes.set.is_empty() {
            let tag = client.tag_role().role_name(id).set_tags(Some(iam::sdk_tags(changes.set)?));
            tag.send().await.aws("iam:TagRole")?;
        }
        if !changes.remove.is_empty() {
            let untag = client.untag_role().role_name(id).set_tag_keys(Some(changes.remove));
            untag.send().await.aws("iam:UntagRole")?;
        }
        Ok(())
    }

    async fn sync_inline(&self, id: &str, live: Option<&Self>, cx: &Context) -> Result<(), Failure> {
        let declared = self.policies.as_deref().unwrap_or_default();
        let was = live.and_then(|live| live.policies.as_deref()).unwrap_or_default();
        let find = |policies: &[Policy], name: &str| policies.iter().find(|policy| policy.policy_name == name).cloned();
        let differs = |policy: &&Policy| {
            !find(was, &policy.policy_name)
                .is_some_and(|was| policy::same(&was.policy_document, &policy.policy_document))
        };
        // One by one: IAM refuses changes of one role at the same time (ConcurrentModification).
        for policy in declared.iter().filter(differs) {
            put_inline(id, &policy.policy_name, &policy.policy_document, cx).await?;
        }
        for policy in was.iter().filter(|policy| find(declared, &policy.policy_name).is_none()) {
            delete_inline(id, &policy.policy_name, cx).await?;
        }
        Ok(())
    }

    async fn sync_managed(&self, id: &str, live: Option<&Self>, cx: &Context) -> Result<(), Failure> {
        let set = |arns: &Option<Vec<String>>| -> BTreeSet<String> { arns.iter().flatten().cloned().collect() };
        let declared = set(&self.managed_policy_arns);
        let was = live.map(|live| set(&live.managed_policy_arns)).unwrap_or_default();
        for arn in declared.difference(&was) {
            attach(id, arn, cx).await?;
        }
        for arn in was.difference(&declared) {
            detach(id, arn, cx).await?;
        }
        Ok(())
    }
}

/// Writes an inline policy of a role.
pub(crate) async fn put_inline(role: &str, name: &str, document: &Value, cx: &Context) -> Result<(), Failure> {
    let put = cx.client(Client::new).put_role_policy().role_name(role).policy_name(name);
    put.policy_document(policy::text(document)).send().await.aws("iam:PutRolePolicy").map(drop)
}

/// Removes an inline policy of a role.
pub(crate) async fn delete_inline(role: &str, name: &str, cx: &Context) -> Result<(), Failure> {
    let delete = cx.client(Client::new).delete_role_policy().role_name(role).policy_name(name);
    delete.send().await.aws("iam:DeleteRolePolicy").absent().map(drop)
}

/// Attaches a managed policy to a role.
pub(crate) async fn attach(role: &str, policy: &str, cx: &Context) -> Result<(), Failure> {
    let attach = cx.client(Client::new).attach_role_policy().role_name(role).policy_arn(policy);
    attach.send().await.aws("iam:AttachRolePolicy").map(drop)
}

/// Detaches a managed policy from a role.
pub(crate) async fn detach(role: &str, policy: &str, cx: &Context) -> Result<(), Failure> {
    let detach = cx.client(Client::new).detach_role_policy().role_name(role).policy_arn(policy);
    detach.send().await.aws("iam:DetachRolePolicy").absent().map(drop)
}

fn seconds(duration: Option<i64>) -> Result<Option<i32>, Failure> {
    let narrow = |seconds| i32::try_from(seconds).map_err(|_| Failure::invalid("MaxSessionDuration is too long"));
    duration.map(narrow).transpose()
}

fn created(role: &SdkRole) -> Created {
    Created::new(role.role_name()).with("Arn", role.arn()).with("RoleId", role.role_id())
}

async fn get(name: &str, cx: &Context) -> Result<Option<SdkRole>, Failure> {
    let answer = cx.client(Client::new).get_role().role_name(name).send().await.aws("iam:GetRole").absent()?;
    Ok(answer.and_then(|answer| answer.role))
}

/// The names of a role's inline policies, and the ARNs of its managed ones; none: there is no such role.
async fn policies_of(role: &str, cx: &Context) -> Result<Option<(Vec<String>, Vec<String>)>, Failure> {
    let client = cx.client(Client::new);
    let inline = async {
        let pages = client.list_role_policies().role_name(role).into_paginator().items().send();
        pages.collect::<Result<Vec<_>, _>>().await.aws("iam:ListRolePolicies").absent()
    };
    let managed = async {
        let pages = client.list_attached_role_policies().role_name(role).into_paginator().items().send();
        pages.collect::<Result<Vec<_>, _>>().await.aws("iam:ListAttachedRolePolicies").absent()
    };
    let (inline, managed) = try_join(inline, managed).await?;
    let arns = managed.map(|policies| policies.into_iter().filter_map(|policy| policy.policy_arn).collect());
    Ok(inline.zip(arns))
}

async fn read_one(name: &str, cx: &Context) -> Result<Option<Live<Role>>, Failure> {
    let (role, policies) = try_join(get(name, cx), policies_of(name, cx)).await?;
    let (Some(role), Some((inline, managed))) = (role, policies) else { return Ok(None) };
    let client = cx.client(Client::new);
    let policy = |policy: String| {
        let get = client.get_role_policy().role_name(name).policy_name(policy);
        async move { get.send().await.aws("iam:GetRolePolicy").absent() }
    };
    let policies = try_join_all(inline.into_iter().map(policy)).await?;
    let policies = policies.into_iter().flatten().map(|found| Policy {
        policy_document: policy::from_iam(&found.policy_document),
        policy_name: found.policy_name,
    });
    let boundary = role.permissions_boundary.as_ref().and_then(|boundary| boundary.permissions_boundary_arn.clone());
    let properties = Role {
        role_name: Some(role.role_name().to_owned()),
        description: given(role.description()),
        assume_role_policy_document: role.assume_role_policy_document().map(policy::from_iam),
        path: Some(role.path().to_owned()),
        max_session_duration: role.max_session_duration.map(i64::from),
        permissions_boundary: boundary,
        managed_policy_arns: sorted(managed),
        policies: by_name(policies.collect()),
        tags: iam::live_tags(role.tags()),
    };
    let mut live = Live::new(properties);
    live.attributes = created(&role).attributes;
    Ok(Some(live))
}

fn live_detail(role: &RoleDetail, listed: &Listed) -> Live<Role> {
    let boundary = role.permissions_boundary.as_ref().and_then(|boundary| boundary.permissions_boundary_arn.clone());
    let managed = role.attached_managed_policies().iter().filter_map(|policy| policy.policy_arn.clone()).collect();
    let policies = role.role_policy_list().iter().map(|policy| Policy {
        policy_name: policy.policy_name().unwrap_or_default().to_owned(),
        policy_document: policy::from_iam(policy.policy_document().unwrap_or_default()),
    });
    let properties = Role {
        role_name: role.role_name.clone(),
        description: given(listed.description.as_deref()),
        assume_role_policy_document: role.assume_role_policy_document().map(policy::from_iam),
        path: role.path.clone(),
        max_session_duration: listed.max_session_duration.map(i64::from),
        permissions_boundary: boundary,
        managed_policy_arns: sorted(managed),
        policies: by_name(policies.collect()),
        tags: iam::live_tags(role.tags()),
    };
    let (arn, id) = (role.arn().unwrap_or_default(), role.role_id().unwrap_or_default());
    Live::new(properties).with("Arn", arn).with("RoleId", id)
}

fn given(text: Option<&str>) -> Option<String> {
    text.filter(|text| !text.is_empty()).map(str::to_owned)
}

fn sorted(mut arns: Vec<String>) -> Option<Vec<String>> {
    arns.sort();
    (!arns.is_empty()).then_some(arns)
}

fn by_name(mut policies: Vec<Policy>) -> Option<Vec<Policy>> {
    policies.sort_by(|a, b| a.policy_name.cmp(&b.policy_name));
    (!policies.is_empty()).then_some(policies)
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_iam::types::{AttachedPermissionsBoundary, AttachedPolicy, PolicyDetail};
    use serde_json::json;

    #[test]
    fn a_role_of_the_account_listing() {
        let inline = |name: &str| {
            PolicyDetail::builder().policy_name(name).policy_document("%7B%22Statement%22%3A%5B%5D%7D").build()
        };
        let detail = RoleDetail::builder()
            .role_name("r")
            .role_id("AROA")
            .arn("arn:r")
            .path("/")
            .assume_role_policy_document("%7B%22Version%22%3A%222012-10-17%22%7D")
            .role_policy_list(inline("b"))
            .role_policy_list(inline("a"))
            .attached_managed_policies(AttachedPolicy::builder().policy_arn("arn:z").build())
            .attached_managed_policies(AttachedPolicy::builder().policy_arn("arn:y").build())
            .permissions_boundary(AttachedPermissionsBoundary::builder().permissions_boundary_arn("arn:b").build())
            .build();
        let live = live_detail(&detail, &Listed { description: Some(String::new()), max_session_duration: Some(3600) });
        assert_eq!(
            intrinsic_free(&live.properties),
            json!({
                "RoleName": "r",
                "AssumeRolePolicyDocument": { "Version": "2012-10-17" },
                "Path": "/",
                "MaxSessionDuration": 3600,
                "PermissionsBoundary": "arn:b",
                "ManagedPolicyArns": ["arn:y", "arn:z"],
                "Policies": [
                    { "PolicyName": "a", "PolicyDocument": { "Statement": [] } },
                    { "PolicyName": "b", "PolicyDocument": { "Statement": [] } },
                ],
            })
        );
        assert_eq!(live.attributes["Arn"], "arn:r");
        assert_eq!(live.attributes["RoleId"], "AROA");
    }

    fn intrinsic_free(role: &Role) -> Value {
        engine::intrinsic::lower(serde_json::to_value(role).unwrap())
    }

    #[test]
    fn the_name_is_the_id() {
        let role = Role { role_name: Some("r".to_owned()), ..Role::default() };
        assert_eq!(role.id().as_deref(), Some("r"));
        assert_eq!(Role::default().id(), None);
    }
}
