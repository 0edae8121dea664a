//! `AWS::ElasticLoadBalancingV2::TargetGroup`:
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-elasticloadbalancingv2-targetgroup.html>.

use aws_sdk_elasticloadbalancingv2::Client;
use aws_sdk_elasticloadbalancingv2::types::{
    Matcher as SdkMatcher, ProtocolEnum, TargetGroup as SdkTargetGroup, TargetGroupAttribute,
    TargetGroupIpAddressTypeEnum, TargetTypeEnum,
};
use cloud::{Absent, Aws, AwsResult, Context, Created, Failure, Live, Resource, Tag};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use crate::ec2::Soon;
use crate::elb::{self, Attribute};

/// Where a load balancer sends requests to, and how it asks for the health of each target.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct TargetGroup {
    /// The name, unique per region, at most 32 characters. None: made up, so that a replacement can come first.
    pub name: Option<String>,
    /// `ip`, `instance` (the default), `lambda` or `alb`.
    pub target_type: Option<String>,
    /// `HTTP`, `HTTPS`, `TCP`, `TLS`, `UDP`, `TCP_UDP` or `GENEVE`.
    pub protocol: Option<String>,
    /// `HTTP1` (the default), `HTTP2` or `GRPC`.
    pub protocol_version: Option<String>,
    /// The port targets receive on, unless registered with another.
    pub port: Option<i64>,
    /// The VPC.
    pub vpc_id: Option<String>,
    /// `ipv4` (the default) or `ipv6`.
    pub ip_address_type: Option<String>,
    /// Whether health is asked for at all.
    pub health_check_enabled: Option<bool>,
    /// The protocol of health checks.
    pub health_check_protocol: Option<String>,
    /// The port of health checks, or `traffic-port` (the default).
    pub health_check_port: Option<String>,
    /// The path of health checks.
    pub health_check_path: Option<String>,
    /// Seconds between two checks, 5 to 300.
    pub health_check_interval_seconds: Option<i64>,
    /// Seconds an answer may take, 2 to 120.
    pub health_check_timeout_seconds: Option<i64>,
    /// Good answers in a row until a target is healthy, 2 to 10.
    pub healthy_threshold_count: Option<i64>,
    /// Bad answers in a row until a target is unhealthy, 2 to 10.
    pub unhealthy_threshold_count: Option<i64>,
    /// Which answers are good.
    pub matcher: Option<Matcher>,
    /// Settings by key: deregistration delay, stickiness, slow start, ….
    pub target_group_attributes: Option<Vec<Attribute>>,
    /// Tags.
    pub tags: Option<Vec<Tag>>,
}

/// Which answers to a health check are good.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct Matcher {
    /// HTTP statuses: `200`, `200,202`, `200-299`.
    pub http_code: Option<String>,
    /// gRPC statuses.
    pub grpc_code: Option<String>,
}

/// What a new target group has, from the API reference of `TargetGroupAttribute`.
const FIRST_ATTRIBUTES: &[(&str, &str)] = &[
    ("deregistration_delay.timeout_seconds", "300"),
    ("load_balancing.algorithm.anomaly_mitigation", "off"),
    ("load_balancing.algorithm.type", "round_robin"),
    ("load_balancing.cross_zone.enabled", "use_load_balancer_configuration"),
    ("proxy_protocol_v2.enabled", "false"),
    ("slow_start.duration_seconds", "0"),
    ("stickiness.app_cookie.duration_seconds", "86400"),
    ("stickiness.enabled", "false"),
    ("stickiness.lb_cookie.duration_seconds", "86400"),
];

impl Resource for TargetGroup {
    const TYPE: &'static str = "AWS::ElasticLoadBalancingV2::TargetGroup";
    const UNIQUE_NAME: Option<&'static str> = Some("Name");

    async fn create(&self, cx: &Context) -> Result<Created, Failure> {
        let action = "elasticloadbalancing:CreateTargetGroup";
        let made = cx
            .client(Client::new)
            .create_target_group()
            .name(elb::name(&self.name, &self.tags, cx))
            .set_target_type(self.target_type.as_deref().map(TargetTypeEnum::from))
            .set_protocol(self.protocol.as_deref().map(ProtocolEnum::from))
            .set_protocol_version(self.protocol_version.clone())
            .set_port(small(self.port)?)
            .set_vpc_id(self.vpc_id.clone())
            .set_ip_address_type(self.ip_address_type.as_deref().map(TargetGroupIpAddressTypeEnum::from))
            .set_health_check_enabled(self.health_check_enabled)
            .set_health_check_protocol(self.health_check_protocol.as_deref().map(ProtocolEnum::from))
            .set_health_check_port(self.health_check_port.clone())
            .set_health_check_path(self.health_check_path.clone())
            .set_health_check_interval_seconds(small(self.health_check_interval_seconds)?)
            .set_health_check_timeout_seconds(small(self.health_check_timeout_seconds)?)
            .set_healthy_threshold_count(small(self.healthy_threshold_count)?)
            .set_unhealthy_threshold_count(small(self.unhealthy_threshold_count)?)
            .set_matcher(self.matcher.as_ref().map(sdk_matcher))
            .set_tags(elb::tags_for_create(&self.tags, cx))
            .send()
            .await
            .aws(action)
            .soon()?;
        let made = made.target_groups.unwrap_or_default();
        made.first().and_then(created).ok_or_else(|| Failure::missing(action, "TargetGroupArn"))
    }

    async fn sync(&self, id: &str, live: Option<&Self>, cx: &Context) -> Result<(), Failure> {
        let client = cx.client(Client::new);
        if let Some(wanted) = live.map(|live| self.health(live)).filter(|wanted| wanted != &Health::default()) {
            client
                .modify_target_group()
                .target_group_arn(id)
                .set_health_check_enabled(wanted.enabled)
                .set_health_check_protocol(wanted.protocol.as_deref().map(ProtocolEnum::from))
                .set_health_check_port(wanted.port)
                .set_health_check_path(wanted.path)
                .set_health_check_interval_seconds(small(wanted.interval)?)
                .set_health_check_timeout_seconds(small(wanted.timeout)?)
                .set_healthy_threshold_count(small(wanted.healthy)?)
                .set_unhealthy_threshold_count(small(wanted.unhealthy)?)
                .set_matcher(wanted.matcher.as_ref().map(sdk_matcher))
                .send()
                .await
                .aws("elasticloadbalancing:ModifyTargetGroup")?;
        }
        let attributes = elb::attribute_changes(
            &self.target_group_attributes,
            live.map(|live| &live.target_group_attributes),
            FIRST_ATTRIBUTES,
        );
        if !attributes.is_empty() {
            let sdk = |one: Attribute| TargetGroupAttribute::builder().set_key(one.key).set_value(one.value).build();
            client
                .modify_target_group_attributes()
                .target_group_arn(id)
                .set_attributes(Some(attributes.into_iter().map(sdk).collect()))
                .send()
                .await
                .aws("elasticloadbalancing:ModifyTargetGroupAttributes")?;
        }
        elb::sync_tags(id, &self.tags, live.map(|live| &live.tags), cx).await
    }

    async fn read(ids: &[String], cx: &Context) -> Result<Vec<Option<Live<Self>>>, Failure> {
        let found = describe(ids, cx).await?;
        let arns: Vec<String> = found.iter().filter_map(|group| group.target_group_arn.clone()).collect();
        let mut tags = elb::live_tags(&arns, cx).await?;
        let attributes = try_join_all(arns.iter().map(|arn| attributes(arn, cx))).await?;
        let mut all: Vec<(SdkTargetGroup, Vec<Attribute>)> = found.into_iter().zip(attributes).collect();
        Ok(ids
            .iter()
            .map(|id| {
                let at = all.iter().position(|(group, _)| group.target_group_arn() == Some(id))?;
                let (group, attributes) = all.swap_remove(at);
                Some(live(&group, attributes, tags.remove(id)))
            })
            .collect())
    }

    async fn delete(id: &str, cx: &Context) -> Result<(), Failure> {
        let call = cx.client(Client::new).delete_target_group().target_group_arn(id).send();
        call.await.aws("elasticloadbalancing:DeleteTargetGroup").absent().map(drop)
    }

    async fn find(&self, cx: &Context) -> Result<Option<Created>, Failure> {
        let Some(name) = elb::name_to_find::<Self>(&self.name, &self.tags, cx).await? else { return Ok(None) };
        let call = cx.client(Client::new).describe_target_groups().names(name).send();
        let found = call.await.aws("elasticloadbalancing:DescribeTargetGroups").absent()?;
        let found = found.and_then(|answer| answer.target_groups).unwrap_or_default();
        let made = elb::is_made(found.first().and_then(SdkTargetGroup::target_group_arn), cx).await?;
        Ok(found.first().filter(|_| made).and_then(created))
    }

    fn id_of_arn(arn: &str) -> Option<String> {
        elb::id_of_arn(arn, "targetgroup/")
    }
}

/// The health check settings that must change; `None` stays as it is.
#[derive(Debug, Default, PartialEq)]
struct Health {
    enabled: Option<bool>,
    protocol: Option<String>,
    port: Option<String>,
    path: Option<String>,
    interval: Option<i64>,
    timeout: Option<i64>,
    healthy: Option<i64>,
    unhealthy: Option<i64>,
    matcher: Option<Matcher>,
}

impl TargetGroup {
    /// What differs, and what was given up at the value that AWS gives a new group.
    fn health(&self, live: &Self) -> Health {
        fn change<T: PartialEq + Clone>(wanted: &Option<T>, live: &Option<T>, first: Option<T>) -> Option<T> {
            // What was never there to be given up needs no first value.
            let wanted = wanted.clone().or_else(|| live.is_some().then_some(first).flatten());
            wanted.filter(|wanted| Some(wanted) != live.as_ref())
        }
        let text = |text: &str| Some(text.to_owned());
        let http = self.protocol.as_deref().is_some_and(|protocol| protocol.starts_with("HTTP"));
        let grpc = self.protocol_version.as_deref() == Some("GRPC");
        let lambda = self.target_type.as_deref() == Some("lambda");
        let first_matcher = match grpc {
            true => Matcher { grpc_code: text("12"), ..Matcher::default() },
            false => Matcher { http_code: text("200"), ..Matcher::default() },
        };
        let first_path = if grpc { "/AWS.ALB/healthcheck" } else { "/" };
        let timeout = if lambda {
            30
        } else if http {
            5
        } else {
            10
        };
        Health {
            enabled: change(&self.health_check_enabled, &live.health_check_enabled, Some(!lambda)),
            protocol: change(
                &self.health_check_protocol,
                &live.health_check_protocol,
                (!lambda).then(|| if http { "HTTP" } else { "TCP" }.to_owned()),
            ),
            port: change(&self.health_check_port, &live.health_check_port, text("traffic-port").filter(|_| !lambda)),
            path: change(&self.health_check_path, &live.health_check_path, text(first_path).filter(|_| http)),
            interval: change(
                &self.health_check_interval_seconds,
                &live.health_check_interval_seconds,
                Some(if lambda { 35 } else { 30 }),
            ),
            timeout: change(&self.health_check_timeout_seconds, &live.health_check_timeout_seconds, Some(timeout)),
            healthy: change(&self.healthy_threshold_count, &live.healthy_threshold_count, Some(5)),
            unhealthy: change(&self.unhealthy_threshold_count, &live.unhealthy_threshold_count, Some(2)),
            matcher: change(&self.matcher, &live.matcher, Some(first_matcher).filter(|_| http || lambda)),
        }
    }
}

fn sdk_matcher(matcher: &Matcher) -> SdkMatcher {
    SdkMatcher::builder().set_http_code(matcher.http_code.clone()).set_grpc_code(matcher.grpc_code.clone()).build()
}

/// A number as the SDK takes it.
fn small(number: Option<i64>) -> Result<Option<i32>, Failure> {
    number.map(elb::small).transpose()
}

/// Those of the target groups that are there.
async fn describe(arns: &[String], cx: &Context) -> Result<Vec<SdkTargetGroup>, Failure> {
    let action = "elasticloadbalancing:DescribeTargetGroups";
    let client = cx.client(Client::new);
    if let [arn] = arns {
        let answer = client.describe_target_groups().target_group_arns(arn).send().await.aws(action).absent()?;
        return Ok(answer.and_then(|answer| answer.target_groups).unwrap_or_default());
    }
    // A list of ARNs fails if one is missing; a page holds 400.
    let pages = client.describe_target_groups().into_paginator();
    let all = pages.items().send().collect::<Result<Vec<_>, _>>().await.aws(action)?;
    let asked = |arn: &str| arns.iter().any(|wanted| wanted == arn);
    Ok(all.into_iter().filter(|group| group.target_group_arn().is_some_and(asked)).collect())
}

async fn attributes(arn: &str, cx: &Context) -> Result<Vec<Attribute>, Failure> {
    let call = cx.client(Client::new).describe_target_group_attributes().target_group_arn(arn).send();
    let answer = call.await.aws("elasticloadbalancing:DescribeTargetGroupAttributes")?;
    let list = answer.attributes.unwrap_or_default();
    Ok(list.into_iter().map(|one| Attribute { key: one.key, value: one.value }).collect())
}

/// The name as CloudWatch's dimension has it: `targetgroup/name/943f017f100becff`.
fn full_name(arn: &str) -> &str {
    arn.rsplit_once(':').map_or(arn, |(_, name)| name)
}

fn created(group: &SdkTargetGroup) -> Option<Created> {
    let arn = group.target_group_arn()?;
    Some(
        Created::new(arn)
            .with("TargetGroupArn", arn)
            .with("TargetGroupFullName", full_name(arn))
            .with("TargetGroupName", group.target_group_name().unwrap_or_default()),
    )
}

fn live(group: &SdkTargetGroup, attributes: Vec<Attribute>, tags: Option<Vec<Tag>>) -> Live<TargetGroup> {
    let wide = |number: Option<i32>| number.map(i64::from);
    let properties = TargetGroup {
        name: group.target_group_name.clone(),
        target_type: group.target_type.as_ref().map(ToString::to_string),
        protocol: group.protocol.as_ref().map(ToString::to_string),
        protocol_version: group.protocol_version.clone(),
        port: wide(group.port),
        vpc_id: group.vpc_id.clone(),
        ip_address_type: group.ip_address_type.as_ref().map(ToString::to_string),
        health_check_enabled: group.health_check_enabled,
        health_check_protocol: group.health_check_protocol.as_ref().map(ToString::to_string),
        health_check_port: group.health_check_port.clone(),
        health_check_path: group.health_check_path.clone(),
        health_check_interval_seconds: wide(group.health_check_interval_seconds),
        health_check_timeout_seconds: wide(group.health_check_timeout_seconds),
        healthy_threshold_count: wide(group.healthy_threshold_count),
        unhealthy_threshold_count: wide(group.unhealthy_threshold_count),
        matcher: group
            .matcher
            .as_ref()
            .map(|matcher| Matcher { http_code: matcher.http_code.clone(), grpc_code: matcher.grpc_code.clone() }),
        target_group_attributes: Some(attributes),
        tags,
    };
    let mut attributes = created(group).map(|created| created.attributes).unwrap_or_default();
    attributes.insert("LoadBalancerArns".to_owned(), group.load_balancer_arns().into());
    Live { properties, attributes }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/api/943f017f100becff";

    fn declared() -> TargetGroup {
        TargetGroup {
            target_type: Some("ip".into()),
            protocol: Some("HTTP".into()),
            port: Some(3000),
            health_check_path: Some("/health".into()),
            health_check_interval_seconds: Some(15),
            matcher: Some(Matcher { http_code: Some("200-299".into()), grpc_code: None }),
            ..TargetGroup::default()
        }
    }

    #[test]
    fn a_live_target_group_reads_as_declared() {
        let group = SdkTargetGroup::builder()
            .target_group_arn(ARN)
            .target_group_name("api")
            .target_type(TargetTypeEnum::Ip)
            .protocol(ProtocolEnum::Http)
            .port(3000)
            .health_check_path("/health")
            .health_check_interval_seconds(15)
            .matcher(SdkMatcher::builder().http_code("200-299").build())
            .build();
        let live = live(&group, vec![], None);
        let expected = TargetGroup { name: Some("api".into()), target_group_attributes: Some(vec![]), ..declared() };
        assert_eq!(live.properties, expected);
        assert_eq!(live.attributes["TargetGroupFullName"], "targetgroup/api/943f017f100becff");
        assert_eq!(live.attributes["TargetGroupName"], "api");
    }

    #[test]
    fn only_health_settings_that_differ_change() {
        let live = TargetGroup { health_check_interval_seconds: Some(30), ..declared() };
        assert_eq!(declared().health(&live), Health { interval: Some(15), ..Health::default() });
        assert_eq!(declared().health(&declared()), Health::default());
    }

    #[test]
    fn a_given_up_health_setting_gets_its_first_value() {
        let live = TargetGroup { healthy_threshold_count: Some(3), ..declared() };
        let wanted = TargetGroup { health_check_path: None, matcher: None, ..declared() };
        let expected = Health {
            path: Some("/".into()),
            healthy: Some(5),
            matcher: Some(Matcher { http_code: Some("200".into()), grpc_code: None }),
            ..Health::default()
        };
        assert_eq!(wanted.health(&live), expected);
    }
}
