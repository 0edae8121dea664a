//! `AWS::SecretsManager::Secret`: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-secretsmanager-secret.html>.

use std::sync::Arc;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::operation::describe_secret::DescribeSecretOutput;
use aws_sdk_secretsmanager::types::{
    Filter, FilterNameStringType, ReplicaRegionType, SecretListEntry, StatusType, Tag as SdkTag,
};
use cloud::{Aws, AwsResult, Charge, Context, Created, Failure, FailureKind, Live, Pricing, Quantity, Readiness};
use cloud::{Resource, Tag, dynamic, tags};
use engine::context::{TAG_ADDRESS, TAG_ENVIRONMENT};
use serde::{Deserialize, Serialize};
use serde_json::Map;

pub use crate::generate::GenerateSecretString;
use crate::value::{self, AndThenAbsent, SecretText, is_deleted, sealed};

/// Days for which a deleted secret can be restored, unless its [`RECOVERY_TAG`] says otherwise: AWS's least.
pub const RECOVERY_DAYS: u32 = 7;

/// The tag that says for how many days a deleted secret can be restored; `0`: it is gone at once.
pub const RECOVERY_TAG: &str = "groundplan:recovery-days";

/// With more secrets than this, a listing takes fewer calls than a look at each.
const FEW: usize = 2;

/// A secret in Secrets Manager. Its value is made once, and never read into its properties.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct Secret {
    /// The name.
    pub name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// The KMS key that encrypts it; none: AWS's own, `aws/secretsmanager`.
    pub kms_key_id: Option<String>,
    /// How AWS generates the value. A value that is there stays; later changes add missing keys only.
    pub generate_secret_string: Option<GenerateSecretString>,
    /// The value, with dynamic references to other secrets. Keys of a JSON object are merged into what is there.
    pub secret_string: Option<String>,
    /// The regions it is copied to.
    pub replica_regions: Option<Vec<ReplicaRegion>>,
    /// Tags.
    pub tags: Option<Vec<Tag>>,
}

/// A copy in another region.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct ReplicaRegion {
    /// The region.
    pub region: String,
    /// The key that encrypts it there; none: AWS's own.
    #[serde(default)]
    pub kms_key_id: Option<String>,
}

impl Resource for Secret {
    const TYPE: &'static str = "AWS::SecretsManager::Secret";
    const HOLDS_DATA: bool = true;
    const UNIQUE_NAME: Option<&'static str> = Some("Name");

    async fn create(&self, cx: &Context) -> Result<Created, Failure> {
        let name = self.name(cx);
        let value = self.first_value(cx).await?;
        let made = cx
            .client(Client::new)
            .create_secret()
            .name(&name)
            .set_client_request_token(request_token(cx))
            .set_description(self.description.clone())
            .set_kms_key_id(self.kms_key_id.clone())
            .set_secret_string(value.map(|value| value.expose().to_owned()))
            .set_add_replica_regions(self.replica_regions.as_ref().map(|regions| sdk_replicas(regions)))
            .set_tags(Some(sdk_tags(tags::for_create(self.tags.as_deref().unwrap_or_default(), cx))))
            .send()
            .await
            .aws("secretsmanager:CreateSecret");
        match sealed(made) {
            Ok(made) => made.arn.map(created).ok_or_else(|| Failure::missing("secretsmanager:CreateSecret", "ARN")),
            Err(failure) if is_deleted(&failure) || failure.kind == FailureKind::AlreadyExists => {
                self.take_over(&name, failure, cx).await
            }
            Err(failure) => Err(failure),
        }
    }

    async fn sync(&self, id: &str, live: Option<&Self>, cx: &Context) -> Result<(), Failure> {
        let Some(live) = live else { return Ok(()) };
        let client = cx.client(Client::new);
        let description = self.description != live.description;
        let key = self.kms_key_id != live.kms_key_id;
        if description || key {
            let own_key = || "alias/aws/secretsmanager".to_owned();
            let update = client
                .update_secret()
                .secret_id(id)
                .set_description(description.then(|| self.description.clone().unwrap_or_default()))
                .set_kms_key_id(key.then(|| self.kms_key_id.clone().unwrap_or_else(own_key)));
            sealed(update.send().await.aws("secretsmanager:UpdateSecret"))?;
        }
        // The engine puts what was applied last where nothing can be read. A value set by hand stays.
        if self.generate_secret_string != live.generate_secret_string || self.secret_string != live.secret_string {
            self.sync_value(id, cx).await?;
        }
        self.sync_replicas(id, live, cx).await?;
        let changes =
            tags::changes(self.tags.as_deref().unwrap_or_default(), Some(live.tags.as_deref().unwrap_or_default()));
        if !changes.set.is_empty() {
            let tag = client.tag_resource().secret_id(id).set_tags(Some(sdk_tags(changes.set)));
            tag.send().await.aws("secretsmanager:TagResource")?;
        }
        if !changes.remove.is_empty() {
            let untag = client.untag_resource().secret_id(id).set_tag_keys(Some(changes.remove));
            untag.send().await.aws("secretsmanager:UntagResource")?;
        }
        Ok(())
    }

    async fn ready(id: &str, cx: &Context) -> Result<Readiness, Failure> {
        let Some(secret) = describe(id, cx).await? else {
            return Ok(Readiness::Pending("not visible yet".to_owned()));
        };
        for replica in secret.replication_status() {
            let region = replica.region().unwrap_or_default();
            match replica.status() {
                Some(StatusType::Failed) => {
                    let why = replica.status_message().unwrap_or("no reason is given");
                    return Ok(Readiness::Failed(format!("the copy to {region} failed: {why}")));
                }
                Some(StatusType::InProgress) => return Ok(Readiness::Pending(format!("copying to {region}"))),
                _ => {}
            }
        }
        Ok(Readiness::Ready)
    }

    async fn read(ids: &[String], cx: &Context) -> Result<Vec<Option<Live<Self>>>, Failure> {
        let listed = list_for(ids.len(), cx).await?;
        let read = ids.iter().map(|id| async {
            let entry = listed.iter().flat_map(|entries| entries.iter()).find(|entry| entry.arn() == Some(id));
            match entry {
                // A listing does not tell the regions of copies.
                Some(entry) if entry.primary_region().is_none() => Ok(Some(live_entry(entry))),
                // Not in the listing: of other tags (imported), just made, or gone.
                _ => describe(id, cx).await.map(|secret| secret.map(|secret| live(&secret))),
            }
        });
        futures::future::try_join_all(read).await
    }

    async fn delete(id: &str, cx: &Context) -> Result<(), Failure> {
        let client = cx.client(Client::new);
        let Some(secret) = describe(id, cx).await? else { return Ok(()) };
        let copies: Vec<String> = secret.replication_status().iter().filter_map(|copy| copy.region.clone()).collect();
        if !copies.is_empty() {
            let remove =
                client.remove_regions_from_replication().secret_id(id).set_remove_replica_regions(Some(copies));
            remove.send().await.aws("secretsmanager:RemoveRegionsFromReplication")?;
        }
        let delete = client.delete_secret().secret_id(id);
        let delete = match recovery_days(secret.tags()) {
            0 => delete.force_delete_without_recovery(true),
            days => delete.recovery_window_in_days(days),
        };
        delete.send().await.aws("secretsmanager:DeleteSecret").and_then_absent().map(drop)
    }

    async fn find(&self, cx: &Context) -> Result<Option<Created>, Failure> {
        // Only what this operation finished: what it has taken over in part, it takes over again.
        let name = tags::name_to_find::<Self>(&self.name, || self.name(cx), |arn| Some(arn), cx).await?;
        let Some(name) = name else { return Ok(None) };
        let secret = describe(&name, cx).await?;
        let ours = |secret: &DescribeSecretOutput| {
            let tags = secret.tags().iter();
            cx.made(tags.map(|tag| (tag.key().unwrap_or_default(), tag.value().unwrap_or_default())))
        };
        Ok(secret.filter(ours).and_then(|secret| secret.arn).map(created))
    }

    /// AWS takes its name too, and an ARN without its end.
    async fn canonical(id: &str, live: &Live<Self>, _: &Context) -> Result<String, Failure> {
        Ok(live.attribute("Id").unwrap_or(id).to_owned())
    }

    fn id_of_arn(arn: &str) -> Option<String> {
        cloud::arn_name(arn, "secretsmanager", "secret:").map(|_| arn.to_owned())
    }

    fn charges(&self, pricing: &Pricing<'_>) -> Vec<Charge> {
        let copies = self.replica_regions.as_ref().map_or(0, Vec::len);
        // ECS reads a secret once a task start.
        let calls = pricing.usage("secretsmanager.requests", Quantity::between(0.0, 1_000.0, 10_000.0));
        vec![
            Charge::new("Secrets", "secretsmanager.secret.month", Quantity::exactly(1.0 + copies as f64)),
            Charge::new("Secrets Manager API calls", "secretsmanager.request", calls),
        ]
    }
}

impl Secret {
    fn name(&self, cx: &Context) -> String {
        self.name.clone().unwrap_or_else(|| crate::iam::generated_name(cx, 512))
    }

    /// The value it is made with; none: it is set by hand later.
    async fn first_value(&self, cx: &Context) -> Result<Option<SecretText>, Failure> {
        match (&self.generate_secret_string, &self.secret_string) {
            (Some(_), Some(_)) => Err(Failure::invalid("GenerateSecretString and SecretString exclude each other")),
            (Some(generate), None) => {
                let password = generate.password(cx).await?;
                generate.value(&password, Map::new()).map(Some)
            }
            (None, Some(text)) => dynamic::resolve(text, cx).await.map(|text| Some(SecretText::new(text))),
            (None, None) => Ok(None),
        }
    }

    /// A secret of this name is there already, or waits for its deletion: an environment destroyed a
    /// moment ago is deployed again. If it is ours by its tags it is used again, with the value it has.
    async fn take_over(&self, name: &str, refused: Failure, cx: &Context) -> Result<Created, Failure> {
        let client = cx.client(Client::new);
        let found = client.describe_secret().secret_id(name).send().await.aws("secretsmanager:DescribeSecret");
        let secret = match found {
            Ok(secret) => secret,
            // Deleted for good a moment ago: the name becomes free within seconds.
            Err(failure) if failure.is_not_found() => return Err(Failure { kind: FailureKind::NotYet, ..refused }),
            Err(failure) => return Err(failure),
        };
        let ours = tag(secret.tags(), TAG_ENVIRONMENT) == Some(&*cx.environment)
            && tag(secret.tags(), TAG_ADDRESS) == Some(cx.address.as_str());
        if !ours {
            let failure = Failure { kind: FailureKind::AlreadyExists, ..refused };
            return Err(failure.hint(match secret.deleted_date {
                Some(_) => format!(
                    "another's secret {name} waits for its deletion: choose another name, or restore and import it"
                ),
                None => format!("the secret {name} is another's: choose another name, or import it"),
            }));
        }
        let arn = secret.arn.clone().ok_or_else(|| Failure::missing("secretsmanager:DescribeSecret", "ARN"))?;
        if secret.deleted_date.is_some() {
            client.restore_secret().secret_id(&arn).send().await.aws("secretsmanager:RestoreSecret")?;
        }
        self.sync(&arn, Some(&live(&secret).properties), cx).await?;
        // Last: it says that all before is done.
        let (key, value) = cx.operation_tag();
        let mark = sdk_tags(vec![(key.to_owned(), value.to_owned())]);
        client.tag_resource().secret_id(&arn).set_tags(Some(mark)).send().await.aws("secretsmanager:TagResource")?;
        Ok(created(arn))
    }

    async fn sync_value(&self, id: &str, cx: &Context) -> Result<(), Failure> {
        if self.generate_secret_string.is_none() && self.secret_string.is_none() {
            return Ok(());
        }
        let before = value::get(id, cx).await?;
        let after = match (&self.generate_secret_string, &self.secret_string, &before) {
            (_, _, None) => self.first_value(cx).await?,
            (Some(generate), _, Some(before)) => generate.completed(before, cx).await?,
            (None, Some(text), Some(before)) => {
                Some(merged(before, SecretText::new(dynamic::resolve(text, cx).await?)))
            }
            (None, None, _) => None,
        };
        match after {
            Some(after) if before.as_ref() != Some(&after) => value::put(id, &after, cx).await,
            _ => Ok(()),
        }
    }

    async fn sync_replicas(&self, id: &str, live: &Self, cx: &Context) -> Result<(), Failure> {
        let client = cx.client(Client::new);
        let declared = self.replica_regions.as_deref().unwrap_or_default();
        let was = live.replica_regions.as_deref().unwrap_or_default();
        // A copy's key cannot be changed: the copy is made anew.
        let remove: Vec<String> =
            was.iter().filter(|copy| !declared.contains(copy)).map(|copy| copy.region.clone()).collect();
        if !remove.is_empty() {
            let remove =
                client.remove_regions_from_replication().secret_id(id).set_remove_replica_regions(Some(remove));
            remove.send().await.aws("secretsmanager:RemoveRegionsFromReplication")?;
        }
        let add: Vec<ReplicaRegion> = declared.iter().filter(|copy| !was.contains(copy)).cloned().collect();
        if !add.is_empty() {
            let add =
                client.replicate_secret_to_regions().secret_id(id).set_add_replica_regions(Some(sdk_replicas(&add)));
            add.send().await.aws("secretsmanager:ReplicateSecretToRegions")?;
        }
        Ok(())
    }
}

/// A JSON object over another keeps the other's further keys (an attachment's); anything else replaces.
fn merged(before: &SecretText, declared: SecretText) -> SecretText {
    match (before.object(), declared.object()) {
        (Some(mut object), Some(declared)) => {
            object.extend(declared);
            SecretText::of(object)
        }
        _ => declared,
    }
}

/// The operation's token, where it has the length that Secrets Manager takes.
fn request_token(cx: &Context) -> Option<String> {
    (32..=64).contains(&cx.token.len()).then(|| cx.token.to_string())
}

fn created(arn: String) -> Created {
    Created::new(arn.clone()).with("Id", arn)
}

fn sdk_tags(pairs: Vec<(String, String)>) -> Vec<SdkTag> {
    pairs.into_iter().map(|(key, value)| SdkTag::builder().key(key).value(value).build()).collect()
}

fn sdk_replicas(regions: &[ReplicaRegion]) -> Vec<ReplicaRegionType> {
    let replica = |copy: &ReplicaRegion| {
        ReplicaRegionType::builder().region(&copy.region).set_kms_key_id(copy.kms_key_id.clone()).build()
    };
    regions.iter().map(replica).collect()
}

fn tag<'a>(tags: &'a [SdkTag], key: &str) -> Option<&'a str> {
    tags.iter().find(|tag| tag.key() == Some(key))?.value()
}

fn recovery_days(tags: &[SdkTag]) -> i64 {
    tag(tags, RECOVERY_TAG).and_then(|days| days.parse().ok()).unwrap_or(i64::from(RECOVERY_DAYS))
}

/// A secret as AWS describes it; none: it is gone, or waits for its deletion.
pub(crate) async fn describe(id: &str, cx: &Context) -> Result<Option<DescribeSecretOutput>, Failure> {
    let answer = cx.client(Client::new).describe_secret().secret_id(id).send().await;
    let secret = answer.aws("secretsmanager:DescribeSecret").and_then_absent()?;
    Ok(secret.filter(|secret| secret.deleted_date.is_none()))
}

/// The environment's secrets, where a listing is worth it for this many; none: each is looked at by itself.
pub(crate) async fn list_for(count: usize, cx: &Context) -> Result<Option<Arc<Vec<SecretListEntry>>>, Failure> {
    if count <= FEW {
        return Ok(None);
    }
    match list(cx).await {
        Ok(listed) => Ok(Some(listed)),
        // Whoever may read these secrets need not be allowed to list the account's.
        Err(failure) if failure.kind == FailureKind::Denied => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// The environment's secrets in this region, shared by all who ask during a refresh.
async fn list(cx: &Context) -> Result<Arc<Vec<SecretListEntry>>, Failure> {
    cx.once("secretsmanager:ListSecrets", async {
        let filter = |key, value: &str| Filter::builder().key(key).values(value).build();
        let pages = cx
            .client(Client::new)
            .list_secrets()
            .filters(filter(FilterNameStringType::TagKey, TAG_ENVIRONMENT))
            .filters(filter(FilterNameStringType::TagValue, &cx.environment))
            .max_results(100)
            .into_paginator()
            .send();
        let pages = pages.collect::<Result<Vec<_>, _>>().await.aws("secretsmanager:ListSecrets")?;
        Ok(pages.into_iter().flat_map(|page| page.secret_list.unwrap_or_default()).collect())
    })
    .await
}

fn given(text: Option<&str>) -> Option<String> {
    text.filter(|text| !text.is_empty()).map(str::to_owned)
}

fn live_tags(tags: &[SdkTag]) -> Option<Vec<Tag>> {
    let tags = tags::from_live(tags.iter().map(|tag| (tag.key().unwrap_or_default(), tag.value().unwrap_or_default())));
    (!tags.is_empty()).then_some(tags)
}

fn live_entry(entry: &SecretListEntry) -> Live<Secret> {
    let properties = Secret {
        name: entry.name.clone(),
        description: given(entry.description()),
        kms_key_id: given(entry.kms_key_id()),
        tags: live_tags(entry.tags()),
        ..Secret::default()
    };
    Live::new(properties).with("Id", entry.arn().unwrap_or_default())
}

fn live(secret: &DescribeSecretOutput) -> Live<Secret> {
    let copy = |copy: &aws_sdk_secretsmanager::types::ReplicationStatusType| ReplicaRegion {
        region: copy.region.clone().unwrap_or_default(),
        // AWS tells its own key by its alias, whether declared or not.
        kms_key_id: given(copy.kms_key_id()).filter(|key| !key.ends_with("alias/aws/secretsmanager")),
    };
    let mut copies: Vec<ReplicaRegion> = secret.replication_status().iter().map(copy).collect();
    copies.sort();
    let properties = Secret {
        name: secret.name.clone(),
        description: given(secret.description()),
        kms_key_id: given(secret.kms_key_id()),
        replica_regions: (!copies.is_empty()).then_some(copies),
        tags: live_tags(secret.tags()),
        ..Secret::default()
    };
    Live::new(properties).with("Id", secret.arn().unwrap_or_default())
}

#[cfg(test)]
mod tests;
