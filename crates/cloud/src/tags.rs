//! Tags as CloudFormation writes them, and their way into and out of the SDK's types.

use std::collections::BTreeMap;

use engine::Context;
use engine::context::TAG_OPERATION;
use serde::{Deserialize, Serialize};

mod listing;

pub use listing::{Listing, Pairs, listed, name_to_find, of_address, of_arn, shared};

/// One tag: `{ "Key": …, "Value": … }`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Tag {
    /// The key.
    pub key: String,
    /// The value.
    #[serde(default)]
    pub value: String,
}

/// The declared tags and the operation's: what the making call carries.
pub fn for_create(tags: &[Tag], cx: &Context) -> Vec<(String, String)> {
    let (key, value) = cx.operation_tag();
    let declared = tags.iter().map(|tag| (tag.key.clone(), tag.value.clone()));
    declared.chain([(key.to_owned(), value.to_owned())]).collect()
}

/// Tags as read: without the operation's and AWS's own (`aws:…`), in order of key.
pub fn from_live<K: Into<String>, V: Into<String>>(pairs: impl IntoIterator<Item = (K, V)>) -> Vec<Tag> {
    let mut tags: Vec<Tag> = pairs
        .into_iter()
        .map(|(key, value)| Tag { key: key.into(), value: value.into() })
        .filter(|tag| tag.key != TAG_OPERATION && !tag.key.starts_with("aws:"))
        .collect();
    tags.sort();
    tags
}

/// The difference between two sets of tags.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct TagChanges {
    /// To be set: key and value.
    pub set: Vec<(String, String)>,
    /// Keys to be removed.
    pub remove: Vec<String>,
}

/// What makes the live tags (none: just created, with its tags) the declared ones.
pub fn changes(declared: &[Tag], live: Option<&[Tag]>) -> TagChanges {
    let Some(live) = live else { return TagChanges::default() };
    let was: BTreeMap<&str, &str> = live.iter().map(|tag| (tag.key.as_str(), tag.value.as_str())).collect();
    let set = declared
        .iter()
        .filter(|tag| was.get(tag.key.as_str()) != Some(&tag.value.as_str()))
        .map(|tag| (tag.key.clone(), tag.value.clone()))
        .collect();
    let kept = |key: &str| declared.iter().any(|tag| tag.key == key);
    let remove = live.iter().filter(|tag| !kept(&tag.key)).map(|tag| tag.key.clone()).collect();
    TagChanges { set, remove }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(key: &str, value: &str) -> Tag {
        Tag { key: key.to_owned(), value: value.to_owned() }
    }

    #[test]
    fn only_what_differs_is_changed() {
        let declared = [tag("a", "1"), tag("b", "2")];
        let live = [tag("b", "old"), tag("c", "3")];
        let changes = changes(&declared, Some(&live));
        assert_eq!(changes.set, [("a".into(), "1".into()), ("b".into(), "2".into())]);
        assert_eq!(changes.remove, ["c"]);
    }

    #[test]
    fn operation_and_aws_tags_are_not_read() {
        let read = from_live([("z", "1"), (TAG_OPERATION, "x"), ("aws:cloudformation:stack", "y"), ("a", "2")]);
        assert_eq!(read, [tag("a", "2"), tag("z", "1")]);
    }
}
