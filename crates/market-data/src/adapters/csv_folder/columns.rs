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

impl Columns {
    /// Finds the columns in a header, in any order and case; other columns are ignored.
    ///
    /// # Errors
    ///
    /// If a required column is missing, or one occurs twice.
    pub(super) fn find(header: &StringRecord) -> Result<Self, ParseError> {
        let names: Vec<String> = header.iter().map(plain).collect();
        let optional = |known: &[&str]| {
            let mut found = (0..names.len()).filter(|at| known.contains(&names[*at].as_str()));
            match (found.next(), found.next()) {
                (Some(_), Some(_)) => {
                    Err(ParseError::new(format!("the header has the column {:?} twice", known[0])))
                }
                (found, _) => Ok(found),
            }
        };
        let needed = |known: &[&str]| {
            let has = || header.iter().collect::<Vec<_>>().join(", ");
            let missing =
                || ParseError::text(&format!("the header has no column {:?}, only", known[0]), &has());
            optional(known)?.ok_or_else(missing)
        };
        Ok(Self {
            date: needed(&["date", "datetime", "time", "timestamp", "day"])?,
            open: needed(&["open"])?,
            high: needed(&["high"])?,
            low: needed(&["low"])?,
            close: needed(&["close"])?,
            volume: needed(&["volume"])?,
            adjusted_close: optional(&["adjclose", "adjustedclose"])?,
        })
    }
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
