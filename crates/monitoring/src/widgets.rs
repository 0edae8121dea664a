//! The dashboard: one section each for services, load balancers, databases, caches, and counts from logs.
//!
//! The body's form: Amazon CloudWatch API Reference, "Dashboard Body Structure and Syntax".

use std::collections::BTreeMap;

use engine::Handle;
use serde_json::{Value, json};

use crate::filters::{filter_metric, filtered};
use crate::inputs::{Cache, Database, Inputs, LoadBalancer};
use crate::module::{balancer_label, label, node_label};
use crate::page::{COLUMNS, Graph, HEIGHT, Page};
use crate::settings::{Settings, Threshold};
use crate::standard;

/// The dashboard's body as JSON text; it may carry reference tokens.
pub(crate) fn body(settings: &Settings, inputs: &Inputs, alarms: &BTreeMap<String, Handle>) -> String {
    let mut page = Page::new(&inputs.region, &settings.alarms);
    page.states(inputs, alarms);
    page.services(inputs);
    for balancer in &inputs.load_balancers {
        page.load_balancer(balancer, inputs);
    }
    for database in &inputs.databases {
        page.database(database, &inputs.prefix);
    }
    for cache in &inputs.caches {
        page.cache(cache, &inputs.prefix);
    }
    page.counts(settings, inputs);
    page.latest_errors(inputs);
    json!({ "start": "-PT6H", "periodOverride": "inherit", "widgets": page.widgets }).to_string()
}

impl Page<'_> {
    /// The states of all alarms; AWS wants their ARNs, which hold the account.
    fn states(&mut self, inputs: &Inputs, alarms: &BTreeMap<String, Handle>) {
        let Some(account) = inputs.account.as_ref().filter(|_| !alarms.is_empty()) else {
            return;
        };
        let arn = |name| format!("arn:aws:cloudwatch:{}:{account}:alarm:{}-{name}", self.region, inputs.prefix);
        // AWS takes at most 100 alarms in one widget.
        let arns: Vec<String> = alarms.keys().map(arn).take(100).collect();
        let height = 1 + arns.len().div_ceil(4).clamp(1, 8);
        self.put("alarm", 0, COLUMNS, height, json!({ "title": "Alarms", "alarms": arns }));
        self.y += height;
    }

    fn services(&mut self, inputs: &Inputs) {
        if inputs.services.is_empty() {
            return;
        }
        self.heading("Services");
        let each = |namespace: &str, metric: &str| -> Vec<Value> {
            let one = |service: &crate::Service| {
                let (cluster, name) = (&service.cluster, &service.service_name);
                json!([namespace, metric, "ClusterName", cluster, "ServiceName", name, { "label": service.name }])
            };
            inputs.services.iter().map(one).collect()
        };
        let cpu = self.alarms.cpu.or(standard::CPU);
        let memory = self.alarms.memory.or(standard::MEMORY);
        let mut graphs = vec![
            Graph::new("CPU", "%", each("AWS/ECS", "CPUUtilization")).percent().limit(cpu),
            Graph::new("Memory", "%", each("AWS/ECS", "MemoryUtilization")).percent().limit(memory),
        ];
        if inputs.container_insights {
            graphs.push(Graph::new("Running tasks", "tasks", each("ECS/ContainerInsights", "RunningTaskCount")));
        }
        self.row(graphs);
    }

    fn load_balancer(&mut self, balancer: &LoadBalancer, inputs: &Inputs) {
        self.heading(&format!("Load balancer {}", balancer.name));
        let what = balancer_label(&balancer.name);
        let metric = |name: &str, options: Value| {
            json!(["AWS/ApplicationELB", name, "LoadBalancer", balancer.full_name, options])
        };
        let limit = self.alarms.errors.limit();
        let minutes = limit.map_or(5, |limit| limit.minutes);
        let errors = vec![
            metric("HTTPCode_Target_5XX_Count", json!({ "label": "5xx of services" })),
            metric("HTTPCode_ELB_5XX_Count", json!({ "label": "5xx of the load balancer" })),
            metric("HTTPCode_Target_4XX_Count", json!({ "label": "4xx of services" })),
        ];
        let times = vec![
            metric("TargetResponseTime", json!({ "label": "average" })),
            metric("TargetResponseTime", json!({ "label": "p95", "stat": "p95" })),
        ];
        let requests = vec![metric("RequestCount", json!({ "label": what }))];
        let mut graphs = vec![
            Graph::new("Requests", "a minute", requests).sum(),
            Graph::new("Response time", "seconds", times)
                .limit(self.alarms.response_seconds.or(standard::RESPONSE_SECONDS)),
            Graph::new(format!("Errors in {minutes} minutes"), "responses", errors)
                .sum()
                .period(minutes.saturating_mul(60))
                .limit(limit.map(|limit| f64::from(limit.count))),
        ];
        let mut hosts = Vec::new();
        for service in &inputs.services {
            let Some(balanced) = service.balanced.as_ref().filter(|b| b.load_balancer == balancer.full_name) else {
                continue;
            };
            for (metric, word) in [("HealthyHostCount", "healthy"), ("UnHealthyHostCount", "unhealthy")] {
                let options = json!({ "label": format!("{} {word}", service.name) });
                let (lb, group) = (&balanced.load_balancer, &balanced.target_group);
                hosts.push(json!(["AWS/ApplicationELB", metric, "LoadBalancer", lb, "TargetGroup", group, options]));
            }
        }
        if !hosts.is_empty() {
            graphs.push(Graph::new("Targets", "tasks", hosts));
        }
        self.row(graphs);
    }

    fn database(&mut self, database: &Database, prefix: &str) {
        let what = label(&database.identifier, prefix, &database.engine, &database.name);
        self.heading(&format!("Database {what}"));
        let metric =
            |name: &str, options: Value| json!(["AWS/RDS", name, "DBInstanceIdentifier", database.identifier, options]);
        let connections = self.alarms.connections_percent.or(standard::CONNECTIONS_PERCENT);
        let connections = connections.and_then(|percent| standard::connections_threshold(database, percent));
        let mut graphs = vec![
            Graph::new("CPU", "%", vec![metric("CPUUtilization", json!({ "label": "CPU" }))])
                .percent()
                .limit(self.alarms.cpu.or(standard::CPU)),
            Graph::new("Connections", "connections", vec![metric("DatabaseConnections", json!({ "label": "open" }))])
                .limit(connections),
        ];
        if !database.engine.starts_with("aurora") {
            // Bytes are no unit to read.
            let free = vec![
                json!([{ "expression": "free / 1073741824", "id": "gib", "label": "free" }]),
                metric("FreeStorageSpace", json!({ "id": "free", "visible": false })),
            ];
            let limit = self.alarms.free_storage_gb.or(standard::FREE_STORAGE_GB);
            graphs.push(Graph::new("Free storage", "GiB", free).limit(limit));
        }
        let latency = vec![
            metric("ReadLatency", json!({ "label": "read" })),
            metric("WriteLatency", json!({ "label": "write" })),
        ];
        graphs.push(Graph::new("Latency", "seconds", latency));
        self.row(graphs);
    }

    fn cache(&mut self, cache: &Cache, prefix: &str) {
        let group = Cache { cluster_ids: cache.cluster_ids.iter().take(1).cloned().collect(), ..cache.clone() };
        self.heading(&format!("Cache {}", node_label(&group, 0, prefix)));
        let each = |metric: &str| -> Vec<Value> {
            let one = |(index, id): (usize, &String)| {
                let label = node_label(cache, index, prefix);
                json!(["AWS/ElastiCache", metric, "CacheClusterId", id, { "label": label }])
            };
            cache.cluster_ids.iter().enumerate().map(one).collect()
        };
        let limit = |threshold: Threshold, default| threshold.or(default);
        self.row(vec![
            Graph::new("CPU", "%", each(standard::cache_cpu(&cache.node)))
                .percent()
                .limit(limit(self.alarms.cpu, standard::CPU)),
            Graph::new("Memory", "%", each("DatabaseMemoryUsagePercentage"))
                .percent()
                .limit(limit(self.alarms.memory, standard::MEMORY)),
            Graph::new("Evictions in 5 minutes", "keys", each("Evictions"))
                .sum()
                .period(300)
                .limit(limit(self.alarms.evictions, standard::EVICTIONS)),
            Graph::new("Connections", "connections", each("CurrConnections")),
        ]);
    }

    /// One graph for each metric counted in logs.
    fn counts(&mut self, settings: &Settings, inputs: &Inputs) {
        let mut graphs = Vec::new();
        for (name, filter) in &settings.filter {
            let one = |service: &String| json!([inputs.prefix, filter_metric(service, name), { "label": service }]);
            let metrics: Vec<Value> = filtered(filter, &inputs.logs).into_iter().map(one).collect();
            if metrics.is_empty() {
                continue;
            }
            let minutes = filter.alarm.map_or(5, |limit| limit.minutes);
            let graph = Graph::new(format!("{name} in {minutes} minutes"), "", metrics)
                .sum()
                .period(minutes.saturating_mul(60))
                .limit(filter.alarm.map(|limit| f64::from(limit.count)));
            graphs.push(graph);
        }
        if graphs.is_empty() {
            return;
        }
        self.heading("Counted in logs");
        let mut graphs = graphs.into_iter().peekable();
        while graphs.peek().is_some() {
            let row: Vec<Graph> = graphs.by_ref().take(3).collect();
            self.row(row);
        }
    }

    fn latest_errors(&mut self, inputs: &Inputs) {
        if inputs.logs.services.is_empty() {
            return;
        }
        self.heading("Latest errors");
        let source = |log: &crate::LogOutput| format!("SOURCE '{}'", log.name);
        let sources: Vec<String> = inputs.logs.services.values().map(source).collect();
        let query = format!(
            "{} | fields @timestamp, @log, @message | filter @message like /(?i)(error|exception|panic)/ \
             | sort @timestamp desc | limit 50",
            sources.join(" | ")
        );
        self.put("log", 0, COLUMNS, HEIGHT, json!({ "region": self.region, "query": query, "view": "table" }));
        self.y += HEIGHT;
    }
}
