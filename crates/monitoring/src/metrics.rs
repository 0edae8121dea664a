//! Metrics, the queries of an alarm's expression, and their way into and out of the SDK's types.

use aws_sdk_cloudwatch::types::{
    Dimension as SdkDimension, Metric as SdkMetric, MetricDataQuery as SdkQuery, MetricStat as SdkMetricStat,
    StandardUnit,
};
use serde::{Deserialize, Serialize, Serializer};

use crate::cloudwatch::{given, text};

/// A name and a value that tell a metric from its likes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct Dimension {
    /// The name.
    pub name: String,
    /// The value.
    pub value: String,
}

impl Dimension {
    /// A dimension.
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: value.into() }
    }
}

/// A metric of an expression, or the expression.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct MetricDataQuery {
    /// The account that the metric is in, if another.
    pub account_id: Option<String>,
    /// The expression.
    pub expression: Option<String>,
    /// Its name within expressions.
    pub id: String,
    /// What a graph calls it.
    pub label: Option<String>,
    /// The metric.
    pub metric_stat: Option<MetricStat>,
    /// Seconds of a period of an expression.
    pub period: Option<i32>,
    /// Whether the alarm is on this one.
    pub return_data: Option<bool>,
}

/// A metric and how it is summed up.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct MetricStat {
    /// The metric.
    pub metric: Metric,
    /// Seconds of a period.
    pub period: Option<i32>,
    /// The statistic: `Sum`, `p95`.
    pub stat: Option<String>,
    /// The unit.
    pub unit: Option<String>,
}

/// A metric.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct Metric {
    /// The dimensions.
    pub dimensions: Option<Vec<Dimension>>,
    /// The name.
    pub metric_name: Option<String>,
    /// The namespace.
    pub namespace: Option<String>,
}

pub(crate) fn sdk_dimension(dimension: &Dimension) -> SdkDimension {
    SdkDimension::builder().name(&dimension.name).value(&dimension.value).build()
}

pub(crate) fn sdk_query(query: &MetricDataQuery) -> SdkQuery {
    SdkQuery::builder()
        .id(&query.id)
        .set_account_id(query.account_id.clone())
        .set_expression(query.expression.clone())
        .set_label(query.label.clone())
        .set_metric_stat(query.metric_stat.as_ref().map(sdk_stat))
        .set_period(query.period)
        .set_return_data(query.return_data)
        .build()
}

fn sdk_stat(stat: &MetricStat) -> SdkMetricStat {
    let dimensions = stat.metric.dimensions.as_ref().map(|list| list.iter().map(sdk_dimension).collect());
    let metric = SdkMetric::builder()
        .set_dimensions(dimensions)
        .set_metric_name(stat.metric.metric_name.clone())
        .set_namespace(stat.metric.namespace.clone())
        .build();
    SdkMetricStat::builder()
        .metric(metric)
        .set_period(stat.period)
        .set_stat(stat.stat.clone())
        .set_unit(stat.unit.as_deref().map(StandardUnit::from))
        .build()
}

pub(crate) fn live_dimensions(list: Option<Vec<SdkDimension>>) -> Option<Vec<Dimension>> {
    let one = |d: SdkDimension| Dimension::new(d.name.unwrap_or_default(), d.value.unwrap_or_default());
    given(list).map(|list| list.into_iter().map(one).collect())
}

fn live_query(query: SdkQuery) -> MetricDataQuery {
    let metric = |metric: SdkMetric| Metric {
        dimensions: live_dimensions(metric.dimensions),
        metric_name: metric.metric_name,
        namespace: metric.namespace,
    };
    let stat = |stat: SdkMetricStat| MetricStat {
        metric: stat.metric.map(metric).unwrap_or_default(),
        period: stat.period,
        stat: stat.stat,
        unit: stat.unit.map(|unit| unit.to_string()),
    };
    MetricDataQuery {
        account_id: text(query.account_id),
        expression: text(query.expression),
        id: query.id.unwrap_or_default(),
        label: text(query.label),
        metric_stat: query.metric_stat.map(stat),
        period: query.period,
        return_data: query.return_data,
    }
}

pub(crate) fn live_queries(list: Option<Vec<SdkQuery>>) -> Option<Vec<MetricDataQuery>> {
    given(list).map(|list| list.into_iter().map(live_query).collect())
}

/// Serialises queries in order of id: AWS promises none when it describes an alarm.
pub(crate) fn by_id<S: Serializer>(list: &Option<Vec<MetricDataQuery>>, serializer: S) -> Result<S::Ok, S::Error> {
    let mut list: Option<Vec<&MetricDataQuery>> = list.as_ref().map(|list| list.iter().collect());
    list.iter_mut().for_each(|list| list.sort_by(|a, b| a.id.cmp(&b.id)));
    list.serialize(serializer)
}
