//! `environments`: what there is.

use crate::app::App;
use crate::display::table::Columns;
use crate::display::{data, json as print_json};
use crate::error::Result;

/// Lists the environments.
pub fn run(app: &App) -> Result<()> {
    let found = environment::discover(&app.root);
    if app.global.json {
        print_json(&found);
        return Ok(());
    }
    let default = environment::choose(&app.root, None).ok();
    let mut table = Columns::new(&["environment", "regions", "file", ""]);
    for one in &found {
        let mark = if default.as_ref().is_some_and(|default| default.name == one.name) { "default" } else { "" };
        table.row([one.name.as_str(), &one.regions.join(", "), &one.file, mark]);
    }
    data(table.text());
    Ok(())
}
