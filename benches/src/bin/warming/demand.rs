//! Recorded demand: who asked for what, and when.

use std::{
    collections::{BTreeSet, HashMap},
    fs::File,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use flate2::read::GzDecoder;

const DAY: u32 = 86_400;

/// A Monday.
const MONDAY: u32 = 1_578_268_800;

/// One request, or several at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    /// The second, since 1970.
    pub(crate) at: u32,
    /// The place of its key among the keys.
    pub(crate) key: u32,
}

/// Recorded demand.
#[derive(Debug)]
pub(crate) struct Demand {
    pub(crate) name: String,
    pub(crate) keys: Vec<String>,
    /// In order of time.
    pub(crate) asked: Vec<Asked>,
    /// The second at which the scored part begins: a day does.
    pub(crate) scored_from: u32,
    pub(crate) scored_days: usize,
}

impl Demand {
    /// Reads lines of `second,key` or `second,key,count`; a count is of the five minutes from that second on, over
    /// which its requests are spread evenly. Of the days on which markets trade, the last five are scored, or the
    /// last fifth if that is more.
    pub(crate) fn read(path: &Path, days: Option<usize>) -> Result<Self> {
        let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
        let is_packed = path.extension().is_some_and(|ext| ext == "gz");
        let reader: Box<dyn Read> = if is_packed { Box::new(GzDecoder::new(file)) } else { Box::new(file) };
        let (mut keys, mut places, mut asked) = (Vec::new(), HashMap::<String, u32>::new(), Vec::new());
        for (number, line) in BufReader::new(reader).lines().enumerate() {
            let line = line.with_context(|| format!("cannot read {}", path.display()))?;
            let mut fields = line.trim().split(',');
            let (Some(at), Some(key)) = (fields.next(), fields.next()) else { continue };
            let wrong = || format!("{}, line {}: {line:?} is no request", path.display(), number + 1);
            // A line of names may come first.
            let at: u32 = match at.parse::<f64>() {
                Ok(at) => at as u32,
                Err(_) if number == 0 => continue,
                Err(error) => return Err(error).with_context(wrong),
            };
            let count: u32 = fields.next().map_or(Ok(1), str::parse).with_context(wrong)?;
            let key = *places.entry(key.to_owned()).or_insert_with(|| {
                keys.push(key.to_owned());
                keys.len() as u32 - 1
            });
            asked.extend(
                (0..count)
                    .map(|n| Asked { at: at + (300 * n + 150) / count.max(1) * u32::from(count > 1), key }),
            );
        }
        ensure!(!asked.is_empty(), "{} has no requests", path.display());
        asked.sort_by_key(|asked| asked.at);
        // 1970 began on a Thursday.
        let is_trading = |day: &u32| (day + 3) % 7 < 5;
        let trading: BTreeSet<u32> = asked.iter().map(|asked| asked.at / DAY).filter(is_trading).collect();
        let scored_days = days.unwrap_or_else(|| (trading.len() / 5).max(5)).min(trading.len());
        let first = trading.iter().rev().nth(scored_days.saturating_sub(1)).copied().unwrap_or_default();
        Ok(Self { name: stem(path), keys, asked, scored_from: first * DAY, scored_days })
    }

    /// Reads a trace, a key a line in the order of requests without their times, of which the first `most` are
    /// taken as if one came each second. All of it is scored.
    pub(crate) fn read_trace(path: &Path, most: usize) -> Result<Self> {
        let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
        let (mut keys, mut places, mut asked) = (Vec::new(), HashMap::<String, u32>::new(), Vec::new());
        for (at, line) in (MONDAY..).zip(BufReader::new(GzDecoder::new(file)).lines().take(most)) {
            let line = line.with_context(|| format!("cannot read {}", path.display()))?;
            let key = *places.entry(line).or_insert_with_key(|line| {
                keys.push(line.clone());
                keys.len() as u32 - 1
            });
            asked.push(Asked { at, key });
        }
        ensure!(!asked.is_empty(), "{} has no requests", path.display());
        let name = stem(path).trim_end_matches(".txt").to_owned();
        let scored_days = asked.len().div_ceil(DAY as usize);
        Ok(Self { name, keys, asked, scored_from: MONDAY, scored_days })
    }

    /// What came before the scored part.
    pub(crate) fn history(&self) -> &[Asked] {
        &self.asked[..self.asked.partition_point(|asked| asked.at < self.scored_from)]
    }

    /// The scored part, a day at a time. Requests on days without trading are left out.
    pub(crate) fn scored(&self) -> impl Iterator<Item = &[Asked]> {
        let scored = &self.asked[self.history().len()..];
        scored.chunk_by(|a, b| a.at / DAY == b.at / DAY).filter(|day| (day[0].at / DAY + 3) % 7 < 5)
    }
}

/// The files of demand in a folder, in order.
pub(crate) fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = folder.read_dir().with_context(|| format!("cannot list {}", folder.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.with_context(|| format!("cannot list {}", folder.display()))?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if (name.ends_with(".csv") || name.ends_with(".csv.gz")) && !name.starts_with("baseline") {
            files.push(path);
        }
    }
    files.sort();
    ensure!(!files.is_empty(), "{} has no demand: no .csv or .csv.gz but baselines", folder.display());
    Ok(files)
}

fn stem(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    name.trim_end_matches(".gz").trim_end_matches(".csv").to_owned()
}
