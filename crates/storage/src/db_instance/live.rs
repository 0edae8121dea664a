//! From RDS's description of an instance to its properties.

use aws_sdk_rds::types::DbInstance as SdkInstance;
use cloud::Live;

use super::{DbInstance, MasterUserSecret, created};
use crate::rds;

pub(super) fn live(instance: &SdkInstance) -> Live<DbInstance> {
    let parameter_group = instance.db_parameter_groups().first().and_then(|group| group.db_parameter_group_name());
    let option_group = instance.option_group_memberships().first().and_then(|group| group.option_group_name());
    let active = |group: &&aws_sdk_rds::types::VpcSecurityGroupMembership| group.status() != Some("removing");
    let groups = instance.vpc_security_groups().iter().filter(active);
    let secret = instance.master_user_secret();
    // A member of a cluster reports the cluster's storage, backups and master user as its own.
    let own = instance.db_cluster_identifier().is_none_or(str::is_empty);
    let port = instance.endpoint().and_then(|endpoint| endpoint.port).or(instance.db_instance_port.filter(|p| *p > 0));
    let mut live = Live::new(DbInstance {
        allocated_storage: instance.allocated_storage.filter(|_| own).map(|size| size.to_string()),
        allow_major_version_upgrade: None,
        auto_minor_version_upgrade: instance.auto_minor_version_upgrade,
        availability_zone: instance.availability_zone.clone(),
        backup_retention_period: instance.backup_retention_period.filter(|_| own),
        ca_certificate_identifier: instance.ca_certificate_identifier.clone(),
        copy_tags_to_snapshot: instance.copy_tags_to_snapshot,
        db_cluster_identifier: instance.db_cluster_identifier.clone(),
        db_instance_class: instance.db_instance_class.clone(),
        db_instance_identifier: instance.db_instance_identifier.clone(),
        db_name: instance.db_name.clone(),
        db_parameter_group_name: parameter_group.map(str::to_owned),
        db_subnet_group_name: instance.db_subnet_group().and_then(|group| group.db_subnet_group_name.clone()),
        database_insights_mode: instance.database_insights_mode.as_ref().map(ToString::to_string),
        dedicated_log_volume: instance.dedicated_log_volume,
        deletion_protection: instance.deletion_protection,
        enable_cloudwatch_logs_exports: sorted(instance.enabled_cloudwatch_logs_exports().to_vec()),
        enable_iam_database_authentication: instance.iam_database_authentication_enabled,
        enable_performance_insights: instance.performance_insights_enabled,
        engine: instance.engine.clone(),
        engine_lifecycle_support: instance.engine_lifecycle_support.clone(),
        engine_version: instance.engine_version.clone(),
        iops: instance.iops,
        kms_key_id: instance.kms_key_id.clone(),
        license_model: instance.license_model.clone(),
        manage_master_user_password: secret.map(|_| true),
        master_user_password: None,
        master_user_secret: secret.map(|secret| MasterUserSecret { kms_key_id: secret.kms_key_id.clone() }),
        master_username: instance.master_username.clone().filter(|_| own),
        max_allocated_storage: instance.max_allocated_storage,
        monitoring_interval: instance.monitoring_interval,
        monitoring_role_arn: instance.monitoring_role_arn.clone(),
        multi_az: instance.multi_az,
        network_type: instance.network_type.clone(),
        option_group_name: option_group.map(str::to_owned),
        performance_insights_kms_key_id: instance.performance_insights_kms_key_id.clone(),
        performance_insights_retention_period: instance.performance_insights_retention_period,
        port: port.map(|port| port.to_string()),
        preferred_backup_window: instance.preferred_backup_window.clone(),
        preferred_maintenance_window: instance.preferred_maintenance_window.clone(),
        promotion_tier: instance.promotion_tier,
        publicly_accessible: instance.publicly_accessible,
        storage_encrypted: instance.storage_encrypted,
        storage_throughput: instance.storage_throughput,
        storage_type: instance.storage_type.clone(),
        tags: rds::live_tags(instance.tag_list()),
        vpc_security_groups: sorted(groups.filter_map(|group| group.vpc_security_group_id.clone()).collect()),
    });
    live.attributes = created(instance).map(|created| created.attributes).unwrap_or_default();
    let endpoint = instance.endpoint();
    let certificate = instance.certificate_details();
    let texts = [
        ("Endpoint.Address", endpoint.and_then(|endpoint| endpoint.address.clone())),
        ("Endpoint.Port", endpoint.and_then(|endpoint| endpoint.port).map(|port| port.to_string())),
        ("Endpoint.HostedZoneId", endpoint.and_then(|endpoint| endpoint.hosted_zone_id.clone())),
        ("CertificateDetails.CAIdentifier", certificate.and_then(|certificate| certificate.ca_identifier.clone())),
        ("CertificateDetails.ValidTill", certificate.and_then(|c| c.valid_till).map(|time| time.to_string())),
    ];
    for (attribute, text) in texts {
        if let Some(text) = text {
            live = live.with(attribute, text);
        }
    }
    live
}

/// In order, as the module declares them; `None` where there are none.
fn sorted(mut items: Vec<String>) -> Option<Vec<String>> {
    items.sort();
    (!items.is_empty()).then_some(items)
}

#[cfg(test)]
mod tests {
    use aws_sdk_rds::types::{DbParameterGroupStatus, DbSubnetGroup, Endpoint, Tag, VpcSecurityGroupMembership};

    use super::*;

    #[test]
    fn a_live_instance_has_the_shape_of_a_declared_one() {
        let group = |id: &str| VpcSecurityGroupMembership::builder().vpc_security_group_id(id).status("active").build();
        let instance = SdkInstance::builder()
            .db_instance_identifier("arrakis-production-postgres")
            .allocated_storage(20)
            .engine("postgres")
            .engine_version("15.10")
            .storage_type("gp3")
            .endpoint(Endpoint::builder().address("x.rds.amazonaws.com").port(5432).hosted_zone_id("Z1").build())
            .db_parameter_groups(DbParameterGroupStatus::builder().db_parameter_group_name("pg").build())
            .db_subnet_group(DbSubnetGroup::builder().db_subnet_group_name("subnets").build())
            .vpc_security_groups(group("sg-b"))
            .vpc_security_groups(group("sg-a"))
            .multi_az(false)
            .tag_list(Tag::builder().key("env").value("production").build())
            .build();
        let live = live(&instance);
        let mut properties = serde_json::to_value(&live.properties).unwrap();
        properties.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        assert_eq!(
            properties,
            serde_json::json!({
                "AllocatedStorage": "20",
                "DBInstanceIdentifier": "arrakis-production-postgres",
                "DBParameterGroupName": "pg",
                "DBSubnetGroupName": "subnets",
                "Engine": "postgres",
                "EngineVersion": "15.10",
                "MultiAZ": false,
                "Port": "5432",
                "StorageType": "gp3",
                "Tags": [{ "Key": "env", "Value": "production" }],
                "VPCSecurityGroups": ["sg-a", "sg-b"],
            })
        );
        assert_eq!(live.attributes["Endpoint.Address"], "x.rds.amazonaws.com");
        assert_eq!(live.attributes["Endpoint.Port"], "5432");
    }

    #[test]
    fn a_member_of_a_cluster_has_no_storage_of_its_own() {
        let member = SdkInstance::builder()
            .db_instance_identifier("member")
            .db_cluster_identifier("cluster")
            .allocated_storage(1)
            .backup_retention_period(7)
            .master_username("root")
            .build();
        let live = live(&member).properties;
        assert_eq!((live.allocated_storage, live.backup_retention_period, live.master_username), (None, None, None));
    }
}
