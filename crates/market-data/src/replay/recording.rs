//! The recorded bars: embedded as text, and parsed when first asked for.

use std::sync::OnceLock;

use cache_core::{Error, ErrorKind, Result};
use serde::Deserialize;

use crate::{Asset, Bar, BarTime, Date, Interval, Series, Symbol};

/// Daily bars of some symbols.
#[derive(Debug)]
pub(super) struct Recording(&'static [File]);

struct File {
    symbol: &'static str,
    csv: &'static str,
    series: OnceLock<Result<Series>>,
}

impl std::fmt::Debug for File {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({} bytes)", self.symbol, self.csv.len())
    }
}

macro_rules! files {
    ($($symbol:literal)*) => {
        [$(File {
            symbol: $symbol,
            csv: include_str!(concat!("../../data/stocknet/", $symbol, ".csv")),
            series: OnceLock::new(),
        }),*]
    };
}

static FILES: [File; 13] =
    files!("AAPL" "AMZN" "BABA" "BAC" "DIS" "FB" "GE" "GOOG" "INTC" "JPM" "MSFT" "PG" "T");
static STOCKNET: Recording = Recording(&FILES);

impl Recording {
    /// Thirteen symbols of the stocknet-dataset; see `data/stocknet/NOTICE.md`.
    pub(super) fn stocknet() -> &'static Self {
        &STOCKNET
    }

    /// Returns the symbols, in alphabetical order.
    pub(super) fn symbols(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|file| file.symbol)
    }

    /// Returns the bars of a symbol, if it was recorded.
    ///
    /// # Errors
    ///
    /// `Load` if they can't be read.
    pub(super) fn series(&self, symbol: &Symbol) -> Result<Option<&Series>> {
        let Some(file) = self.0.iter().find(|file| file.symbol == symbol.as_str()) else { return Ok(None) };
        match file.series.get_or_init(|| read(symbol.clone(), file.csv)) {
            Ok(series) => Ok(Some(series)),
            Err(error) => Err(error.clone()),
        }
    }
}

#[derive(Deserialize)]
struct Row {
    #[serde(rename = "Date")]
    date: Date,
    #[serde(rename = "Open")]
    open: f64,
    #[serde(rename = "High")]
    high: f64,
    #[serde(rename = "Low")]
    low: f64,
    #[serde(rename = "Close")]
    close: f64,
    #[serde(rename = "Adj Close")]
    adjusted_close: f64,
    #[serde(rename = "Volume")]
    volume: u64,
}

impl Row {
    fn bar(self) -> Bar {
        let Self { date, open, high, low, close, adjusted_close, volume } = self;
        let volume = Some(volume);
        let (time, adjusted_close) = (BarTime::Day(date), Some(adjusted_close));
        Bar { time, open, high, low, close, adjusted_close, volume }
    }
}

fn read(symbol: Symbol, text: &str) -> Result<Series> {
    let mut bars: Vec<Bar> = Vec::new();
    for row in csv::Reader::from_reader(text.as_bytes()).into_deserialize::<Row>() {
        let bar = row.map(Row::bar).map_err(|source| {
            let message = format!("the recorded bars of {symbol} can't be read");
            Error::caused(ErrorKind::Load, "replay", message, source)
        })?;
        if let Some(before) = bars.last().filter(|before| before.time >= bar.time) {
            let message =
                format!("the recorded bars of {symbol} go from {} to {}", before.date(), bar.date());
            return Err(Error::new(ErrorKind::Load, "replay", message));
        }
        bars.push(bar);
    }
    Ok(Series::new(Asset::from(symbol), Interval::Day, bars))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "Date,Open,High,Low,Close,Adj Close,Volume\n";

    fn read_text(rows: &str) -> Result<Series> {
        read("AAPL".parse().unwrap(), &format!("{HEAD}{rows}"))
    }

    #[test]
    fn every_recorded_symbol_can_be_read() {
        for name in Recording::stocknet().symbols() {
            let series = Recording::stocknet().series(&name.parse().unwrap()).unwrap().unwrap();
            let bars = if name == "BABA" { 745 } else { 1258 };
            assert_eq!((series.asset.symbol.as_str(), series.bars.len()), (name, bars));
            assert!(
                series
                    .bars
                    .iter()
                    .all(|bar| bar.low <= bar.close && bar.close <= bar.high && bar.volume > Some(0))
            );
        }
    }

    #[test]
    fn the_recorded_symbols_are_the_files_in_the_folder() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/data/stocknet");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .filter_map(|file| Some(file.unwrap().file_name().to_str()?.strip_suffix(".csv")?.to_owned()))
            .collect();
        files.sort();
        assert_eq!(Recording::stocknet().symbols().collect::<Vec<_>>(), files);
    }

    #[test]
    fn a_damaged_recording_is_an_error_that_says_where() {
        for (rows, what) in [
            ("2017-09-01,1,2,0,x,1,7\n", "field 4"),
            ("2017-13-01,1,2,0,1,1,7\n", "line: 2"),
            ("2017-09-01,1,2\n", "3 fields"),
            ("2017-09-02,1,2,0,1,1,7\n2017-09-01,1,2,0,1,1,7\n", "from 2017-09-02 to 2017-09-01"),
        ] {
            let error = read_text(rows).unwrap_err();
            assert!(error.kind() == ErrorKind::Load && error.to_string().contains(what), "{error}");
        }
        assert_eq!(read_text("2017-09-01,1,2,0,1.5,1,7\n").unwrap().bars.len(), 1);
    }
}
