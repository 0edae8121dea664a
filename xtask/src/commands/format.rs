//! `format`: the one way an environment file is laid out.

use std::io::Write;
use std::path::Path;

use crate::app::App;
use crate::cli::FormatArgs;
use crate::display::data;
use crate::error::{About, Error, Result};

/// Formats every TOML file under `environments/`.
pub fn run(app: &App, args: &FormatArgs) -> Result<()> {
    let mut differ = 0;
    for shown in environment::files(&app.root) {
        let path = app.root.join(&shown);
        let text = std::fs::read_to_string(&path).about(&path)?;
        let formatted = environment::format(&text);
        if formatted == text {
            continue;
        }
        differ += 1;
        if args.check {
            data(format_args!("{shown}: not formatted"));
        } else {
            replace(&path, &formatted)?;
            data(format_args!("{shown}: formatted"));
        }
    }
    if args.check && differ > 0 {
        return Err(Error::told("some files are not formatted").hint("cargo xtask format"));
    }
    Ok(())
}

/// Puts a text in a file's place, whole or not at all, with the file's permissions.
fn replace(path: &Path, text: &str) -> Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(dir).about(dir)?;
    file.write_all(text.as_bytes()).about(path)?;
    let permissions = std::fs::metadata(path).about(path)?.permissions();
    file.as_file().set_permissions(permissions).about(path)?;
    file.persist(path).map(drop).map_err(|error| error.error).about(path)
}
