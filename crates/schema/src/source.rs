//! Where the data came from.

use std::sync::LazyLock;

use serde::Deserialize;

/// The origin of the embedded data, as `data/source.json` records it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Source {
    /// The PyPI package that carries AWS's schemas: `cfn-lint`.
    pub package: String,
    /// The package's version.
    pub version: String,
    /// SPDX identifier of the package's licence.
    pub licence: String,
    /// The region whose schemas these are.
    pub region: String,
    /// The regions that [`crate::limits`] knows.
    pub limit_regions: Vec<String>,
    /// When cfn-lint took the schemas from AWS (RFC 3339).
    pub schema_date: String,
    /// The number of AWS resource types.
    pub types: usize,
}

/// The origin of the embedded data.
pub fn source() -> &'static Source {
    static SOURCE: LazyLock<Source> =
        LazyLock::new(|| serde_json::from_str(include_str!("../data/source.json")).unwrap_or_default());
    &SOURCE
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_source_is_recorded() {
        let source = super::source();
        assert_eq!(source.package, "cfn-lint");
        assert_eq!(source.licence, "MIT-0");
        assert_eq!(source.region, "us-east-1");
        assert_eq!(source.types, crate::types().filter(|name| name.starts_with("AWS::")).count());
    }
}
