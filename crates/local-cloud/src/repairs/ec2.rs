//! EC2: what databases and caches, which live in the other emulator, use cannot be deleted.

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
    let reply = forward::send(cloud, Call::query(service, region, operation, version, &[])).await.whole().await;
    reply.xml().filter(|_| reply.status.is_success())
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

/// A database or cache whose network interfaces have the security group.
async fn security_group_user(cloud: &Cloud, region: &str, group: &str) -> Option<String> {
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

/// A database, or the subnet group of a cache in use, that has the subnet. A subnet group alone holds nothing: AWS lets its subnets go.
async fn subnet_user(cloud: &Cloud, region: &str, subnet: &str) -> Option<String> {
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
