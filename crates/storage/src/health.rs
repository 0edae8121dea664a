//! Whether databases and caches do their work, as RDS and ElastiCache see it.

use std::future::Future;

use aws_sdk_elasticache::types::ReplicationGroup as SdkGroup;
use aws_sdk_rds::types::DbInstance as SdkInstance;
use cloud::{Address, Context, Failure, Readiness, Resource};
use engine::health::{Check, Status};
use futures::future::join;
use serde_json::Value;

use crate::db_instance::{self, DbInstance};
use crate::replication_group::{self, ReplicationGroup};

/// One check for each database and cache among the resources (address, type, id, properties and attributes as applied).
pub async fn check(resources: &[(Address, String, String, Value)], cx: &Context) -> Vec<Check> {
    let (databases, caches) = join(
        check_all(resources, DbInstance::TYPE, "database", |ids| db_instance::describe_all(ids, cx), database),
        check_all(resources, ReplicationGroup::TYPE, "cache", |ids| replication_group::describe_all(ids, cx), cache),
    )
    .await;
    databases.into_iter().chain(caches).collect()
}

async fn check_all<T, F>(
    resources: &[(Address, String, String, Value)],
    type_name: &str,
    what: &str,
    describe: impl FnOnce(Vec<String>) -> F,
    look: impl Fn(&T) -> (Status, String, Option<String>),
) -> Vec<Check>
where
    T: Named,
    F: Future<Output = Result<Vec<T>, Failure>>,
{
    let ours: Vec<(&Address, &str)> = resources
        .iter()
        .filter(|(_, kind, ..)| kind == type_name)
        .map(|(address, _, id, _)| (address, &**id))
        .collect();
    if ours.is_empty() {
        return Vec::new();
    }
    let found = describe(ours.iter().map(|(_, id)| (*id).to_owned()).collect()).await;
    let check = |(address, id): (&Address, &str)| {
        let (status, detail, hint) = match &found {
            Err(failure) => (Status::Unknown, failure.to_string(), failure.hint.clone()),
            Ok(found) => match found.iter().find(|thing| thing.name() == Some(id)) {
                Some(thing) => look(thing),
                None => (Status::Unhealthy, "it is gone".to_owned(), Some("cargo xtask plan".to_owned())),
            },
        };
        Check { name: format!("{what} {id}"), address: address.clone(), status, detail, hint }
    };
    ours.into_iter().map(check).collect()
}

/// What has a name.
trait Named {
    fn name(&self) -> Option<&str>;
}

impl Named for SdkInstance {
    fn name(&self) -> Option<&str> {
        self.db_instance_identifier()
    }
}

impl Named for SdkGroup {
    fn name(&self) -> Option<&str> {
        self.replication_group_id()
    }
}

fn status(readiness: Readiness, healthy: String) -> (Status, String) {
    match readiness {
        Readiness::Ready => (Status::Healthy, healthy),
        Readiness::Pending(state) => (Status::Unknown, state),
        Readiness::Failed(why) => (Status::Unhealthy, why),
    }
}

fn database(instance: &SdkInstance) -> (Status, String, Option<String>) {
    let text = |value: Option<&str>| value.unwrap_or("?").to_owned();
    let runs = format!(
        "{}, {} {} on {}{}",
        text(instance.db_instance_status()),
        text(instance.engine()),
        text(instance.engine_version()),
        text(instance.db_instance_class()),
        if instance.multi_az == Some(true) { ", with a standby" } else { "" },
    );
    let (status, detail) = status(db_instance::readiness(instance), runs);
    let id = text(instance.db_instance_identifier());
    let groups = instance.db_parameter_groups();
    if status == Status::Healthy && groups.iter().any(|g| g.parameter_apply_status() == Some("pending-reboot")) {
        let hint = format!("aws rds reboot-db-instance --db-instance-identifier {id}");
        return (status, format!("{detail}; changed parameters wait for a reboot"), Some(hint));
    }
    let hint = format!("aws rds describe-events --source-type db-instance --source-identifier {id} --duration 1440");
    (status, detail, (status == Status::Unhealthy).then_some(hint))
}

fn cache(group: &SdkGroup) -> (Status, String, Option<String>) {
    let nodes = group.member_clusters().len();
    let (status, detail) = status(
        replication_group::readiness(group),
        format!(
            "{}, {nodes} {} of {}",
            group.status().unwrap_or("?"),
            if nodes == 1 { "node" } else { "nodes" },
            group.cache_node_type().unwrap_or("?"),
        ),
    );
    let id = group.replication_group_id().unwrap_or("?");
    let hint = format!(
        "aws elasticache describe-events --source-type replication-group --source-identifier {id} --duration 1440"
    );
    (status, detail, (status == Status::Unhealthy).then_some(hint))
}

#[cfg(test)]
mod tests {
    use aws_sdk_rds::types::DbParameterGroupStatus;

    use super::*;

    fn instance(status: &str) -> SdkInstance {
        SdkInstance::builder()
            .db_instance_identifier("arrakis-production-postgres")
            .db_instance_status(status)
            .engine("postgres")
            .engine_version("15.10")
            .db_instance_class("db.t3.small")
            .build()
    }

    #[test]
    fn a_database_is_told_in_words() {
        let healthy = "available, postgres 15.10 on db.t3.small".to_owned();
        assert_eq!(database(&instance("available")), (Status::Healthy, healthy, None));
        assert_eq!(database(&instance("backing-up")).0, Status::Unknown);
        let (status, detail, hint) = database(&instance("storage-full"));
        assert_eq!(
            (status, detail.as_str()),
            (Status::Unhealthy, "storage-full: its storage is full: raise AllocatedStorage")
        );
        assert!(hint.unwrap().starts_with("aws rds describe-events"));
    }

    #[test]
    fn parameters_that_wait_for_a_reboot_are_told() {
        let mut waiting = instance("available");
        waiting.db_parameter_groups =
            Some(vec![DbParameterGroupStatus::builder().parameter_apply_status("pending-reboot").build()]);
        let (status, detail, hint) = database(&waiting);
        assert_eq!(status, Status::Healthy);
        assert!(detail.ends_with("changed parameters wait for a reboot"));
        assert!(hint.unwrap().contains("reboot-db-instance"));
    }

    #[test]
    fn a_cache_is_told_in_words() {
        let group =
            SdkGroup::builder().status("available").cache_node_type("cache.t3.micro").member_clusters("a").build();
        assert_eq!(cache(&group), (Status::Healthy, "available, 1 node of cache.t3.micro".to_owned(), None));
    }
}
