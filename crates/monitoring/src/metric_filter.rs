//! `AWS::Logs::MetricFilter`:
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-logs-metricfilter.html>.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::types::{
    MetricFilter as SdkMetricFilter, MetricTransformation as SdkTransformation, StandardUnit,
};
use cloud::{Absent, Aws, AwsResult, Charge, Context, Created, Failure, Live, Pricing, Quantity, Resource};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use crate::cloudwatch::{self, AT_ONCE, given, text};

/// A metric counted in a log group. It has no tags: it belongs to its log group.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct MetricFilter {
    /// Whether events are matched as the log group's transformer left them.
    pub apply_on_transformed_logs: Option<bool>,
    /// `@aws.account`, `@aws.region`: dimensions of the metric.
    pub emit_system_field_dimensions: Option<Vec<String>>,
    /// Which events of a centralised log group are looked at.
    pub field_selection_criteria: Option<String>,
    /// The name, unique in the log group.
    pub filter_name: Option<String>,
    /// What an event must match.
    pub filter_pattern: Option<String>,
    /// The log group's name.
    pub log_group_name: Option<String>,
    /// The metric that a match adds to; exactly one.
    pub metric_transformations: Option<Vec<MetricTransformation>>,
}

/// The metric that a match adds to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct MetricTransformation {
    /// The metric's value while nothing matches.
    pub default_value: Option<f64>,
    /// Dimensions whose values are fields of the event.
    pub dimensions: Option<Vec<FieldDimension>>,
    /// The metric's name.
    pub metric_name: String,
    /// The metric's namespace.
    pub metric_namespace: String,
    /// What a match adds: a number, or a field such as `$.latency`.
    pub metric_value: String,
    /// The metric's unit.
    pub unit: Option<String>,
}

/// A dimension and the field of the event that is its value.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct FieldDimension {
    /// The dimension's name.
    pub key: String,
    /// The field, such as `$.code`.
    pub value: String,
}

impl Resource for MetricFilter {
    const TYPE: &'static str = "AWS::Logs::MetricFilter";

    /// `LogGroupName|FilterName`, as CloudFormation writes identifiers of two parts.
    fn id(&self) -> Option<String> {
        Some(format!("{}|{}", self.log_group_name.as_ref()?, self.filter_name.as_ref()?))
    }

    async fn create(&self, cx: &Context) -> Result<Created, Failure> {
        let name = self.filter_name.clone().unwrap_or_else(|| cloudwatch::generated_name(cx));
        let group = self.log_group_name.clone().unwrap_or_default();
        self.put(&group, &name, cx).await?;
        Ok(Created::new(format!("{group}|{name}")))
    }

    async fn sync(&self, id: &str, live: Option<&Self>, cx: &Context) -> Result<(), Failure> {
        if live.is_none_or(|live| live == self) {
            return Ok(());
        }
        let (group, name) = parts(id)?;
        self.put(group, name, cx).await
    }

    async fn read(ids: &[String], cx: &Context) -> Result<Vec<Option<Live<Self>>>, Failure> {
        let groups: BTreeSet<&str> =
            ids.iter().map(|id| parts(id).map(|(group, _)| group)).collect::<Result<_, _>>()?;
        let groups: Vec<&str> = groups.into_iter().collect();
        let mut found: HashMap<String, MetricFilter> = HashMap::new();
        for some in groups.chunks(AT_ONCE) {
            let lists = try_join_all(some.iter().map(|group| describe(group, cx))).await?;
            let filters = lists.into_iter().flatten().map(MetricFilter::from);
            found.extend(filters.filter_map(|filter| Some((filter.id()?, filter))));
        }
        Ok(ids.iter().map(|id| found.remove(id).map(Live::new)).collect())
    }

    async fn delete(id: &str, cx: &Context) -> Result<(), Failure> {
        let (group, name) = parts(id)?;
        let call = cx.client(Client::new).delete_metric_filter().log_group_name(group).filter_name(name).send();
        call.await.aws("logs:DeleteMetricFilter").absent().map(drop)
    }

    fn charges(&self, _: &Pricing<'_>) -> Vec<Charge> {
        // A metric costs in months in which it has data. Each value of a dimension makes one more metric.
        let transformations = self.metric_transformations.as_deref().unwrap_or_default();
        let dimensions = transformations.iter().any(|one| one.dimensions.as_ref().is_some_and(|list| !list.is_empty()));
        let quantity = if dimensions { Quantity::between(0.0, 3.0, 10.0) } else { Quantity::between(0.0, 1.0, 1.0) };
        vec![Charge::new("Custom metrics", "cloudwatch.metric.month", quantity)]
    }
}

impl MetricFilter {
    async fn put(&self, group: &str, name: &str, cx: &Context) -> Result<(), Failure> {
        let transformations = self.metric_transformations.as_deref().unwrap_or_default();
        let transformations = transformations.iter().map(sdk_transformation).collect::<Result<_, _>>()?;
        cx.client(Client::new)
            .put_metric_filter()
            .log_group_name(group)
            .filter_name(name)
            .filter_pattern(self.filter_pattern.as_deref().unwrap_or_default())
            .set_metric_transformations(Some(transformations))
            .set_apply_on_transformed_logs(self.apply_on_transformed_logs)
            .set_field_selection_criteria(self.field_selection_criteria.clone())
            .set_emit_system_field_dimensions(self.emit_system_field_dimensions.clone())
            .send()
            .await
            .aws("logs:PutMetricFilter")
            .map(drop)
    }
}

fn parts(id: &str) -> Result<(&str, &str), Failure> {
    id.split_once('|')
        .ok_or_else(|| Failure::invalid(format!("`{id}` is no metric filter: write `LogGroupName|FilterName`")))
}

/// The filters of a log group; none if it is gone.
async fn describe(group: &str, cx: &Context) -> Result<Vec<SdkMetricFilter>, Failure> {
    let pages = cx.client(Client::new).describe_metric_filters().log_group_name(group).into_paginator();
    let found = pages.items().send().collect::<Result<Vec<_>, _>>().await.aws("logs:DescribeMetricFilters");
    Ok(found.absent()?.unwrap_or_default())
}

fn sdk_transformation(given: &MetricTransformation) -> Result<SdkTransformation, Failure> {
    let dimension = |dimension: &FieldDimension| (dimension.key.clone(), dimension.value.clone());
    SdkTransformation::builder()
        .metric_name(&given.metric_name)
        .metric_namespace(&given.metric_namespace)
        .metric_value(&given.metric_value)
        .set_default_value(given.default_value)
        .set_dimensions(given.dimensions.as_ref().map(|list| list.iter().map(dimension).collect()))
        .set_unit(given.unit.as_deref().map(StandardUnit::from))
        .build()
        .map_err(|error| Failure::invalid(error.to_string()))
}

impl From<SdkMetricFilter> for MetricFilter {
    fn from(filter: SdkMetricFilter) -> Self {
        let transformation = |found: SdkTransformation| {
            let pairs = found.dimensions.into_iter().flatten();
            let mut dimensions: Vec<_> = pairs.map(|(key, value)| FieldDimension { key, value }).collect();
            dimensions.sort();
            MetricTransformation {
                default_value: found.default_value,
                dimensions: given(Some(dimensions)),
                metric_name: found.metric_name,
                metric_namespace: found.metric_namespace,
                metric_value: found.metric_value,
                unit: found.unit.map(|unit| unit.to_string()),
            }
        };
        Self {
            // Not told apart from not given.
            apply_on_transformed_logs: filter.apply_on_transformed_logs.then_some(true),
            emit_system_field_dimensions: given(filter.emit_system_field_dimensions),
            field_selection_criteria: text(filter.field_selection_criteria),
            filter_name: filter.filter_name,
            filter_pattern: Some(filter.filter_pattern.unwrap_or_default()),
            log_group_name: filter.log_group_name,
            metric_transformations: filter
                .metric_transformations
                .map(|list| list.into_iter().map(transformation).collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_aws_describes_is_what_was_declared() {
        let declared = json!({
            "FilterName": "p-api-errors", "FilterPattern": "?ERROR", "LogGroupName": "/ecs/p/api",
            "MetricTransformations": [{
                "DefaultValue": 0.0, "Dimensions": [{ "Key": "a", "Value": "$.a" }, { "Key": "b", "Value": "$.b" }],
                "MetricName": "api-errors", "MetricNamespace": "p", "MetricValue": "1"
            }]
        });
        let filter: MetricFilter = serde_json::from_value(declared.clone()).unwrap();
        let transformations = filter.metric_transformations.as_ref().unwrap().iter();
        let described = SdkMetricFilter::builder()
            .filter_name("p-api-errors")
            .filter_pattern("?ERROR")
            .log_group_name("/ecs/p/api")
            .set_metric_transformations(Some(transformations.map(|one| sdk_transformation(one).unwrap()).collect()))
            .apply_on_transformed_logs(false)
            .build();
        let live = engine::intrinsic::lower(serde_json::to_value(MetricFilter::from(described)).unwrap());
        assert_eq!(live, declared);
        assert_eq!(filter.id().as_deref(), Some("/ecs/p/api|p-api-errors"));
    }

    #[test]
    fn an_id_has_two_parts() {
        assert_eq!(parts("/ecs/p/api|a|b").unwrap(), ("/ecs/p/api", "a|b"));
        assert!(parts("nothing").is_err());
    }
}
