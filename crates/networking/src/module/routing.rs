//! Which requests go to which workload: the rules of each load balancer, and their order.

use std::collections::BTreeSet;

use cloud::{Findings, Stack};

use super::names;
use super::wiring::{Health, Inputs, Listen, Workload};

/// The path that takes all.
pub(super) const ALL_PATHS: &str = "/*";

/// The highest priority of a rule.
const LAST_PRIORITY: u16 = 50_000;

/// All routes, in the order of the workloads.
pub(super) struct Routing<'a> {
    pub routes: Vec<Route<'a>>,
}

/// One workload behind a load balancer.
pub(super) struct Route<'a> {
    pub workload: &'a Workload,
    pub listen: &'a Listen,
    pub balancer: &'a str,
    pub port: u16,
    /// The priority of its rule; none: it takes what no rule takes.
    pub rule: Option<u16>,
}

/// The routes of all workloads behind one of the load balancers, with what is wrong about them said.
pub(super) fn of<'a>(inputs: &'a Inputs, balancers: &[&str], stack: &mut Stack) -> Routing<'a> {
    let mut routes: Vec<Route<'a>> = Vec::new();
    let findings = &mut stack.findings;
    for workload in &inputs.workloads {
        let Some(listen) = &workload.load_balancer else { continue };
        if !balancers.contains(&listen.balancer.as_str()) {
            unknown_balancer(workload, listen, balancers, findings);
            continue;
        }
        // No port is said where ports are checked.
        let Some(port) = workload.port else { continue };
        check(workload, listen, findings);
        let twin =
            routes.iter().find(|other| other.balancer == listen.balancer && taken(other.listen) == taken(listen));
        if let Some(twin) = twin {
            let message = match taken(listen) {
                (None, None) => format!("both this and `{}` take all paths", twin.workload.key),
                (host, path) => {
                    let place = format!("{}{}", host.unwrap_or_default(), path.unwrap_or(ALL_PATHS));
                    format!("`{place}` goes to `{}` already", twin.workload.key)
                }
            };
            let key = format!("{}.listen.path", workload.key);
            let hint = format!("give one of them a path of its own, such as `path = \"/{}/*\"`", workload.name);
            findings.error("path-twice", key, message).hint(hint);
            continue;
        }
        let rule = listen.priority.filter(|_| taken(listen) != (None, None));
        routes.push(Route { workload, listen, balancer: &listen.balancer, port, rule });
    }
    for balancer in balancers {
        set_priorities(routes.iter_mut().filter(|route| route.balancer == *balancer).collect(), findings);
    }
    Routing { routes }
}

/// What a workload takes: a host, a path. Neither: all that is left.
fn taken(listen: &Listen) -> (Option<&str>, Option<&str>) {
    (listen.host.as_deref(), listen.path.as_deref().filter(|path| *path != ALL_PATHS))
}

fn unknown_balancer(workload: &Workload, listen: &Listen, balancers: &[&str], findings: &mut Findings) {
    let hint = match (schema::closest(&listen.balancer, balancers.iter().copied()), balancers) {
        (Some(near), _) => format!("did you mean `{near}`?"),
        (None, []) => format!("add `[networking.load-balancer.{}]`", listen.balancer),
        (None, names) => format!("there are: {}", names.join(", ")),
    };
    let message = format!("there is no load balancer `{}`", listen.balancer);
    findings.error("unknown-load-balancer", format!("{}.listen.load-balancer", workload.key), message).hint(hint);
}

fn check(workload: &Workload, listen: &Listen, findings: &mut Findings) {
    let key = |name: &str| format!("{}.listen.{name}", workload.key);
    for (name, path) in [("path", listen.path.as_deref()), ("health", Some(listen.health.path.as_str()))] {
        if let Some(path) = path.filter(|path| !path.starts_with('/')) {
            let message = format!("the path `{path}` does not begin with `/`");
            findings.error("path-syntax", key(name), message).hint(format!("write `/{path}`"));
        }
    }
    if let Some(path) = listen.path.as_deref().filter(|path| path.len() > 128) {
        findings.error(
            "path-syntax",
            key("path"),
            format!("a path has at most 128 characters; this has {}", path.len()),
        );
    }
    if let Some(host) = listen.host.as_deref().filter(|host| host.is_empty() || host.contains(['/', ':', ' '])) {
        let message = format!("`{host}` is not a host name");
        findings
            .error("host-syntax", key("host"), message)
            .hint("write a name such as `api.example.com` or `*.example.com`");
    }
    if let Some(priority) = listen.priority.filter(|priority| !(1..=LAST_PRIORITY).contains(priority)) {
        let message = format!("the priority {priority} is not within 1 to {LAST_PRIORITY}");
        findings.error("priority", key("priority"), message).hint("leave it out: the more specific path goes first");
    }
    check_health(&listen.health, &key, findings);
}

fn check_health(health: &Health, key: &dyn Fn(&str) -> String, findings: &mut Findings) {
    // From the API reference of CreateTargetGroup and TargetGroupAttribute.
    let bounds = [
        ("health-interval", health.interval_seconds, 5, 300),
        ("health-timeout", health.timeout_seconds, 2, 120),
        ("healthy-threshold", health.healthy_threshold, 2, 10),
        ("unhealthy-threshold", health.unhealthy_threshold, 2, 10),
        ("drain", health.drain_seconds, 0, 3600),
    ];
    let mut right = true;
    for (name, value, least, most) in bounds {
        if !(least..=most).contains(&value) {
            right = false;
            let message = format!("{value} is not within {least} to {most}");
            findings
                .error("health-check", key(name), message)
                .hint(format!("write `{name} = {}`", value.clamp(least, most)));
        }
    }
    if right && health.timeout_seconds > health.interval_seconds {
        let (timeout, interval) = (health.timeout_seconds, health.interval_seconds);
        let message = format!("an answer may take {timeout} seconds, and the next check comes after {interval}");
        let hint = format!("write `health-timeout = {}`", interval.min(5));
        findings.error("health-check", key("health-timeout"), message).hint(hint);
    }
    if !are_codes(&health.codes) {
        let message = format!("`{}` are no HTTP statuses", health.codes);
        let hint = "write one, some or a range: `\"200\"`, `\"200,202\"`, `\"200-299\"`";
        findings.error("health-check", key("health-codes"), message).hint(hint);
    }
}

/// Statuses from 200 to 499, which is what application load balancers take: single, listed, or as a range.
fn are_codes(text: &str) -> bool {
    let code = |text: &str| text.len() == 3 && text.parse().is_ok_and(|code: u16| (200..500).contains(&code));
    text.split(',').all(|part| match part.split_once('-') {
        Some((first, last)) => code(first) && code(last) && first <= last,
        None => code(part),
    })
}

/// Gives a priority to each rule without one. It depends on what the rule itself says, hardly on its neighbours: so a
/// new rule does not move the others about (AWS refuses a priority in use, even for a moment).
fn set_priorities(mut routes: Vec<&mut Route<'_>>, findings: &mut Findings) {
    let mut used: BTreeSet<u16> = BTreeSet::new();
    for route in &routes {
        if let Some(priority) = route.rule.filter(|priority| !used.insert(*priority)) {
            let message = format!("the priority {priority} is another rule's");
            let finding = findings.error("priority", format!("{}.listen.priority", route.workload.key), message);
            finding.hint("leave it out: the more specific path goes first");
        }
    }
    routes.sort_by_key(|route| route.workload.name.as_str());
    for route in routes {
        let (host, path) = taken(route.listen);
        if route.rule.is_some() || (host, path) == (None, None) {
            continue;
        }
        let slot = slot(host, path);
        let free = (0..SLOT).map(|step| slot + (place(&route.workload.name) + step) % SLOT);
        let priority = free.into_iter().find(|priority| !used.contains(priority)).unwrap_or(LAST_PRIORITY);
        used.insert(priority);
        route.rule = Some(priority);
    }
}

/// How many rules of the same specificity there is room for.
const SLOT: u16 = 1_000;

fn place(name: &str) -> u16 {
    (names::fingerprint(name) % u64::from(SLOT)) as u16
}

/// Where rules of this specificity begin: those with a host first, then the longer literal paths.
fn slot(host: Option<&str>, path: Option<&str>) -> u16 {
    const STEPS: usize = 24;
    let literal = path.map_or(0, |path| path.bytes().filter(|byte| !matches!(byte, b'*' | b'?')).count());
    let step = (STEPS - 1).saturating_sub(literal) + if host.is_some() { 0 } else { STEPS };
    // At most 47 steps: 47,001 to 48,000 are the last.
    1 + SLOT * step as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workload(name: &str, host: Option<&str>, path: Option<&str>) -> Workload {
        Workload {
            name: name.to_owned(),
            key: format!("compute.service.{name}"),
            port: Some(3000),
            load_balancer: Some(Listen {
                balancer: "main".into(),
                host: host.map(str::to_owned),
                path: path.map(str::to_owned),
                ..Listen::default()
            }),
            ..Workload::default()
        }
    }

    type Rules = Vec<(String, Option<u16>)>;

    /// Name and rule of each route, and keys and hints of what is wrong.
    fn routes(workloads: Vec<Workload>) -> (Rules, Vec<(String, String)>) {
        let inputs = Inputs { workloads, ..Inputs::default() };
        let mut stack = Stack::new("s/e", "us-east-1", &[]);
        let routing = of(&inputs, &["main"], &mut stack);
        let routes = routing.routes.iter().map(|route| (route.workload.name.clone(), route.rule)).collect();
        let found = stack.findings.0.into_iter().map(|f| (f.key.unwrap(), f.hint.unwrap_or_default())).collect();
        (routes, found)
    }

    #[test]
    fn the_more_specific_comes_first_and_all_paths_need_no_rule() {
        let (routes, found) = routes(vec![
            workload("web", None, Some("/*")),
            workload("api", None, Some("/api/*")),
            workload("admin", None, Some("/api/admin/*")),
            workload("docs", Some("docs.example.com"), None),
        ]);
        assert_eq!(found, []);
        let rule = |name: &str| routes.iter().find(|(n, _)| n == name).unwrap().1;
        assert_eq!(rule("web"), None);
        assert!(rule("docs") < rule("admin") && rule("admin") < rule("api"), "{routes:?}");
        assert!(rule("docs").is_some());
    }

    #[test]
    fn a_new_rule_leaves_the_others_where_they_are() {
        let before = routes(vec![workload("api", None, Some("/api/*"))]).0;
        let after = routes(vec![workload("api", None, Some("/api/*")), workload("b", None, Some("/bbb/*"))]).0;
        assert_eq!(before[0], after[0]);
    }

    #[test]
    fn mistakes_name_key_and_remedy() {
        let mut typo = workload("a", None, None);
        typo.load_balancer.as_mut().unwrap().balancer = "mian".into();
        let health = |change: &dyn Fn(&mut Health)| {
            let mut workload = workload("a", None, None);
            change(&mut workload.load_balancer.as_mut().unwrap().health);
            vec![workload]
        };
        let cases = [
            (vec![typo], "compute.service.a.listen.load-balancer", "did you mean `main`?"),
            (health(&|h| h.timeout_seconds = 60), "compute.service.a.listen.health-timeout", "health-timeout = 5"),
            (health(&|h| h.interval_seconds = 2), "compute.service.a.listen.health-interval", "health-interval = 5"),
            (health(&|h| h.codes = "200-".into()), "compute.service.a.listen.health-codes", "200-299"),
            (vec![workload("a", Some("https://a.b"), None)], "compute.service.a.listen.host", "api.example.com"),
            (vec![workload("a", None, Some("api/*"))], "compute.service.a.listen.path", "write `/api/*`"),
            (
                vec![workload("a", None, None), workload("b", None, Some("/*"))],
                "compute.service.b.listen.path",
                "path = \"/b/*\"",
            ),
            (
                vec![workload("a", None, Some("/x")), workload("b", None, Some("/x"))],
                "compute.service.b.listen.path",
                "path = \"/b/*\"",
            ),
        ];
        for (workloads, key, hint) in cases {
            let (_, found) = routes(workloads);
            assert_eq!(found.len(), 1, "{key}: {found:?}");
            assert_eq!(found[0].0, key);
            assert!(found[0].1.contains(hint), "{key}: {}", found[0].1);
        }
    }
}
