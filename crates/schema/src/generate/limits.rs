//! cfn-lint's extension schemas → lists: `limits.jsonl`.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Value, json};

use super::{GenerateError, REGION, read_json};

/// The regions whose lists are taken.
pub const REGIONS: &[&str] = &["us-east-1", "us-west-2"];

type Lists = BTreeMap<String, BTreeSet<String>>;

/// The text of `limits.jsonl`.
pub(super) fn limits(data_dir: &Path) -> Result<String, GenerateError> {
    let schemas = data_dir.join("schemas");
    let extension = |file: &str| read_json(&schemas.join("extensions").join(file));
    let mut lists = Lists::new();

    let classes = extension("aws_rds_dbinstance/dbinstanceclass_enum.json")?;
    let nodes = extension("aws_elasticache_cachecluster/cachenodetype_enum.json")?;
    for region in REGIONS {
        let prefix = format!("db-instance-classes {region}");
        collect(&mut lists, &prefix, &classes[*region], "DBInstanceClass");
        lists.insert(format!("cache-node-types {region}"), words(&nodes[*region]["enum"]).collect());
    }
    for (file, prefix) in [
        ("aws_rds_dbinstance/engine_version.json", "db-engine-versions"),
        ("aws_rds_dbcluster/engine_version.json", "db-engine-versions"),
        ("aws_rds_dbinstance/engine_version_deprecated.json", "db-engine-versions-deprecated"),
        ("aws_rds_dbcluster/engine_version_deprecated.json", "db-engine-versions-deprecated"),
        ("aws_elasticache_cachecluster/engine_version.json", "cache-engine-versions"),
    ] {
        collect(&mut lists, prefix, &extension(file)?, "EngineVersion");
    }
    for needed in
        ["db-instance-classes us-east-1 postgres", "cache-node-types us-west-2", "db-engine-versions postgres"]
    {
        if lists.get(needed).is_none_or(BTreeSet::is_empty) {
            return Err(form("extensions", &format!("there is no list for `{needed}`")));
        }
    }

    let mut rows: BTreeMap<String, Value> = lists
        .into_iter()
        .map(|(key, values)| {
            let mut values: Vec<String> = values.into_iter().collect();
            values.sort_by(|a, b| natural(a, b));
            (key, json!(values))
        })
        .collect();
    let fargate = extension("aws_ecs_taskdefinition/fargate_cpu_memory.json")?;
    rows.insert("fargate-pairs".to_owned(), fargate_pairs(&fargate)?);
    rows.insert("lambda-runtimes".to_owned(), lambda_runtimes(data_dir)?);

    let line = |(key, values): (&String, &Value)| format!("{{\"fact\":{},\"values\":{values}}}\n", json!(key));
    Ok(rows.iter().map(line).collect())
}

fn form(what: &str, why: &str) -> GenerateError {
    GenerateError::Form { what: what.to_owned(), why: why.to_owned() }
}

/// Rules of the form "if the engine is E (and …), then the property is one of …": one list per engine, over all
/// licences. In the rules of the versions that are gone, the list is in the condition, and what follows is `false`.
fn collect(lists: &mut Lists, prefix: &str, rules: &Value, property: &str) {
    for rule in rules["allOf"].as_array().into_iter().flatten() {
        let condition = &rule["if"]["properties"];
        let Some(engine) = condition["Engine"]["const"].as_str() else {
            continue;
        };
        let consequence = &rule["then"]["properties"][property]["enum"];
        let listed = if consequence.is_array() { consequence } else { &condition[property]["enum"] };
        lists.entry(format!("{prefix} {engine}")).or_default().extend(words(listed));
    }
}

fn words(list: &Value) -> impl Iterator<Item = String> + '_ {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned)
}

fn fargate_pairs(rules: &Value) -> Result<Value, GenerateError> {
    let pair = |rule: &Value| {
        let (cpu, memory) = (&rule["properties"]["Cpu"]["then"], &rule["properties"]["Memory"]["then"]);
        let cpu: u64 = cpu["enum"][0].as_str()?.parse().ok()?;
        let sizes: Vec<u64> = match memory["enum"].as_array() {
            Some(sizes) => sizes.iter().filter_map(Value::as_u64).collect(),
            None => {
                let step = usize::try_from(memory["multipleOf"].as_u64()?).ok().filter(|step| *step > 0)?;
                (memory["minimum"].as_u64()?..=memory["maximum"].as_u64()?).step_by(step).collect()
            }
        };
        Some((cpu, sizes))
    };
    let rules = rules["then"]["anyOf"].as_array();
    let pairs: Option<BTreeMap<u64, Vec<u64>>> = rules.and_then(|rules| rules.iter().map(pair).collect());
    let pairs = pairs.ok_or_else(|| form("fargate_cpu_memory.json", "the rules are not pairs of Cpu and Memory"))?;
    Ok(pairs.iter().map(|(cpu, memory)| json!({"cpu": cpu, "memory": memory})).collect())
}

/// The runtimes of the function's schema, with the dates of their ends.
fn lambda_runtimes(data_dir: &Path) -> Result<Value, GenerateError> {
    let schemas = data_dir.join("schemas");
    let index = read_json(&schemas.join("providers").join(format!("{REGION}.json")))?;
    let hash = index["AWS::Lambda::Function"].as_str();
    let hash = hash.ok_or_else(|| GenerateError::NoSchema("AWS::Lambda::Function".to_owned()))?;
    let function = read_json(&schemas.join("resources").join(format!("{hash}.json")))?;
    let lives = read_json(&data_dir.join("AdditionalSpecs/LmbdRuntimeLifecycle.json"))?;
    let names: BTreeSet<String> = words(&function["properties"]["Runtime"]["enum"]).collect();
    let runtime = |name: &String| {
        let life = &lives[name];
        json!({
            "name": name,
            "deprecated": life["deprecated"],
            "createBlock": life["create-block"],
            "updateBlock": life["update-block"],
            "successor": life["successor"],
        })
    };
    Ok(names.iter().map(runtime).collect())
}

/// Numbers by value, all else by letter: `9.6` < `15.2` < `15.10`.
fn natural(a: &str, b: &str) -> Ordering {
    let (a_runs, b_runs) = (runs(a), runs(b));
    a_runs.cmp(&b_runs).then_with(|| a.cmp(b))
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Run<'t> {
    Number(u64),
    Text(&'t str),
}

fn runs(text: &str) -> Vec<Run<'_>> {
    let mut runs = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_number = first.is_ascii_digit();
        let end = rest.find(|c: char| c.is_ascii_digit() != is_number).unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        runs.push(run.parse().ok().filter(|_| is_number).map_or(Run::Text(run), Run::Number));
        rest = after;
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_sorted_as_people_count() {
        let mut versions = ["15.10", "9.6.24", "15", "15.2", "16.9-limitless", "16.9", "8.0.mysql_aurora.3.04.0"];
        versions.sort_by(|a, b| natural(a, b));
        assert_eq!(versions, ["8.0.mysql_aurora.3.04.0", "9.6.24", "15", "15.2", "15.10", "16.9", "16.9-limitless"]);
    }

    #[test]
    fn rules_become_lists() {
        let rules = json!({"allOf": [
            {"if": {"properties": {"Engine": {"type": "string"}}}, "then": {}},
            {"if": {"properties": {"Engine": {"const": "a"}}}, "then": {"properties": {"V": {"enum": ["2", "1"]}}}},
            {"if": {"properties": {"Engine": {"const": "a"}, "V": {"enum": ["3"]}}}, "then": false},
        ]});
        let mut lists = Lists::new();
        collect(&mut lists, "versions", &rules, "V");
        assert_eq!(json!(lists), json!({"versions a": ["1", "2", "3"]}));
    }
}
