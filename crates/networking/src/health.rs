//! Whether load balancers, their targets, ways out and certificates do their work, as AWS sees it.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_sdk_acm::types::{CertificateDetail, CertificateStatus};
use aws_sdk_elasticloadbalancingv2::Client;
use aws_sdk_elasticloadbalancingv2::types::{TargetHealthDescription, TargetHealthStateEnum};
use cloud::{Address, Aws, AwsResult, Context, Failure, Readiness, Resource};
use engine::health::{Check, Status};
use futures::future::join_all;
use serde_json::Value;

use crate::certificate::{self, Certificate};
use crate::load_balancer::LoadBalancer;
use crate::nat_gateway::NatGateway;
use crate::target_group::TargetGroup;
use crate::vpc_endpoint::VpcEndpoint;

/// What is seen of one thing.
type Seen = (Status, String, Option<String>);

/// One check for each load balancer, target group, NAT gateway, VPC endpoint and certificate among the resources
/// (address, type, id, properties and attributes as applied).
pub async fn check(resources: &[(Address, String, String, Value)], cx: &Context) -> Vec<Check> {
    let checks = resources.iter().map(|(address, type_name, id, _)| async move {
        let (what, seen) = match type_name.as_str() {
            LoadBalancer::TYPE => ("load balancer", state::<LoadBalancer>(id, cx).await),
            NatGateway::TYPE => ("NAT gateway", state::<NatGateway>(id, cx).await),
            VpcEndpoint::TYPE => ("VPC endpoint", state::<VpcEndpoint>(id, cx).await),
            TargetGroup::TYPE => ("target group", target_group(address, id, cx).await),
            Certificate::TYPE => ("certificate", issued(id, cx).await),
            _ => return None,
        };
        let (status, detail, hint) =
            seen.unwrap_or_else(|failure| (Status::Unknown, failure.to_string(), failure.hint.clone()));
        Some(Check { name: name(what, address), address: address.clone(), status, detail, hint })
    });
    join_all(checks).await.into_iter().flatten().collect()
}

/// `networking.load-balancer.main` is `load balancer main`.
fn name(what: &str, address: &Address) -> String {
    let own = address.as_str().splitn(3, '.').nth(2).unwrap_or_default();
    format!("{what} {own}").trim_end().to_owned()
}

fn gone() -> Seen {
    (Status::Unhealthy, "it is gone".to_owned(), Some("cargo xtask plan".to_owned()))
}

/// What the type itself says of its readiness.
async fn state<R: Resource>(id: &str, cx: &Context) -> Result<Seen, Failure> {
    let ids = [id.to_owned()];
    if matches!(R::read(&ids, cx).await?.as_slice(), [None]) {
        return Ok(gone());
    }
    Ok(match R::ready(id, cx).await? {
        Readiness::Ready => (Status::Healthy, "available".to_owned(), None),
        Readiness::Pending(state) => (Status::Unknown, state, None),
        Readiness::Failed(why) => (Status::Unhealthy, why, Some("cargo xtask plan".to_owned())),
    })
}

async fn target_group(address: &Address, arn: &str, cx: &Context) -> Result<Seen, Failure> {
    let call = cx.client(Client::new).describe_target_health().target_group_arn(arn).send();
    match call.await.aws("elasticloadbalancing:DescribeTargetHealth") {
        Ok(answer) => Ok(targets(address, answer.target_health_descriptions())),
        Err(failure) if failure.is_not_found() => Ok(gone()),
        Err(failure) => Err(failure),
    }
}

/// Targets that go away do not count: a deployment leaves some for a while.
fn targets(address: &Address, all: &[TargetHealthDescription]) -> Seen {
    let of_state = |wanted: &[TargetHealthStateEnum]| {
        let is = |one: &&TargetHealthDescription| {
            one.target_health().and_then(|health| health.state()).is_some_and(|state| wanted.contains(state))
        };
        all.iter().filter(is).collect::<Vec<_>>()
    };
    let healthy = of_state(&[TargetHealthStateEnum::Healthy]).len();
    let beginning = of_state(&[TargetHealthStateEnum::Initial]).len();
    let unused = of_state(&[TargetHealthStateEnum::Unused]).len();
    let bad = of_state(&[TargetHealthStateEnum::Unhealthy, TargetHealthStateEnum::Unavailable]);
    let service = address.as_str().rsplit('.').next().unwrap_or_default();
    let logs = || Some(format!("cargo xtask logs {service} --since 15m"));
    let total = healthy + beginning + unused + bad.len();
    let mut detail = format!("{healthy} of {total} targets healthy");
    if let Some(health) = bad.first().and_then(|one| one.target_health()) {
        let why = health.description().or(health.reason().map(|reason| reason.as_str()));
        detail.push_str(&why.map(|why| format!(": {why}")).unwrap_or_default());
        return (Status::Unhealthy, detail, logs());
    }
    match (total, healthy, unused) {
        (0, ..) => (Status::Unhealthy, "no targets are registered: nothing answers".to_owned(), logs()),
        (_, _, 1..) => (Status::Unhealthy, format!("{detail}: no listener forwards to it"), None),
        (_, 0, _) => (Status::Unknown, format!("{detail}: the first checks are under way"), None),
        _ => (Status::Healthy, detail, None),
    }
}

/// ACM renews 60 days before the end; from here on it is in trouble.
const TOO_LATE_DAYS: i64 = 30;

async fn issued(arn: &str, cx: &Context) -> Result<Seen, Failure> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let found = certificate::describe(arn, cx).await?;
    Ok(found.map_or_else(gone, |certificate| certificate_at(&certificate, i64::try_from(now).unwrap_or(i64::MAX))))
}

fn certificate_at(found: &CertificateDetail, now: i64) -> Seen {
    match certificate::readiness(found) {
        Readiness::Pending(todo) => (Status::Unknown, "it is not issued yet".to_owned(), Some(todo)),
        Readiness::Failed(why) => {
            let hint = matches!(found.status, Some(CertificateStatus::Expired))
                .then(|| "ACM renews a certificate only while its CNAME record is there".to_owned());
            (Status::Unhealthy, why, hint)
        }
        Readiness::Ready => match found.not_after().map(|end| (end.secs() - now) / 86_400) {
            Some(days) if days < TOO_LATE_DAYS => {
                let hint = "ACM renews a certificate in use 60 days before its end, if its CNAME record is there";
                (Status::Unhealthy, format!("it ends in {days} days"), Some(hint.to_owned()))
            }
            Some(days) => (Status::Healthy, format!("issued, valid for {days} days"), None),
            None => (Status::Healthy, "issued".to_owned(), None),
        },
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_elasticloadbalancingv2::types::TargetHealth;

    use super::*;

    fn target(state: TargetHealthStateEnum, why: &str) -> TargetHealthDescription {
        let health = TargetHealth::builder().state(state).set_description((!why.is_empty()).then(|| why.to_owned()));
        TargetHealthDescription::builder().target_health(health.build()).build()
    }

    #[test]
    fn targets_are_counted_and_their_trouble_said() {
        use TargetHealthStateEnum::{Draining, Healthy, Initial, Unhealthy, Unused};
        let address = Address::of("networking.target-group.api");
        let cases = [
            (vec![target(Healthy, ""), target(Draining, "")], Status::Healthy, "1 of 1 targets healthy"),
            (
                vec![target(Healthy, ""), target(Unhealthy, "Health checks failed with these codes: [500]")],
                Status::Unhealthy,
                "1 of 2 targets healthy: Health checks failed with these codes: [500]",
            ),
            (vec![target(Initial, "")], Status::Unknown, "0 of 1 targets healthy: the first checks are under way"),
            (vec![target(Unused, "")], Status::Unhealthy, "0 of 1 targets healthy: no listener forwards to it"),
            (vec![], Status::Unhealthy, "no targets are registered: nothing answers"),
        ];
        for (all, status, detail) in cases {
            let seen = targets(&address, &all);
            assert_eq!((seen.0, seen.1.as_str()), (status, detail));
        }
        assert_eq!(targets(&address, &[]).2.as_deref(), Some("cargo xtask logs api --since 15m"));
    }

    #[test]
    fn a_certificate_near_its_end_is_unhealthy() {
        let at = |days: i64| {
            let end = aws_sdk_acm::primitives::DateTime::from_secs(days * 86_400);
            CertificateDetail::builder().status(CertificateStatus::Issued).not_after(end).build()
        };
        assert_eq!(certificate_at(&at(90), 0).0, Status::Healthy);
        let (status, detail, hint) = certificate_at(&at(12), 0);
        assert_eq!((status, detail.as_str()), (Status::Unhealthy, "it ends in 12 days"));
        assert!(hint.is_some());
    }

    #[test]
    fn names_are_a_persons() {
        assert_eq!(name("NAT gateway", &Address::of("networking.nat-gateway.a")), "NAT gateway a");
        assert_eq!(name("certificate", &Address::of("networking.certificate")), "certificate");
    }
}
