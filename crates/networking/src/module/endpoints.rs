//! VPC endpoints, and flow logs: what hangs on the VPC as a whole.

use cloud::{Handle, Stack};

use super::groups;
use super::names;
use super::subnets::Network;
use super::wiring::FlowLogTarget;
use crate::flow_log::FlowLog;
use crate::security_group_ingress::SecurityGroupIngress;
use crate::settings::{Settings, Traffic};
use crate::vpc_endpoint::VpcEndpoint;

/// Gateway endpoints: routes, free of charge. All others are interface endpoints.
const GATEWAYS: &[&str] = &["s3", "dynamodb"];

/// Short names that stand for several services.
const GROUPS: &[(&str, &[&str])] = &[("ecr", &["ecr.api", "ecr.dkr"])];

/// Services by the name that follows the region: those a person is likely to write, to tell them from mistakes. From
/// "AWS services that integrate with AWS PrivateLink"; another is reached by its full name.
const SERVICES: &[&str] = &[
    "application-autoscaling",
    "athena",
    "autoscaling",
    "bedrock-runtime",
    "cloudformation",
    "cloudtrail",
    "codebuild",
    "codedeploy",
    "cognito-idp",
    "config",
    "datasync",
    "ec2",
    "ec2messages",
    "ecr.api",
    "ecr.dkr",
    "ecs",
    "ecs-agent",
    "ecs-telemetry",
    "elasticache",
    "elasticfilesystem",
    "elasticloadbalancing",
    "email-smtp",
    "events",
    "execute-api",
    "glue",
    "guardduty-data",
    "kinesis-firehose",
    "kinesis-streams",
    "kms",
    "lambda",
    "logs",
    "monitoring",
    "rds",
    "rds-data",
    "s3",
    "dynamodb",
    "sagemaker.runtime",
    "scheduler",
    "secretsmanager",
    "servicediscovery",
    "sns",
    "sqs",
    "ssm",
    "ssmmessages",
    "states",
    "sts",
    "synthetics",
    "xray",
];

/// Declares what the settings ask for.
pub(super) fn declare(settings: &Settings, prefix: &str, network: &Network, stack: &mut Stack) {
    let region = stack.region().to_owned();
    let mut wanted: Vec<(String, String)> = Vec::new();
    for (index, text) in settings.endpoints.iter().enumerate() {
        let key = format!("networking.endpoints.{index}");
        for service in expand(text, &region, &key, stack) {
            if !wanted.iter().any(|(_, there)| *there == service) {
                wanted.push((key.clone(), service));
            }
        }
    }
    let (gateways, interfaces): (Vec<_>, Vec<_>) =
        wanted.into_iter().partition(|(_, service)| GATEWAYS.contains(&service.as_str()));
    for (key, service) in gateways {
        stack.section(&key);
        let tables = network.tables.iter().map(Handle::id).collect();
        let mut endpoint = endpoint(prefix, &region, &service, network);
        endpoint.vpc_endpoint_type = Some("Gateway".to_owned());
        endpoint.route_table_ids = Some(tables);
        stack.add(format!("networking.vpc-endpoint.{service}"), endpoint);
    }
    if let Some((first, _)) = interfaces.first() {
        interface_endpoints(settings, prefix, network, &interfaces, first, stack);
    }
}

fn interface_endpoints(
    settings: &Settings,
    prefix: &str,
    network: &Network,
    wanted: &[(String, String)],
    first: &str,
    stack: &mut Stack,
) {
    for (on, key) in [(settings.dns_support, "dns-support"), (settings.dns_hostnames, "dns-hostnames")] {
        if !on {
            let message = "interface endpoints are found by DNS within the VPC, which this turns off";
            let finding = stack.findings.error("endpoints-without-dns", format!("networking.{key}"), message);
            finding.hint(format!("write `{key} = true`, or use the endpoints `s3` and `dynamodb` only"));
        }
    }
    let tiers = [&network.subnets.private, &network.subnets.intra, &network.subnets.public];
    let Some(subnets) = tiers.into_iter().find(|ids| !ids.is_empty()) else {
        let message = "interface endpoints live in subnets, and there are none";
        stack.findings.error("endpoints-without-subnets", first, message).hint("add `private` subnets");
        return;
    };
    let region = stack.region().to_owned();
    stack.section("networking.endpoints");
    let group = groups::group(&format!("{prefix}-endpoints"), "Reaches AWS services from within the VPC", network);
    let group = stack.add("networking.security-group.endpoints", group);
    let rule = SecurityGroupIngress {
        cidr_ip: Some(settings.cidr.clone()),
        description: Some("HTTPS from the VPC".to_owned()),
        ..groups::tcp(&group, 443)
    };
    stack.add("networking.security-group.endpoints.from-vpc", rule);
    for (key, service) in wanted {
        stack.section(key);
        let mut endpoint = endpoint(prefix, &region, service, network);
        endpoint.vpc_endpoint_type = Some("Interface".to_owned());
        endpoint.private_dns_enabled = Some(true);
        endpoint.subnet_ids = Some(subnets.clone());
        endpoint.security_group_ids = Some(vec![group.get("GroupId")]);
        stack.add(format!("networking.vpc-endpoint.{}", service.replace('.', "-")), endpoint);
    }
}

fn endpoint(prefix: &str, region: &str, service: &str, network: &Network) -> VpcEndpoint {
    VpcEndpoint {
        vpc_id: Some(network.vpc.id()),
        service_name: Some(format!("com.amazonaws.{region}.{service}")),
        tags: names::tags(format!("{prefix}-{}", service.replace('.', "-"))),
        ..VpcEndpoint::default()
    }
}

/// The services that a name stands for, by the part of their names that follows the region.
fn expand(text: &str, region: &str, key: &str, stack: &mut Stack) -> Vec<String> {
    if let Some(rest) = text.strip_prefix("com.amazonaws.") {
        return match rest.split_once('.') {
            Some((theirs, service)) if theirs == region => vec![service.to_owned()],
            _ => {
                let message = format!("`{text}` is a service of another region than `{region}`");
                let service = rest.split_once('.').map_or(rest, |(_, service)| service);
                stack.findings.error("endpoint-region", key, message).hint(format!("write `\"{service}\"`"));
                Vec::new()
            }
        };
    }
    if let Some((_, services)) = GROUPS.iter().find(|(name, _)| *name == text) {
        return services.iter().map(|service| (*service).to_owned()).collect();
    }
    if SERVICES.contains(&text) {
        return vec![text.to_owned()];
    }
    let names = GROUPS.iter().map(|(name, _)| *name).chain(SERVICES.iter().copied());
    let hint = match schema::closest(text, names) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("write its full name: `com.amazonaws.{region}.SERVICE`"),
    };
    stack
        .findings
        .error("endpoint-unknown", key, format!("`{text}` is no AWS service with a VPC endpoint known here"))
        .hint(hint);
    Vec::new()
}

/// The days that CloudWatch Logs can keep records, from the API reference of PutRetentionPolicy.
const RETENTION_DAYS: &[u32] =
    &[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

/// Declares the VPC's flow log.
pub(super) fn flow_logs(
    settings: &Settings,
    prefix: &str,
    target: Option<&FlowLogTarget>,
    network: &Network,
    stack: &mut Stack,
) {
    let Some(wanted) = &settings.flow_logs else { return };
    stack.section("networking.flow-logs");
    if ![60, 600].contains(&wanted.interval_seconds) {
        let key = "networking.flow-logs.interval-seconds";
        let message = format!("{} seconds: AWS gathers flows over 60 or 600", wanted.interval_seconds);
        stack.findings.error("flow-logs-interval", key, message).hint("write `interval-seconds = 600`, or 60");
    }
    if !RETENTION_DAYS.contains(&wanted.retention_days) {
        let key = "networking.flow-logs.retention-days";
        let near = RETENTION_DAYS.iter().min_by_key(|days| days.abs_diff(wanted.retention_days)).copied().unwrap_or(30);
        let message = format!("CloudWatch Logs cannot keep records for {} days", wanted.retention_days);
        stack.findings.error("retention-days", key, message).hint(format!("write `retention-days = {near}`"));
    }
    let Some(target) = target else {
        let message = "there is no log group that flow logs could be written to";
        stack.findings.error("flow-logs-target", "networking.flow-logs", message);
        return;
    };
    let traffic = match wanted.traffic {
        Traffic::All => "ALL",
        Traffic::Accept => "ACCEPT",
        Traffic::Reject => "REJECT",
    };
    let log = FlowLog {
        resource_id: Some(network.vpc.id()),
        resource_type: Some("VPC".to_owned()),
        traffic_type: Some(traffic.to_owned()),
        log_destination_type: Some("cloud-watch-logs".to_owned()),
        log_group_name: Some(target.log_group_name.clone()),
        deliver_logs_permission_arn: Some(target.role_arn.clone()),
        max_aggregation_interval: Some(i64::from(wanted.interval_seconds)),
        tags: names::tags(format!("{prefix}-flow-logs")),
        ..FlowLog::default()
    };
    stack.add("networking.flow-log", log);
}
