//! The tags of all that an environment has, by one listing instead of one call for each resource.
//!
//! The listing (`tag:GetResources`) is of the Resource Groups Tagging API. It follows the services within seconds, not
//! at once, and knows what was made by its tags. So it is believed only
//!
//! - during a refresh ([`Context::memo`]), which alone reads many things at once;
//! - while this process has changed nothing: a reading back right after a deploy asks the services themselves;
//! - for what carries both ownership tags in it. What was just made, was adopted without tags, lost an ownership tag,
//!   or is of a type that the API does not know is not in it so, and its own service is asked.
//!
//! What remains is a tag that somebody else (or another command) changed within the last moments: a plan shows it as it
//! was before, and the next one as it is. No change is ever made from the listing: an update reads its resource anew,
//! outside of the refresh.
//! <https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html>

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;

use aws_sdk_resourcegroupstagging::Client;
use aws_sdk_resourcegroupstagging::types::{ResourceTagMapping, TagFilter};
use engine::context::{TAG_ADDRESS, TAG_ENVIRONMENT};
use engine::rebuild::Listed;
use engine::{Context, Failure, Resource};

use crate::connection::has_worked;
use crate::{Aws, AwsResult};

/// Tags as AWS has them, the operation's among them.
pub type Pairs = Vec<(String, String)>;

/// The tags of resources by ARN.
pub type Listing = HashMap<String, Pairs>;

/// The most that one page holds.
const PER_PAGE: i32 = 100;

/// The tags of the environment's resources in this region, shared by all who ask during a refresh. Empty where the
/// listing is not to be believed, or cannot be had: who finds an ARN missing asks its service.
pub async fn shared(cx: &Context) -> Result<Arc<Listing>, Failure> {
    if cx.memo.is_none() || has_worked(cx) {
        return Ok(Arc::default());
    }
    cx.once("tag:GetResources", async {
        // It only saves calls, so it must not fail a refresh: whoever may read the resources need not be allowed to
        // list them, and a real outage shows in the services' own calls.
        Ok(list(cx).await.unwrap_or_default())
    })
    .await
}

/// The tags of one resource: as listed, else as its own service says (`own`, called only then).
pub async fn of_arn<F>(arn: &str, cx: &Context, own: F) -> Result<Pairs, Failure>
where
    F: Future<Output = Result<Pairs, Failure>>,
{
    match shared(cx).await?.get(arn) {
        Some(tags) => Ok(tags.clone()),
        None => own.await,
    }
}

/// Everything that carries the environment's tag in this region, to make a lost state again. Unlike [`shared`] it is
/// needed, so it fails if it cannot be had.
pub async fn listed(cx: &Context) -> Result<Vec<Listed>, Failure> {
    let listed = |(arn, tags)| Listed { arn, region: cx.region.to_string(), tags };
    Ok(mappings(cx).await?.into_iter().filter_map(plain).map(listed).collect())
}

/// The ids of what is listed with the tags of this address and is of this type: for what has a name that follows from
/// the operation that made it, when nobody knows that operation any more.
pub async fn of_address<R: Resource>(cx: &Context) -> Result<Vec<String>, Failure> {
    let listing = cx.once("tag:GetResources, needed", list(cx)).await?;
    let mut ids = Vec::new();
    for (arn, tags) in listing.iter() {
        if cx.made(tags.iter().map(|(key, value)| (key.as_str(), value.as_str()))) {
            ids.extend(R::of_arn(arn, cx).await?);
        }
    }
    ids.sort();
    Ok(ids)
}

/// The name to look for: the given one, else the one that the operation makes up; where nobody knows that operation any
/// more, that of what is listed with the tags of this address. `name_of` takes it out of the id.
pub async fn name_to_find<R: Resource>(
    given: &Option<String>,
    made_up: impl FnOnce() -> String,
    name_of: fn(&str) -> Option<&str>,
    cx: &Context,
) -> Result<Option<String>, Failure> {
    if given.is_some() {
        return Ok(given.clone());
    }
    if !cx.token.is_empty() {
        return Ok(Some(made_up()));
    }
    Ok(of_address::<R>(cx).await?.first().and_then(|id| name_of(id)).map(str::to_owned))
}

async fn list(cx: &Context) -> Result<Listing, Failure> {
    Ok(mappings(cx).await?.into_iter().filter_map(|mapping| believed(mapping, &cx.environment)).collect())
}

async fn mappings(cx: &Context) -> Result<Vec<ResourceTagMapping>, Failure> {
    let ours = TagFilter::builder().key(TAG_ENVIRONMENT).values(&*cx.environment).build();
    let pages = cx.client(Client::new).get_resources().tag_filters(ours).resources_per_page(PER_PAGE).into_paginator();
    pages.items().send().collect::<Result<Vec<_>, _>>().await.aws("tag:GetResources")
}

/// A resource of the listing, if it carries both ownership tags.
fn believed(mapping: ResourceTagMapping, environment: &str) -> Option<(String, Pairs)> {
    let (arn, tags) = plain(mapping)?;
    let owned = tags.iter().any(|(key, value)| key == TAG_ENVIRONMENT && value == environment)
        && tags.iter().any(|(key, _)| key == TAG_ADDRESS);
    owned.then_some((arn, tags))
}

/// ARN and tags. Log groups have two spellings; the tagging calls know the one without the star.
fn plain(mapping: ResourceTagMapping) -> Option<(String, Pairs)> {
    let tags = mapping.tags.unwrap_or_default().into_iter().map(|tag| (tag.key, tag.value)).collect();
    let arn = mapping.resource_arn?;
    Some((arn.strip_suffix(":*").map(str::to_owned).unwrap_or(arn), tags))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use aws_sdk_resourcegroupstagging::types::Tag as SdkTag;
    use aws_smithy_runtime_api::client::http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
    };
    use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
    use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
    use aws_smithy_runtime_api::http::StatusCode;
    use aws_smithy_types::body::SdkBody;
    use engine::context::Memo;

    use super::*;
    use crate::Cloud;

    fn mapping(arn: &str, tags: &[(&str, &str)]) -> ResourceTagMapping {
        let tag = |(key, value): &(&str, &str)| SdkTag::builder().key(*key).value(*value).build().unwrap();
        ResourceTagMapping::builder().resource_arn(arn).set_tags(Some(tags.iter().map(tag).collect())).build()
    }

    const OWNED: &[(&str, &str)] =
        &[("groundplan:environment", "freeside/staging"), ("groundplan:address", "a.b"), ("Name", "x")];

    #[test]
    fn only_what_carries_both_ownership_tags_is_believed() {
        let cases: &[(&[(&str, &str)], bool)] = &[
            (OWNED, true),
            (&OWNED[..1], false),
            (&OWNED[1..], false),
            (&[("groundplan:environment", "other/staging"), ("groundplan:address", "a.b")], false),
            (&[], false),
        ];
        for (tags, expected) in cases {
            assert_eq!(believed(mapping("arn:x", tags), "freeside/staging").is_some(), *expected, "{tags:?}");
        }
    }

    #[test]
    fn the_star_of_a_log_group_is_not_part_of_its_key() {
        let (arn, tags) = believed(mapping("arn:aws:logs:r:1:log-group:/a:*", OWNED), "freeside/staging").unwrap();
        assert_eq!(arn, "arn:aws:logs:r:1:log-group:/a");
        assert_eq!(tags.len(), 3);
    }

    /// A tagging API that lists one resource, or refuses; and how often it was asked.
    #[derive(Clone, Debug)]
    struct Tagging {
        refuses: bool,
        asked: Arc<AtomicUsize>,
    }

    impl HttpConnector for Tagging {
        fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
            self.asked.fetch_add(1, Ordering::Relaxed);
            let (status, body) = match self.refuses {
                true => (400, r#"{"__type":"AccessDeniedException","message":"no"}"#),
                false => (
                    200,
                    r#"{"PaginationToken":"","ResourceTagMappingList":[{"ResourceARN":"arn:listed","Tags":[
                    {"Key":"groundplan:environment","Value":"freeside/staging"},
                    {"Key":"groundplan:address","Value":"a.b"},{"Key":"Name","Value":"listed"}]}]}"#,
                ),
            };
            let status = StatusCode::try_from(status).unwrap();
            HttpConnectorFuture::ready(Ok(HttpResponse::new(status, SdkBody::from(body))))
        }
    }

    impl HttpClient for Tagging {
        fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
            SharedHttpConnector::new(self.clone())
        }
    }

    fn context(refuses: bool, memo: bool) -> (Context, Arc<AtomicUsize>) {
        let asked = Arc::new(AtomicUsize::new(0));
        let http = SharedHttpClient::new(Tagging { refuses, asked: asked.clone() });
        let cloud = Arc::new(Cloud::offline().answered_by(http));
        let cx = Context {
            environment: "freeside/staging".into(),
            region: "us-east-1".into(),
            address: "a.b".into(),
            token: "t".into(),
            services: Arc::new(cloud),
            memo: memo.then(Arc::default),
        };
        (cx, asked)
    }

    async fn name(arn: &str, cx: &Context) -> String {
        let own = async { Ok(vec![("Name".to_owned(), "own".to_owned())]) };
        let tags = of_arn(arn, cx, own).await.unwrap();
        tags.into_iter().find(|(key, _)| key == "Name").unwrap().1
    }

    #[tokio::test]
    async fn one_listing_serves_a_refresh_and_what_is_missing_is_asked_for() {
        let (cx, asked) = context(false, true);
        assert_eq!(name("arn:listed", &cx).await, "listed");
        assert_eq!(name("arn:new", &cx).await, "own");
        assert_eq!(asked.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_refused_listing_is_asked_for_once_and_the_services_answer() {
        let (cx, asked) = context(true, true);
        assert_eq!(name("arn:listed", &cx).await, "own");
        assert_eq!(name("arn:listed", &cx).await, "own");
        assert_eq!(asked.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn outside_a_refresh_and_after_work_the_services_are_asked() {
        let (cx, asked) = context(false, false);
        assert_eq!(name("arn:listed", &cx).await, "own");
        // Work on a resource: a client taken outside of a refresh.
        drop(cx.client(Client::new));
        let again = Context { memo: Some(Arc::new(Memo::default())), ..cx };
        assert_eq!(name("arn:listed", &again).await, "own");
        assert_eq!(asked.load(Ordering::Relaxed), 0);
    }
}
