//! Reads a file of daily bars row by row; bad rows are errors with their line, or skipped and counted.

use std::io::Read;

use csv::StringRecord;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::columns::Columns;
use crate::{
    AssetType, BarTime,
    parse::{LenientCount, LenientNumber, ParseError, RawBar, check},
};

/// What to do with a file that has bad rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnBadRow {
    /// Don't serve it: the error names the first bad row.
    #[default]
    Error,
    /// Skip and count the bad rows.
    Skip,
}

/// The bars of a file, by date, and how many rows were skipped.
#[derive(Debug, PartialEq)]
pub(super) struct Rows {
    pub(super) bars: Vec<(Date, RawBar<BarTime>)>,
    pub(super) skipped: u64,
}

/// Reads a whole file.
///
/// # Errors
///
/// If a column is missing, or a row is bad and not to be skipped.
pub(super) fn read(file: impl Read, asset_type: AssetType, faults: OnBadRow) -> Result<Rows, ParseError> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(file);
    let header = reader.headers().map_err(|error| ParseError::text("the header", &error.to_string()))?;
    let columns = Columns::find(header)?;
    let mut rows = Rows { bars: Vec::new(), skipped: 0 };
    for record in reader.records() {
        // A row that can't be read at all ends the file: where the next one begins isn't known.
        let record = record.map_err(|error| ParseError::text("a row", &error.to_string()))?;
        let last = rows.bars.last().map(|(date, _)| *date);
        match (row(&record, &columns, asset_type, last), faults) {
            (Ok(row), _) => rows.bars.push(row),
            (Err(_), OnBadRow::Skip) => rows.skipped += 1,
            (Err(why), OnBadRow::Error) => {
                let line = record.position().map_or(0, csv::Position::line);
                return Err(ParseError::new(format!("line {line}: {why}")));
            }
        }
    }
    match rows.bars.is_empty() && rows.skipped > 0 {
        true => {
            Err(ParseError::new(format!("all of its {} rows are bad: it holds no daily bars", rows.skipped)))
        }
        false => Ok(rows),
    }
}

fn row(
    record: &StringRecord,
    columns: &Columns,
    asset_type: AssetType,
    last: Option<Date>,
) -> Result<(Date, RawBar<BarTime>), ParseError> {
    let text = |name: &str, at: usize| {
        record
            .get(at)
            .map(str::trim)
            .ok_or_else(|| ParseError::new(format!("the row ends before its {name}")))
    };
    let price = |name: &str, at: usize| {
        let text = text(name, at)?;
        let wrong = || ParseError::text(&format!("{name} is no price"), &format!("{text:?}"));
        let LenientNumber(number) = LenientNumber::read(text).ok_or_else(wrong)?;
        check(number, asset_type).map(|()| number)
    };
    let date = day(text("date", columns.date)?)?;
    if let Some(last) = last.filter(|last| *last >= date) {
        return Err(ParseError::new(format!("{date} comes after {last}")));
    }
    let volume = text("volume", columns.volume)?;
    let bar = RawBar {
        begin: BarTime::Day(date),
        open: price("open", columns.open)?,
        high: price("high", columns.high)?,
        low: price("low", columns.low)?,
        close: price("close", columns.close)?,
        adjusted_close: columns.adjusted_close.map(|at| price("adjusted close", at)).transpose()?,
        volume: LenientCount::read(volume)
            .ok_or_else(|| ParseError::text("volume is no count", &format!("{volume:?}")))?
            .0,
    };
    match bar.low > bar.high {
        true => Err(ParseError::new(format!("the low {} lies above the high {}", bar.low, bar.high))),
        false => Ok((date, bar)),
    }
}

/// Reads the day of a row: `2020-01-02`, optionally followed by a time that must be midnight.
fn day(text: &str) -> Result<Date, ParseError> {
    let wrong = || ParseError::text("is no day, as 2020-01-02 is", text);
    let (date, time) = text.split_at_checked(10).ok_or_else(wrong)?;
    let midnight =
        time.is_empty() || [" 00:00:00", "T00:00:00", " 00:00"].iter().any(|start| time.starts_with(start));
    let sound = date.bytes().enumerate().all(|(at, byte)| matches!(at, 4 | 7) == (byte == b'-'));
    match sound && midnight {
        true => date.parse().map_err(|_| wrong()),
        false => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEAD: &str = "Date,Open,High,Low,Close,Adj Close,Volume\n";

    fn read_text(rows: &str, faults: OnBadRow) -> Result<Rows, ParseError> {
        read(format!("{HEAD}{rows}").as_bytes(), AssetType::Equity, faults)
    }

    #[test]
    fn a_row_at_fault_is_told_with_its_line_or_skipped_and_counted() {
        let good = "2017-09-01,1,2,0.5,1,1,7\n";
        for (bad, why) in [
            ("2017-09-04,1,2,0.5,x,1,7\n", "line 3: close is no price: \"x\""),
            ("2017-13-01,1,2,0.5,1,1,7\n", "is no day"),
            ("2017-09-04 09:30:00-05:00,1,2,0.5,1,1,7\n", "is no day"),
            ("20170904,1,2,0.5,1,1,7\n", "is no day"),
            ("2017-09-04,1,2\n", "ends before its volume"),
            ("2017-09-01,1,2,0.5,1,1,7\n", "2017-09-01 comes after 2017-09-01"),
            ("2017-08-31,1,2,0.5,1,1,7\n", "2017-08-31 comes after 2017-09-01"),
            ("2017-09-04,1,2,0.5,NaN,1,7\n", "close is no price: \"NaN\""),
            ("2017-09-04,1,2,0.5,1e999,1,7\n", "is no price"),
            ("2017-09-04,-1,2,0.5,1,1,7\n", "is -1, below zero"),
            ("2017-09-04,1,2,0.5,1,1,-7\n", "volume is no count: \"-7\""),
            ("2017-09-04,1,2,3,1,1,7\n", "the low 3 lies above the high 2"),
            (",,,,,,\n", "is no day"),
        ] {
            let message = read_text(&format!("{good}{bad}"), OnBadRow::Error).unwrap_err().to_string();
            assert!(message.contains(why), "{message}");
            let rows = read_text(&format!("{good}{bad}2017-09-05,1,2,0.5,1,1,7\n"), OnBadRow::Skip).unwrap();
            assert_eq!((rows.bars.len(), rows.skipped), (2, 1), "{bad}");
        }
    }

    #[test]
    fn a_file_of_which_nothing_is_left_is_no_file_of_bars() {
        let minutes = "2017-09-04 09:30:00,1,2,0.5,1,1,7\n2017-09-04 09:31:00,1,2,0.5,1,1,7\n";
        let message = read_text(minutes, OnBadRow::Skip).unwrap_err().to_string();
        assert!(message.contains("all of its 2 rows"), "{message}");
        assert_eq!(read_text("", OnBadRow::Skip).unwrap().bars.len(), 0);
    }

    proptest! {
        #[test]
        fn no_file_makes_it_panic(text in "\\PC{0,200}|[0-9,.\n\"-]{0,200}", bytes: Vec<u8>) {
            for faults in [OnBadRow::Error, OnBadRow::Skip] {
                let _ = read(text.as_bytes(), AssetType::Future, faults);
                let _ = read_text(&text, faults);
                let _ = read([HEAD.as_bytes(), &bytes].concat().as_slice(), AssetType::Equity, faults);
            }
        }
    }
}
