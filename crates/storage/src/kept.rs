//! What is left of deleted stores, read from AWS, and what would be left.

use aws_sdk_elasticache::Client as ElastiCache;
use aws_sdk_rds::Client as Rds;
use cloud::{Absent, Aws, AwsResult, Context, Failure, Resource};
use engine::kept::Kept;
use engine::state::Entry;

use crate::db_instance::DbInstance;
use crate::final_snapshot::{self, Wish};
use crate::replication_group::ReplicationGroup;

/// What the deletion of a store will leave, in words; `None`: nothing, or it is no store.
pub fn will_keep(entry: &Entry) -> Option<String> {
    let properties = &entry.properties;
    let backups = match entry.type_name.as_str() {
        DbInstance::TYPE => "BackupRetentionPeriod",
        ReplicationGroup::TYPE => "SnapshotRetentionLimit",
        _ => return None,
    };
    let had_backups = properties[backups].as_i64().unwrap_or(0) > 0;
    let mut kept = Vec::new();
    match Wish::of_properties(properties) {
        Wish::Made => kept.push("a final snapshot".to_owned()),
        Wish::Unsaid if had_backups => kept.push("a final snapshot".to_owned()),
        Wish::Named(name) => kept.push(format!("the final snapshot {name}")),
        Wish::Unsaid | Wish::None => {}
    }
    if had_backups && final_snapshot::keeps_backups(final_snapshot::pairs(properties)) {
        kept.push("its automatic backups".to_owned());
    }
    (!kept.is_empty()).then(|| kept.join(" and "))
}

/// What is left of a store that was deleted; nothing of what is no store.
pub async fn kept(entry: &Entry, cx: &Context) -> Result<Vec<Kept>, Failure> {
    match entry.type_name.as_str() {
        DbInstance::TYPE => of_database(entry, cx).await,
        ReplicationGroup::TYPE => of_cache(entry, cx).await,
        _ => Ok(Vec::new()),
    }
}

async fn of_database(entry: &Entry, cx: &Context) -> Result<Vec<Kept>, Failure> {
    let (id, wish) = (entry.id.as_str(), Wish::of_properties(&entry.properties));
    let call = cx.client(Rds::new).describe_db_snapshots().db_instance_identifier(id).snapshot_type("manual");
    let found = call.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
    let snapshots = found.aws("rds:DescribeDBSnapshots").absent()?.unwrap_or_default();
    // Another database may have had the name before.
    let resource = entry.attributes.get("DbiResourceId").and_then(|id| id.as_str());
    let same = |of: Option<&str>| of.is_none() || resource.is_none() || of == resource;
    let mut kept: Vec<Kept> = snapshots
        .iter()
        .filter(|snapshot| same(snapshot.dbi_resource_id()))
        .filter_map(|snapshot| snapshot.db_snapshot_identifier())
        .filter(|name| wish.is_left(name, id))
        .map(|name| Kept {
            address: entry.address.clone(),
            what: format!("final snapshot {name}"),
            until: None,
            remove: format!("aws rds delete-db-snapshot --region {} --db-snapshot-identifier {name}", entry.region),
        })
        .collect();
    if let (true, Some(resource)) = (final_snapshot::keeps_backups(final_snapshot::pairs(&entry.properties)), resource)
    {
        kept.push(Kept {
            address: entry.address.clone(),
            what: "automatic backups, for as many days as they were kept before".to_owned(),
            until: None,
            remove: format!(
                "aws rds delete-db-instance-automated-backup --region {} --dbi-resource-id {resource}",
                entry.region
            ),
        });
    }
    Ok(kept)
}

async fn of_cache(entry: &Entry, cx: &Context) -> Result<Vec<Kept>, Failure> {
    let (id, wish) = (entry.id.as_str(), Wish::of_properties(&entry.properties));
    let call = cx.client(ElastiCache::new).describe_snapshots().replication_group_id(id);
    let found = call.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
    let snapshots = found.aws("elasticache:DescribeSnapshots").absent()?.unwrap_or_default();
    let left = snapshots.iter().filter_map(|snapshot| snapshot.snapshot_name()).filter(|name| wish.is_left(name, id));
    Ok(left
        .map(|name| Kept {
            address: entry.address.clone(),
            what: format!("final snapshot {name}"),
            until: None,
            remove: format!("aws elasticache delete-snapshot --region {} --snapshot-name {name}", entry.region),
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn entry(type_name: &str, properties: Value) -> Entry {
        let entry = json!({
            "address": "storage.a", "type": type_name, "region": "us-east-1", "id": "a", "properties": properties,
            "token": "t",
        });
        serde_json::from_value(entry).unwrap()
    }

    #[test]
    fn what_will_be_kept_is_said_before() {
        let tags = |pairs: &[(&str, &str)]| -> Value {
            pairs.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect()
        };
        let snapshot = final_snapshot::SNAPSHOT_TAG;
        let cases = [
            (DbInstance::TYPE, json!({ "BackupRetentionPeriod": 7 }), Some("a final snapshot")),
            (DbInstance::TYPE, json!({ "BackupRetentionPeriod": 0 }), None),
            (DbInstance::TYPE, json!({ "BackupRetentionPeriod": 7, "Tags": tags(&[(snapshot, "false")]) }), None),
            (ReplicationGroup::TYPE, json!({ "Tags": tags(&[(snapshot, "true")]) }), Some("a final snapshot")),
            (ReplicationGroup::TYPE, json!({ "Tags": tags(&[(snapshot, "last")]) }), Some("the final snapshot last")),
            (
                DbInstance::TYPE,
                json!({
                    "BackupRetentionPeriod": 7,
                    "Tags": tags(&[(snapshot, "true"), (final_snapshot::BACKUPS_TAG, "true")]),
                }),
                Some("a final snapshot and its automatic backups"),
            ),
            ("AWS::Logs::LogGroup", json!({ "Tags": tags(&[(snapshot, "true")]) }), None),
        ];
        for (type_name, properties, expected) in cases {
            assert_eq!(will_keep(&entry(type_name, properties.clone())).as_deref(), expected, "{properties}");
        }
    }
}
