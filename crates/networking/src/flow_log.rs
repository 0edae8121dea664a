//! `AWS::EC2::FlowLog`:
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-flowlog.html>.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{
    DestinationFileFormat, DestinationOptionsRequest, Filter, FlowLog as SdkFlowLog, FlowLogsResourceType,
    LogDestinationType, ResourceType, TrafficType,
};
use cloud::{
    Absent, Aws, AwsResult, Charge, Context, Created, Failure, FailureKind, Live, Pricing, Quantity, Readiness,
    Resource, Seconds, Tag,
};
use serde::{Deserialize, Serialize};

use crate::ec2::{self, Soon};

/// A record of the traffic of a VPC, a subnet or a network interface. Only its tags can change.
///
/// `Ref` is the flow log's id, also attribute `Id`. For a log group, prefer `LogGroupName` to `LogDestination`:
/// CloudFormation's `Arn` of a log group ends in `:*`, AWS reports the destination without, and that would look like
/// a change.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct FlowLog {
    /// The role by which another account's log destination is reached.
    pub deliver_cross_account_role: Option<String>,
    /// The role by which EC2 writes to CloudWatch Logs.
    pub deliver_logs_permission_arn: Option<String>,
    /// How files are written to S3.
    pub destination_options: Option<DestinationOptions>,
    /// The ARN of the bucket (with a folder, if wanted), log group or delivery stream.
    pub log_destination: Option<String>,
    /// `cloud-watch-logs` (the default), `s3` or `kinesis-data-firehose`.
    pub log_destination_type: Option<String>,
    /// The fields of a record, such as `${srcaddr} ${dstaddr}`; AWS's version 2 fields by default.
    pub log_format: Option<String>,
    /// The log group by name.
    pub log_group_name: Option<String>,
    /// Seconds that a record covers at most: 60 or 600 (the default).
    pub max_aggregation_interval: Option<i64>,
    /// What is recorded: the id of the VPC, subnet or network interface.
    pub resource_id: Option<String>,
    /// `VPC`, `Subnet`, `NetworkInterface`, `TransitGateway`, `TransitGatewayAttachment` or `RegionalNatGateway`.
    pub resource_type: Option<String>,
    /// Tags.
    pub tags: Option<Vec<Tag>>,
    /// `ALL`, `ACCEPT` or `REJECT`.
    pub traffic_type: Option<String>,
}

/// How files are written to S3.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct DestinationOptions {
    /// `plain-text` (the default) or `parquet`.
    pub file_format: Option<String>,
    /// Whether the prefixes are such as Hive reads (`year=2026/…`).
    pub hive_compatible_partitions: Option<bool>,
    /// Whether each hour has a folder of its own.
    pub per_hour_partition: Option<bool>,
}

impl Resource for FlowLog {
    const TYPE: &'static str = "AWS::EC2::FlowLog";

    const SECONDS: Seconds = Seconds { create: 2.0, update: 1.0, delete: 1.0 };

    /// A role is of use when its policies are there, not when its ARN is known.
    const NEEDS_READY: &'static [&'static str] = &["DeliverLogsPermissionArn"];

    /// AWS refuses a second log of the same traffic to the same destination.
    const UNIQUE_NAME: Option<&'static str> = Some("ResourceId");

    async fn create(&self, cx: &Context) -> Result<Created, Failure> {
        let action = "ec2:CreateFlowLogs";
        let made = cx
            .client(Client::new)
            .create_flow_logs()
            .client_token(&*cx.token)
            .set_deliver_cross_account_role(self.deliver_cross_account_role.clone())
            .set_deliver_logs_permission_arn(self.deliver_logs_permission_arn.clone())
            .set_destination_options(self.destination_options.as_ref().map(DestinationOptions::sdk))
            .set_log_destination(self.log_destination.clone())
            .set_log_destination_type(self.log_destination_type.as_deref().map(LogDestinationType::from))
            .set_log_format(self.log_format.clone())
            .set_log_group_name(self.log_group_name.clone())
            .set_max_aggregation_interval(ec2::number(self.max_aggregation_interval, "MaxAggregationInterval")?)
            .set_resource_ids(self.resource_id.clone().map(|id| vec![id]))
            .set_resource_type(self.resource_type.as_deref().map(sdk_resource_type))
            .tag_specifications(ec2::tags_for_create(ResourceType::VpcFlowLog, &self.tags, cx))
            .set_traffic_type(self.traffic_type.as_deref().map(TrafficType::from))
            .send()
            .await
            .aws(action)
            .soon()
            .map_err(role_not_ready)?;
        ec2::unsuccessful(action, made.unsuccessful()).soon()?;
        made.flow_log_ids().first().map(|id| created(id)).ok_or_else(|| Failure::missing(action, "FlowLogIds"))
    }

    async fn sync(&self, id: &str, live: Option<&Self>, cx: &Context) -> Result<(), Failure> {
        ec2::sync_tags(id, &self.tags, live.map(|live| &live.tags), cx).await
    }

    async fn ready(id: &str, cx: &Context) -> Result<Readiness, Failure> {
        let found = describe(ec2::filter("flow-log-id", &[id.to_owned()]), cx).await?;
        Ok(found.first().map_or(Readiness::Pending("not visible yet".to_owned()), readiness))
    }

    async fn read(ids: &[String], cx: &Context) -> Result<Vec<Option<Live<Self>>>, Failure> {
        let found = ec2::described("flow-log-id", ids, |filters| describe(filters, cx)).await?;
        let log = |id: &String| found.iter().find(|log| log.flow_log_id() == Some(id));
        Ok(ids.iter().map(|id| log(id).map(live)).collect())
    }

    async fn delete(id: &str, cx: &Context) -> Result<(), Failure> {
        let action = "ec2:DeleteFlowLogs";
        let answer = cx.client(Client::new).delete_flow_logs().flow_log_ids(id).send().await.aws(action);
        answer.and_then(|answer| ec2::unsuccessful(action, answer.unsuccessful())).absent().map(drop)
    }

    async fn find(&self, cx: &Context) -> Result<Option<Created>, Failure> {
        let logs = ec2::made("ec2:DescribeFlowLogs", cx, |filters| describe(filters, cx), SdkFlowLog::tags).await?;
        Ok(logs.first().and_then(|log| log.flow_log_id()).map(created))
    }

    fn id_of_arn(arn: &str) -> Option<String> {
        ec2::id_of_arn(arn, "vpc-flow-log")
    }

    /// Usage key `logs.flow.gb`: gigabytes a month of one flow log. Default 0.5 to 20, 3 expected. What goes to a log
    /// group is counted by the log group, by the same key.
    fn charges(&self, pricing: &Pricing<'_>) -> Vec<Charge> {
        let (component, price) = match self.log_destination_type.as_deref() {
            Some("s3") => ("Flow logs delivered to S3", "logs.ingest.vended.s3.gb"),
            Some("kinesis-data-firehose") => ("Flow logs delivered to Firehose", "logs.ingest.vended.firehose.gb"),
            _ => return Vec::new(),
        };
        vec![Charge::new(component, price, pricing.usage("logs.flow.gb", Quantity::between(0.5, 3.0, 20.0)))]
    }
}

impl DestinationOptions {
    fn sdk(&self) -> DestinationOptionsRequest {
        DestinationOptionsRequest::builder()
            .set_file_format(self.file_format.as_deref().map(DestinationFileFormat::from))
            .set_hive_compatible_partitions(self.hive_compatible_partitions)
            .set_per_hour_partition(self.per_hour_partition)
            .build()
    }
}

/// CloudFormation's name of a kind, and a prefix that the ids of such things have.
const RESOURCE_TYPES: [(&str, &str); 6] = [
    ("VPC", "vpc-"),
    ("Subnet", "subnet-"),
    ("NetworkInterface", "eni-"),
    ("TransitGatewayAttachment", "tgw-attach-"),
    ("TransitGateway", "tgw-"),
    ("RegionalNatGateway", "nat-"),
];

/// The kind of a thing, which the API takes but does not give back.
fn resource_type(id: &str) -> Option<String> {
    let (kind, _) = RESOURCE_TYPES.into_iter().find(|(_, prefix)| id.starts_with(prefix))?;
    Some(kind.to_owned())
}

fn sdk_resource_type(text: &str) -> FlowLogsResourceType {
    FlowLogsResourceType::from(text)
}

/// A role that was just made is not known everywhere yet.
fn role_not_ready(failure: Failure) -> Failure {
    if failure.kind == FailureKind::Invalid && failure.message.contains("assume") {
        return Failure { kind: FailureKind::NotYet, ..failure };
    }
    failure
}

fn created(id: &str) -> Created {
    Created::new(id).with("Id", id)
}

fn readiness(log: &SdkFlowLog) -> Readiness {
    match (log.flow_log_status(), log.deliver_logs_status()) {
        // "Rate limited" passes; without access nothing ever comes.
        (_, Some("FAILED")) if log.deliver_logs_error_message() == Some("Access error") => Readiness::Failed(
            "flow logs cannot be delivered: the role may not write to the log group, or there is no such log group"
                .to_owned(),
        ),
        (Some("ACTIVE"), _) => Readiness::Ready,
        (state, _) => Readiness::Pending(state.unwrap_or("no state yet").to_owned()),
    }
}

async fn describe(filters: Vec<Filter>, cx: &Context) -> Result<Vec<SdkFlowLog>, Failure> {
    let pages = cx.client(Client::new).describe_flow_logs().set_filter(Some(filters)).into_paginator();
    pages.items().send().collect::<Result<Vec<_>, _>>().await.aws("ec2:DescribeFlowLogs")
}

fn live(log: &SdkFlowLog) -> Live<FlowLog> {
    let options = log.destination_options().map(|options| DestinationOptions {
        file_format: options.file_format.as_ref().map(ToString::to_string),
        hive_compatible_partitions: options.hive_compatible_partitions,
        per_hour_partition: options.per_hour_partition,
    });
    let mut live = Live::new(FlowLog {
        deliver_cross_account_role: log.deliver_cross_account_role.clone(),
        deliver_logs_permission_arn: log.deliver_logs_permission_arn.clone(),
        destination_options: options,
        log_destination: log.log_destination.clone(),
        log_destination_type: log.log_destination_type.as_ref().map(ToString::to_string),
        log_format: log.log_format.clone(),
        log_group_name: log.log_group_name.clone(),
        max_aggregation_interval: log.max_aggregation_interval.map(i64::from),
        resource_id: log.resource_id.clone(),
        resource_type: log.resource_id().and_then(resource_type),
        tags: ec2::live_tags(log.tags()),
        traffic_type: log.traffic_type.as_ref().map(ToString::to_string),
    });
    live.attributes = created(log.flow_log_id().unwrap_or_default()).attributes;
    live
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_is_told_by_the_id() {
        for (id, kind) in [
            ("vpc-1", Some("VPC")),
            ("subnet-1", Some("Subnet")),
            ("eni-1", Some("NetworkInterface")),
            ("tgw-attach-1", Some("TransitGatewayAttachment")),
            ("tgw-1", Some("TransitGateway")),
            ("x-1", None),
        ] {
            assert_eq!(resource_type(id).as_deref(), kind, "{id}");
        }
    }

    #[test]
    fn cloudformations_kinds_are_the_sdks() {
        for (kind, _) in RESOURCE_TYPES {
            let sdk = sdk_resource_type(kind);
            assert!(FlowLogsResourceType::values().contains(&sdk.as_str()), "{kind}");
        }
    }

    #[test]
    fn no_access_is_a_failure_and_a_slow_destination_is_not() {
        let log = |message: &str| {
            let log = SdkFlowLog::builder().flow_log_status("ACTIVE").deliver_logs_status("FAILED");
            log.deliver_logs_error_message(message).build()
        };
        assert!(matches!(readiness(&log("Access error")), Readiness::Failed(_)));
        assert_eq!(readiness(&log("Rate limited")), Readiness::Ready);
        assert_eq!(readiness(&SdkFlowLog::builder().build()), Readiness::Pending("no state yet".into()));
    }

    #[test]
    fn a_fresh_role_is_waited_for() {
        let failure = Failure::invalid("Unable to assume given IAM role");
        assert_eq!(role_not_ready(failure).kind, FailureKind::NotYet);
        assert_eq!(role_not_ready(Failure::invalid("no")).kind, FailureKind::Invalid);
    }

    #[test]
    fn delivery_is_paid_here_only_where_no_log_group_counts_it() {
        let usage = cloud::Usage::default();
        let pricing = Pricing { usage: &usage, region: "us-east-1", lookup: &|_| None };
        assert!(FlowLog::default().charges(&pricing).is_empty());
        let s3 = FlowLog { log_destination_type: Some("s3".into()), ..FlowLog::default() };
        assert_eq!(s3.charges(&pricing)[0].price, "logs.ingest.vended.s3.gb");
    }
}
