//! What the IAM resources of this crate share: names, tags, and one look at the whole account.

use std::collections::HashMap;
use std::sync::Arc;

use aws_sdk_iam::Client;
use aws_sdk_iam::types::{EntityType, RoleDetail, Tag as SdkTag};
use cloud::{Aws, AwsResult, Context, Failure, FailureKind, Tag, tags};
use engine::resource::Tagged;

/// With more roles than this, one look at the account takes fewer calls than a look at each.
const FEW: usize = 3;

/// A name for a thing whose declaration gives none: the same whenever this operation is repeated.
pub(crate) fn generated_name(cx: &Context, longest: usize) -> String {
    let mark: String = cx.token.chars().filter(char::is_ascii_alphanumeric).take(8).collect();
    let stem: String = cx.address.as_str().replace('.', "-").chars().take(longest.saturating_sub(9)).collect();
    format!("{stem}-{mark}")
}

fn sdk_tag((key, value): (String, String)) -> Result<SdkTag, Failure> {
    SdkTag::builder().key(key).value(value).build().map_err(|error| Failure::invalid(error.to_string()))
}

/// Tags as the SDK takes them.
pub(crate) fn sdk_tags(pairs: Vec<(String, String)>) -> Result<Vec<SdkTag>, Failure> {
    pairs.into_iter().map(sdk_tag).collect()
}

/// The declared tags and the operation's, for the making call.
pub(crate) fn tags_for_create(declared: &Option<Vec<Tag>>, cx: &Context) -> Result<Vec<SdkTag>, Failure> {
    sdk_tags(tags::for_create(declared.as_deref().unwrap_or_default(), cx))
}

/// Tags as read, `None` where there are none.
pub(crate) fn live_tags(tags: &[SdkTag]) -> Option<Vec<Tag>> {
    let tags = tags::from_live(tags.iter().map(|tag| (tag.key(), tag.value())));
    (!tags.is_empty()).then_some(tags)
}

/// [`Context::made`] of IAM's tags.
pub(crate) fn made(tags: &[SdkTag], cx: &Context) -> bool {
    cx.made(tags.iter().map(|tag| (tag.key(), tag.value())))
}

/// All roles of the account with their tags: the Resource Groups Tagging API does not list roles.
/// <https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/supported-services.html>
pub(crate) async fn tagged_roles(cx: &Context) -> Result<Vec<Tagged>, Failure> {
    let account = account(cx).await?;
    let pair = |tag: &SdkTag| (tag.key().to_owned(), tag.value().to_owned());
    let tagged =
        |(id, role): (&String, &RoleDetail)| Tagged { id: id.clone(), tags: role.tags().iter().map(pair).collect() };
    Ok(account.roles.iter().map(tagged).collect())
}

/// A principal that was made a moment ago is not yet known everywhere in IAM.
pub(crate) fn principals_may_come<T>(result: Result<T, Failure>) -> Result<T, Failure> {
    result.map_err(|failure| match failure.code.as_str() {
        "MalformedPolicyDocument" if failure.message.contains("Invalid principal") => {
            Failure { kind: FailureKind::NotYet, ..failure }
        }
        _ => failure,
    })
}

/// All roles of the account, with their policies.
pub(crate) struct Account {
    roles: HashMap<String, RoleDetail>,
    listed: HashMap<String, Listed>,
}

/// What only a listing of roles tells.
#[derive(Clone, Default)]
pub(crate) struct Listed {
    pub description: Option<String>,
    pub max_session_duration: Option<i32>,
}

impl Account {
    /// A role by its name; none: it may be too new to be in the listings.
    pub(crate) fn role(&self, name: &str) -> Option<(&RoleDetail, &Listed)> {
        Some((self.roles.get(name)?, self.listed.get(name)?))
    }

    /// A role's inline policy, as IAM encodes it.
    pub(crate) fn role_policy(&self, role: &str, policy: &str) -> Option<&str> {
        let policies = self.roles.get(role)?.role_policy_list();
        policies.iter().find(|found| found.policy_name() == Some(policy))?.policy_document()
    }
}

/// The account, where it is worth a look for this many; none: each is looked at by itself.
pub(crate) async fn account_for(count: usize, cx: &Context) -> Result<Option<Arc<Account>>, Failure> {
    if count <= FEW {
        return Ok(None);
    }
    match account(cx).await {
        Ok(account) => Ok(Some(account)),
        // Whoever may read these roles need not be allowed to list the account's.
        Err(failure) if failure.kind == FailureKind::Denied => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// Two listings, shared by all who ask during a refresh.
async fn account(cx: &Context) -> Result<Arc<Account>, Failure> {
    cx.once("iam:GetAccountAuthorizationDetails", async {
        let (roles, listed) = futures::future::try_join(role_details(cx), listed_roles(cx)).await?;
        Ok(Account { roles, listed })
    })
    .await
}

/// Items a page: the most that IAM takes.
const PAGE: i32 = 1000;

async fn role_details(cx: &Context) -> Result<HashMap<String, RoleDetail>, Failure> {
    let client = cx.client(Client::new);
    let mut roles = HashMap::new();
    let mut marker = None;
    loop {
        let call = client.get_account_authorization_details().filter(EntityType::Role).max_items(PAGE);
        let page = call.set_marker(marker).send().await.aws("iam:GetAccountAuthorizationDetails")?;
        for role in page.role_detail_list.unwrap_or_default() {
            roles.insert(role.role_name.clone().unwrap_or_default(), role);
        }
        marker = page.marker;
        if !page.is_truncated || marker.is_none() {
            return Ok(roles);
        }
    }
}

async fn listed_roles(cx: &Context) -> Result<HashMap<String, Listed>, Failure> {
    let pages = cx.client(Client::new).list_roles().max_items(PAGE).into_paginator();
    let roles = pages.items().send().collect::<Result<Vec<_>, _>>().await.aws("iam:ListRoles")?;
    let listed = |role: aws_sdk_iam::types::Role| {
        let facts = Listed { description: role.description, max_session_duration: role.max_session_duration };
        (role.role_name, facts)
    };
    Ok(roles.into_iter().map(listed).collect())
}
