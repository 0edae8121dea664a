//! `AWS::EC2::SecurityGroupIngress`:
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-securitygroupingress.html>.

use aws_sdk_ec2::types::SecurityGroupRule;
use cloud::{Context, Created, Failure, Live, Resource};
use engine::resource::Carried;
use serde::{Deserialize, Serialize};

use crate::security_group_rule::{self as rules, Declared, Direction, Rule};

/// A rule for what comes in to a security group, as a resource of its own; exactly one of the four sources.
///
/// `Ref` is the rule's id (`sgr-…`), also attribute `Id`. Only the description can change in place.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct SecurityGroupIngress {
    /// Source: an IPv4 range.
    pub cidr_ip: Option<String>,
    /// Source: an IPv6 range.
    pub cidr_ipv6: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// The first port, or the ICMP type; none where the protocol is `-1`.
    pub from_port: Option<i64>,
    /// The security group's id.
    pub group_id: Option<String>,
    /// `tcp`, `udp`, `icmp`, `icmpv6`, a protocol number, or `-1` for all.
    pub ip_protocol: Option<String>,
    /// Source: a prefix list's id.
    pub source_prefix_list_id: Option<String>,
    /// Source: what is in this security group.
    pub source_security_group_id: Option<String>,
    /// The source group's account, where it is another.
    pub source_security_group_owner_id: Option<String>,
    /// The last port, or the ICMP code; none where the protocol is `-1`.
    pub to_port: Option<i64>,
}

impl Resource for SecurityGroupIngress {
    const TYPE: &'static str = "AWS::EC2::SecurityGroupIngress";

    async fn create(&self, cx: &Context) -> Result<Created, Failure> {
        rules::create(self.group()?, Direction::Ingress, &self.rule()?, cx).await
    }

    async fn sync(&self, _: &str, live: Option<&Self>, cx: &Context) -> Result<(), Failure> {
        if live.is_none_or(|live| live.description == self.description) {
            return Ok(());
        }
        rules::describe_anew(self.group()?, Direction::Ingress, &[self.rule()?], cx).await
    }

    async fn read(ids: &[String], cx: &Context) -> Result<Vec<Option<Live<Self>>>, Failure> {
        let found = rules::read(ids, cx).await?;
        Ok(found.into_iter().map(|rule| rule.filter(|rule| rule.is_egress != Some(true)).map(live)).collect())
    }

    async fn delete(id: &str, cx: &Context) -> Result<(), Failure> {
        rules::delete(id, Direction::Ingress, cx).await
    }

    async fn find(&self, cx: &Context) -> Result<Option<Created>, Failure> {
        rules::find(Direction::Ingress, cx).await
    }

    async fn of_arn(arn: &str, cx: &Context) -> Result<Option<String>, Failure> {
        rules::of_arn(arn, Direction::Ingress, cx).await
    }

    async fn own(id: &str, cx: &Context) -> Result<(), Failure> {
        rules::own(id, cx).await
    }

    async fn carried(ids: &[String], cx: &Context) -> Result<Vec<Carried>, Failure> {
        rules::carried(ids, cx).await
    }

    async fn alike(&self, cx: &Context) -> Result<Vec<Created>, Failure> {
        rules::alike(self.group()?, Direction::Ingress, &self.rule()?, cx).await
    }
}

impl SecurityGroupIngress {
    fn group(&self) -> Result<&str, Failure> {
        self.group_id.as_deref().ok_or_else(|| Failure::invalid("a security group rule needs a GroupId"))
    }

    fn rule(&self) -> Result<Rule, Failure> {
        Rule::try_from(Declared {
            protocol: &self.ip_protocol,
            from_port: self.from_port,
            to_port: self.to_port,
            cidr_ip: &self.cidr_ip,
            cidr_ipv6: &self.cidr_ipv6,
            prefix_list: &self.source_prefix_list_id,
            group: &self.source_security_group_id,
            owner: &self.source_security_group_owner_id,
            description: &self.description,
        })
    }
}

fn live(rule: SecurityGroupRule) -> Live<SecurityGroupIngress> {
    let source = rule.referenced_group_info;
    let properties = SecurityGroupIngress {
        cidr_ip: rule.cidr_ipv4,
        cidr_ipv6: rule.cidr_ipv6,
        description: rule.description.filter(|text| !text.is_empty()),
        from_port: rule.from_port.map(i64::from),
        group_id: rule.group_id,
        ip_protocol: rule.ip_protocol,
        source_prefix_list_id: rule.prefix_list_id,
        source_security_group_id: source.as_ref().and_then(|source| source.group_id.clone()),
        source_security_group_owner_id: source.and_then(|source| source.user_id),
        to_port: rule.to_port.map(i64::from),
    };
    Live::new(properties).with("Id", rule.security_group_rule_id.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::ReferencedSecurityGroup;

    use super::*;

    #[test]
    fn a_rule_from_a_group_is_read_as_declared() {
        let declared = SecurityGroupIngress {
            description: Some("from the load balancer".into()),
            from_port: Some(3000),
            group_id: Some("sg-1".into()),
            ip_protocol: Some("tcp".into()),
            source_security_group_id: Some("sg-2".into()),
            to_port: Some(3000),
            ..SecurityGroupIngress::default()
        };
        let sdk = SecurityGroupRule::builder()
            .security_group_rule_id("sgr-1")
            .group_id("sg-1")
            .is_egress(false)
            .ip_protocol("tcp")
            .from_port(3000)
            .to_port(3000)
            .description("from the load balancer")
            .referenced_group_info(ReferencedSecurityGroup::builder().group_id("sg-2").user_id("1").build())
            .build();
        let live = live(sdk);
        assert_eq!(live.attributes["Id"], "sgr-1");
        let read = live.properties;
        assert_eq!(read, SecurityGroupIngress { source_security_group_owner_id: Some("1".into()), ..declared.clone() });
        assert_eq!(declared.rule().unwrap().peer, rules::Peer::Group("sg-2".into(), None));
    }
}
