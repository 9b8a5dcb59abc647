//! Where the files of daily bars are.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::OnBadRow;

/// A folder of files of daily bars, one an asset.
///
/// A file is named for its asset: `AAPL.csv`, `VOD@XLON.csv`, `EUR%2FUSD@FX.csv`. Its first row names its columns, in
/// any order: date, open, high, low, close, volume, and at will adjusted close; others are passed over.
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
    /// What it is called in statistics and answers. Default: `csv`.
    #[serde(default = "name")]
    pub name: String,
    /// The folder. Files that don't end in `.csv` are passed over, and so are folders in it.
    pub folder: PathBuf,
    /// What becomes of a file that has rows at fault. One of which all rows are is not served. Default: `error`.
    #[serde(default)]
    pub faults: OnBadRow,
    /// The largest file, in MiB. Default: 64.
    #[serde(default = "max_file_mib")]
    pub max_file_mib: u64,
}

impl CsvConfig {
    /// That folder, and the defaults for the rest.
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
