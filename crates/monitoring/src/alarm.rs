//! `AWS::CloudWatch::Alarm`:
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudwatch-alarm.html>.

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::types::{AlarmType, ComparisonOperator, MetricAlarm, StandardUnit, Statistic};
use cloud::{Aws, AwsResult, Charge, Context, Created, Failure, Live, Pricing, Quantity, Resource, Tag};
use serde::{Deserialize, Serialize};

use crate::cloudwatch::{self, given, text};
use crate::metrics::{Dimension, MetricDataQuery, by_id, live_dimensions, live_queries, sdk_dimension, sdk_query};

/// An alarm on a metric, or on an expression over several.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct Alarm {
    /// Whether actions are carried out. AWS's default is true.
    pub actions_enabled: Option<bool>,
    /// ARNs told when the alarm goes off, such as SNS topics.
    pub alarm_actions: Option<Vec<String>>,
    /// What it means.
    pub alarm_description: Option<String>,
    /// The name, unique in account and region.
    pub alarm_name: Option<String>,
    /// How the threshold must be passed, such as `GreaterThanThreshold`.
    pub comparison_operator: Option<String>,
    /// How many of the evaluation periods must be past the threshold; else all.
    pub datapoints_to_alarm: Option<i32>,
    /// The metric's dimensions.
    pub dimensions: Option<Vec<Dimension>>,
    /// `evaluate` or `ignore`: what to do with few samples, for percentiles.
    pub evaluate_low_sample_count_percentile: Option<String>,
    /// How many periods are looked at.
    pub evaluation_periods: Option<i32>,
    /// A percentile such as `p95`, instead of `Statistic`.
    pub extended_statistic: Option<String>,
    /// ARNs told when data are missing.
    pub insufficient_data_actions: Option<Vec<String>>,
    /// The metric.
    pub metric_name: Option<String>,
    /// An expression and the metrics in it, instead of one metric. Their order says nothing: it is by id.
    #[serde(serialize_with = "by_id")]
    pub metrics: Option<Vec<MetricDataQuery>>,
    /// The metric's namespace.
    pub namespace: Option<String>,
    /// ARNs told when the alarm is over.
    #[serde(rename = "OKActions")]
    pub ok_actions: Option<Vec<String>>,
    /// Seconds of a period: 10, 20, 30 or a multiple of 60.
    pub period: Option<i32>,
    /// `Average`, `Maximum`, `Minimum`, `SampleCount` or `Sum`.
    pub statistic: Option<String>,
    /// Tags.
    pub tags: Option<Vec<Tag>>,
    /// What the metric is compared with.
    pub threshold: Option<f64>,
    /// The id of the `ANOMALY_DETECTION_BAND` expression that is the threshold.
    pub threshold_metric_id: Option<String>,
    /// `breaching`, `ignore`, `missing` or `notBreaching`. AWS's default is `missing`.
    pub treat_missing_data: Option<String>,
    /// The metric's unit.
    pub unit: Option<String>,
}

impl Resource for Alarm {
    const TYPE: &'static str = "AWS::CloudWatch::Alarm";

    fn id(&self) -> Option<String> {
        self.alarm_name.clone()
    }

    async fn create(&self, cx: &Context) -> Result<Created, Failure> {
        let name = self.name(cx);
        if let Some(there) = describe(&name, cx).await? {
            let tags = cloudwatch::tags_of(there.alarm_arn().unwrap_or_default(), cx).await?;
            if !cloudwatch::owns(&tags, cx) {
                return Err(cloudwatch::taken("cloudwatch:PutMetricAlarm", "the alarm", &name));
            }
        }
        // PutMetricAlarm answers with nothing.
        let arn = cloudwatch::alarm_arn(&name, cx).await?;
        self.put(&name, true, cx).await?;
        Ok(Created::new(name).with("Arn", arn))
    }

    async fn sync(&self, id: &str, live: Option<&Self>, cx: &Context) -> Result<(), Failure> {
        let Some(live) = live else { return Ok(()) };
        if self.untagged() != live.untagged() {
            self.put(id, false, cx).await?;
        }
        cloudwatch::sync_tags(&self.tags, &live.tags, cx, cloudwatch::alarm_arn(id, cx)).await
    }

    async fn read(ids: &[String], cx: &Context) -> Result<Vec<Option<Live<Self>>>, Failure> {
        let client = cx.client(Client::new);
        let found = cloudwatch::describe_alarms(&client, ids, &[AlarmType::MetricAlarm]).await?.metric;
        let arns: Vec<String> = found.iter().filter_map(|alarm| alarm.alarm_arn.clone()).collect();
        let mut tags = cloudwatch::tags_of_all(&arns, cx).await?;
        let mut one = |id: &String| {
            let alarm = found.iter().find(|alarm| alarm.alarm_name() == Some(id))?.clone();
            let arn = alarm.alarm_arn.clone().unwrap_or_default();
            let properties =
                Self { tags: cloudwatch::live_tags(tags.remove(&arn).unwrap_or_default()), ..alarm.into() };
            Some(Live::new(properties).with("Arn", arn))
        };
        Ok(ids.iter().map(&mut one).collect())
    }

    async fn delete(id: &str, cx: &Context) -> Result<(), Failure> {
        cloudwatch::delete_alarm(id, cx).await
    }

    async fn find(&self, cx: &Context) -> Result<Option<Created>, Failure> {
        let Some(name) = cloudwatch::name_to_find::<Self>(&self.alarm_name, cx).await? else { return Ok(None) };
        let Some(there) = describe(&name, cx).await? else {
            return Ok(None);
        };
        let arn = there.alarm_arn.unwrap_or_default();
        let ours = cloudwatch::owns(&cloudwatch::tags_of(&arn, cx).await?, cx);
        Ok(ours.then(|| Created::new(name).with("Arn", arn)))
    }

    fn id_of_arn(arn: &str) -> Option<String> {
        cloud::arn_name(arn, "cloudwatch", "alarm:").map(str::to_owned)
    }

    fn charges(&self, _: &Pricing<'_>) -> Vec<Charge> {
        // An alarm is paid for by the metrics it looks at: https://aws.amazon.com/cloudwatch/pricing/.
        let queries = self.metrics.as_deref().unwrap_or_default();
        let stats = || queries.iter().filter_map(|query| query.metric_stat.as_ref());
        let mut metrics = stats().count().max(1) as f64;
        if queries
            .iter()
            .any(|query| query.expression.as_deref().is_some_and(|text| text.contains("ANOMALY_DETECTION_BAND")))
        {
            // The band's upper and lower bound are metrics too.
            metrics += 2.0;
        }
        let periods = stats().map(|stat| stat.period).chain([self.period]).flatten();
        let (component, price) = match periods.min() {
            Some(..60) => ("High-resolution alarm metrics", "cloudwatch.alarm.high-resolution.month"),
            _ => ("Alarm metrics", "cloudwatch.alarm.month"),
        };
        vec![Charge::new(component, price, Quantity::exactly(metrics))]
    }
}

impl Alarm {
    fn name(&self, cx: &Context) -> String {
        self.alarm_name.clone().unwrap_or_else(|| cloudwatch::generated_name(cx))
    }

    fn untagged(&self) -> Self {
        Self { tags: None, alarm_name: None, ..self.clone() }
    }

    /// Puts the whole alarm: what is not given is reset to AWS's default. Tags count for a new alarm only.
    async fn put(&self, name: &str, new: bool, cx: &Context) -> Result<(), Failure> {
        let dimensions = self.dimensions.as_ref().map(|list| list.iter().map(sdk_dimension).collect());
        let metrics = self.metrics.as_ref().map(|list| list.iter().map(sdk_query).collect());
        cx.client(Client::new)
            .put_metric_alarm()
            .alarm_name(name)
            .set_actions_enabled(self.actions_enabled)
            .set_alarm_actions(self.alarm_actions.clone())
            .set_alarm_description(self.alarm_description.clone())
            .set_comparison_operator(self.comparison_operator.as_deref().map(ComparisonOperator::from))
            .set_datapoints_to_alarm(self.datapoints_to_alarm)
            .set_dimensions(dimensions)
            .set_evaluate_low_sample_count_percentile(self.evaluate_low_sample_count_percentile.clone())
            .set_evaluation_periods(self.evaluation_periods)
            .set_extended_statistic(self.extended_statistic.clone())
            .set_insufficient_data_actions(self.insufficient_data_actions.clone())
            .set_metric_name(self.metric_name.clone())
            .set_metrics(metrics)
            .set_namespace(self.namespace.clone())
            .set_ok_actions(self.ok_actions.clone())
            .set_period(self.period)
            .set_statistic(self.statistic.as_deref().map(Statistic::from))
            .set_tags(new.then(|| cloudwatch::tags_for_create(&self.tags, cx)))
            .set_threshold(self.threshold)
            .set_threshold_metric_id(self.threshold_metric_id.clone())
            .set_treat_missing_data(self.treat_missing_data.clone())
            .set_unit(self.unit.as_deref().map(StandardUnit::from))
            .send()
            .await
            .aws("cloudwatch:PutMetricAlarm")
            .map(drop)
    }
}

async fn describe(name: &str, cx: &Context) -> Result<Option<MetricAlarm>, Failure> {
    let client = cx.client(Client::new);
    let found = cloudwatch::describe_alarms(&client, &[name.to_owned()], &[AlarmType::MetricAlarm]).await?;
    Ok(found.metric.into_iter().find(|alarm| alarm.alarm_name() == Some(name)))
}

impl From<MetricAlarm> for Alarm {
    /// The alarm as AWS describes it, but for its tags.
    fn from(alarm: MetricAlarm) -> Self {
        Self {
            actions_enabled: alarm.actions_enabled,
            alarm_actions: given(alarm.alarm_actions),
            alarm_description: text(alarm.alarm_description),
            alarm_name: alarm.alarm_name,
            comparison_operator: alarm.comparison_operator.map(|value| value.to_string()),
            datapoints_to_alarm: alarm.datapoints_to_alarm,
            dimensions: live_dimensions(alarm.dimensions),
            evaluate_low_sample_count_percentile: text(alarm.evaluate_low_sample_count_percentile),
            evaluation_periods: alarm.evaluation_periods,
            extended_statistic: text(alarm.extended_statistic),
            insufficient_data_actions: given(alarm.insufficient_data_actions),
            metric_name: text(alarm.metric_name),
            metrics: live_queries(alarm.metrics),
            namespace: text(alarm.namespace),
            ok_actions: given(alarm.ok_actions),
            period: alarm.period,
            statistic: alarm.statistic.map(|value| value.to_string()),
            tags: None,
            threshold: alarm.threshold,
            threshold_metric_id: text(alarm.threshold_metric_id),
            treat_missing_data: text(alarm.treat_missing_data),
            unit: alarm.unit.map(|value| value.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use cloud::Usage;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_aws_describes_is_what_was_declared() {
        let declared = json!({
            "AlarmName": "p-api-5xx", "OKActions": ["arn:ok"], "AlarmActions": ["arn:alarm"], "Threshold": 10.0,
            "ComparisonOperator": "GreaterThanThreshold", "EvaluationPeriods": 1, "TreatMissingData": "notBreaching",
            "Metrics": [
                { "Id": "a", "ReturnData": false, "MetricStat": {
                    "Metric": { "Namespace": "N", "MetricName": "M", "Dimensions": [{ "Name": "D", "Value": "v" }] },
                    "Period": 60, "Stat": "Sum"
                } },
                { "Expression": "a + b", "Id": "total", "ReturnData": true }
            ]
        });
        let alarm: Alarm = serde_json::from_value(declared.clone()).unwrap();
        let queries = alarm.metrics.as_ref().unwrap().iter().rev().map(sdk_query).collect();
        let described = MetricAlarm::builder()
            .alarm_name("p-api-5xx")
            .ok_actions("arn:ok")
            .alarm_actions("arn:alarm")
            .set_insufficient_data_actions(Some(vec![]))
            .set_dimensions(Some(vec![]))
            .threshold(10.0)
            .comparison_operator(ComparisonOperator::GreaterThanThreshold)
            .evaluation_periods(1)
            .treat_missing_data("notBreaching")
            .set_metrics(Some(queries))
            .build();
        let live = engine::intrinsic::lower(serde_json::to_value(Alarm::from(described)).unwrap());
        assert_eq!(live, declared);
    }

    #[test]
    fn an_alarm_is_paid_for_by_the_metric_and_by_resolution() {
        let stat = |period| json!({ "Id": "a", "MetricStat": { "Metric": {}, "Period": period, "Stat": "Sum" } });
        let cases = [
            (json!({ "Period": 300 }), "cloudwatch.alarm.month", 1.0),
            (json!({ "Period": 10 }), "cloudwatch.alarm.high-resolution.month", 1.0),
            (
                json!({ "Metrics": [stat(60), stat(60), { "Id": "e", "Expression": "a + b" }] }),
                "cloudwatch.alarm.month",
                2.0,
            ),
            (json!({ "Metrics": [stat(30)] }), "cloudwatch.alarm.high-resolution.month", 1.0),
            (
                json!({ "Metrics": [stat(60), { "Id": "e", "Expression": "ANOMALY_DETECTION_BAND(a, 2)" }] }),
                "cloudwatch.alarm.month",
                3.0,
            ),
        ];
        let usage = Usage::default();
        let pricing = Pricing { usage: &usage, region: "us-east-1", lookup: &|_| None };
        for (properties, price, quantity) in cases {
            let alarm: Alarm = serde_json::from_value(properties).unwrap();
            let charges = alarm.charges(&pricing);
            assert_eq!((charges[0].price.as_str(), charges[0].quantity), (price, Quantity::exactly(quantity)));
        }
    }

    #[test]
    fn only_the_properties_decide_about_a_new_put() {
        let tagged = |value: &str| Alarm {
            alarm_name: Some("a".into()),
            tags: Some(vec![Tag { key: "k".into(), value: value.into() }]),
            ..Alarm::default()
        };
        assert_eq!(tagged("1").untagged(), tagged("2").untagged());
        assert_ne!(tagged("1").untagged(), Alarm { threshold: Some(1.0), ..tagged("1") }.untagged());
    }
}
