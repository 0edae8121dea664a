//! Makes the data files in `data/` from a cfn-lint package. The same package always gives the same bytes.

mod limits;
mod reduce;
mod refresh;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

pub use limits::REGIONS as LIMIT_REGIONS;
pub use reduce::{Reduced, reduce};
pub use refresh::{PACKAGE, Refreshed, VERSION, refresh};

/// The region whose schemas are taken. For all types in use AWS publishes the same schema in us-west-2.
pub const REGION: &str = "us-east-1";

/// Why the data could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GenerateError {
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file is not JSON.
    #[error("{}: {source}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: serde_json::Error,
    },
    /// The package has no schema for a type.
    #[error("the package has no schema for {0} in {REGION}")]
    NoSchema(String),
    /// A schema or extension is not of the expected form.
    #[error("{what}: {why}")]
    Form {
        /// The type or file.
        what: String,
        /// What is unexpected.
        why: String,
    },
    /// A program that is needed did not succeed.
    #[error("`{command}` did not succeed: {why}")]
    Command {
        /// The command line.
        command: String,
        /// What it said.
        why: String,
    },
}

/// The data files' contents.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Generated {
    /// `facts.jsonl`: one type per line.
    pub facts: String,
    /// `limits.jsonl`: one list per line.
    pub limits: String,
    /// `source.json`: where all this is from.
    pub source: String,
    /// Keywords that the reduction does not know, as `AWS::EC2::VPC: keyword`; they are left out. A new one deserves a look.
    pub left_out: Vec<String>,
}

impl Generated {
    /// The files by name.
    pub fn files(&self) -> [(&'static str, &str); 3] {
        [("facts.jsonl", &self.facts), ("limits.jsonl", &self.limits), ("source.json", &self.source)]
    }

    /// Writes the files into a folder.
    ///
    /// # Errors
    /// [`GenerateError::File`] if a file cannot be written.
    pub fn write(&self, out_dir: &Path) -> Result<(), GenerateError> {
        self.files().into_iter().try_for_each(|(name, text)| write(&out_dir.join(name), text.as_bytes()))
    }
}

/// Makes the data from an unpacked cfn-lint package: `data_dir` is its folder `cfnlint/data`, `types` the resource types
/// to take, `version` the package's version.
///
/// # Errors
/// If a file is missing, is not JSON or not of the form that this version of cfn-lint has, or a type has no schema.
pub fn regenerate(data_dir: &Path, types: &[&str], version: &str) -> Result<Generated, GenerateError> {
    let schemas = data_dir.join("schemas");
    let index = read_json(&schemas.join("providers").join(format!("{REGION}.json")))?;
    let mut types = types.to_vec();
    types.sort_unstable();
    types.dedup();

    let mut facts = String::new();
    let mut left_out = Vec::new();
    for type_name in &types {
        let hash = index.get(type_name).and_then(Value::as_str);
        let hash = hash.ok_or_else(|| GenerateError::NoSchema((*type_name).to_owned()))?;
        let raw = read_json(&schemas.join("resources").join(format!("{hash}.json")))?;
        let reduced = reduce(&raw)?;
        facts.push_str(&reduced.line);
        facts.push('\n');
        left_out.extend(reduced.left_out.into_iter().map(|keyword| format!("{type_name}: {keyword}")));
    }

    let date = read_json(&schemas.join("version.json"))?;
    let source = serde_json::json!({
        "package": PACKAGE,
        "version": version,
        "licence": "MIT-0",
        "region": REGION,
        "limitRegions": LIMIT_REGIONS,
        "schemaDate": date.get("schema_date").and_then(Value::as_str).unwrap_or_default(),
        "types": types.len(),
    });
    let source = format!("{source:#}\n");
    Ok(Generated { facts, limits: limits::limits(data_dir)?, source, left_out })
}

fn read_json(path: &Path) -> Result<Value, GenerateError> {
    let text = fs::read_to_string(path).map_err(|source| GenerateError::File { path: path.to_owned(), source })?;
    serde_json::from_str(&text).map_err(|source| GenerateError::Json { path: path.to_owned(), source })
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), GenerateError> {
    fs::write(path, bytes).map_err(|source| GenerateError::File { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A package in miniature, in the layout of cfn-lint's `cfnlint/data`.
    fn package() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let versions = r#"{"allOf":[{"if":{"properties":{"Engine":{"const":"postgres"}}},
            "then":{"properties":{"EngineVersion":{"enum":["15.2","15.10"]}}}}]}"#;
        let classes = r#"{"us-east-1":{"allOf":[{"if":{"properties":{"Engine":{"const":"postgres"}}},
            "then":{"properties":{"DBInstanceClass":{"enum":["db.t3.small"]}}}}]}}"#;
        let function = r#"{"typeName":"AWS::Lambda::Function","properties":{"Runtime":{"type":"string","enum":["b","a"],"odd":1}}}"#;
        for (name, text) in [
            ("schemas/version.json", r#"{"schema_date":"2026-10-20T22:11:15Z"}"#),
            ("schemas/providers/us-east-1.json", r#"{"AWS::Lambda::Function":"f1","AWS::A::B":"b1"}"#),
            ("schemas/resources/f1.json", function),
            ("schemas/resources/b1.json", r#"{"typeName":"AWS::A::B","properties":{}}"#),
            ("schemas/extensions/aws_rds_dbinstance/dbinstanceclass_enum.json", classes),
            ("schemas/extensions/aws_rds_dbinstance/engine_version.json", versions),
            ("schemas/extensions/aws_rds_dbinstance/engine_version_deprecated.json", "{}"),
            ("schemas/extensions/aws_rds_dbcluster/engine_version.json", "{}"),
            ("schemas/extensions/aws_rds_dbcluster/engine_version_deprecated.json", "{}"),
            ("schemas/extensions/aws_elasticache_cachecluster/engine_version.json", "{}"),
            (
                "schemas/extensions/aws_elasticache_cachecluster/cachenodetype_enum.json",
                r#"{"us-west-2":{"enum":["cache.t3.micro"]}}"#,
            ),
            ("schemas/extensions/aws_ecs_taskdefinition/fargate_cpu_memory.json", r#"{"then":{"anyOf":[]}}"#),
            ("AdditionalSpecs/LmbdRuntimeLifecycle.json", r#"{"a":{"deprecated":"2026-01-01"}}"#),
        ] {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        dir
    }

    #[test]
    fn the_same_package_gives_the_same_bytes() {
        let package = package();
        let types = ["AWS::Lambda::Function", "AWS::A::B", "AWS::A::B"];
        let first = regenerate(package.path(), &types, "9.9.9").unwrap();
        assert_eq!(first, regenerate(package.path(), &["AWS::A::B", "AWS::Lambda::Function"], "9.9.9").unwrap());
        let lines: Vec<&str> = first.facts.lines().collect();
        assert_eq!(lines[0], r#"{"typeName":"AWS::A::B","schema":{"properties":{}}}"#);
        assert_eq!(lines.len(), 2);
        assert_eq!(first.left_out, ["AWS::Lambda::Function: odd"]);
        assert!(first.limits.contains(r#"{"fact":"db-engine-versions postgres","values":["15.2","15.10"]}"#));
        assert!(first.limits.contains(r#"{"name":"a","deprecated":"2026-01-01""#));
        assert!(first.source.contains(r#""version": "9.9.9""#));

        let out = tempfile::tempdir().unwrap();
        first.write(out.path()).unwrap();
        assert_eq!(fs::read_to_string(out.path().join("facts.jsonl")).unwrap(), first.facts);
    }

    #[test]
    fn what_is_missing_is_named() {
        let package = package();
        let error = regenerate(package.path(), &["AWS::Moon::Base"], "1").unwrap_err();
        assert_eq!(error.to_string(), "the package has no schema for AWS::Moon::Base in us-east-1");
        fs::remove_file(package.path().join("schemas/resources/b1.json")).unwrap();
        let error = regenerate(package.path(), &["AWS::A::B"], "1").unwrap_err();
        assert!(error.to_string().contains("b1.json"), "{error}");
    }
}
