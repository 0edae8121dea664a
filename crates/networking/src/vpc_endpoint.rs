//! `AWS::EC2::VPCEndpoint`:
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-vpcendpoint.html>.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{
    DnsOptionsSpecification, DnsRecordIpType, IpAddressType, ResourceType, VpcEndpoint as SdkVpcEndpoint,
    VpcEndpointType,
};
use cloud::{
    Absent, Aws, AwsResult, Charge, Context, Created, Failure, Live, Pricing, Quantity, Readiness, Resource, Seconds,
    Tag,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ec2::{self, Soon};

/// A private way to an AWS service: through a route table (`Gateway`: S3 and DynamoDB, free of charge), or through
/// network interfaces in subnets (`Interface`).
///
/// `Ref` is the endpoint's id, also attribute `Id`; an interface endpoint's `DnsEntries` (`<hosted zone id>:<name>`)
/// and `NetworkInterfaceIds` are known when it is available.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct VpcEndpoint {
    /// How the service's names resolve.
    pub dns_options: Option<DnsOptions>,
    /// `ipv4`, `ipv6` or `dualstack`.
    pub ip_address_type: Option<String>,
    /// Who may do what through it; everybody everything by default.
    pub policy_document: Option<Value>,
    /// Whether (default `false`) the service's public name leads to the endpoint within the VPC, which needs DNS support and hostnames
    /// there. Interface endpoints only.
    pub private_dns_enabled: Option<bool>,
    /// The route tables that lead to it. Gateway endpoints only.
    pub route_table_ids: Option<Vec<String>>,
    /// The security groups of its network interfaces; the VPC's default one if none is given. Interface endpoints
    /// only.
    pub security_group_ids: Option<Vec<String>>,
    /// The service, such as `com.amazonaws.us-east-1.s3`.
    pub service_name: Option<String>,
    /// The subnets it has a network interface in, one a zone. Interface endpoints only.
    pub subnet_ids: Option<Vec<String>>,
    /// Tags.
    pub tags: Option<Vec<Tag>>,
    /// `Gateway` (the default), `Interface` or `GatewayLoadBalancer`.
    pub vpc_endpoint_type: Option<String>,
    /// The VPC's id.
    pub vpc_id: Option<String>,
}

/// How a service's names resolve.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct DnsOptions {
    /// `ipv4`, `dualstack`, `ipv6` or `service-defined`.
    pub dns_record_ip_type: Option<String>,
    /// `OnlyInboundResolver` (S3: within the VPC its name leads to the gateway endpoint) or `AllResolvers`.
    pub private_dns_only_for_inbound_resolver_endpoint: Option<String>,
}

/// What CloudFormation writes for the switch that the API has.
const ONLY_INBOUND: &str = "OnlyInboundResolver";
const ALL_RESOLVERS: &str = "AllResolvers";

impl Resource for VpcEndpoint {
    const TYPE: &'static str = "AWS::EC2::VPCEndpoint";

    const SECONDS: Seconds = Seconds { create: 60.0, update: 20.0, delete: 60.0 };

    const LATE: &'static [&'static str] = &["DnsEntries", "NetworkInterfaceIds"];

    /// Private DNS is refused until the VPC's DNS switches, which come after its id, are on.
    const NEEDS_READY: &'static [&'static str] = &["VpcId"];

    const HOLDS: &'static [&'static str] = &["SubnetIds", "SecurityGroupIds"];

    /// Two endpoints of one service in a VPC clash in their private DNS name or in their route.
    const UNIQUE_NAME: Option<&'static str> = Some("ServiceName");
    const UNIQUE_WITHIN: Option<&'static str> = Some("VpcId");

    async fn create(&self, cx: &Context) -> Result<Created, Failure> {
        let action = "ec2:CreateVpcEndpoint";
        let made = cx
            .client(Client::new)
            .create_vpc_endpoint()
            .client_token(&*cx.token)
            .set_dns_options(self.dns_options.as_ref().map(DnsOptions::sdk))
            .set_ip_address_type(self.ip_address_type.as_deref().map(IpAddressType::from))
            .set_policy_document(self.policy())
            .set_private_dns_enabled(self.private_dns())
            .set_route_table_ids(self.route_table_ids.clone())
            .set_security_group_ids(self.security_group_ids.clone())
            .set_service_name(self.service_name.clone())
            .set_subnet_ids(self.subnet_ids.clone())
            .tag_specifications(ec2::tags_for_create(ResourceType::VpcEndpoint, &self.tags, cx))
            .set_vpc_endpoint_type(self.vpc_endpoint_type.as_deref().map(VpcEndpointType::from))
            .set_vpc_id(self.vpc_id.clone())
            .send()
            .await
            .aws(action)
            .soon()?;
        made.vpc_endpoint
            .and_then(|endpoint| created(&endpoint))
            .ok_or_else(|| Failure::missing(action, "VpcEndpointId"))
    }

    async fn sync(&self, id: &str, live: Option<&Self>, cx: &Context) -> Result<(), Failure> {
        let Some(live) = live else { return Ok(()) };
        let (add, remove) = self.subnets(live);
        if let Err(failure) = self.modify(id, live, add.clone(), remove.clone(), cx).await {
            // One call adds before it removes, and a zone takes one subnet only.
            if !(failure.code.contains("DuplicateSubnets") && add.is_some() && remove.is_some()) {
                return Err(failure);
            }
            self.modify(id, live, None, remove, cx).await?;
            self.modify(id, live, add, None, cx).await?;
        }
        ec2::sync_tags(id, &self.tags, Some(&live.tags), cx).await
    }

    async fn ready(id: &str, cx: &Context) -> Result<Readiness, Failure> {
        let endpoint = describe(cx).await?.into_iter().find(|endpoint| endpoint.vpc_endpoint_id() == Some(id));
        Ok(endpoint.map_or(Readiness::Pending("not visible yet".to_owned()), |endpoint| readiness(&endpoint)))
    }

    async fn read(ids: &[String], cx: &Context) -> Result<Vec<Option<Live<Self>>>, Failure> {
        let found = describe(cx).await?;
        let there = |id: &String| found.iter().find(|found| found.vpc_endpoint_id() == Some(id) && is_there(found));
        Ok(ids.iter().map(|id| there(id).map(live)).collect())
    }

    async fn delete(id: &str, cx: &Context) -> Result<(), Failure> {
        let action = "ec2:DeleteVpcEndpoints";
        let delete = cx.client(Client::new).delete_vpc_endpoints().vpc_endpoint_ids(id);
        let answer = delete.send().await.aws(action);
        answer.and_then(|answer| ec2::unsuccessful(action, answer.unsuccessful())).absent().map(drop)
    }

    async fn gone(id: &str, cx: &Context) -> Result<bool, Failure> {
        let endpoint = describe(cx).await?.into_iter().find(|endpoint| endpoint.vpc_endpoint_id() == Some(id));
        Ok(endpoint.is_none_or(|endpoint| state(&endpoint) == "deleted"))
    }

    async fn find(&self, cx: &Context) -> Result<Option<Created>, Failure> {
        let key = "ec2:DescribeVpcEndpoints by tag";
        let found = ec2::made(key, cx, |_| describe(cx), SdkVpcEndpoint::tags).await?;
        Ok(found.iter().find(|endpoint| is_there(endpoint)).and_then(created))
    }

    fn id_of_arn(arn: &str) -> Option<String> {
        ec2::id_of_arn(arn, "vpc-endpoint")
    }

    /// Usage key `vpc-endpoint.gb`: gigabytes a month through one interface endpoint. Default 0 to 100, 10 expected.
    /// A gateway endpoint is free.
    fn charges(&self, pricing: &Pricing<'_>) -> Vec<Charge> {
        let kind = match self.vpc_endpoint_type.as_deref() {
            Some("Interface") => "interface",
            Some("GatewayLoadBalancer") => "gateway-load-balancer",
            _ => return Vec::new(),
        };
        let zones = self.subnet_ids.as_ref().map_or(0, Vec::len) as f64;
        let gigabytes = pricing.usage("vpc-endpoint.gb", Quantity::between(0.0, 10.0, 100.0));
        vec![
            Charge::new(
                "VPC endpoint hours, per zone",
                format!("vpc-endpoint.{kind}.hour"),
                Quantity::month().times(zones),
            ),
            Charge::new("VPC endpoint data processed", format!("vpc-endpoint.{kind}.gb"), gigabytes),
        ]
    }
}

impl VpcEndpoint {
    fn policy(&self) -> Option<String> {
        self.policy_document.as_ref().map(|policy| match policy {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        })
    }

    /// Off unless declared, as CloudFormation has it; the API would switch it on.
    fn private_dns(&self) -> Option<bool> {
        let interface = self.vpc_endpoint_type.as_deref() == Some("Interface");
        self.private_dns_enabled.or(interface.then_some(false))
    }

    /// The subnets to be added, and those to be removed.
    fn subnets(&self, live: &Self) -> (Option<Vec<String>>, Option<Vec<String>>) {
        (ec2::missing(&self.subnet_ids, &live.subnet_ids), ec2::missing(&live.subnet_ids, &self.subnet_ids))
    }

    /// One call for all that differs; none if nothing does.
    async fn modify(
        &self,
        id: &str,
        live: &Self,
        add_subnets: Option<Vec<String>>,
        remove_subnets: Option<Vec<String>>,
        cx: &Context,
    ) -> Result<(), Failure> {
        let add_tables = ec2::missing(&self.route_table_ids, &live.route_table_ids);
        let remove_tables = ec2::missing(&live.route_table_ids, &self.route_table_ids);
        let add_groups = ec2::missing(&self.security_group_ids, &live.security_group_ids);
        // An interface endpoint cannot be without a security group: one that is declared no more stays.
        let declared = self.security_group_ids.as_ref();
        let remove_groups = declared.and_then(|_| ec2::missing(&live.security_group_ids, &self.security_group_ids));
        let policy = self.policy().filter(|_| self.policy_document != live.policy_document);
        let reset_policy = (self.policy_document.is_none() && live.policy_document.is_some()).then_some(true);
        let private_dns = ec2::change(&self.private_dns_enabled, Some(&live.private_dns_enabled), false);
        let addresses = self.ip_address_type.as_deref().filter(|_| self.ip_address_type != live.ip_address_type);
        let dns = self.dns_options.as_ref().filter(|_| self.dns_options != live.dns_options);
        let lists = [&add_subnets, &remove_subnets, &add_tables, &remove_tables, &add_groups, &remove_groups];
        let nothing = lists.iter().all(|list| list.is_none())
            && policy.is_none()
            && reset_policy.is_none()
            && private_dns.is_none()
            && addresses.is_none()
            && dns.is_none();
        if nothing {
            return Ok(());
        }
        let modify = cx
            .client(Client::new)
            .modify_vpc_endpoint()
            .vpc_endpoint_id(id)
            .set_add_subnet_ids(add_subnets)
            .set_remove_subnet_ids(remove_subnets)
            .set_add_route_table_ids(add_tables)
            .set_remove_route_table_ids(remove_tables)
            .set_add_security_group_ids(add_groups)
            .set_remove_security_group_ids(remove_groups)
            .set_policy_document(policy)
            .set_reset_policy(reset_policy)
            .set_private_dns_enabled(private_dns)
            .set_ip_address_type(addresses.map(IpAddressType::from))
            .set_dns_options(dns.map(DnsOptions::sdk));
        modify.send().await.aws("ec2:ModifyVpcEndpoint").map(drop)
    }
}

impl DnsOptions {
    fn sdk(&self) -> DnsOptionsSpecification {
        let only_inbound =
            self.private_dns_only_for_inbound_resolver_endpoint.as_deref().map(|text| text == ONLY_INBOUND);
        DnsOptionsSpecification::builder()
            .set_dns_record_ip_type(self.dns_record_ip_type.as_deref().map(DnsRecordIpType::from))
            .set_private_dns_only_for_inbound_resolver_endpoint(only_inbound)
            .build()
    }
}

/// The state in lower case: the API's own reference writes `Available`, and the API answers `available`.
fn state(endpoint: &SdkVpcEndpoint) -> String {
    endpoint.state().map(|state| state.as_str().to_ascii_lowercase()).unwrap_or_default()
}

fn is_there(endpoint: &SdkVpcEndpoint) -> bool {
    !["deleting", "deleted", "failed", "rejected", "expired"].contains(&state(endpoint).as_str())
}

fn readiness(endpoint: &SdkVpcEndpoint) -> Readiness {
    match state(endpoint).as_str() {
        "available" => Readiness::Ready,
        "pendingacceptance" => Readiness::Pending("waiting for the service's owner to accept it".to_owned()),
        state @ ("failed" | "rejected" | "expired" | "deleting" | "deleted") => {
            let error = endpoint.last_error().and_then(|error| error.message());
            let reason = error.or(endpoint.failure_reason()).map(|reason| format!(": {reason}")).unwrap_or_default();
            Readiness::Failed(format!("the VPC endpoint is {state}{reason}"))
        }
        state => Readiness::Pending(state.to_owned()),
    }
}

fn created(endpoint: &SdkVpcEndpoint) -> Option<Created> {
    let id = endpoint.vpc_endpoint_id()?;
    let mut created = Created::new(id).with("Id", id);
    let entries: Vec<String> = endpoint
        .dns_entries()
        .iter()
        .filter_map(|entry| Some(format!("{}:{}", entry.hosted_zone_id()?, entry.dns_name()?)))
        .collect();
    if !entries.is_empty() {
        created = created.with("DnsEntries", entries);
    }
    if !endpoint.network_interface_ids().is_empty() {
        created = created.with("NetworkInterfaceIds", endpoint.network_interface_ids().to_vec());
    }
    Some(created)
}

/// All endpoints of the region: a handful, and one call for any number of them.
async fn describe(cx: &Context) -> Result<Vec<SdkVpcEndpoint>, Failure> {
    let pages = cx.client(Client::new).describe_vpc_endpoints().into_paginator();
    pages.items().send().collect::<Result<Vec<_>, _>>().await.aws("ec2:DescribeVpcEndpoints")
}

fn live(endpoint: &SdkVpcEndpoint) -> Live<VpcEndpoint> {
    let groups: Vec<String> = endpoint.groups().iter().filter_map(|group| group.group_id.clone()).collect();
    let dns = endpoint.dns_options().map(|options| DnsOptions {
        dns_record_ip_type: options.dns_record_ip_type.as_ref().map(ToString::to_string),
        private_dns_only_for_inbound_resolver_endpoint: options
            .private_dns_only_for_inbound_resolver_endpoint
            .map(|only| if only { ONLY_INBOUND } else { ALL_RESOLVERS }.to_owned()),
    });
    let mut live = Live::new(VpcEndpoint {
        dns_options: dns,
        ip_address_type: endpoint.ip_address_type.as_ref().map(ToString::to_string),
        policy_document: endpoint.policy_document().and_then(|policy| serde_json::from_str(policy).ok()),
        private_dns_enabled: endpoint.private_dns_enabled,
        route_table_ids: ec2::live_list(endpoint.route_table_ids()),
        security_group_ids: ec2::live_list(&groups),
        service_name: endpoint.service_name.clone(),
        subnet_ids: ec2::live_list(endpoint.subnet_ids()),
        tags: ec2::live_tags(endpoint.tags()),
        vpc_endpoint_type: endpoint.vpc_endpoint_type.as_ref().map(ToString::to_string),
        vpc_id: endpoint.vpc_id.clone(),
    });
    live.attributes = created(endpoint).map(|created| created.attributes).unwrap_or_default();
    live
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::{DnsEntry, LastError, SecurityGroupIdentifier, State};

    use super::*;

    fn endpoint(state: &str) -> SdkVpcEndpoint {
        SdkVpcEndpoint::builder()
            .vpc_endpoint_id("vpce-1")
            .state(State::from(state))
            .last_error(LastError::builder().message("no capacity").build())
            .policy_document(r#"{"Version":"2012-10-17","Statement":[]}"#)
            .groups(SecurityGroupIdentifier::builder().group_id("sg-1").group_name("web").build())
            .subnet_ids("subnet-1")
            .dns_entries(DnsEntry::builder().hosted_zone_id("Z1").dns_name("vpce-1.s3.example").build())
            .build()
    }

    #[test]
    fn states_are_read_in_any_case() {
        let cases = [
            ("available", Readiness::Ready, true),
            ("Available", Readiness::Ready, true),
            ("pending", Readiness::Pending("pending".into()), true),
            ("failed", Readiness::Failed("the VPC endpoint is failed: no capacity".into()), false),
            ("Deleted", Readiness::Failed("the VPC endpoint is deleted: no capacity".into()), false),
        ];
        for (state, expected, there) in cases {
            assert_eq!(readiness(&endpoint(state)), expected);
            assert_eq!(is_there(&endpoint(state)), there, "{state}");
        }
    }

    #[test]
    fn the_policy_is_read_as_json_and_names_as_cloudformation_writes_them() {
        let live = live(&endpoint("available"));
        assert_eq!(live.properties.policy_document.unwrap()["Version"], "2012-10-17");
        assert_eq!(live.properties.security_group_ids, Some(vec!["sg-1".to_owned()]));
        assert_eq!(live.properties.route_table_ids, None);
        assert_eq!(live.attributes["DnsEntries"][0], "Z1:vpce-1.s3.example");
    }

    #[test]
    fn private_dns_is_off_unless_declared() {
        let of = |kind: &str, declared| VpcEndpoint {
            vpc_endpoint_type: Some(kind.into()),
            private_dns_enabled: declared,
            ..VpcEndpoint::default()
        };
        assert_eq!(of("Interface", None).private_dns(), Some(false));
        assert_eq!(of("Interface", Some(true)).private_dns(), Some(true));
        assert_eq!(of("Gateway", None).private_dns(), None);
    }

    #[test]
    fn subnets_come_and_go() {
        let with = |subnets: &[&str]| VpcEndpoint {
            subnet_ids: Some(subnets.iter().map(ToString::to_string).collect()),
            ..VpcEndpoint::default()
        };
        let (add, remove) = with(&["b", "c"]).subnets(&with(&["a", "b"]));
        assert_eq!((add, remove), (Some(vec!["c".to_owned()]), Some(vec!["a".to_owned()])));
        assert_eq!(with(&["a"]).subnets(&with(&["a"])), (None, None));
    }

    #[test]
    fn interfaces_are_paid_per_zone_and_gateways_not_at_all() {
        let usage = cloud::Usage::default();
        let pricing = Pricing { usage: &usage, region: "us-east-1", lookup: &|_| None };
        let interface = VpcEndpoint {
            vpc_endpoint_type: Some("Interface".into()),
            subnet_ids: Some(vec!["a".into(), "b".into()]),
            ..VpcEndpoint::default()
        };
        let charges = interface.charges(&pricing);
        assert_eq!((charges[0].price.as_str(), charges[0].quantity.expected), ("vpc-endpoint.interface.hour", 1460.0));
        assert_eq!((charges[1].price.as_str(), charges[1].quantity.expected), ("vpc-endpoint.interface.gb", 10.0));
        assert!(VpcEndpoint::default().charges(&pricing).is_empty());
    }
}
