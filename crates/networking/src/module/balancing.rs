//! Load balancers, their certificates and listeners, and the target groups and rules of the workloads behind them.

use std::collections::BTreeMap;

use cloud::{Handle, Stack};

use super::balancer_check;
use super::groups::{self, Groups};
use super::names;
use super::routing::{self, Routing};
use super::subnets::{ANYWHERE, Network};
use super::wiring::{Balancer, Inputs, Workload, WorkloadNetwork};
use crate::certificate::Certificate;
use crate::elb::Attribute;
use crate::listener::{Listener, ListenerCertificate};
use crate::listener_action::Action;
use crate::listener_rule::{Condition, ListenerRule};
use crate::load_balancer::LoadBalancer;
use crate::security_group::Egress;
use crate::security_group_ingress::SecurityGroupIngress;
use crate::settings::{self, Http, Settings};
use crate::target_group::{Matcher, TargetGroup};

/// Declares all load balancers, and completes what the workloads behind them get.
pub(super) fn declare(
    settings: &Settings,
    inputs: &Inputs,
    network: &Network,
    groups: &Groups,
    workloads: &mut BTreeMap<String, WorkloadNetwork>,
    stack: &mut Stack,
) -> BTreeMap<String, Balancer> {
    let names: Vec<&str> = settings.load_balancer.keys().map(String::as_str).collect();
    let routing = routing::of(inputs, &names, stack);
    let mut balancers = BTreeMap::new();
    for (name, wanted) in &settings.load_balancer {
        let mut builder = Builder { name, wanted, settings, inputs, network, groups, stack };
        let balancer = builder.balancer(&routing, workloads);
        balancers.insert(name.clone(), balancer);
    }
    balancers
}

struct Builder<'a> {
    name: &'a str,
    wanted: &'a settings::LoadBalancer,
    settings: &'a Settings,
    inputs: &'a Inputs,
    network: &'a Network,
    groups: &'a Groups,
    stack: &'a mut Stack,
}

impl Builder<'_> {
    fn key(&self) -> String {
        format!("networking.load-balancer.{}", self.name)
    }

    fn physical_name(&self) -> String {
        names::of(&self.inputs.prefix, "alb", self.name)
    }

    fn balancer(&mut self, routing: &Routing, workloads: &mut BTreeMap<String, WorkloadNetwork>) -> Balancer {
        let http = balancer_check::check(&self.key(), self.wanted, &self.network.subnets, &mut self.stack.findings);
        let routes: Vec<&routing::Route> = routing.routes.iter().filter(|route| route.balancer == self.name).collect();
        self.stack.section(&self.key());
        let certificate = self.certificate();
        let ports: Vec<(&str, u16)> = [("https", 443, certificate.is_some()), ("http", 80, http != Http::Off)]
            .into_iter()
            .filter_map(|(name, port, open)| open.then_some((name, port)))
            .collect();
        let group = self.security_group(&routes, &ports);
        let balancer = self.load_balancer(&group);
        for route in &routes {
            let target_group = self.target_group(route);
            self.stack.section(&self.key());
            if let Some(workload) = workloads.get_mut(&route.workload.name) {
                workload.target_group_arn = Some(target_group.id());
                workload.target_group_full_name = Some(target_group.get("TargetGroupFullName"));
                workload.load_balancer = Some(self.name.to_owned());
            }
        }
        for (protocol, port) in ports {
            let redirects = protocol == "http" && http == Http::Redirect;
            let listeners = self.listener(protocol, port, redirects, &balancer, certificate.as_deref(), &routes);
            for (workload, handle) in listeners {
                if let Some(workload) = workloads.get_mut(&workload) {
                    workload.listeners.push(handle);
                }
            }
        }
        Balancer {
            arn: balancer.id(),
            dns_name: balancer.get("DNSName"),
            full_name: balancer.get("LoadBalancerFullName"),
            hosted_zone_id: balancer.get("CanonicalHostedZoneID"),
            url: self.url(&balancer),
            security_group: group.get("GroupId"),
        }
    }

    /// The ARN of the certificate: the one that is there, or the one requested.
    fn certificate(&mut self) -> Option<String> {
        let wanted = self.wanted.certificate.as_ref()?;
        let key = format!("{}.certificate", self.key());
        let findings = &mut self.stack.findings;
        let (arn, domain) = match (&wanted.arn, &wanted.domain) {
            (Some(arn), None) => (arn, None),
            (None, Some(domain)) => (domain, Some(domain)),
            (both, _) => {
                let message = if both.is_some() { "`arn` and `domain` exclude each other" } else { "no certificate" };
                let hint = "write `{ domain = \"api.example.com\" }`, or `{ arn = \"arn:aws:acm:…\" }`";
                findings.error("certificate", key, message).hint(hint);
                return None;
            }
        };
        let Some(domain) = domain else {
            if !arn.starts_with("arn:") {
                let message = format!("`{arn}` is not the ARN of a certificate");
                findings
                    .error("certificate", format!("{key}.arn"), message)
                    .hint("write `arn:aws:acm:REGION:ACCOUNT:certificate/ID`");
            }
            return Some(arn.clone());
        };
        let mut alternatives = wanted.alternatives.clone();
        let places = alternatives.iter().enumerate().map(|(index, name)| (format!("{key}.alternatives.{index}"), name));
        for (key, name) in std::iter::once((format!("{key}.domain"), domain)).chain(places) {
            if !balancer_check::is_domain(name) {
                let message = format!("`{name}` is not a domain name");
                findings
                    .error("domain", key, message)
                    .hint("write a name such as `api.example.com` or `*.example.com`");
            }
        }
        alternatives.retain(|name| name != domain);
        alternatives.sort();
        let certificate = Certificate {
            domain_name: Some(domain.clone()),
            subject_alternative_names: Some(alternatives).filter(|names| !names.is_empty()),
            validation_method: Some("DNS".to_owned()),
            tags: names::tags(self.physical_name()),
            ..Certificate::default()
        };
        Some(self.stack.add(format!("networking.certificate.{}", self.name), certificate).id())
    }

    /// Lets in who is allowed, and out to the workloads only.
    fn security_group(&mut self, routes: &[&routing::Route], ports: &[(&str, u16)]) -> Handle {
        let description = format!("The load balancer {}", self.name);
        let mut group = groups::group(&self.physical_name(), &description, self.network);
        let out = routes.iter().filter_map(|route| {
            let to = self.groups.workloads.get(&route.workload.name)?;
            Some(Egress {
                destination_security_group_id: Some(to.get("GroupId")),
                ip_protocol: Some("tcp".to_owned()),
                from_port: Some(i64::from(route.port)),
                to_port: Some(i64::from(route.port)),
                description: Some(format!("To the workload {}", route.workload.name)),
                ..Egress::default()
            })
        });
        let out: Vec<Egress> = out.collect();
        if !out.is_empty() {
            group.security_group_egress = Some(out);
        }
        let handle = self.stack.add(format!("networking.security-group.load-balancer.{}", self.name), group);
        let everyone = [if self.wanted.internal { self.settings.cidr.clone() } else { ANYWHERE.to_owned() }];
        let allowed = if self.wanted.allow.is_empty() { &everyone[..] } else { &self.wanted.allow[..] };
        for (protocol, port) in ports {
            for range in allowed {
                let (four, six) = if range.contains(':') { (None, Some(range)) } else { (Some(range), None) };
                let rule = SecurityGroupIngress {
                    cidr_ip: four.cloned(),
                    cidr_ipv6: six.cloned(),
                    description: Some(format!("{} from {range}", protocol.to_uppercase())),
                    ..groups::tcp(&handle, *port)
                };
                let mut address = format!("{}.{protocol}", handle.address());
                if *range != everyone[0] {
                    address.push_str(&format!("-from-{}", range.replace(['.', ':', '/'], "-").trim_matches('-')));
                }
                self.stack.add(address, rule);
            }
        }
        for route in routes {
            if let Some(to) = self.groups.workloads.get(&route.workload.name) {
                let rule = SecurityGroupIngress {
                    source_security_group_id: Some(handle.get("GroupId")),
                    description: Some(format!("From the load balancer {}", self.name)),
                    ..groups::tcp(to, route.port)
                };
                self.stack.add(format!("{}.from-load-balancer-{}", to.address(), self.name), rule);
            }
        }
        handle
    }

    fn load_balancer(&mut self, group: &Handle) -> Handle {
        let wanted = self.wanted;
        let subnets = match wanted.internal {
            true => &self.network.subnets.private,
            false => &self.network.subnets.public,
        };
        let mut attributes = vec![
            Attribute::new("deletion_protection.enabled", wanted.protected),
            Attribute::new("idle_timeout.timeout_seconds", wanted.idle_timeout),
            // A header that no HTTP client writes is an attempt at smuggling a request.
            Attribute::new("routing.http.drop_invalid_header_fields.enabled", true),
        ];
        if let Some(logs) = &wanted.access_logs {
            attributes.push(Attribute::new("access_logs.s3.enabled", true));
            attributes.push(Attribute::new("access_logs.s3.bucket", &logs.bucket));
            attributes.extend(logs.prefix.as_ref().map(|prefix| Attribute::new("access_logs.s3.prefix", prefix)));
        }
        let name = self.physical_name();
        let balancer = LoadBalancer {
            name: Some(names::short(&name, 32)),
            kind: Some("application".to_owned()),
            scheme: Some(if wanted.internal { "internal" } else { "internet-facing" }.to_owned()),
            subnets: Some(subnets.clone()),
            security_groups: Some(vec![group.get("GroupId")]),
            load_balancer_attributes: Some(attributes),
            tags: names::tags(name),
            ..LoadBalancer::default()
        };
        let handle = self.stack.add(self.key(), balancer);
        if wanted.protected {
            self.stack.protect(&handle);
        }
        if let Some(attachment) = self.network.attachment.as_ref().filter(|_| !wanted.internal) {
            // AWS refuses an internet-facing load balancer in a VPC without internet gateway.
            self.stack.depends_on(&handle, attachment);
        }
        handle
    }

    fn target_group(&mut self, route: &routing::Route) -> Handle {
        let (workload, health) = (route.workload, &route.listen.health);
        self.stack.section(&workload.key);
        // No name: a replacement is made up with another, and takes over before the old one goes.
        let group = TargetGroup {
            target_type: Some("ip".to_owned()),
            protocol: Some("HTTP".to_owned()),
            port: Some(i64::from(route.port)),
            vpc_id: Some(self.network.vpc.id()),
            health_check_enabled: Some(true),
            health_check_protocol: Some("HTTP".to_owned()),
            health_check_path: Some(health.path.clone()),
            health_check_interval_seconds: Some(i64::from(health.interval_seconds)),
            health_check_timeout_seconds: Some(i64::from(health.timeout_seconds)),
            healthy_threshold_count: Some(i64::from(health.healthy_threshold)),
            unhealthy_threshold_count: Some(i64::from(health.unhealthy_threshold)),
            matcher: Some(Matcher { http_code: Some(health.codes.clone()), grpc_code: None }),
            target_group_attributes: Some(vec![Attribute::new(
                "deregistration_delay.timeout_seconds",
                health.drain_seconds,
            )]),
            tags: names::tags(format!("{}-{}", self.inputs.prefix, workload.name)),
            ..TargetGroup::default()
        };
        self.stack.add(target_group_address(workload), group)
    }

    /// A listener with its rules; answers what each workload's registration waits for.
    fn listener(
        &mut self,
        protocol: &str,
        port: u16,
        redirects: bool,
        balancer: &Handle,
        certificate: Option<&str>,
        routes: &[&routing::Route],
    ) -> Vec<(String, Handle)> {
        let default = routes.iter().find(|route| route.rule.is_none()).filter(|_| !redirects);
        let action = match default {
            _ if redirects => Action::redirect_to_https(),
            Some(route) => Action::forward(Handle::to(target_group_address(route.workload)).id()),
            None => Action::fixed(404, "Not found"),
        };
        let tls = protocol == "https";
        let certificates =
            certificate.filter(|_| tls).map(|arn| vec![ListenerCertificate { certificate_arn: Some(arn.to_owned()) }]);
        let listener = Listener {
            load_balancer_arn: Some(balancer.id()),
            port: Some(i64::from(port)),
            protocol: Some(protocol.to_uppercase()),
            certificates,
            ssl_policy: tls.then(|| self.wanted.ssl_policy.clone()),
            default_actions: Some(vec![action]),
            ..Listener::default()
        };
        self.stack.section(&self.key());
        let listener = self.stack.add(format!("networking.listener.{}-{protocol}", self.name), listener);
        let mut waited: Vec<(String, Handle)> =
            default.iter().map(|route| (route.workload.name.clone(), listener.clone())).collect();
        for route in routes.iter().filter(|_| !redirects) {
            let Some(priority) = route.rule else { continue };
            self.stack.section(&route.workload.key);
            let paths = route.listen.path.iter().filter(|path| *path != routing::ALL_PATHS);
            let conditions = route.listen.host.iter().map(|host| Condition::host(host));
            let rule = ListenerRule {
                listener_arn: Some(listener.id()),
                priority: Some(i64::from(priority)),
                conditions: Some(conditions.chain(paths.map(|path| Condition::path(path))).collect()),
                actions: Some(vec![Action::forward(Handle::to(target_group_address(route.workload)).id())]),
                ..ListenerRule::default()
            };
            let address = format!("networking.listener-rule.{}-{}-{protocol}", self.name, route.workload.name);
            waited.push((route.workload.name.clone(), self.stack.add(address, rule)));
        }
        waited
    }

    /// Where a browser finds it: by the certificate's name, which a DNS record should lead here.
    fn url(&self, balancer: &Handle) -> String {
        match &self.wanted.certificate {
            Some(settings::Certificate { domain: Some(domain), .. }) if !domain.starts_with('*') => {
                format!("https://{domain}")
            }
            Some(_) => format!("https://{}", balancer.get("DNSName")),
            None => format!("http://{}", balancer.get("DNSName")),
        }
    }
}

fn target_group_address(workload: &Workload) -> String {
    format!("networking.target-group.{}", workload.name)
}
