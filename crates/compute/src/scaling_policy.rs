//! `AWS::ApplicationAutoScaling::ScalingPolicy`:
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-applicationautoscaling-scalingpolicy.html>.

use std::collections::BTreeMap;

use aws_sdk_applicationautoscaling::Client;
use aws_sdk_applicationautoscaling::types::{
    PolicyType, ScalableDimension, ScalingPolicy as SdkPolicy, ServiceNamespace,
};
use cloud::{Absent, Aws, AwsResult, Charge, Context, Created, Failure, Live, Pricing, Quantity, Resource};
use serde::{Deserialize, Serialize};

use crate::scalable_target::parts;
use crate::scaling_properties::{
    StepScalingPolicyConfiguration, TargetTrackingScalingPolicyConfiguration, steps_from_sdk, steps_to_sdk,
    tracking_from_sdk, tracking_to_sdk,
};

/// When a target is scaled, and by how much.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct ScalingPolicy {
    /// The name.
    pub policy_name: Option<String>,
    /// `TargetTrackingScaling` or `StepScaling`.
    pub policy_type: Option<String>,
    /// What is scaled, where `ScalingTargetId` is not given.
    pub resource_id: Option<String>,
    /// What of it is scaled.
    pub scalable_dimension: Option<String>,
    /// The scalable target.
    pub scaling_target_id: Option<String>,
    /// The service it belongs to.
    pub service_namespace: Option<String>,
    /// Steps by how far an alarm's metric is off.
    pub step_scaling_policy_configuration: Option<StepScalingPolicyConfiguration>,
    /// A metric held at a value.
    pub target_tracking_scaling_policy_configuration: Option<TargetTrackingScalingPolicyConfiguration>,
}

impl Resource for ScalingPolicy {
    const TYPE: &'static str = "AWS::ApplicationAutoScaling::ScalingPolicy";

    async fn create(&self, cx: &Context) -> Result<Created, Failure> {
        let arn = self.put(cx).await?;
        Ok(Created::new(&arn).with("Arn", arn.clone()))
    }

    async fn sync(&self, _id: &str, live: Option<&Self>, cx: &Context) -> Result<(), Failure> {
        match live {
            // PutScalingPolicy replaces the whole policy of that name, and keeps its ARN.
            Some(live) if self.rules() != live.rules() => self.put(cx).await.map(drop),
            _ => Ok(()),
        }
    }

    async fn read(ids: &[String], cx: &Context) -> Result<Vec<Option<Live<Self>>>, Failure> {
        let mut names: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for id in ids {
            let Some((namespace, _, name)) = arn_parts(id) else { continue };
            names.entry(namespace).or_default().push(name.to_owned());
        }
        let mut found = Vec::new();
        for (namespace, mut names) in names {
            names.sort();
            names.dedup();
            // The API takes fifty at a time.
            for chunk in names.chunks(50) {
                found.extend(describe(namespace, None, chunk, cx).await?);
            }
        }
        Ok(ids.iter().map(|id| of_id(id, &found).map(live)).collect())
    }

    /// What a policy is called and is for tells it too, where the rest of the ARN is another.
    async fn canonical(id: &str, live: &Live<Self>, _: &Context) -> Result<String, Failure> {
        Ok(live.attribute("Arn").unwrap_or(id).to_owned())
    }

    async fn delete(id: &str, cx: &Context) -> Result<(), Failure> {
        let Some((namespace, resource, name)) = arn_parts(id) else {
            return Err(Failure::invalid(format!("`{id}` is no ARN of a scaling policy")));
        };
        // The ARN does not say the dimension.
        let found = describe(namespace, Some(resource), &[name.to_owned()], cx).await?;
        let Some(policy) = of_id(id, &found) else { return Ok(()) };
        let delete = cx
            .client(Client::new)
            .delete_scaling_policy()
            .policy_name(name)
            .resource_id(resource)
            .scalable_dimension(policy.scalable_dimension.clone())
            .service_namespace(ServiceNamespace::from(namespace));
        delete.send().await.aws("application-autoscaling:DeleteScalingPolicy").absent().map(drop)
    }

    async fn find(&self, cx: &Context) -> Result<Option<Created>, Failure> {
        // Policies carry no tags: one of that name on that target is what PutScalingPolicy would change anyway.
        let (resource, dimension, namespace) = self.target();
        let name = self.policy_name.clone().unwrap_or_default();
        let found = describe(namespace, Some(resource), std::slice::from_ref(&name), cx).await?;
        let same = |it: &&SdkPolicy| it.policy_name == name && it.scalable_dimension.as_str() == dimension;
        let found = found.iter().find(same);
        Ok(found.map(|policy| Created::new(&policy.policy_arn).with("Arn", policy.policy_arn.clone())))
    }

    fn charges(&self, _pricing: &Pricing<'_>) -> Vec<Charge> {
        match self.policy_type.as_deref() {
            // Application Auto Scaling makes two alarms, one to add and one to remove.
            Some("TargetTrackingScaling") => {
                let count = if self.only_adds() { 1.0 } else { 2.0 };
                vec![Charge::new("alarms of target tracking", "cloudwatch.alarm.month", Quantity::exactly(count))]
            }
            _ => Vec::new(),
        }
    }
}

impl ScalingPolicy {
    /// Resource, dimension and namespace of what is scaled.
    fn target(&self) -> (&str, &str, &str) {
        match &self.scaling_target_id {
            Some(id) => parts(id),
            None => (
                self.resource_id.as_deref().unwrap_or_default(),
                self.scalable_dimension.as_deref().unwrap_or_default(),
                self.service_namespace.as_deref().unwrap_or_default(),
            ),
        }
    }

    fn only_adds(&self) -> bool {
        let tracking = self.target_tracking_scaling_policy_configuration.as_ref();
        tracking.and_then(|tracking| tracking.disable_scale_in) == Some(true)
    }

    /// What PutScalingPolicy can change, without what AWS fills in.
    fn rules(&self) -> impl PartialEq + use<> {
        let tracking = self.target_tracking_scaling_policy_configuration.clone().map(|mut tracking| {
            tracking.disable_scale_in = Some(tracking.disable_scale_in.unwrap_or(false));
            tracking
        });
        (self.policy_type.clone(), self.step_scaling_policy_configuration.clone(), tracking)
    }

    async fn put(&self, cx: &Context) -> Result<String, Failure> {
        let (resource, dimension, namespace) = self.target();
        let tracking = self.target_tracking_scaling_policy_configuration.as_ref();
        let put = cx
            .client(Client::new)
            .put_scaling_policy()
            .set_policy_name(self.policy_name.clone())
            .set_policy_type(self.policy_type.as_deref().map(PolicyType::from))
            .resource_id(resource)
            .scalable_dimension(ScalableDimension::from(dimension))
            .service_namespace(ServiceNamespace::from(namespace))
            .set_step_scaling_policy_configuration(
                self.step_scaling_policy_configuration.as_ref().map(steps_to_sdk).transpose()?,
            )
            .set_target_tracking_scaling_policy_configuration(tracking.map(tracking_to_sdk).transpose()?);
        let action = "application-autoscaling:PutScalingPolicy";
        let made = put.send().await.aws(action)?;
        Ok(made.policy_arn)
    }
}

/// Namespace, resource and name in `…:scalingPolicy:id:resource/ecs/service/cluster/name:policyName/name`.
fn arn_parts(arn: &str) -> Option<(&str, &str, &str)> {
    let (_, rest) = arn.split_once(":resource/")?;
    let (path, name) = rest.split_once(":policyName/")?;
    let (namespace, resource) = path.split_once('/')?;
    Some((namespace, resource, name))
}

/// The policy that an ARN means: the one that has it, else the one of that name on that resource, which is what names a
/// policy to the API (moto gives it another ARN with every change).
fn of_id<'a>(arn: &str, policies: &'a [SdkPolicy]) -> Option<&'a SdkPolicy> {
    let same = |policy: &&SdkPolicy| {
        arn_parts(arn).is_some_and(|(namespace, resource, name)| {
            policy.service_namespace.as_str() == namespace
                && policy.resource_id == resource
                && policy.policy_name == name
        })
    };
    policies.iter().find(|policy| policy.policy_arn == arn).or_else(|| policies.iter().find(same))
}

async fn describe(
    namespace: &str,
    resource: Option<&str>,
    names: &[String],
    cx: &Context,
) -> Result<Vec<SdkPolicy>, Failure> {
    let describe = cx
        .client(Client::new)
        .describe_scaling_policies()
        .service_namespace(ServiceNamespace::from(namespace))
        .set_resource_id(resource.map(str::to_owned))
        .set_policy_names(Some(names.to_vec()));
    let pages = describe.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
    pages.aws("application-autoscaling:DescribeScalingPolicies")
}

fn live(policy: &SdkPolicy) -> Live<ScalingPolicy> {
    let tracking = policy.target_tracking_scaling_policy_configuration();
    let properties = ScalingPolicy {
        policy_name: Some(policy.policy_name.clone()),
        policy_type: Some(policy.policy_type.to_string()),
        resource_id: Some(policy.resource_id.clone()),
        scalable_dimension: Some(policy.scalable_dimension.to_string()),
        scaling_target_id: None,
        service_namespace: Some(policy.service_namespace.to_string()),
        step_scaling_policy_configuration: policy.step_scaling_policy_configuration().map(steps_from_sdk),
        target_tracking_scaling_policy_configuration: tracking.map(tracking_from_sdk),
    };
    Live::new(properties).with("Arn", policy.policy_arn.clone())
}

#[cfg(test)]
mod tests {
    use aws_sdk_applicationautoscaling::primitives::DateTime;
    use serde_json::{Value, json};

    use super::*;

    const ARN: &str = "arn:aws:autoscaling:us-east-1:123456789012:scalingPolicy:1-2-3:resource/ecs/service/cluster/api:policyName/cpu";

    fn read(declared: &Value) -> Value {
        let typed: ScalingPolicy = serde_json::from_value(declared.clone()).unwrap();
        let tracking = typed.target_tracking_scaling_policy_configuration.as_ref();
        let steps = typed.step_scaling_policy_configuration.as_ref();
        let sdk = SdkPolicy::builder()
            .policy_arn(ARN)
            .policy_name("cpu")
            .policy_type(PolicyType::from(typed.policy_type.as_deref().unwrap()))
            .resource_id("service/cluster/api")
            .scalable_dimension(ScalableDimension::EcsServiceDesiredCount)
            .service_namespace(ServiceNamespace::Ecs)
            .set_target_tracking_scaling_policy_configuration(tracking.map(|it| tracking_to_sdk(it).unwrap()))
            .set_step_scaling_policy_configuration(steps.map(|it| steps_to_sdk(it).unwrap()))
            .creation_time(DateTime::from_secs(0))
            .build()
            .unwrap();
        let read = engine::intrinsic::lower(serde_json::to_value(live(&sdk).properties).unwrap());
        assert_eq!(schema::validate(ScalingPolicy::TYPE, &read), []);
        read
    }

    fn declared(kind: &str, property: &str, configuration: Value) -> Value {
        json!({
            "PolicyName": "cpu", "PolicyType": kind, "ResourceId": "service/cluster/api",
            "ScalableDimension": "ecs:service:DesiredCount", "ServiceNamespace": "ecs", property: configuration,
        })
    }

    #[test]
    fn every_kind_is_read_as_it_was_declared() {
        let tracking = |configuration| {
            declared("TargetTrackingScaling", "TargetTrackingScalingPolicyConfiguration", configuration)
        };
        let cases = [
            tracking(json!({
                "DisableScaleIn": false,
                "PredefinedMetricSpecification": { "PredefinedMetricType": "ECSServiceAverageCPUUtilization" },
                "ScaleInCooldown": 300, "ScaleOutCooldown": 60, "TargetValue": 70.0,
            })),
            tracking(json!({
                "CustomizedMetricSpecification": {
                    "Dimensions": [{ "Name": "QueueName", "Value": "jobs" }],
                    "MetricName": "ApproximateNumberOfMessagesVisible", "Namespace": "AWS/SQS", "Statistic": "Average",
                    "Unit": "Count",
                },
                "TargetValue": 10.0,
            })),
            tracking(json!({
                "CustomizedMetricSpecification": { "Metrics": [
                    { "Id": "m", "Label": "messages", "ReturnData": false, "MetricStat": {
                        "Stat": "Sum", "Unit": "Count", "Metric": {
                            "MetricName": "ApproximateNumberOfMessagesVisible", "Namespace": "AWS/SQS",
                            "Dimensions": [{ "Name": "QueueName", "Value": "jobs" }],
                        },
                    } },
                    { "Id": "e", "Expression": "m / 2", "ReturnData": true },
                ] },
                "TargetValue": 10.0,
            })),
            declared(
                "StepScaling",
                "StepScalingPolicyConfiguration",
                json!({
                    "AdjustmentType": "PercentChangeInCapacity", "Cooldown": 60, "MetricAggregationType": "Maximum",
                    "MinAdjustmentMagnitude": 1,
                    "StepAdjustments": [
                        { "MetricIntervalLowerBound": 0.0, "MetricIntervalUpperBound": 10.0, "ScalingAdjustment": 10 },
                        { "MetricIntervalLowerBound": 10.0, "ScalingAdjustment": 30 },
                    ],
                }),
            ),
        ];
        for case in cases {
            let read = read(&case);
            assert_eq!(read, case);
        }
    }

    #[test]
    fn an_arn_holds_namespace_resource_and_name() {
        assert_eq!(arn_parts(ARN), Some(("ecs", "service/cluster/api", "cpu")));
        assert_eq!(arn_parts("arn:aws:iam::1:role/x"), None);
    }

    #[test]
    fn a_policy_is_known_by_its_arn_or_by_name_and_resource() {
        let policy = |arn: &str, resource: &str| {
            SdkPolicy::builder()
                .policy_arn(arn)
                .policy_name("cpu")
                .policy_type(PolicyType::StepScaling)
                .resource_id(resource)
                .scalable_dimension(ScalableDimension::EcsServiceDesiredCount)
                .service_namespace(ServiceNamespace::Ecs)
                .creation_time(DateTime::from_secs(0))
                .build()
                .unwrap()
        };
        let renewed = ARN.replace("1-2-3", "4-5-6");
        let (same, other) = (policy(&renewed, "service/cluster/api"), policy("arn:other", "service/cluster/other"));
        let exact = policy(ARN, "service/cluster/api");
        assert_eq!(of_id(ARN, &[other.clone(), same.clone()]), Some(&same));
        assert_eq!(of_id(ARN, &[same, exact.clone()]), Some(&exact));
        assert_eq!(of_id(ARN, &[other]), None);
    }

    #[test]
    fn the_target_comes_from_its_id_or_from_the_properties() {
        let by_id = ScalingPolicy {
            scaling_target_id: Some("service/c/api|ecs:service:DesiredCount|ecs".to_owned()),
            ..Default::default()
        };
        assert_eq!(by_id.target(), ("service/c/api", "ecs:service:DesiredCount", "ecs"));
        let by_properties = ScalingPolicy {
            resource_id: Some("service/c/api".to_owned()),
            scalable_dimension: Some("ecs:service:DesiredCount".to_owned()),
            service_namespace: Some("ecs".to_owned()),
            ..Default::default()
        };
        assert_eq!(by_properties.target(), by_id.target());
    }

    #[test]
    fn what_aws_fills_in_is_no_change() {
        let policy = |tracking: Value| -> ScalingPolicy {
            let property = "TargetTrackingScalingPolicyConfiguration";
            serde_json::from_value(declared("TargetTrackingScaling", property, tracking)).unwrap()
        };
        let plain = policy(json!({ "TargetValue": 70.0 }));
        assert!(plain.rules() == policy(json!({ "TargetValue": 70.0, "DisableScaleIn": false })).rules());
        assert!(plain.rules() != policy(json!({ "TargetValue": 75.0 })).rules());
    }
}
