//! Which emulator answers which service: one row each, with the reason, decided by trying what the documented systems need.

use crate::emulators::Emulator;
use crate::emulators::Emulator::{Ministack, Moto};

/// Where a service's calls go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    Emulator(Emulator),
    /// Nowhere yet.
    Later {
        /// What is missing.
        needs: &'static str,
    },
}

/// One row.
#[derive(Debug)]
pub(crate) struct Route {
    /// The signing name in the credential scope.
    pub service: &'static str,
    pub target: Target,
    /// Why there.
    #[cfg_attr(not(test), expect(dead_code, reason = "for the reader, and held to be there by a test"))]
    pub reason: &'static str,
}

const fn row(service: &'static str, emulator: Emulator, reason: &'static str) -> Route {
    Route { service, target: Target::Emulator(emulator), reason }
}

const fn later(service: &'static str) -> Route {
    Route {
        service,
        target: Target::Later { needs: "winterbaume" },
        reason: "neither moto nor ministack has it; winterbaume in-process does",
    }
}

/// What is not named below.
const OTHERWISE: Route = row("*", Moto, "moto knows the most services");

/// The table.
const ROUTES: &[Route] = &[
    row("acm", Moto, "listeners of moto's load balancers look up their certificates"),
    row(
        "application-autoscaling",
        Moto,
        "refuses services that its ECS does not know, as AWS does; ministack has none",
    ),
    row("backup", Ministack, "has selections; moto answers them with 500"),
    row("budgets", Ministack, "keeps notifications and subscribers"),
    row("cloudfront", Ministack, "has cache and header policies, origin access controls and functions; moto 404s"),
    row("cloudtrail", Moto, "trails round-trip; the front answers LookupEvents from its own record"),
    row("dynamodb", Ministack, "keeps point-in-time recovery, streams and time to live, and is faster"),
    row("ec2", Moto, "enforces dependencies, CIDRs and not-found errors; ministack accepts overlaps"),
    row("ecr", Moto, "lifecycle policies and scan settings round-trip"),
    row("ecs", Moto, "Application Auto Scaling needs its services; the front plays the scheduler"),
    row("elasticache", Ministack, "has parameter groups; moto has none"),
    row("elasticloadbalancing", Moto, "checks subnets, security groups and certificates of its own EC2 and ACM"),
    row("events", Moto, "rules, targets and buses round-trip"),
    row("iam", Moto, "has AWS's managed policies and the authorization details"),
    row("kms", Moto, "keys, aliases, rotation and policies round-trip"),
    row("lambda", Moto, "roles are checked against its IAM"),
    row("logs", Moto, "has query definitions; retention and tags round-trip"),
    row("monitoring", Ministack, "composite alarms; speaks awsJson, which CBOR can be translated to"),
    row("rds", Ministack, "instances, Aurora and global clusters; moto answers Aurora with 500"),
    row("route53", Moto, "hosted zones and record sets round-trip"),
    row("s3", Ministack, "lifecycle and replication fields round-trip; moto loses them"),
    row("secretsmanager", Moto, "versions, deletion windows and resource policies round-trip"),
    row("sns", Moto, "topics, subscriptions and their attributes round-trip"),
    row("sqs", Moto, "queues and redrive policies round-trip"),
    row("ssm", Moto, "parameters with history and tags round-trip"),
    row("sts", Moto, "the account of both is the same"),
    row("tagging", Moto, "the front adds what ministack has and what moto does not list"),
    later("ce"),
    later("pricing"),
    later("synthetics"),
    later("xray"),
];

/// The row of a service.
pub(crate) fn route(service: &str) -> &'static Route {
    ROUTES.iter().find(|route| route.service == service).unwrap_or(&OTHERWISE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_service_once_and_with_a_reason() {
        for (index, route) in ROUTES.iter().enumerate() {
            assert!(!route.reason.is_empty(), "{}", route.service);
            assert!(ROUTES[..index].iter().all(|other| other.service != route.service), "{}", route.service);
        }
    }

    #[test]
    fn unknown_services_go_to_moto() {
        assert_eq!(route("glue").target, Target::Emulator(Moto));
        assert_eq!(route("rds").target, Target::Emulator(Ministack));
        assert!(matches!(route("xray").target, Target::Later { .. }));
    }
}
