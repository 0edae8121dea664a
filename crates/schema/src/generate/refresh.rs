//! Fetches the pinned cfn-lint and makes the data files from it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{GenerateError, read_json, regenerate, write};

/// The PyPI package.
pub const PACKAGE: &str = "cfn-lint";
/// The package's version. To take newer schemas: change it, refresh, look at what changed.
pub const VERSION: &str = "1.58.0";

/// What a refresh did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refreshed {
    /// The version of cfn-lint.
    pub version: String,
    /// The number of resource types.
    pub types: usize,
    /// The number of lists in `limits.jsonl`.
    pub limits: usize,
    /// The files that are different from before; empty if the data were current.
    pub changed: Vec<String>,
    /// Keywords left out, as [`super::Generated::left_out`].
    pub left_out: Vec<String>,
}

/// Downloads [`PACKAGE`] at [`VERSION`] into `work_dir` with pip (the user's own settings apply), unpacks it, and writes
/// the data of the types in `out_dir/types.txt` into `out_dir`, with the package's licence beside them.
///
/// # Errors
/// If `python3` or its pip is missing or fails, or as [`regenerate`].
pub fn refresh(work_dir: &Path, out_dir: &Path) -> Result<Refreshed, GenerateError> {
    let (wheels, package) = (work_dir.join("wheel"), work_dir.join("package"));
    for dir in [&wheels, &package, &out_dir.to_owned()] {
        fs::create_dir_all(dir).map_err(|source| GenerateError::File { path: dir.clone(), source })?;
    }
    let wanted = format!("{PACKAGE}=={VERSION}");
    let pip = ["-m", "pip", "download", &wanted, "--no-deps", "--only-binary=:all:", "--disable-pip-version-check"];
    python(Command::new("python3").args(pip).arg("--dest").arg(&wheels))?;
    let wheel = find(&wheels, &format!("cfn_lint-{VERSION}-"), ".whl")?;
    python(Command::new("python3").args(["-m", "zipfile", "-e"]).arg(&wheel).arg(&package))?;

    let list = out_dir.join("types.txt");
    let types = fs::read_to_string(&list).map_err(|source| GenerateError::File { path: list, source })?;
    let types: Vec<&str> = types.split_whitespace().collect();
    let generated = regenerate(&package.join("cfnlint/data"), &types, VERSION)?;

    let changed = generated
        .files()
        .into_iter()
        .filter(|(name, text)| !fs::read_to_string(out_dir.join(name)).is_ok_and(|before| before == *text));
    let changed = changed.map(|(name, _)| name.to_owned()).collect();
    generated.write(out_dir)?;
    let licences = package.join(format!("cfn_lint-{VERSION}.dist-info/licenses"));
    for name in ["LICENSE", "NOTICE"] {
        let from = licences.join(name);
        let text = fs::read(&from).map_err(|source| GenerateError::File { path: from, source })?;
        write(&out_dir.join(format!("{name}-{PACKAGE}")), &text)?;
    }

    let source = read_json(&out_dir.join("source.json"))?;
    Ok(Refreshed {
        version: VERSION.to_owned(),
        types: source["types"].as_u64().and_then(|count| usize::try_from(count).ok()).unwrap_or_default(),
        limits: generated.limits.lines().count(),
        changed,
        left_out: generated.left_out,
    })
}

fn python(command: &mut Command) -> Result<(), GenerateError> {
    let words: Vec<String> = command.get_args().map(|word| word.to_string_lossy().into_owned()).collect();
    let failed = |why: String| GenerateError::Command { command: format!("python3 {}", words.join(" ")), why };
    match command.output() {
        Err(error) => Err(failed(error.to_string())),
        Ok(output) if !output.status.success() => {
            Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
        }
        Ok(_) => Ok(()),
    }
}

fn find(dir: &Path, prefix: &str, suffix: &str) -> Result<PathBuf, GenerateError> {
    let entries = fs::read_dir(dir).map_err(|source| GenerateError::File { path: dir.to_owned(), source })?;
    let is_wanted = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(prefix) && name.ends_with(suffix)
    };
    let found = entries.filter_map(Result::ok).map(|entry| entry.path()).find(is_wanted);
    found.ok_or_else(|| GenerateError::Form {
        what: dir.display().to_string(),
        why: format!("no file `{prefix}…{suffix}`"),
    })
}
