//! A table within a panel, whose figures are whole or not there: as a screen narrows, whole columns go.

use ratatui::{
    Frame,
    layout::{Constraint, Rect},
    style::Style,
    text::Line,
    widgets::{Block, Cell, Paragraph, Row, Table},
};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::draw::DIM;
use crate::commands::output::printable;

/// The least width of a column of names.
const LEAST_NAME: u16 = 8;
/// What stands between two columns.
const GAP: u16 = 1;

/// A column: its heading, its cells, and how soon it goes.
pub(super) struct Column {
    heading: &'static str,
    cells: Vec<(String, Style)>,
    shape: Shape,
    /// The column with the greatest number goes first; the one with 0 stays.
    rank: u8,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// To the right, and whole.
    Figure,
    /// To the left, and whole.
    Word,
    /// To the left, and cut with a mark where there is no room.
    Name,
}

impl Column {
    fn new(heading: &'static str, shape: Shape, rank: u8) -> Self {
        Self { heading, cells: Vec::new(), shape, rank }
    }

    pub(super) fn figure(heading: &'static str, rank: u8) -> Self {
        Self::new(heading, Shape::Figure, rank)
    }

    pub(super) fn word(heading: &'static str, rank: u8) -> Self {
        Self::new(heading, Shape::Word, rank)
    }

    pub(super) fn name(heading: &'static str, rank: u8) -> Self {
        Self::new(heading, Shape::Name, rank)
    }

    /// Returns the width of its widest text.
    fn most(&self) -> u16 {
        let cells = self.cells.iter().map(|(text, _)| text.width());
        let most = cells.chain([self.heading.width()]).max().unwrap_or_default();
        u16::try_from(most).unwrap_or(u16::MAX)
    }

    /// Returns the least width at which it says nothing wrong.
    fn least(&self) -> u16 {
        match self.shape {
            Shape::Figure | Shape::Word => self.most(),
            Shape::Name => self.most().min(LEAST_NAME),
        }
    }
}

/// A table that is drawn into a panel.
pub(super) struct PanelTable(Vec<Column>);

impl PanelTable {
    pub(super) fn new<const N: usize>(columns: [Column; N]) -> Self {
        Self(columns.into())
    }

    /// Adds a row, of a cell a column.
    pub(super) fn row<const N: usize>(&mut self, cells: [(String, Style); N]) {
        for (column, (text, style)) in self.0.iter_mut().zip(cells) {
            column.cells.push((printable(&text).into_owned(), style));
        }
    }

    /// Draws it with as many columns as there is room for.
    pub(super) fn draw(mut self, frame: &mut Frame<'_>, block: Block<'_>, area: Rect) {
        let room = block.inner(area).width;
        let needed = |columns: &[Column]| {
            let widths: u16 = columns.iter().map(Column::least).fold(0, u16::saturating_add);
            widths.saturating_add(GAP * u16::try_from(columns.len().saturating_sub(1)).unwrap_or(0))
        };
        while needed(&self.0) > room {
            let goes = self.0.iter().enumerate().filter(|(_, column)| column.rank > 0);
            match goes.max_by_key(|(_, column)| column.rank).map(|(at, _)| at) {
                // A name without a figure says nothing.
                Some(at) if self.0.len() > 2 => drop(self.0.remove(at)),
                _ => {
                    let least = needed(&self.0).saturating_add(area.width - room);
                    return frame.render_widget(too_narrow(least, room).block(block), area);
                }
            }
        }
        let mut left = room - needed(&self.0);
        let mut widths: Vec<u16> = self.0.iter().map(Column::least).collect();
        for (width, column) in widths.iter_mut().zip(&self.0) {
            let more = (column.most() - *width).min(left);
            (*width, left) = (*width + more, left - more);
        }
        if let Some(first) = widths.first_mut() {
            *first += left;
        }
        let cell = |column: &Column, width: u16, text: &str, style: Style| match column.shape {
            Shape::Figure => Cell::from(Line::from(text.to_owned()).right_aligned()).style(style),
            Shape::Word | Shape::Name => Cell::from(cut(text, width)).style(style),
        };
        let columns = || self.0.iter().zip(&widths);
        let heading: Row<'_> =
            columns().map(|(column, width)| cell(column, *width, column.heading, DIM)).collect();
        let rows = self.0.iter().map(|column| column.cells.len()).max().unwrap_or_default();
        let rows = (0..rows).map(|at| {
            let cells = columns().filter_map(|(column, width)| {
                let (text, style) = column.cells.get(at)?;
                Some(cell(column, *width, text, *style))
            });
            cells.collect::<Row<'_>>()
        });
        let widths = widths.iter().map(|width| Constraint::Length(*width));
        let table =
            Table::new(rows.collect::<Vec<_>>(), widths).column_spacing(GAP).header(heading.style(DIM));
        frame.render_widget(table.block(block), area);
    }
}

/// Returns what is said where there is no room for any figure, as far as there is for that.
pub(super) fn too_narrow(least: u16, room: u16) -> Paragraph<'static> {
    let said = [
        format!("too narrow: {least} columns at least"),
        format!("{least} columns at least"),
        "too narrow".into(),
    ];
    Paragraph::new(fitting(said, room))
}

/// Returns the first of some texts for which there is room: none, if there is for none.
pub(super) fn fitting(texts: impl IntoIterator<Item = String>, room: u16) -> String {
    texts.into_iter().find(|text| text.width() <= usize::from(room)).unwrap_or_default()
}

/// Returns a text as far as there is room, with a mark where it was cut: between words, or else within the only
/// one.
pub(super) fn cut(text: &str, room: u16) -> String {
    let room = usize::from(room);
    if text.width() <= room {
        return text.to_owned();
    }
    // Beside a figure the mark would look like a part of it.
    let mark = if text.trim().contains(' ') { " …" } else { "…" };
    let mut width = mark.width();
    let end = text.char_indices().find(|(_, letter)| {
        width += letter.width().unwrap_or_default();
        width > room
    });
    let begins = &text[..end.map_or(text.len(), |(at, _)| at)];
    let begins = match begins.rsplit_once(' ') {
        Some((words, _)) => words,
        None if mark == " …" => "",
        None => begins,
    };
    match (room, begins) {
        (0, _) => String::new(),
        (_, "") => "…".to_owned(),
        _ => format!("{begins}{mark}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_its_words_and_marked() {
        for (text, room, cut_to) in [
            ("technical", 9, "technical"),
            ("technical", 6, "techn…"),
            ("again in 573 s", 11, "again in …"),
            ("again in 573 s", 3, "…"),
            ("価格の表", 5, "価格…"),
            ("x", 0, ""),
        ] {
            assert_eq!(cut(text, room), cut_to, "{text} {room}");
        }
    }
}
