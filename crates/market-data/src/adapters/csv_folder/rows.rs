//! Reads a file of daily bars row by row; bad rows are errors with their line, or skipped and counted.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Read,
};

use csv::StringRecord;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::columns::Columns;
use crate::{
    AssetType, BarTime,
    parse::{LenientCount, LenientNumber, ParseError, Plausibility, RawBar},
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

/// What a file says of each day, and how many rows were skipped.
#[derive(Debug, PartialEq)]
pub(super) struct Rows<T> {
    pub(super) days: Vec<(Date, T)>,
    pub(super) skipped: u64,
}

/// Opens a file, whose first row names its columns.
pub(super) fn reader<R: Read>(file: R) -> csv::Reader<R> {
    csv::ReaderBuilder::new().flexible(true).from_reader(file)
}

/// Returns the first row of a file.
///
/// # Errors
///
/// If it can't be read.
pub(super) fn header(reader: &mut csv::Reader<impl Read>) -> Result<StringRecord, ParseError> {
    reader.headers().cloned().map_err(|error| ParseError::text("the header", &error.to_string()))
}

/// Reads a whole file of daily bars.
///
/// # Errors
///
/// As [`by_day`], and if a column is missing.
pub(super) fn bars(
    file: impl Read,
    asset_type: AssetType,
    faults: OnBadRow,
    judge: &Plausibility,
) -> Result<Rows<RawBar<BarTime>>, ParseError> {
    let mut reader = reader(file);
    let columns = Columns::find(&header(&mut reader)?)?;
    by_day(reader, faults, "daily bars", |record| {
        let (date, bar) = bar(record, &columns)?;
        judge.bar(bar, asset_type)?;
        Ok(Some((date, bar)))
    })
}

/// Reads the rows of a file, which may come in any order: many are written newest first. A row of which `row`
/// makes nothing is sound, and left out.
///
/// # Errors
///
/// If a row is bad and not to be skipped, or most rows are bad.
pub(super) fn by_day<T: PartialEq>(
    mut reader: csv::Reader<impl Read>,
    faults: OnBadRow,
    what: &str,
    row: impl Fn(&StringRecord) -> Result<Option<(Date, T)>, ParseError>,
) -> Result<Rows<T>, ParseError> {
    let fields = header(&mut reader)?.len();
    let (mut days, mut skipped, mut left_out) = (BTreeMap::<Date, T>::new(), 0, 0);
    let (mut contradicted, mut first) = (BTreeSet::new(), None);
    for record in reader.records() {
        // A row that can't be read at all ends the file: where the next one begins isn't known.
        let record = record.map_err(|error| ParseError::text("a row", &error.to_string()))?;
        let read = has_at_most(&record, fields).and_then(|()| row(&record)).and_then(|told| {
            let Some((date, told)) = told else { return Ok(None) };
            // To say it twice is no contradiction.
            let differs = days.get(&date).is_some_and(|before| *before != told);
            if differs || contradicted.contains(&date) {
                // Of two rows that contradict each other, neither is believed.
                skipped += u64::from(days.remove(&date).is_some());
                contradicted.insert(date);
                return Err(ParseError::new(format!("{date} comes after {date}: a day has one row")));
            }
            Ok(Some((date, told)))
        });
        match read {
            Ok(Some((date, told))) => drop(days.insert(date, told)),
            Ok(None) => left_out += 1,
            Err(why) => {
                let line = record.position().map_or(0, csv::Position::line);
                let why = format!("line {line}: {why}");
                if faults == OnBadRow::Error {
                    return Err(ParseError::new(why));
                }
                first.get_or_insert(why);
                skipped += 1;
            }
        }
    }
    let sound = left_out + days.len() as u64;
    let rows = skipped + sound;
    let first = first.map(|why| format!(" (the first, {why})")).unwrap_or_default();
    match skipped > sound {
        true if sound == 0 => {
            Err(ParseError::new(format!("all of its {rows} rows are bad{first}: it holds no {what}")))
        }
        true => {
            let more = "what is left would be no history: mend the file";
            Err(ParseError::new(format!("{skipped} of its {rows} rows are bad{first}, {more}")))
        }
        false => Ok(Rows { days: days.into_iter().collect(), skipped }),
    }
}

/// Checks that a row has no more fields than the header.
fn has_at_most(record: &StringRecord, fields: usize) -> Result<(), ParseError> {
    if record.len() > fields {
        // A comma in a number, for one: which field is which isn't known.
        let message = format!("the row has {} fields, and the header {fields}", record.len());
        return Err(ParseError::new(message));
    }
    Ok(())
}

/// Returns a field of a row, which is called `name`.
///
/// # Errors
///
/// If the row ends before it.
pub(super) fn text<'a>(record: &'a StringRecord, name: &str, at: usize) -> Result<&'a str, ParseError> {
    let text = record.get(at).map(str::trim);
    text.ok_or_else(|| ParseError::new(format!("the row ends before its {name}")))
}

fn bar(record: &StringRecord, columns: &Columns) -> Result<(Date, RawBar<BarTime>), ParseError> {
    let text = |name: &str, at: usize| text(record, name, at);
    let price = |name: &str, at: usize| {
        let text = text(name, at)?;
        let wrong = || ParseError::text(&format!("{name} is no price"), &format!("{text:?}"));
        LenientNumber::read(text).map(|number| number.0).ok_or_else(wrong)
    };
    let date = day(text("date", columns.date)?)?;
    let volume = match text("volume", columns.volume)? {
        "" | "null" => None,
        volume => Some(
            LenientCount::read(volume)
                .ok_or_else(|| ParseError::text("volume is no count", &format!("{volume:?}")))?
                .0,
        ),
    };
    let bar = RawBar {
        begin: BarTime::Day(date),
        open: price("open", columns.open)?,
        high: price("high", columns.high)?,
        low: price("low", columns.low)?,
        close: price("close", columns.close)?,
        adjusted_close: columns.adjusted_close.map(|at| price("adjusted close", at)).transpose()?,
        volume,
    };
    Ok((date, bar))
}

/// How a day may be written with the name of its month, which leaves no doubt what is the month and what the day.
const WITH_NAMES: [&str; 3] = ["%b %d %Y", "%b %d, %Y", "%d %b %Y"];

/// Reads the day of a row: `2020-01-02`, optionally followed by a time that must be midnight, or `Jan 2 2020`.
///
/// # Errors
///
/// If it is none, or could be two: `1/2/2020`.
pub(super) fn day(text: &str) -> Result<Date, ParseError> {
    let wrong = || ParseError::text("is no day, as 2020-01-02 is", text);
    if text.len() <= 12
        && let Some(named) = WITH_NAMES.iter().find_map(|form| Date::strptime(form, text).ok())
    {
        return Ok(named);
    }
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
    use cache_core::Clock;
    use proptest::prelude::*;

    use super::*;

    const HEAD: &str = "Date,Open,High,Low,Close,Adj Close,Volume\n";

    fn read(
        file: impl Read,
        asset_type: AssetType,
        faults: OnBadRow,
    ) -> Result<Rows<RawBar<BarTime>>, ParseError> {
        super::bars(file, asset_type, faults, &Plausibility::new(Clock::system()))
    }

    fn read_text(rows: &str, faults: OnBadRow) -> Result<Rows<RawBar<BarTime>>, ParseError> {
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
            ("2017-09-04,1,2,0.5,1,1,1,234\n", "the row has 8 fields, and the header 7"),
            ("2017-09-04,1,2,0.5,1,1,7,\n", "the row has 8 fields"),
            ("2017-09-04,1,2,0.5,NaN,1,7\n", "close is no price: \"NaN\""),
            ("2017-09-04,1,2,0.5,1e999,1,7\n", "is no price"),
            ("2017-09-04,-1,2,0.5,1,1,7\n", "is -1, below zero"),
            ("2017-09-04,1,2,0.5,1,1,-7\n", "volume is no count: \"-7\""),
            ("2017-09-04,1,2,3,1,1,7\n", "the low 3 lies above the high 2"),
            (",,,,,,\n", "is no day"),
            ("9/4/2017,1,2,0.5,1,1,7\n", "is no day"),
            ("Sep 31 2017,1,2,0.5,1,1,7\n", "is no day"),
        ] {
            let message = read_text(&format!("{good}{bad}"), OnBadRow::Error).unwrap_err().to_string();
            assert!(message.contains(why), "{message}");
            let rows = read_text(&format!("{good}{bad}2017-09-05,1,2,0.5,1,1,7\n"), OnBadRow::Skip).unwrap();
            assert_eq!((rows.days.len(), rows.skipped), (2, 1), "{bad}");
        }
    }

    #[test]
    fn rows_come_in_any_order_and_a_file_most_of_whose_rows_are_bad_is_refused() {
        let day = |day: u8| format!("2017-09-{day:02},1,2,0.5,1,1,\n");
        let newest_first: String = (1..=20).rev().map(day).collect();
        let oldest_first: String = (1..=20).map(day).collect();
        for faults in [OnBadRow::Error, OnBadRow::Skip] {
            let rows = read_text(&newest_first, faults).unwrap();
            assert_eq!((rows.days.len(), rows.skipped), (20, 0));
            assert_eq!(rows, read_text(&oldest_first, faults).unwrap());
            assert_eq!(rows.days[0].1.volume, None, "an empty volume isn't known");
        }
        let bad = "2017-10-01,1,2,0.5,9,1,7\n";
        assert_eq!(read_text(&(day(1) + &day(2) + bad + bad), OnBadRow::Skip).unwrap().skipped, 2);
        let message =
            read_text(&(day(1) + &day(2) + bad + bad + bad), OnBadRow::Skip).unwrap_err().to_string();
        assert!(
            message.contains("3 of its 5 rows are bad (the first, line 4: implausible: the close 9"),
            "{message}"
        );
    }

    #[test]
    fn a_day_may_have_a_time_at_midnight_or_a_month_that_is_named() {
        let text = "2017-09-04";
        for same in ["2017-09-04", "2017-09-04 00:00:00-04:00", "Sep 4 2017", "Sep 04, 2017", "4 Sep 2017"] {
            assert_eq!(day(same), day(text), "{same}");
        }
        assert_eq!(day(text).unwrap().to_string(), text);
    }

    #[test]
    fn a_row_that_is_told_twice_counts_once() {
        let row = "2017-09-01,1,2,0.5,1,1,7\n";
        for faults in [OnBadRow::Error, OnBadRow::Skip] {
            let rows = read_text(&row.repeat(5), faults).unwrap();
            assert_eq!((rows.days.len(), rows.skipped), (1, 0));
        }
    }

    #[test]
    fn of_two_rows_of_a_day_that_contradict_each_other_neither_is_believed() {
        let row = |day: u8, volume: u8| format!("2017-09-{day:02},1,2,0.5,1,1,{volume}\n");
        let twice = row(1, 7) + &row(4, 7) + &row(5, 7) + &row(6, 7) + &row(1, 8) + &row(1, 7);
        let message = read_text(&twice, OnBadRow::Error).unwrap_err().to_string();
        assert!(message.contains("line 6: 2017-09-01 comes after 2017-09-01"), "{message}");
        let rows = read_text(&twice, OnBadRow::Skip).unwrap();
        assert_eq!((rows.days.len(), rows.skipped), (3, 3));
        assert_eq!(rows.days[0].0.day(), 4);
    }

    #[test]
    fn a_file_of_which_nothing_is_left_is_no_file_of_bars() {
        let minutes = "2017-09-04 09:30:00,1,2,0.5,1,1,7\n2017-09-04 09:31:00,1,2,0.5,1,1,7\n";
        let message = read_text(minutes, OnBadRow::Skip).unwrap_err().to_string();
        assert!(message.contains("all of its 2 rows are bad (the first, line 2: is no day"), "{message}");
        assert_eq!(read_text("", OnBadRow::Skip).unwrap().days.len(), 0);
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
