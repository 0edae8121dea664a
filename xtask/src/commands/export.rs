//! `export`: the declared resources as CloudFormation templates.

use crate::app::App;
use crate::cli::{ExportArgs, ExportFormat};
use crate::display::{data, talk};
use crate::error::{About, Result};

/// Writes one template per region.
pub fn run(app: &App, args: &ExportArgs) -> Result<()> {
    let ExportFormat::Cloudformation = args.format;
    let loaded = app.load()?;
    let export = environment::export(&loaded.name, &loaded.nodes, &loaded.outputs, &environment::catalogue());
    for left_out in &export.left_out {
        talk(format_args!("left out: {} ({}): {}", left_out.address, left_out.type_name, left_out.note));
    }
    match &args.out {
        None => export.templates.iter().for_each(|template| data(template.text())),
        Some(dir) => {
            std::fs::create_dir_all(dir).about(dir)?;
            for template in &export.templates {
                let path = dir.join(&template.file);
                std::fs::write(&path, template.text()).about(&path)?;
                data(path.display());
            }
        }
    }
    Ok(())
}
