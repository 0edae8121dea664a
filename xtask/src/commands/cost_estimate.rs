//! `cost-estimate`: what an environment costs a month.

use cost::{Comparison, Estimate};
use engine::{Catalogue, Quantity};
use environment::Loaded;

use crate::app::App;
use crate::cli::{CostArgs, CostFormat};
use crate::display::table::Columns;
use crate::display::words::money;
use crate::display::{data, json as print_json, talk};
use crate::error::{Error, Result};

/// The estimate of a loaded environment.
pub fn estimate(loaded: &Loaded, catalogue: &Catalogue) -> Estimate {
    let priced = cost::price(&loaded.nodes, catalogue, &loaded.usage);
    cost::estimate(&loaded.name, &priced, cost::book())
}

/// Estimates one environment, or all.
pub fn run(app: &App, args: &CostArgs) -> Result<()> {
    let format = if app.global.json { CostFormat::Json } else { args.format };
    let catalogue = environment::catalogue();
    if args.all {
        return all(app, format, &catalogue);
    }
    let loaded = app.load()?;
    let estimate = estimate(&loaded, &catalogue);
    if args.compare {
        let Some(documented) = cost::documented(&loaded.system) else {
            return Err(Error::told(format!("no cost table of {} is known", loaded.system)));
        };
        if documented.environment != loaded.name {
            talk(format_args!("the document's table is about {}, this is {}", documented.environment, loaded.name));
        }
        compare(&cost::compare(&estimate, &documented), format);
    } else {
        one(&estimate, format);
    }
    for (address, key) in &estimate.missing {
        talk(format_args!("no price for `{key}` of {address}: it is not in the sum"));
    }
    Ok(())
}

fn one(estimate: &Estimate, format: CostFormat) {
    if format == CostFormat::Json {
        return print_json(estimate);
    }
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut lines: Vec<&cost::Line> = estimate.lines.iter().filter(|line| line.monthly.max >= 0.005).collect();
    lines.sort_by(|a, b| b.monthly.expected.total_cmp(&a.monthly.expected));
    for line in lines {
        rows.push(vec![
            line.address.to_string(),
            line.component.clone(),
            amount(line.quantity.expected),
            line.unit.to_owned(),
            price(line.unit_price),
            money(line.monthly.min),
            money(line.monthly.expected),
            money(line.monthly.max),
        ]);
    }
    let headings = ["address", "component", ">quantity", "unit", ">USD a unit", ">at least", ">expected", ">at most"];
    table(&headings, &rows, format);
    data(format_args!("\n{} a month: {}", estimate.environment, range(estimate.total)));
}

fn compare(comparison: &Comparison, format: CostFormat) {
    if format == CostFormat::Json {
        return print_json(comparison);
    }
    let row = |row: &cost::Compared| {
        let documented = match row.documented {
            None => "–".to_owned(),
            Some((from, to)) if from == to => format!("~{from:.0}"),
            Some((from, to)) => format!("{from:.0}–{to:.0}"),
        };
        vec![row.what.clone(), documented, money(row.ours.expected), signed(row.difference), row.reason.clone()]
    };
    let mut rows: Vec<Vec<String>> = comparison.rows.iter().map(row).collect();
    rows.push(row(&comparison.total));
    table(&["what", ">document", ">ours", ">difference", "why"], &rows, format);
    data(format_args!(
        "\nThe document: {}. Ours between {} and {}.",
        comparison.source,
        money(comparison.total.ours.min),
        money(comparison.total.ours.max)
    ));
}

fn all(app: &App, format: CostFormat, catalogue: &Catalogue) -> Result<()> {
    let mut estimates = Vec::new();
    for file in environment::discover(&app.root) {
        let loaded = environment::load(&app.root, Some(&file.name)).map_err(Error::Findings)?;
        estimates.push(estimate(&loaded, catalogue));
    }
    if format == CostFormat::Json {
        print_json(&estimates);
        return Ok(());
    }
    let row = |estimate: &Estimate| {
        let total = estimate.total;
        vec![estimate.environment.clone(), money(total.min), money(total.expected), money(total.max)]
    };
    let rows: Vec<Vec<String>> = estimates.iter().map(row).collect();
    table(&["environment", ">at least", ">expected", ">at most"], &rows, format);
    Ok(())
}

fn table(headings: &[&str], rows: &[Vec<String>], format: CostFormat) {
    if format == CostFormat::Markdown {
        let line = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
        data(line(headings.iter().map(|heading| heading.trim_start_matches('>').to_owned()).collect()));
        let rule = |heading: &&str| if heading.starts_with('>') { "---:" } else { "---" }.to_owned();
        data(line(headings.iter().map(rule).collect()));
        rows.iter().for_each(|row| data(line(row.clone())));
        return;
    }
    let mut table = Columns::new(headings);
    rows.iter().for_each(|row| table.row(row));
    data(table.text());
}

fn range(total: Quantity) -> String {
    format!("${} expected, between ${} and ${}", money(total.expected), money(total.min), money(total.max))
}

fn amount(quantity: f64) -> String {
    if quantity.fract() == 0.0 { format!("{quantity:.0}") } else { format!("{quantity:.2}") }
}

/// A unit price with as many digits as it has.
fn price(usd: f64) -> String {
    let text = format!("{usd:.7}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn signed(difference: f64) -> String {
    format!("{}{}", if difference < 0.0 { "−" } else { "+" }, money(difference.abs()))
}
