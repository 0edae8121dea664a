//! `AWS::RDS::DBInstance`:
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-rds-dbinstance.html>.
//!
//! CloudFormation's `DeletionPolicy` is no property, so deletion follows one rule: an instance with
//! `DeletionProtection` is refused; its tags say whether it leaves a final snapshot ([`crate::final_snapshot`]), and
//! where they say nothing, one with automatic backups (`BackupRetentionPeriod` above 0) does:
//! `<instance>-final-<operation>`. One that never became available, a member of a cluster and a read replica leave none.

mod charges;
mod live;
mod modify;
mod states;

use aws_sdk_rds::Client;
use aws_sdk_rds::types::{DatabaseInsightsMode, DbInstance as SdkInstance};
use cloud::{
    Absent, Aws, AwsResult, Charge, Context, Created, Failure, FailureKind, Live, Pricing, Readiness, Resource,
    Seconds, Tag, dynamic,
};
use serde::{Deserialize, Serialize};

use crate::{final_snapshot, named, rds};

/// A database instance: one of its own, or a member of an Aurora cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct DbInstance {
    /// Storage in GiB, as text; it can grow, never shrink.
    pub allocated_storage: Option<String>,
    /// Whether `EngineVersion` may change to another major version. Not reported.
    pub allow_major_version_upgrade: Option<bool>,
    /// Whether AWS installs minor versions in the maintenance window.
    pub auto_minor_version_upgrade: Option<bool>,
    /// The zone, if it is not for AWS to choose.
    pub availability_zone: Option<String>,
    /// Days that automatic backups are kept; 0: none are made.
    pub backup_retention_period: Option<i32>,
    /// The certificate authority of the server's certificate.
    #[serde(rename = "CACertificateIdentifier")]
    pub ca_certificate_identifier: Option<String>,
    /// Whether snapshots get the instance's tags.
    pub copy_tags_to_snapshot: Option<bool>,
    /// The cluster it is a member of.
    #[serde(rename = "DBClusterIdentifier")]
    pub db_cluster_identifier: Option<String>,
    /// The instance class: `db.t3.small`.
    #[serde(rename = "DBInstanceClass")]
    pub db_instance_class: Option<String>,
    /// Its name, unique in account and region; kept in lower case.
    #[serde(rename = "DBInstanceIdentifier")]
    pub db_instance_identifier: Option<String>,
    /// The database made in it.
    #[serde(rename = "DBName")]
    pub db_name: Option<String>,
    /// The parameter group.
    #[serde(rename = "DBParameterGroupName")]
    pub db_parameter_group_name: Option<String>,
    /// The subnet group.
    #[serde(rename = "DBSubnetGroupName")]
    pub db_subnet_group_name: Option<String>,
    /// `standard` or `advanced`.
    pub database_insights_mode: Option<String>,
    /// Whether the write-ahead log has a volume of its own.
    pub dedicated_log_volume: Option<bool>,
    /// Whether it cannot be deleted.
    pub deletion_protection: Option<bool>,
    /// Logs sent to CloudWatch.
    pub enable_cloudwatch_logs_exports: Option<Vec<String>>,
    /// Whether IAM users and roles may sign in.
    #[serde(rename = "EnableIAMDatabaseAuthentication")]
    pub enable_iam_database_authentication: Option<bool>,
    /// Whether Performance Insights records the load.
    pub enable_performance_insights: Option<bool>,
    /// `postgres`, `mysql`, `aurora-postgresql`, …
    pub engine: Option<String>,
    /// Whether the engine goes on, at a price, after its end of standard support.
    pub engine_lifecycle_support: Option<String>,
    /// The engine's version.
    pub engine_version: Option<String>,
    /// Provisioned I/O operations per second.
    pub iops: Option<i32>,
    /// The key of the storage's encryption.
    pub kms_key_id: Option<String>,
    /// `license-included`, `bring-your-own-license`, `general-public-license`, `postgresql-license`.
    pub license_model: Option<String>,
    /// Whether RDS keeps the master user's password in a secret of its own.
    pub manage_master_user_password: Option<bool>,
    /// The master user's password, best as a dynamic reference to a secret. Not reported.
    pub master_user_password: Option<String>,
    /// The secret that RDS keeps.
    pub master_user_secret: Option<MasterUserSecret>,
    /// The master user.
    pub master_username: Option<String>,
    /// How far RDS may grow the storage, in GiB.
    pub max_allocated_storage: Option<i32>,
    /// Seconds between points of enhanced monitoring; 0: off.
    pub monitoring_interval: Option<i32>,
    /// The role that lets RDS send enhanced monitoring to CloudWatch Logs.
    pub monitoring_role_arn: Option<String>,
    /// Whether a standby in another zone takes over.
    #[serde(rename = "MultiAZ")]
    pub multi_az: Option<bool>,
    /// `IPV4` or `DUAL`.
    pub network_type: Option<String>,
    /// The option group.
    pub option_group_name: Option<String>,
    /// The key of Performance Insights' encryption.
    #[serde(rename = "PerformanceInsightsKMSKeyId")]
    pub performance_insights_kms_key_id: Option<String>,
    /// Days that Performance Insights keeps; 7 cost nothing.
    pub performance_insights_retention_period: Option<i32>,
    /// The port, as text.
    pub port: Option<String>,
    /// When daily backups run: `03:00-04:00`.
    pub preferred_backup_window: Option<String>,
    /// When AWS may do maintenance: `sun:05:00-sun:06:00`.
    pub preferred_maintenance_window: Option<String>,
    /// The order in which a member of a cluster takes over, 0 first.
    pub promotion_tier: Option<i32>,
    /// Whether it has a public address.
    pub publicly_accessible: Option<bool>,
    /// Whether the storage is encrypted.
    pub storage_encrypted: Option<bool>,
    /// Throughput of `gp3` storage in MiB/s.
    pub storage_throughput: Option<i32>,
    /// `gp3`, `gp2`, `io1`, `io2`, `standard`.
    pub storage_type: Option<String>,
    /// Tags.
    pub tags: Option<Vec<Tag>>,
    /// The security groups.
    #[serde(rename = "VPCSecurityGroups")]
    pub vpc_security_groups: Option<Vec<String>>,
}

/// The secret in which RDS keeps the master user's password.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct MasterUserSecret {
    /// The key of its encryption.
    pub kms_key_id: Option<String>,
}

impl Resource for DbInstance {
    const TYPE: &'static str = "AWS::RDS::DBInstance";
    const SECONDS: Seconds = Seconds { create: 420.0, update: 180.0, delete: 300.0 };
    const LATE: &'static [&'static str] = &[
        "Endpoint.Address",
        "Endpoint.Port",
        "Endpoint.HostedZoneId",
        "CertificateDetails.CAIdentifier",
        "CertificateDetails.ValidTill",
    ];
    // An instance that starts while its group still lacks parameters would need a reboot to get the static ones.
    const NEEDS_READY: &'static [&'static str] = &["DBParameterGroupName"];
    const HOLDS_DATA: bool = true;

    fn id(&self) -> Option<String> {
        self.db_instance_identifier.as_deref().map(named::kept)
    }

    async fn create(&self, cx: &Context) -> Result<Created, Failure> {
        let password = match &self.master_user_password {
            Some(reference) => Some(dynamic::resolve(reference, cx).await?),
            None => None,
        };
        let made = cx
            .client(Client::new)
            .create_db_instance()
            .db_instance_identifier(named::given_or_made(&self.db_instance_identifier, 63, cx))
            .set_allocated_storage(whole("AllocatedStorage", &self.allocated_storage)?)
            .set_auto_minor_version_upgrade(self.auto_minor_version_upgrade)
            .set_availability_zone(self.availability_zone.clone())
            .set_backup_retention_period(self.backup_retention_period)
            .set_ca_certificate_identifier(self.ca_certificate_identifier.clone())
            .set_copy_tags_to_snapshot(self.copy_tags_to_snapshot)
            .set_db_cluster_identifier(self.db_cluster_identifier.clone())
            .set_db_instance_class(self.db_instance_class.clone())
            .set_db_name(self.db_name.clone())
            .set_db_parameter_group_name(self.db_parameter_group_name.clone())
            .set_db_subnet_group_name(self.db_subnet_group_name.clone())
            .set_database_insights_mode(self.database_insights_mode.as_deref().map(DatabaseInsightsMode::from))
            .set_dedicated_log_volume(self.dedicated_log_volume)
            .set_deletion_protection(self.deletion_protection)
            .set_enable_cloudwatch_logs_exports(self.enable_cloudwatch_logs_exports.clone())
            .set_enable_iam_database_authentication(self.enable_iam_database_authentication)
            .set_enable_performance_insights(self.enable_performance_insights)
            .set_engine(self.engine.clone())
            .set_engine_lifecycle_support(self.engine_lifecycle_support.clone())
            .set_engine_version(self.engine_version.clone())
            .set_iops(self.iops)
            .set_kms_key_id(self.kms_key_id.clone())
            .set_license_model(self.license_model.clone())
            .set_manage_master_user_password(self.manage_master_user_password)
            .set_master_user_password(password)
            .set_master_user_secret_kms_key_id(self.master_user_secret.as_ref().and_then(|s| s.kms_key_id.clone()))
            .set_master_username(self.master_username.clone())
            .set_max_allocated_storage(self.max_allocated_storage)
            .set_monitoring_interval(self.monitoring_interval)
            .set_monitoring_role_arn(self.monitoring_role_arn.clone())
            .set_multi_az(self.multi_az)
            .set_network_type(self.network_type.clone())
            .set_option_group_name(self.option_group_name.clone())
            .set_performance_insights_kms_key_id(self.performance_insights_kms_key_id.clone())
            .set_performance_insights_retention_period(self.performance_insights_retention_period)
            .set_port(whole("Port", &self.port)?)
            .set_preferred_backup_window(self.preferred_backup_window.clone())
            .set_preferred_maintenance_window(self.preferred_maintenance_window.clone())
            .set_promotion_tier(self.promotion_tier)
            .set_publicly_accessible(self.publicly_accessible)
            .set_storage_encrypted(self.storage_encrypted)
            .set_storage_throughput(self.storage_throughput)
            .set_storage_type(self.storage_type.clone())
            .set_tags(rds::tags_for_create(&self.tags, cx))
            .set_vpc_security_group_ids(self.vpc_security_groups.clone())
            .send()
            .await
            .aws("rds:CreateDBInstance")?;
        let instance = made.db_instance.as_ref().and_then(created);
        instance.ok_or_else(|| Failure::missing("rds:CreateDBInstance", "DBInstanceIdentifier"))
    }

    async fn sync(&self, id: &str, live: Option<&Self>, cx: &Context) -> Result<(), Failure> {
        let Some(live) = live else { return Ok(()) };
        let (mut changes, mut differs) = modify::changes(self, live)?;
        if let Some(reference) = self.master_user_password.as_ref().filter(|_| modify::password_differs(self, live)) {
            changes = changes.master_user_password(dynamic::resolve(reference, cx).await?);
            differs = true;
        }
        if differs {
            let call = changes.db_instance_identifier(id).apply_immediately(true);
            call.send_with(&cx.client(Client::new)).await.aws("rds:ModifyDBInstance")?;
        }
        let arn = async { Ok(describe_one(id, cx).await?.and_then(|instance| instance.db_instance_arn)) };
        rds::sync_tags(arn, &self.tags, Some(&live.tags), cx).await
    }

    async fn ready(id: &str, cx: &Context) -> Result<Readiness, Failure> {
        Ok(match describe_one(id, cx).await? {
            Some(instance) => states::readiness(&instance),
            None => Readiness::Pending("not visible yet".to_owned()),
        })
    }

    async fn read(ids: &[String], cx: &Context) -> Result<Vec<Option<Live<Self>>>, Failure> {
        let found = describe(ids, cx).await?;
        let find = |id: &String| found.iter().find(|instance| instance.db_instance_identifier() == Some(id));
        let present = |instance: &&SdkInstance| !states::is_going(instance);
        Ok(ids.iter().map(|id| find(id).filter(present).map(live::live)).collect())
    }

    async fn unprotect(id: &str, cx: &Context) -> Result<(), Failure> {
        let Some(instance) = describe_one(id, cx).await? else {
            return Ok(());
        };
        if instance.deletion_protection == Some(true) && !states::is_going(&instance) {
            let call = cx.client(Client::new).modify_db_instance().db_instance_identifier(id);
            call.deletion_protection(false)
                .apply_immediately(true)
                .send()
                .await
                .aws("rds:ModifyDBInstance")
                .absent()?;
        }
        Ok(())
    }

    async fn delete(id: &str, cx: &Context) -> Result<(), Failure> {
        let Some(instance) = describe_one(id, cx).await? else {
            return Ok(());
        };
        if states::is_going(&instance) {
            return Ok(());
        }
        if instance.deletion_protection == Some(true) {
            let message = format!("the database {id} is protected from deletion (DeletionProtection)");
            let hint = "lift the protection first: deploy it with `protected = false`, then delete it";
            return Err(Failure::new(FailureKind::Invalid, message).hint(hint));
        }
        let last = states::last_snapshot(&instance, id, cx)?;
        let call = cx.client(Client::new).delete_db_instance().db_instance_identifier(id);
        let call = call.skip_final_snapshot(last.is_none()).set_final_db_snapshot_identifier(last.clone());
        let call = match final_snapshot::keeps_backups(rds::pairs(instance.tag_list())) {
            true => call.delete_automated_backups(false),
            false => call,
        };
        match call.send().await.aws("rds:DeleteDBInstance").absent() {
            // The call was made again after its answer was lost: the snapshot is its own.
            Err(failure) if final_snapshot::is_taken(&failure) => {
                match describe_one(id, cx).await?.filter(|instance| !states::is_going(instance)) {
                    Some(_) => Err(final_snapshot::explained(failure, last.as_deref())),
                    None => Ok(()),
                }
            }
            other => other.map(drop),
        }
    }

    async fn gone(id: &str, cx: &Context) -> Result<bool, Failure> {
        Ok(describe_one(id, cx).await?.is_none())
    }

    async fn find(&self, cx: &Context) -> Result<Option<Created>, Failure> {
        let name = named::to_find::<Self>(&self.db_instance_identifier, 63, cx).await?;
        let Some(name) = name else { return Ok(None) };
        let found = describe_one(&name, cx).await?;
        let ours = |instance: &SdkInstance| !states::is_going(instance) && cx.owns(rds::pairs(instance.tag_list()));
        Ok(found.filter(ours).as_ref().and_then(created))
    }

    fn id_of_arn(arn: &str) -> Option<String> {
        cloud::arn_name(arn, "rds", "db:").map(str::to_owned)
    }

    fn charges(&self, pricing: &Pricing<'_>) -> Vec<Charge> {
        charges::charges(self, pricing)
    }
}

/// A number that CloudFormation has as text.
fn whole(property: &str, text: &Option<String>) -> Result<Option<i32>, Failure> {
    let parse = |text: &String| {
        text.trim().parse().map_err(|_| Failure::invalid(format!("`{property}` must be a whole number, not `{text}`")))
    };
    text.as_ref().map(parse).transpose()
}

fn created(instance: &SdkInstance) -> Option<Created> {
    let mut created = Created::new(instance.db_instance_identifier()?);
    let secret = instance.master_user_secret().and_then(|secret| secret.secret_arn());
    for (attribute, value) in [
        ("DBInstanceArn", instance.db_instance_arn()),
        ("DbiResourceId", instance.dbi_resource_id()),
        ("MasterUserSecret.SecretArn", secret),
    ] {
        if let Some(value) = value {
            created = created.with(attribute, value);
        }
    }
    Some(created)
}

/// One by its name, several out of all: a filter by name fails where one of the names is not there.
async fn describe(ids: &[String], cx: &Context) -> Result<Vec<SdkInstance>, Failure> {
    let call = cx.client(Client::new).describe_db_instances();
    let call = if let [id] = ids { call.db_instance_identifier(id) } else { call };
    let found = call.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
    Ok(found.aws("rds:DescribeDBInstances").absent()?.unwrap_or_default())
}

/// For health checks.
pub(crate) async fn describe_all(ids: Vec<String>, cx: &Context) -> Result<Vec<SdkInstance>, Failure> {
    describe(&ids, cx).await
}

/// For health checks.
pub(crate) fn readiness(instance: &SdkInstance) -> Readiness {
    states::readiness(instance)
}

async fn describe_one(id: &str, cx: &Context) -> Result<Option<SdkInstance>, Failure> {
    Ok(describe(&[id.to_owned()], cx).await?.into_iter().next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_making_call_tells() {
        let instance = SdkInstance::builder()
            .db_instance_identifier("arrakis-production-postgres")
            .db_instance_arn("arn:aws:rds:us-east-1:123456789012:db:arrakis-production-postgres")
            .dbi_resource_id("db-ABC")
            .build();
        let created = created(&instance).unwrap();
        assert_eq!(created.id, "arrakis-production-postgres");
        assert_eq!(created.attributes.keys().collect::<Vec<_>>(), ["DBInstanceArn", "DbiResourceId"]);
    }

    #[test]
    fn numbers_in_text() {
        assert_eq!(whole("Port", &Some("5432".into())).unwrap(), Some(5432));
        assert_eq!(whole("Port", &None).unwrap(), None);
        let failure = whole("AllocatedStorage", &Some("20 GB".into())).unwrap_err();
        assert_eq!(failure.message, "`AllocatedStorage` must be a whole number, not `20 GB`");
    }

    #[test]
    fn every_property_is_one_of_the_schema() {
        let facts = schema::facts(DbInstance::TYPE).unwrap();
        let names: Vec<&str> = facts.property_names().collect();
        let ours = serde_json::to_value(DbInstance::default()).unwrap();
        for name in ours.as_object().unwrap().keys() {
            assert!(names.contains(&name.as_str()), "{name}");
        }
    }
}
