//! Network interfaces that keep a security group or a subnet from being deleted.
//!
//! Services make interfaces of their own in a VPC, and take them away some time after what used them is gone: Lambda
//! within 20 to 40 minutes. While one is in use nobody but its service can detach it; one that is `available` can be
//! deleted by anybody who may:
//! <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/requester-managed-eni.html>,
//! <https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html>.
//! An interface that somebody made by hand is never touched.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{Filter, NetworkInterface, NetworkInterfaceStatus, NetworkInterfaceType};
use cloud::{Absent, Aws, AwsResult, Context, Failure};
use futures::future::join_all;

use crate::ec2;
use crate::in_use::Blocker;

/// How services begin the descriptions of their interfaces.
const SERVICES: &[(&str, &str)] = &[
    ("AWS Lambda VPC ENI", "Lambda"),
    ("arn:aws:ecs:", "ECS"),
    ("RDSNetworkInterface", "RDS"),
    ("ElastiCache ", "ElastiCache"),
    ("ELB ", "Elastic Load Balancing"),
    ("Interface for NAT Gateway", "NAT gateways"),
    ("VPC Endpoint Interface", "VPC endpoints"),
    ("EFS mount target", "EFS"),
    ("DMSNetworkInterface", "DMS"),
    ("Network Interface for Transit Gateway", "Transit Gateway"),
];

/// What becomes of an interface that is in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// A service's, and nothing uses it any more.
    Delete,
    /// A service's, and still in use: the service takes it away.
    Wait,
    /// Somebody's own: not for us to delete, and it does not go by itself.
    Refuse,
}

fn fate(interface: &NetworkInterface) -> Fate {
    match (service(interface), interface.status()) {
        (Some(_), Some(NetworkInterfaceStatus::Available)) => Fate::Delete,
        (Some(_), _) => Fate::Wait,
        (None, _) => Fate::Refuse,
    }
}

/// The service that made an interface, if it was one.
fn service(interface: &NetworkInterface) -> Option<&str> {
    let description = interface.description().unwrap_or_default();
    if let Some((_, service)) = SERVICES.iter().find(|(begin, _)| description.starts_with(begin)) {
        return Some(service);
    }
    // What people make themselves has one of these types.
    use NetworkInterfaceType::{Branch, Efa, EfaOnly, Interface, Trunk};
    match interface.interface_type() {
        None | Some(Interface | Efa | EfaOnly | Branch | Trunk) => {}
        // Of a type that is not known yet it must be said to be a service's, below.
        Some(kind) if NetworkInterfaceType::values().contains(&kind.as_str()) => return Some(kind.as_str()),
        Some(_) => {}
    }
    // `amazon-elb`, `amazon-aws`: what an interface is attached to belongs to a service.
    let holder = interface.attachment().and_then(|attachment| attachment.instance_owner_id());
    if let Some(holder) = holder.filter(|holder| holder.starts_with("amazon-")) {
        return Some(holder);
    }
    (interface.requester_managed() == Some(true)).then(|| interface.requester_id().unwrap_or("an AWS service"))
}

/// Which interface it is, what it is for and whose it is.
fn words(interface: &NetworkInterface) -> String {
    let id = interface.network_interface_id().unwrap_or_default();
    let status = interface.status().map_or("of no reported state", NetworkInterfaceStatus::as_str);
    let mut words = format!("network interface {id}");
    if let Some(description) = interface.description().filter(|text| !text.is_empty()) {
        words.push_str(&format!(" \"{description}\""));
    }
    let instance = interface.attachment().and_then(|attachment| attachment.instance_id());
    match (service(interface), instance) {
        (Some(service), _) => words.push_str(&format!(" of {service}, {status}")),
        (None, Some(instance)) => words.push_str(&format!(", attached to the instance {instance}")),
        (None, None) => words.push_str(&format!(", {status}")),
    }
    if service(interface).is_none()
        && let Some(owner) = interface.owner_id()
    {
        words.push_str(&format!(", owner {owner}"));
    }
    words
}

fn blocker(interface: &NetworkInterface, why: Option<&Failure>) -> Blocker {
    let id = interface.network_interface_id().unwrap_or_default();
    let because = why.map(|failure| format!(" (its deletion: {failure})")).unwrap_or_default();
    let words = format!("{}{because}", words(interface));
    if fate(interface) != Fate::Refuse {
        return Blocker::passing(words);
    }
    let delete = format!("aws ec2 delete-network-interface --network-interface-id {id}");
    let attachment = interface.attachment().and_then(|attachment| attachment.attachment_id());
    Blocker::staying(
        words,
        match attachment {
            Some(attachment) => {
                format!(
                    "if nobody needs it: aws ec2 detach-network-interface --attachment-id {attachment}, then {delete}"
                )
            }
            None => format!("if nobody needs it: {delete}"),
        },
    )
}

/// Looks, in one call, at the interfaces for which a filter has a value; deletes what services left behind, and tells
/// what is still in the way.
pub(crate) async fn clear(name: &str, value: &str, cx: &Context) -> Result<Vec<Blocker>, Failure> {
    let found = describe(ec2::filter(name, &[value.to_owned()]), cx).await?;
    let cleared = join_all(found.iter().map(|interface| async move {
        if fate(interface) != Fate::Delete {
            return Some(blocker(interface, None));
        }
        match delete(interface.network_interface_id().unwrap_or_default(), cx).await {
            Ok(()) => None,
            // The service is at it itself, or nobody else may: it goes later.
            Err(failure) => Some(blocker(interface, Some(&failure))),
        }
    }));
    Ok(cleared.await.into_iter().flatten().collect())
}

/// What in a VPC has a public address: it keeps the internet gateway.
pub(crate) async fn with_public_address(vpc: &str, cx: &Context) -> Result<Vec<Blocker>, Failure> {
    let found = describe(ec2::filter("vpc-id", &[vpc.to_owned()]), cx).await?;
    let is_public = |interface: &&NetworkInterface| {
        interface.association().and_then(|association| association.public_ip()).is_some_and(|ip| !ip.is_empty())
    };
    Ok(found.iter().filter(is_public).map(|interface| blocker(interface, None)).collect())
}

/// What is in the way, left as it is.
pub(crate) async fn blockers(name: &str, value: &str, cx: &Context) -> Result<Vec<Blocker>, Failure> {
    let found = describe(ec2::filter(name, &[value.to_owned()]), cx).await?;
    Ok(found.iter().map(|interface| blocker(interface, None)).collect())
}

async fn delete(id: &str, cx: &Context) -> Result<(), Failure> {
    let delete = cx.client(Client::new).delete_network_interface().network_interface_id(id);
    delete.send().await.aws("ec2:DeleteNetworkInterface").absent().map(drop)
}

async fn describe(filters: Vec<Filter>, cx: &Context) -> Result<Vec<NetworkInterface>, Failure> {
    let pages = cx.client(Client::new).describe_network_interfaces().set_filters(Some(filters)).into_paginator();
    pages.items().send().collect::<Result<Vec<_>, _>>().await.aws("ec2:DescribeNetworkInterfaces")
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::NetworkInterfaceAttachment;
    use aws_sdk_ec2::types::builders::NetworkInterfaceBuilder;

    use super::*;

    fn interface(status: &str) -> NetworkInterfaceBuilder {
        NetworkInterface::builder().network_interface_id("eni-1").status(status.into()).owner_id("111122223333")
    }

    fn attached(owner: &str, instance: Option<&str>) -> NetworkInterfaceAttachment {
        let attachment = NetworkInterfaceAttachment::builder().attachment_id("eni-attach-1").instance_owner_id(owner);
        attachment.set_instance_id(instance.map(str::to_owned)).build()
    }

    #[test]
    fn only_what_a_service_left_behind_is_deleted() {
        let own = attached("111122223333", Some("i-1"));
        let cases = [
            (interface("available").description("AWS Lambda VPC ENI-fn-1"), Fate::Delete, "Lambda"),
            (interface("in-use").description("AWS Lambda VPC ENI-fn-1"), Fate::Wait, "Lambda"),
            (interface("available").interface_type(NetworkInterfaceType::Lambda), Fate::Delete, "lambda"),
            (interface("in-use").description("RDSNetworkInterface"), Fate::Wait, "RDS"),
            (interface("in-use").description("ELB app/main/1"), Fate::Wait, "Elastic Load Balancing"),
            (interface("available").description("arn:aws:ecs:us-east-1:1:attachment/x"), Fate::Delete, "ECS"),
            (interface("available").requester_managed(true).requester_id("amazon-eks"), Fate::Delete, "amazon-eks"),
            (interface("in-use").attachment(attached("amazon-aws", None)), Fate::Wait, "amazon-aws"),
            (interface("available").description("mine"), Fate::Refuse, "\"mine\", available, owner 111122223333"),
            (interface("in-use").attachment(own), Fate::Refuse, "attached to the instance i-1, owner 111122223333"),
            // Kubernetes pods on nodes of one's own.
            (
                interface("in-use").description("aws-K8S-i-1").interface_type(NetworkInterfaceType::Branch),
                Fate::Refuse,
                "aws-K8S",
            ),
        ];
        for (interface, expected, said) in cases {
            let interface = interface.build();
            assert_eq!(fate(&interface), expected, "{interface:?}");
            let words = words(&interface);
            assert!(words.contains("eni-1") && words.contains(said), "{words}");
        }
    }

    #[test]
    fn what_stays_says_how_to_take_it_away() {
        let own = interface("in-use").attachment(attached("111122223333", Some("i-1"))).build();
        let remedy = blocker(&own, None).remedy.unwrap();
        assert!(remedy.contains("--attachment-id eni-attach-1") && remedy.contains("--network-interface-id eni-1"));
        let lambda = interface("in-use").description("AWS Lambda VPC ENI-fn-1").build();
        assert_eq!(blocker(&lambda, None).remedy, None);
    }
}
