//! What every resource type must do in its life, as a test: a [`World`] of resources on a cloud, each made, found, read, changed and
//! deleted under the same assertions, whichever crate it is of. It panics as tests do, and is a dev-dependency only.

mod test_cloud;
mod world;

use std::fmt::Display;

use serde_json::{Value, json};

pub use test_cloud::TestCloud;
pub use world::{Except, World};

/// The environment of the test's resources.
pub const ENVIRONMENT: &str = "test/lifecycle";

/// The tags that the engine gives to everything, and more.
pub fn tags(address: &str, more: &[(&str, &str)]) -> Value {
    let ours = [("groundplan:environment", ENVIRONMENT), ("groundplan:address", address)];
    ours.iter().chain(more).map(|(key, value)| json!({ "Key": key, "Value": value })).collect()
}

/// Declared properties with some changed or (null) taken away.
pub fn with(mut properties: Value, changes: Value) -> Value {
    let (Some(map), Value::Object(changes)) = (properties.as_object_mut(), changes) else {
        panic!("properties and their changes are objects");
    };
    for (key, value) in changes {
        if value.is_null() { drop(map.remove(&key)) } else { drop(map.insert(key, value)) }
    }
    properties
}

/// What a test cannot go on without.
trait Must<T> {
    /// The value, or the end of the test in words.
    fn must(self, what: impl Display) -> T;
}

impl<T, E: Display> Must<T> for Result<T, E> {
    #[track_caller]
    fn must(self, what: impl Display) -> T {
        match self {
            Ok(value) => value,
            Err(error) => panic!("{what}: {error}"),
        }
    }
}

impl<T> Must<T> for Option<T> {
    #[track_caller]
    fn must(self, what: impl Display) -> T {
        match self {
            Some(value) => value,
            None => panic!("{what}"),
        }
    }
}
