//! Places in the files of an environment: what an error points at.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// A place in a file, for a person: lines and columns count from 1, columns in characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Located {
    /// The file, relative to the workspace: `environments/freeside/production.toml`.
    pub file: String,
    /// The line.
    pub line: usize,
    /// The column of the first character.
    pub column: usize,
    /// The column after the last character in this line.
    pub end_column: usize,
    /// The text of the line, without its end.
    pub source_line: String,
}

/// One file as read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Source {
    /// The file, relative to the workspace.
    pub file: String,
    /// Its text.
    pub text: String,
}

impl Source {
    /// The place of a span of bytes; of one over several lines the part in the first.
    pub fn locate(&self, span: Range<usize>) -> Located {
        let start = self.boundary(span.start);
        let line_start = self.text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = self.text[start..].find('\n').map_or(self.text.len(), |at| start + at);
        let source_line = self.text[line_start..line_end].trim_end_matches('\r');
        let visible_end = line_start + source_line.len();
        let end = self.boundary(span.end).clamp(start, visible_end.max(start));
        let column = self.text[line_start..start].chars().count() + 1;
        Located {
            file: self.file.clone(),
            line: self.text[..start].matches('\n').count() + 1,
            column,
            end_column: (column + self.text[start..end].chars().count()).max(column + 1),
            source_line: source_line.to_owned(),
        }
    }

    /// The nearest character boundary at or before a byte.
    fn boundary(&self, byte: usize) -> usize {
        let mut at = byte.min(self.text.len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters() {
        let source = Source { file: "a.toml".into(), text: "x = 1\r\n# ä\nö = \"ü\"\n".into() };
        let at = |needle: &str| {
            let start = source.text.find(needle).unwrap();
            source.locate(start..start + needle.len())
        };
        let one = at("1");
        assert_eq!((one.line, one.column, one.end_column, one.source_line.as_str()), (1, 5, 6, "x = 1"));
        let text = at("\"ü\"");
        assert_eq!((text.line, text.column, text.end_column), (3, 5, 8));
    }

    #[test]
    fn spans_past_a_line_or_the_text_are_cut() {
        let source = Source { file: "a.toml".into(), text: "a = [\n1]".into() };
        let list = source.locate(4..8);
        assert_eq!((list.line, list.column, list.end_column), (1, 5, 6));
        let end = source.locate(99..120);
        assert_eq!((end.line, end.column, end.end_column), (2, 3, 4));
    }
}
