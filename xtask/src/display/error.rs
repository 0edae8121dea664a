//! Errors and findings: what, where, why, and the next step.

use std::process::ExitCode;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use engine::Severity;
use environment::LocatedFinding;
use serde_json::json;

use super::style::{CHANGE, DESTROY, STRONG, paint};
use super::{data, talk};
use crate::error::{Error, status};

/// Says an error and gives the exit status.
pub fn show(error: &Error, as_json: bool) -> ExitCode {
    match error {
        Error::Exit(code) => return ExitCode::from(*code),
        Error::Findings(findings) if as_json => {
            data(json!({ "valid": false, "findings": findings }));
        }
        Error::Findings(findings) => {
            findings.iter().for_each(finding);
            let errors = findings.iter().filter(|finding| finding.is_error()).count();
            talk(format_args!("{}: {} found", paint(DESTROY, "error"), super::words::count(errors, "error")));
        }
        Error::Told { message, detail, hint } => {
            if as_json {
                data(json!({ "event": "error", "message": message, "detail": detail, "hint": hint }));
            }
            talk(format_args!("{}: {}", paint(DESTROY, "error"), paint(STRONG, message)));
            further(detail.as_deref(), hint.as_deref());
        }
    }
    ExitCode::from(status::ERROR)
}

/// Says what would be an error if the command did more than look.
pub fn warn(error: &Error) {
    let Error::Told { message, detail, hint } = error else { return };
    talk(format_args!("{}: {}", paint(CHANGE, "warning"), paint(STRONG, message)));
    further(detail.as_deref(), hint.as_deref());
}

fn further(detail: Option<&str>, hint: Option<&str>) {
    if let Some(detail) = detail {
        talk(format_args!("  {detail}"));
    }
    if let Some(hint) = hint {
        talk(format_args!("  help: {hint}"));
    }
}

/// Says one finding, with the line of the file that it is about.
pub fn finding(found: &LocatedFinding) {
    talk(format_args!("{}\n", rendered(found)));
}

fn rendered(found: &LocatedFinding) -> String {
    let finding = &found.finding;
    let level = if finding.severity == Severity::Error { Level::ERROR } else { Level::WARNING };
    let mut group = level
        .primary_title(finding.message.as_str())
        .id(finding.rule.as_str())
        .elements(None::<annotate_snippets::Padding>);
    if let Some(place) = &found.place {
        let start = byte_of_column(&place.source_line, place.column);
        let end =
            byte_of_column(&place.source_line, place.end_column).max(start + 1).min(place.source_line.len().max(start));
        let snippet = Snippet::source(place.source_line.as_str())
            .path(place.file.as_str())
            .line_start(place.line)
            .annotation(AnnotationKind::Primary.span(start..end));
        group = group.element(snippet);
    } else if let Some(address) = &finding.address {
        group = group.element(Level::NOTE.message(format!("it is about {address}")));
    }
    if let Some(hint) = &finding.hint {
        group = group.element(Level::HELP.message(hint.as_str()));
    }
    Renderer::styled().render(&[group])
}

/// Columns count characters from 1; spans count bytes from 0.
fn byte_of_column(line: &str, column: usize) -> usize {
    line.char_indices().nth(column.saturating_sub(1)).map_or(line.len(), |(byte, _)| byte)
}
