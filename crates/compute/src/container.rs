//! The containers of a task definition, as CloudFormation writes them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A container of a task.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct ContainerDefinition {
    /// The command, in place of the image's.
    pub command: Option<Vec<String>>,
    /// CPU units kept for it.
    pub cpu: Option<i32>,
    /// What other containers must have come to before it starts.
    pub depends_on: Option<Vec<ContainerDependency>>,
    /// Docker labels.
    pub docker_labels: Option<BTreeMap<String, String>>,
    /// The entry point, in place of the image's.
    pub entry_point: Option<Vec<String>>,
    /// Environment variables.
    pub environment: Option<Vec<KeyValuePair>>,
    /// Files of environment variables in S3.
    pub environment_files: Option<Vec<EnvironmentFile>>,
    /// Whether the task stops when it stops. Default true.
    pub essential: Option<bool>,
    /// Makes it the log router of the task.
    pub firelens_configuration: Option<FirelensConfiguration>,
    /// How ECS asks it whether it is well.
    pub health_check: Option<HealthCheck>,
    /// The image.
    pub image: Option<String>,
    /// Whether it keeps standard input open.
    pub interactive: Option<bool>,
    /// What the Linux kernel grants it.
    pub linux_parameters: Option<LinuxParameters>,
    /// Where its output goes.
    pub log_configuration: Option<LogConfiguration>,
    /// The MiB at which it is killed.
    pub memory: Option<i32>,
    /// The MiB kept for it.
    pub memory_reservation: Option<i32>,
    /// Volumes of the task in its file system.
    pub mount_points: Option<Vec<MountPoint>>,
    /// Its name within the task.
    pub name: Option<String>,
    /// The ports it listens on.
    pub port_mappings: Option<Vec<PortMapping>>,
    /// Whether it has the host's privileges; not on Fargate.
    pub privileged: Option<bool>,
    /// Whether it has a terminal.
    pub pseudo_terminal: Option<bool>,
    /// Whether its file system cannot be written to.
    pub readonly_root_filesystem: Option<bool>,
    /// The secret with the login of a private registry.
    pub repository_credentials: Option<RepositoryCredentials>,
    /// Whether it is started again within its task.
    pub restart_policy: Option<RestartPolicy>,
    /// Environment variables from secrets and parameters.
    pub secrets: Option<Vec<Secret>>,
    /// Seconds after which a dependency counts as failed.
    pub start_timeout: Option<i32>,
    /// Seconds between the polite and the forced end.
    pub stop_timeout: Option<i32>,
    /// Kernel parameters.
    pub system_controls: Option<Vec<SystemControl>>,
    /// Limits of its processes.
    pub ulimits: Option<Vec<Ulimit>>,
    /// The user it runs as.
    pub user: Option<String>,
    /// Whether tags are resolved to one digest for a whole deployment: `enabled` or `disabled`.
    pub version_consistency: Option<String>,
    /// Containers whose volumes it has, too.
    pub volumes_from: Option<Vec<VolumeFrom>>,
    /// The directory its command runs in.
    pub working_directory: Option<String>,
}

/// What another container must have come to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct ContainerDependency {
    /// `START`, `COMPLETE`, `SUCCESS` or `HEALTHY`.
    pub condition: Option<String>,
    /// The other container.
    pub container_name: Option<String>,
}

/// A name and its value.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct KeyValuePair {
    /// The name.
    pub name: Option<String>,
    /// The value.
    pub value: Option<String>,
}

/// A file of environment variables.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct EnvironmentFile {
    /// `s3`.
    #[serde(rename = "Type")]
    pub kind: Option<String>,
    /// The object's ARN.
    pub value: Option<String>,
}

/// Log routing through Fluent Bit or Fluentd.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct FirelensConfiguration {
    /// Options of the router.
    pub options: Option<BTreeMap<String, String>>,
    /// `fluentbit` or `fluentd`.
    #[serde(rename = "Type")]
    pub kind: Option<String>,
}

/// How ECS asks a container whether it is well.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct HealthCheck {
    /// `CMD` or `CMD-SHELL`, and the command.
    pub command: Option<Vec<String>>,
    /// Seconds between two checks.
    pub interval: Option<i32>,
    /// Failed checks after which it is unhealthy.
    pub retries: Option<i32>,
    /// Seconds after the start in which failed checks do not count.
    pub start_period: Option<i32>,
    /// Seconds a check may take.
    pub timeout: Option<i32>,
}

/// What the Linux kernel grants a container.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct LinuxParameters {
    /// Capabilities added and dropped.
    pub capabilities: Option<KernelCapabilities>,
    /// Whether an init process reaps its children; execute-command wants it.
    pub init_process_enabled: Option<bool>,
    /// MiB of swap; not on Fargate.
    pub max_swap: Option<i32>,
    /// MiB of `/dev/shm`; not on Fargate.
    pub shared_memory_size: Option<i32>,
    /// How readily it swaps; not on Fargate.
    pub swappiness: Option<i32>,
    /// Memory file systems; not on Fargate.
    pub tmpfs: Option<Vec<Tmpfs>>,
}

/// Linux capabilities.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct KernelCapabilities {
    /// Added.
    pub add: Option<Vec<String>>,
    /// Dropped.
    pub drop: Option<Vec<String>>,
}

/// A memory file system.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct Tmpfs {
    /// Where it is.
    pub container_path: Option<String>,
    /// Mount options.
    pub mount_options: Option<Vec<String>>,
    /// MiB.
    pub size: Option<i32>,
}

/// Where a container's output goes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct LogConfiguration {
    /// `awslogs`, `awsfirelens`, …
    pub log_driver: Option<String>,
    /// The driver's options.
    pub options: Option<BTreeMap<String, String>>,
    /// The driver's options from secrets.
    pub secret_options: Option<Vec<Secret>>,
}

/// A volume of the task in a container's file system.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct MountPoint {
    /// Where.
    pub container_path: Option<String>,
    /// Whether it cannot be written to.
    pub read_only: Option<bool>,
    /// The volume's name.
    pub source_volume: Option<String>,
}

/// A port that a container listens on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct PortMapping {
    /// `http`, `http2` or `grpc`.
    pub app_protocol: Option<String>,
    /// The port.
    pub container_port: Option<i32>,
    /// A range of ports, in its place.
    pub container_port_range: Option<String>,
    /// The port at the host; on Fargate the same.
    pub host_port: Option<i32>,
    /// Its name in Service Connect.
    pub name: Option<String>,
    /// `tcp` or `udp`.
    pub protocol: Option<String>,
}

/// The login of a private registry.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct RepositoryCredentials {
    /// The secret's ARN.
    pub credentials_parameter: Option<String>,
}

/// Whether a container is started again within its task.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct RestartPolicy {
    /// Whether it is.
    pub enabled: Option<bool>,
    /// Exit codes after which it is not.
    pub ignored_exit_codes: Option<Vec<i32>>,
    /// Seconds it must have run before it is.
    pub restart_attempt_period: Option<i32>,
}

/// An environment variable from a secret or parameter.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct Secret {
    /// The variable's name.
    pub name: Option<String>,
    /// The ARN; of a secret with `:key:version-stage:version-id` after it, if wanted.
    pub value_from: Option<String>,
}

/// A kernel parameter.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct SystemControl {
    /// Its name, such as `net.core.somaxconn`.
    pub namespace: Option<String>,
    /// Its value.
    pub value: Option<String>,
}

/// A limit of a container's processes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct Ulimit {
    /// As far as it can be raised.
    pub hard_limit: Option<i32>,
    /// `nofile`, …
    pub name: Option<String>,
    /// What it is.
    pub soft_limit: Option<i32>,
}

/// A container whose volumes another has, too.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct VolumeFrom {
    /// Whether they cannot be written to.
    pub read_only: Option<bool>,
    /// The container.
    pub source_container: Option<String>,
}
