//! The few calls that state needs of S3, with their conditions.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::Builder;
use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use cloud::{AwsResult, Cloud, Failure, FailureKind};
use engine::store::StoreError;

use crate::clock::{ServerClock, unique};
use crate::place::Place;

/// How often a write is tried that S3 refuses because of another one at the same time.
const CONFLICTS: u32 = 8;
/// What one call deletes at most: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html>.
const AT_ONCE: usize = 1000;
/// The object metadata that names a single write, so that its writer knows it again.
const WRITE: &str = "groundplan-write";

/// The objects of one environment.
#[derive(Clone)]
pub(crate) struct Objects {
    client: Client,
    place: Place,
    /// The server's clock, by its answers.
    pub(crate) clock: ServerClock,
    /// Names this writer: the first half of what [`WRITE`] says.
    writer: String,
}

/// An object as it was read.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(crate) bytes: Vec<u8>,
    pub(crate) etag: String,
    /// When it was written, by the server's clock, in seconds of the Unix epoch.
    pub(crate) modified: Option<i64>,
    pub(crate) metadata: HashMap<String, String>,
}

/// What must be so for a write to be carried out.
#[derive(Clone, Copy, Debug)]
pub(crate) enum If<'a> {
    /// There is no such object.
    Absent,
    /// The object is the one of this ETag.
    Is(&'a str),
}

/// How a conditional write ended.
#[derive(Debug)]
pub(crate) enum Written {
    /// It was carried out; the new ETag.
    Done(String),
    /// The condition does not hold; what is there instead.
    Refused(Option<Object>),
}

/// The S3 client of a region. What is not AWS has no DNS name for each bucket.
pub(crate) fn client(cloud: &Cloud, region: &str) -> Client {
    cloud.client(region, |config| {
        let path_style = config.endpoint_url().is_some();
        Client::from_conf(Builder::from(config).force_path_style(path_style).build())
    })
}

/// A failed call, with the next step where the bucket is the reason.
pub(crate) fn remote(place: String, failure: Failure) -> StoreError {
    let failure = match failure.code.as_str() {
        "NoSuchBucket" => failure.hint("create it with `cargo xtask create-state-bucket`"),
        "PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException" => {
            failure.hint("the bucket is in another region: say so with `region` under `[state]`")
        }
        _ => failure,
    };
    StoreError::Remote { place, failure: Box::new(failure) }
}

impl Object {
    /// Whether this writer wrote it, in whichever of its tries.
    pub(crate) fn is_of(&self, objects: &Objects) -> bool {
        self.metadata.get(WRITE).is_some_and(|write| write.starts_with(&objects.writer))
    }
}

impl Objects {
    pub(crate) fn new(cloud: &Cloud, place: Place) -> Self {
        let client = client(cloud, &place.region);
        Self { client, place, clock: ServerClock::default(), writer: unique() }
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    fn failed(&self, name: &str) -> impl FnOnce(Failure) -> StoreError {
        let place = self.place.uri(name);
        move |failure| remote(place, failure)
    }

    /// Reads an object; `None`: there is none.
    pub(crate) async fn get(&self, name: &str) -> Result<Option<Object>, StoreError> {
        self.get_version(name, None).await
    }

    /// Reads one version of an object; without its id, the current one.
    pub(crate) async fn get_version(&self, name: &str, version: Option<&str>) -> Result<Option<Object>, StoreError> {
        let request = self.client.get_object().bucket(&self.place.bucket).key(self.place.key(name));
        let request = request.set_version_id(version.map(str::to_owned)).customize().interceptor(self.clock.clone());
        let answer = match request.send().await.aws("s3:GetObject") {
            Ok(answer) => answer,
            Err(failure) if matches!(failure.code.as_str(), "NoSuchKey" | "NoSuchVersion") => return Ok(None),
            Err(failure) => return Err(self.failed(name)(failure)),
        };
        let broken = |error: aws_sdk_s3::primitives::ByteStreamError| {
            let failure = Failure::new(FailureKind::Unavailable, format!("the answer broke off: {error}"));
            self.failed(name)(failure)
        };
        let bytes = answer.body.collect().await.map_err(broken)?.to_vec();
        Ok(Some(Object {
            bytes,
            etag: answer.e_tag.unwrap_or_default(),
            modified: answer.last_modified.map(|time| time.secs()),
            metadata: answer.metadata.unwrap_or_default(),
        }))
    }

    /// The ETag of an object, without its content.
    pub(crate) async fn etag(&self, name: &str) -> Result<Option<String>, StoreError> {
        let request = self.client.head_object().bucket(&self.place.bucket).key(self.place.key(name));
        match request.send().await.aws("s3:HeadObject") {
            Ok(answer) => Ok(Some(answer.e_tag.unwrap_or_default())),
            Err(failure) if failure.is_not_found() => Ok(None),
            Err(failure) => Err(self.failed(name)(failure)),
        }
    }

    /// Writes an object if the condition holds.
    ///
    /// An answer may get lost after S3 carried out the write; the SDK's next try is then refused because of the first.
    /// So a refused write looks whether what is there is its own.
    pub(crate) async fn put(
        &self,
        name: &str,
        bytes: &[u8],
        condition: If<'_>,
        metadata: &[(&str, String)],
    ) -> Result<Written, StoreError> {
        let write = format!("{}-{}", self.writer, unique());
        for conflicts in 0.. {
            let mut request = self
                .client
                .put_object()
                .bucket(&self.place.bucket)
                .key(self.place.key(name))
                .content_type("application/json")
                .metadata(WRITE, &write)
                .body(bytes.to_vec().into());
            for (key, value) in metadata {
                request = request.metadata(*key, value);
            }
            let request = match condition {
                If::Absent => request.if_none_match("*"),
                If::Is(etag) => request.if_match(etag),
            };
            let failure = match request.customize().interceptor(self.clock.clone()).send().await.aws("s3:PutObject") {
                Ok(answer) => return Ok(Written::Done(answer.e_tag.unwrap_or_default())),
                Err(failure) => failure,
            };
            match failure.code.as_str() {
                // Another write of the same object was under way: which of them counts is not known yet.
                "ConditionalRequestConflict" | "OperationAborted" if conflicts < CONFLICTS => {
                    tokio::time::sleep(Duration::from_millis(50) * (conflicts + 1)).await;
                }
                "PreconditionFailed" | "NoSuchKey" => break,
                _ => return Err(self.failed(name)(failure)),
            }
        }
        Ok(match self.get(name).await? {
            Some(there) if there.metadata.get(WRITE) == Some(&write) => Written::Done(there.etag),
            there => Written::Refused(there),
        })
    }

    /// Deletes an object if it is the one of this ETag. False: it is another, or none.
    pub(crate) async fn delete_if(&self, name: &str, etag: &str) -> Result<bool, StoreError> {
        let request = self.client.delete_object().bucket(&self.place.bucket).key(self.place.key(name)).if_match(etag);
        match request.send().await.aws("s3:DeleteObject") {
            Ok(_) => Ok(true),
            Err(failure) if matches!(failure.code.as_str(), "PreconditionFailed" | "NoSuchKey") => Ok(false),
            Err(failure) => Err(self.failed(name)(failure)),
        }
    }

    /// Deletes objects, whichever of them there are.
    pub(crate) async fn delete(&self, names: &[String]) -> Result<(), StoreError> {
        for names in names.chunks(AT_ONCE) {
            let invalid = |error: aws_sdk_s3::error::BuildError| Failure::invalid(error.to_string());
            let object = |name: &String| ObjectIdentifier::builder().key(self.place.key(name)).build().map_err(invalid);
            let objects: Result<Vec<ObjectIdentifier>, Failure> = names.iter().map(object).collect();
            let delete = objects
                .and_then(|objects| Delete::builder().quiet(true).set_objects(Some(objects)).build().map_err(invalid))
                .map_err(self.failed(&names[0]))?;
            let request = self.client.delete_objects().bucket(&self.place.bucket).delete(delete);
            request.send().await.aws("s3:DeleteObjects").map_err(self.failed(&names[0]))?;
        }
        Ok(())
    }

    /// The objects whose names begin so, in order, with when they were written.
    pub(crate) async fn list(&self, start: &str) -> Result<Vec<(String, Option<i64>)>, StoreError> {
        let mut found = Vec::new();
        let mut next: Option<String> = None;
        loop {
            let request = self
                .client
                .list_objects_v2()
                .bucket(&self.place.bucket)
                .prefix(self.place.key(start))
                .set_continuation_token(next.take())
                .customize()
                .interceptor(self.clock.clone());
            let answer = request.send().await.aws("s3:ListBucket").map_err(self.failed(start))?;
            let below = self.place.key("");
            for object in answer.contents.unwrap_or_default() {
                let key = object.key.unwrap_or_default();
                let name = key.strip_prefix(&below).unwrap_or(&key).to_owned();
                found.push((name, object.last_modified.map(|time| time.secs())));
            }
            match answer.next_continuation_token {
                Some(token) => next = Some(token),
                None => return Ok(found),
            }
        }
    }

    /// The versions of one object, the newest first: id, size in bytes, when, and whether it is the current one.
    pub(crate) async fn versions(&self, name: &str) -> Result<Vec<crate::Version>, StoreError> {
        let key = self.place.key(name);
        let mut found = Vec::new();
        let (mut next_key, mut next_version) = (None, None);
        loop {
            let request = self
                .client
                .list_object_versions()
                .bucket(&self.place.bucket)
                .prefix(&key)
                .set_key_marker(next_key.take())
                .set_version_id_marker(next_version.take());
            let answer = request.send().await.aws("s3:ListBucketVersions").map_err(self.failed(name))?;
            let versions = answer.versions.unwrap_or_default().into_iter();
            found.extend(versions.filter(|version| version.key.as_deref() == Some(&key)).map(|version| {
                let time = version.last_modified.and_then(|time| jiff::Timestamp::from_second(time.secs()).ok());
                crate::Version {
                    id: version.version_id.unwrap_or_default(),
                    time: time.map(|time| time.to_string()).unwrap_or_default(),
                    bytes: version.size.unwrap_or_default(),
                    current: version.is_latest.unwrap_or_default(),
                }
            }));
            match (answer.next_key_marker, answer.is_truncated) {
                (Some(marker), Some(true)) => (next_key, next_version) = (Some(marker), answer.next_version_id_marker),
                _ => return Ok(found),
            }
        }
    }
}
