//! The containers of a task definition to and from the SDK's types.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_ecs::types as sdk;
use cloud::Failure;

use crate::container::{
    ContainerDefinition, ContainerDependency, EnvironmentFile, FirelensConfiguration, HealthCheck, KernelCapabilities,
    KeyValuePair, LinuxParameters, LogConfiguration, MountPoint, PortMapping, RepositoryCredentials, RestartPolicy,
    Secret, SystemControl, Tmpfs, Ulimit, VolumeFrom,
};
use crate::ecs::{each, incomplete, some, try_each};

pub(crate) fn map_to_sdk(map: &Option<BTreeMap<String, String>>) -> Option<HashMap<String, String>> {
    map.clone().map(|map| map.into_iter().collect())
}

pub(crate) fn map_from_sdk(map: Option<&HashMap<String, String>>) -> Option<BTreeMap<String, String>> {
    map.filter(|map| !map.is_empty()).map(|map| map.clone().into_iter().collect())
}

fn text(value: Option<&impl ToString>) -> Option<String> {
    value.map(ToString::to_string)
}

pub(crate) fn to_sdk(container: &ContainerDefinition) -> Result<sdk::ContainerDefinition, Failure> {
    let built = sdk::ContainerDefinition::builder()
        .set_command(container.command.clone())
        .set_cpu(container.cpu)
        .set_depends_on(try_each(&container.depends_on, dependency_to_sdk)?)
        .set_docker_labels(map_to_sdk(&container.docker_labels))
        .set_entry_point(container.entry_point.clone())
        .set_environment(container.environment.as_deref().map(pairs_to_sdk))
        .set_environment_files(try_each(&container.environment_files, environment_file_to_sdk)?)
        .set_essential(container.essential)
        .set_firelens_configuration(container.firelens_configuration.as_ref().map(firelens_to_sdk).transpose()?)
        .set_health_check(container.health_check.as_ref().map(health_check_to_sdk).transpose()?)
        .set_image(container.image.clone())
        .set_interactive(container.interactive)
        .set_linux_parameters(container.linux_parameters.as_ref().map(linux_to_sdk).transpose()?)
        .set_log_configuration(container.log_configuration.as_ref().map(log_to_sdk).transpose()?)
        .set_memory(container.memory)
        .set_memory_reservation(container.memory_reservation)
        .set_mount_points(container.mount_points.as_deref().map(mounts_to_sdk))
        .set_name(container.name.clone())
        .set_port_mappings(container.port_mappings.as_deref().map(ports_to_sdk))
        .set_privileged(container.privileged)
        .set_pseudo_terminal(container.pseudo_terminal)
        .set_readonly_root_filesystem(container.readonly_root_filesystem)
        .set_repository_credentials(container.repository_credentials.as_ref().map(credentials_to_sdk).transpose()?)
        .set_restart_policy(container.restart_policy.as_ref().map(restart_to_sdk).transpose()?)
        .set_secrets(try_each(&container.secrets, secret_to_sdk)?)
        .set_start_timeout(container.start_timeout)
        .set_stop_timeout(container.stop_timeout)
        .set_system_controls(container.system_controls.as_deref().map(controls_to_sdk))
        .set_ulimits(try_each(&container.ulimits, ulimit_to_sdk)?)
        .set_user(container.user.clone())
        .set_version_consistency(container.version_consistency.as_deref().map(sdk::VersionConsistency::from))
        .set_volumes_from(container.volumes_from.as_deref().map(volumes_from_to_sdk))
        .set_working_directory(container.working_directory.clone());
    Ok(built.build())
}

/// A container as read. ECS fills in empty lists and maps: they count as not given.
pub(crate) fn from_sdk(container: &sdk::ContainerDefinition) -> ContainerDefinition {
    ContainerDefinition {
        command: some(container.command()),
        cpu: Some(container.cpu),
        depends_on: each(container.depends_on(), |it| ContainerDependency {
            condition: Some(it.condition.to_string()),
            container_name: Some(it.container_name.clone()),
        }),
        docker_labels: map_from_sdk(container.docker_labels()),
        entry_point: some(container.entry_point()),
        environment: each(container.environment(), |it| KeyValuePair {
            name: it.name.clone(),
            value: it.value.clone(),
        }),
        environment_files: each(container.environment_files(), |it| EnvironmentFile {
            kind: Some(it.r#type.to_string()),
            value: Some(it.value.clone()),
        }),
        essential: container.essential,
        firelens_configuration: container
            .firelens_configuration()
            .map(|it| FirelensConfiguration { options: map_from_sdk(it.options()), kind: Some(it.r#type.to_string()) }),
        health_check: container.health_check().map(|it| HealthCheck {
            command: some(&it.command),
            interval: it.interval,
            retries: it.retries,
            start_period: it.start_period,
            timeout: it.timeout,
        }),
        image: container.image.clone(),
        interactive: container.interactive,
        linux_parameters: container.linux_parameters().map(linux_from_sdk),
        log_configuration: container.log_configuration().map(log_from_sdk),
        memory: container.memory,
        memory_reservation: container.memory_reservation,
        mount_points: each(container.mount_points(), |it| MountPoint {
            container_path: it.container_path.clone(),
            read_only: it.read_only,
            source_volume: it.source_volume.clone(),
        }),
        name: container.name.clone(),
        port_mappings: each(container.port_mappings(), |it| PortMapping {
            app_protocol: text(it.app_protocol()),
            container_port: it.container_port,
            container_port_range: it.container_port_range.clone(),
            host_port: it.host_port,
            name: it.name.clone(),
            protocol: text(it.protocol()),
        }),
        privileged: container.privileged,
        pseudo_terminal: container.pseudo_terminal,
        readonly_root_filesystem: container.readonly_root_filesystem,
        repository_credentials: container
            .repository_credentials()
            .map(|it| RepositoryCredentials { credentials_parameter: Some(it.credentials_parameter.clone()) }),
        restart_policy: container.restart_policy().map(|it| RestartPolicy {
            enabled: Some(it.enabled),
            ignored_exit_codes: some(it.ignored_exit_codes()),
            restart_attempt_period: it.restart_attempt_period,
        }),
        secrets: each(container.secrets(), secret_from_sdk),
        start_timeout: container.start_timeout,
        stop_timeout: container.stop_timeout,
        system_controls: each(container.system_controls(), |it| SystemControl {
            namespace: it.namespace.clone(),
            value: it.value.clone(),
        }),
        ulimits: each(container.ulimits(), |it| Ulimit {
            hard_limit: Some(it.hard_limit),
            name: Some(it.name.to_string()),
            soft_limit: Some(it.soft_limit),
        }),
        user: container.user.clone(),
        version_consistency: text(container.version_consistency()),
        volumes_from: each(container.volumes_from(), |it| VolumeFrom {
            read_only: it.read_only,
            source_container: it.source_container.clone(),
        }),
        working_directory: container.working_directory.clone(),
    }
}

fn dependency_to_sdk(it: &ContainerDependency) -> Result<sdk::ContainerDependency, Failure> {
    sdk::ContainerDependency::builder()
        .set_condition(it.condition.as_deref().map(sdk::ContainerCondition::from))
        .set_container_name(it.container_name.clone())
        .build()
        .map_err(incomplete)
}

fn pairs_to_sdk(pairs: &[KeyValuePair]) -> Vec<sdk::KeyValuePair> {
    let pair =
        |it: &KeyValuePair| sdk::KeyValuePair::builder().set_name(it.name.clone()).set_value(it.value.clone()).build();
    pairs.iter().map(pair).collect()
}

fn environment_file_to_sdk(it: &EnvironmentFile) -> Result<sdk::EnvironmentFile, Failure> {
    sdk::EnvironmentFile::builder()
        .set_type(it.kind.as_deref().map(sdk::EnvironmentFileType::from))
        .set_value(it.value.clone())
        .build()
        .map_err(incomplete)
}

fn firelens_to_sdk(it: &FirelensConfiguration) -> Result<sdk::FirelensConfiguration, Failure> {
    sdk::FirelensConfiguration::builder()
        .set_type(it.kind.as_deref().map(sdk::FirelensConfigurationType::from))
        .set_options(map_to_sdk(&it.options))
        .build()
        .map_err(incomplete)
}

fn health_check_to_sdk(it: &HealthCheck) -> Result<sdk::HealthCheck, Failure> {
    sdk::HealthCheck::builder()
        .set_command(it.command.clone())
        .set_interval(it.interval)
        .set_retries(it.retries)
        .set_start_period(it.start_period)
        .set_timeout(it.timeout)
        .build()
        .map_err(incomplete)
}

fn linux_to_sdk(it: &LinuxParameters) -> Result<sdk::LinuxParameters, Failure> {
    let capabilities = it
        .capabilities
        .as_ref()
        .map(|it| sdk::KernelCapabilities::builder().set_add(it.add.clone()).set_drop(it.drop.clone()).build());
    let tmpfs = try_each(&it.tmpfs, |it| {
        sdk::Tmpfs::builder()
            .set_container_path(it.container_path.clone())
            .set_mount_options(it.mount_options.clone())
            .set_size(it.size)
            .build()
            .map_err(incomplete)
    })?;
    let built = sdk::LinuxParameters::builder()
        .set_capabilities(capabilities)
        .set_init_process_enabled(it.init_process_enabled)
        .set_max_swap(it.max_swap)
        .set_shared_memory_size(it.shared_memory_size)
        .set_swappiness(it.swappiness)
        .set_tmpfs(tmpfs);
    Ok(built.build())
}

fn linux_from_sdk(it: &sdk::LinuxParameters) -> LinuxParameters {
    LinuxParameters {
        capabilities: it
            .capabilities()
            .map(|it| KernelCapabilities { add: some(it.add()), drop: some(it.drop()) })
            .filter(|it| *it != KernelCapabilities::default()),
        init_process_enabled: it.init_process_enabled,
        max_swap: it.max_swap,
        shared_memory_size: it.shared_memory_size,
        swappiness: it.swappiness,
        tmpfs: each(it.tmpfs(), |it| Tmpfs {
            container_path: Some(it.container_path.clone()),
            mount_options: some(it.mount_options()),
            size: Some(it.size),
        }),
    }
}

pub(crate) fn log_to_sdk(it: &LogConfiguration) -> Result<sdk::LogConfiguration, Failure> {
    sdk::LogConfiguration::builder()
        .set_log_driver(it.log_driver.as_deref().map(sdk::LogDriver::from))
        .set_options(map_to_sdk(&it.options))
        .set_secret_options(try_each(&it.secret_options, secret_to_sdk)?)
        .build()
        .map_err(incomplete)
}

fn log_from_sdk(it: &sdk::LogConfiguration) -> LogConfiguration {
    LogConfiguration {
        log_driver: Some(it.log_driver.to_string()),
        options: map_from_sdk(it.options()),
        secret_options: each(it.secret_options(), secret_from_sdk),
    }
}

fn secret_to_sdk(it: &Secret) -> Result<sdk::Secret, Failure> {
    let secret = sdk::Secret::builder().set_name(it.name.clone()).set_value_from(it.value_from.clone());
    secret.build().map_err(incomplete)
}

fn secret_from_sdk(it: &sdk::Secret) -> Secret {
    Secret { name: Some(it.name.clone()), value_from: Some(it.value_from.clone()) }
}

fn mounts_to_sdk(mounts: &[MountPoint]) -> Vec<sdk::MountPoint> {
    let mount = |it: &MountPoint| {
        sdk::MountPoint::builder()
            .set_container_path(it.container_path.clone())
            .set_read_only(it.read_only)
            .set_source_volume(it.source_volume.clone())
            .build()
    };
    mounts.iter().map(mount).collect()
}

fn ports_to_sdk(ports: &[PortMapping]) -> Vec<sdk::PortMapping> {
    let port = |it: &PortMapping| {
        sdk::PortMapping::builder()
            .set_app_protocol(it.app_protocol.as_deref().map(sdk::ApplicationProtocol::from))
            .set_container_port(it.container_port)
            .set_container_port_range(it.container_port_range.clone())
            .set_host_port(it.host_port)
            .set_name(it.name.clone())
            .set_protocol(it.protocol.as_deref().map(sdk::TransportProtocol::from))
            .build()
    };
    ports.iter().map(port).collect()
}

fn credentials_to_sdk(it: &RepositoryCredentials) -> Result<sdk::RepositoryCredentials, Failure> {
    let credentials = sdk::RepositoryCredentials::builder().set_credentials_parameter(it.credentials_parameter.clone());
    credentials.build().map_err(incomplete)
}

fn restart_to_sdk(it: &RestartPolicy) -> Result<sdk::ContainerRestartPolicy, Failure> {
    sdk::ContainerRestartPolicy::builder()
        .set_enabled(it.enabled)
        .set_ignored_exit_codes(it.ignored_exit_codes.clone())
        .set_restart_attempt_period(it.restart_attempt_period)
        .build()
        .map_err(incomplete)
}

fn controls_to_sdk(controls: &[SystemControl]) -> Vec<sdk::SystemControl> {
    let control = |it: &SystemControl| {
        sdk::SystemControl::builder().set_namespace(it.namespace.clone()).set_value(it.value.clone()).build()
    };
    controls.iter().map(control).collect()
}

fn ulimit_to_sdk(it: &Ulimit) -> Result<sdk::Ulimit, Failure> {
    sdk::Ulimit::builder()
        .set_hard_limit(it.hard_limit)
        .set_name(it.name.as_deref().map(sdk::UlimitName::from))
        .set_soft_limit(it.soft_limit)
        .build()
        .map_err(incomplete)
}

fn volumes_from_to_sdk(volumes: &[VolumeFrom]) -> Vec<sdk::VolumeFrom> {
    let volume = |it: &VolumeFrom| {
        sdk::VolumeFrom::builder().set_read_only(it.read_only).set_source_container(it.source_container.clone()).build()
    };
    volumes.iter().map(volume).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// Every property that is mapped.
    fn everything() -> Value {
        json!({
            "Command": ["serve"],
            "Cpu": 256,
            "DependsOn": [{ "Condition": "HEALTHY", "ContainerName": "proxy" }],
            "DockerLabels": { "a": "1" },
            "EntryPoint": ["/bin/api"],
            "Environment": [{ "Name": "PORT", "Value": "3000" }],
            "EnvironmentFiles": [{ "Type": "s3", "Value": "arn:aws:s3:::bucket/app.env" }],
            "Essential": true,
            "FirelensConfiguration": { "Options": { "enable-ecs-log-metadata": "true" }, "Type": "fluentbit" },
            "HealthCheck": {
                "Command": ["CMD-SHELL", "true"], "Interval": 30, "Retries": 3, "StartPeriod": 10, "Timeout": 5,
            },
            "Image": "nginx:1.27",
            "Interactive": false,
            "LinuxParameters": {
                "Capabilities": { "Drop": ["ALL"] },
                "InitProcessEnabled": true,
                "MaxSwap": 0,
                "SharedMemorySize": 64,
                "Swappiness": 60,
                "Tmpfs": [{ "ContainerPath": "/tmp", "MountOptions": ["noexec"], "Size": 16 }],
            },
            "LogConfiguration": {
                "LogDriver": "awslogs",
                "Options": { "awslogs-group": "/ecs/api", "mode": "non-blocking" },
                "SecretOptions": [{ "Name": "apikey", "ValueFrom": "arn:secret" }],
            },
            "Memory": 512,
            "MemoryReservation": 256,
            "MountPoints": [{ "ContainerPath": "/data", "ReadOnly": true, "SourceVolume": "data" }],
            "Name": "api",
            "PortMappings": [{
                "AppProtocol": "http", "ContainerPort": 3000, "HostPort": 3000, "Name": "web", "Protocol": "tcp",
            }],
            "Privileged": false,
            "PseudoTerminal": false,
            "ReadonlyRootFilesystem": true,
            "RepositoryCredentials": { "CredentialsParameter": "arn:secret" },
            "RestartPolicy": { "Enabled": true, "IgnoredExitCodes": [0], "RestartAttemptPeriod": 60 },
            "Secrets": [{ "Name": "DATABASE_URL", "ValueFrom": "arn:secret:url::" }],
            "StartTimeout": 30,
            "StopTimeout": 60,
            "SystemControls": [{ "Namespace": "net.core.somaxconn", "Value": "1024" }],
            "Ulimits": [{ "HardLimit": 65536, "Name": "nofile", "SoftLimit": 65536 }],
            "User": "1000",
            "VersionConsistency": "enabled",
            "VolumesFrom": [{ "ReadOnly": true, "SourceContainer": "proxy" }],
            "WorkingDirectory": "/app",
        })
    }

    #[test]
    fn every_property_goes_there_and_back() {
        let container: ContainerDefinition = serde_json::from_value(everything()).unwrap();
        let back = serde_json::to_value(from_sdk(&to_sdk(&container).unwrap())).unwrap();
        assert_eq!(engine::intrinsic::lower(back), everything());
        assert_eq!(serde_json::to_value(&container).unwrap().as_object().unwrap().len(), 33);
    }

    #[test]
    fn what_ecs_fills_in_is_not_given() {
        let sdk = sdk::ContainerDefinition::builder()
            .name("api")
            .set_environment(Some(vec![]))
            .set_mount_points(Some(vec![]))
            .set_docker_labels(Some(HashMap::new()))
            .linux_parameters(
                sdk::LinuxParameters::builder().capabilities(sdk::KernelCapabilities::builder().build()).build(),
            )
            .build();
        let read = from_sdk(&sdk);
        assert_eq!((read.environment, read.mount_points, read.docker_labels), (None, None, None));
        assert_eq!(read.linux_parameters, Some(LinuxParameters::default()));
    }

    #[test]
    fn what_is_incomplete_is_refused() {
        let container = ContainerDefinition { secrets: Some(vec![Secret::default()]), ..Default::default() };
        assert!(to_sdk(&container).unwrap_err().message.contains("name"));
    }
}
