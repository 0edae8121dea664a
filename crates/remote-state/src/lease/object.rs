//! The lock as an S3 object beside the state.

use std::sync::Arc;

use cloud::Cloud;
use engine::catalogue::BoxFuture;
use engine::store::{Holder, StoreError};
use serde::{Deserialize, Serialize};

use super::{Cell, Document, Ended, RemoteLock, Seen};
use crate::objects::{If, Objects, Written};
use crate::place::{LOCK, Place};

/// The lock `lock.json` beside the state. S3 says itself when it was written.
pub fn in_bucket(cloud: &Cloud, place: Place) -> RemoteLock {
    RemoteLock(Arc::new(LockObject { objects: Objects::new(cloud, place) }))
}

struct LockObject {
    objects: Objects,
}

/// What the object holds.
#[derive(Serialize, Deserialize)]
struct Body {
    id: String,
    #[serde(flatten)]
    holder: Holder,
    lease_seconds: u64,
    beat: u64,
}

impl Cell for LockObject {
    fn place(&self) -> String {
        self.objects.place().uri(LOCK)
    }

    fn look(&self) -> BoxFuture<'_, Result<Option<Seen>, StoreError>> {
        Box::pin(async {
            let Some(object) = self.objects.get(LOCK).await? else { return Ok(None) };
            let Ok(body) = serde_json::from_slice::<Body>(&object.bytes) else {
                // Not ours, or damaged: nobody knows when it ends.
                let document = Document { id: String::new(), holder: Holder::default(), seconds: 0, beat: 0 };
                return Ok(Some(Seen { document, version: object.etag, ended: Ended::Never }));
            };
            // Both times are whole seconds, rounded down: one more than the lease is at least the lease.
            let ended = match (object.modified, self.objects.clock.now()) {
                (Some(written), Some(now)) if now - written > body.lease_seconds.cast_signed() => Ended::Yes,
                (Some(_), Some(_)) => Ended::No,
                _ => Ended::Unknown,
            };
            let Body { id, holder, lease_seconds, beat } = body;
            let document = Document { id, holder, seconds: lease_seconds, beat };
            Ok(Some(Seen { document, version: object.etag, ended }))
        })
    }

    fn swap<'a>(
        &'a self,
        version: Option<&'a str>,
        document: &'a Document,
    ) -> BoxFuture<'a, Result<Option<String>, StoreError>> {
        Box::pin(async move {
            let Document { id, holder, seconds, beat } = document.clone();
            let body = Body { id, holder, lease_seconds: seconds, beat };
            let bytes = serde_json::to_vec_pretty(&body).unwrap_or_default();
            let condition = version.map_or(If::Absent, If::Is);
            match self.objects.put(LOCK, &bytes, condition, &[]).await? {
                Written::Done(etag) => Ok(Some(etag)),
                Written::Refused(_) => Ok(None),
            }
        })
    }

    fn remove<'a>(&'a self, version: &'a str) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(self.objects.delete_if(LOCK, version))
    }
}
