//! Finds a file's columns by its header.

use csv::StringRecord;

use crate::parse::ParseError;

/// The positions of a file's columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Columns {
    pub(super) date: usize,
    pub(super) open: usize,
    pub(super) high: usize,
    pub(super) low: usize,
    pub(super) close: usize,
    pub(super) volume: usize,
    pub(super) adjusted_close: Option<usize>,
}

/// How the column of the day may be called.
pub(super) const DATE: &[&str] = &["date", "datetime", "time", "timestamp", "day", "observationdate"];

impl Columns {
    /// Finds the columns of bars in a header, in any order and case; other columns are ignored.
    ///
    /// # Errors
    ///
    /// If a required column is missing, or one occurs twice.
    pub(super) fn find(header: &StringRecord) -> Result<Self, ParseError> {
        Ok(Self {
            date: needed(header, DATE)?,
            open: needed(header, &["open"])?,
            high: needed(header, &["high"])?,
            low: needed(header, &["low"])?,
            close: needed(header, &["close"])?,
            volume: needed(header, &["volume"])?,
            adjusted_close: optional(header, &["adjclose", "adjustedclose"])?,
        })
    }
}

/// Returns where a column is that may be called in several ways, if it is there.
///
/// # Errors
///
/// If it is there twice.
pub(super) fn optional(header: &StringRecord, known: &[&str]) -> Result<Option<usize>, ParseError> {
    let is_it = |name: &str| known.contains(&plain(name).as_str());
    let mut found = header.iter().enumerate().filter(|(_, name)| is_it(name)).map(|(at, _)| at);
    match (found.next(), found.next()) {
        (Some(_), Some(_)) => Err(ParseError::new(format!("the header has the column {:?} twice", known[0]))),
        (found, _) => Ok(found),
    }
}

/// Returns where a column is that may be called in several ways.
///
/// # Errors
///
/// If it isn't there, or is there twice.
pub(super) fn needed(header: &StringRecord, known: &[&str]) -> Result<usize, ParseError> {
    let has = || header.iter().collect::<Vec<_>>().join(", ");
    let missing = || ParseError::text(&format!("the header has no column {:?}, only", known[0]), &has());
    optional(header, known)?.ok_or_else(missing)
}

/// Returns a column's name with its letters in lower case and digits alone: `Adj Close`, `adj_close` and
/// `AdjClose` are one.
fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|char| char.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(header: &str) -> Result<Columns, ParseError> {
        Columns::find(&header.split(',').collect::<StringRecord>())
    }

    #[test]
    fn columns_are_found_by_name_in_any_order() {
        let usual = find("Date,Open,High,Low,Close,Adj Close,Volume").unwrap();
        assert_eq!((usual.date, usual.adjusted_close, usual.volume), (0, Some(5), 6));
        assert_eq!(find("date,open,high,low,close,adjclose,volume").unwrap(), usual);
        assert_eq!(find("\u{feff}Datetime,Open,High,Low,Close,adj_close,Volume").unwrap(), usual);
        let other = find("Volume,x,Close,Low,High,Open,Time").unwrap();
        assert_eq!((other.date, other.adjusted_close, other.open), (6, None, 5));
    }

    #[test]
    fn a_header_that_tells_no_bars_is_refused_with_what_it_has() {
        for (header, why) in [
            ("symbol,date,price", "no column \"open\", only: symbol, date, price"),
            ("Date,Open,High,Low,Close", "no column \"volume\""),
            ("Date,Open,High,Low,Close,Close,Volume", "\"close\" twice"),
            ("", "no column \"date\""),
        ] {
            let message = find(header).unwrap_err().to_string();
            assert!(message.contains(why), "{message}");
        }
    }
}
