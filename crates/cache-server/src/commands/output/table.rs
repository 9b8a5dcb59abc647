//! Tables: the first column to the left, numbers to the right, as wide as what they hold.

use std::fmt;

use anstyle::Style;
use unicode_width::UnicodeWidthStr;

use super::{DIM, printable};

/// A table with a heading for each column. One that begins with `>` is of numbers, and set to the right.
#[derive(Clone, Debug)]
pub(crate) struct TextTable {
    headings: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
}

/// A cell: a text in a style.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    pub(crate) fn new(style: Style, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { text: printable(&text).into_owned(), style }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::new(Style::new(), text)
    }
}

impl TextTable {
    pub(crate) fn new(headings: &[&'static str]) -> Self {
        Self { headings: headings.to_vec(), rows: Vec::new() }
    }

    pub(crate) fn row<const N: usize>(&mut self, cells: [Cell; N]) {
        self.rows.push(cells.into());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

impl fmt::Display for TextTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let heading = |column: usize| self.headings[column].trim_start_matches('>');
        let widths: Vec<usize> = (0..self.headings.len())
            .map(|column| {
                let cells = self.rows.iter().filter_map(|row| row.get(column));
                cells.map(|cell| cell.text.width()).chain([heading(column).width()]).max().unwrap_or_default()
            })
            .collect();
        let headings: Vec<Cell> = (0..widths.len()).map(|column| Cell::new(DIM, heading(column))).collect();
        for row in std::iter::once(&headings).chain(&self.rows) {
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                let room = width - cell.text.width();
                let is_number = self.headings[column].starts_with('>');
                let is_last = column + 1 == row.len();
                let (before, behind) = match (is_number, is_last) {
                    (true, _) => (room, 0),
                    (false, true) => (0, 0),
                    (false, false) => (0, room),
                };
                let (gap, style) = (if column == 0 { "" } else { "  " }, cell.style);
                write!(f, "{gap}{:before$}{style}{}{style:#}{:behind$}", "", cell.text, "")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_what_a_terminal_shows() {
        let mut table = TextTable::new(&["key", ">reads", "note"]);
        table.row(["price:AAPL".into(), "1,234".into(), "hot".into()]);
        table.row(["価格".into(), "7".into(), "".into()]);
        let plain = anstream::adapter::strip_str(&table.to_string()).to_string();
        assert_eq!(plain, "key         reads  note\nprice:AAPL  1,234  hot\n価格            7  \n");
    }
}
