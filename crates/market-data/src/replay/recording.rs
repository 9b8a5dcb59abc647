//! The recorded bars and dividends: embedded as text, and parsed when first asked for.

use std::sync::OnceLock;

use cache_core::{Error, ErrorKind, Result};
use serde::Deserialize;

use crate::{Asset, Bar, BarTime, Date, Dividend, Dividends, DocumentBody, Interval, Series, Split};

/// Daily bars of some assets, and dividends of some of these.
#[derive(Debug)]
pub(super) struct Recording(&'static [File]);

/// What a file holds.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Recorded {
    pub(super) series: Series,
    /// The dividends and splits, if the file has such columns.
    pub(super) dividends: Option<Dividends>,
}

struct File {
    /// The texts of its asset, the usual one first.
    names: &'static [&'static str],
    csv: &'static str,
    read: OnceLock<Result<Recorded>>,
}

impl std::fmt::Debug for File {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({} bytes)", self.names[0], self.csv.len())
    }
}

macro_rules! files {
    ($($folder:literal: $($symbol:literal $(as $other:literal)?)*;)*) => {
        [$($(File {
            names: &[$symbol, $($other)?],
            csv: include_str!(concat!("../../data/", $folder, "/", $symbol, ".csv")),
            read: OnceLock::new(),
        }),*),*]
    };
}

static FILES: [File; 15] = files! {
    "stocknet": "AAPL" "AMZN" "BABA" "BAC" "DIS" "FB" "GE" "GOOG" "INTC" "JPM" "MSFT" "PG" "T";
    // A fund is asked for as if it were a share by all who don't say what it is.
    "yfinance": "EWG" as "EWG@US.etf" "1398@XHKG";
};
static RECORDING: Recording = Recording(&FILES);

impl Recording {
    /// Thirteen symbols of the stocknet-dataset, and two from the tests of yfinance; see the `NOTICE.md` of each
    /// folder in `data`.
    pub(super) fn embedded() -> &'static Self {
        &RECORDING
    }

    /// Returns the names of the assets: those of the stocknet-dataset, then those that have dividends.
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|file| file.names[0])
    }

    /// Returns the names of the assets whose dividends were recorded.
    pub(super) fn names_with_dividends(&self) -> impl Iterator<Item = &'static str> {
        let has = |file: &&File| file.csv.lines().next().is_some_and(|head| head.contains(DIVIDENDS));
        self.0.iter().filter(has).map(|file| file.names[0])
    }

    /// Returns what was recorded of an asset, if anything was.
    ///
    /// # Errors
    ///
    /// `Load` if it can't be read.
    pub(super) fn of(&self, asset: &Asset) -> Result<Option<&Recorded>> {
        let text = asset.to_string();
        let Some(file) = self.0.iter().find(|file| file.names.contains(&text.as_str())) else {
            return Ok(None);
        };
        match file.read.get_or_init(|| read(file.names[0], file.csv)) {
            Ok(recorded) => Ok(Some(recorded)),
            Err(error) => Err(error.clone()),
        }
    }
}

/// The column of dividends.
const DIVIDENDS: &str = "Dividends";

/// A row; it has no prices if nothing was traded.
#[derive(Deserialize)]
struct Row {
    /// A day, or its midnight.
    #[serde(rename = "Date", alias = "Datetime")]
    date: String,
    #[serde(rename = "Open")]
    open: Option<f64>,
    #[serde(rename = "High")]
    high: Option<f64>,
    #[serde(rename = "Low")]
    low: Option<f64>,
    #[serde(rename = "Close")]
    close: Option<f64>,
    #[serde(rename = "Adj Close")]
    adjusted_close: Option<f64>,
    #[serde(rename = "Volume")]
    volume: Option<f64>,
    #[serde(rename = "Dividends")]
    dividend: Option<f64>,
    #[serde(rename = "Stock Splits")]
    split: Option<f64>,
}

impl Row {
    /// Returns the day.
    ///
    /// # Errors
    ///
    /// If it is none.
    fn day(&self) -> Result<Date, String> {
        let day = self.date.split_once(' ').map_or(self.date.as_str(), |(day, _)| day);
        day.parse().map_err(|why| format!("{day:?} is no day: {why}"))
    }

    /// Returns the bar of the day; `None` if nothing was traded.
    ///
    /// # Errors
    ///
    /// If some prices are there and others aren't.
    fn bar(&self, date: Date) -> Result<Option<Bar>, String> {
        let Self { open, high, low, close, adjusted_close, volume, .. } = *self;
        let all = [open, high, low, close, adjusted_close, volume];
        if let [Some(open), Some(high), Some(low), Some(close), Some(_), Some(volume)] = all {
            // Some sources write a count as 100.0.
            let (time, volume) = (BarTime::Day(date), Some(volume as u64));
            return Ok(Some(Bar { time, open, high, low, close, adjusted_close, volume }));
        }
        match all.iter().all(Option::is_none) {
            true => Ok(None),
            false => Err(format!("{date} has some prices and lacks others")),
        }
    }
}

fn read(name: &str, text: &str) -> Result<Recorded> {
    let error =
        |why: String| Error::new(ErrorKind::Load, "replay", format!("the recorded days of {name}: {why}"));
    let asset: Asset = name.parse()?;
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let has_dividends = reader.headers().is_ok_and(|head| head.iter().any(|column| column == DIVIDENDS));
    let (mut bars, mut dividends) = (Vec::new(), Dividends::default());
    let mut before: Option<Date> = None;
    for row in reader.into_deserialize::<Row>() {
        let row = row.map_err(|source| {
            let message = format!("the recorded days of {name} can't be read");
            Error::caused(ErrorKind::Load, "replay", message, source)
        })?;
        let date = row.day().map_err(error)?;
        if let Some(before) = before.filter(|before| *before >= date) {
            return Err(error(format!("they go from {before} to {date}")));
        }
        before = Some(date);
        bars.extend(row.bar(date).map_err(error)?);
        let paid = row.dividend.filter(|amount| *amount != 0.0);
        dividends.dividends.extend(paid.map(|amount| Dividend { date, amount }));
        let split = row.split.filter(|ratio| *ratio != 0.0);
        dividends.splits.extend(split.map(|ratio| Split { date, ratio }));
    }
    dividends.check()?;
    let dividends = has_dividends.then_some(dividends);
    Ok(Recorded { series: Series::new(asset, Interval::Day, bars), dividends })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "Date,Open,High,Low,Close,Adj Close,Volume\n";

    fn read_text(rows: &str) -> Result<Recorded> {
        read("AAPL", &format!("{HEAD}{rows}"))
    }

    #[test]
    fn all_that_was_recorded_can_be_read() {
        for name in Recording::embedded().names() {
            let recorded = Recording::embedded().of(&name.parse().unwrap()).unwrap().unwrap();
            let series = &recorded.series;
            let (bars, dividends) = match name {
                "BABA" => (745, None),
                "EWG" => (662, Some(5)),
                // A day of 648 has no prices.
                "1398@XHKG" => (647, Some(3)),
                _ => (1258, None),
            };
            assert_eq!((series.asset.to_string().as_str(), series.bars.len()), (name, bars));
            assert_eq!(recorded.dividends.as_ref().map(|told| told.dividends.len()), dividends, "{name}");
            assert!(series.bars.iter().all(|bar| bar.low <= bar.close && bar.close <= bar.high));
        }
        let with_dividends: Vec<&str> = Recording::embedded().names_with_dividends().collect();
        assert_eq!(with_dividends, ["EWG", "1398@XHKG"]);
    }

    #[test]
    fn the_recorded_assets_are_the_files_in_the_folders() {
        let folders =
            ["stocknet", "yfinance"].map(|name| format!("{}/data/{name}", env!("CARGO_MANIFEST_DIR")));
        let mut files: Vec<String> = folders
            .iter()
            .flat_map(|folder| std::fs::read_dir(folder).unwrap())
            .filter_map(|file| Some(file.unwrap().file_name().to_str()?.strip_suffix(".csv")?.to_owned()))
            .collect();
        files.sort();
        let mut names: Vec<&str> = Recording::embedded().names().collect();
        names.sort_unstable();
        assert_eq!(names, files);
    }

    #[test]
    fn an_asset_has_each_of_its_names_in_the_one_spelling() {
        for name in FILES.iter().flat_map(|file| file.names) {
            assert_eq!(name.parse::<Asset>().unwrap().to_string(), *name);
        }
    }

    #[test]
    fn a_damaged_recording_is_an_error_that_says_where() {
        for (rows, what) in [
            ("2017-09-01,1,2,0,x,1,7\n", "AAPL can't be read"),
            ("2017-13-01,1,2,0,1,1,7\n", "\"2017-13-01\" is no day"),
            ("2017-09-01,1,2\n", "3 fields"),
            ("2017-09-01,1,2,,1,1,7\n", "2017-09-01 has some prices and lacks others"),
            ("2017-09-02,1,2,0,1,1,7\n2017-09-01,1,2,0,1,1,7\n", "from 2017-09-02 to 2017-09-01"),
        ] {
            let error = read_text(rows).unwrap_err();
            assert!(error.kind() == ErrorKind::Load && error.to_string().contains(what), "{error}");
        }
        let recorded = read_text("2017-09-01,1,2,0,1.5,1,7\n2017-09-04,,,,,,\n").unwrap();
        assert_eq!((recorded.series.bars.len(), recorded.dividends), (1, None));
    }
}
