//! The tasks of a service as targets of its target group.
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeTargetHealth.html>

use super::service::Service;
use crate::xml::Element;

/// The port that a service registers in a target group, if it registers any.
pub(super) fn port(service: &Service, group: &str) -> Option<u64> {
    let balancers = service.spec.get("loadBalancers")?.as_array()?;
    balancers.iter().find(|balancer| balancer["targetGroupArn"] == group)?["containerPort"].as_u64()
}

/// Adds the tasks of a service to a description of target health.
pub(super) fn add(root: &mut Element, service: &Service, port: u64, now: f64) {
    let Some(list) = root.find_mut("TargetHealthDescriptions") else {
        return;
    };
    let port = port.to_string();
    for task in service.tasks().filter(|task| task.running <= now) {
        let mut health = vec![Element::leaf("State", if task.healthy <= now { "healthy" } else { "initial" })];
        if task.healthy > now {
            health.push(Element::leaf("Reason", "Elb.RegistrationInProgress"));
            health.push(Element::leaf("Description", "Target registration is in progress"));
        }
        list.children.push(Element::branch(
            "member",
            vec![
                Element::branch(
                    "Target",
                    vec![
                        Element::leaf("Id", &task.address),
                        Element::leaf("Port", &port),
                        Element::leaf("AvailabilityZone", &task.subnet.zone),
                    ],
                ),
                Element::leaf("HealthCheckPort", &port),
                Element::branch("TargetHealth", health),
            ],
        ));
    }
}
