//! RDS and ElastiCache: the final snapshot that a deletion asks for. The emulator deletes without making it.

use crate::call::Call;
use crate::cloud::Cloud;
use crate::forward;
use crate::reply::Reply;

/// How a service is asked for a final snapshot, and how one is made.
struct Last {
    delete: &'static str,
    name: &'static str,
    source: &'static str,
    describe: &'static str,
    make: &'static str,
    unmake: &'static str,
    snapshot: &'static str,
    version: &'static str,
}

const LAST: &[Last] = &[
    Last {
        delete: "DeleteDBInstance",
        name: "FinalDBSnapshotIdentifier",
        source: "DBInstanceIdentifier",
        describe: "DescribeDBInstances",
        make: "CreateDBSnapshot",
        unmake: "DeleteDBSnapshot",
        snapshot: "DBSnapshotIdentifier",
        version: "2014-10-31",
    },
    Last {
        delete: "DeleteReplicationGroup",
        name: "FinalSnapshotIdentifier",
        source: "ReplicationGroupId",
        describe: "DescribeReplicationGroups",
        make: "CreateSnapshot",
        unmake: "DeleteSnapshot",
        snapshot: "SnapshotName",
        version: "2015-02-02",
    },
];

/// Makes the snapshot before the deletion is handed on. A name that is taken refuses the deletion, as AWS does; a
/// deletion that is refused leaves no snapshot.
pub(super) async fn around(cloud: &Cloud, call: Call) -> Reply {
    let asked = LAST.iter().find(|last| last.delete == call.operation).and_then(|last| {
        let field = |name: &str| call.field(name).map(str::to_owned);
        Some((last, field(last.source)?, field(last.name)?))
    });
    let Some((last, source, name)) = asked else { return forward::send(cloud, call).await };
    let (service, region) = (call.service.clone(), call.region.clone());
    let own = |operation, fields: &[(&str, &str)]| Call::query(&service, &region, operation, last.version, fields);
    // What is not there (any more) is told first, whatever snapshots there are.
    if !forward::send(cloud, own(last.describe, &[(last.source, &source)])).await.status.is_success() {
        return forward::send(cloud, call).await;
    }
    let made = own(last.make, &[(last.source, &source), (last.snapshot, &name)]);
    let made = forward::send(cloud, made).await.whole().await;
    if !made.status.is_success() {
        return made;
    }
    let deleted = forward::send(cloud, call).await;
    if !deleted.status.is_success() {
        forward::send(cloud, own(last.unmake, &[(last.snapshot, &name)])).await;
    }
    deleted
}
