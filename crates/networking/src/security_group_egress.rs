//! `AWS::EC2::SecurityGroupEgress`:
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-securitygroupegress.html>.

use aws_sdk_ec2::types::SecurityGroupRule;
use cloud::{Context, Created, Failure, Live, Resource};
use engine::resource::Carried;
use serde::{Deserialize, Serialize};

use crate::security_group_rule::{self as rules, Declared, Direction, Rule};

/// A rule for what goes out of a security group, as a resource of its own; exactly one of the four destinations.
///
/// `Ref` is the rule's id (`sgr-…`), also attribute `Id`. Only the description can change in place. It does not take
/// away AWS's rule that lets everything out of the group: the group's own `SecurityGroupEgress` does.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct SecurityGroupEgress {
    /// Destination: an IPv4 range.
    pub cidr_ip: Option<String>,
    /// Destination: an IPv6 range.
    pub cidr_ipv6: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// Destination: a prefix list's id.
    pub destination_prefix_list_id: Option<String>,
    /// Destination: what is in this security group.
    pub destination_security_group_id: Option<String>,
    /// The first port, or the ICMP type; none where the protocol is `-1`.
    pub from_port: Option<i64>,
    /// The security group's id.
    pub group_id: Option<String>,
    /// `tcp`, `udp`, `icmp`, `icmpv6`, a protocol number, or `-1` for all.
    pub ip_protocol: Option<String>,
    /// The last port, or the ICMP code; none where the protocol is `-1`.
    pub to_port: Option<i64>,
}

impl Resource for SecurityGroupEgress {
    const TYPE: &'static str = "AWS::EC2::SecurityGroupEgress";

    async fn create(&self, cx: &Context) -> Result<Created, Failure> {
        rules::create(self.group()?, Direction::Egress, &self.rule()?, cx).await
    }

    async fn sync(&self, _: &str, live: Option<&Self>, cx: &Context) -> Result<(), Failure> {
        if live.is_none_or(|live| live.description == self.description) {
            return Ok(());
        }
        rules::describe_anew(self.group()?, Direction::Egress, &[self.rule()?], cx).await
    }

    async fn read(ids: &[String], cx: &Context) -> Result<Vec<Option<Live<Self>>>, Failure> {
        let found = rules::read(ids, cx).await?;
        Ok(found.into_iter().map(|rule| rule.filter(|rule| rule.is_egress != Some(false)).map(live)).collect())
    }

    async fn delete(id: &str, cx: &Context) -> Result<(), Failure> {
        rules::delete(id, Direction::Egress, cx).await
    }

    async fn find(&self, cx: &Context) -> Result<Option<Created>, Failure> {
        rules::find(Direction::Egress, cx).await
    }

    async fn of_arn(arn: &str, cx: &Context) -> Result<Option<String>, Failure> {
        rules::of_arn(arn, Direction::Egress, cx).await
    }

    async fn own(id: &str, cx: &Context) -> Result<(), Failure> {
        rules::own(id, cx).await
    }

    async fn carried(ids: &[String], cx: &Context) -> Result<Vec<Carried>, Failure> {
        rules::carried(ids, cx).await
    }

    async fn alike(&self, cx: &Context) -> Result<Vec<Created>, Failure> {
        rules::alike(self.group()?, Direction::Egress, &self.rule()?, cx).await
    }
}

impl SecurityGroupEgress {
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
            prefix_list: &self.destination_prefix_list_id,
            group: &self.destination_security_group_id,
            owner: &None,
            description: &self.description,
        })
    }
}

fn live(rule: SecurityGroupRule) -> Live<SecurityGroupEgress> {
    let properties = SecurityGroupEgress {
        cidr_ip: rule.cidr_ipv4,
        cidr_ipv6: rule.cidr_ipv6,
        description: rule.description.filter(|text| !text.is_empty()),
        destination_prefix_list_id: rule.prefix_list_id,
        destination_security_group_id: rule.referenced_group_info.and_then(|group| group.group_id),
        from_port: rule.from_port.map(i64::from),
        group_id: rule.group_id,
        ip_protocol: rule.ip_protocol,
        to_port: rule.to_port.map(i64::from),
    };
    Live::new(properties).with("Id", rule.security_group_rule_id.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_to_a_range_is_read_as_declared() {
        let declared = SecurityGroupEgress {
            cidr_ip: Some("0.0.0.0/0".into()),
            from_port: Some(443),
            group_id: Some("sg-1".into()),
            ip_protocol: Some("tcp".into()),
            to_port: Some(443),
            ..SecurityGroupEgress::default()
        };
        let sdk = SecurityGroupRule::builder()
            .security_group_rule_id("sgr-1")
            .group_id("sg-1")
            .is_egress(true)
            .ip_protocol("tcp")
            .from_port(443)
            .to_port(443)
            .cidr_ipv4("0.0.0.0/0")
            .description("")
            .build();
        assert_eq!(live(sdk).properties, declared);
        assert!(declared.rule().is_ok());
    }
}
