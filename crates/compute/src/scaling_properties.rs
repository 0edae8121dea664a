//! The rules of a scaling policy, as CloudFormation writes them, and to and from the SDK's types.

use aws_sdk_applicationautoscaling::types as sdk;
use cloud::Failure;
use serde::{Deserialize, Serialize};

use crate::ecs::{each, incomplete, try_each};

/// Steps by how far an alarm's metric is off.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct StepScalingPolicyConfiguration {
    /// `ChangeInCapacity`, `ExactCapacity` or `PercentChangeInCapacity`.
    pub adjustment_type: Option<String>,
    /// Seconds between two steps.
    pub cooldown: Option<i32>,
    /// `Average`, `Minimum` or `Maximum`.
    pub metric_aggregation_type: Option<String>,
    /// The least change for percentages.
    pub min_adjustment_magnitude: Option<i32>,
    /// The steps.
    pub step_adjustments: Option<Vec<StepAdjustment>>,
}

/// One step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct StepAdjustment {
    /// From so far above the alarm's threshold.
    pub metric_interval_lower_bound: Option<f64>,
    /// Up to so far above it.
    pub metric_interval_upper_bound: Option<f64>,
    /// By so many.
    pub scaling_adjustment: Option<i32>,
}

/// A metric held at a value.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct TargetTrackingScalingPolicyConfiguration {
    /// A metric of one's own.
    pub customized_metric_specification: Option<CustomizedMetricSpecification>,
    /// Whether it only adds.
    pub disable_scale_in: Option<bool>,
    /// A metric that AWS knows.
    pub predefined_metric_specification: Option<PredefinedMetricSpecification>,
    /// Seconds after removing before more are removed.
    pub scale_in_cooldown: Option<i32>,
    /// Seconds after adding before more are added.
    pub scale_out_cooldown: Option<i32>,
    /// The value.
    pub target_value: Option<f64>,
}

/// A metric that AWS knows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct PredefinedMetricSpecification {
    /// `ECSServiceAverageCPUUtilization`, `ECSServiceAverageMemoryUtilization`, `ALBRequestCountPerTarget`, …
    pub predefined_metric_type: Option<String>,
    /// For `ALBRequestCountPerTarget`: `app/name/id/targetgroup/name/id`.
    pub resource_label: Option<String>,
}

/// A metric of one's own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct CustomizedMetricSpecification {
    /// Its dimensions.
    pub dimensions: Option<Vec<MetricDimension>>,
    /// Its name.
    pub metric_name: Option<String>,
    /// Metrics and expressions, in place of one metric: a queue's backlog per task.
    pub metrics: Option<Vec<TargetTrackingMetricDataQuery>>,
    /// Its namespace.
    pub namespace: Option<String>,
    /// `Average`, `Sum`, …
    pub statistic: Option<String>,
    /// Its unit.
    pub unit: Option<String>,
}

/// A dimension of a metric.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct MetricDimension {
    /// Its name.
    pub name: Option<String>,
    /// Its value.
    pub value: Option<String>,
}

/// A metric or an expression.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct TargetTrackingMetricDataQuery {
    /// The expression.
    pub expression: Option<String>,
    /// What expressions call it.
    pub id: Option<String>,
    /// A label.
    pub label: Option<String>,
    /// The metric.
    pub metric_stat: Option<TargetTrackingMetricStat>,
    /// Whether it is the one that is held.
    pub return_data: Option<bool>,
}

/// A metric and its statistic.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct TargetTrackingMetricStat {
    /// The metric.
    pub metric: Option<TargetTrackingMetric>,
    /// The statistic.
    pub stat: Option<String>,
    /// The unit.
    pub unit: Option<String>,
}

/// A metric.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct TargetTrackingMetric {
    /// Its dimensions.
    pub dimensions: Option<Vec<MetricDimension>>,
    /// Its name.
    pub metric_name: Option<String>,
    /// Its namespace.
    pub namespace: Option<String>,
}

pub(crate) fn steps_to_sdk(
    it: &StepScalingPolicyConfiguration,
) -> Result<sdk::StepScalingPolicyConfiguration, Failure> {
    let steps = try_each(&it.step_adjustments, |it| {
        sdk::StepAdjustment::builder()
            .set_metric_interval_lower_bound(it.metric_interval_lower_bound)
            .set_metric_interval_upper_bound(it.metric_interval_upper_bound)
            .set_scaling_adjustment(it.scaling_adjustment)
            .build()
            .map_err(incomplete)
    })?;
    let built = sdk::StepScalingPolicyConfiguration::builder()
        .set_adjustment_type(it.adjustment_type.as_deref().map(sdk::AdjustmentType::from))
        .set_cooldown(it.cooldown)
        .set_metric_aggregation_type(it.metric_aggregation_type.as_deref().map(sdk::MetricAggregationType::from))
        .set_min_adjustment_magnitude(it.min_adjustment_magnitude)
        .set_step_adjustments(steps);
    Ok(built.build())
}

pub(crate) fn steps_from_sdk(it: &sdk::StepScalingPolicyConfiguration) -> StepScalingPolicyConfiguration {
    StepScalingPolicyConfiguration {
        adjustment_type: it.adjustment_type().map(ToString::to_string),
        cooldown: it.cooldown,
        metric_aggregation_type: it.metric_aggregation_type().map(ToString::to_string),
        min_adjustment_magnitude: it.min_adjustment_magnitude,
        step_adjustments: each(it.step_adjustments(), |it| StepAdjustment {
            metric_interval_lower_bound: it.metric_interval_lower_bound,
            metric_interval_upper_bound: it.metric_interval_upper_bound,
            scaling_adjustment: Some(it.scaling_adjustment),
        }),
    }
}

pub(crate) fn tracking_to_sdk(
    it: &TargetTrackingScalingPolicyConfiguration,
) -> Result<sdk::TargetTrackingScalingPolicyConfiguration, Failure> {
    let predefined = it.predefined_metric_specification.as_ref().map(|it| {
        sdk::PredefinedMetricSpecification::builder()
            .set_predefined_metric_type(it.predefined_metric_type.as_deref().map(sdk::MetricType::from))
            .set_resource_label(it.resource_label.clone())
            .build()
            .map_err(incomplete)
    });
    sdk::TargetTrackingScalingPolicyConfiguration::builder()
        .set_customized_metric_specification(
            it.customized_metric_specification.as_ref().map(customized_to_sdk).transpose()?,
        )
        .set_disable_scale_in(it.disable_scale_in)
        .set_predefined_metric_specification(predefined.transpose()?)
        .set_scale_in_cooldown(it.scale_in_cooldown)
        .set_scale_out_cooldown(it.scale_out_cooldown)
        .set_target_value(it.target_value)
        .build()
        .map_err(incomplete)
}

fn customized_to_sdk(it: &CustomizedMetricSpecification) -> Result<sdk::CustomizedMetricSpecification, Failure> {
    let dimensions = try_each(&it.dimensions, |it| {
        let dimension = sdk::MetricDimension::builder().set_name(it.name.clone()).set_value(it.value.clone());
        dimension.build().map_err(incomplete)
    })?;
    let metrics = try_each(&it.metrics, |it| {
        sdk::TargetTrackingMetricDataQuery::builder()
            .set_expression(it.expression.clone())
            .set_id(it.id.clone())
            .set_label(it.label.clone())
            .set_metric_stat(it.metric_stat.as_ref().map(stat_to_sdk).transpose()?)
            .set_return_data(it.return_data)
            .build()
            .map_err(incomplete)
    })?;
    let built = sdk::CustomizedMetricSpecification::builder()
        .set_dimensions(dimensions)
        .set_metric_name(it.metric_name.clone())
        .set_metrics(metrics)
        .set_namespace(it.namespace.clone())
        .set_statistic(it.statistic.as_deref().map(sdk::MetricStatistic::from))
        .set_unit(it.unit.clone());
    Ok(built.build())
}

fn stat_to_sdk(it: &TargetTrackingMetricStat) -> Result<sdk::TargetTrackingMetricStat, Failure> {
    let metric = it.metric.as_ref().map(|it| {
        let dimensions = try_each(&it.dimensions, |it| {
            let dimension = sdk::TargetTrackingMetricDimension::builder();
            dimension.set_name(it.name.clone()).set_value(it.value.clone()).build().map_err(incomplete)
        })?;
        let built = sdk::TargetTrackingMetric::builder()
            .set_dimensions(dimensions)
            .set_metric_name(it.metric_name.clone())
            .set_namespace(it.namespace.clone());
        Ok::<_, Failure>(built.build())
    });
    sdk::TargetTrackingMetricStat::builder()
        .set_metric(metric.transpose()?)
        .set_stat(it.stat.clone())
        .set_unit(it.unit.clone())
        .build()
        .map_err(incomplete)
}

pub(crate) fn tracking_from_sdk(
    it: &sdk::TargetTrackingScalingPolicyConfiguration,
) -> TargetTrackingScalingPolicyConfiguration {
    TargetTrackingScalingPolicyConfiguration {
        customized_metric_specification: it.customized_metric_specification().map(customized_from_sdk),
        disable_scale_in: it.disable_scale_in,
        predefined_metric_specification: it.predefined_metric_specification().map(|it| PredefinedMetricSpecification {
            predefined_metric_type: Some(it.predefined_metric_type.to_string()),
            resource_label: it.resource_label.clone(),
        }),
        scale_in_cooldown: it.scale_in_cooldown,
        scale_out_cooldown: it.scale_out_cooldown,
        target_value: Some(it.target_value),
    }
}

fn customized_from_sdk(it: &sdk::CustomizedMetricSpecification) -> CustomizedMetricSpecification {
    CustomizedMetricSpecification {
        dimensions: each(it.dimensions(), |it| MetricDimension {
            name: Some(it.name.clone()),
            value: Some(it.value.clone()),
        }),
        metric_name: it.metric_name.clone(),
        metrics: each(it.metrics(), |it| TargetTrackingMetricDataQuery {
            expression: it.expression.clone(),
            id: Some(it.id.clone()),
            label: it.label.clone(),
            metric_stat: it.metric_stat().map(|it| TargetTrackingMetricStat {
                metric: it.metric().map(|it| TargetTrackingMetric {
                    dimensions: each(it.dimensions(), |it| MetricDimension {
                        name: Some(it.name.clone()),
                        value: Some(it.value.clone()),
                    }),
                    metric_name: it.metric_name.clone(),
                    namespace: it.namespace.clone(),
                }),
                stat: Some(it.stat.clone()),
                unit: it.unit.clone(),
            }),
            return_data: it.return_data,
        }),
        namespace: it.namespace.clone(),
        statistic: it.statistic().map(ToString::to_string),
        unit: it.unit.clone(),
    }
}
