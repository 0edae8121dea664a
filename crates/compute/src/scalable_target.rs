//! `AWS::ApplicationAutoScaling::ScalableTarget`:
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-applicationautoscaling-scalabletarget.html>.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_applicationautoscaling::Client;
use aws_sdk_applicationautoscaling::primitives::{DateTime, DateTimeFormat};
use aws_sdk_applicationautoscaling::types::{
    ScalableDimension, ScalableTarget as SdkTarget, ScalableTargetAction as SdkAction, ScheduledAction as SdkScheduled,
    ServiceNamespace, SuspendedState as SdkSuspended,
};
use cloud::{
    Absent, Aws, AwsResult, Charge, Context, Created, Failure, FailureKind, Live, Pricing, Resource, Tag, tags,
};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use crate::{ecs, fargate};

/// Something that Application Auto Scaling may scale, and between which bounds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct ScalableTarget {
    /// The most.
    pub max_capacity: Option<i32>,
    /// The least.
    pub min_capacity: Option<i32>,
    /// What is scaled: `service/cluster/name`.
    pub resource_id: Option<String>,
    /// The role, where it is not the service-linked one.
    #[serde(rename = "RoleARN")]
    pub role_arn: Option<String>,
    /// What of it is scaled: `ecs:service:DesiredCount`.
    pub scalable_dimension: Option<String>,
    /// Bounds that change by the clock.
    pub scheduled_actions: Option<Vec<ScheduledAction>>,
    /// The service it belongs to: `ecs`.
    pub service_namespace: Option<String>,
    /// What of scaling is suspended.
    pub suspended_state: Option<SuspendedState>,
    /// Tags.
    pub tags: Option<Vec<Tag>>,
}

/// Bounds from a moment on, once or again and again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct ScheduledAction {
    /// When it ends: `2027-01-31T00:00:00Z`.
    pub end_time: Option<String>,
    /// The bounds.
    pub scalable_target_action: Option<ScalableTargetAction>,
    /// `at(…)`, `rate(…)` or `cron(…)`.
    pub schedule: Option<String>,
    /// Its name.
    pub scheduled_action_name: Option<String>,
    /// When it begins.
    pub start_time: Option<String>,
    /// The time zone of the schedule: `America/New_York`; UTC without.
    pub timezone: Option<String>,
}

/// New bounds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct ScalableTargetAction {
    /// The most.
    pub max_capacity: Option<i32>,
    /// The least.
    pub min_capacity: Option<i32>,
}

/// What of scaling is suspended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct SuspendedState {
    /// Removing by policies.
    pub dynamic_scaling_in_suspended: Option<bool>,
    /// Adding by policies.
    pub dynamic_scaling_out_suspended: Option<bool>,
    /// Scheduled actions.
    pub scheduled_scaling_suspended: Option<bool>,
}

impl Resource for ScalableTarget {
    const TYPE: &'static str = "AWS::ApplicationAutoScaling::ScalableTarget";

    fn id(&self) -> Option<String> {
        let (resource, dimension) = (self.resource_id.as_deref()?, self.scalable_dimension.as_deref()?);
        Some(format!("{resource}|{dimension}|{}", self.service_namespace.as_deref()?))
    }

    async fn create(&self, cx: &Context) -> Result<Created, Failure> {
        let missing = || Failure::invalid("`ResourceId`, `ScalableDimension` and `ServiceNamespace` are needed");
        let id = self.id().ok_or_else(missing)?;
        let tags = tags::for_create(self.tags.as_deref().unwrap_or_default(), cx);
        self.register(None, Some(tags.into_iter().collect()), cx).await?;
        Ok(Created::new(&id).with("Id", id.clone()))
    }

    async fn sync(&self, id: &str, live: Option<&Self>, cx: &Context) -> Result<(), Failure> {
        let bounds = |target: &Self| (target.min_capacity, target.max_capacity);
        if let Some(live) = live
            && (bounds(self) != bounds(live)
                || self.suspended_state != live.suspended_state
                || self.role_arn != live.role_arn)
        {
            self.register(live.suspended_state.as_ref(), None, cx).await?;
        }
        if let Some(live) = live {
            self.sync_tags(id, live, cx).await?;
        }
        let was = live.and_then(|live| live.scheduled_actions.as_deref()).unwrap_or_default();
        sync_actions(id, self.scheduled_actions.as_deref().unwrap_or_default(), was, cx).await
    }

    async fn read(ids: &[String], cx: &Context) -> Result<Vec<Option<Live<Self>>>, Failure> {
        let mut resources: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for id in ids {
            let (resource, _, namespace) = parts(id);
            resources.entry(namespace).or_default().push(resource.to_owned());
        }
        let mut targets = Vec::new();
        let mut actions = Vec::new();
        for (namespace, mut resources) in resources {
            resources.sort();
            resources.dedup();
            // The API takes fifty at a time.
            for chunk in resources.chunks(50) {
                targets.extend(describe(namespace, chunk, cx).await?);
            }
            actions.extend(scheduled_actions(namespace, cx).await?.iter().cloned());
        }
        let read = async |id: &String| match targets.iter().find(|target| id_of(target) == *id) {
            Some(target) => Ok(Some(live(target, &actions, list_tags(target, cx).await?))),
            None => Ok::<_, Failure>(None),
        };
        try_join_all(ids.iter().map(read)).await
    }

    async fn delete(id: &str, cx: &Context) -> Result<(), Failure> {
        // Policies and scheduled actions go with it.
        let (resource, dimension, namespace) = parts(id);
        let deregister = cx
            .client(Client::new)
            .deregister_scalable_target()
            .resource_id(resource)
            .scalable_dimension(ScalableDimension::from(dimension))
            .service_namespace(ServiceNamespace::from(namespace));
        deregister.send().await.aws("application-autoscaling:DeregisterScalableTarget").absent().map(drop)
    }

    async fn find(&self, cx: &Context) -> Result<Option<Created>, Failure> {
        let Some(id) = self.id() else { return Ok(None) };
        let Some(target) = describe_one(&id, cx).await? else { return Ok(None) };
        let tags = list_tags(&target, cx).await?;
        let ours = cx.owns(tags.iter().map(|(key, value)| (key.as_str(), value.as_str())));
        Ok(ours.then(|| Created::new(&id).with("Id", id.clone())))
    }

    /// Its ARN says nothing of what it scales.
    async fn of_arn(arn: &str, cx: &Context) -> Result<Option<String>, Failure> {
        if cloud::arn_name(arn, "application-autoscaling", "scalable-target/").is_none() {
            return Ok(None);
        }
        let key = format!("application-autoscaling:DescribeScalableTargets {NAMESPACE}");
        let found = cx.once(&key, describe(NAMESPACE, &[], cx)).await?;
        Ok(found.iter().find(|target| target.scalable_target_arn() == Some(arn)).map(id_of))
    }

    fn charges(&self, pricing: &Pricing<'_>) -> Vec<Charge> {
        let (Some(min), Some(max), Some(resource)) = (self.min_capacity, self.max_capacity, &self.resource_id) else {
            return Vec::new();
        };
        match pricing.referenced(resource) {
            Some(service) => fargate::scaling_charges(f64::from(min), f64::from(max), service, pricing),
            None => Vec::new(),
        }
    }
}

impl ScalableTarget {
    /// Makes it, or changes its bounds: one call does both.
    async fn register(
        &self,
        was_suspended: Option<&SuspendedState>,
        tags: Option<HashMap<String, String>>,
        cx: &Context,
    ) -> Result<(), Failure> {
        // What is not said stays as it was, so what is no longer declared must be said.
        let resumed = was_suspended.map(|_| SuspendedState::default());
        let suspended = self.suspended_state.clone().or(resumed).map(|it| {
            SdkSuspended::builder()
                .dynamic_scaling_in_suspended(it.dynamic_scaling_in_suspended.unwrap_or(false))
                .dynamic_scaling_out_suspended(it.dynamic_scaling_out_suspended.unwrap_or(false))
                .scheduled_scaling_suspended(it.scheduled_scaling_suspended.unwrap_or(false))
                .build()
        });
        let register = cx
            .client(Client::new)
            .register_scalable_target()
            .set_max_capacity(self.max_capacity)
            .set_min_capacity(self.min_capacity)
            .set_resource_id(self.resource_id.clone())
            .set_role_arn(self.role_arn.clone())
            .set_scalable_dimension(self.scalable_dimension.as_deref().map(ScalableDimension::from))
            .set_service_namespace(self.service_namespace.as_deref().map(ServiceNamespace::from))
            .set_suspended_state(suspended)
            .set_tags(tags);
        let action = "application-autoscaling:RegisterScalableTarget";
        register.send().await.aws(action).map(drop).map_err(not_visible_yet)
    }

    async fn sync_tags(&self, id: &str, live: &Self, cx: &Context) -> Result<(), Failure> {
        let (declared, live) = (self.tags.as_deref().unwrap_or_default(), live.tags.as_deref().unwrap_or_default());
        let changes = tags::changes(declared, Some(live));
        if changes == tags::TagChanges::default() {
            return Ok(());
        }
        let target = describe_one(id, cx).await?.and_then(|target| target.scalable_target_arn);
        let arn =
            target.ok_or_else(|| Failure::new(FailureKind::NotFound, format!("the scalable target `{id}` is gone")))?;
        let client = cx.client(Client::new);
        if !changes.set.is_empty() {
            let tag = client.tag_resource().resource_arn(&arn).set_tags(Some(changes.set.into_iter().collect()));
            tag.send().await.aws("application-autoscaling:TagResource")?;
        }
        if !changes.remove.is_empty() {
            let untag = client.untag_resource().resource_arn(&arn).set_tag_keys(Some(changes.remove));
            untag.send().await.aws("application-autoscaling:UntagResource")?;
        }
        Ok(())
    }
}

async fn describe_one(id: &str, cx: &Context) -> Result<Option<SdkTarget>, Failure> {
    let (resource, _, namespace) = parts(id);
    let found = describe(namespace, &[resource.to_owned()], cx).await?;
    Ok(found.into_iter().find(|target| id_of(target) == id))
}

async fn list_tags(target: &SdkTarget, cx: &Context) -> Result<Vec<(String, String)>, Failure> {
    // Targets of old have no ARN, and so no tags.
    let Some(arn) = target.scalable_target_arn() else { return Ok(Vec::new()) };
    let own = async {
        let list = cx.client(Client::new).list_tags_for_resource().resource_arn(arn);
        let answer = list.send().await.aws("application-autoscaling:ListTagsForResource").absent()?;
        Ok(answer.and_then(|answer| answer.tags).unwrap_or_default().into_iter().collect())
    };
    tags::of_arn(arn, cx, own).await
}

/// A service made a moment ago is not known to Application Auto Scaling yet.
fn not_visible_yet(mut failure: Failure) -> Failure {
    if failure.message.contains("service doesn't exist") {
        failure.kind = FailureKind::NotYet;
    }
    failure
}

/// Resource, dimension and namespace of an id.
pub(crate) fn parts(id: &str) -> (&str, &str, &str) {
    let mut parts = id.rsplitn(3, '|');
    let (namespace, dimension) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    (parts.next().unwrap_or_default(), dimension, namespace)
}

fn id_of(target: &SdkTarget) -> String {
    format!("{}|{}|{}", target.resource_id, target.scalable_dimension, target.service_namespace)
}

/// The namespace of what this crate scales.
const NAMESPACE: &str = "ecs";

/// Targets by what they scale; all of the namespace if nothing is named.
async fn describe(namespace: &str, resources: &[String], cx: &Context) -> Result<Vec<SdkTarget>, Failure> {
    let describe = cx
        .client(Client::new)
        .describe_scalable_targets()
        .service_namespace(ServiceNamespace::from(namespace))
        .set_resource_ids((!resources.is_empty()).then(|| resources.to_vec()));
    let pages = describe.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
    pages.aws("application-autoscaling:DescribeScalableTargets")
}

/// All scheduled actions of a namespace: one call for all targets.
async fn scheduled_actions(namespace: &str, cx: &Context) -> Result<std::sync::Arc<Vec<SdkScheduled>>, Failure> {
    let describe =
        cx.client(Client::new).describe_scheduled_actions().service_namespace(ServiceNamespace::from(namespace));
    cx.once(&format!("application-autoscaling:DescribeScheduledActions {namespace}"), async move {
        let pages = describe.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
        pages.aws("application-autoscaling:DescribeScheduledActions")
    })
    .await
}

async fn sync_actions(
    id: &str,
    declared: &[ScheduledAction],
    was: &[ScheduledAction],
    cx: &Context,
) -> Result<(), Failure> {
    let (resource, dimension, namespace) = parts(id);
    let (dimension, namespace) = (ScalableDimension::from(dimension), ServiceNamespace::from(namespace));
    let client = cx.client(Client::new);
    for action in declared.iter().filter(|action| !was.contains(action)) {
        let bounds = action.scalable_target_action.as_ref().map(|bounds| {
            SdkAction::builder().set_min_capacity(bounds.min_capacity).set_max_capacity(bounds.max_capacity).build()
        });
        let put = client
            .put_scheduled_action()
            .resource_id(resource)
            .scalable_dimension(dimension.clone())
            .service_namespace(namespace.clone())
            .set_scheduled_action_name(action.scheduled_action_name.clone())
            .set_schedule(action.schedule.clone())
            .set_timezone(action.timezone.clone())
            .set_start_time(action.start_time.as_deref().map(moment).transpose()?)
            .set_end_time(action.end_time.as_deref().map(moment).transpose()?)
            .set_scalable_target_action(bounds);
        put.send().await.aws("application-autoscaling:PutScheduledAction")?;
    }
    let kept = |name: &Option<String>| declared.iter().any(|action| action.scheduled_action_name == *name);
    for action in was.iter().filter(|action| !kept(&action.scheduled_action_name)) {
        let delete = client
            .delete_scheduled_action()
            .resource_id(resource)
            .scalable_dimension(dimension.clone())
            .service_namespace(namespace.clone())
            .set_scheduled_action_name(action.scheduled_action_name.clone());
        delete.send().await.aws("application-autoscaling:DeleteScheduledAction").absent()?;
    }
    Ok(())
}

fn moment(text: &str) -> Result<DateTime, Failure> {
    let wrong = |_| Failure::invalid(format!("`{text}` is no moment: write it like 2027-01-31T18:00:00Z"));
    DateTime::from_str(text, DateTimeFormat::DateTimeWithOffset).map_err(wrong)
}

fn live(target: &SdkTarget, actions: &[SdkScheduled], tags: Vec<(String, String)>) -> Live<ScalableTarget> {
    let tags = tags::from_live(tags);
    let time = |at: &DateTime| at.fmt(DateTimeFormat::DateTime).unwrap_or_default();
    let of_target = |action: &&SdkScheduled| {
        action.resource_id == target.resource_id && action.scalable_dimension() == Some(&target.scalable_dimension)
    };
    let actions: Vec<SdkScheduled> = actions.iter().filter(of_target).cloned().collect();
    let properties = ScalableTarget {
        max_capacity: Some(target.max_capacity),
        min_capacity: Some(target.min_capacity),
        resource_id: Some(target.resource_id.clone()),
        role_arn: None,
        scalable_dimension: Some(target.scalable_dimension.to_string()),
        scheduled_actions: ecs::each(&actions, |action| ScheduledAction {
            end_time: action.end_time().map(time),
            scalable_target_action: action
                .scalable_target_action()
                .map(|it| ScalableTargetAction { max_capacity: it.max_capacity, min_capacity: it.min_capacity }),
            schedule: Some(action.schedule.clone()),
            scheduled_action_name: Some(action.scheduled_action_name.clone()),
            start_time: action.start_time().map(time),
            timezone: action.timezone.clone(),
        }),
        service_namespace: Some(target.service_namespace.to_string()),
        suspended_state: target.suspended_state().map(|it| SuspendedState {
            dynamic_scaling_in_suspended: it.dynamic_scaling_in_suspended,
            dynamic_scaling_out_suspended: it.dynamic_scaling_out_suspended,
            scheduled_scaling_suspended: it.scheduled_scaling_suspended,
        }),
        tags: (!tags.is_empty()).then_some(tags),
    };
    Live::new(properties).with("Id", id_of(target))
}

#[cfg(test)]
mod tests;
