//! The configuration of a folder of CSV files.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::OnBadRow;

/// A folder of CSV files of daily bars, one an asset.
///
/// A file is named for its asset: `AAPL.csv`, `VOD@XLON.csv`, `EUR%2FUSD@FX.csv`. Its first row names its
/// columns, in any order: date, open, high, low, close, volume, and optionally adjusted close; others are
/// ignored.
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
    /// The folder. Files that don't end in `.csv` and subfolders are ignored.
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
