//! What commands print: lines and tables for people, JSON for programs.

mod progress;
mod table;
mod units;

use std::{
    borrow::Cow,
    fmt::Display,
    io::{self, Write},
};

use anstream::AutoStream;
use anstyle::{AnsiColor, Style};
use serde_json::Value;

pub(crate) use self::{
    progress::Progress,
    table::{Cell, TextTable},
    units::{bytes, count, duration_ms, maybe, millis, percent},
};
use super::exit::CommandResult;

pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const DIM: Style = Style::new().dimmed();
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
pub(crate) const WARN: Style = AnsiColor::Yellow.on_default();
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();

/// Standard output, with colours if it is a terminal and `NO_COLOR` isn't set.
pub(crate) struct Printer {
    json: bool,
    out: AutoStream<io::Stdout>,
}

impl Printer {
    pub(crate) fn new(json: bool) -> Self {
        Self { json, out: anstream::stdout() }
    }

    /// Whether programs read it.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Writes a line.
    pub(crate) fn line(&mut self, line: impl Display) -> CommandResult {
        writeln!(self.out, "{line}")?;
        Ok(())
    }

    /// Writes a text as it is, with a NUL behind it: for programs that take any text apart from others by it.
    pub(crate) fn ended_by_nul(&mut self, text: &str) -> CommandResult {
        self.flush()?;
        // Beside what drops the escapes of terminals.
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.write_all(&[0])?;
        Ok(())
    }

    /// Writes a heading, with a line above it.
    pub(crate) fn heading(&mut self, text: impl Display) -> CommandResult {
        self.line(format_args!("\n{BOLD}{text}{BOLD:#}"))
    }

    /// Writes a document for programs.
    pub(crate) fn document(&mut self, document: &Value) -> CommandResult {
        self.line(format_args!("{document:#}"))
    }

    /// Writes a document as a line of its own, and passes it on at once.
    pub(crate) fn json_line(&mut self, document: &Value) -> CommandResult {
        self.line(document)?;
        self.flush()
    }

    /// Writes a table; nothing, if it is empty.
    pub(crate) fn table(&mut self, table: &TextTable) -> CommandResult {
        if !table.is_empty() {
            write!(self.out, "{table}")?;
        }
        Ok(())
    }

    /// Passes on what was written.
    pub(crate) fn flush(&mut self) -> CommandResult {
        self.out.flush()?;
        Ok(())
    }
}

/// Returns a text in a style.
pub(crate) fn styled(style: Style, text: impl Display) -> String {
    format!("{style}{text}{style:#}")
}

/// Returns a text that does nothing to a terminal: what others wrote may hold control characters.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    // Marks that turn the direction of writing round could make a text look like another.
    let is_harmful = |letter: char| {
        letter.is_control()
            || matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(is_harmful) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        if is_harmful(letter) { shown.extend(letter.escape_unicode()) } else { shown.push(letter) }
    }
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_moves_no_cursor() {
        assert_eq!(printable("price:AAPL é"), "price:AAPL é");
        assert_eq!(printable("a\u{1b}[2Jb\nc"), "a\\u{1b}[2Jb\\u{a}c");
        assert_eq!(printable("a\u{202e}b"), "a\\u{202e}b");
    }
}
