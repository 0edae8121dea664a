//! `AWS::ECR::Repository`: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ecr-repository.html>.

use aws_sdk_ecr::Client;
use aws_sdk_ecr::types::{
    EncryptionConfiguration as SdkEncryption, EncryptionType, ImageScanningConfiguration as SdkScanning,
    ImageTagMutability, ImageTagMutabilityExclusionFilter as SdkFilter, ImageTagMutabilityExclusionFilterType,
    Repository as SdkRepository, Tag as SdkTag,
};
use cloud::{
    Absent, Attributes, Aws, AwsResult, Charge, Context, Created, Failure, FailureKind, Live, Pricing, Quantity,
    Resource, Tag, tags,
};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ecs;

/// A repository of container images.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct Repository {
    /// Whether deleting it deletes its images, too.
    pub empty_on_delete: Option<bool>,
    /// Encryption at rest.
    pub encryption_configuration: Option<EncryptionConfiguration>,
    /// Scanning for vulnerabilities.
    pub image_scanning_configuration: Option<ImageScanningConfiguration>,
    /// Whether a tag can be moved to another image: `MUTABLE`, `IMMUTABLE`, or these but for some.
    pub image_tag_mutability: Option<String>,
    /// The tags that `…_WITH_EXCLUSION` excludes.
    pub image_tag_mutability_exclusion_filters: Option<Vec<ImageTagMutabilityExclusionFilter>>,
    /// Which images expire.
    pub lifecycle_policy: Option<LifecyclePolicy>,
    /// The name; generated where there is none.
    pub repository_name: Option<String>,
    /// Who beside this account may use it.
    pub repository_policy_text: Option<Value>,
    /// Tags.
    pub tags: Option<Vec<Tag>>,
}

/// Encryption of a repository at rest.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct EncryptionConfiguration {
    /// `AES256`, `KMS` or `KMS_DSSE`.
    pub encryption_type: Option<String>,
    /// The key's ARN.
    pub kms_key: Option<String>,
}

/// Scanning for vulnerabilities.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct ImageScanningConfiguration {
    /// Whether images are scanned when pushed.
    pub scan_on_push: Option<bool>,
}

/// Tags that the mutability does not hold for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct ImageTagMutabilityExclusionFilter {
    /// `WILDCARD`.
    pub image_tag_mutability_exclusion_filter_type: Option<String>,
    /// The pattern.
    pub image_tag_mutability_exclusion_filter_value: Option<String>,
}

/// Which images expire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct LifecyclePolicy {
    /// The rules, as JSON text.
    pub lifecycle_policy_text: Option<String>,
    /// The account, if it is another one.
    pub registry_id: Option<String>,
}

/// Says on the repository itself that its images may go with it: a deletion knows nothing but the name.
const EMPTY_ON_DELETE: &str = "groundplan:empty-on-delete";

impl Resource for Repository {
    const TYPE: &'static str = "AWS::ECR::Repository";
    const HOLDS_DATA: bool = true;

    fn id(&self) -> Option<String> {
        self.repository_name.clone()
    }

    async fn create(&self, cx: &Context) -> Result<Created, Failure> {
        let mut tags = tags::for_create(self.tags.as_deref().unwrap_or_default(), cx);
        if self.empty_on_delete == Some(true) {
            tags.push((EMPTY_ON_DELETE.to_owned(), "true".to_owned()));
        }
        let create = cx
            .client(Client::new)
            .create_repository()
            .repository_name(self.name(cx))
            .set_encryption_configuration(self.encryption_configuration.as_ref().map(encryption_to_sdk).transpose()?)
            .set_image_scanning_configuration(self.image_scanning_configuration.as_ref().map(scanning_to_sdk))
            .set_image_tag_mutability(self.image_tag_mutability.as_deref().map(ImageTagMutability::from))
            .set_image_tag_mutability_exclusion_filters(self.filters_to_sdk()?)
            .set_tags(Some(sdk_tags(tags)?));
        let made = create.send().await.aws("ecr:CreateRepository")?;
        let repository = made.repository.as_ref().and_then(created);
        repository.ok_or_else(|| Failure::missing("ecr:CreateRepository", "repository"))
    }

    async fn sync(&self, id: &str, live: Option<&Self>, cx: &Context) -> Result<(), Failure> {
        let client = cx.client(Client::new);
        let none = Self::default();
        let was = live.unwrap_or(&none);
        // A new repository has neither of the two policies.
        match (self.lifecycle_text(), was.lifecycle_text()) {
            (Some(text), was) if Some(text) != was => {
                let put = client.put_lifecycle_policy().repository_name(id).lifecycle_policy_text(text);
                put.send().await.aws("ecr:PutLifecyclePolicy")?;
            }
            (None, Some(_)) => {
                let delete = client.delete_lifecycle_policy().repository_name(id);
                delete.send().await.aws("ecr:DeleteLifecyclePolicy").absent()?;
            }
            _ => {}
        }
        match (&self.repository_policy_text, &was.repository_policy_text) {
            (Some(policy), was) if Some(policy) != was.as_ref() => {
                let set = client.set_repository_policy().repository_name(id).policy_text(policy_text(policy));
                set.send().await.aws("ecr:SetRepositoryPolicy")?;
            }
            (None, Some(_)) => {
                let delete = client.delete_repository_policy().repository_name(id);
                delete.send().await.aws("ecr:DeleteRepositoryPolicy").absent()?;
            }
            _ => {}
        }
        let Some(live) = live else { return Ok(()) };
        if self.image_scanning_configuration != live.image_scanning_configuration {
            let scanning = self.image_scanning_configuration.clone().unwrap_or_default();
            let put = client.put_image_scanning_configuration().repository_name(id);
            let put = put.image_scanning_configuration(scanning_to_sdk(&scanning));
            put.send().await.aws("ecr:PutImageScanningConfiguration")?;
        }
        if self.image_tag_mutability != live.image_tag_mutability
            || self.image_tag_mutability_exclusion_filters != live.image_tag_mutability_exclusion_filters
        {
            let mutability = self.image_tag_mutability.as_deref().unwrap_or("MUTABLE");
            let put = client.put_image_tag_mutability().repository_name(id);
            let put = put
                .image_tag_mutability(ImageTagMutability::from(mutability))
                .set_image_tag_mutability_exclusion_filters(self.filters_to_sdk()?);
            put.send().await.aws("ecr:PutImageTagMutability")?;
        }
        self.sync_tags(id, live, cx).await
    }

    async fn read(ids: &[String], cx: &Context) -> Result<Vec<Option<Live<Self>>>, Failure> {
        let found = describe(ids, cx).await?;
        let read = |id: &String| {
            let repository = found.iter().find(|repository| repository.repository_name() == Some(id)).cloned();
            async move {
                match repository {
                    Some(repository) => live(&repository, cx).await.map(Some),
                    None => Ok(None),
                }
            }
        };
        try_join_all(ids.iter().map(read)).await
    }

    async fn delete(id: &str, cx: &Context) -> Result<(), Failure> {
        let delete = |force| cx.client(Client::new).delete_repository().repository_name(id).force(force).send();
        match delete(false).await.aws("ecr:DeleteRepository").absent() {
            Err(failure) if failure.code.contains("NotEmpty") => {
                if !may_be_emptied(id, cx).await? {
                    // To wait would not help.
                    let hint = format!(
                        "set EmptyOnDelete (`empty-on-delete = true` of the repository) and deploy, or delete the \
                         images of `{id}` first"
                    );
                    return Err(Failure { kind: FailureKind::Invalid, ..failure }.hint(hint));
                }
                delete(true).await.aws("ecr:DeleteRepository").absent().map(drop)
            }
            other => other.map(drop),
        }
    }

    async fn find(&self, cx: &Context) -> Result<Option<Created>, Failure> {
        let name = tags::name_to_find::<Self>(&self.repository_name, || self.name(cx), |id| Some(id), cx).await?;
        let Some(name) = name else { return Ok(None) };
        let found = describe(&[name], cx).await?;
        let Some(repository) = found.first() else { return Ok(None) };
        let tags = list_tags(repository.repository_arn().unwrap_or_default(), cx).await?;
        let ours = cx.owns(tags.iter().map(|tag| (tag.key(), tag.value())));
        Ok(created(repository).filter(|_| ours))
    }

    fn id_of_arn(arn: &str) -> Option<String> {
        cloud::arn_name(arn, "ecr", "repository/").map(str::to_owned)
    }

    /// Usage: `ecr.gb`, the GB of a repository's images; 1 (0.2 to 5) by default.
    fn charges(&self, pricing: &Pricing<'_>) -> Vec<Charge> {
        let images = pricing.usage("ecr.gb", Quantity::between(0.2, 1.0, 5.0));
        vec![Charge::new("ECR storage of images", "ecr.storage.gb-month", images)]
    }
}

impl Repository {
    fn name(&self, cx: &Context) -> String {
        self.repository_name.clone().unwrap_or_else(|| ecs::generated_name(cx))
    }

    fn lifecycle_text(&self) -> Option<&str> {
        self.lifecycle_policy.as_ref()?.lifecycle_policy_text.as_deref()
    }

    fn filters_to_sdk(&self) -> Result<Option<Vec<SdkFilter>>, Failure> {
        ecs::try_each(&self.image_tag_mutability_exclusion_filters, |it| {
            let kind = it.image_tag_mutability_exclusion_filter_type.as_deref();
            SdkFilter::builder()
                .set_filter_type(kind.map(ImageTagMutabilityExclusionFilterType::from))
                .set_filter(it.image_tag_mutability_exclusion_filter_value.clone())
                .build()
                .map_err(ecs::incomplete)
        })
    }

    async fn sync_tags(&self, id: &str, live: &Self, cx: &Context) -> Result<(), Failure> {
        let declared = self.tags.as_deref().unwrap_or_default();
        let mut changes = tags::changes(declared, Some(live.tags.as_deref().unwrap_or_default()));
        match (self.empty_on_delete == Some(true), live.empty_on_delete == Some(true)) {
            (true, false) => changes.set.push((EMPTY_ON_DELETE.to_owned(), "true".to_owned())),
            (false, true) => changes.remove.push(EMPTY_ON_DELETE.to_owned()),
            _ => {}
        }
        if changes == tags::TagChanges::default() {
            return Ok(());
        }
        let found = describe(&[id.to_owned()], cx).await?;
        let arn = found.first().and_then(SdkRepository::repository_arn);
        let arn =
            arn.ok_or_else(|| Failure::new(FailureKind::NotFound, format!("the ECR repository `{id}` is gone")))?;
        let client = cx.client(Client::new);
        if !changes.set.is_empty() {
            let tag = client.tag_resource().resource_arn(arn).set_tags(Some(sdk_tags(changes.set)?));
            tag.send().await.aws("ecr:TagResource")?;
        }
        if !changes.remove.is_empty() {
            let untag = client.untag_resource().resource_arn(arn).set_tag_keys(Some(changes.remove));
            untag.send().await.aws("ecr:UntagResource")?;
        }
        Ok(())
    }
}

fn sdk_tags(tags: Vec<(String, String)>) -> Result<Vec<SdkTag>, Failure> {
    let tag = |(key, value)| SdkTag::builder().key(key).value(value).build().map_err(ecs::incomplete);
    tags.into_iter().map(tag).collect()
}

fn scanning_to_sdk(it: &ImageScanningConfiguration) -> SdkScanning {
    SdkScanning::builder().scan_on_push(it.scan_on_push.unwrap_or(false)).build()
}

fn encryption_to_sdk(it: &EncryptionConfiguration) -> Result<SdkEncryption, Failure> {
    SdkEncryption::builder()
        .set_encryption_type(it.encryption_type.as_deref().map(EncryptionType::from))
        .set_kms_key(it.kms_key.clone())
        .build()
        .map_err(ecs::incomplete)
}

/// A policy document as the API takes it: CloudFormation allows an object or a text.
fn policy_text(policy: &Value) -> String {
    policy.as_str().map_or_else(|| policy.to_string(), str::to_owned)
}

fn created(repository: &SdkRepository) -> Option<Created> {
    Some(Created { id: repository.repository_name()?.to_owned(), attributes: attributes(repository) })
}

fn attributes(repository: &SdkRepository) -> Attributes {
    Created::new("")
        .with("Arn", repository.repository_arn().unwrap_or_default())
        .with("RepositoryUri", repository.repository_uri().unwrap_or_default())
        .attributes
}

/// Describes repositories by name. The API answers for all or fails for one that is missing: then each is asked alone.
async fn describe(names: &[String], cx: &Context) -> Result<Vec<SdkRepository>, Failure> {
    let ask = |names: &[String]| {
        let call = cx.client(Client::new).describe_repositories().set_repository_names(Some(names.to_vec())).send();
        async move {
            let answer = call.await.aws("ecr:DescribeRepositories").absent()?;
            Ok::<_, Failure>(answer.map(|answer| answer.repositories.unwrap_or_default()))
        }
    };
    let mut found = Vec::new();
    // The API takes a hundred at a time.
    for chunk in names.chunks(100) {
        match ask(chunk).await? {
            Some(repositories) => found.extend(repositories),
            None if chunk.len() == 1 => {}
            None => {
                let each = try_join_all(chunk.iter().map(|name| ask(std::slice::from_ref(name)))).await?;
                found.extend(each.into_iter().flatten().flatten());
            }
        }
    }
    Ok(found)
}

async fn list_tags(arn: &str, cx: &Context) -> Result<Vec<SdkTag>, Failure> {
    let own = async {
        let list = cx.client(Client::new).list_tags_for_resource().resource_arn(arn);
        let answer = list.send().await.aws("ecr:ListTagsForResource").absent()?;
        let tags = answer.and_then(|answer| answer.tags).unwrap_or_default();
        Ok(tags.into_iter().map(|tag| (tag.key, tag.value)).collect())
    };
    sdk_tags(tags::of_arn(arn, cx, own).await?)
}

async fn may_be_emptied(name: &str, cx: &Context) -> Result<bool, Failure> {
    let found = describe(&[name.to_owned()], cx).await?;
    let Some(arn) = found.first().and_then(SdkRepository::repository_arn) else { return Ok(true) };
    Ok(list_tags(arn, cx).await?.iter().any(|tag| tag.key() == EMPTY_ON_DELETE))
}

/// A repository with what only calls of their own tell: its two policies and its tags.
async fn live(repository: &SdkRepository, cx: &Context) -> Result<Live<Repository>, Failure> {
    let name = repository.repository_name().unwrap_or_default();
    let client = cx.client(Client::new);
    let lifecycle = async {
        client.get_lifecycle_policy().repository_name(name).send().await.aws("ecr:GetLifecyclePolicy").absent()
    };
    let policy = async {
        client.get_repository_policy().repository_name(name).send().await.aws("ecr:GetRepositoryPolicy").absent()
    };
    let tags = list_tags(repository.repository_arn().unwrap_or_default(), cx);
    let (lifecycle, policy, tags) = futures::try_join!(lifecycle, policy, tags)?;
    let lifecycle = lifecycle.and_then(|it| it.lifecycle_policy_text);
    let policy = policy.and_then(|it| it.policy_text);
    Ok(Live { properties: properties(repository, lifecycle, policy, &tags), attributes: attributes(repository) })
}

fn properties(
    repository: &SdkRepository,
    lifecycle: Option<String>,
    policy: Option<String>,
    tags: &[SdkTag],
) -> Repository {
    let (marks, tags): (Vec<&SdkTag>, Vec<&SdkTag>) = tags.iter().partition(|tag| tag.key() == EMPTY_ON_DELETE);
    let tags = tags::from_live(tags.into_iter().map(|tag| (tag.key(), tag.value())));
    Repository {
        empty_on_delete: (!marks.is_empty()).then_some(true),
        encryption_configuration: repository.encryption_configuration().map(|it| EncryptionConfiguration {
            encryption_type: Some(it.encryption_type.to_string()),
            kms_key: it.kms_key.clone(),
        }),
        image_scanning_configuration: repository
            .image_scanning_configuration()
            .map(|it| ImageScanningConfiguration { scan_on_push: Some(it.scan_on_push) }),
        image_tag_mutability: repository.image_tag_mutability().map(ToString::to_string),
        image_tag_mutability_exclusion_filters: ecs::each(repository.image_tag_mutability_exclusion_filters(), |it| {
            ImageTagMutabilityExclusionFilter {
                image_tag_mutability_exclusion_filter_type: Some(it.filter_type.to_string()),
                image_tag_mutability_exclusion_filter_value: Some(it.filter.clone()),
            }
        }),
        lifecycle_policy: lifecycle
            .map(|text| LifecyclePolicy { lifecycle_policy_text: Some(text), registry_id: None }),
        repository_name: repository.repository_name.clone(),
        repository_policy_text: policy.map(|text| serde_json::from_str(&text).unwrap_or(Value::String(text))),
        tags: (!tags.is_empty()).then_some(tags),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_repository_is_read_as_it_was_declared() {
        let declared = json!({
            "EmptyOnDelete": true,
            "EncryptionConfiguration": { "EncryptionType": "AES256" },
            "ImageScanningConfiguration": { "ScanOnPush": true },
            "ImageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
            "ImageTagMutabilityExclusionFilters": [{
                "ImageTagMutabilityExclusionFilterType": "WILDCARD", "ImageTagMutabilityExclusionFilterValue": "latest*",
            }],
            "LifecyclePolicy": { "LifecyclePolicyText": format!("{{\"rules\":[]{}}}", " ".repeat(100)) },
            "RepositoryName": "arrakis-production-api",
            "RepositoryPolicyText": { "Statement": [], "Version": "2012-10-17" },
            "Tags": [{ "Key": "a", "Value": "1" }],
        });
        let typed: Repository = serde_json::from_value(declared.clone()).unwrap();
        let sdk = SdkRepository::builder()
            .repository_name("arrakis-production-api")
            .repository_arn("arn:aws:ecr:us-east-1:123456789012:repository/arrakis-production-api")
            .repository_uri("123456789012.dkr.ecr.us-east-1.amazonaws.com/arrakis-production-api")
            .encryption_configuration(encryption_to_sdk(typed.encryption_configuration.as_ref().unwrap()).unwrap())
            .image_scanning_configuration(scanning_to_sdk(typed.image_scanning_configuration.as_ref().unwrap()))
            .image_tag_mutability("IMMUTABLE_WITH_EXCLUSION".into())
            .set_image_tag_mutability_exclusion_filters(typed.filters_to_sdk().unwrap())
            .build();
        let tags = [("a", "1"), (EMPTY_ON_DELETE, "true"), ("groundplan:operation", "t")];
        let tags = sdk_tags(tags.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec()).unwrap();
        let policy = policy_text(typed.repository_policy_text.as_ref().unwrap());
        let live = properties(&sdk, typed.lifecycle_text().map(str::to_owned), Some(policy), &tags);
        let read = engine::intrinsic::lower(serde_json::to_value(live).unwrap());
        assert_eq!(read, declared);
        assert_eq!(schema::validate(Repository::TYPE, &read), []);
        let created = created(&sdk).unwrap();
        assert_eq!(created.id, "arrakis-production-api");
        assert_eq!(created.attributes["RepositoryUri"], sdk.repository_uri().unwrap());
    }

    #[test]
    fn a_policy_may_be_an_object_or_a_text() {
        assert_eq!(policy_text(&json!({ "Version": "2012-10-17" })), r#"{"Version":"2012-10-17"}"#);
        assert_eq!(policy_text(&json!("{}")), "{}");
    }
}
