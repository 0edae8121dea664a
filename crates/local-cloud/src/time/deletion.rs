//! Deletions that take time: the last description is kept, and what the resource used stays in use.

use super::refusals::busy;
use super::table::Kind;
use super::{documents, key, named};
use crate::call::Call;
use crate::cloud::Cloud;
use crate::reply::Reply;
use crate::rollouts;
use crate::xml::Element;

pub(super) async fn delete(cloud: &Cloud, call: Call, kind: &'static Kind) -> Reply {
    if let Some(busy) = busy(cloud, &call, kind) {
        return busy;
    }
    let (region, ids) = (call.region.clone(), named(&call, kind));
    let mut lasts = Vec::new();
    for id in ids {
        if let Some(last) = last_description(cloud, kind, &region, &id).await {
            let mut holds = documents::holds(&last);
            if kind.service == "elasticache" {
                holds.extend(cache_holds(cloud, &region, &last).await);
            }
            lasts.push((id, last, holds));
        }
    }
    let mut reply = rollouts::around(cloud, call).await.whole().await;
    if !reply.status.is_success() {
        return reply;
    }
    let now = cloud.clock.now();
    for (id, last, holds) in lasts {
        if last.get("vpcEndpointType").as_deref() == Some("Gateway") {
            continue;
        }
        let kept = (!kind.stays).then_some(last);
        cloud.lifecycles().delete(key(kind, &region, &id), now, kind.seconds.delete * cloud.time_scale, kept, holds);
    }
    if !kind.shape.deleting.is_empty() {
        reply = reply.edit_xml(|root| documents::rewrite(root, kind, &region, &cloud.lifecycles(), now)).await;
    }
    reply
}

/// The description of a resource before its deletion.
async fn last_description(cloud: &Cloud, kind: &Kind, region: &str, id: &str) -> Option<Element> {
    let field = match kind.service {
        "ec2" => format!("{}.1", kind.field),
        "elasticloadbalancing" => "LoadBalancerArns.member.1".to_owned(),
        _ => kind.field.to_owned(),
    };
    let version = match kind.service {
        "ec2" => "2016-11-15",
        "rds" => "2014-10-31",
        "elasticache" => "2015-02-02",
        _ => "2015-12-01",
    };
    let call = Call::query(kind.service, region, kind.describe.first()?, version, &[(&field, id)]);
    let reply = rollouts::around(cloud, call).await.whole().await;
    let mut root = reply.xml().filter(|_| reply.status.is_success())?;
    let mut found = None;
    documents::each(&mut root, &kind.shape, &mut |item| found = Some(item.clone()));
    found
}

/// What a replication group uses, which only its members' descriptions and their subnet group say.
async fn cache_holds(cloud: &Cloud, region: &str, group: &Element) -> Vec<String> {
    let Some(member) = group.find("ClusterId").map(Element::text) else {
        return Vec::new();
    };
    let cluster = describe_cache(cloud, region, "DescribeCacheClusters", "CacheClusterId", &member).await;
    let Some(cluster) = cluster else {
        return Vec::new();
    };
    let mut holds = documents::holds(&cluster);
    if let Some(name) = cluster.find("CacheSubnetGroupName").map(Element::text)
        && let Some(subnets) =
            describe_cache(cloud, region, "DescribeCacheSubnetGroups", "CacheSubnetGroupName", &name).await
    {
        holds.extend(documents::holds(&subnets));
    }
    holds
}

async fn describe_cache(cloud: &Cloud, region: &str, operation: &str, field: &str, id: &str) -> Option<Element> {
    let call = Call::query("elasticache", region, operation, "2015-02-02", &[(field, id)]);
    let reply = rollouts::around(cloud, call).await.whole().await;
    reply.xml().filter(|_| reply.status.is_success())
}
