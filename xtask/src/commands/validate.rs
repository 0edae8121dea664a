//! `validate`: everything that can be found wrong without calling anything.

use environment::LocatedFinding;
use serde_json::json;

use crate::app::App;
use crate::cli::ValidateArgs;
use crate::display::words::count;
use crate::display::{data, error, json as print_json};
use crate::error::{Error, Result, status};

/// Checks one environment, or all.
pub fn run(app: &App, args: &ValidateArgs) -> Result<()> {
    let names: Vec<String> = if args.all {
        environment::discover(&app.root).into_iter().map(|one| one.name).collect()
    } else {
        vec![app.environment()?]
    };
    let mut findings: Vec<LocatedFinding> = Vec::new();
    let mut lines = Vec::new();
    for name in &names {
        match environment::load(&app.root, Some(name)) {
            Ok(loaded) => {
                lines.push(format!("{name}: valid, {}", count(loaded.nodes.len(), "resource")));
                findings.extend(loaded.findings);
            }
            Err(found) => {
                let errors = found.iter().filter(|finding| finding.is_error()).count();
                lines.push(format!("{name}: not valid, {}", count(errors, "error")));
                findings.extend(found);
            }
        }
    }
    let valid = !findings.iter().any(LocatedFinding::is_error);
    if app.global.json {
        print_json(&json!({ "valid": valid, "findings": findings }));
    } else {
        findings.iter().for_each(error::finding);
        lines.iter().for_each(data);
    }
    if valid { Ok(()) } else { Err(Error::Exit(status::ERROR)) }
}
