//! Rules of other security groups that name one: AWS deletes no group while there are any
//! (<https://docs.aws.amazon.com/vpc/latest/userguide/deleting-security-groups.html>).

use aws_sdk_ec2::types::{SecurityGroup, SecurityGroupRule, Tag as SdkTag};
use cloud::{Context, Failure};
use engine::context::TAG_ENVIRONMENT;
use futures::future::{try_join, try_join_all};

use crate::in_use::Blocker;
use crate::security_group_rule::{self as rules, Direction};
use crate::{ec2, security_group};

/// Takes the rules that name a group out of other groups, where the group or the rule is of this environment; tells of
/// those that are not.
pub(crate) async fn clear(group: &str, cx: &Context) -> Result<Vec<Blocker>, Failure> {
    let named = |filter: &'static str| security_group::describe(ec2::filter(filter, &[group.to_owned()]), cx);
    let (incoming, outgoing) =
        try_join(named("ip-permission.group-id"), named("egress.ip-permission.group-id")).await?;
    let mut referring: Vec<SecurityGroup> = incoming.into_iter().chain(outgoing).collect();
    referring.retain(|other| other.group_id().is_some_and(|id| id != group));
    referring.sort_by(|a, b| a.group_id.cmp(&b.group_id));
    referring.dedup_by(|a, b| a.group_id == b.group_id);
    if referring.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<String> = referring.iter().filter_map(|other| other.group_id.clone()).collect();
    let rules = rules::of_groups(&ids, cx).await?;
    let (ours, foreign) = divided(group, &referring, &rules, cx);
    try_join_all(ours.into_iter().map(|rule| async move {
        let (Some(other), Some(id)) = (rule.group_id(), rule.security_group_rule_id()) else { return Ok(()) };
        rules::revoke(other, direction(rule), vec![id.to_owned()], cx).await
    }))
    .await?;
    Ok(foreign)
}

fn direction(rule: &SecurityGroupRule) -> Direction {
    if rule.is_egress() == Some(true) { Direction::Egress } else { Direction::Ingress }
}

/// The rules that name the group: ours, to be revoked, and others', in words.
fn divided<'a>(
    group: &str,
    referring: &[SecurityGroup],
    rules: &'a [SecurityGroupRule],
    cx: &Context,
) -> (Vec<&'a SecurityGroupRule>, Vec<Blocker>) {
    let names = |rule: &&SecurityGroupRule| {
        rule.group_id() != Some(group) && rule.referenced_group_info().and_then(|info| info.group_id()) == Some(group)
    };
    let of = |rule: &SecurityGroupRule| referring.iter().find(|other| other.group_id() == rule.group_id());
    let is_ours = |rule: &&SecurityGroupRule| {
        is_tagged(rule.tags(), cx) || of(rule).is_some_and(|other| is_tagged(other.tags(), cx))
    };
    let (ours, foreign): (Vec<_>, Vec<_>) = rules.iter().filter(names).partition(is_ours);
    (ours, foreign.into_iter().map(|rule| blocker(rule, of(rule).and_then(SecurityGroup::group_name))).collect())
}

/// Whether tags say that something is of this environment.
pub(crate) fn is_tagged(tags: &[SdkTag], cx: &Context) -> bool {
    tags.iter().any(|tag| tag.key() == Some(TAG_ENVIRONMENT) && tag.value() == Some(&*cx.environment))
}

fn blocker(rule: &SecurityGroupRule, name: Option<&str>) -> Blocker {
    let (group, id) = (rule.group_id().unwrap_or_default(), rule.security_group_rule_id().unwrap_or_default());
    let (way, command) = match direction(rule) {
        Direction::Ingress => ("in", "revoke-security-group-ingress"),
        Direction::Egress => ("out", "revoke-security-group-egress"),
    };
    let protocol = rule.ip_protocol().unwrap_or("-1");
    let ports = match (rule.from_port(), rule.to_port()) {
        _ if protocol == "-1" => "everything".to_owned(),
        (Some(from), Some(to)) if from != to => format!("{protocol} {from}-{to}"),
        (Some(from), _) => format!("{protocol} {from}"),
        _ => protocol.to_owned(),
    };
    let named = name.map(|name| format!(" ({name})")).unwrap_or_default();
    Blocker::staying(
        format!("rule {id} ({ports} {way}) of security group {group}{named}, which is not of this environment"),
        format!("aws ec2 {command} --group-id {group} --security-group-rule-ids {id}"),
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use aws_sdk_ec2::types::ReferencedSecurityGroup;

    use super::*;

    fn context() -> Context {
        Context {
            environment: "arrakis/production".into(),
            region: "us-east-1".into(),
            address: "networking.security-group.db".into(),
            token: "t".into(),
            services: Arc::new(()),
            memo: None,
        }
    }

    fn tag(environment: &str) -> SdkTag {
        SdkTag::builder().key(TAG_ENVIRONMENT).value(environment).build()
    }

    #[test]
    fn rules_of_ours_are_revoked_and_others_are_named() {
        let group = |id: &str, environment: &str| {
            SecurityGroup::builder().group_id(id).group_name(format!("name-{id}")).tags(tag(environment)).build()
        };
        let rule = |id: &str, of: &str, to: &str| {
            let info = ReferencedSecurityGroup::builder().group_id(to).build();
            SecurityGroupRule::builder()
                .security_group_rule_id(id)
                .group_id(of)
                .is_egress(false)
                .ip_protocol("tcp")
                .from_port(5432)
                .to_port(5432)
                .referenced_group_info(info)
        };
        let groups = [group("sg-ours", "arrakis/production"), group("sg-other", "arrakis/staging")];
        let rules = [
            rule("sgr-1", "sg-ours", "sg-db").build(),
            rule("sgr-2", "sg-other", "sg-db").build(),
            rule("sgr-3", "sg-other", "sg-db").tags(tag("arrakis/production")).build(),
            rule("sgr-4", "sg-other", "sg-else").build(),
            rule("sgr-5", "sg-db", "sg-db").build(),
            rule("sgr-6", "sg-other", "sg-db").is_egress(true).ip_protocol("-1").build(),
        ];
        let (ours, foreign) = divided("sg-db", &groups, &rules, &context());
        let ours: Vec<_> = ours.iter().map(|rule| rule.security_group_rule_id().unwrap()).collect();
        assert_eq!(ours, ["sgr-1", "sgr-3"]);
        let is = "which is not of this environment";
        assert_eq!(
            foreign[0].words,
            format!("rule sgr-2 (tcp 5432 in) of security group sg-other (name-sg-other), {is}")
        );
        assert_eq!(
            foreign[0].remedy.as_deref(),
            Some("aws ec2 revoke-security-group-ingress --group-id sg-other --security-group-rule-ids sgr-2")
        );
        assert!(foreign[1].words.contains("sgr-6 (everything out)"));
        assert!(foreign[1].remedy.as_ref().unwrap().contains("revoke-security-group-egress"));
        assert_eq!(foreign.len(), 2);
    }
}
