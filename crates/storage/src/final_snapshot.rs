//! What is kept of a store when it is deleted: a final snapshot, a database's automatic backups.
//!
//! CloudFormation says it beside the properties (`DeletionPolicy: Snapshot`:
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html>), and a
//! deletion gets no properties: the wish travels as tags, which outlive the environment file and the state.

use cloud::{Context, Failure, Tag};
use serde_json::Value;

use crate::named;
use crate::settings::FinalSnapshot;

/// The tag that says whether deletion leaves a snapshot: `true`, `false`, or the snapshot's name.
pub const SNAPSHOT_TAG: &str = "groundplan:final-snapshot";

/// The tag that says, with `true`, that a database's automatic backups stay when it is deleted.
pub const BACKUPS_TAG: &str = "groundplan:keep-backups";

/// AWS's longest name of a snapshot.
const LONGEST: usize = 255;

/// The tags for a store with this setting.
pub(crate) fn tags(setting: &Option<FinalSnapshot>, protected: bool, keep_backups: bool) -> Option<Vec<Tag>> {
    let wish = match setting {
        None => protected.to_string(),
        Some(FinalSnapshot::Wanted(wanted)) => wanted.to_string(),
        Some(FinalSnapshot::Named(name)) => named::kept(name),
    };
    let tag = |key: &str, value: String| Tag { key: key.to_owned(), value };
    let backups = keep_backups.then(|| tag(BACKUPS_TAG, "true".to_owned()));
    Some([tag(SNAPSHOT_TAG, wish)].into_iter().chain(backups).collect())
}

/// Whether a snapshot is left, as the tags say it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Nothing is said: what keeps backups leaves one.
    Unsaid,
    /// None.
    None,
    /// One, of a name made up.
    Made,
    /// One of this name.
    Named(String),
}

impl Wish {
    /// The wish among tags.
    pub fn of<'a>(tags: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        match tags.into_iter().find(|(key, _)| *key == SNAPSHOT_TAG) {
            None => Self::Unsaid,
            Some((_, "true")) => Self::Made,
            Some((_, "false")) => Self::None,
            Some((_, name)) => Self::Named(name.to_owned()),
        }
    }

    /// The wish among the tags in a resource's properties.
    pub fn of_properties(properties: &Value) -> Self {
        Self::of(pairs(properties))
    }

    /// The name of the snapshot to be left of a store: the same for every try of one operation.
    pub fn name(&self, id: &str, keeps_backups: bool, cx: &Context) -> Option<String> {
        match self {
            Self::None => None,
            Self::Unsaid if !keeps_backups => None,
            Self::Unsaid | Self::Made => Some(named::made(&begin(id), &cx.token, LONGEST)),
            Self::Named(name) => Some(name.clone()),
        }
    }

    /// Whether a snapshot that is there was left by the deletion of this store.
    pub fn is_left(&self, snapshot: &str, id: &str) -> bool {
        let made = format!("{}-", begin(id));
        snapshot.starts_with(&made) || matches!(self, Self::Named(name) if name == snapshot)
    }
}

/// What a made-up name begins with.
fn begin(id: &str) -> String {
    format!("{id}-final")
}

/// The tags in a resource's properties.
pub(crate) fn pairs(properties: &Value) -> impl Iterator<Item = (&str, &str)> {
    let tags = properties["Tags"].as_array().map(Vec::as_slice).unwrap_or_default();
    tags.iter().filter_map(|tag| Some((tag["Key"].as_str()?, tag["Value"].as_str()?)))
}

/// Whether automatic backups stay.
pub(crate) fn keeps_backups<'a>(tags: impl IntoIterator<Item = (&'a str, &'a str)>) -> bool {
    tags.into_iter().any(|tag| tag == (BACKUPS_TAG, "true"))
}

/// Whether a deletion was refused because a snapshot of the name is there.
pub(crate) fn is_taken(failure: &Failure) -> bool {
    failure.code.contains("SnapshotAlreadyExists")
}

/// A refused deletion, with what to do where the snapshot's name was the reason.
pub(crate) fn explained(failure: Failure, name: Option<&str>) -> Failure {
    match name {
        Some(name) if is_taken(&failure) => failure.hint(format!(
            "an earlier deletion left a snapshot `{name}`: delete it, or set `final-snapshot` to another name or to `true`, and deploy"
        )),
        _ => failure,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::named::tests::context;

    #[test]
    fn a_setting_becomes_a_wish_again() {
        let named = FinalSnapshot::Named("Last-One".to_owned());
        let cases = [
            (None, true, Wish::Made),
            (None, false, Wish::None),
            (Some(FinalSnapshot::Wanted(true)), false, Wish::Made),
            (Some(FinalSnapshot::Wanted(false)), true, Wish::None),
            (Some(named), false, Wish::Named("last-one".to_owned())),
        ];
        for (setting, protected, expected) in cases {
            let properties = json!({ "Tags": tags(&setting, protected, true) });
            assert_eq!(Wish::of_properties(&properties), expected);
            assert!(keeps_backups(pairs(&properties)));
            assert!(!keeps_backups(pairs(&json!({ "Tags": tags(&setting, protected, false) }))));
        }
    }

    #[test]
    fn where_nothing_is_said_what_keeps_backups_leaves_a_snapshot() {
        let cx = context();
        let made = Some("db-final-12345678".to_owned());
        let cases = [
            (Wish::Unsaid, true, made.clone()),
            (Wish::Unsaid, false, None),
            (Wish::Made, false, made),
            (Wish::None, true, None),
            (Wish::Named("last".to_owned()), false, Some("last".to_owned())),
        ];
        for (wish, backups, expected) in cases {
            assert_eq!(wish.name("db", backups, &cx), expected, "{wish:?}");
            if let Some(name) = expected {
                assert!(wish.is_left(&name, "db"));
                assert_eq!(wish.is_left(&name, "other"), matches!(wish, Wish::Named(_)));
            }
        }
        assert!(!Wish::Made.is_left("db-by-hand", "db"));
    }
}
