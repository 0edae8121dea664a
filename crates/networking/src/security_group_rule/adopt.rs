//! Rules that were made elsewhere, become resources of their own.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::SecurityGroupRule;
use cloud::{Aws, AwsResult, Context, Created, Failure};
use engine::resource::Carried;

use super::{Direction, Rule, created, is_own, of_groups, ownership, read};

/// Makes a rule that was made elsewhere a resource of its own. Only the ownership tags say so: without them it would be
/// taken for its group's.
pub(crate) async fn own(id: &str, cx: &Context) -> Result<(), Failure> {
    let tags = ownership(cx).tags;
    cx.client(Client::new).create_tags().resources(id).set_tags(tags).send().await.aws("ec2:CreateTags").map(drop)
}

/// The tags of rules, in their order.
pub(crate) async fn carried(ids: &[String], cx: &Context) -> Result<Vec<Carried>, Failure> {
    let found = read(ids, cx).await?;
    let tags = |rule: &SecurityGroupRule| {
        rule.tags().iter().filter_map(|tag| Some((tag.key.clone()?, tag.value.clone()?))).collect()
    };
    Ok(found.iter().map(|rule| rule.as_ref().map(tags).unwrap_or_default()).collect())
}

/// The rules of a group that let through what a declared one does; those that are tagged as another resource's are left
/// out.
pub(crate) async fn alike(
    group: &str,
    direction: Direction,
    wanted: &Rule,
    cx: &Context,
) -> Result<Vec<Created>, Failure> {
    let groups = [group.to_owned()];
    let found = cx.once(&format!("ec2:DescribeSecurityGroupRules/{group}"), of_groups(&groups, cx)).await?;
    let is_it = |rule: &&SecurityGroupRule| {
        let tags = rule.tags().iter().map(|tag| (tag.key().unwrap_or_default(), tag.value().unwrap_or_default()));
        (!is_own(rule) || cx.owns(tags))
            && rule.is_egress.unwrap_or_default() == (direction == Direction::Egress)
            && Rule::live(rule).is_some_and(|rule| rule.lets_through(wanted))
    };
    Ok(found.iter().filter(is_it).filter_map(|rule| rule.security_group_rule_id.clone()).map(created).collect())
}
