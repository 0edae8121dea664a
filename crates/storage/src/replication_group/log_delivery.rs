//! Where a cache's logs go.

use aws_sdk_elasticache::types::{
    CloudWatchLogsDestinationDetails, DestinationDetails as SdkDestinationDetails, DestinationType,
    KinesisFirehoseDestinationDetails, LogDeliveryConfiguration, LogDeliveryConfigurationRequest, LogFormat, LogType,
};
use serde::{Deserialize, Serialize};

/// One log, and where it goes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct LogDelivery {
    /// The log group or delivery stream.
    pub destination_details: Option<DestinationDetails>,
    /// `cloudwatch-logs` or `kinesis-firehose`.
    pub destination_type: Option<String>,
    /// `json` or `text`.
    pub log_format: Option<String>,
    /// `slow-log` or `engine-log`.
    pub log_type: Option<String>,
}

/// A log group or a delivery stream.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct DestinationDetails {
    /// The log group.
    pub cloud_watch_logs_details: Option<LogGroupDetails>,
    /// The delivery stream.
    pub kinesis_firehose_details: Option<KinesisFirehoseDetails>,
}

/// A log group.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct LogGroupDetails {
    /// Its name.
    pub log_group: Option<String>,
}

/// A delivery stream.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct KinesisFirehoseDetails {
    /// Its name.
    pub delivery_stream: Option<String>,
}

impl LogDelivery {
    pub(super) fn request(&self) -> LogDeliveryConfigurationRequest {
        let details = self.destination_details.as_ref();
        let group = details.and_then(|details| details.cloud_watch_logs_details.as_ref());
        let stream = details.and_then(|details| details.kinesis_firehose_details.as_ref());
        let group = group
            .map(|group| CloudWatchLogsDestinationDetails::builder().set_log_group(group.log_group.clone()).build());
        let stream = stream.map(|stream| {
            KinesisFirehoseDestinationDetails::builder().set_delivery_stream(stream.delivery_stream.clone()).build()
        });
        let details = SdkDestinationDetails::builder()
            .set_cloud_watch_logs_details(group)
            .set_kinesis_firehose_details(stream)
            .build();
        LogDeliveryConfigurationRequest::builder()
            .destination_details(details)
            .set_destination_type(self.destination_type.as_deref().map(DestinationType::from))
            .set_log_format(self.log_format.as_deref().map(LogFormat::from))
            .set_log_type(self.log_type.as_deref().map(LogType::from))
            .enabled(true)
            .build()
    }

    /// Turns the log off.
    pub(super) fn request_off(&self) -> LogDeliveryConfigurationRequest {
        let kind = self.log_type.as_deref().map(LogType::from);
        LogDeliveryConfigurationRequest::builder().set_log_type(kind).enabled(false).build()
    }

    pub(super) fn live(log: &LogDeliveryConfiguration) -> Self {
        let details = log.destination_details();
        let group = details.and_then(|details| details.cloud_watch_logs_details());
        let stream = details.and_then(|details| details.kinesis_firehose_details());
        Self {
            destination_details: details.map(|_| DestinationDetails {
                cloud_watch_logs_details: group.map(|group| LogGroupDetails { log_group: group.log_group.clone() }),
                kinesis_firehose_details: stream
                    .map(|stream| KinesisFirehoseDetails { delivery_stream: stream.delivery_stream.clone() }),
            }),
            destination_type: log.destination_type.as_ref().map(ToString::to_string),
            log_format: log.log_format.as_ref().map(ToString::to_string),
            log_type: log.log_type.as_ref().map(ToString::to_string),
        }
    }
}

/// The requests that make the live logs the declared ones.
pub(super) fn changes(declared: &[LogDelivery], live: &[LogDelivery]) -> Vec<LogDeliveryConfigurationRequest> {
    let on = declared.iter().filter(|log| !live.contains(log)).map(LogDelivery::request);
    let gone = |log: &&LogDelivery| !declared.iter().any(|kept| kept.log_type == log.log_type);
    on.chain(live.iter().filter(gone).map(LogDelivery::request_off)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(kind: &str, group: &str) -> LogDelivery {
        let details = LogGroupDetails { log_group: Some(group.into()) };
        LogDelivery {
            destination_details: Some(DestinationDetails {
                cloud_watch_logs_details: Some(details),
                ..DestinationDetails::default()
            }),
            destination_type: Some("cloudwatch-logs".into()),
            log_format: Some("json".into()),
            log_type: Some(kind.into()),
        }
    }

    #[test]
    fn logs_are_turned_on_moved_and_turned_off() {
        let requests = changes(&[log("slow-log", "/new")], &[log("slow-log", "/old"), log("engine-log", "/e")]);
        let said: Vec<_> = requests.iter().map(|r| (r.log_type().unwrap().as_str(), r.enabled().unwrap())).collect();
        assert_eq!(said, [("slow-log", true), ("engine-log", false)]);
        assert!(changes(&[log("slow-log", "/a")], &[log("slow-log", "/a")]).is_empty());
    }
}
