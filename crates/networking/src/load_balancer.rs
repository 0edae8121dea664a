//! `AWS::ElasticLoadBalancingV2::LoadBalancer`:
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-elasticloadbalancingv2-loadbalancer.html>.

use aws_sdk_elasticloadbalancingv2::Client;
use aws_sdk_elasticloadbalancingv2::types::{
    IpAddressType, LoadBalancer as SdkLoadBalancer, LoadBalancerAttribute, LoadBalancerSchemeEnum,
    LoadBalancerStateEnum, LoadBalancerTypeEnum, SubnetMapping as SdkSubnetMapping,
};
use cloud::{
    Absent, Aws, AwsResult, Charge, Context, Created, Failure, Live, Pricing, Quantity, Readiness, Resource, Seconds,
    Tag,
};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use crate::ec2::Soon;
use crate::elb::{self, Attribute};

/// An application, network or gateway load balancer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct LoadBalancer {
    /// The name, unique per region, at most 32 characters. None: made up.
    pub name: Option<String>,
    /// `application` (the default), `network` or `gateway`.
    #[serde(rename = "Type")]
    pub kind: Option<String>,
    /// `internet-facing` (the default) or `internal`.
    pub scheme: Option<String>,
    /// `ipv4` (the default), `dualstack` or `dualstack-without-public-ipv4`.
    pub ip_address_type: Option<String>,
    /// The subnets, at least two zones for an application load balancer.
    pub subnets: Option<Vec<String>>,
    /// The subnets with addresses of one's own, instead of `subnets`.
    pub subnet_mappings: Option<Vec<SubnetMapping>>,
    /// The security groups.
    pub security_groups: Option<Vec<String>>,
    /// Whether security groups filter what comes through PrivateLink: `on` or `off` (network load balancers).
    pub enforce_security_group_inbound_rules_on_private_link_traffic: Option<String>,
    /// Settings by key: idle timeout, access logs, deletion protection, ….
    pub load_balancer_attributes: Option<Vec<Attribute>>,
    /// Tags.
    pub tags: Option<Vec<Tag>>,
}

/// A subnet with the addresses the load balancer has in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct SubnetMapping {
    /// The subnet.
    pub subnet_id: Option<String>,
    /// The allocation of an Elastic IP address (internet-facing network load balancers).
    pub allocation_id: Option<String>,
    /// A private address (internal network load balancers).
    #[serde(rename = "PrivateIPv4Address")]
    pub private_ipv4_address: Option<String>,
    /// An IPv6 address.
    #[serde(rename = "IPv6Address")]
    pub ipv6_address: Option<String>,
}

const PROTECTION: &str = "deletion_protection.enabled";

/// What a new load balancer has, from the API reference of `LoadBalancerAttribute`.
const FIRST_ATTRIBUTES: &[(&str, &str)] = &[
    ("access_logs.s3.enabled", "false"),
    ("access_logs.s3.bucket", ""),
    ("access_logs.s3.prefix", ""),
    ("client_keep_alive.seconds", "3600"),
    ("connection_logs.s3.enabled", "false"),
    ("connection_logs.s3.bucket", ""),
    ("connection_logs.s3.prefix", ""),
    (PROTECTION, "false"),
    ("dns_record.client_routing_policy", "any_availability_zone"),
    ("idle_timeout.timeout_seconds", "60"),
    ("ipv6.deny_all_igw_traffic", "false"),
    ("routing.http.desync_mitigation_mode", "defensive"),
    ("routing.http.drop_invalid_header_fields.enabled", "false"),
    ("routing.http.preserve_host_header.enabled", "false"),
    ("routing.http.x_amzn_tls_version_and_cipher_suite.enabled", "false"),
    ("routing.http.xff_client_port.enabled", "false"),
    ("routing.http.xff_header_processing.mode", "append"),
    ("routing.http2.enabled", "true"),
    ("waf.fail_open.enabled", "false"),
    ("zonal_shift.config.enabled", "false"),
];

impl Resource for LoadBalancer {
    const TYPE: &'static str = "AWS::ElasticLoadBalancingV2::LoadBalancer";
    const SECONDS: Seconds = Seconds { create: 150.0, update: 5.0, delete: 5.0 };
    const UNIQUE_NAME: Option<&'static str> = Some("Name");
    const MOVES_WITH: &'static [(&'static str, &'static str)] =
        &[("Subnets", "VpcId"), ("SubnetMappings", "VpcId"), ("SecurityGroups", "VpcId")];

    async fn create(&self, cx: &Context) -> Result<Created, Failure> {
        let action = "elasticloadbalancing:CreateLoadBalancer";
        let mappings = self.subnet_mappings.as_ref().map(|list| list.iter().map(sdk_mapping).collect());
        let made = cx
            .client(Client::new)
            .create_load_balancer()
            .name(elb::name(&self.name, &self.tags, cx))
            .set_type(self.kind.as_deref().map(LoadBalancerTypeEnum::from))
            .set_scheme(self.scheme.as_deref().map(LoadBalancerSchemeEnum::from))
            .set_ip_address_type(self.ip_address_type.as_deref().map(IpAddressType::from))
            .set_subnets(self.subnets.clone())
            .set_subnet_mappings(mappings)
            .set_security_groups(self.security_groups.clone())
            .set_tags(elb::tags_for_create(&self.tags, cx))
            .send()
            .await
            .aws(action)
            .soon()?;
        let made = made.load_balancers.unwrap_or_default();
        made.first().and_then(created).ok_or_else(|| Failure::missing(action, "LoadBalancerArn"))
    }

    async fn sync(&self, id: &str, live: Option<&Self>, cx: &Context) -> Result<(), Failure> {
        let client = cx.client(Client::new);
        let attributes = elb::attribute_changes(
            &self.load_balancer_attributes,
            live.map(|live| &live.load_balancer_attributes),
            FIRST_ATTRIBUTES,
        );
        if !attributes.is_empty() {
            let sdk = |one: Attribute| LoadBalancerAttribute::builder().set_key(one.key).set_value(one.value).build();
            client
                .modify_load_balancer_attributes()
                .load_balancer_arn(id)
                .set_attributes(Some(attributes.into_iter().map(sdk).collect()))
                .send()
                .await
                .aws("elasticloadbalancing:ModifyLoadBalancerAttributes")?;
        }
        self.sync_security_groups(id, live, cx).await?;
        let Some(live) = live else { return Ok(()) };
        let subnets = self.subnets.as_ref().filter(|subnets| !same_set(subnets, &live.subnets));
        let moved = |ours: &&Vec<SubnetMapping>| !mappings_hold(ours, live.subnet_mappings.as_deref());
        let mappings = self.subnet_mappings.as_ref().filter(moved);
        if subnets.is_some() || mappings.is_some() {
            client
                .set_subnets()
                .load_balancer_arn(id)
                .set_subnets(subnets.cloned())
                .set_subnet_mappings(mappings.map(|list| list.iter().map(sdk_mapping).collect()))
                .send()
                .await
                .aws("elasticloadbalancing:SetSubnets")?;
        }
        let wanted = self.ip_address_type.as_deref().unwrap_or("ipv4");
        if live.ip_address_type.as_deref().is_some_and(|had| had != wanted) {
            client
                .set_ip_address_type()
                .load_balancer_arn(id)
                .ip_address_type(IpAddressType::from(wanted))
                .send()
                .await
                .aws("elasticloadbalancing:SetIpAddressType")?;
        }
        elb::sync_tags(id, &self.tags, Some(&live.tags), cx).await
    }

    async fn ready(id: &str, cx: &Context) -> Result<Readiness, Failure> {
        let found = describe(&[id.to_owned()], cx).await?;
        let Some(state) = found.first().and_then(|balancer| balancer.state.as_ref()) else {
            return Ok(Readiness::Pending("not visible yet".to_owned()));
        };
        Ok(match &state.code {
            // Impaired: it serves, and AWS cannot yet give it all the capacity it wants.
            Some(LoadBalancerStateEnum::Active | LoadBalancerStateEnum::ActiveImpaired) => Readiness::Ready,
            Some(LoadBalancerStateEnum::Failed) => {
                let reason = state.reason().unwrap_or("AWS gives no reason");
                Readiness::Failed(format!("the load balancer could not be set up: {reason}"))
            }
            Some(state) => Readiness::Pending(state.to_string()),
            None => Readiness::Pending("provisioning".to_owned()),
        })
    }

    async fn read(ids: &[String], cx: &Context) -> Result<Vec<Option<Live<Self>>>, Failure> {
        let found = describe(ids, cx).await?;
        let arns: Vec<String> = found.iter().filter_map(|balancer| balancer.load_balancer_arn.clone()).collect();
        let mut tags = elb::live_tags(&arns, cx).await?;
        let attributes = try_join_all(arns.iter().map(|arn| attributes(arn, cx))).await?;
        let mut all: Vec<(SdkLoadBalancer, Vec<Attribute>)> = found.into_iter().zip(attributes).collect();
        Ok(ids
            .iter()
            .map(|id| {
                let at = all.iter().position(|(balancer, _)| balancer.load_balancer_arn() == Some(id))?;
                let (balancer, attributes) = all.swap_remove(at);
                Some(live(&balancer, attributes, tags.remove(id)))
            })
            .collect())
    }

    async fn unprotect(id: &str, cx: &Context) -> Result<(), Failure> {
        let off = LoadBalancerAttribute::builder().key(PROTECTION).value("false").build();
        let call = cx.client(Client::new).modify_load_balancer_attributes().load_balancer_arn(id).attributes(off);
        call.send().await.aws("elasticloadbalancing:ModifyLoadBalancerAttributes").absent().map(drop)
    }

    async fn delete(id: &str, cx: &Context) -> Result<(), Failure> {
        let call = cx.client(Client::new).delete_load_balancer().load_balancer_arn(id).send();
        let deleted = call.await.aws("elasticloadbalancing:DeleteLoadBalancer").absent().map(drop);
        deleted.map_err(|failure| match failure.code.contains("OperationNotPermitted") {
            true => failure.hint("it is protected from deletion: write `protected = false`, deploy, then delete"),
            false => failure,
        })
    }

    async fn gone(id: &str, cx: &Context) -> Result<bool, Failure> {
        Ok(describe(&[id.to_owned()], cx).await?.is_empty())
    }

    async fn find(&self, cx: &Context) -> Result<Option<Created>, Failure> {
        let Some(name) = elb::name_to_find::<Self>(&self.name, &self.tags, cx).await? else { return Ok(None) };
        let call = cx.client(Client::new).describe_load_balancers().names(name).send();
        let found = call.await.aws("elasticloadbalancing:DescribeLoadBalancers").absent()?;
        let found = found.and_then(|answer| answer.load_balancers).unwrap_or_default();
        let made = elb::is_made(found.first().and_then(SdkLoadBalancer::load_balancer_arn), cx).await?;
        Ok(found.first().filter(|_| made).and_then(created))
    }

    fn id_of_arn(arn: &str) -> Option<String> {
        elb::id_of_arn(arn, "loadbalancer/")
    }

    fn charges(&self, pricing: &Pricing<'_>) -> Vec<Charge> {
        let (name, short) = match self.kind.as_deref() {
            Some("network") => ("Network", "nlb"),
            Some("gateway") => ("Gateway", "glb"),
            _ => ("Application", "alb"),
        };
        // One capacity unit is, per second, 25 new connections, or 3,000 open ones, or 1 GB an hour: quiet services stay
        // far below it.
        let units = pricing.usage("load-balancer.lcu", Quantity::between(0.05, 0.5, 5.0));
        let mut charges = vec![
            Charge::new(format!("{name} Load Balancer hours"), format!("{short}.hour"), Quantity::month()),
            Charge::new(
                format!("{name} Load Balancer capacity unit hours"),
                format!("{short}.lcu-hour"),
                Quantity::month().by(units),
            ),
        ];
        let zones = self.subnets.as_ref().map(Vec::len).or(self.subnet_mappings.as_ref().map(Vec::len)).unwrap_or(0);
        let public = self.scheme.as_deref() != Some("internal");
        if public && zones > 0 && self.ip_address_type.as_deref() != Some("dualstack-without-public-ipv4") {
            // At least one node with one public address in each zone; more under load.
            let addresses = Quantity::between(zones as f64, zones as f64, zones as f64 * 2.0);
            let hours = Quantity::month().by(addresses);
            charges.push(Charge::new("Public IPv4 addresses of the load balancer", "public-ipv4.hour", hours));
        }
        charges
    }
}

impl LoadBalancer {
    async fn sync_security_groups(&self, id: &str, live: Option<&Self>, cx: &Context) -> Result<(), Failure> {
        let enforce = &self.enforce_security_group_inbound_rules_on_private_link_traffic;
        let groups_differ = match live {
            Some(live) => self.security_groups.as_ref().is_some_and(|groups| !same_set(groups, &live.security_groups)),
            None => false,
        };
        let had = live.and_then(|live| live.enforce_security_group_inbound_rules_on_private_link_traffic.as_ref());
        let enforce = enforce.as_ref().filter(|wanted| Some(*wanted) != had);
        if !groups_differ && enforce.is_none() {
            return Ok(());
        }
        let call = cx
            .client(Client::new)
            .set_security_groups()
            .load_balancer_arn(id)
            .set_security_groups(self.security_groups.clone())
            .set_enforce_security_group_inbound_rules_on_private_link_traffic(
                enforce.map(|wanted| wanted.as_str().into()),
            );
        call.send().await.aws("elasticloadbalancing:SetSecurityGroups").map(drop)
    }
}

fn same_set(declared: &[String], live: &Option<Vec<String>>) -> bool {
    let live = live.as_deref().unwrap_or_default();
    declared.len() == live.len() && declared.iter().all(|item| live.contains(item))
}

/// Whether what is declared of each subnet is so; AWS reports more than is declared.
fn mappings_hold(declared: &[SubnetMapping], live: Option<&[SubnetMapping]>) -> bool {
    let live = live.unwrap_or_default();
    let holds = |ours: &Option<String>, theirs: &Option<String>| ours.is_none() || ours == theirs;
    declared.len() == live.len()
        && declared.iter().all(|ours| {
            live.iter().any(|theirs| {
                ours.subnet_id == theirs.subnet_id
                    && holds(&ours.allocation_id, &theirs.allocation_id)
                    && holds(&ours.private_ipv4_address, &theirs.private_ipv4_address)
                    && holds(&ours.ipv6_address, &theirs.ipv6_address)
            })
        })
}

fn sdk_mapping(mapping: &SubnetMapping) -> SdkSubnetMapping {
    SdkSubnetMapping::builder()
        .set_subnet_id(mapping.subnet_id.clone())
        .set_allocation_id(mapping.allocation_id.clone())
        .set_private_ipv4_address(mapping.private_ipv4_address.clone())
        .set_ipv6_address(mapping.ipv6_address.clone())
        .build()
}

/// Those of the load balancers that are there.
async fn describe(arns: &[String], cx: &Context) -> Result<Vec<SdkLoadBalancer>, Failure> {
    let action = "elasticloadbalancing:DescribeLoadBalancers";
    let client = cx.client(Client::new);
    let one_by_one = arns.iter().map(|arn| {
        let call = client.describe_load_balancers().load_balancer_arns(arn);
        async { call.send().await.aws(action).absent() }
    });
    if let [_] = arns {
        let answers = try_join_all(one_by_one).await?;
        return Ok(answers
            .into_iter()
            .flatten()
            .flat_map(|answer| answer.load_balancers.unwrap_or_default())
            .collect());
    }
    // A list of ARNs fails if one is missing; a region has at most some dozens, which one page holds.
    let pages = client.describe_load_balancers().into_paginator();
    let all = pages.items().send().collect::<Result<Vec<_>, _>>().await.aws(action)?;
    let asked = |arn: &str| arns.iter().any(|wanted| wanted == arn);
    Ok(all.into_iter().filter(|balancer| balancer.load_balancer_arn().is_some_and(asked)).collect())
}

async fn attributes(arn: &str, cx: &Context) -> Result<Vec<Attribute>, Failure> {
    let call = cx.client(Client::new).describe_load_balancer_attributes().load_balancer_arn(arn).send();
    let answer = call.await.aws("elasticloadbalancing:DescribeLoadBalancerAttributes")?;
    let list = answer.attributes.unwrap_or_default();
    Ok(list.into_iter().map(|one| Attribute { key: one.key, value: one.value }).collect())
}

/// The name as CloudWatch's dimension has it: `app/name/50dc6c495c0c9188`.
fn full_name(arn: &str) -> &str {
    arn.split_once(":loadbalancer/").map_or(arn, |(_, name)| name)
}

fn created(balancer: &SdkLoadBalancer) -> Option<Created> {
    let arn = balancer.load_balancer_arn()?;
    let mut created = Created::new(arn).with("LoadBalancerArn", arn).with("LoadBalancerFullName", full_name(arn));
    let others = [
        ("LoadBalancerName", balancer.load_balancer_name()),
        ("DNSName", balancer.dns_name()),
        ("CanonicalHostedZoneID", balancer.canonical_hosted_zone_id()),
    ];
    for (name, value) in others {
        if let Some(value) = value {
            created = created.with(name, value);
        }
    }
    Some(created)
}

fn live(balancer: &SdkLoadBalancer, attributes: Vec<Attribute>, tags: Option<Vec<Tag>>) -> Live<LoadBalancer> {
    let zones = balancer.availability_zones();
    let subnets: Vec<String> = zones.iter().filter_map(|zone| zone.subnet_id.clone()).collect();
    let mappings = zones.iter().map(|zone| {
        let address = zone.load_balancer_addresses().first();
        SubnetMapping {
            subnet_id: zone.subnet_id.clone(),
            allocation_id: address.and_then(|address| address.allocation_id.clone()),
            private_ipv4_address: address.and_then(|address| address.private_ipv4_address.clone()),
            ipv6_address: address.and_then(|address| address.ipv6_address.clone()),
        }
    });
    let properties = LoadBalancer {
        name: balancer.load_balancer_name.clone(),
        kind: balancer.r#type.as_ref().map(ToString::to_string),
        scheme: balancer.scheme.as_ref().map(ToString::to_string),
        ip_address_type: balancer.ip_address_type.as_ref().map(ToString::to_string),
        subnets: Some(subnets),
        subnet_mappings: Some(mappings.collect()),
        security_groups: balancer.security_groups.clone(),
        enforce_security_group_inbound_rules_on_private_link_traffic: balancer
            .enforce_security_group_inbound_rules_on_private_link_traffic
            .clone(),
        load_balancer_attributes: Some(attributes),
        tags,
    };
    let attributes = created(balancer).map(|created| created.attributes).unwrap_or_default();
    Live { properties, attributes }
}

#[cfg(test)]
mod tests {
    use aws_sdk_elasticloadbalancingv2::types::AvailabilityZone;
    use cloud::Usage;

    use super::*;

    const ARN: &str = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/main/50dc6c495c0c9188";

    #[test]
    fn a_live_load_balancer_reads_as_declared() {
        let zone = |subnet: &str| AvailabilityZone::builder().subnet_id(subnet).build();
        let balancer = SdkLoadBalancer::builder()
            .load_balancer_arn(ARN)
            .load_balancer_name("main")
            .dns_name("main-1.elb.amazonaws.com")
            .canonical_hosted_zone_id("Z35SXDOTRQ7X7K")
            .r#type(LoadBalancerTypeEnum::Application)
            .scheme(LoadBalancerSchemeEnum::InternetFacing)
            .availability_zones(zone("subnet-a"))
            .availability_zones(zone("subnet-b"))
            .build();
        let live = live(&balancer, vec![], None);
        assert_eq!(live.properties.subnets, Some(vec!["subnet-a".into(), "subnet-b".into()]));
        assert_eq!(live.properties.scheme.as_deref(), Some("internet-facing"));
        assert_eq!(live.properties.kind.as_deref(), Some("application"));
        assert_eq!(live.attributes["LoadBalancerFullName"], "app/main/50dc6c495c0c9188");
        assert_eq!(live.attributes["DNSName"], "main-1.elb.amazonaws.com");
        assert_eq!(live.attributes["CanonicalHostedZoneID"], "Z35SXDOTRQ7X7K");
    }

    #[test]
    fn declared_mappings_hold_though_aws_reports_more() {
        let ours = [SubnetMapping { subnet_id: Some("s".into()), ..Default::default() }];
        let theirs = [SubnetMapping { allocation_id: Some("eip".into()), ..ours[0].clone() }];
        assert!(mappings_hold(&ours, Some(&theirs)));
        assert!(!mappings_hold(&theirs, Some(&ours)));
    }

    #[test]
    fn a_public_load_balancer_pays_for_its_addresses() {
        let usage = Usage::default();
        let pricing = Pricing { usage: &usage, region: "us-east-1", lookup: &|_| None };
        let prices = |scheme: &str| {
            let balancer = LoadBalancer {
                scheme: Some(scheme.into()),
                subnets: Some(vec!["a".into(), "b".into()]),
                ..Default::default()
            };
            balancer.charges(&pricing)
        };
        let keys: Vec<String> = prices("internet-facing").into_iter().map(|charge| charge.price).collect();
        assert_eq!(keys, ["alb.hour", "alb.lcu-hour", "public-ipv4.hour"]);
        assert_eq!(prices("internet-facing")[2].quantity.expected, 1460.0);
        assert_eq!(prices("internal").len(), 2);
    }
}
