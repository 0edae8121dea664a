//! `AWS::ECS::TaskDefinition`:
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ecs-taskdefinition.html>.
//!
//! ECS never changes a task definition: it registers another revision of its family. So every property but the tags is
//! create-only, and the replacement has the same family.

use std::collections::{BTreeMap, HashSet};

use aws_sdk_ecs::Client;
use aws_sdk_ecs::types::{
    Compatibility, CpuArchitecture, EphemeralStorage as SdkEphemeralStorage, IpcMode, NetworkMode, OsFamily, PidMode,
    RuntimePlatform as SdkRuntimePlatform, SortOrder, Tag as SdkTag, TaskDefinition as SdkTaskDefinition,
    TaskDefinitionField, TaskDefinitionPlacementConstraint as SdkConstraint, TaskDefinitionPlacementConstraintType,
    TaskDefinitionStatus,
};
use cloud::{Absent, Attributes, Aws, AwsResult, Context, Created, Failure, FailureKind, Live, Resource, Tag, tags};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use crate::container::ContainerDefinition;
use crate::volume::Volume;
use crate::{container_sdk, ecs, volume};

/// What a task is made of.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct TaskDefinition {
    /// The containers.
    pub container_definitions: Option<Vec<ContainerDefinition>>,
    /// CPU units of a task: `"256"` is a quarter of a vCPU.
    pub cpu: Option<String>,
    /// Whether faults may be injected into its tasks.
    pub enable_fault_injection: Option<bool>,
    /// The disk of a task on Fargate.
    pub ephemeral_storage: Option<EphemeralStorage>,
    /// The role by which ECS starts tasks.
    pub execution_role_arn: Option<String>,
    /// What its revisions are called; generated where there is none.
    pub family: Option<String>,
    /// Whose memory containers share: `host`, `task` or `none`.
    pub ipc_mode: Option<String>,
    /// MiB of memory of a task.
    pub memory: Option<String>,
    /// `awsvpc`, `bridge`, `host` or `none`.
    pub network_mode: Option<String>,
    /// Whose processes containers see: `host` or `task`.
    pub pid_mode: Option<String>,
    /// Where tasks may run; not on Fargate.
    pub placement_constraints: Option<Vec<TaskDefinitionPlacementConstraint>>,
    /// `FARGATE`, `EC2`, `EXTERNAL`.
    pub requires_compatibilities: Option<Vec<String>>,
    /// Processor and operating system.
    pub runtime_platform: Option<RuntimePlatform>,
    /// Tags of the revision.
    pub tags: Option<Vec<Tag>>,
    /// The role that the tasks' own code has.
    pub task_role_arn: Option<String>,
    /// Volumes.
    pub volumes: Option<Vec<Volume>>,
}

/// The disk of a task on Fargate.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct EphemeralStorage {
    /// GiB, 21 to 200.
    #[serde(rename = "SizeInGiB")]
    pub size_in_gib: Option<i32>,
}

/// Processor and operating system of a task.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct RuntimePlatform {
    /// `X86_64` or `ARM64`.
    pub cpu_architecture: Option<String>,
    /// `LINUX`, or a Windows Server.
    pub operating_system_family: Option<String>,
}

/// Where tasks may run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct TaskDefinitionPlacementConstraint {
    /// In the cluster query language.
    pub expression: Option<String>,
    /// `memberOf`.
    #[serde(rename = "Type")]
    pub kind: Option<String>,
}

impl Resource for TaskDefinition {
    const TYPE: &'static str = "AWS::ECS::TaskDefinition";

    async fn create(&self, cx: &Context) -> Result<Created, Failure> {
        let action = "ecs:RegisterTaskDefinition";
        let made = cx
            .client(Client::new)
            .register_task_definition()
            .family(self.family.clone().unwrap_or_else(|| ecs::generated_name(cx)))
            .set_container_definitions(ecs::try_each(&self.container_definitions, container_sdk::to_sdk)?)
            .set_cpu(self.cpu.clone())
            .set_enable_fault_injection(self.enable_fault_injection)
            .set_ephemeral_storage(
                self.ephemeral_storage
                    .as_ref()
                    .map(|storage| SdkEphemeralStorage::builder().set_size_in_gib(storage.size_in_gib).build()),
            )
            .set_execution_role_arn(self.execution_role_arn.clone())
            .set_ipc_mode(self.ipc_mode.as_deref().map(IpcMode::from))
            .set_memory(self.memory.clone())
            .set_network_mode(self.network_mode.as_deref().map(NetworkMode::from))
            .set_pid_mode(self.pid_mode.as_deref().map(PidMode::from))
            .set_placement_constraints(self.placement_constraints.as_deref().map(constraints_to_sdk))
            .set_requires_compatibilities(
                self.requires_compatibilities
                    .as_deref()
                    .map(|items| items.iter().map(|item| Compatibility::from(item.as_str())).collect()),
            )
            .set_runtime_platform(self.runtime_platform.as_ref().map(platform_to_sdk))
            .set_tags(Some(ecs::tags_for_create(&self.tags, cx)))
            .set_task_role_arn(self.task_role_arn.clone())
            .set_volumes(ecs::try_each(&self.volumes, volume::to_sdk)?)
            .send()
            .await
            .aws(action)
            .map_err(role_not_yet)?;
        let arn = made.task_definition.and_then(|made| made.task_definition_arn);
        arn.map(created).ok_or_else(|| Failure::missing(action, "taskDefinitionArn"))
    }

    async fn sync(&self, id: &str, live: Option<&Self>, cx: &Context) -> Result<(), Failure> {
        ecs::sync_tags(id, &self.tags, live.map(|live| &live.tags), cx).await
    }

    async fn read(ids: &[String], cx: &Context) -> Result<Vec<Option<Live<Self>>>, Failure> {
        // One call each: the API has no other way. A family can have hundreds of old revisions with the environment's tags.
        let old = &inactive(ids, cx).await?;
        let found = ids.iter().map(|id| async move {
            match old.contains(id.as_str()) {
                true => Ok(None),
                false => describe(id, cx).await,
            }
        });
        let found = try_join_all(found).await?;
        Ok(found.into_iter().map(|found| found.map(|(definition, tags)| live(&definition, &tags))).collect())
    }

    async fn delete(id: &str, cx: &Context) -> Result<(), Failure> {
        let deregister = cx.client(Client::new).deregister_task_definition().task_definition(id);
        match deregister.send().await.aws("ecs:DeregisterTaskDefinition").absent() {
            Err(failure) if is_absence(&failure) => Ok(()),
            other => other.map(drop),
        }
    }

    async fn find(&self, cx: &Context) -> Result<Option<Created>, Failure> {
        let made_up = || ecs::generated_name(cx);
        let family = tags::name_to_find::<Self>(&self.family, made_up, family_of, cx).await?;
        let Some(family) = family else { return Ok(None) };
        // The newest revisions: what this operation registered can only have been overtaken by a release or two.
        let list = cx.client(Client::new).list_task_definitions().family_prefix(&family).sort(SortOrder::Desc);
        let listed = list.max_results(10).send().await.aws("ecs:ListTaskDefinitions")?;
        let arns = listed.task_definition_arns();
        let found = try_join_all(arns.iter().map(|arn| describe(arn, cx))).await?;
        let ours = arns.iter().zip(found).find_map(|(arn, found)| {
            let (definition, tags) = found?;
            let same = definition.family() == Some(&family) && ecs::made(&tags, cx);
            same.then(|| created(arn.clone()))
        });
        Ok(ours)
    }

    /// AWS takes its family too, with or without the revision.
    async fn canonical(id: &str, live: &Live<Self>, _: &Context) -> Result<String, Failure> {
        Ok(live.attribute("TaskDefinitionArn").unwrap_or(id).to_owned())
    }

    fn id_of_arn(arn: &str) -> Option<String> {
        ecs::arn_of(arn, "task-definition/")
    }
}

/// Those revisions that are not active any more, where many of one family are asked for: one listing says it.
async fn inactive<'a>(ids: &'a [String], cx: &Context) -> Result<HashSet<&'a str>, Failure> {
    const FEW: usize = 3;
    let mut families: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for id in ids {
        family_of(id).into_iter().for_each(|family| families.entry(family).or_default().push(id));
    }
    let mut old = HashSet::new();
    for (family, mut ids) in families.into_iter().filter(|(_, ids)| ids.len() > FEW) {
        let list = cx.client(Client::new).list_task_definitions().family_prefix(family);
        let pages = list.status(TaskDefinitionStatus::Active).into_paginator().items().send();
        let active = pages.collect::<Result<Vec<String>, _>>().await.aws("ecs:ListTaskDefinitions")?;
        ids.retain(|id| !active.iter().any(|active| active == id));
        old.extend(ids);
    }
    Ok(old)
}

fn created(arn: String) -> Created {
    Created { attributes: attributes(&arn), id: arn }
}

/// `…:task-definition/family:7`
fn family_of(arn: &str) -> Option<&str> {
    cloud::arn_name(arn, "ecs", "task-definition/")?.split(':').next()
}

fn attributes(arn: &str) -> Attributes {
    Created::new("").with("TaskDefinitionArn", arn).attributes
}

/// A role made a moment ago is not known everywhere yet.
fn role_not_yet(mut failure: Failure) -> Failure {
    if failure.kind == FailureKind::Invalid && failure.message.to_lowercase().contains("role is not valid") {
        failure.kind = FailureKind::NotYet;
    }
    failure
}

/// ECS says "unable to describe" or "unable to find" with a general code.
fn is_absence(failure: &Failure) -> bool {
    let message = failure.message.to_lowercase();
    failure.is_not_found()
        || message.contains("unable to describe task definition")
        || message.contains("does not exist")
        || message.contains("in the process of being deleted")
}

async fn describe(arn: &str, cx: &Context) -> Result<Option<(SdkTaskDefinition, Vec<SdkTag>)>, Failure> {
    let describe = cx.client(Client::new).describe_task_definition().task_definition(arn);
    match describe.include(TaskDefinitionField::Tags).send().await.aws("ecs:DescribeTaskDefinition") {
        Err(failure) if is_absence(&failure) => Ok(None),
        Err(failure) => Err(failure),
        Ok(answer) => {
            let active = answer.task_definition.filter(|it| it.status() == Some(&TaskDefinitionStatus::Active));
            Ok(active.map(|definition| (definition, answer.tags.unwrap_or_default())))
        }
    }
}

fn constraints_to_sdk(constraints: &[TaskDefinitionPlacementConstraint]) -> Vec<SdkConstraint> {
    let constraint = |it: &TaskDefinitionPlacementConstraint| {
        SdkConstraint::builder()
            .set_expression(it.expression.clone())
            .set_type(it.kind.as_deref().map(TaskDefinitionPlacementConstraintType::from))
            .build()
    };
    constraints.iter().map(constraint).collect()
}

fn platform_to_sdk(platform: &RuntimePlatform) -> SdkRuntimePlatform {
    SdkRuntimePlatform::builder()
        .set_cpu_architecture(platform.cpu_architecture.as_deref().map(CpuArchitecture::from))
        .set_operating_system_family(platform.operating_system_family.as_deref().map(OsFamily::from))
        .build()
}

fn live(found: &SdkTaskDefinition, tags: &[SdkTag]) -> Live<TaskDefinition> {
    let properties = TaskDefinition {
        container_definitions: ecs::each(found.container_definitions(), container_sdk::from_sdk),
        cpu: found.cpu.clone(),
        enable_fault_injection: found.enable_fault_injection,
        ephemeral_storage: found
            .ephemeral_storage()
            .map(|storage| EphemeralStorage { size_in_gib: Some(storage.size_in_gib) }),
        execution_role_arn: found.execution_role_arn.clone(),
        family: found.family.clone(),
        ipc_mode: found.ipc_mode().map(ToString::to_string),
        memory: found.memory.clone(),
        network_mode: found.network_mode().map(ToString::to_string),
        pid_mode: found.pid_mode().map(ToString::to_string),
        placement_constraints: ecs::each(found.placement_constraints(), |it| TaskDefinitionPlacementConstraint {
            expression: it.expression.clone(),
            kind: it.r#type().map(ToString::to_string),
        }),
        requires_compatibilities: ecs::each(found.requires_compatibilities(), ToString::to_string),
        runtime_platform: found.runtime_platform().map(|platform| RuntimePlatform {
            cpu_architecture: platform.cpu_architecture().map(ToString::to_string),
            operating_system_family: platform.operating_system_family().map(ToString::to_string),
        }),
        tags: ecs::live_tags(tags),
        task_role_arn: found.task_role_arn.clone(),
        volumes: ecs::each(found.volumes(), volume::from_sdk),
    };
    Live { properties, attributes: attributes(found.task_definition_arn().unwrap_or_default()) }
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::types::ContainerDefinition as SdkContainer;
    use serde_json::json;

    use super::*;

    const ARN: &str = "arn:aws:ecs:us-east-1:123456789012:task-definition/arrakis-production-api:7";

    #[test]
    fn a_revision_is_read_as_it_was_declared() {
        let found = SdkTaskDefinition::builder()
            .task_definition_arn(ARN)
            .family("arrakis-production-api")
            .revision(7)
            .cpu("512")
            .memory("1024")
            .network_mode(NetworkMode::Awsvpc)
            .requires_compatibilities(Compatibility::Fargate)
            .compatibilities(Compatibility::Ec2)
            .runtime_platform(platform_to_sdk(&RuntimePlatform {
                cpu_architecture: Some("ARM64".to_owned()),
                operating_system_family: Some("LINUX".to_owned()),
            }))
            .ephemeral_storage(SdkEphemeralStorage::builder().size_in_gib(30).build())
            .execution_role_arn("arn:aws:iam::123456789012:role/x")
            .container_definitions(SdkContainer::builder().name("api").image("nginx").essential(true).build())
            .build();
        let tags = [SdkTag::builder().key("a").value("1").build()];
        let live = live(&found, &tags);
        let read = engine::intrinsic::lower(serde_json::to_value(&live.properties).unwrap());
        assert_eq!(
            read,
            json!({
                "ContainerDefinitions": [{ "Cpu": 0, "Essential": true, "Image": "nginx", "Name": "api" }],
                "Cpu": "512",
                "EphemeralStorage": { "SizeInGiB": 30 },
                "ExecutionRoleArn": "arn:aws:iam::123456789012:role/x",
                "Family": "arrakis-production-api",
                "Memory": "1024",
                "NetworkMode": "awsvpc",
                "RequiresCompatibilities": ["FARGATE"],
                "RuntimePlatform": { "CpuArchitecture": "ARM64", "OperatingSystemFamily": "LINUX" },
                "Tags": [{ "Key": "a", "Value": "1" }],
            })
        );
        assert_eq!(live.attributes["TaskDefinitionArn"], ARN);
        assert_eq!(schema::validate(TaskDefinition::TYPE, &read), []);
    }

    #[test]
    fn absence_has_many_words() {
        let absent = ["Unable to describe task definition.", "The specified task definition does not exist."];
        for message in absent {
            assert!(is_absence(&Failure::invalid(message)), "{message}");
        }
        assert!(!is_absence(&Failure::invalid("Invalid setting for container 'api'.")));
        assert_eq!(role_not_yet(Failure::invalid("Role is not valid")).kind, FailureKind::NotYet);
    }
}
