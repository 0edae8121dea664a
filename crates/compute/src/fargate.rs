//! What tasks on Fargate cost: <https://aws.amazon.com/fargate/pricing/>.

use cloud::{Charge, Pricing, Quantity};
use engine::charge::HOURS_PER_MONTH;
use serde_json::Value;

use crate::service::Service;

/// GiB of disk that every Fargate task has for nothing.
const FREE_STORAGE: f64 = 20.0;

/// Metrics that Container Insights makes of a service (15) and of its task definition's family (10). From the tables of
/// the CloudWatch User Guide, "Amazon ECS Container Insights metrics".
const INSIGHTS_METRICS: f64 = 25.0;

/// Metrics that enhanced Container Insights adds for every task and its container: about.
const ENHANCED_METRICS_PER_TASK: f64 = 20.0;

/// One task, as its task definition has it.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Task {
    vcpu: f64,
    gb: f64,
    /// GiB of disk beyond the free ones.
    storage: f64,
    platform: &'static str,
}

impl Task {
    fn of(definition: &Value) -> Option<Self> {
        let platform = &definition["RuntimePlatform"];
        let windows = platform["OperatingSystemFamily"].as_str().is_some_and(|family| family.starts_with("WINDOWS"));
        let arm = platform["CpuArchitecture"].as_str() == Some("ARM64");
        Some(Self {
            vcpu: number(&definition["Cpu"])? / 1024.0,
            gb: number(&definition["Memory"])? / 1024.0,
            storage: number(&definition["EphemeralStorage"]["SizeInGiB"])
                .map_or(0.0, |size| (size - FREE_STORAGE).max(0.0)),
            platform: match (windows, arm) {
                (true, _) => "windows.",
                (_, true) => "arm.",
                _ => "",
            },
        })
    }

    /// Lines for so many task hours on demand and on Spot.
    fn charges(self, on_demand: Quantity, spot: Quantity, words: &str) -> Vec<Charge> {
        let mut charges = Vec::new();
        for (hours, kind, market) in [(on_demand, "fargate", ""), (spot, "fargate-spot", " Spot")] {
            if hours != Quantity::exactly(0.0) {
                let line = |what: &str, unit: &str, factor: f64| {
                    let price = format!("{kind}.{}{unit}.hour", self.platform);
                    Charge::new(format!("Fargate{market} {what} hours{words}"), price, hours.times(factor))
                };
                charges.push(line("vCPU", "vcpu", self.vcpu));
                charges.push(line("GB memory", "gb", self.gb));
            }
        }
        if self.storage > 0.0 {
            let hours = plus(on_demand, spot).times(self.storage);
            let component = format!("Fargate GB hours of storage above 20 GB{words}");
            charges.push(Charge::new(component, "fargate.storage.gb.hour", hours));
        }
        charges
    }
}

/// A number that CloudFormation may hold as text.
fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}

fn plus(a: Quantity, b: Quantity) -> Quantity {
    Quantity::between(a.min + b.min, a.expected + b.expected, a.max + b.max)
}

/// The share of tasks on Spot among so many, by a strategy's bases and weights. `None`: not on Fargate.
fn spot_share(strategy: Option<&Value>, launch_type: Option<&str>, tasks: f64) -> Option<f64> {
    let items = match (strategy.and_then(Value::as_array), launch_type) {
        (Some(items), _) if !items.is_empty() => items,
        (_, None | Some("FARGATE")) => return Some(0.0),
        _ => return None,
    };
    let (mut weights, mut spot_weight, mut bases, mut spot_base) = (0.0, 0.0, 0.0, 0.0);
    for item in items {
        let spot = match item["CapacityProvider"].as_str() {
            Some("FARGATE") => 0.0,
            Some("FARGATE_SPOT") => 1.0,
            _ => return None,
        };
        let (weight, base) = (number(&item["Weight"]).unwrap_or(0.0), number(&item["Base"]).unwrap_or(0.0));
        (weights, spot_weight) = (weights + weight, spot_weight + weight * spot);
        (bases, spot_base) = (bases + base, spot_base + base * spot);
    }
    if tasks <= 0.0 || tasks <= bases {
        return Some(if bases > 0.0 { spot_base / bases } else { 0.0 });
    }
    let rest = if weights > 0.0 { (tasks - bases) * spot_weight / weights } else { 0.0 };
    Some((spot_base + rest) / tasks)
}

/// Hours of so many tasks on demand and on Spot. A negative count (fewer than desired) has negative hours.
fn hours(service: &Value, cluster: Option<&Value>, counts: Quantity) -> Option<(Quantity, Quantity)> {
    let default = cluster.map(|cluster| &cluster["DefaultCapacityProviderStrategy"]);
    let launch_type = service["LaunchType"].as_str();
    let own = service.get("CapacityProviderStrategy").filter(|it| it.as_array().is_some_and(|it| !it.is_empty()));
    let strategy = own.or(default.filter(|_| launch_type.is_none()));
    let spot = |count: f64| Some(count * spot_share(strategy, launch_type, count)? * HOURS_PER_MONTH);
    let spot = Quantity::between(spot(counts.min)?, spot(counts.expected)?, spot(counts.max)?);
    let all = counts.times(HOURS_PER_MONTH);
    Some((plus(all, spot.times(-1.0)), spot))
}

/// The lines of a service's desired tasks.
///
/// Usage: `fargate.task-share` is the part of the month that tasks run, 1 by default (0.3 where nights and weekends are
/// off).
pub(crate) fn service_charges(service: &Service, pricing: &Pricing<'_>) -> Vec<Charge> {
    let Some(definition) = service.task_definition.as_deref().and_then(|text| pricing.referenced(text)) else {
        return Vec::new();
    };
    let Ok(properties) = serde_json::to_value(service) else { return Vec::new() };
    let cluster = service.cluster.as_deref().and_then(|text| pricing.referenced(text));
    let desired = f64::from(service.desired_count.unwrap_or(1));
    let running = pricing.usage("fargate.task-share", Quantity::exactly(1.0)).times(desired);
    let mut charges = Vec::new();
    if let (Some(task), Some((on_demand, spot))) = (Task::of(definition), hours(&properties, cluster, running)) {
        charges.extend(task.charges(on_demand, spot, ""));
        if has_public_address(&properties) {
            let addresses = running.times(HOURS_PER_MONTH);
            charges.push(Charge::new("public IPv4 addresses of tasks", "public-ipv4.hour", addresses));
        }
    }
    charges.extend(insights(cluster, running));
    charges
}

fn has_public_address(service: &Value) -> bool {
    service["NetworkConfiguration"]["AwsvpcConfiguration"]["AssignPublicIp"].as_str() == Some("ENABLED")
}

fn insights(cluster: Option<&Value>, tasks: Quantity) -> Option<Charge> {
    let settings = cluster?["ClusterSettings"].as_array()?;
    let setting = settings.iter().find(|setting| setting["Name"].as_str() == Some("containerInsights"))?;
    let metrics = Quantity::exactly(INSIGHTS_METRICS);
    match setting["Value"].as_str()? {
        "enabled" => Some(Charge::new("Container Insights metrics of the service", "cloudwatch.metric.month", metrics)),
        "enhanced" => Some(Charge::new(
            "enhanced Container Insights metrics of the service",
            "container-insights.enhanced-metric.month",
            plus(metrics, tasks.times(ENHANCED_METRICS_PER_TASK)),
        )),
        _ => None,
    }
}

/// The lines of tasks that scaling adds to the desired ones at most, and takes away at least.
///
/// The expected number is the desired one; usage `fargate.scaled-tasks` says how many more (or, negative, fewer).
pub(crate) fn scaling_charges(min: f64, max: f64, service: &Value, pricing: &Pricing<'_>) -> Vec<Charge> {
    let referenced = |key: &str| {
        let reference = engine::intrinsic::raise(&service[key]);
        pricing.referenced(reference.as_str().unwrap_or_default())
    };
    let desired = number(&service["DesiredCount"]).unwrap_or(1.0);
    let scaled = pricing.usage("fargate.scaled-tasks", Quantity::between(min - desired, 0.0, max - desired));
    let (least, most) = (min - desired, max - desired);
    if least > most {
        // Bounds that cannot be: a finding of its own.
        return Vec::new();
    }
    let extra = Quantity::between(
        scaled.min.clamp(least, most),
        scaled.expected.clamp(least, most),
        scaled.max.clamp(least, most),
    );
    if extra == Quantity::exactly(0.0) {
        return Vec::new();
    }
    let Some(task) = referenced("TaskDefinition").and_then(Task::of) else { return Vec::new() };
    let cluster = referenced("Cluster");
    // Spot's share of all tasks at each bound, less what the service itself counts.
    let at = |count: f64| hours(service, cluster, Quantity::exactly(count.max(0.0)));
    let bounds = [extra.min, extra.expected, extra.max].map(|extra| at(desired + extra));
    let ([Some(min), Some(expected), Some(max)], Some(base)) = (bounds, at(desired)) else { return Vec::new() };
    let minus = |all: (Quantity, Quantity)| (all.0.expected - base.0.expected, all.1.expected - base.1.expected);
    let (min, expected, max) = (minus(min), minus(expected), minus(max));
    let on_demand = Quantity::between(min.0, expected.0, max.0);
    let spot = Quantity::between(min.1, expected.1, max.1);
    let mut charges = task.charges(on_demand, spot, ", scaled");
    if has_public_address(service) {
        let addresses = extra.times(HOURS_PER_MONTH);
        charges.push(Charge::new("public IPv4 addresses of tasks, scaled", "public-ipv4.hour", addresses));
    }
    charges
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use cloud::{Address, Usage};
    use engine::Handle;
    use serde_json::json;

    use super::*;

    fn strategy(on_demand: f64, spot: f64, base: f64) -> Value {
        json!([
            { "CapacityProvider": "FARGATE", "Weight": on_demand, "Base": base },
            { "CapacityProvider": "FARGATE_SPOT", "Weight": spot },
        ])
    }

    #[test]
    fn spot_has_its_share_by_weight_after_the_base() {
        let cases = [
            (Some(strategy(30.0, 70.0, 0.0)), None, 10.0, Some(0.7)),
            (Some(strategy(0.0, 1.0, 0.0)), None, 3.0, Some(1.0)),
            (Some(strategy(1.0, 1.0, 2.0)), None, 4.0, Some(0.25)),
            (Some(strategy(1.0, 1.0, 2.0)), None, 2.0, Some(0.0)),
            (None, Some("FARGATE"), 3.0, Some(0.0)),
            (None, Some("EC2"), 3.0, None),
            (Some(json!([{ "CapacityProvider": "my-instances", "Weight": 1 }])), None, 3.0, None),
        ];
        for (strategy, launch_type, tasks, share) in cases {
            assert_eq!(
                spot_share(strategy.as_ref(), launch_type, tasks),
                share,
                "{strategy:?} {launch_type:?} {tasks}"
            );
        }
    }

    fn lines(
        service: Value,
        definition: Value,
        cluster: Value,
        scale: Option<(f64, f64)>,
    ) -> BTreeMap<String, Quantity> {
        let mut service = service;
        service["TaskDefinition"] = json!(Handle::to("task").id());
        service["Cluster"] = json!(Handle::to("cluster").id());
        let nodes = BTreeMap::from([("task", definition), ("cluster", cluster)]);
        let usage = Usage::default();
        let lookup = |address: &Address| nodes.get(address.as_str());
        let pricing = Pricing { usage: &usage, region: "us-east-1", lookup: &lookup };
        let charges = match scale {
            None => service_charges(&serde_json::from_value(service).unwrap(), &pricing),
            Some((min, max)) => scaling_charges(min, max, &engine::intrinsic::lower(service), &pricing),
        };
        charges.into_iter().map(|charge| (charge.price, charge.quantity)).collect()
    }

    #[test]
    fn a_service_pays_for_its_tasks() {
        let definition = json!({ "Cpu": "512", "Memory": "1024", "EphemeralStorage": { "SizeInGiB": 30 } });
        let cluster = json!({ "ClusterSettings": [{ "Name": "containerInsights", "Value": "enabled" }] });
        let service = json!({
            "DesiredCount": 2,
            "NetworkConfiguration": { "AwsvpcConfiguration": { "AssignPublicIp": "ENABLED" } },
        });
        let expected = BTreeMap::from([
            ("fargate.vcpu.hour".to_owned(), Quantity::exactly(730.0)),
            ("fargate.gb.hour".to_owned(), Quantity::exactly(1460.0)),
            ("fargate.storage.gb.hour".to_owned(), Quantity::exactly(14600.0)),
            ("public-ipv4.hour".to_owned(), Quantity::exactly(1460.0)),
            ("cloudwatch.metric.month".to_owned(), Quantity::exactly(25.0)),
        ]);
        assert_eq!(lines(service, definition, cluster, None), expected);
    }

    #[test]
    fn arm_and_the_clusters_default_strategy_count() {
        let definition = json!({ "Cpu": 1024, "Memory": 2048, "RuntimePlatform": { "CpuArchitecture": "ARM64" } });
        let cluster = json!({ "DefaultCapacityProviderStrategy": strategy(30.0, 70.0, 0.0) });
        let lines = lines(json!({ "DesiredCount": 10 }), definition, cluster, None);
        let at = |key: &str| lines[key].expected.round();
        assert_eq!((at("fargate.arm.vcpu.hour"), at("fargate-spot.arm.vcpu.hour")), (2190.0, 5110.0));
        assert_eq!((at("fargate.arm.gb.hour"), at("fargate-spot.arm.gb.hour")), (4380.0, 10220.0));
        assert_eq!(lines.len(), 4);
    }

    #[test]
    fn scaling_adds_up_to_the_bounds() {
        let definition = json!({ "Cpu": "1024", "Memory": "2048" });
        let service = json!({ "DesiredCount": 3, "LaunchType": "FARGATE" });
        let lines = lines(service.clone(), definition.clone(), json!({}), Some((2.0, 10.0)));
        assert_eq!(lines["fargate.vcpu.hour"], Quantity::between(-730.0, 0.0, 5110.0));
        assert_eq!(lines["fargate.gb.hour"], Quantity::between(-1460.0, 0.0, 10220.0));
        assert_eq!(lines.len(), 2);
        assert!(self::lines(service, definition, json!({}), Some((3.0, 3.0))).is_empty());
    }
}
