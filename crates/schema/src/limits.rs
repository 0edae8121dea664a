//! What AWS's schemas do not say and its services check all the same: sizes, classes, versions, runtimes. From
//! cfn-lint's extension schemas, for the regions in [`crate::Source::limit_regions`].

use std::sync::LazyLock;

use serde::Deserialize;

use crate::table::Table;

static TABLE: LazyLock<Table<Row>> = LazyLock::new(|| Table::new(&[include_str!("../data/limits.jsonl")]));

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    #[serde(rename = "fact")]
    _key: String,
    values: Values,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Values {
    Names(Vec<String>),
    Fargate(Vec<FargatePair>),
    Runtimes(Vec<LambdaRuntime>),
}

/// A Fargate task size.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html#fargate-tasks-size>
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct FargatePair {
    /// CPU units; 1024 are one vCPU.
    pub cpu: u32,
    /// The memory sizes that go with it, in MiB, ascending.
    pub memory: Vec<u32>,
}

/// A Lambda runtime and its end of life. Dates are `YYYY-MM-DD`.
/// <https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html>
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct LambdaRuntime {
    /// The identifier, such as `provided.al2023`.
    pub name: String,
    /// From this day on the runtime gets no more security updates. None: AWS has not said.
    pub deprecated: Option<String>,
    /// From this day on no function can be created with it.
    pub create_block: Option<String>,
    /// From this day on no function with it can be updated.
    pub update_block: Option<String>,
    /// The runtime that AWS advises instead.
    pub successor: Option<String>,
}

/// All Fargate task sizes, by ascending CPU.
pub fn fargate_pairs() -> &'static [FargatePair] {
    match TABLE.get("fargate-pairs").map(|row| &row.values) {
        Some(Values::Fargate(pairs)) => pairs,
        _ => &[],
    }
}

/// The database instance classes that RDS or Aurora has for an engine (`postgres`, `aurora-postgresql`, …) in a
/// region, whatever the licence. None: no data for this engine or region, so nothing can be said.
pub fn db_instance_classes(engine: &str, region: &str) -> Option<&'static [String]> {
    names(&format!("db-instance-classes {region} {engine}"))
}

/// The versions of a database engine that RDS or Aurora knows, oldest first; both major versions (`15`) and full
/// ones (`15.10`). None: no data for this engine.
pub fn db_engine_versions(engine: &str) -> Option<&'static [String]> {
    names(&format!("db-engine-versions {engine}"))
}

/// The versions of a database engine that RDS or Aurora no longer lets be created, oldest first. Empty: none known.
pub fn db_engine_versions_deprecated(engine: &str) -> &'static [String] {
    names(&format!("db-engine-versions-deprecated {engine}")).unwrap_or_default()
}

/// The ElastiCache node types of a region. None: no data for this region.
pub fn cache_node_types(region: &str) -> Option<&'static [String]> {
    names(&format!("cache-node-types {region}"))
}

/// The versions of a cache engine (`redis`, `valkey`, `memcached`), oldest first. None: no data for this engine.
pub fn cache_engine_versions(engine: &str) -> Option<&'static [String]> {
    names(&format!("cache-engine-versions {engine}"))
}

/// All Lambda runtimes that AWS ever had, those gone among them, sorted by name.
pub fn lambda_runtimes() -> &'static [LambdaRuntime] {
    match TABLE.get("lambda-runtimes").map(|row| &row.values) {
        Some(Values::Runtimes(runtimes)) => runtimes,
        _ => &[],
    }
}

/// The Lambda runtime of this name. None: there is no such runtime.
pub fn lambda_runtime(name: &str) -> Option<&'static LambdaRuntime> {
    lambda_runtimes().iter().find(|runtime| runtime.name == name)
}

fn names(key: &str) -> Option<&'static [String]> {
    match &TABLE.get(key)?.values {
        Values::Names(names) => Some(names),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(list: Option<&[String]>, name: &str) -> bool {
        list.is_some_and(|list| list.iter().any(|entry| entry == name))
    }

    #[test]
    fn every_line_parses() {
        for key in TABLE.keys() {
            assert!(TABLE.get(key).is_some(), "{key}");
        }
    }

    #[test]
    fn fargate_sizes_are_those_of_the_developer_guide() {
        let gib = |sizes: &mut dyn Iterator<Item = u32>| sizes.map(|size| size * 1024).collect::<Vec<_>>();
        let expected: Vec<(u32, Vec<u32>)> = vec![
            (256, vec![512, 1024, 2048]),
            (512, gib(&mut (1..=4))),
            (1024, gib(&mut (2..=8))),
            (2048, gib(&mut (4..=16))),
            (4096, gib(&mut (8..=30))),
            (8192, gib(&mut (16..=60).step_by(4))),
            (16384, gib(&mut (32..=120).step_by(8))),
        ];
        let actual: Vec<_> = fargate_pairs().iter().map(|pair| (pair.cpu, pair.memory.clone())).collect();
        assert_eq!(actual[..7], expected[..]);
    }

    #[test]
    fn the_documented_databases_and_caches_exist() {
        for region in ["us-east-1", "us-west-2"] {
            for class in ["db.t3.micro", "db.t3.small", "db.t3.medium"] {
                assert!(has(db_instance_classes("postgres", region), class), "{class} in {region}");
            }
            assert!(has(db_instance_classes("aurora-postgresql", region), "db.serverless"), "{region}");
            assert!(!has(db_instance_classes("aurora-postgresql", region), "db.t3.small"), "{region}");
            for node in ["cache.t3.micro", "cache.r7g.large"] {
                assert!(has(cache_node_types(region), node), "{node} in {region}");
            }
        }
        assert!(has(db_engine_versions("postgres"), "15.10"));
        assert!(has(db_engine_versions("aurora-postgresql"), "15.10"));
        assert!(has(Some(db_engine_versions_deprecated("postgres")), "9.6.24"));
        assert!(has(cache_engine_versions("redis"), "7.1"));
        assert_eq!(db_instance_classes("postgres", "eu-moon-1"), None);
        assert_eq!(db_engine_versions("access97"), None);
    }

    #[test]
    fn versions_are_in_order() {
        let versions = db_engine_versions("postgres").unwrap();
        let at = |version: &str| versions.iter().position(|entry| entry == version).unwrap();
        assert!(at("9.6.24") < at("15.2") && at("15.2") < at("15.10") && at("15.10") < at("16.1"));
    }

    #[test]
    fn runtimes_have_an_end() {
        assert!(lambda_runtime("provided.al2023").is_some());
        let gone = lambda_runtime("nodejs12.x").unwrap();
        assert!(gone.deprecated.is_some() && gone.create_block.is_some());
        assert_eq!(lambda_runtime("cobol85"), None);
    }
}
