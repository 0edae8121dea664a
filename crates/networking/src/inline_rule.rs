//! The inline rules of `AWS::EC2::SecurityGroup`:
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-ec2-securitygroup-ingress.html>
//! and `…-egress.html`.

use cloud::Failure;
use serde::{Deserialize, Serialize};

use crate::security_group_rule::{Declared, Peer, Rule};

/// An inline rule for what comes in; exactly one of the four sources.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct Ingress {
    /// Source: an IPv4 range.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cidr_ip: Option<String>,
    /// Source: an IPv6 range.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cidr_ipv6: Option<String>,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The first port, or the ICMP type; none where the protocol is `-1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_port: Option<i64>,
    /// `tcp`, `udp`, `icmp`, `icmpv6`, a protocol number, or `-1` for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_protocol: Option<String>,
    /// Source: a prefix list's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_prefix_list_id: Option<String>,
    /// Source: what is in this security group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_security_group_id: Option<String>,
    /// The source group's account, where it is another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_security_group_owner_id: Option<String>,
    /// The last port, or the ICMP code; none where the protocol is `-1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_port: Option<i64>,
}

/// An inline rule for what goes out; exactly one of the four destinations.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct Egress {
    /// Destination: an IPv4 range.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cidr_ip: Option<String>,
    /// Destination: an IPv6 range.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cidr_ipv6: Option<String>,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Destination: a prefix list's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination_prefix_list_id: Option<String>,
    /// Destination: what is in this security group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination_security_group_id: Option<String>,
    /// The first port, or the ICMP type; none where the protocol is `-1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_port: Option<i64>,
    /// `tcp`, `udp`, `icmp`, `icmpv6`, a protocol number, or `-1` for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_protocol: Option<String>,
    /// The last port, or the ICMP code; none where the protocol is `-1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_port: Option<i64>,
}

impl Egress {
    /// The rule that lets nothing out: to the sender itself. An empty list would leave AWS's rule, which lets out
    /// everything.
    pub fn nowhere() -> Self {
        Self {
            cidr_ip: Some("127.0.0.1/32".to_owned()),
            description: Some("Nothing may go out".to_owned()),
            ip_protocol: Some("-1".to_owned()),
            ..Self::default()
        }
    }

    /// The rule that lets everything out, as AWS's own: for a list that also says more.
    pub fn everywhere() -> Self {
        Self { cidr_ip: Some("0.0.0.0/0".to_owned()), ip_protocol: Some("-1".to_owned()), ..Self::default() }
    }
}

impl Ingress {
    pub(crate) fn rule(&self) -> Result<Rule, Failure> {
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

impl Egress {
    pub(crate) fn rule(&self) -> Result<Rule, Failure> {
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

impl From<Rule> for Ingress {
    fn from(rule: Rule) -> Self {
        let mut ingress = Self {
            description: rule.description,
            from_port: rule.from.map(i64::from),
            ip_protocol: Some(rule.protocol),
            to_port: rule.to.map(i64::from),
            ..Self::default()
        };
        match rule.peer {
            Peer::Ipv4(cidr) => ingress.cidr_ip = Some(cidr),
            Peer::Ipv6(cidr) => ingress.cidr_ipv6 = Some(cidr),
            Peer::PrefixList(id) => ingress.source_prefix_list_id = Some(id),
            Peer::Group(id, owner) => {
                ingress.source_security_group_id = Some(id);
                ingress.source_security_group_owner_id = owner;
            }
        }
        ingress
    }
}

impl From<Rule> for Egress {
    fn from(rule: Rule) -> Self {
        let mut egress = Self {
            description: rule.description,
            from_port: rule.from.map(i64::from),
            ip_protocol: Some(rule.protocol),
            to_port: rule.to.map(i64::from),
            ..Self::default()
        };
        match rule.peer {
            Peer::Ipv4(cidr) => egress.cidr_ip = Some(cidr),
            Peer::Ipv6(cidr) => egress.cidr_ipv6 = Some(cidr),
            Peer::PrefixList(id) => egress.destination_prefix_list_id = Some(id),
            Peer::Group(id, _) => egress.destination_security_group_id = Some(id),
        }
        egress
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inline_rules_have_the_shape_they_are_declared_in() {
        let ingress =
            serde_json::json!({ "IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "SourceSecurityGroupId": "sg-9" });
        let typed: Ingress = serde_json::from_value(ingress.clone()).unwrap();
        assert_eq!(serde_json::to_value(Ingress::from(typed.rule().unwrap())).unwrap(), ingress);
        let egress =
            serde_json::json!({ "IpProtocol": "-1", "CidrIp": "127.0.0.1/32", "Description": "Nothing may go out" });
        assert_eq!(serde_json::to_value(Egress::from(Egress::nowhere().rule().unwrap())).unwrap(), egress);
    }
}
