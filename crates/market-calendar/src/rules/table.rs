//! Tables of single days that follow no rule: one line a day, read whole or not at all.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::day_override::{DayOverride, FORMS};
use crate::{Error, ErrorKind, Market, Result};

/// Overrides by day.
pub(crate) type Table = BTreeMap<Date, DayEntry>;

/// The override of one day, and the line it stands in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DayEntry {
    pub(crate) day_override: DayOverride,
    pub(crate) line: usize,
}

/// Reads the table of one market: lines such as `2018-12-05 closed  # why`.
///
/// # Errors
///
/// [`ErrorKind::InvalidDay`], with file, line and text, for a line of another form, or a day named twice.
pub(crate) fn read(text: &str, file: &str) -> Result<Table> {
    let mut table = Table::new();
    for (line, content) in lines(text) {
        add(&mut table, content, line).map_err(|why| line_error(file, line, content, &why))?;
    }
    Ok(table)
}

/// Reads the tables of several markets; the code of its market begins each line: `XNYS 2018-12-05 closed  # why`.
///
/// # Errors
///
/// [`ErrorKind::InvalidDay`], with file, line and text, for a line of another form, a code that `find` refuses, or
/// a day named twice.
pub(crate) fn read_many(
    text: &str,
    file: &str,
    find: impl Fn(&str) -> Result<Market>,
) -> Result<BTreeMap<Market, Table>> {
    let mut tables = BTreeMap::<Market, Table>::new();
    for (line, content) in lines(text) {
        let (market, rest) = content.split_once(char::is_whitespace).unwrap_or((content, ""));
        find(market)
            .map_err(|why| why.to_string())
            .and_then(|market| add(tables.entry(market).or_default(), rest.trim_start(), line))
            .map_err(|why| line_error(file, line, content, &why))?;
    }
    Ok(tables)
}

/// Returns the error about a line: file, line number, the line's start, and why.
pub(crate) fn line_error(file: &str, line: usize, content: &str, why: &str) -> Error {
    let mut start: String = content.chars().take(80).collect();
    if start.len() < content.len() {
        start.push_str("...");
    }
    Error::new(ErrorKind::InvalidDay, format!("{file}:{line}: {start:?}: {why}")).on_line(line)
}

/// Returns the lines that are not empty, with their numbers, without their comments.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    // Some editors write a byte order mark first.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let said = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    said.enumerate().map(|(at, line)| (at + 1, line)).filter(|(_, line)| !line.is_empty())
}

fn add(table: &mut Table, content: &str, line: usize) -> Result<(), String> {
    let (day, rest) = content.split_once(char::is_whitespace).unwrap_or((content, ""));
    let date = date(day).ok_or_else(|| format!("{day:?} is no day: write it as 2018-12-05"))?;
    let day_override = DayOverride::parse(rest.trim())
        .ok_or_else(|| format!("{:?} is no rule for a day: write {FORMS}", rest.trim()))?;
    let day_override = match table.get(&date) {
        None => day_override,
        Some(earlier) => earlier.day_override.and(day_override).ok_or_else(|| {
            format!("line {} already says what happens on {date}: remove one of the two", earlier.line)
        })?,
    };
    table.insert(date, DayEntry { day_override, line });
    Ok(())
}

/// Returns a day written as 2018-12-05 and in no other way.
fn date(text: &str) -> Option<Date> {
    let sound = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    sound.then(|| text.parse().ok()).flatten()
}
