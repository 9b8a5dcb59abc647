//! Daily bars from a folder of CSV files.

mod columns;
mod config;
mod rows;

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use cache_core::{Clock, Error, ErrorKind, Result, sync::Mutex};
use percent_encoding::percent_decode_str;

pub use self::{config::CsvConfig, rows::OnBadRow};
use crate::{
    Answer, Answers, Asset, DataType, Interval, Offer, Provider, ProviderError, ProviderErrorKind, Quote,
    Series, SeriesId,
    parse::{ParseError, Plausibility},
    provider::from_single_calls,
};

/// Daily bars from a folder of CSV files, and quotes at the last of them.
///
/// The folder is listed once, when the provider is opened; each file is read anew at each call, so it may grow.
///
/// ```
/// use market_data::{CsvConfig, CsvProvider, Provider};
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/data/stocknet");
/// let bars = CsvProvider::new(CsvConfig::new(folder))?;
/// let series = bars.series(&["AAPL:1d:2017-08-28..2017-09-01".parse()?]).await?.remove(0).value().unwrap();
/// assert_eq!(series.bars.len(), 5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct CsvProvider {
    config: CsvConfig,
    files: Arc<BTreeMap<Asset, PathBuf>>,
    skipped: Mutex<BTreeMap<Asset, u64>>,
    judge: Plausibility,
}

impl CsvProvider {
    /// A provider of the files that are now in the folder.
    ///
    /// # Errors
    ///
    /// `Config` if the folder can't be read or holds no file, if a file's name is no asset, or if two files are of
    /// one asset.
    pub fn new(config: CsvConfig) -> Result<Self> {
        let folder = config.folder.display();
        let unread = |source| {
            Error::caused(ErrorKind::Config, "csv", format!("the folder {folder} can't be read"), source)
        };
        let mut files = BTreeMap::new();
        for entry in fs::read_dir(&config.folder).map_err(unread)? {
            let path = entry.map_err(unread)?.path();
            let is_csv = path.extension().is_some_and(|end| end.eq_ignore_ascii_case("csv"));
            if !is_csv || !path.is_file() {
                continue;
            }
            let asset = asset_of(&path)?;
            if let Some(other) = files.insert(asset, path.clone()) {
                let message =
                    format!("{} and {} are of one asset: keep one", other.display(), path.display());
                return Err(Error::new(ErrorKind::Config, "csv", message));
            }
        }
        if files.is_empty() {
            let message = format!("the folder {folder} holds no file whose name ends in .csv");
            return Err(Error::new(ErrorKind::Config, "csv", message));
        }
        Ok(Self {
            config,
            files: Arc::new(files),
            skipped: Mutex::default(),
            judge: Plausibility::new(Clock::system()),
        })
    }

    /// Returns the assets that have a file, in order.
    pub fn assets(&self) -> impl Iterator<Item = &Asset> {
        self.files.keys()
    }

    /// Returns how many rows were skipped, in all files as last read.
    #[must_use]
    pub fn skipped_rows(&self) -> u64 {
        self.skipped.lock().values().sum()
    }

    async fn one(&self, id: &SeriesId) -> Result<Answer<Series>, ProviderError> {
        if id.interval != Interval::Day {
            let message =
                format!("{} offers no bars of {}: its files are of days", self.config.name, id.interval);
            return Err(ProviderError::new(ProviderErrorKind::NotOffered, message));
        }
        let Some(path) = self.files.get(&id.asset).cloned() else { return Ok(Answer::Unknown) };
        let (faults, most, asked) = (self.config.faults, self.config.max_file_mib << 20, id.clone());
        let shown = path.display().to_string();
        let judge = self.judge.clone();
        // Files are read on a thread that may block.
        let read = tokio::task::spawn_blocking(move || read(&path, &asked, faults, most, &judge)).await;
        let failed = |fault, why: &dyn std::fmt::Display| {
            ProviderError::new(fault, format!("{} can't serve {shown}: {why}", self.config.name))
        };
        let read = read.map_err(|_| failed(ProviderErrorKind::Broken, &"its reading was broken off"))?;
        let (series, skipped) = match read {
            Ok(read) => read,
            Err(why) => return Ok(Answer::Failed(failed(ProviderErrorKind::BadAnswer, &why))),
        };
        self.skipped.lock().insert(id.asset.clone(), skipped);
        Ok(Answer::Value(series))
    }
}

/// Returns the asset that a file's name names.
fn asset_of(path: &Path) -> Result<Asset> {
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let name = percent_decode_str(stem).decode_utf8_lossy();
    name.parse().map_err(|why| {
        let message =
            format!("{} is named for no asset, as AAPL.csv or VOD@XLON.csv would be: {why}", path.display());
        Error::new(ErrorKind::Config, "csv", message)
    })
}

fn read(
    path: &Path,
    id: &SeriesId,
    faults: OnBadRow,
    most: u64,
    judge: &Plausibility,
) -> Result<(Series, u64), ParseError> {
    let unread = |error: std::io::Error| ParseError::text("it can't be read", &error.to_string());
    let file = File::open(path).map_err(unread)?;
    if file.metadata().map_err(unread)?.len() > most {
        return Err(ParseError::new(format!("it has more than {most} bytes, the most that is read")));
    }
    let rows = rows::read(file.take(most), id.asset.asset_type, faults, judge)?;
    Ok((judge.series(id, rows.bars)?, rows.skipped))
}

#[async_trait]
impl Provider for CsvProvider {
    fn name(&self) -> &str {
        &self.config.name
    }

    fn offer(&self, data: DataType) -> Option<Offer> {
        match data {
            DataType::Price => Some(Offer::new(50)),
            DataType::Ohlcv => Some(Offer::new(1).intervals([Interval::Day])),
            _ => None,
        }
    }

    fn implausible(&self) -> u64 {
        self.judge.refused()
    }

    async fn quotes(&self, assets: &[Asset]) -> Answers<Quote> {
        let mut answers = Vec::with_capacity(assets.len());
        for asset in assets {
            let series = self.one(&SeriesId::new(asset.clone(), Interval::Day)).await;
            answers.push(series.map(|series| match series {
                Answer::Value(series) => Quote::at_last(series.asset, &series.bars).into(),
                Answer::Unknown => Answer::Unknown,
                Answer::Failed(error) => Answer::Failed(error),
            }));
        }
        from_single_calls(answers)
    }

    async fn series(&self, ids: &[SeriesId]) -> Answers<Series> {
        let mut answers = Vec::with_capacity(ids.len());
        for id in ids {
            answers.push(self.one(id).await);
        }
        from_single_calls(answers)
    }
}
