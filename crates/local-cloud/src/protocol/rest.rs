//! Operation names of REST calls, whose protocol does not carry one: for the record, and for the layers that touch them.

use hyper::{Method, Uri};

/// S3's subresources that are operations of their own.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html>
const S3_SUBRESOURCES: &[(&str, &str)] = &[
    ("accelerate", "AccelerateConfiguration"),
    ("acl", "Acl"),
    ("cors", "Cors"),
    ("delete", "Objects"),
    ("encryption", "Encryption"),
    ("lifecycle", "LifecycleConfiguration"),
    ("location", "Location"),
    ("logging", "Logging"),
    ("notification", "NotificationConfiguration"),
    ("object-lock", "ObjectLockConfiguration"),
    ("ownershipControls", "OwnershipControls"),
    ("policy", "Policy"),
    ("publicAccessBlock", "PublicAccessBlock"),
    ("replication", "Replication"),
    ("tagging", "Tagging"),
    ("uploads", "MultipartUploads"),
    ("versioning", "Versioning"),
    ("versions", "Versions"),
    ("website", "Website"),
];

/// The name of the operation, or the method and the shape of the path.
pub(crate) fn operation(service: &str, method: &Method, uri: &Uri) -> String {
    match service {
        "s3" => s3(method, uri),
        "cloudfront" => cloudfront(method, uri),
        _ => shape(method, uri),
    }
}

fn s3(method: &Method, uri: &Uri) -> String {
    let path = uri.path().trim_start_matches('/');
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    let verb = match *method {
        Method::GET => "Get",
        Method::PUT => "Put",
        Method::DELETE => "Delete",
        Method::HEAD => "Head",
        _ => "Post",
    };
    if bucket.is_empty() {
        return "ListBuckets".into();
    }
    let names = uri.query().unwrap_or_default().split('&').map(|pair| pair.split('=').next().unwrap_or(pair));
    let subresource = names.into_iter().find_map(|name| S3_SUBRESOURCES.iter().find(|(query, _)| *query == name));
    match (verb, key, subresource) {
        ("Post", "", Some(("delete", _))) => "DeleteObjects".into(),
        ("Get", "", Some(("versions", _))) => "ListObjectVersions".into(),
        ("Get" | "Put" | "Delete", "", Some((_, name @ ("PublicAccessBlock" | "ObjectLockConfiguration")))) => {
            format!("{verb}{name}")
        }
        (_, "", Some((_, name))) => format!("{verb}Bucket{name}"),
        (_, _, Some((_, name))) => format!("{verb}Object{name}"),
        ("Get", "", None) => "ListObjects".into(),
        ("Put", "", None) => "CreateBucket".into(),
        (_, "", None) => format!("{verb}Bucket"),
        _ => format!("{verb}Object"),
    }
}

fn cloudfront(method: &Method, uri: &Uri) -> String {
    let mut segments = uri.path().trim_matches('/').split('/').skip(1);
    let (kind, id, more) = (segments.next().unwrap_or_default(), segments.next(), segments.next());
    if let (Some(_), Some("config"), &Method::PUT) = (id, more, method) {
        return format!("Update{}", noun(kind));
    }
    let verb = match (method, id) {
        (&Method::POST, _) => "Create",
        (&Method::GET, None) => "List",
        (&Method::GET, Some(_)) => "Get",
        (&Method::PUT, _) => "Update",
        (&Method::DELETE, _) => "Delete",
        _ => return shape(method, uri),
    };
    let plural = if verb == "List" { "s" } else { "" };
    format!("{verb}{}{}{plural}", noun(kind), noun(more.unwrap_or_default()))
}

/// `cache-policy` becomes `CachePolicy`.
fn noun(segment: &str) -> String {
    segment
        .split('-')
        .filter_map(|word| {
            let mut letters = word.chars();
            Some(letters.next()?.to_ascii_uppercase().to_string() + letters.as_str())
        })
        .collect()
}

/// Method and path, with a star for each segment that is not a plain lower-case word.
fn shape(method: &Method, uri: &Uri) -> String {
    let plain = |segment: &str| {
        segment.len() <= 24
            && segment.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
            && !segment.is_empty()
    };
    let segments = uri.path().trim_matches('/').split('/');
    let path: Vec<&str> = segments.map(|segment| if plain(segment) { segment } else { "*" }).collect();
    format!("{method} /{}", path.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (service, method, uri, expected) in [
            ("s3", Method::GET, "/", "ListBuckets"),
            ("s3", Method::PUT, "/b", "CreateBucket"),
            ("s3", Method::PUT, "/b/", "CreateBucket"),
            ("s3", Method::GET, "/b?list-type=2", "ListObjects"),
            ("s3", Method::PUT, "/b?versioning", "PutBucketVersioning"),
            ("s3", Method::PUT, "/b?publicAccessBlock=", "PutPublicAccessBlock"),
            ("s3", Method::POST, "/b?delete", "DeleteObjects"),
            ("s3", Method::PUT, "/b/a/key", "PutObject"),
            ("s3", Method::GET, "/b/a/key?tagging", "GetObjectTagging"),
            ("cloudfront", Method::POST, "/2020-05-31/distribution", "CreateDistribution"),
            ("cloudfront", Method::GET, "/2020-05-31/distribution/E1", "GetDistribution"),
            ("cloudfront", Method::GET, "/2020-05-31/distribution/E1/config", "GetDistributionConfig"),
            ("cloudfront", Method::PUT, "/2020-05-31/distribution/E1/config", "UpdateDistribution"),
            ("cloudfront", Method::GET, "/2020-05-31/cache-policy", "ListCachePolicys"),
            ("lambda", Method::GET, "/2015-03-31/functions/My-Function", "GET /*/functions/*"),
        ] {
            assert_eq!(operation(service, &method, &uri.parse().unwrap()), expected, "{method} {uri}");
        }
    }
}
