//! The configuration of a folder of CSV files.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::OnBadRow;

/// A folder of CSV files: of daily bars, one an asset, and in subfolders of other kinds of data.
///
/// A file is named for its asset: `AAPL.csv`, `VOD@XLON.csv`, `EUR%2FUSD@FX.csv`. Its first row names its columns,
/// in any order. Days are written as `2020-01-31` or with the name of the month, `Jan 31 2020`.
///
/// | file | columns; others are ignored |
/// |---|---|
/// | `AAPL.csv` | date, open, high, low, close, volume; adjusted close, dividends and stock splits if it has them |
/// | `dividend/AAPL.csv` | date, amount (or dividends); stock splits if it has them |
/// | `macro/REAL_GDP.csv`, and so in `cpi_index`, `treasury_yield` and `inflation_rate` | date, value (or price, or the only other one) |
///
/// A file of a series may have parameters in its name: `treasury_yield/TREASURY:maturity=2year.csv`. Those that it
/// doesn't name are the usual ones: `treasury_yield/TREASURY.csv` holds monthly yields of ten years, and
/// `cpi_index/CPI.csv` monthly prices, so daily yields are in `TREASURY:interval=daily.csv`. A day without a value
/// is empty, or has a `.`; a day without a dividend may have 0.
///
/// ```
/// use market_data::{CsvConfig, OnBadRow};
///
/// let config: CsvConfig = serde_json::from_str(r#"{"folder": "bars", "faults": "skip"}"#)?;
/// assert_eq!((config.name.as_str(), config.faults), ("csv", OnBadRow::Skip));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CsvConfig {
    /// Its name in statistics and values. Default: `csv`.
    #[serde(default = "name")]
    pub name: String,
    /// The folder. Files that don't end in `.csv` and other subfolders are ignored.
    pub folder: PathBuf,
    /// What to do with a file that has bad rows. A file whose rows are all bad is never served. Default: `error`.
    #[serde(default)]
    pub faults: OnBadRow,
    /// The largest file, in MiB. Default: 64.
    #[serde(default = "max_file_mib")]
    pub max_file_mib: u64,
}

impl CsvConfig {
    /// The defaults, with this folder.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            name: name(),
            folder: folder.into(),
            faults: OnBadRow::default(),
            max_file_mib: max_file_mib(),
        }
    }
}

fn name() -> String {
    "csv".to_owned()
}

fn max_file_mib() -> u64 {
    64
}
