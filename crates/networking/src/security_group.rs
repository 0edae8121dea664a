//! `AWS::EC2::SecurityGroup`:
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-securitygroup.html>.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{Filter, ResourceType, SecurityGroup as SdkSecurityGroup, SecurityGroupRule};
use cloud::{Absent, Aws, AwsResult, Context, Created, Failure, FailureKind, Live, Resource, Seconds, Tag};
use futures::future::try_join;
use serde::{Deserialize, Serialize};

use crate::ec2::{self, Soon};
pub use crate::inline_rule::{Egress, Ingress};
use crate::security_group_rule::{self as rules, Direction, Rule};
use crate::{in_use, interfaces, references};

/// A firewall around network interfaces.
///
/// `Ref` is the group's id, also attributes `GroupId` and `Id`; attribute `VpcId`. AWS lets everything out of a new
/// group; that goes as soon as `SecurityGroupEgress` says anything (say [`Egress::nowhere`] for nothing at all).
/// Rules of two groups that refer to each other are resources of their own: `AWS::EC2::SecurityGroupIngress`,
/// `…Egress`; they are never taken for inline rules.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct SecurityGroup {
    /// What it is for. It cannot change.
    pub group_description: Option<String>,
    /// Its name, unique in the VPC; made of the address if not given.
    pub group_name: Option<String>,
    /// What may come out of what is in the group.
    pub security_group_egress: Option<Vec<Egress>>,
    /// What may come in to what is in the group.
    pub security_group_ingress: Option<Vec<Ingress>>,
    /// Tags.
    pub tags: Option<Vec<Tag>>,
    /// The VPC's id.
    pub vpc_id: Option<String>,
}

impl Resource for SecurityGroup {
    const TYPE: &'static str = "AWS::EC2::SecurityGroup";

    const SECONDS: Seconds = Seconds { create: 2.0, update: 1.0, delete: 1.0 };

    const UNIQUE_NAME: Option<&'static str> = Some("GroupName");
    const UNIQUE_WITHIN: Option<&'static str> = Some("VpcId");

    /// Rules added by hand are taken out where all that may come in are resources of their own.
    const EMPTY_SAYS: &'static [&'static str] = &["SecurityGroupIngress"];

    async fn create(&self, cx: &Context) -> Result<Created, Failure> {
        let action = "ec2:CreateSecurityGroup";
        let made = cx
            .client(Client::new)
            .create_security_group()
            .group_name(self.group_name.clone().unwrap_or_else(|| name_for(cx)))
            .set_description(self.group_description.clone())
            .set_vpc_id(self.vpc_id.clone())
            .tag_specifications(ec2::tags_for_create(ResourceType::SecurityGroup, &self.tags, cx))
            .send()
            .await
            .aws(action)
            .soon()?;
        let id = made.group_id.ok_or_else(|| Failure::missing(action, "GroupId"))?;
        Ok(created(&id, self.vpc_id.as_deref()))
    }

    async fn sync(&self, id: &str, live: Option<&Self>, cx: &Context) -> Result<(), Failure> {
        let ingress = self.wanted_ingress(live)?;
        let egress = self.wanted_egress(live)?;
        if live.is_none() && self.authorize_anew(id, &ingress, &egress, cx).await? {
            return ec2::sync_tags(id, &self.tags, None, cx).await;
        }
        if ingress.is_some() || egress.is_some() {
            let actual = rules::of_groups(&[id.to_owned()], cx).await?;
            for (direction, wanted) in [(Direction::Ingress, ingress), (Direction::Egress, egress)] {
                if let Some(wanted) = wanted {
                    let changes = Changes::of(&wanted, &inline(&actual, id, direction));
                    rules::authorize(id, direction, &changes.add, None, cx).await?;
                    rules::describe_anew(id, direction, &changes.describe, cx).await?;
                    rules::revoke(id, direction, changes.revoke, cx).await?;
                    if live.is_none() && changes.default_unseen && direction == Direction::Egress {
                        rules::revoke_everything_out(id, cx).await?;
                    }
                }
            }
        }
        ec2::sync_tags(id, &self.tags, live.map(|live| &live.tags), cx).await
    }

    async fn read(ids: &[String], cx: &Context) -> Result<Vec<Option<Live<Self>>>, Failure> {
        let (groups, rules) = try_join(described(ids, cx), rules::of_groups(ids, cx)).await?;
        Ok(ids
            .iter()
            .map(|id| groups.iter().find(|group| group.group_id() == Some(id)).map(|g| live(g, &rules)))
            .collect())
    }

    async fn delete(id: &str, cx: &Context) -> Result<(), Failure> {
        let refused = match delete(id, cx).await {
            Err(failure) if failure.kind == FailureKind::InUse => failure,
            other => return other,
        };
        // What is in the way is looked for only now: mostly nothing is.
        let cleared = try_join(references::clear(id, cx), interfaces::clear("group-id", id, cx)).await;
        // Whoever may delete the group need not be allowed to look.
        let Ok((references, interfaces)) = cleared else { return Err(refused) };
        let blockers = [references, interfaces].concat();
        if blockers.is_empty() { delete(id, cx).await } else { Err(in_use::explained(refused, &blockers)) }
    }

    async fn find(&self, cx: &Context) -> Result<Option<Created>, Failure> {
        let describe = |filters| describe(filters, cx);
        let groups = ec2::made("ec2:DescribeSecurityGroups", cx, describe, SdkSecurityGroup::tags).await?;
        Ok(groups.first().and_then(|group| Some(created(group.group_id()?, group.vpc_id()))))
    }

    fn id_of_arn(arn: &str) -> Option<String> {
        ec2::id_of_arn(arn, "security-group")
    }
}

async fn delete(id: &str, cx: &Context) -> Result<(), Failure> {
    let delete = cx.client(Client::new).delete_security_group().group_id(id);
    delete.send().await.aws("ec2:DeleteSecurityGroup").absent().map(drop)
}

impl SecurityGroup {
    /// Gives a new group its rules without a look at those it has: only AWS's own can be there. False where one is
    /// there already: an earlier try came so far, or it is AWS's own that is wanted.
    async fn authorize_anew(
        &self,
        id: &str,
        ingress: &Option<Vec<Rule>>,
        egress: &Option<Vec<Rule>>,
        cx: &Context,
    ) -> Result<bool, Failure> {
        let default = Rule::everything_out();
        if egress.iter().flatten().any(|rule| rule.lets_through(&default)) {
            return Ok(false);
        }
        for (direction, wanted) in [(Direction::Ingress, ingress), (Direction::Egress, egress)] {
            let Some(wanted) = wanted else { continue };
            let add = Changes::of(wanted, &[]).add;
            match rules::authorize(id, direction, &add, None, cx).await {
                Err(failure) if failure.kind == FailureKind::AlreadyExists => return Ok(false),
                other => other?,
            };
            if direction == Direction::Egress {
                rules::revoke_everything_out(id, cx).await?;
            }
        }
        Ok(true)
    }

    /// The inline rules that must be there, if there is anything to do about them: declared and different, or
    /// declared no more.
    fn wanted_ingress(&self, live: Option<&Self>) -> Result<Option<Vec<Rule>>, Failure> {
        let is = live.and_then(|live| live.security_group_ingress.as_ref());
        match (&self.security_group_ingress, is) {
            (None, None) => Ok(None),
            (None, Some(_)) => Ok(Some(Vec::new())),
            // A new group lets nobody in. What is seen in it are rules of their own, whose tags may not be visible yet.
            (Some(declared), None) if declared.is_empty() => Ok(None),
            (Some(declared), is) => {
                let wanted = declared.iter().map(Ingress::rule).collect::<Result<Vec<_>, _>>()?;
                let is = is.map(|is| is.iter().map(Ingress::rule).collect::<Result<Vec<_>, _>>()).transpose()?;
                Ok((!same(&wanted, is.as_deref())).then_some(wanted))
            }
        }
    }

    fn wanted_egress(&self, live: Option<&Self>) -> Result<Option<Vec<Rule>>, Failure> {
        let is = live.and_then(|live| live.security_group_egress.as_ref());
        match (&self.security_group_egress, is) {
            (None, None) => Ok(None),
            (None, Some(_)) => Ok(Some(vec![Rule::everything_out()])),
            (Some(declared), is) => {
                let wanted = declared.iter().map(Egress::rule).collect::<Result<Vec<_>, _>>()?;
                let is = is.map(|is| is.iter().map(Egress::rule).collect::<Result<Vec<_>, _>>()).transpose()?;
                Ok((!same(&wanted, is.as_deref())).then_some(wanted))
            }
        }
    }
}

fn same(wanted: &[Rule], is: Option<&[Rule]>) -> bool {
    is.is_some_and(|is| wanted.len() == is.len() && wanted.iter().all(|rule| is.contains(rule)))
}

/// What turns the rules that are into the rules that are wanted. New ones come first, so that traffic is never cut
/// between.
#[derive(Debug, Default, PartialEq)]
struct Changes {
    add: Vec<Rule>,
    describe: Vec<Rule>,
    revoke: Vec<String>,
    /// AWS's own rule is not wanted, and not among those seen: in a new group it may still be there.
    default_unseen: bool,
}

impl Changes {
    fn of(wanted: &[Rule], actual: &[(String, Rule)]) -> Self {
        let mut changes = Self::default();
        for rule in wanted {
            match actual.iter().find(|(_, is)| is.lets_through(rule)) {
                None if changes.add.iter().any(|added| added.lets_through(rule)) => {}
                None => changes.add.push(rule.clone()),
                Some((_, is)) if is.description != rule.description => changes.describe.push(rule.clone()),
                Some(_) => {}
            }
        }
        let unwanted = |rule: &Rule| !wanted.iter().any(|wanted| wanted.lets_through(rule));
        changes.revoke = actual.iter().filter(|(_, is)| unwanted(is)).map(|(id, _)| id.clone()).collect();
        let default = Rule::everything_out();
        changes.default_unseen = unwanted(&default) && !actual.iter().any(|(_, is)| is.lets_through(&default));
        changes
    }
}

/// A name for a group that was declared without: unique, as two groups of one address exist while one replaces the
/// other.
fn name_for(cx: &Context) -> String {
    let name = format!("{}-{}-{}", cx.environment, cx.address, cx.token).replace(['/', '.'], "-");
    let short: String = name.chars().take(255).collect();
    short
}

/// The group's own rules in one direction, with their ids.
fn inline(all: &[SecurityGroupRule], group: &str, direction: Direction) -> Vec<(String, Rule)> {
    all.iter()
        .filter(|rule| rule.group_id() == Some(group) && !rules::is_own(rule))
        .filter(|rule| rule.is_egress.unwrap_or_default() == (direction == Direction::Egress))
        .filter_map(|rule| Some((rule.security_group_rule_id.clone()?, Rule::live(rule)?)))
        .collect()
}

fn created(id: &str, vpc: Option<&str>) -> Created {
    let created = Created::new(id).with("GroupId", id).with("Id", id);
    match vpc {
        Some(vpc) => created.with("VpcId", vpc),
        None => created,
    }
}

/// Groups by id; during a refresh one call brings the environment's, for rules too.
pub(crate) async fn described(ids: &[String], cx: &Context) -> Result<Vec<SdkSecurityGroup>, Failure> {
    let has = |group: &SdkSecurityGroup, id: &str| group.group_id() == Some(id);
    ec2::shared("ec2:DescribeSecurityGroups", "group-id", ids, cx, |filters| describe(filters, cx), has).await
}

pub(crate) async fn describe(filters: Vec<Filter>, cx: &Context) -> Result<Vec<SdkSecurityGroup>, Failure> {
    let pages = cx.client(Client::new).describe_security_groups().set_filters(Some(filters)).into_paginator();
    pages.items().send().collect::<Result<Vec<_>, _>>().await.aws("ec2:DescribeSecurityGroups")
}

fn live(group: &SdkSecurityGroup, all: &[SecurityGroupRule]) -> Live<SecurityGroup> {
    let id = group.group_id().unwrap_or_default();
    let ingress: Vec<Ingress> = inline(all, id, Direction::Ingress).into_iter().map(|(_, rule)| rule.into()).collect();
    let egress: Vec<Egress> = inline(all, id, Direction::Egress).into_iter().map(|(_, rule)| rule.into()).collect();
    let mut live = Live::new(SecurityGroup {
        group_description: group.description.clone(),
        group_name: group.group_name.clone(),
        security_group_egress: Some(egress),
        security_group_ingress: Some(ingress),
        tags: ec2::live_tags(group.tags()),
        vpc_id: group.vpc_id.clone(),
    });
    live.attributes = created(id, group.vpc_id()).attributes;
    live
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::Tag as SdkTag;

    use super::*;
    use crate::security_group_rule::Peer;

    fn rule(port: i32, description: Option<&str>) -> Rule {
        Rule {
            protocol: "tcp".into(),
            from: Some(port),
            to: Some(port),
            peer: Peer::Ipv4("10.0.0.0/16".into()),
            description: description.map(str::to_owned),
        }
    }

    #[test]
    fn only_the_difference_is_changed() {
        let actual = [
            ("sgr-1".to_owned(), rule(80, None)),
            ("sgr-2".to_owned(), rule(443, Some("old"))),
            ("sgr-3".to_owned(), rule(22, None)),
        ];
        let wanted = [rule(80, None), rule(443, None), rule(8080, Some("new")), rule(8080, Some("again"))];
        let changes = Changes::of(&wanted, &actual);
        assert_eq!(changes.add, [rule(8080, Some("new"))]);
        assert_eq!(changes.describe, [rule(443, None)]);
        assert_eq!(changes.revoke, ["sgr-3"]);
    }

    #[test]
    fn awss_own_rule_goes_though_it_is_not_seen_yet() {
        let everything = ("sgr-0".to_owned(), Rule::everything_out());
        assert!(Changes::of(&[rule(443, None)], &[]).default_unseen);
        let seen = Changes::of(&[rule(443, None)], &[everything]);
        assert_eq!((seen.default_unseen, seen.revoke), (false, vec!["sgr-0".to_owned()]));
        assert!(!Changes::of(&[Egress::everywhere().rule().unwrap()], &[]).default_unseen);
    }

    #[test]
    fn rules_no_longer_declared_fall_back_to_awss() {
        let live = SecurityGroup {
            security_group_ingress: Some(vec![rule(80, None).into()]),
            security_group_egress: Some(vec![rule(443, None).into()]),
            ..SecurityGroup::default()
        };
        let bare = SecurityGroup::default();
        assert_eq!(bare.wanted_ingress(Some(&live)).unwrap(), Some(Vec::new()));
        assert_eq!(bare.wanted_egress(Some(&live)).unwrap(), Some(vec![Rule::everything_out()]));
        assert_eq!(bare.wanted_egress(None).unwrap(), None);
        assert_eq!(live.wanted_ingress(Some(&live)).unwrap(), None);
        assert_eq!(live.wanted_ingress(None).unwrap(), Some(vec![rule(80, None)]));
        let closed = SecurityGroup { security_group_ingress: Some(Vec::new()), ..bare };
        assert_eq!(closed.wanted_ingress(Some(&live)).unwrap(), Some(Vec::new()));
        assert_eq!(closed.wanted_ingress(None).unwrap(), None);
    }

    #[test]
    fn rules_of_their_own_are_not_inline() {
        let sdk = |id: &str, egress: bool, own: bool| {
            let rule = SecurityGroupRule::builder()
                .security_group_rule_id(id)
                .group_id("sg-1")
                .is_egress(egress)
                .ip_protocol("tcp")
                .from_port(443)
                .to_port(443)
                .cidr_ipv4("10.0.0.0/16");
            let tag = SdkTag::builder().key("groundplan:address").value("networking.rule").build();
            if own { rule.tags(tag).build() } else { rule.build() }
        };
        let all = [sdk("sgr-1", false, false), sdk("sgr-2", true, false), sdk("sgr-3", false, true)];
        let group = SdkSecurityGroup::builder().group_id("sg-1").group_name("web").vpc_id("vpc-1").build();
        let live = live(&group, &all);
        assert_eq!(live.properties.security_group_ingress, Some(vec![rule(443, None).into()]));
        assert_eq!(live.properties.security_group_egress, Some(vec![rule(443, None).into()]));
        assert_eq!(live.attributes["GroupId"], "sg-1");
        assert_eq!(inline(&all, "sg-2", Direction::Ingress), []);
    }
}
