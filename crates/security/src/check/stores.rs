//! Stores that the world can reach, or that keep data in the open.

use engine::Node;
use serde_json::Value;

use super::Report;
use super::secrets::check_reference;

/// Flags may be written as text in a template.
fn is_on(value: &Value) -> bool {
    value == true || value == "true"
}

/// Whether a flag is known not to be on: a reference may be either.
fn is_off(value: &Value) -> bool {
    !is_on(value) && !engine::intrinsic::is_intrinsic(value)
}

pub(super) fn check_database(node: &Node, report: &mut Report<'_>) {
    let properties = &node.properties;
    if is_on(&properties["PubliclyAccessible"]) {
        report.warning(
            "database-public",
            "the database has a public address",
            "take it off the internet (`public = false`), and connect through the network or a bastion",
        );
    }
    // An instance of a cluster, a replica, and a copy of a snapshot have the encryption of their source.
    let of_source = ["DBClusterIdentifier", "SourceDBInstanceIdentifier", "DBSnapshotIdentifier", "SnapshotIdentifier"];
    let inherits = of_source.iter().any(|property| properties.get(property).is_some());
    if is_off(&properties["StorageEncrypted"]) && !inherits {
        report.warning(
            "database-not-encrypted",
            "the database's storage is not encrypted",
            "encrypt it now: later it takes a new database",
        );
    }
    check_reference("MasterUserPassword", properties, report);
}

pub(super) fn check_cache(node: &Node, report: &mut Report<'_>) {
    let properties = &node.properties;
    for (property, rule, what) in [
        ("AtRestEncryptionEnabled", "cache-not-encrypted", "the cache's data at rest is not encrypted"),
        ("TransitEncryptionEnabled", "cache-not-encrypted-in-transit", "connections to the cache are not encrypted"),
    ] {
        if is_off(&properties[property]) {
            report.warning(rule, what, "encrypt it now: later it takes a new cache");
        }
    }
    check_reference("AuthToken", properties, report);
}
