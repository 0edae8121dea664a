//! A service's task definition.

use std::collections::BTreeMap;

use super::{Declaring, number};
use crate::container::{
    ContainerDefinition, HealthCheck, KeyValuePair, LinuxParameters, LogConfiguration, PortMapping, Secret,
};
use crate::settings;
use crate::settings::{Architecture, CheckCommand};
use crate::task_definition::{EphemeralStorage, RuntimePlatform, TaskDefinition};

/// Above this log lines are dropped rather than the application stopped.
const LOG_BUFFER: &str = "25m";

impl Declaring<'_> {
    /// The image's address; may hold a reference to its repository.
    pub(super) fn image(&self) -> String {
        let image = &self.service.image;
        let tag = image.tag.as_deref().unwrap_or("latest");
        let repository = image.repository.as_deref().and_then(|name| self.inputs.repositories.get(name));
        match (repository, &image.uri) {
            (Some(repository), _) => format!("{}:{tag}", repository.uri),
            (None, Some(uri)) => uri.clone(),
            // A finding tells.
            (None, None) => String::new(),
        }
    }

    pub(super) fn task_definition(&self, image: &str) -> TaskDefinition {
        let service = self.service;
        TaskDefinition {
            family: Some(self.family.clone()),
            cpu: Some(service.cpu.to_string()),
            memory: Some(service.memory.to_string()),
            network_mode: Some("awsvpc".to_owned()),
            requires_compatibilities: Some(vec!["FARGATE".to_owned()]),
            runtime_platform: Some(RuntimePlatform {
                cpu_architecture: Some(
                    match service.architecture {
                        Architecture::X86 => "X86_64",
                        Architecture::Arm => "ARM64",
                    }
                    .to_owned(),
                ),
                operating_system_family: Some("LINUX".to_owned()),
            }),
            ephemeral_storage: service
                .ephemeral_storage
                .map(|size| EphemeralStorage { size_in_gib: Some(number(size)) }),
            execution_role_arn: self.given.execution_role.clone(),
            task_role_arn: self.given.task_role.clone(),
            container_definitions: Some(vec![self.container(image)]),
            ..TaskDefinition::default()
        }
    }

    fn container(&self, image: &str) -> ContainerDefinition {
        let service = self.service;
        let words = |words: &Vec<String>| (!words.is_empty()).then(|| words.clone());
        ContainerDefinition {
            name: Some(self.name.to_owned()),
            image: Some(image.to_owned()),
            essential: Some(true),
            command: words(&service.command),
            entry_point: words(&service.entry_point),
            environment: self.environment(),
            secrets: self.secrets(),
            health_check: service.health_check.as_ref().map(health_check),
            // An init process reaps what children leave behind; execute-command wants one, too.
            linux_parameters: Some(LinuxParameters { init_process_enabled: Some(true), ..LinuxParameters::default() }),
            log_configuration: self.given.log_group.as_deref().map(|group| self.log(group)),
            port_mappings: service.listen.as_ref().map(|listen| {
                vec![PortMapping {
                    container_port: Some(number(listen.port)),
                    protocol: Some("tcp".to_owned()),
                    ..PortMapping::default()
                }]
            }),
            readonly_root_filesystem: service.read_only.then_some(true),
            stop_timeout: service.stop_timeout.map(number),
            user: service.user.clone(),
            ..ContainerDefinition::default()
        }
    }

    fn environment(&self) -> Option<Vec<KeyValuePair>> {
        let mut all: BTreeMap<&String, &String> = self.given.environment.iter().collect();
        all.extend(&self.service.environment);
        // What a secret gives wins: ECS refuses a name that is given twice.
        all.retain(|name, _| !self.service.secrets.contains_key(*name));
        let pair =
            |(name, value): (&String, &String)| KeyValuePair { name: Some(name.clone()), value: Some(value.clone()) };
        (!all.is_empty()).then(|| all.into_iter().map(pair).collect())
    }

    fn secrets(&self) -> Option<Vec<Secret>> {
        let secret = |(variable, source): (&String, &String)| {
            let (name, key) = secret_and_key(source);
            let arn = self.inputs.secrets.get(name)?;
            // Secret, key of its JSON, version stage, version id.
            let value_from = key.map_or_else(|| arn.clone(), |key| format!("{arn}:{key}::"));
            Some(Secret { name: Some(variable.clone()), value_from: Some(value_from) })
        };
        let secrets: Vec<Secret> = self.service.secrets.iter().filter_map(secret).collect();
        (!secrets.is_empty()).then_some(secrets)
    }

    fn log(&self, group: &str) -> LogConfiguration {
        let options = [
            ("awslogs-group", group),
            ("awslogs-region", self.inputs.region.as_str()),
            ("awslogs-stream-prefix", self.name),
            // A log service that does not answer must not stop the application.
            ("max-buffer-size", LOG_BUFFER),
            ("mode", "non-blocking"),
        ];
        let options = options.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        LogConfiguration { log_driver: Some("awslogs".to_owned()), options: Some(options), secret_options: None }
    }
}

/// `secret` or `secret:key`.
pub(super) fn secret_and_key(source: &str) -> (&str, Option<&str>) {
    match source.split_once(':') {
        Some((secret, key)) => (secret, Some(key)),
        None => (source, None),
    }
}

fn health_check(check: &settings::HealthCheck) -> HealthCheck {
    let command = match &check.command {
        CheckCommand::Shell(line) => vec!["CMD-SHELL".to_owned(), line.clone()],
        CheckCommand::Words(words)
            if matches!(words.first().map(String::as_str), Some("CMD" | "CMD-SHELL" | "NONE")) =>
        {
            words.clone()
        }
        CheckCommand::Words(words) => std::iter::once("CMD".to_owned()).chain(words.iter().cloned()).collect(),
    };
    HealthCheck {
        command: Some(command),
        interval: Some(number(check.interval.unwrap_or(30))),
        timeout: Some(number(check.timeout.unwrap_or(5))),
        retries: Some(number(check.retries.unwrap_or(3))),
        start_period: check.start_period.map(number),
    }
}
