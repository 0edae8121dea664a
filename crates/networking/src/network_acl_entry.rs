//! `AWS::EC2::NetworkAclEntry`:
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-networkaclentry.html>.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{
    IcmpTypeCode, NetworkAcl as SdkNetworkAcl, NetworkAclEntry as SdkEntry, PortRange as SdkPortRange, RuleAction,
};
use cloud::{Absent, Aws, AwsResult, Context, Created, Failure, Live, Resource};
use serde::{Deserialize, Serialize};

use crate::ec2::{self, Soon};
use crate::network_acl;

/// One numbered rule of a network ACL. The first that fits, by number, decides.
///
/// The id is `<network ACL id>|<rule number>|ingress` or `…|egress`, which is what identifies it (`Ref` in
/// CloudFormation is an opaque text); also attribute `Id`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct NetworkAclEntry {
    /// The IPv4 range.
    pub cidr_block: Option<String>,
    /// Whether it is about what goes out; `false` by default.
    pub egress: Option<bool>,
    /// The ICMP messages; required where the protocol is 1 or 58.
    pub icmp: Option<Icmp>,
    /// The IPv6 range.
    pub ipv6_cidr_block: Option<String>,
    /// The ACL's id.
    pub network_acl_id: Option<String>,
    /// The ports; required where the protocol is 6 (TCP) or 17 (UDP).
    pub port_range: Option<PortRange>,
    /// The protocol's number; -1 for all.
    pub protocol: Option<i64>,
    /// `allow` or `deny`.
    pub rule_action: Option<String>,
    /// Its place in the order, 1 to 32766.
    pub rule_number: Option<i64>,
}

/// ICMP messages.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct Icmp {
    /// The code; -1 for all.
    pub code: Option<i64>,
    /// The type; -1 for all.
    pub r#type: Option<i64>,
}

/// Ports.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct PortRange {
    /// The first.
    pub from: Option<i64>,
    /// The last.
    pub to: Option<i64>,
}

impl Resource for NetworkAclEntry {
    const TYPE: &'static str = "AWS::EC2::NetworkAclEntry";

    fn id(&self) -> Option<String> {
        let way = if self.egress.unwrap_or_default() { "egress" } else { "ingress" };
        Some(format!("{}|{}|{way}", self.network_acl_id.as_deref()?, self.rule_number?))
    }

    async fn create(&self, cx: &Context) -> Result<Created, Failure> {
        let id =
            self.id().ok_or_else(|| Failure::invalid("a network ACL entry needs a NetworkAclId and a RuleNumber"))?;
        let create = cx
            .client(Client::new)
            .create_network_acl_entry()
            .set_network_acl_id(self.network_acl_id.clone())
            .set_rule_number(ec2::number(self.rule_number, "RuleNumber")?)
            .egress(self.egress.unwrap_or_default())
            .set_protocol(self.protocol.map(|protocol| protocol.to_string()))
            .set_rule_action(self.rule_action.as_deref().map(RuleAction::from))
            .set_cidr_block(self.cidr_block.clone())
            .set_ipv6_cidr_block(self.ipv6_cidr_block.clone())
            .set_port_range(self.ports()?)
            .set_icmp_type_code(self.messages()?);
        create.send().await.aws("ec2:CreateNetworkAclEntry").soon()?;
        Ok(created(id))
    }

    async fn sync(&self, _: &str, live: Option<&Self>, cx: &Context) -> Result<(), Failure> {
        if live.is_none_or(|live| self.says(live)) {
            return Ok(());
        }
        let replace = cx
            .client(Client::new)
            .replace_network_acl_entry()
            .set_network_acl_id(self.network_acl_id.clone())
            .set_rule_number(ec2::number(self.rule_number, "RuleNumber")?)
            .egress(self.egress.unwrap_or_default())
            .set_protocol(self.protocol.map(|protocol| protocol.to_string()))
            .set_rule_action(self.rule_action.as_deref().map(RuleAction::from))
            .set_cidr_block(self.cidr_block.clone())
            .set_ipv6_cidr_block(self.ipv6_cidr_block.clone())
            .set_port_range(self.ports()?)
            .set_icmp_type_code(self.messages()?);
        replace.send().await.aws("ec2:ReplaceNetworkAclEntry").map(drop)
    }

    async fn read(ids: &[String], cx: &Context) -> Result<Vec<Option<Live<Self>>>, Failure> {
        let parts = ids.iter().map(|id| Place::parse(id)).collect::<Result<Vec<_>, _>>()?;
        let found = network_acl::all(cx).await?;
        let entry = |place: &Place<'_>| {
            let acl = found.iter().find(|acl| acl.network_acl_id() == Some(place.acl))?;
            live(acl, place)
        };
        Ok(parts.iter().map(entry).collect())
    }

    async fn delete(id: &str, cx: &Context) -> Result<(), Failure> {
        let place = Place::parse(id)?;
        let delete = cx.client(Client::new).delete_network_acl_entry().network_acl_id(place.acl);
        let answer = delete.rule_number(place.number).egress(place.egress).send().await;
        answer.aws("ec2:DeleteNetworkAclEntry").absent().map(drop)
    }

    /// An entry carries no tag: it is this one if it says the same. When nobody knows any more who made it, it is the one
    /// of this number.
    async fn find(&self, cx: &Context) -> Result<Option<Created>, Failure> {
        let Some(id) = self.id() else { return Ok(None) };
        let live = Self::read(std::slice::from_ref(&id), cx).await?.into_iter().next().flatten();
        Ok(live.filter(|live| cx.token.is_empty() || self.says(&live.properties)).map(|_| created(id)))
    }
}

impl NetworkAclEntry {
    /// Whether the live entry lets through what the declared one does. AWS names ports that were not declared.
    fn says(&self, live: &Self) -> bool {
        let ranges = self.cidr_block == live.cidr_block && self.ipv6_cidr_block == live.ipv6_cidr_block;
        ranges
            && self.protocol == live.protocol
            && self.rule_action == live.rule_action
            && (self.port_range.is_none() || self.port_range == live.port_range)
            && (self.icmp.is_none() || self.icmp == live.icmp)
    }

    fn ports(&self) -> Result<Option<SdkPortRange>, Failure> {
        let Some(ports) = &self.port_range else { return Ok(None) };
        let (from, to) = (ec2::number(ports.from, "PortRange.From")?, ec2::number(ports.to, "PortRange.To")?);
        Ok(Some(SdkPortRange::builder().set_from(from).set_to(to).build()))
    }

    fn messages(&self) -> Result<Option<IcmpTypeCode>, Failure> {
        let Some(icmp) = &self.icmp else { return Ok(None) };
        let (kind, code) = (ec2::number(icmp.r#type, "Icmp.Type")?, ec2::number(icmp.code, "Icmp.Code")?);
        Ok(Some(IcmpTypeCode::builder().set_type(kind).set_code(code).build()))
    }
}

/// What identifies an entry.
#[derive(Debug, PartialEq)]
struct Place<'a> {
    acl: &'a str,
    number: i32,
    egress: bool,
}

impl<'a> Place<'a> {
    fn parse(id: &'a str) -> Result<Self, Failure> {
        let mut parts = id.split('|');
        let place = (parts.next(), parts.next().and_then(|number| number.parse().ok()), parts.next(), parts.next());
        match place {
            (Some(acl), Some(number), Some(way @ ("ingress" | "egress")), None) => {
                Ok(Self { acl, number, egress: way == "egress" })
            }
            _ => Err(Failure::invalid(format!("`{id}` is not the id of a network ACL entry: `acl-…|100|ingress`"))),
        }
    }
}

fn created(id: String) -> Created {
    Created::new(id.clone()).with("Id", id)
}

fn live(acl: &SdkNetworkAcl, place: &Place<'_>) -> Option<Live<NetworkAclEntry>> {
    let is_it = |entry: &&SdkEntry| {
        entry.rule_number() == Some(place.number) && entry.egress().unwrap_or_default() == place.egress
    };
    let entry = acl.entries().iter().find(is_it)?;
    let properties = NetworkAclEntry {
        cidr_block: entry.cidr_block.clone(),
        egress: Some(place.egress),
        icmp: entry
            .icmp_type_code()
            .map(|icmp| Icmp { code: icmp.code.map(i64::from), r#type: icmp.r#type.map(i64::from) }),
        ipv6_cidr_block: entry.ipv6_cidr_block.clone(),
        network_acl_id: acl.network_acl_id.clone(),
        port_range: entry
            .port_range()
            .map(|ports| PortRange { from: ports.from.map(i64::from), to: ports.to.map(i64::from) }),
        protocol: entry.protocol().and_then(|protocol| protocol.parse().ok()),
        rule_action: entry.rule_action.as_ref().map(ToString::to_string),
        rule_number: Some(i64::from(place.number)),
    };
    let id = properties.id()?;
    Some(Live::new(properties).with("Id", id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> NetworkAclEntry {
        NetworkAclEntry {
            cidr_block: Some("0.0.0.0/0".into()),
            egress: Some(true),
            network_acl_id: Some("acl-1".into()),
            port_range: Some(PortRange { from: Some(443), to: Some(443) }),
            protocol: Some(6),
            rule_action: Some("allow".into()),
            rule_number: Some(100),
            ..NetworkAclEntry::default()
        }
    }

    #[test]
    fn the_id_is_acl_number_and_way() {
        assert_eq!(entry().id().as_deref(), Some("acl-1|100|egress"));
        assert_eq!(NetworkAclEntry { egress: None, ..entry() }.id().as_deref(), Some("acl-1|100|ingress"));
        assert_eq!(Place::parse("acl-1|100|egress").unwrap(), Place { acl: "acl-1", number: 100, egress: true });
        for bad in ["acl-1", "acl-1|x|egress", "acl-1|100|out", "acl-1|100|egress|"] {
            assert!(Place::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_entry_is_read_as_declared() {
        let sdk = |egress: bool, action: RuleAction| {
            SdkEntry::builder()
                .rule_number(100)
                .egress(egress)
                .protocol("6")
                .rule_action(action)
                .cidr_block("0.0.0.0/0")
                .port_range(SdkPortRange::builder().from(443).to(443).build())
                .build()
        };
        let acl = SdkNetworkAcl::builder()
            .network_acl_id("acl-1")
            .entries(sdk(false, RuleAction::Deny))
            .entries(sdk(true, RuleAction::Allow))
            .build();
        let read = live(&acl, &Place::parse("acl-1|100|egress").unwrap()).unwrap();
        assert_eq!(read.properties, entry());
        assert!(entry().says(&read.properties));
        let other = live(&acl, &Place::parse("acl-1|100|ingress").unwrap()).unwrap();
        assert!(!entry().says(&other.properties));
        assert!(live(&acl, &Place::parse("acl-1|200|egress").unwrap()).is_none());
    }

    #[test]
    fn properties_are_spelled_as_cloudformations() {
        let icmp = serde_json::to_value(Icmp { code: Some(-1), r#type: Some(8) }).unwrap();
        assert_eq!(icmp, serde_json::json!({ "Code": -1, "Type": 8 }));
    }
}
