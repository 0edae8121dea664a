//! Names of physical things.

use cloud::Tag;

/// The tag that AWS's console shows as name.
pub(super) fn tags(name: impl Into<String>) -> Option<Vec<Tag>> {
    Some(vec![Tag { key: "Name".to_owned(), value: name.into() }])
}

/// `main` goes without saying: `arrakis-production-alb`, `arrakis-production-alb-admin`.
pub(super) fn of(prefix: &str, kind: &str, name: &str) -> String {
    match name {
        "main" => format!("{prefix}-{kind}"),
        other => format!("{prefix}-{kind}-{other}"),
    }
}

/// The name of a store in names: `postgres.main` is `postgres`, `postgres.audit` is `postgres-audit`.
pub(super) fn store(name: &str) -> String {
    name.strip_suffix(".main").unwrap_or(name).replace('.', "-")
}

/// A name cut to a length. What is cut off is kept apart by a number that depends on the whole name only.
pub(super) fn short(name: &str, length: usize) -> String {
    match name.get(..length.saturating_sub(5)) {
        Some(stem) if name.len() > length => {
            format!("{}-{:04x}", stem.trim_end_matches('-'), fingerprint(name) & 0xffff)
        }
        _ => name.to_owned(),
    }
}

/// A number that depends on a text only (FNV-1a): it is the same in every build and on every machine.
pub(super) fn fingerprint(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_cut_and_stay_apart() {
        assert_eq!(short("arrakis-production-alb", 32), "arrakis-production-alb");
        let one = short("circle-of-trust-production-alb-one", 32);
        let two = short("circle-of-trust-production-alb-two", 32);
        assert!(one.len() <= 32, "{one}");
        assert_ne!(one, two);
        assert!(one.starts_with("circle-of-trust-production-"), "{one}");
    }

    #[test]
    fn main_goes_without_saying() {
        assert_eq!(of("p", "alb", "main"), "p-alb");
        assert_eq!(of("p", "alb", "admin"), "p-alb-admin");
        assert_eq!(store("postgres.main"), "postgres");
        assert_eq!(store("postgres.audit"), "postgres-audit");
    }
}
