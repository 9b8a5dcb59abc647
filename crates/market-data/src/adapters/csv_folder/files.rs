//! What files a folder holds, and what they are of.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use cache_core::{Error, ErrorKind, Result};
use percent_encoding::percent_decode_str;

use crate::{Asset, DataType, DocumentId, Invalid};

/// The kinds of data that have a subfolder of their own, which is called like the kind.
pub(super) const KINDS: [DataType; 5] = [
    DataType::Dividend,
    DataType::Macro,
    DataType::CpiIndex,
    DataType::TreasuryYield,
    DataType::InflationRate,
];

/// The files of a folder.
#[derive(Debug, Default)]
pub(super) struct Files {
    /// Those of bars.
    pub(super) bars: BTreeMap<Asset, PathBuf>,
    /// Those of the subfolders, by kind and the text of a document's id without what is usual.
    documents: BTreeMap<(DataType, String), PathBuf>,
}

impl Files {
    /// Lists a folder and its subfolders.
    ///
    /// # Errors
    ///
    /// `Config` if it can't be read or holds no file, if a file's name names nothing, or if two files are of one
    /// thing.
    pub(super) fn list(folder: &Path) -> Result<Self> {
        let mut files = Self::default();
        for path in csv_files(folder)? {
            let asset = decoded(&path).parse::<Asset>().map_err(|why| {
                let message = format!(
                    "{} is named for no asset, as AAPL.csv or VOD@XLON.csv would be: {why}",
                    path.display()
                );
                Error::new(ErrorKind::Config, "csv", message)
            })?;
            put(&mut files.bars, asset, path)?;
        }
        for data in KINDS {
            let folder = folder.join(data.as_str());
            if !folder.is_dir() {
                continue;
            }
            for path in csv_files(&folder)? {
                let id = read_id(data, &decoded(&path)).map_err(|why| {
                    let message = format!("{} is named for no {data}: {why}", path.display());
                    Error::new(ErrorKind::Config, "csv", message)
                })?;
                put(&mut files.documents, (data, plain(data, &id).to_string()), path)?;
            }
        }
        if files.bars.is_empty() && files.documents.is_empty() {
            let message = format!("the folder {} holds no file whose name ends in .csv", folder.display());
            return Err(Error::new(ErrorKind::Config, "csv", message));
        }
        Ok(files)
    }

    /// Returns whether there is a file of a kind that has a subfolder.
    pub(super) fn has(&self, data: DataType) -> bool {
        self.documents.keys().any(|(kind, _)| *kind == data)
    }

    /// Returns the file of a document.
    pub(super) fn document(&self, data: DataType, id: &DocumentId) -> Option<&PathBuf> {
        self.documents.get(&(data, plain(data, id).to_string()))
    }

    /// Returns the ids of the files that are about an asset, whatever their parameters are.
    pub(super) fn documents_of(&self, data: DataType, asset: &Asset) -> Vec<&str> {
        let asset = asset.to_string();
        let is_of = |id: &str| id.split(':').next() == Some(asset.as_str());
        self.documents
            .keys()
            .filter(|(kind, id)| *kind == data && is_of(id))
            .map(|(_, id)| id.as_str())
            .collect()
    }
}

/// Returns the files of a folder whose names end in `.csv`.
fn csv_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let unread = |source| {
        let message = format!("the folder {} can't be read", folder.display());
        Error::caused(ErrorKind::Config, "csv", message, source)
    };
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(unread)? {
        let path = entry.map_err(unread)?.path();
        let is_csv = path.extension().is_some_and(|end| end.eq_ignore_ascii_case("csv"));
        files.extend((is_csv && path.is_file()).then_some(path));
    }
    Ok(files)
}

/// Returns a file's name without its end, percent-decoded.
fn decoded(path: &Path) -> String {
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    percent_decode_str(stem).decode_utf8_lossy().into_owned()
}

/// Reads what a file of a kind is of: an asset or series, for a series perhaps with parameters.
fn read_id(data: DataType, name: &str) -> Result<DocumentId, Invalid> {
    let (asset, parameters) = name.split_once(':').map_or((name, None), |(asset, rest)| (asset, Some(rest)));
    let asset = data.read_asset(asset)?;
    match parameters {
        None => Ok(DocumentId::new(asset)),
        Some(parameters) if data.is_of_an_economy() => format!("{asset}:{parameters}").parse(),
        Some(_) => Err(Invalid::new("a file of it has no parameters: it is named for its asset alone")),
    }
}

/// The parameters that a series has where none are given, as for all providers.
fn usual(data: DataType) -> &'static [(&'static str, &'static str)] {
    match data {
        DataType::TreasuryYield => &[("interval", "monthly"), ("maturity", "10year")],
        DataType::CpiIndex => &[("interval", "monthly")],
        _ => &[],
    }
}

/// Returns an id without the parameters that say what holds without them: the same document by one name.
fn plain(data: DataType, id: &DocumentId) -> DocumentId {
    let mut id = id.clone();
    id.parameters.retain(|name, value| !usual(data).contains(&(name.as_str(), value.as_str())));
    id
}

/// Puts a file where no other one is.
fn put<K: Ord>(files: &mut BTreeMap<K, PathBuf>, key: K, path: PathBuf) -> Result<()> {
    match files.insert(key, path.clone()) {
        None => Ok(()),
        Some(other) => {
            let (one, other) = (other.display(), path.display());
            let message = format!("{one} and {other} are of one asset and the same parameters: keep one");
            Err(Error::new(ErrorKind::Config, "csv", message))
        }
    }
}
