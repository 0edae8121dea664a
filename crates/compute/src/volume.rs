//! The volumes of a task definition: as CloudFormation writes them, and to and from the SDK's types.

use std::collections::BTreeMap;

use aws_sdk_ecs::types as sdk;
use cloud::Failure;
use serde::{Deserialize, Serialize};

use crate::container_sdk::{map_from_sdk, map_to_sdk};
use crate::ecs::incomplete;

/// A volume of a task.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct Volume {
    /// Whether the service says what it is (EBS).
    pub configured_at_launch: Option<bool>,
    /// A Docker volume; not on Fargate.
    pub docker_volume_configuration: Option<DockerVolumeConfiguration>,
    /// A file system of EFS.
    #[serde(rename = "EFSVolumeConfiguration")]
    pub efs_volume_configuration: Option<EfsVolumeConfiguration>,
    /// A directory of the host; on Fargate an empty one.
    pub host: Option<HostVolumeProperties>,
    /// Its name, for mount points.
    pub name: Option<String>,
}

/// A Docker volume.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct DockerVolumeConfiguration {
    /// Whether it is made if there is none.
    pub autoprovision: Option<bool>,
    /// The Docker volume driver.
    pub driver: Option<String>,
    /// The driver's options.
    pub driver_opts: Option<BTreeMap<String, String>>,
    /// Docker labels.
    pub labels: Option<BTreeMap<String, String>>,
    /// `task` or `shared`.
    pub scope: Option<String>,
}

/// A file system of EFS.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct EfsVolumeConfiguration {
    /// Access point and IAM.
    pub authorization_config: Option<EfsAuthorizationConfig>,
    /// The file system's id.
    pub filesystem_id: Option<String>,
    /// The directory within it.
    pub root_directory: Option<String>,
    /// `ENABLED` or `DISABLED`.
    pub transit_encryption: Option<String>,
    /// The port of transit encryption.
    pub transit_encryption_port: Option<i32>,
}

/// Access point and IAM of an EFS volume.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct EfsAuthorizationConfig {
    /// The access point's id.
    pub access_point_id: Option<String>,
    /// Whether the task's role is used: `ENABLED` or `DISABLED`.
    #[serde(rename = "IAM")]
    pub iam: Option<String>,
}

/// A directory of the host.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct HostVolumeProperties {
    /// Its path; without one Docker makes a directory.
    pub source_path: Option<String>,
}

pub(crate) fn to_sdk(volume: &Volume) -> Result<sdk::Volume, Failure> {
    let docker = volume.docker_volume_configuration.as_ref().map(|it| {
        sdk::DockerVolumeConfiguration::builder()
            .set_autoprovision(it.autoprovision)
            .set_driver(it.driver.clone())
            .set_driver_opts(map_to_sdk(&it.driver_opts))
            .set_labels(map_to_sdk(&it.labels))
            .set_scope(it.scope.as_deref().map(sdk::Scope::from))
            .build()
    });
    let host = volume.host.as_ref();
    let built = sdk::Volume::builder()
        .set_configured_at_launch(volume.configured_at_launch)
        .set_docker_volume_configuration(docker)
        .set_efs_volume_configuration(volume.efs_volume_configuration.as_ref().map(efs_to_sdk).transpose()?)
        .set_host(host.map(|it| sdk::HostVolumeProperties::builder().set_source_path(it.source_path.clone()).build()))
        .set_name(volume.name.clone());
    Ok(built.build())
}

fn efs_to_sdk(it: &EfsVolumeConfiguration) -> Result<sdk::EfsVolumeConfiguration, Failure> {
    let authorization = it.authorization_config.as_ref().map(|it| {
        sdk::EfsAuthorizationConfig::builder()
            .set_access_point_id(it.access_point_id.clone())
            .set_iam(it.iam.as_deref().map(sdk::EfsAuthorizationConfigIam::from))
            .build()
    });
    sdk::EfsVolumeConfiguration::builder()
        .set_authorization_config(authorization)
        .set_file_system_id(it.filesystem_id.clone())
        .set_root_directory(it.root_directory.clone())
        .set_transit_encryption(it.transit_encryption.as_deref().map(sdk::EfsTransitEncryption::from))
        .set_transit_encryption_port(it.transit_encryption_port)
        .build()
        .map_err(incomplete)
}

pub(crate) fn from_sdk(volume: &sdk::Volume) -> Volume {
    Volume {
        configured_at_launch: volume.configured_at_launch,
        docker_volume_configuration: volume.docker_volume_configuration().map(|it| DockerVolumeConfiguration {
            autoprovision: it.autoprovision,
            driver: it.driver.clone(),
            driver_opts: map_from_sdk(it.driver_opts()),
            labels: map_from_sdk(it.labels()),
            scope: it.scope().map(ToString::to_string),
        }),
        efs_volume_configuration: volume.efs_volume_configuration().map(|it| EfsVolumeConfiguration {
            authorization_config: it.authorization_config().map(|it| EfsAuthorizationConfig {
                access_point_id: it.access_point_id.clone(),
                iam: it.iam().map(ToString::to_string),
            }),
            filesystem_id: Some(it.file_system_id.clone()),
            root_directory: it.root_directory.clone(),
            transit_encryption: it.transit_encryption().map(ToString::to_string),
            transit_encryption_port: it.transit_encryption_port,
        }),
        host: volume.host().map(|it| HostVolumeProperties { source_path: it.source_path.clone() }),
        name: volume.name.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_property_goes_there_and_back() {
        let cases = [
            json!({ "Name": "scratch", "Host": {} }),
            json!({ "Name": "block", "ConfiguredAtLaunch": true }),
            json!({ "Name": "docker", "DockerVolumeConfiguration": {
                "Autoprovision": true, "Driver": "local", "DriverOpts": { "a": "1" }, "Labels": { "b": "2" }, "Scope": "shared",
            } }),
            json!({ "Name": "files", "EFSVolumeConfiguration": {
                "AuthorizationConfig": { "AccessPointId": "fsap-1", "IAM": "ENABLED" }, "FilesystemId": "fs-1",
                "RootDirectory": "/", "TransitEncryption": "ENABLED", "TransitEncryptionPort": 2049,
            } }),
        ];
        for case in cases {
            let volume: Volume = serde_json::from_value(case.clone()).unwrap();
            let back = serde_json::to_value(from_sdk(&to_sdk(&volume).unwrap())).unwrap();
            assert_eq!(engine::intrinsic::lower(back), case);
        }
    }
}
