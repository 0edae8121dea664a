//! The lock as an item of a DynamoDB table in Terraform's shape, so that a team keeps its table.
//!
//! The key is `LockID`, its value bucket and key of the state, as Terraform's S3 backend writes them
//! (<https://developer.hashicorp.com/terraform/language/backend/s3>); `Info` is Terraform's JSON with more in it. An item
//! without our `Beat` is Terraform's own: it does not end by itself.

use std::collections::HashMap;
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use cloud::{AwsResult, Cloud, Failure};
use engine::catalogue::BoxFuture;
use engine::store::{Holder, StoreError};
use serde::{Deserialize, Serialize};

use super::{Cell, Document, Ended, RemoteLock, Seen};
use crate::clock::ServerClock;
use crate::place::Place;

const KEY: &str = "LockID";
/// Changes with each write.
const BEAT: &str = "Beat";
/// When the lease ends, in seconds of the Unix epoch by the server's clock.
const EXPIRES: &str = "Expires";
const INFO: &str = "Info";
const CONDITION: &str = "ConditionalCheckFailedException";

/// The lock as an item of a table.
pub fn in_table(cloud: &Cloud, place: &Place, table: &str) -> RemoteLock {
    RemoteLock(Arc::new(LockItem {
        client: cloud.client(&place.region, Client::new),
        table: table.to_owned(),
        id: place.lock_id(),
        clock: ServerClock::default(),
    }))
}

struct LockItem {
    client: Client,
    table: String,
    id: String,
    clock: ServerClock,
}

/// Terraform's lock info, and what a lease needs beside it.
#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Info {
    #[serde(rename = "ID")]
    id: String,
    operation: String,
    info: String,
    who: String,
    version: String,
    created: String,
    path: String,
    pid: u32,
    lease_seconds: u64,
    beat: u64,
}

type Item = HashMap<String, AttributeValue>;

fn text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

impl LockItem {
    fn failed(&self, failure: Failure) -> StoreError {
        let failure = match failure.code.as_str() {
            "ResourceNotFoundException" => {
                failure.hint(format!("create the table {} with `cargo xtask create-state-bucket`", self.table))
            }
            _ => failure,
        };
        StoreError::Remote { place: self.place(), failure: Box::new(failure) }
    }

    fn seen(&self, item: &Item) -> Seen {
        let info: Info = text(item, INFO).and_then(|info| serde_json::from_str(info).ok()).unwrap_or_default();
        let expires = item.get(EXPIRES).and_then(|value| value.as_n().ok()?.parse::<i64>().ok());
        let beat = text(item, BEAT);
        let ended = match (beat, expires, self.clock.now()) {
            (None, ..) => Ended::Never,
            (_, None, _) | (.., None) => Ended::Unknown,
            (_, Some(expires), Some(now)) if now > expires => Ended::Yes,
            _ => Ended::No,
        };
        let command = if beat.is_some() { info.operation } else { format!("terraform {}", info.operation) };
        let holder = Holder { who: info.who, pid: info.pid, command, since: info.created };
        let document = Document { id: info.id, holder, seconds: info.lease_seconds, beat: info.beat };
        // What has no beat is known again by its info.
        let version = beat.or_else(|| text(item, INFO)).unwrap_or_default().to_owned();
        Seen { document, version, ended }
    }

    async fn found(&self) -> Result<Option<Item>, StoreError> {
        let request = self.client.get_item().table_name(&self.table).key(KEY, AttributeValue::S(self.id.clone()));
        let request = request.consistent_read(true).customize().interceptor(self.clock.clone());
        let answer = request.send().await.aws("dynamodb:GetItem").map_err(|failure| self.failed(failure))?;
        Ok(answer.item)
    }

    async fn write(&self, version: Option<&str>, document: &Document) -> Result<Option<String>, StoreError> {
        if self.clock.now().is_none() {
            self.found().await?;
        }
        let beat = format!("{}:{}", document.id, document.beat);
        let info = Info {
            id: document.id.clone(),
            operation: document.holder.command.clone(),
            who: document.holder.who.clone(),
            version: concat!("groundplan ", env!("CARGO_PKG_VERSION")).to_owned(),
            created: document.holder.since.clone(),
            path: self.id.clone(),
            pid: document.holder.pid,
            lease_seconds: document.seconds,
            beat: document.beat,
            ..Info::default()
        };
        let request = self
            .client
            .put_item()
            .table_name(&self.table)
            .item(KEY, AttributeValue::S(self.id.clone()))
            .item(INFO, AttributeValue::S(serde_json::to_string(&info).unwrap_or_default()))
            .item(BEAT, AttributeValue::S(beat.clone()));
        // Without the server's time nobody can be told when it ends: others watch the beat.
        let expires = self.clock.latest().map(|now| now.saturating_add_unsigned(document.seconds));
        let request = match expires {
            Some(expires) => request.item(EXPIRES, AttributeValue::N(expires.to_string())),
            None => request,
        };
        let request = match version {
            None => request.condition_expression("attribute_not_exists(LockID)"),
            Some(version) => request
                .condition_expression("#beat = :seen")
                .expression_attribute_names("#beat", BEAT)
                .expression_attribute_values(":seen", AttributeValue::S(version.to_owned())),
        };
        match request.customize().interceptor(self.clock.clone()).send().await.aws("dynamodb:PutItem") {
            Ok(_) => Ok(Some(beat)),
            // The first try may have been carried out, and its answer lost.
            Err(failure) if failure.code == CONDITION => {
                let there = self.found().await?;
                Ok(there.is_some_and(|item| text(&item, BEAT) == Some(&beat)).then_some(beat))
            }
            Err(failure) => Err(self.failed(failure)),
        }
    }

    async fn delete(&self, version: &str) -> Result<bool, StoreError> {
        let request = self
            .client
            .delete_item()
            .table_name(&self.table)
            .key(KEY, AttributeValue::S(self.id.clone()))
            .condition_expression("#beat = :seen OR (attribute_not_exists(#beat) AND #info = :seen)")
            .expression_attribute_names("#beat", BEAT)
            .expression_attribute_names("#info", INFO)
            .expression_attribute_values(":seen", AttributeValue::S(version.to_owned()));
        match request.send().await.aws("dynamodb:DeleteItem") {
            Ok(_) => Ok(true),
            Err(failure) if failure.code == CONDITION => Ok(false),
            Err(failure) => Err(self.failed(failure)),
        }
    }
}

impl Cell for LockItem {
    fn place(&self) -> String {
        format!("DynamoDB table {}, item {}", self.table, self.id)
    }

    fn look(&self) -> BoxFuture<'_, Result<Option<Seen>, StoreError>> {
        Box::pin(async { Ok(self.found().await?.map(|item| self.seen(&item))) })
    }

    fn swap<'a>(
        &'a self,
        version: Option<&'a str>,
        document: &'a Document,
    ) -> BoxFuture<'a, Result<Option<String>, StoreError>> {
        Box::pin(self.write(version, document))
    }

    fn remove<'a>(&'a self, version: &'a str) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(self.delete(version))
    }
}
