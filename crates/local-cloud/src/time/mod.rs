//! Time: resources take as long as on AWS, scaled. Emulators are instant; this layer writes "creating" and "deleting" into their
//! answers until the time is over, goes on describing what is being deleted, and refuses what AWS refuses meanwhile.

mod acm;
mod deletion;
mod documents;
mod lifecycles;
mod refusals;
mod table;

use hyper::StatusCode;

pub(crate) use lifecycles::Lifecycles;

use crate::call::Call;
use crate::cloud::Cloud;
use crate::protocol::errors;
use crate::reply::Reply;
use crate::rollouts;
use crate::xml::Element;
use deletion::delete;
use lifecycles::{Key, Phase};
use refusals::{busy, refuse};
use table::{KINDS, Kind};

/// Hands a call on, and gives the answer its time.
pub(crate) async fn around(cloud: &Cloud, call: Call) -> Reply {
    if cloud.time_scale <= 0.0 && !call.stuck && !cloud.lifecycles().is_stuck() {
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

/// The type of what a call makes, if that takes time.
pub(crate) fn made_by(call: &Call) -> Option<&'static str> {
    let operation = call.operation.as_str();
    match (call.service.as_str(), operation) {
        ("acm", "RequestCertificate") => return Some("AWS::CertificateManager::Certificate"),
        ("ecs", "CreateService") => return Some("AWS::ECS::Service"),
        // Gateway endpoints, which are meant where nothing is said, are there at once.
        ("ec2", "CreateVpcEndpoint") if call.field("VpcEndpointType") != Some("Interface") => return None,
        _ => {}
    }
    KINDS.iter().find(|kind| kind.service == call.service && kind.create.contains(&operation)).map(|kind| kind.name)
}

/// Lets go on what was never to be ready.
pub(crate) fn release(cloud: &Cloud) {
    cloud.lifecycles().release();
}

/// Something that another layer is ending uses all this until it is gone.
pub(crate) fn hold(cloud: &Cloud, kind: &'static str, region: &str, id: &str, seconds: f64, holds: Vec<String>) {
    let key = Key { kind, region: region.to_owned(), id: id.to_owned() };
    cloud.lifecycles().delete(key, cloud.clock.now(), seconds, None, holds);
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
    let (region, stuck) = (call.region.clone(), call.stuck);
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
                match stuck {
                    true => lifecycles.stick(key, now),
                    false => lifecycles.create(key, now, kind.seconds.create * cloud.time_scale),
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

/// Whether a description passes the filters of a request, as far as they are known here; an unknown filter passes nothing.
fn passes(call: &Call, item: &Element) -> bool {
    if call.form.iter().any(|(name, _)| name.starts_with("Filters.")) {
        return false;
    }
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
                let Some(group) = cluster.get("ReplicationGroupId") else {
                    return;
                };
                if lifecycles.phase(&key(kind, &region, &group), now) == Some(Phase::Creating) {
                    cluster.set("CacheClusterStatus", "creating");
                    cluster.remove("CacheNodes");
                }
            });
        })
        .await
}
