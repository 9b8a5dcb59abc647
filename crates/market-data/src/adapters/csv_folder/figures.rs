//! Reads dividends and macroeconomic series, row by row.

use std::io::Read;

use csv::StringRecord;
use jiff::civil::Date;

use super::{
    columns::{DATE, needed, optional},
    rows::{OnBadRow, Rows, by_day, day, header, reader, text},
};
use crate::{
    Dividend, Dividends, Observation, Observations, Split,
    parse::{LenientNumber, ParseError},
};

const AMOUNT: &[&str] = &["dividends", "dividend", "amount", "dividendamount"];
const RATIO: &[&str] = &["stocksplits", "splits", "split", "splitratio"];
const VALUE: &[&str] = &["value", "price"];

/// Reads dividends and splits: of a file of its own, or out of one of bars. A day without either has none or 0 in
/// its columns. Returns nothing if there is no such column, and how many rows were skipped.
///
/// # Errors
///
/// If a row is bad and not to be skipped, or most rows are bad.
pub(super) fn dividends(file: impl Read, faults: OnBadRow) -> Result<(Option<Dividends>, u64), ParseError> {
    let mut reader = reader(file);
    let header = header(&mut reader)?;
    let (amount, ratio) = (optional(&header, AMOUNT)?, optional(&header, RATIO)?);
    let Some(amount) = amount else { return Ok((None, 0)) };
    let date = needed(&header, DATE)?;
    let Rows { days, skipped } = by_day(reader, faults, "dividends", |record| {
        let date = day(text(record, "date", date)?)?;
        let amount = figure(record, "dividend", amount)?.unwrap_or(0.0);
        let ratio = ratio.map_or(Ok(None), |ratio| figure(record, "split", ratio))?.unwrap_or(0.0);
        if amount < 0.0 || ratio < 0.0 {
            let message =
                format!("the dividend is {amount} and the split {ratio}: neither can be below zero");
            return Err(ParseError::new(message));
        }
        Ok((amount != 0.0 || ratio != 0.0).then_some((date, (amount, ratio))))
    })?;
    let mut told = Dividends::default();
    for (date, (amount, ratio)) in days {
        told.dividends.extend((amount > 0.0).then_some(Dividend { date, amount }));
        told.splits.extend((ratio > 0.0).then_some(Split { date, ratio }));
    }
    Ok((Some(told), skipped))
}

/// Reads a macroeconomic series: a column for the day, and one called `value` or `price`, or the only other one. A
/// day without a value has none there, or `.`. Returns how many rows were skipped.
///
/// # Errors
///
/// If a column is missing, a row is bad and not to be skipped, or most rows are bad.
pub(super) fn observations(file: impl Read, faults: OnBadRow) -> Result<(Observations, u64), ParseError> {
    let mut reader = reader(file);
    let header = header(&mut reader)?;
    let date = needed(&header, DATE)?;
    let value = match optional(&header, VALUE)? {
        Some(value) => value,
        // Some sources call the values by the name of the series.
        None if header.len() == 2 => 1 - date,
        None => needed(&header, VALUE)?,
    };
    let Rows { days, skipped } = by_day(reader, faults, "observations", |record| {
        let date = day(text(record, "date", date)?)?;
        Ok(figure(record, "value", value)?.map(|value| (date, value)))
    })?;
    let one = |(date, value): (Date, f64)| Observation { date, value };
    let observations = days.into_iter().map(one).collect();
    Ok((Observations { observations, ..Observations::default() }, skipped))
}

/// Returns a number of a row; `None` if there is none.
fn figure(record: &StringRecord, name: &str, at: usize) -> Result<Option<f64>, ParseError> {
    let text = text(record, name, at)?;
    if matches!(text, "" | "." | "null" | "None" | "NaN" | "nan") {
        return Ok(None);
    }
    let wrong = || ParseError::text(&format!("the {name} is no number"), &format!("{text:?}"));
    LenientNumber::read(text).map(|number| Some(number.0)).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::DocumentBody;

    fn read_dividends(text: &str, faults: OnBadRow) -> Result<(Option<Dividends>, u64), ParseError> {
        dividends(text.as_bytes(), faults)
    }

    #[test]
    fn dividends_are_read_by_the_names_of_their_columns() {
        let rows = "2020-02-03,0.5,0.0\n2020-02-04,0.0,4.0\n2020-02-05,,\n2020-01-02,0.25,2\n";
        for head in ["Date,Dividends,Stock Splits", "date,amount,split_ratio"] {
            let (told, skipped) = read_dividends(&format!("{head}\n{rows}"), OnBadRow::Error).unwrap();
            let told = told.unwrap();
            told.check().unwrap();
            let paid: Vec<_> = told.dividends.iter().map(|one| (one.date.to_string(), one.amount)).collect();
            assert_eq!(paid, [("2020-01-02".to_owned(), 0.25), ("2020-02-03".to_owned(), 0.5)]);
            assert_eq!((told.splits.len(), told.splits[1].ratio, skipped), (2, 4.0, 0));
        }
        assert_eq!(read_dividends("Date,Close\n2020-02-03,1\n", OnBadRow::Error).unwrap(), (None, 0));
    }

    #[test]
    fn a_series_is_read_whatever_its_values_are_called() {
        for (text, days) in [
            ("date,value\n2020-02-01,2\n2020-01-01,1.5\n", 2),
            ("observation_date,CPIAUCSL\n2020-01-01,1.5\n2020-02-01,.\n", 1),
            ("date,price\nJan 1 2000,1394.46\nFeb 1 2000,-1366.42\n", 2),
            ("GDP,quarter,date\n1,2,2020-01-01\n", 0),
        ] {
            let told = observations(text.as_bytes(), OnBadRow::Error);
            match days {
                0 => assert!(told.unwrap_err().to_string().contains("no column \"value\", only: GDP")),
                days => {
                    let (told, _) = told.unwrap();
                    told.check().unwrap();
                    assert_eq!(told.observations.len(), days, "{text}");
                }
            }
        }
    }

    #[test]
    fn a_row_at_fault_is_told_with_its_line_or_skipped_and_counted() {
        let good = "2020-01-01,1\n2020-01-02,1\n2020-01-03,1\n";
        for (bad, why) in [
            ("x,1\n", "line 5: is no day"),
            ("2020-02-01,one\n", "is no number: \"one\""),
            ("2020-02-01\n", "ends before its"),
            ("2020-02-01,1,2\n", "3 fields, and the header 2"),
            ("2020-02-01,1e999\n", "is no number"),
            ("1/2/2020,1\n", "is no day"),
            ("2020-01-02,7\n", "comes after 2020-01-02"),
        ] {
            for (head, dividend) in [("date,amount", true), ("date,value", false)] {
                let text = format!("{head}\n{good}{bad}");
                let read = |faults| match dividend {
                    true => dividends(text.as_bytes(), faults)
                        .map(|(told, skipped)| (told.unwrap().dividends.len(), skipped)),
                    false => observations(text.as_bytes(), faults)
                        .map(|(told, skipped)| (told.observations.len(), skipped)),
                };
                let message = read(OnBadRow::Error).unwrap_err().to_string();
                assert!(message.contains(why), "{message}");
                let expected = if bad.starts_with("2020-01-02") { (2, 2) } else { (3, 1) };
                assert_eq!(read(OnBadRow::Skip).unwrap(), expected, "{bad}");
            }
        }
        let below = read_dividends("date,amount\n2020-01-01,-1\n", OnBadRow::Error).unwrap_err().to_string();
        assert!(below.contains("below zero"), "{below}");
        let none = read_dividends("date,amount\nx,1\n", OnBadRow::Skip).unwrap_err().to_string();
        assert!(none.contains("it holds no dividends"), "{none}");
    }

    #[test]
    fn days_without_a_dividend_are_sound_however_many_there_are() {
        let days: String = (1..=9).map(|day| format!("2020-01-0{day},0.0\n")).collect();
        let text = format!("date,dividends\n{days}2020-02-03,0.5\nx,1\ny,1\n");
        let (told, skipped) = read_dividends(&text, OnBadRow::Skip).unwrap();
        assert_eq!((told.unwrap().dividends.len(), skipped), (1, 2));
    }

    proptest! {
        #[test]
        fn no_file_makes_it_panic_or_gives_what_can_not_be(
            text in "\\PC{0,200}|[0-9,.\n\"-]{0,200}|(2020-01-0[1-9],[-0-9.]{0,3}\n){0,9}", bytes: Vec<u8>,
        ) {
            for faults in [OnBadRow::Error, OnBadRow::Skip] {
                for head in ["date,amount\n", "date,value\n", ""] {
                    for body in [format!("{head}{text}").into_bytes(), [head.as_bytes(), &bytes].concat()] {
                        if let Ok((Some(told), _)) = dividends(body.as_slice(), faults) {
                            prop_assert_eq!(told.check(), Ok(()));
                        }
                        if let Ok((told, _)) = observations(body.as_slice(), faults) {
                            prop_assert_eq!(told.check(), Ok(()));
                        }
                    }
                }
            }
        }
    }
}
