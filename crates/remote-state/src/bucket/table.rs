//! The lock table, in the shape that Terraform's S3 backend asks for.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, PointInTimeRecoverySpecification,
    PointInTimeRecoveryStatus, ScalarAttributeType, TableDescription, TableStatus,
};
use cloud::{Absent, AwsResult, Cloud, Failure, FailureKind};
use engine::store::StoreError;

use super::{Did, Step};

const KEY: &str = "LockID";
/// How often it is looked whether a new table is there, half a second apart.
const LOOKS: u32 = 240;

struct Table<'a> {
    client: Client,
    name: &'a str,
    steps: Vec<Step>,
}

/// Makes the table, or puts it right.
pub(super) async fn create(cloud: &Cloud, name: &str, region: &str) -> Result<Vec<Step>, StoreError> {
    let mut table = Table { client: cloud.client(region, Client::new), name, steps: Vec::new() };
    match table.describe().await? {
        None => table.make().await?,
        Some(there) => table.check(&there).await?,
    }
    table.recoverable().await?;
    Ok(table.steps)
}

impl Table<'_> {
    fn failed(&self) -> impl FnOnce(Failure) -> StoreError {
        let place = format!("DynamoDB table {}", self.name);
        move |failure| StoreError::Remote { place, failure: Box::new(failure) }
    }

    fn step(&mut self, what: &str, did: Did) {
        self.steps.push(Step { of: self.name.to_owned(), what: what.to_owned(), did });
    }

    async fn describe(&self) -> Result<Option<TableDescription>, StoreError> {
        let answer = self.client.describe_table().table_name(self.name).send().await.aws("dynamodb:DescribeTable");
        Ok(answer.absent().map_err(self.failed())?.and_then(|answer| answer.table))
    }

    async fn make(&mut self) -> Result<(), StoreError> {
        let invalid = |error: aws_sdk_dynamodb::error::BuildError| Failure::invalid(error.to_string());
        let attribute =
            AttributeDefinition::builder().attribute_name(KEY).attribute_type(ScalarAttributeType::S).build();
        let key = KeySchemaElement::builder().attribute_name(KEY).key_type(KeyType::Hash).build();
        let request = self
            .client
            .create_table()
            .table_name(self.name)
            .attribute_definitions(attribute.map_err(invalid).map_err(self.failed())?)
            .key_schema(key.map_err(invalid).map_err(self.failed())?)
            .billing_mode(BillingMode::PayPerRequest)
            .deletion_protection_enabled(true);
        match request.send().await.aws("dynamodb:CreateTable") {
            Ok(_) => {}
            // Another try of this very call, or another person's.
            Err(failure) if failure.code == "ResourceInUseException" => {}
            Err(failure) => return Err(self.failed()(failure)),
        }
        for _ in 0..LOOKS {
            let there = self.describe().await?;
            if there.is_some_and(|there| there.table_status == Some(TableStatus::Active)) {
                self.step("lock table", Did::Made);
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        let failure = Failure::new(FailureKind::NotYet, "the table is not active after two minutes");
        Err(self.failed()(failure.hint("the same command again goes on from here")))
    }

    async fn check(&mut self, there: &TableDescription) -> Result<(), StoreError> {
        let keys: Vec<(&str, &KeyType)> = there
            .key_schema
            .iter()
            .flatten()
            .map(|element| (element.attribute_name.as_str(), &element.key_type))
            .collect();
        if keys != [(KEY, &KeyType::Hash)] {
            let names: Vec<&str> = keys.iter().map(|(name, _)| *name).collect();
            let failure = Failure::invalid(format!("its key is {}, not {KEY}", names.join(" and ")));
            return Err(self.failed()(failure.hint("it is no lock table: name another as `lock-table`")));
        }
        if there.deletion_protection_enabled == Some(true) {
            self.step("lock table", Did::Kept);
            return Ok(());
        }
        let request = self.client.update_table().table_name(self.name).deletion_protection_enabled(true);
        request.send().await.aws("dynamodb:UpdateTable").map_err(self.failed())?;
        self.step("lock table: deletion protection", Did::Changed);
        Ok(())
    }

    async fn recoverable(&mut self) -> Result<(), StoreError> {
        let answer = self.client.describe_continuous_backups().table_name(self.name).send().await;
        let answer = answer.aws("dynamodb:DescribeContinuousBackups").map_err(self.failed())?;
        let status = answer
            .continuous_backups_description
            .and_then(|backups| backups.point_in_time_recovery_description)
            .and_then(|recovery| recovery.point_in_time_recovery_status);
        if status == Some(PointInTimeRecoveryStatus::Enabled) {
            self.step("point-in-time recovery", Did::Kept);
            return Ok(());
        }
        let wanted = PointInTimeRecoverySpecification::builder().point_in_time_recovery_enabled(true).build();
        let wanted = wanted.map_err(|error| Failure::invalid(error.to_string())).map_err(self.failed())?;
        for tries in 1.. {
            let request = self.client.update_continuous_backups().table_name(self.name);
            let request = request.point_in_time_recovery_specification(wanted.clone());
            match request.send().await.aws("dynamodb:UpdateContinuousBackups") {
                Ok(_) => break,
                // While backups of a new table are being enabled.
                Err(failure) if failure.code == "ContinuousBackupsUnavailableException" && tries < LOOKS => {
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
                Err(failure) => return Err(self.failed()(failure)),
            }
        }
        self.step("point-in-time recovery", Did::Made);
        Ok(())
    }
}
