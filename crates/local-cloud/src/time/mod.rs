//! Time: resources take as long as on AWS, scaled. Emulators are instant; this layer writes "creating" and "deleting" into their
//! answers until the time is over, goes on describing what is being deleted, and refuses what AWS refuses meanwhile.

mod acm;
mod documents;
mod lifecycles;
mod table;

use hyper::StatusCode;

pub(crate) use lifecycles::Lifecycles;

use crate::call::Call;
use crate::cloud::Cloud;
use crate::protocol::errors;
use crate::reply::Reply;
use crate::rollouts;
use crate::xml::Element;
use lifecycles::{Key, Phase};
use table::{KINDS, Kind, REFUSALS};

/// Hands a call on, and gives the answer its time.
pub(crate) async fn around(cloud: &Cloud, call: Call) -> Reply {
    if cloud.time_scale <= 0.0 {
        return rollouts::around(cloud, call).await;
    }
    if let Some(refused) = refuse(cloud, &call) {
        return refused;
    }
    if call.service == "acm" {
        return acm::around(cloud, call).await;
    }
    let operation = call.operation.as_str();
    let of_service = || KINDS.iter().filter(|kind| kind.service == call.service);
    if let Some(kind) = of_service().find(|kind| kind.create.contains(&operation)) {
        return create(cloud, call, kind).await;
    }
    if let Some(kind) = of_service().find(|kind| kind.modify.contains(&operation)) {
        return modify(cloud, call, kind).await;
    }
    if let Some(kind) = of_service().find(|kind| kind.describe.contains(&operation)) {
        return describe(cloud, call, kind).await;
    }
    if let Some(kind) = of_service().find(|kind| kind.delete == operation) {
        return delete(cloud, call, kind).await;
    }
    if call.service == "elasticache" && operation == "DescribeCacheClusters" {
        return members(cloud, call).await;
    }
    rollouts::around(cloud, call).await
}

fn key(kind: &Kind, region: &str, id: &str) -> Key {
    // RDS and ElastiCache know no case in names.
    let id = if ["rds", "elasticache"].contains(&kind.service) { id.to_lowercase() } else { id.to_owned() };
    Key { kind: kind.name, region: region.to_owned(), id }
}

/// The identifiers that a request names.
fn named(call: &Call, kind: &Kind) -> Vec<String> {
    if kind.field.is_empty() {
        return Vec::new();
    }
    let lists = [kind.field.to_owned(), format!("{}s", kind.field)];
    let mut ids: Vec<String> = call.field(kind.field).map(str::to_owned).into_iter().collect();
    for list in &lists {
        ids.extend(call.fields(list).map(str::to_owned));
    }
    ids
}

async fn create(cloud: &Cloud, call: Call, kind: &'static Kind) -> Reply {
    let region = call.region.clone();
    for id in named(&call, kind) {
        if cloud.lifecycles().last(&key(kind, &region, &id), cloud.clock.now()).is_some() {
            let code = match kind.service {
                "rds" if kind.name.ends_with("DBCluster") => "DBClusterAlreadyExistsFault",
                "rds" => "DBInstanceAlreadyExists",
                _ => "ReplicationGroupAlreadyExists",
            };
            return errors::answer(&call, StatusCode::BAD_REQUEST, code, &format!("{id} is still being deleted"));
        }
    }
    let reply = rollouts::around(cloud, call).await;
    reply
        .edit_xml(|root| {
            let (mut lifecycles, now) = (cloud.lifecycles(), cloud.clock.now());
            for id in documents::ids(root, kind) {
                let key = key(kind, &region, &id);
                // A repeated client token answers with what is there already.
                if !lifecycles.known(&key) {
                    lifecycles.create(key, now, kind.seconds.create * cloud.time_scale);
                }
            }
            documents::rewrite(root, kind, &region, &lifecycles, now);
        })
        .await
}

async fn modify(cloud: &Cloud, call: Call, kind: &'static Kind) -> Reply {
    let region = call.region.clone();
    if let Some(busy) = busy(cloud, &call, kind) {
        return busy;
    }
    let reply = rollouts::around(cloud, call).await;
    reply
        .edit_xml(|root| {
            let (mut lifecycles, now) = (cloud.lifecycles(), cloud.clock.now());
            for id in documents::ids(root, kind) {
                lifecycles.modify(key(kind, &region, &id), now, kind.seconds.modify * cloud.time_scale);
            }
            documents::rewrite(root, kind, &region, &lifecycles, now);
        })
        .await
}

/// What AWS answers when a resource is asked to change in the midst of something else.
fn busy(cloud: &Cloud, call: &Call, kind: &Kind) -> Option<Reply> {
    let code = kind.busy?;
    let (lifecycles, now) = (cloud.lifecycles(), cloud.clock.now());
    let (id, phase) = named(call, kind)
        .into_iter()
        .find_map(|id| lifecycles.phase(&key(kind, &call.region, &id), now).map(|phase| (id, phase)))?;
    // A database instance may be deleted whatever it does, unless that is being deleted.
    if call.operation == kind.delete && kind.service == "rds" && phase != Phase::Deleting {
        return None;
    }
    let doing = match phase {
        Phase::Creating => kind.shape.creating,
        Phase::Modifying => kind.shape.modifying,
        Phase::Deleting => kind.shape.deleting,
    };
    let message = format!("{id} is not in available state: it is {doing}");
    Some(errors::answer(call, StatusCode::BAD_REQUEST, code, &message))
}

async fn describe(cloud: &Cloud, mut call: Call, kind: &'static Kind) -> Reply {
    let region = call.region.clone();
    let now = cloud.clock.now();
    let asked = named(&call, kind);
    let leaving: Vec<(String, Element)> = {
        let lifecycles = cloud.lifecycles();
        let wanted = |id: &str| asked.is_empty() || asked.iter().any(|asked| key(kind, &region, asked).id == id);
        let all = lifecycles.leaving(kind.name, &region, now);
        all.filter(|(key, last)| !kind.shape.deleting.is_empty() && wanted(&key.id) && passes(&call, last))
            .map(|(key, last)| (key.id.clone(), last.clone()))
            .collect()
    };
    let gone = |id: &str| leaving.iter().any(|(leaving, _)| *leaving == key(kind, &region, id).id);
    let reply = if !asked.is_empty() && asked.iter().all(|id| gone(id)) {
        Reply::new(StatusCode::OK, "text/xml", documents::empty(&kind.shape).write().into())
    } else {
        if asked.iter().any(|id| gone(id)) {
            // The emulator would refuse the whole call for one that it has forgotten.
            let form = call.form.iter().filter(|(name, value)| !(name.starts_with(kind.field) && gone(value)));
            let form = form.cloned().collect();
            call.set_form(form);
        }
        rollouts::around(cloud, call).await
    };
    reply
        .edit_xml(|root| {
            documents::rewrite(root, kind, &region, &cloud.lifecycles(), now);
            if !leaving.is_empty() {
                documents::append(root, &kind.shape, leaving.into_iter().map(|(_, last)| last).collect());
            }
        })
        .await
}

/// Whether a description passes the filters of an EC2 request, as far as they are known here; an unknown filter passes nothing.
fn passes(call: &Call, item: &Element) -> bool {
    (1..).map_while(|index| Some((index, call.field(&format!("Filter.{index}.Name"))?))).all(|(index, name)| {
        let element = match name {
            "vpc-id" => "vpcId",
            "vpc-endpoint-id" => "vpcEndpointId",
            "service-name" => "serviceName",
            _ => return false,
        };
        let list = format!("Filter.{index}.Value");
        let value = item.get(element);
        call.fields(&list).any(|wanted| Some(wanted) == value.as_deref())
    })
}

async fn delete(cloud: &Cloud, call: Call, kind: &'static Kind) -> Reply {
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
    let Some(member) = group.find("ClusterId").map(Element::text) else { return Vec::new() };
    let cluster = describe_cache(cloud, region, "DescribeCacheClusters", "CacheClusterId", &member).await;
    let Some(cluster) = cluster else { return Vec::new() };
    let mut holds = documents::holds(&cluster);
    if let Some(name) = cluster.find("CacheSubnetGroupName").map(Element::text)
        && let Some(subnets) = describe_cache(cloud, region, "DescribeCacheSubnetGroups", "CacheSubnetGroupName", &name).await
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

/// The clusters of a replication group share its state.
async fn members(cloud: &Cloud, call: Call) -> Reply {
    let Some(kind) = KINDS.iter().find(|kind| kind.service == "elasticache") else {
        return rollouts::around(cloud, call).await;
    };
    let region = call.region.clone();
    let reply = rollouts::around(cloud, call).await;
    reply
        .edit_xml(|root| {
            let (lifecycles, now) = (cloud.lifecycles(), cloud.clock.now());
            root.each_mut("CacheCluster", &mut |cluster| {
                let Some(group) = cluster.get("ReplicationGroupId") else { return };
                if lifecycles.phase(&key(kind, &region, &group), now) == Some(Phase::Creating) {
                    cluster.set("CacheClusterStatus", "creating");
                    cluster.remove("CacheNodes");
                }
            });
        })
        .await
}

/// A call that AWS refuses as long as something else is on its way.
fn refuse(cloud: &Cloud, call: &Call) -> Option<Reply> {
    let (lifecycles, now) = (cloud.lifecycles(), cloud.clock.now());
    if call.service == "elasticloadbalancing" && call.operation == "CreateListener" {
        let arns = call.form.iter().filter(|(name, _)| name.ends_with("CertificateArn"));
        for (_, arn) in arns {
            if lifecycles.phase(&acm::key(&call.region, arn), now).is_some() {
                let message = format!("The certificate '{arn}' must have a fully-qualified domain name, a supported signature, and a supported key size.");
                return Some(errors::answer(call, StatusCode::BAD_REQUEST, "UnsupportedCertificate", &message));
            }
        }
    }
    let rule = REFUSALS.iter().find(|rule| rule.service == call.service && rule.operation == call.operation)?;
    let id = call.field(rule.field)?;
    let holder = lifecycles.holder(&call.region, id, now)?;
    let message = format!("{id} is still in use by {}, which is being deleted", holder.id);
    Some(errors::answer(call, StatusCode::BAD_REQUEST, rule.code, &message))
}
