//! Daily bars, dividends and macroeconomic series from a folder of CSV files.

mod columns;
mod config;
mod documents;
mod figures;
mod files;
mod rows;

use std::{
    collections::BTreeMap,
    fs::File,
    io::{Read, Take},
    path::{Path, PathBuf},
};

use async_trait::async_trait;
use cache_core::{Clock, Result, sync::Mutex};

use self::files::Files;
pub use self::{config::CsvConfig, rows::OnBadRow};
use crate::{
    Answer, Answers, Asset, AssetType, DataType, Document, DocumentId, Interval, Offer, Provider,
    ProviderError, ProviderErrorKind, Quote, Series, SeriesId,
    parse::{ParseError, Plausibility},
    provider::from_single_calls,
};

/// Daily bars from a folder of CSV files, and quotes at the last of them; adjusted closes and dividends, if the
/// files have such columns; dividends and macroeconomic series from its subfolders.
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
    files: Files,
    skipped: Mutex<BTreeMap<PathBuf, u64>>,
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
        let (files, judge) = (Files::list(&config.folder)?, Plausibility::new(Clock::system()));
        Ok(Self { config, files, skipped: Mutex::default(), judge })
    }

    /// Returns the assets that have a file of bars, in order.
    pub fn assets(&self) -> impl Iterator<Item = &Asset> {
        self.files.bars.keys()
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
        let Some(path) = self.files.bars.get(&id.asset) else { return Ok(Answer::Unknown) };
        let (faults, asked, judge) = (self.config.faults, id.clone(), self.judge.clone());
        let read = self.read(path, move |file| {
            let rows = rows::bars(file, asked.asset.asset_type, faults, &judge)?;
            Ok((judge.series(&asked, rows.days)?, rows.skipped))
        });
        Ok(match read.await? {
            Ok((series, skipped)) => {
                self.skipped.lock().insert(path.clone(), skipped);
                Answer::Value(series)
            }
            Err(error) => Answer::Failed(error),
        })
    }

    /// Reads a file, on a thread that may block.
    ///
    /// # Errors
    ///
    /// If it could not be read to its end; within, if it holds what can't be served.
    async fn read<T: Send + 'static>(
        &self,
        path: &Path,
        read: impl FnOnce(Take<File>) -> Result<T, ParseError> + Send + 'static,
    ) -> Result<Result<T, ProviderError>, ProviderError> {
        let (most, shown, path) = (self.config.max_file_mib << 20, path.display(), path.to_owned());
        let failed = |kind, why: &dyn std::fmt::Display| {
            ProviderError::new(kind, format!("{} can't serve {shown}: {why}", self.config.name))
        };
        let done = tokio::task::spawn_blocking(move || read(open(&path, most)?)).await;
        let done = done.map_err(|_| failed(ProviderErrorKind::Broken, &"its reading was broken off"))?;
        Ok(done.map_err(|why| failed(ProviderErrorKind::BadAnswer, &why)))
    }
}

fn open(path: &Path, most: u64) -> Result<Take<File>, ParseError> {
    let unread = |error: std::io::Error| ParseError::text("it can't be read", &error.to_string());
    let file = File::open(path).map_err(unread)?;
    if file.metadata().map_err(unread)?.len() > most {
        return Err(ParseError::new(format!("it has more than {most} bytes, the most that is read")));
    }
    Ok(file.take(most))
}

#[async_trait]
impl Provider for CsvProvider {
    fn name(&self) -> &str {
        &self.config.name
    }

    fn offer(&self, data: DataType) -> Option<Offer> {
        let bars = !self.files.bars.is_empty();
        match data {
            DataType::Price | DataType::AdjustedClose => bars.then(|| Offer::new(50)),
            DataType::Ohlcv => bars.then(|| Offer::new(1).intervals([Interval::Day])),
            DataType::Dividend => (bars || self.files.has(data)).then(|| Offer::new(50)),
            _ => self.files.has(data).then(|| Offer::new(50).asset_types([AssetType::Index])),
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

    async fn documents(&self, data: DataType, ids: &[DocumentId]) -> Answers<Document> {
        let mut answers = Vec::with_capacity(ids.len());
        for id in ids {
            answers.push(self.document(data, id).await);
        }
        from_single_calls(answers)
    }
}
