//! Makes the data files again: `cargo run -p schema --example refresh`. Changes nothing if they are current.

use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let work = tempfile::tempdir()?;
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("data");
    let refreshed = schema::generate::refresh(work.path(), &data)?;
    let changed = if refreshed.changed.is_empty() { "nothing".to_owned() } else { refreshed.changed.join(", ") };
    let report = format!(
        "cfn-lint {}: {} types, {} lists; changed: {changed}; left out: {:?}\n",
        refreshed.version, refreshed.types, refreshed.limits, refreshed.left_out
    );
    std::io::Write::write_all(&mut std::io::stdout(), report.as_bytes())?;
    Ok(())
}
