//! What inline rules of a security group and rules of their own share: one rule, in either direction, and its calls.
//!
//! A rule that is a resource of its own carries the ownership tags; the rules without them are the group's. So both
//! kinds can live in one group without undoing each other.

mod adopt;

use std::collections::HashSet;
use std::sync::Arc;

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{
    Filter, IpPermission, IpRange, Ipv6Range, PrefixListId, ResourceType, SecurityGroupRule, TagSpecification,
    UserIdGroupPair,
};
use cloud::{Absent, Aws, AwsResult, Context, Created, Failure};
use engine::context::{TAG_ADDRESS, TAG_ENVIRONMENT};

use crate::ec2::{self, Soon};
use crate::security_group;

pub(crate) use adopt::{alike, carried, own};

/// The protocol that stands for all of them.
const ALL_PROTOCOLS: &str = "-1";

/// Which way traffic goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Ingress,
    Egress,
}

/// The other end of the traffic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    Ipv4(String),
    Ipv6(String),
    PrefixList(String),
    /// A security group, and the account it is in where that is another.
    Group(String, Option<String>),
}

/// One rule, in the form that its property sets translate into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    pub protocol: String,
    pub from: Option<i32>,
    pub to: Option<i32>,
    pub peer: Peer,
    pub description: Option<String>,
}

/// The properties that a rule is declared with, whichever type it is declared in.
pub(crate) struct Declared<'a> {
    pub protocol: &'a Option<String>,
    pub from_port: Option<i64>,
    pub to_port: Option<i64>,
    pub cidr_ip: &'a Option<String>,
    pub cidr_ipv6: &'a Option<String>,
    pub prefix_list: &'a Option<String>,
    pub group: &'a Option<String>,
    pub owner: &'a Option<String>,
    pub description: &'a Option<String>,
}

impl TryFrom<Declared<'_>> for Rule {
    type Error = Failure;

    fn try_from(declared: Declared<'_>) -> Result<Self, Failure> {
        let group = declared.group.clone().map(|group| Peer::Group(group, declared.owner.clone()));
        let peers = [
            declared.cidr_ip.clone().map(Peer::Ipv4),
            declared.cidr_ipv6.clone().map(Peer::Ipv6),
            declared.prefix_list.clone().map(Peer::PrefixList),
            group,
        ];
        let mut peers: Vec<Peer> = peers.into_iter().flatten().collect();
        let (Some(peer), true) = (peers.pop(), peers.is_empty()) else {
            return Err(Failure::invalid(
                "a security group rule needs exactly one of CidrIp, CidrIpv6, a prefix list id and a security group id",
            ));
        };
        let protocol =
            declared.protocol.clone().ok_or_else(|| Failure::invalid("a security group rule needs an IpProtocol"))?;
        let all = protocol == ALL_PROTOCOLS;
        Ok(Self {
            from: ec2::number(declared.from_port, "FromPort")?.filter(|_| !all),
            to: ec2::number(declared.to_port, "ToPort")?.filter(|_| !all),
            protocol,
            peer,
            description: declared.description.clone(),
        })
    }
}

impl Rule {
    /// What AWS puts into a new group: everything may go out.
    pub fn everything_out() -> Self {
        Self {
            protocol: ALL_PROTOCOLS.to_owned(),
            from: None,
            to: None,
            peer: Peer::Ipv4("0.0.0.0/0".to_owned()),
            description: None,
        }
    }

    /// A rule as read.
    pub fn live(rule: &SecurityGroupRule) -> Option<Self> {
        let ports = rule.ip_protocol() != Some(ALL_PROTOCOLS);
        let group = rule.referenced_group_info().and_then(|group| {
            let owner = group.user_id.clone().filter(|owner| rule.group_owner_id().is_some_and(|own| own != owner));
            Some(Peer::Group(group.group_id.clone()?, owner))
        });
        Some(Self {
            protocol: rule.ip_protocol.clone()?,
            from: rule.from_port.filter(|_| ports),
            to: rule.to_port.filter(|_| ports),
            peer: rule
                .cidr_ipv4
                .clone()
                .map(Peer::Ipv4)
                .or(rule.cidr_ipv6.clone().map(Peer::Ipv6))
                .or(rule.prefix_list_id.clone().map(Peer::PrefixList))
                .or(group)?,
            description: rule.description.clone().filter(|text| !text.is_empty()),
        })
    }

    /// Whether both let the same traffic through: AWS allows each once in a group, whatever its description.
    pub fn lets_through(&self, other: &Self) -> bool {
        let same_peer = match (&self.peer, &other.peer) {
            // The id is unique; the account is named or not.
            (Peer::Group(group, _), Peer::Group(other, _)) => group == other,
            (peer, other) => peer == other,
        };
        same_peer && self.protocol == other.protocol && self.from == other.from && self.to == other.to
    }

    fn permission(&self) -> IpPermission {
        let permission =
            IpPermission::builder().ip_protocol(self.protocol.clone()).set_from_port(self.from).set_to_port(self.to);
        let description = self.description.clone();
        match self.peer.clone() {
            Peer::Ipv4(cidr) => {
                permission.ip_ranges(IpRange::builder().cidr_ip(cidr).set_description(description).build())
            }
            Peer::Ipv6(cidr) => {
                permission.ipv6_ranges(Ipv6Range::builder().cidr_ipv6(cidr).set_description(description).build())
            }
            Peer::PrefixList(id) => permission
                .prefix_list_ids(PrefixListId::builder().prefix_list_id(id).set_description(description).build()),
            Peer::Group(id, owner) => permission.user_id_group_pairs(
                UserIdGroupPair::builder().group_id(id).set_user_id(owner).set_description(description).build(),
            ),
        }
        .build()
    }
}

/// Whether a rule is a resource of its own, and not its group's.
pub(crate) fn is_own(rule: &SecurityGroupRule) -> bool {
    rule.tags().iter().any(|tag| tag.key() == Some(TAG_ADDRESS))
}

/// The tags of a rule that is a resource of its own. CloudFormation gives its type none to declare.
fn ownership(cx: &Context) -> TagSpecification {
    let (operation, token) = cx.operation_tag();
    let tags = [(TAG_ENVIRONMENT, &*cx.environment), (TAG_ADDRESS, cx.address.as_str()), (operation, token)];
    let tags = tags.into_iter().map(|(key, value)| ec2::sdk_tag((key.to_owned(), value.to_owned()))).collect();
    TagSpecification::builder().resource_type(ResourceType::SecurityGroupRule).set_tags(Some(tags)).build()
}

/// Adds rules to a group.
pub(crate) async fn authorize(
    group: &str,
    direction: Direction,
    rules: &[Rule],
    tags: Option<TagSpecification>,
    cx: &Context,
) -> Result<Vec<SecurityGroupRule>, Failure> {
    if rules.is_empty() {
        return Ok(Vec::new());
    }
    let client = cx.client(Client::new);
    let permissions = Some(rules.iter().map(Rule::permission).collect());
    let tags = tags.map(|tags| vec![tags]);
    let made = match direction {
        Direction::Ingress => {
            let call = client.authorize_security_group_ingress().group_id(group).set_ip_permissions(permissions);
            let answer = call.set_tag_specifications(tags).send().await;
            answer.aws("ec2:AuthorizeSecurityGroupIngress").soon()?.security_group_rules
        }
        Direction::Egress => {
            let call = client.authorize_security_group_egress().group_id(group).set_ip_permissions(permissions);
            let answer = call.set_tag_specifications(tags).send().await;
            answer.aws("ec2:AuthorizeSecurityGroupEgress").soon()?.security_group_rules
        }
    };
    Ok(made.unwrap_or_default())
}

/// Adds one rule that is a resource of its own.
pub(crate) async fn create(group: &str, direction: Direction, rule: &Rule, cx: &Context) -> Result<Created, Failure> {
    let made = authorize(group, direction, std::slice::from_ref(rule), Some(ownership(cx)), cx).await?;
    let id = made.into_iter().find_map(|rule| rule.security_group_rule_id);
    id.map(created).ok_or_else(|| Failure::missing("ec2:AuthorizeSecurityGroupIngress", "SecurityGroupRuleId"))
}

fn created(id: String) -> Created {
    Created::new(id.clone()).with("Id", id)
}

/// Changes descriptions, the only thing about a rule that can change; a rule without one loses its description.
pub(crate) async fn describe_anew(
    group: &str,
    direction: Direction,
    rules: &[Rule],
    cx: &Context,
) -> Result<(), Failure> {
    if rules.is_empty() {
        return Ok(());
    }
    let client = cx.client(Client::new);
    let permissions = Some(rules.iter().map(Rule::permission).collect());
    match direction {
        Direction::Ingress => {
            let call = client.update_security_group_rule_descriptions_ingress().group_id(group);
            let answer = call.set_ip_permissions(permissions).send().await;
            answer.aws("ec2:UpdateSecurityGroupRuleDescriptionsIngress").map(drop)
        }
        Direction::Egress => {
            let call = client.update_security_group_rule_descriptions_egress().group_id(group);
            let answer = call.set_ip_permissions(permissions).send().await;
            answer.aws("ec2:UpdateSecurityGroupRuleDescriptionsEgress").map(drop)
        }
    }
}

/// Takes rules out of a group by their ids.
pub(crate) async fn revoke(group: &str, direction: Direction, ids: Vec<String>, cx: &Context) -> Result<(), Failure> {
    if ids.is_empty() {
        return Ok(());
    }
    let client = cx.client(Client::new);
    match direction {
        Direction::Ingress => {
            let call = client.revoke_security_group_ingress().group_id(group).set_security_group_rule_ids(Some(ids));
            call.send().await.aws("ec2:RevokeSecurityGroupIngress").absent().map(drop)
        }
        Direction::Egress => {
            let call = client.revoke_security_group_egress().group_id(group).set_security_group_rule_ids(Some(ids));
            call.send().await.aws("ec2:RevokeSecurityGroupEgress").absent().map(drop)
        }
    }
}

/// Takes out what AWS put into a new group, by its content: its id may not be visible yet.
pub(crate) async fn revoke_everything_out(group: &str, cx: &Context) -> Result<(), Failure> {
    let call = cx.client(Client::new).revoke_security_group_egress().group_id(group);
    let answer = call.ip_permissions(Rule::everything_out().permission()).send().await;
    answer.aws("ec2:RevokeSecurityGroupEgress").absent().map(drop)
}

/// Takes out one rule that is a resource of its own.
pub(crate) async fn delete(id: &str, direction: Direction, cx: &Context) -> Result<(), Failure> {
    let found = describe(ec2::filter("security-group-rule-id", &[id.to_owned()]), cx).await?;
    match found.into_iter().find_map(|rule| rule.group_id) {
        Some(group) => revoke(&group, direction, vec![id.to_owned()], cx).await,
        None => Ok(()),
    }
}

/// Rules that are resources of their own, by id: one call for both directions in a refresh.
pub(crate) async fn read(ids: &[String], cx: &Context) -> Result<Vec<Option<SecurityGroupRule>>, Failure> {
    let has = |rule: &SecurityGroupRule, id: &str| rule.security_group_rule_id() == Some(id);
    let environment = of_environment(cx).await?;
    let mut found: Vec<SecurityGroupRule> =
        environment.rules.iter().filter(|rule| ids.iter().any(|id| has(rule, id))).cloned().collect();
    // Of another's group, or too new.
    let missing: Vec<String> = ids.iter().filter(|id| !found.iter().any(|rule| has(rule, id))).cloned().collect();
    found.extend(ec2::described("security-group-rule-id", &missing, |filters| describe(filters, cx)).await?);
    Ok(ids.iter().map(|id| found.iter().find(|rule| has(rule, id)).cloned()).collect())
}

/// The rule that this operation made, if it did; without a token, the one of this address.
pub(crate) async fn find(direction: Direction, cx: &Context) -> Result<Option<Created>, Failure> {
    let key = "ec2:DescribeSecurityGroupRules by tag";
    let found = ec2::made(key, cx, |filters| describe(filters, cx), SecurityGroupRule::tags).await?;
    let ours = found.into_iter().find(|rule| is_of(direction, rule));
    Ok(ours.and_then(|rule| rule.security_group_rule_id).map(created))
}

/// The rule that an ARN names, if it is of this direction: the ARN does not tell which.
pub(crate) async fn of_arn(arn: &str, direction: Direction, cx: &Context) -> Result<Option<String>, Failure> {
    let Some(id) = ec2::id_of_arn(arn, "security-group-rule") else { return Ok(None) };
    let describe_it = describe(ec2::filter("security-group-rule-id", std::slice::from_ref(&id)), cx);
    let found = cx.once(&format!("ec2:DescribeSecurityGroupRules {id}"), describe_it).await?;
    Ok(found.iter().any(|rule| is_of(direction, rule)).then_some(id))
}

fn is_of(direction: Direction, rule: &SecurityGroupRule) -> bool {
    rule.is_egress().is_none_or(|egress| egress == (direction == Direction::Egress))
}

/// All rules of groups, of both kinds and directions.
pub(crate) async fn of_groups(groups: &[String], cx: &Context) -> Result<Vec<SecurityGroupRule>, Failure> {
    let environment = of_environment(cx).await?;
    let is_known = |group: &String| environment.groups.contains(group);
    let unknown: Vec<String> = groups.iter().filter(|group| !is_known(group)).cloned().collect();
    let of = |rule: &&SecurityGroupRule| groups.iter().any(|group| rule.group_id() == Some(group));
    let mut rules: Vec<SecurityGroupRule> = environment.rules.iter().filter(of).cloned().collect();
    rules.extend(ec2::described("group-id", &unknown, |filters| describe(filters, cx)).await?);
    Ok(rules)
}

/// The environment's groups, and all rules in them.
#[derive(Default)]
struct OfEnvironment {
    groups: HashSet<String>,
    rules: Vec<SecurityGroupRule>,
}

/// What groups and rules of both directions are read from during a refresh: one call for all. Nothing outside of one.
async fn of_environment(cx: &Context) -> Result<Arc<OfEnvironment>, Failure> {
    if cx.memo.is_none() {
        return Ok(Arc::default());
    }
    cx.once("ec2:DescribeSecurityGroupRules", async {
        let groups = security_group::described(&[], cx).await?;
        let ids: Vec<String> = groups.into_iter().filter_map(|group| group.group_id).collect();
        let rules = ec2::described("group-id", &ids, |filters| describe(filters, cx)).await?;
        Ok(OfEnvironment { groups: ids.into_iter().collect(), rules })
    })
    .await
}

async fn describe(filters: Vec<Filter>, cx: &Context) -> Result<Vec<SecurityGroupRule>, Failure> {
    let pages = cx.client(Client::new).describe_security_group_rules().set_filters(Some(filters)).into_paginator();
    pages.items().send().collect::<Result<Vec<_>, _>>().await.aws("ec2:DescribeSecurityGroupRules")
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::ReferencedSecurityGroup;

    use super::*;

    const NONE: Option<String> = None;

    fn declared<'a>(protocol: &'a Option<String>, cidr: &'a Option<String>, group: &'a Option<String>) -> Declared<'a> {
        Declared {
            protocol,
            from_port: Some(443),
            to_port: Some(443),
            cidr_ip: cidr,
            cidr_ipv6: &NONE,
            prefix_list: &NONE,
            group,
            owner: &NONE,
            description: &NONE,
        }
    }

    #[test]
    fn a_rule_has_exactly_one_peer() {
        let (tcp, cidr, group) = (Some("tcp".to_owned()), Some("10.0.0.0/16".to_owned()), Some("sg-1".to_owned()));
        let rule = Rule::try_from(declared(&tcp, &cidr, &NONE)).unwrap();
        assert_eq!((rule.from, rule.peer), (Some(443), Peer::Ipv4("10.0.0.0/16".into())));
        let rule = Rule::try_from(declared(&tcp, &NONE, &group)).unwrap();
        assert_eq!(rule.peer, Peer::Group("sg-1".into(), None));
        for (cidr, group) in [(&cidr, &group), (&NONE, &NONE)] {
            assert!(Rule::try_from(declared(&tcp, cidr, group)).unwrap_err().message.contains("exactly one"));
        }
        assert!(Rule::try_from(declared(&NONE, &cidr, &NONE)).is_err());
    }

    #[test]
    fn all_protocols_have_no_ports() {
        let (all, cidr) = (Some("-1".to_owned()), Some("0.0.0.0/0".to_owned()));
        assert_eq!(Rule::try_from(declared(&all, &cidr, &NONE)).unwrap(), Rule::everything_out());
        let live = SecurityGroupRule::builder()
            .ip_protocol("-1")
            .from_port(-1)
            .to_port(-1)
            .cidr_ipv4("0.0.0.0/0")
            .description("")
            .build();
        assert_eq!(Rule::live(&live), Some(Rule::everything_out()));
    }

    #[test]
    fn an_owner_is_named_where_it_is_another() {
        let own = Some("111111111111");
        for (own, owner, expected) in
            [(own, "111111111111", None), (own, "222222222222", Some("222222222222")), (None, "111111111111", None)]
        {
            let group = ReferencedSecurityGroup::builder().group_id("sg-2").user_id(owner).build();
            let live = SecurityGroupRule::builder()
                .ip_protocol("tcp")
                .from_port(5432)
                .to_port(5432)
                .set_group_owner_id(own.map(str::to_owned))
                .referenced_group_info(group)
                .build();
            let peer = Rule::live(&live).unwrap().peer;
            assert_eq!(peer, Peer::Group("sg-2".into(), expected.map(str::to_owned)));
        }
    }

    #[test]
    fn a_description_does_not_make_another_rule() {
        let plain = Rule::everything_out();
        let described = Rule { description: Some("all".into()), ..plain.clone() };
        assert!(plain.lets_through(&described));
        assert_ne!(plain, described);
        assert!(!plain.lets_through(&Rule { protocol: "tcp".into(), ..plain.clone() }));
        let group =
            |owner: Option<&str>| Rule { peer: Peer::Group("sg-1".into(), owner.map(str::to_owned)), ..plain.clone() };
        assert!(group(None).lets_through(&group(Some("111111111111"))));
        assert!(!group(None).lets_through(&plain));
    }

    #[test]
    fn a_permission_says_all_of_a_rule() {
        let rule = Rule {
            protocol: "tcp".into(),
            from: Some(80),
            to: Some(81),
            peer: Peer::Group("sg-1".into(), None),
            description: Some("web".into()),
        };
        let permission = rule.permission();
        let pair = &permission.user_id_group_pairs()[0];
        assert_eq!((permission.from_port(), permission.to_port()), (Some(80), Some(81)));
        assert_eq!((pair.group_id(), pair.description()), (Some("sg-1"), Some("web")));
    }
}
