//! The parts of an ECS cluster, as CloudFormation writes them, and to and from the SDK's types.

use aws_sdk_ecs::types::{
    CapacityProviderStrategyItem as SdkStrategyItem, ClusterConfiguration as SdkConfiguration,
    ClusterSetting as SdkSetting, ClusterSettingName, ExecuteCommandConfiguration as SdkExecute,
    ExecuteCommandLogConfiguration as SdkExecuteLog, ExecuteCommandLogging, ManagedStorageConfiguration as SdkStorage,
};
use cloud::Failure;
use serde::{Deserialize, Serialize};

use crate::ecs;

/// One share of a capacity provider strategy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct CapacityProviderStrategyItem {
    /// The capacity provider.
    pub capacity_provider: Option<String>,
    /// Its share, relative to the others'.
    pub weight: Option<i32>,
    /// So many tasks run on it before the shares count.
    pub base: Option<i32>,
}

/// A setting of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct ClusterSetting {
    /// `containerInsights`.
    pub name: Option<String>,
    /// `enabled`, `enhanced` or `disabled`.
    pub value: Option<String>,
}

/// Execute-command and storage encryption of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct ClusterConfiguration {
    /// Execute-command.
    pub execute_command_configuration: Option<ExecuteCommandConfiguration>,
    /// Keys of managed storage.
    pub managed_storage_configuration: Option<ManagedStorageConfiguration>,
}

/// Encryption and log of execute-command sessions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct ExecuteCommandConfiguration {
    /// The KMS key of the session.
    pub kms_key_id: Option<String>,
    /// Where sessions are logged, with `Logging: OVERRIDE`.
    pub log_configuration: Option<ExecuteCommandLogConfiguration>,
    /// `NONE`, `DEFAULT` or `OVERRIDE`.
    pub logging: Option<String>,
}

/// Where execute-command sessions are logged.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
#[expect(missing_docs, reason = "the names say it; AWS's page has the rest")]
pub struct ExecuteCommandLogConfiguration {
    pub cloud_watch_encryption_enabled: Option<bool>,
    pub cloud_watch_log_group_name: Option<String>,
    pub s3_bucket_name: Option<String>,
    pub s3_encryption_enabled: Option<bool>,
    pub s3_key_prefix: Option<String>,
}

/// KMS keys of a cluster's storage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct ManagedStorageConfiguration {
    /// Of Fargate's ephemeral storage.
    pub fargate_ephemeral_storage_kms_key_id: Option<String>,
    /// Of managed volumes.
    pub kms_key_id: Option<String>,
}

/// The Cloud Map namespace of services that use Service Connect.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct ServiceConnectDefaults {
    /// Its name or ARN.
    pub namespace: Option<String>,
}

pub(crate) fn strategy_to_sdk(
    items: &Option<Vec<CapacityProviderStrategyItem>>,
) -> Result<Option<Vec<SdkStrategyItem>>, Failure> {
    ecs::try_each(items, |item| {
        SdkStrategyItem::builder()
            .set_capacity_provider(item.capacity_provider.clone())
            .set_weight(item.weight)
            .set_base(item.base)
            .build()
            .map_err(ecs::incomplete)
    })
}

pub(crate) fn strategy_from_sdk(items: &[SdkStrategyItem]) -> Option<Vec<CapacityProviderStrategyItem>> {
    ecs::each(items, |item| CapacityProviderStrategyItem {
        capacity_provider: Some(item.capacity_provider.clone()),
        weight: Some(item.weight),
        base: Some(item.base),
    })
}

pub(crate) fn settings_to_sdk(settings: &[ClusterSetting]) -> Vec<SdkSetting> {
    let convert = |setting: &ClusterSetting| {
        let name = setting.name.as_deref().map(ClusterSettingName::from);
        SdkSetting::builder().set_name(name).set_value(setting.value.clone()).build()
    };
    settings.iter().map(convert).collect()
}

pub(crate) fn configuration_to_sdk(configuration: &ClusterConfiguration) -> SdkConfiguration {
    let execute = configuration.execute_command_configuration.as_ref().map(|execute| {
        let log = execute.log_configuration.as_ref().map(|log| {
            SdkExecuteLog::builder()
                .set_cloud_watch_encryption_enabled(log.cloud_watch_encryption_enabled)
                .set_cloud_watch_log_group_name(log.cloud_watch_log_group_name.clone())
                .set_s3_bucket_name(log.s3_bucket_name.clone())
                .set_s3_encryption_enabled(log.s3_encryption_enabled)
                .set_s3_key_prefix(log.s3_key_prefix.clone())
                .build()
        });
        SdkExecute::builder()
            .set_kms_key_id(execute.kms_key_id.clone())
            .set_log_configuration(log)
            .set_logging(execute.logging.as_deref().map(ExecuteCommandLogging::from))
            .build()
    });
    let storage = configuration.managed_storage_configuration.as_ref().map(|storage| {
        SdkStorage::builder()
            .set_fargate_ephemeral_storage_kms_key_id(storage.fargate_ephemeral_storage_kms_key_id.clone())
            .set_kms_key_id(storage.kms_key_id.clone())
            .build()
    });
    SdkConfiguration::builder()
        .set_execute_command_configuration(execute)
        .set_managed_storage_configuration(storage)
        .build()
}

pub(crate) fn configuration_from_sdk(configuration: &SdkConfiguration) -> Option<ClusterConfiguration> {
    let execute = configuration.execute_command_configuration().map(|execute| ExecuteCommandConfiguration {
        kms_key_id: execute.kms_key_id.clone(),
        log_configuration: execute.log_configuration().map(|log| ExecuteCommandLogConfiguration {
            cloud_watch_encryption_enabled: Some(log.cloud_watch_encryption_enabled),
            cloud_watch_log_group_name: log.cloud_watch_log_group_name.clone(),
            s3_bucket_name: log.s3_bucket_name.clone(),
            s3_encryption_enabled: Some(log.s3_encryption_enabled),
            s3_key_prefix: log.s3_key_prefix.clone(),
        }),
        logging: execute.logging().map(ToString::to_string),
    });
    let storage = configuration.managed_storage_configuration().map(|storage| ManagedStorageConfiguration {
        fargate_ephemeral_storage_kms_key_id: storage.fargate_ephemeral_storage_kms_key_id.clone(),
        kms_key_id: storage.kms_key_id.clone(),
    });
    let some = execute.is_some() || storage.is_some();
    some.then_some(ClusterConfiguration {
        execute_command_configuration: execute,
        managed_storage_configuration: storage,
    })
}
