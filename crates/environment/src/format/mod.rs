//! The one form of environment files: comments, order and values stay, the rest does not matter.
//!
//! - `key = value`; no spaces at line ends; at most one blank line together.
//! - One blank line before a table's header (and the comments right above it), none after.
//! - A list or inline table stays on one line if it was on one and the line has at most 100 characters; otherwise each
//!   item of a list has a line of its own.

mod read;

use read::{Brackets, Line, Piece, Text};

/// The longest line that a list is kept on.
const WIDEST: usize = 100;
const INDENT: &str = "    ";

/// Formats the text of a file. A text that is not TOML stays as it is: `validate` says what is wrong with it.
pub fn format(text: &str) -> String {
    if toml_edit::Document::parse(text).is_err() {
        return text.to_owned();
    }
    let mut out = String::new();
    for line in spaced(read::lines(text)) {
        match line {
            Line::Blank => {}
            Line::Comment(comment) => out.push_str(comment),
            Line::Header(header, comment) => {
                out.push_str(&header);
                end_comment(&mut out, comment);
            }
            Line::Pair(key, value, comment) => {
                let start = format!("{key} = ");
                let width = start.chars().count();
                out.push_str(&start);
                write(&mut out, &value, 0, width);
                end_comment(&mut out, comment);
            }
        }
        out.push('\n');
    }
    out
}

fn end_comment(out: &mut String, comment: Option<&str>) {
    if let Some(comment) = comment {
        out.push(' ');
        out.push_str(comment);
    }
}

/// The blank lines where they belong.
fn spaced(lines: Vec<Line<'_>>) -> Vec<Line<'_>> {
    let mut out: Vec<Line<'_>> = Vec::new();
    for line in lines {
        match line {
            Line::Blank => {
                if !matches!(out.last(), None | Some(Line::Blank | Line::Header(..))) {
                    out.push(line);
                }
            }
            Line::Header(..) => {
                let block = out.iter().rposition(|line| !matches!(line, Line::Comment(_))).map_or(0, |last| last + 1);
                // Comments right below the header before belong to that header's table.
                let own = matches!(block.checked_sub(1).map(|last| &out[last]), Some(Line::Blank) | None);
                let at = if own { block } else { out.len() };
                if at > 0 && !matches!(out[at - 1], Line::Blank) {
                    out.insert(at, Line::Blank);
                }
                out.push(line);
            }
            _ => out.push(line),
        }
    }
    while matches!(out.last(), Some(Line::Blank)) {
        out.pop();
    }
    out
}

/// Writes a value that begins at a column.
fn write(out: &mut String, value: &Text<'_>, depth: usize, column: usize) {
    match value {
        Text::Plain(text) => out.push_str(text),
        Text::Brackets(brackets) => {
            let line = brackets.fits_one_line().then(|| one_line(brackets, depth));
            match line {
                Some(line) if brackets.open == '{' || column + line.chars().count() <= WIDEST => out.push_str(&line),
                _ => over_lines(out, brackets, depth),
            }
        }
    }
}

fn one_line(brackets: &Brackets<'_>, depth: usize) -> String {
    let items: Vec<String> = brackets
        .pieces
        .iter()
        .filter_map(|piece| match piece {
            Piece::Item { key, value, .. } => {
                let mut text = key.as_ref().map(|key| format!("{key} = ")).unwrap_or_default();
                // A list within a line stays in it, however long.
                match value {
                    Text::Brackets(inner) if inner.fits_one_line() => text.push_str(&one_line(inner, depth)),
                    value => write(&mut text, value, depth, 0),
                }
                Some(text)
            }
            Piece::Comment(_) => None,
        })
        .collect();
    let inside = items.join(", ");
    match (brackets.open, inside.is_empty()) {
        ('{', false) => format!("{{ {inside} }}"),
        ('{', true) => "{}".to_owned(),
        _ => format!("[{inside}]"),
    }
}

fn over_lines(out: &mut String, brackets: &Brackets<'_>, depth: usize) {
    let indent = INDENT.repeat(depth + 1);
    out.push(brackets.open);
    out.push('\n');
    for piece in &brackets.pieces {
        out.push_str(&indent);
        match piece {
            Piece::Comment(comment) => out.push_str(comment),
            Piece::Item { key, value, comment } => {
                let start = key.as_ref().map(|key| format!("{key} = ")).unwrap_or_default();
                out.push_str(&start);
                write(out, value, depth + 1, indent.len() + start.chars().count());
                out.push(',');
                end_comment(out, *comment);
            }
        }
        out.push('\n');
    }
    out.push_str(&INDENT.repeat(depth));
    out.push(if brackets.open == '[' { ']' } else { '}' });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_and_blank_lines_are_in_one_form() {
        let text = "\n\n#:schema ../schema.json\nextends=\"base.toml\"   \n\n\n\nregion  =  'us-east-1' # where\n[ networking ]\n\n  cidr=\"10.0.0.0/16\"\n# the way out\nnat  = \"single\"\n  # Two tasks.\n  # Always.\n[compute . service.\"api x\"]#c\ntasks={desired=2,max=3}\n[[a]]\nx=[1,2,\n3]\n# end\n\n\n";
        let formatted = "#:schema ../schema.json\nextends = \"base.toml\"\n\nregion = 'us-east-1' # where\n\n[networking]\ncidr = \"10.0.0.0/16\"\n# the way out\nnat = \"single\"\n# Two tasks.\n# Always.\n\n[compute.service.\"api x\"] #c\ntasks = { desired = 2, max = 3 }\n\n[[a]]\nx = [\n    1,\n    2,\n    3,\n]\n# end\n";
        assert_eq!(format(text), formatted);
        assert_eq!(format(formatted), formatted);
    }

    #[test]
    fn comments_above_a_header_stay_with_it() {
        let text = "a = 1\n\n# About b.\n[b]\n# Nothing.\n\n# About c.\n[c]\n";
        assert_eq!(format(text), text);
    }

    #[test]
    fn lists_keep_their_comments() {
        let text = "x = [ # why\n  1, # one\n  # before two\n  2 # two\n  , 3\n  # last\n]\n";
        let formatted = "x = [\n    # why\n    1, # one\n    # before two\n    2, # two\n    3,\n    # last\n]\n";
        assert_eq!(format(text), formatted);
        assert_eq!(format(formatted), formatted);
    }

    #[test]
    fn long_lists_take_several_lines() {
        let item = "\"arn:aws:s3:::arrakis-production-exports/*\"";
        let text = format!("resources = [{item}, {item}, {item}]\n");
        let formatted = format!("resources = [\n    {item},\n    {item},\n    {item},\n]\n");
        assert_eq!(format(&text), formatted);
    }

    #[test]
    fn values_stay_as_written() {
        for text in [
            "a = 1_000.50\n",
            "a.b.c = 0xff\n",
            "t = 1979-05-27 07:32:00\n",
            "s = \"\"\"\n  a\n\n  b \"\"\"\n",
            "e = []\nf = {}\n",
        ] {
            assert_eq!(format(text), text);
        }
        assert_eq!(format("a . b=[ [1,2] ,{x=1} ]"), "a.b = [[1, 2], { x = 1 }]\n");
    }

    #[test]
    fn what_is_not_toml_stays() {
        assert_eq!(format("a = = 1\n\n\n"), "a = = 1\n\n\n");
        assert_eq!(format(""), "");
    }
}
