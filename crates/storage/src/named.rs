//! Names: those that are given, and those made up where CloudFormation would make one up; and whose a thing is.

use cloud::{Context, Failure, Resource, tags};

/// The name as RDS and ElastiCache keep it: lower case.
pub(crate) fn kept(name: &str) -> String {
    name.to_ascii_lowercase()
}

/// The given name, else one of environment, address and operation: the same for every attempt of one operation.
pub(crate) fn given_or_made(given: &Option<String>, longest: usize, cx: &Context) -> String {
    match given {
        Some(name) => kept(name),
        None => made(&format!("{}-{}", cx.environment, cx.address), &cx.token, longest),
    }
}

/// A name of letters, digits and single hyphens that begins with a letter, with the end of a token.
pub(crate) fn made(stem: &str, token: &str, longest: usize) -> String {
    let tail: Vec<char> = token.chars().filter(char::is_ascii_alphanumeric).collect();
    let tail: String = tail[tail.len().saturating_sub(8)..].iter().collect();
    let mut name = String::from(if stem.starts_with(|c: char| c.is_ascii_alphabetic()) { "" } else { "x" });
    for c in stem.chars() {
        match c {
            c if c.is_ascii_alphanumeric() => name.push(c),
            _ if name.ends_with('-') => {}
            _ => name.push('-'),
        }
    }
    name.truncate(longest.saturating_sub(tail.len() + 1));
    kept(&format!("{}-{tail}", name.trim_end_matches('-')))
}

/// The name to look for: as [`given_or_made`], and where the operation that made one up is not known any more, that of
/// what is listed with the tags of this address.
pub(crate) async fn to_find<R: Resource>(
    given: &Option<String>,
    longest: usize,
    cx: &Context,
) -> Result<Option<String>, Failure> {
    let name = tags::name_to_find::<R>(given, || given_or_made(given, longest, cx), |id| Some(id), cx).await?;
    Ok(name.as_deref().map(kept))
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Arc;

    use cloud::Address;
    use engine::context::{TAG_ADDRESS, TAG_ENVIRONMENT, TAG_OPERATION};

    use super::*;

    /// A context that reaches no cloud.
    pub(crate) fn context() -> Context {
        Context {
            environment: "freeside/production".into(),
            region: "us-east-1".into(),
            address: Address::of("storage.postgres.main"),
            token: "0198-aaaa-bbbb-CCCC12345678".into(),
            services: Arc::new(()),
            memo: None,
        }
    }

    #[test]
    fn a_given_name_is_lower_case() {
        assert_eq!(given_or_made(&Some("Arrakis-Redis".into()), 40, &context()), "arrakis-redis");
    }

    #[test]
    fn a_made_name_is_one_that_aws_takes() {
        let name = given_or_made(&None, 63, &context());
        assert_eq!(name, "freeside-production-storage-postgres-main-12345678");
        assert_eq!(given_or_made(&None, 30, &context()), "freeside-production-s-12345678");
        assert_eq!(made("9--lives_", "t", 40), "x9-lives-t");
    }

    #[test]
    fn ours_is_what_this_operation_or_this_address_made() {
        let cx = context();
        let environment = (TAG_ENVIRONMENT, "freeside/production");
        let cases = [
            (vec![(TAG_OPERATION, &*cx.token)], true),
            (vec![environment, (TAG_ADDRESS, "storage.postgres.main")], true),
            (vec![environment, (TAG_ADDRESS, "storage.postgres.other")], false),
            (vec![environment], false),
            (vec![(TAG_OPERATION, "another")], false),
            (vec![], false),
        ];
        for (tags, ours) in cases {
            assert_eq!(cx.owns(tags.clone()), ours, "{tags:?}");
        }
    }
}
