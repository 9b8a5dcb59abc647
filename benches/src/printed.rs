//! What a benchmark prints for programs.

use std::{
    fmt::Display,
    io::{self, ErrorKind, Write},
};

use anyhow::{Context, Result};

/// Prints a report and the end of its line.
///
/// # Errors
///
/// If standard output takes no more, unless whoever reads it has read enough.
pub fn printed(report: &impl Display) -> Result<()> {
    match writeln!(io::stdout(), "{report}") {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.context("can't write the report"),
    }
}
