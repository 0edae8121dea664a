//! Tables without borders: columns apart by two spaces, headings quiet.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use super::style::{QUIET, paint};

/// A table to be filled. Headings that begin with `>` are of right-aligned columns.
pub struct Columns(Table);

impl Columns {
    /// A table with these headings.
    pub fn new(headings: &[&str]) -> Self {
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(headings.iter().map(|heading| paint(QUIET, heading.trim_start_matches('>'))));
        for (index, heading) in headings.iter().enumerate() {
            if let Some(column) = table.column_mut(index) {
                column.set_padding((0, 2));
                if heading.starts_with('>') {
                    column.set_cell_alignment(CellAlignment::Right);
                }
            }
        }
        Self(table)
    }

    /// Adds a row.
    pub fn row<T: ToString>(&mut self, cells: impl IntoIterator<Item = T>) {
        self.0.add_row(cells.into_iter().map(|cell| cell.to_string()));
    }

    /// The table as text, no spaces at the ends of lines.
    pub fn text(&self) -> String {
        self.0.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
    }
}
