//! EC2: what network interfaces, or databases and caches, which live in the other emulator, use cannot be deleted.

use hyper::StatusCode;

use crate::call::Call;
use crate::cloud::Cloud;
use crate::forward;
use crate::protocol::errors;
use crate::reply::Reply;
use crate::xml::Element;

pub(super) async fn around(cloud: &Cloud, call: Call) -> Reply {
    let user = match call.operation.as_str() {
        "DeleteSecurityGroup" => match call.field("GroupId") {
            Some(group) => security_group_user(cloud, &call.region, group).await,
            None => None,
        },
        "DeleteSubnet" => match call.field("SubnetId") {
            Some(subnet) => subnet_user(cloud, &call.region, subnet).await,
            None => None,
        },
        _ => None,
    };
    match user {
        Some(user) => {
            let what = call.field("GroupId").or(call.field("SubnetId")).unwrap_or_default();
            let message = format!("resource {what} has a dependent object ({user})");
            errors::answer(&call, StatusCode::BAD_REQUEST, "DependencyViolation", &message)
        }
        None => forward::send(cloud, call).await,
    }
}

async fn ask(cloud: &Cloud, service: &str, region: &str, operation: &str) -> Option<Element> {
    let version = if service == "rds" { "2014-10-31" } else { "2015-02-02" };
    answer(cloud, Call::query(service, region, operation, version, &[])).await
}

async fn answer(cloud: &Cloud, call: Call) -> Option<Element> {
    let reply = forward::send(cloud, call).await.whole().await;
    reply.xml().filter(|_| reply.status.is_success())
}

/// A network interface that a client made in the group or subnet. Those that the emulator makes for itself have no
/// description, or this one, and some of them outlive what they were made for.
async fn interface(cloud: &Cloud, region: &str, filter: &str, value: &str) -> Option<String> {
    let fields = [("Filter.1.Name", filter), ("Filter.1.Value.1", value)];
    let root = answer(cloud, Call::query("ec2", region, "DescribeNetworkInterfaces", "2016-11-15", &fields)).await?;
    let mut found = None;
    root.each("item", &mut |item| {
        let described = item.get("description").is_some_and(|text| !text.is_empty() && text != "moto ECS");
        if let Some(id) = item.get("networkInterfaceId").filter(|_| described) {
            found = Some(id);
        }
    });
    found
}

/// The first `item` below `root` in which an element `holder` has this text, by its `name`.
fn user(root: &Element, item: &str, holder: &str, text: &str, name: &str) -> Option<String> {
    let mut found = None;
    root.each(item, &mut |element| {
        let mut uses = false;
        element.each(holder, &mut |held| uses |= held.text() == text);
        if uses && found.is_none() {
            found = element.get(name);
        }
    });
    found
}

/// What is in the security group: a network interface, or that of a database or cache.
async fn security_group_user(cloud: &Cloud, region: &str, group: &str) -> Option<String> {
    if let Some(found) = interface(cloud, region, "group-id", group).await {
        return Some(found);
    }
    for (operation, item, name) in [
        ("DescribeDBInstances", "DBInstance", "DBInstanceIdentifier"),
        ("DescribeDBClusters", "DBCluster", "DBClusterIdentifier"),
    ] {
        let root = ask(cloud, "rds", region, operation).await;
        if let Some(found) = root.and_then(|root| user(&root, item, "VpcSecurityGroupId", group, name)) {
            return Some(found);
        }
    }
    let root = ask(cloud, "elasticache", region, "DescribeCacheClusters").await?;
    user(&root, "CacheCluster", "SecurityGroupId", group, "CacheClusterId")
}

/// A network interface, a database, or the subnet group of a cache in use, that has the subnet. A subnet group alone holds nothing: AWS lets its subnets go.
async fn subnet_user(cloud: &Cloud, region: &str, subnet: &str) -> Option<String> {
    if let Some(found) = interface(cloud, region, "subnet-id", subnet).await {
        return Some(found);
    }
    let databases = ask(cloud, "rds", region, "DescribeDBInstances").await;
    if let Some(found) =
        databases.and_then(|root| user(&root, "DBInstance", "SubnetIdentifier", subnet, "DBInstanceIdentifier"))
    {
        return Some(found);
    }
    let groups = ask(cloud, "elasticache", region, "DescribeCacheSubnetGroups").await?;
    let group = user(&groups, "CacheSubnetGroup", "SubnetIdentifier", subnet, "CacheSubnetGroupName")?;
    let clusters = ask(cloud, "elasticache", region, "DescribeCacheClusters").await?;
    user(&clusters, "CacheCluster", "CacheSubnetGroupName", &group, "CacheClusterId")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_user_of_a_group() {
        let text = "<R><DBInstances><DBInstance><DBInstanceIdentifier>a</DBInstanceIdentifier><VpcSecurityGroups><VpcSecurityGroupMembership>\
            <VpcSecurityGroupId>sg-1</VpcSecurityGroupId></VpcSecurityGroupMembership></VpcSecurityGroups></DBInstance></DBInstances></R>";
        let root = Element::parse(text.as_bytes()).unwrap();
        let find = |group| user(&root, "DBInstance", "VpcSecurityGroupId", group, "DBInstanceIdentifier");
        assert_eq!(find("sg-1").as_deref(), Some("a"));
        assert_eq!(find("sg-2"), None);
    }
}
