//! The text of a TOML file as lines and values, comments kept. Only for texts that are TOML.

use toml_parser::Source;
use toml_parser::lexer::TokenKind;

/// A line, or a value over several.
#[derive(Debug)]
pub enum Line<'t> {
    Blank,
    Comment(&'t str),
    /// `[a.b]`, and the comment behind it.
    Header(String, Option<&'t str>),
    /// Key, value, and the comment behind.
    Pair(String, Text<'t>, Option<&'t str>),
}

/// A value.
#[derive(Debug)]
pub enum Text<'t> {
    Plain(String),
    Brackets(Brackets<'t>),
}

/// A list or an inline table.
#[derive(Debug)]
pub struct Brackets<'t> {
    /// `[` or `{`.
    pub open: char,
    pub pieces: Vec<Piece<'t>>,
    over_lines: bool,
}

/// What is in brackets.
#[derive(Debug)]
pub enum Piece<'t> {
    Comment(&'t str),
    Item { key: Option<String>, value: Text<'t>, comment: Option<&'t str> },
}

impl Brackets<'_> {
    /// Whether it was written on one line.
    pub fn fits_one_line(&self) -> bool {
        !self.over_lines
    }
}

struct Tokens<'t> {
    all: Vec<(TokenKind, &'t str)>,
    at: usize,
}

/// Reads a file.
pub fn lines(text: &str) -> Vec<Line<'_>> {
    let source = Source::new(text);
    let all = source
        .lex()
        .map(|token| (token.kind(), &text[token.span().start()..token.span().end()]))
        // The mark of UTF-8 is no content; an empty token ends the file.
        .filter(|(_, text)| !text.is_empty() && *text != "\u{feff}")
        .collect();
    let mut tokens = Tokens { all, at: 0 };
    let mut lines = Vec::new();
    while tokens.peek().is_some() {
        lines.push(tokens.line());
    }
    lines
}

impl<'t> Tokens<'t> {
    fn peek(&self) -> Option<TokenKind> {
        self.all.get(self.at).map(|(kind, _)| *kind)
    }

    fn take(&mut self) -> &'t str {
        let text = self.all.get(self.at).map_or("", |(_, text)| *text);
        self.at += 1;
        text
    }

    fn spaces(&mut self) {
        while self.peek() == Some(TokenKind::Whitespace) {
            self.at += 1;
        }
    }

    fn line(&mut self) -> Line<'t> {
        self.spaces();
        let line = match self.peek() {
            None | Some(TokenKind::Newline) => Line::Blank,
            Some(TokenKind::Comment) => Line::Comment(self.take().trim_end()),
            Some(TokenKind::LeftSquareBracket) => {
                let header = self.joined(|kind| matches!(kind, TokenKind::Newline | TokenKind::Comment));
                Line::Header(header, self.comment())
            }
            Some(_) => {
                let key = self.key();
                let value = self.value();
                Line::Pair(key, value, self.comment())
            }
        };
        if self.peek() == Some(TokenKind::Newline) {
            self.at += 1;
        }
        line
    }

    /// The tokens up to one, without spaces.
    fn joined(&mut self, stop: fn(TokenKind) -> bool) -> String {
        let mut text = String::new();
        while let Some(kind) = self.peek().filter(|kind| !stop(*kind)) {
            let token = self.take();
            if kind != TokenKind::Whitespace {
                text.push_str(token);
            }
        }
        text
    }

    fn key(&mut self) -> String {
        let key = self.joined(|kind| kind == TokenKind::Equals);
        self.at += 1;
        key
    }

    /// The comment up to the line's end.
    fn comment(&mut self) -> Option<&'t str> {
        self.spaces();
        (self.peek() == Some(TokenKind::Comment)).then(|| self.take().trim_end())
    }

    fn value(&mut self) -> Text<'t> {
        self.spaces();
        match self.peek() {
            Some(TokenKind::LeftSquareBracket) => self.brackets('[', TokenKind::RightSquareBracket),
            Some(TokenKind::LeftCurlyBracket) => self.brackets('{', TokenKind::RightCurlyBracket),
            _ => self.plain(),
        }
    }

    fn plain(&mut self) -> Text<'t> {
        let ends = |kind| {
            use TokenKind::{Comma, Comment, Newline, RightCurlyBracket, RightSquareBracket};
            matches!(kind, Comma | Comment | Newline | RightCurlyBracket | RightSquareBracket)
        };
        let mut text = String::new();
        while let Some(kind) = self.peek().filter(|kind| !ends(*kind)) {
            let token = self.take();
            // A date and a time may stand apart.
            text.push_str(if kind == TokenKind::Whitespace { " " } else { token });
        }
        Text::Plain(text.trim_end().to_owned())
    }

    fn brackets(&mut self, open: char, close: TokenKind) -> Text<'t> {
        self.at += 1;
        let mut brackets = Brackets { open, pieces: Vec::new(), over_lines: false };
        // Whether a comment met now still stands in the line of the last item.
        let mut same_line = false;
        while let Some(kind) = self.peek() {
            match kind {
                TokenKind::Whitespace | TokenKind::Comma => self.at += 1,
                TokenKind::Newline => {
                    self.at += 1;
                    brackets.over_lines = true;
                    same_line = false;
                }
                TokenKind::Comment => {
                    let text = self.take().trim_end();
                    match brackets.pieces.last_mut() {
                        Some(Piece::Item { comment: comment @ None, .. }) if same_line => *comment = Some(text),
                        _ => brackets.pieces.push(Piece::Comment(text)),
                    }
                }
                kind if kind == close => {
                    self.at += 1;
                    break;
                }
                _ => {
                    let key = (open == '{').then(|| self.key());
                    let value = self.value();
                    brackets.pieces.push(Piece::Item { key, value, comment: None });
                    same_line = true;
                }
            }
        }
        Text::Brackets(brackets)
    }
}
