//! What is wrong with `[compute]`, found before anything is called.

use std::collections::BTreeMap;

use cloud::Findings;

use super::task::secret_and_key;
use crate::settings::{Capacity, CheckCommand, Encryption, HealthCheck, Image, Listen, Repository, Service, Tasks};
use crate::wiring::Inputs;

/// The greatest weight of a capacity provider, and the greatest base.
const GREATEST_SHARE: (u32, u32) = (1000, 100_000);

pub(super) fn repository(key: &str, repository: &Repository, findings: &mut Findings) {
    if repository.kms_key.is_some() && repository.encryption != Encryption::Kms {
        let message = "`kms-key` is given, but the repository is not encrypted with KMS";
        findings.error("kms-key-unused", format!("{key}.kms-key"), message).hint("add `encryption = \"kms\"`");
    }
}

pub(super) fn capacity(key: &str, capacity: Capacity, findings: &mut Findings) {
    let Capacity::Weighted(weights) = capacity else { return };
    let example = "for example `{ spot = 70, on-demand = 30 }`";
    if weights.spot == 0 && weights.on_demand == 0 {
        let message = "both weights are 0, so no task could run";
        findings
            .error("capacity-weights", key, message)
            .hint(format!("give `spot` or `on-demand` a weight: {example}"));
    }
    for (name, value, most) in [
        ("spot", weights.spot, GREATEST_SHARE.0),
        ("on-demand", weights.on_demand, GREATEST_SHARE.0),
        ("on-demand-base", weights.on_demand_base, GREATEST_SHARE.1),
    ] {
        if value > most {
            let message = format!("`{name}` is {value}; the most is {most}");
            findings
                .error("capacity-weights", format!("{key}.{name}"), message)
                .hint(format!("write shares, {example}"));
        }
    }
}

pub(super) fn service(key: &str, service: &Service, inputs: &Inputs, findings: &mut Findings) {
    let at = |name: &str| format!("{key}.{name}");
    image(&at("image"), &service.image, inputs, findings);
    size(key, service, findings);
    tasks(&at("tasks"), &service.tasks, findings);
    if let Some(own) = service.capacity {
        capacity(&at("capacity"), own, findings);
    }
    if let Some(listen) = &service.listen {
        self::listen(&at("listen"), listen, findings);
    }
    if let Some(check) = &service.health_check {
        health_check(&at("health-check"), check, findings);
    }
    secrets(key, service, &inputs.secrets, findings);
    range("stop-timeout", at("stop-timeout"), service.stop_timeout, 1, 120, "seconds", findings);
    range("ephemeral-storage", at("ephemeral-storage"), service.ephemeral_storage, 21, 200, "GiB", findings);
    let balanced = service.listen.as_ref().is_some_and(|listen| listen.load_balancer.is_some());
    if service.grace.is_some() && !balanced {
        let message = "`grace` is for services behind a load balancer, and this one is behind none";
        findings.error("grace-unused", at("grace"), message).hint("leave `grace` out");
    }
    let (least, most) = (service.minimum_healthy_percent, service.maximum_percent);
    if least >= 100 && most <= 100 {
        let message = format!("with at least {least} % and at most {most} % of the tasks no task can be replaced");
        findings
            .error("deployment-stuck", at("maximum-percent"), message)
            .hint("write `maximum-percent = 200`, or a `minimum-healthy-percent` below 100");
    }
    for (index, allow) in service.allow.iter().enumerate() {
        for (name, items) in [("actions", &allow.actions), ("resources", &allow.resources)] {
            if items.is_empty() {
                let message = format!("`{name}` is empty, so this allows nothing");
                findings.error("allow-empty", format!("{key}.allow.{index}.{name}"), message);
            }
        }
    }
}

fn image(key: &str, image: &Image, inputs: &Inputs, findings: &mut Findings) {
    match (&image.repository, &image.uri) {
        (Some(_), Some(_)) => {
            let message = "both `repository` and `uri` are given";
            findings.error("image-ambiguous", format!("{key}.uri"), message).hint("keep one of them");
        }
        (None, None) => {
            let message = "neither `repository` nor `uri` is given";
            let hint = "write `image = { repository = \"api\" }` for a repository of `compute.repository`, or `{ uri = \"…\" }`";
            findings.error("image-missing", key, message).hint(hint);
        }
        (Some(name), None) if !inputs.repositories.contains_key(name) => {
            let message = format!("there is no repository `{name}`");
            let hint = known(name, &inputs.repositories, &format!("add `[compute.repository.{name}]`"));
            findings.error("unknown-repository", format!("{key}.repository"), message).hint(hint);
        }
        (None, Some(_)) if image.tag.is_some() => {
            let message = "`tag` goes with `repository`; the `uri` has its own";
            findings.error("image-ambiguous", format!("{key}.tag"), message).hint("write the tag at the end of `uri`");
        }
        _ => {}
    }
}

/// What to write for a name that is not there: the closest one, else those there are, else how to add one.
fn known<T>(name: &str, names: &BTreeMap<String, T>, add: &str) -> String {
    match schema::closest(name, names.keys().map(String::as_str)) {
        Some(close) => format!("did you mean `{close}`?"),
        None if names.is_empty() => add.to_owned(),
        None => {
            let names: Vec<String> = names.keys().map(|name| format!("`{name}`")).collect();
            format!("there is {}; or {add}", names.join(", "))
        }
    }
}

fn size(key: &str, service: &Service, findings: &mut Findings) {
    let pairs = schema::limits::fargate_pairs();
    let list = |values: &mut dyn Iterator<Item = u32>| values.map(|v| v.to_string()).collect::<Vec<_>>().join(", ");
    let Some(pair) = pairs.iter().find(|pair| pair.cpu == service.cpu) else {
        let message = format!("Fargate has no tasks of {} CPU units", service.cpu);
        let sizes = list(&mut pairs.iter().map(|pair| pair.cpu));
        findings
            .error("fargate-size", format!("{key}.cpu"), message)
            .hint(format!("write one of {sizes}; 1024 are one vCPU"));
        return;
    };
    if !pair.memory.contains(&service.memory) {
        let message = format!("Fargate has no tasks of {} CPU units and {} MiB of memory", service.cpu, service.memory);
        let sizes = list(&mut pair.memory.iter().copied());
        let hint = format!("with `cpu = {}` write one of {sizes}", service.cpu);
        findings.error("fargate-size", format!("{key}.memory"), message).hint(hint);
    }
}

fn tasks(key: &str, tasks: &Tasks, findings: &mut Findings) {
    for (name, value) in [("cpu", tasks.cpu), ("memory", tasks.memory)] {
        let Some(value) = value else { continue };
        if !(1.0..=100.0).contains(&value) {
            let message = format!("a target of {value} % cannot be held");
            findings.error("scaling-target", format!("{key}.{name}"), message).hint("write a percentage from 1 to 100");
        }
        if tasks.bounds().is_none() {
            let message = format!("a `{name}` target needs bounds to scale between");
            findings
                .error("scaling-without-bounds", format!("{key}.{name}"), message)
                .hint(format!("add `min = {}` and `max`", tasks.first()));
        }
    }
    let Some((min, max)) = tasks.bounds() else { return };
    if min > max {
        let message = format!("at least {min} tasks and at most {max} cannot both be");
        findings.error("scaling-bounds", format!("{key}.max"), message).hint(format!("write `max = {min}` or more"));
        return;
    }
    if let Some(desired) = tasks.desired.filter(|desired| !(min..=max).contains(desired)) {
        let message = format!("{desired} tasks are outside of the bounds {min} to {max}");
        findings
            .error("scaling-bounds", format!("{key}.desired"), message)
            .hint(format!("write a number from {min} to {max}"));
    }
    if tasks.cpu.is_none() && tasks.memory.is_none() && min != max {
        let message = format!("nothing scales the tasks between {min} and {max}");
        findings.warning("scaling-without-target", key, message).hint("add a target, such as `cpu = 70`");
    }
}

fn listen(key: &str, listen: &Listen, findings: &mut Findings) {
    if !(1..=65535).contains(&listen.port) {
        let message = format!("{} is no port", listen.port);
        findings.error("port", format!("{key}.port"), message).hint("write a number from 1 to 65535");
    }
    if listen.load_balancer.is_none() {
        // With a load balancer `networking` looks at these.
        let names =
            [("path", listen.path.is_some()), ("host", listen.host.is_some()), ("health", listen.health.is_some())];
        for (name, _) in names.into_iter().filter(|(_, given)| *given) {
            let message = format!("`{name}` is for services behind a load balancer, and this one names none");
            findings
                .error("listen-unused", format!("{key}.{name}"), message)
                .hint("add `load-balancer = \"main\"`, a name under `networking.load-balancer`");
        }
    }
}

fn health_check(key: &str, check: &HealthCheck, findings: &mut Findings) {
    let empty = match &check.command {
        CheckCommand::Shell(line) => line.trim().is_empty(),
        CheckCommand::Words(words) => words.is_empty(),
    };
    if empty {
        let hint = "write what the container runs, such as `\"curl -fs http://localhost:3000/health\"`";
        findings.error("health-check-command", format!("{key}.command"), "the command is empty").hint(hint);
    }
    range("health-check", format!("{key}.interval"), check.interval, 5, 300, "seconds", findings);
    range("health-check", format!("{key}.timeout"), check.timeout, 2, 60, "seconds", findings);
    range("health-check", format!("{key}.retries"), check.retries, 1, 10, "checks", findings);
    range("health-check", format!("{key}.start-period"), check.start_period, 0, 300, "seconds", findings);
}

fn secrets(key: &str, service: &Service, known_secrets: &BTreeMap<String, String>, findings: &mut Findings) {
    for (variable, source) in &service.secrets {
        let (name, part) = secret_and_key(source);
        let place = format!("{key}.secrets.{variable}");
        if !known_secrets.contains_key(name) {
            let message = format!("there is no secret `{name}`");
            let hint = known(name, known_secrets, &format!("add `[security.secret.{name}]`"));
            findings.error("unknown-secret", place, message).hint(hint);
        } else if part == Some("") {
            let message = format!("`{source}` names no key after the colon");
            findings
                .error("secret-key", place, message)
                .hint(format!("write `\"{name}:key\"`, or `\"{name}\"` for all of it"));
        }
        if service.environment.contains_key(variable) {
            let message = format!("`{variable}` is given by `environment` and by `secrets`");
            findings.error("variable-twice", format!("{key}.environment.{variable}"), message).hint("keep one of them");
        }
    }
}

/// A number that may be left out but not lie outside of bounds.
fn range(rule: &str, key: String, value: Option<u32>, least: u32, most: u32, unit: &str, findings: &mut Findings) {
    if let Some(value) = value.filter(|value| !(least..=most).contains(value)) {
        let message = format!("{value} {unit} is out of bounds");
        findings.error(rule, key, message).hint(format!("write a number from {least} to {most}"));
    }
}
