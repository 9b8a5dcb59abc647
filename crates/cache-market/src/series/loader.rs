//! The loaders of a region of series that are kept by their tail.

use std::collections::BTreeMap;

use async_trait::async_trait;
use cache_core::{Loaded, Loader, Request, Result};
use jiff::civil::Date;
use market_data::{Asset, DataType, DateRange, Interval, Invalid, Series, SeriesId};

use super::{
    chunks::is_chunk,
    source::{Ask, SeriesSource, cut},
};

/// How many chunks one call of the loader takes; of those that adjoin it makes one call of the provider.
const MAX_CHUNKS: usize = 64;

/// Loads tails: the whole series where nothing is cached of it, else what is not yet final. The id of a key is a
/// [`SeriesId`] without a range. One with a range is loaded as it is.
#[derive(Debug)]
pub(crate) struct TailLoader(pub(crate) SeriesSource);

#[async_trait]
impl Loader<Series> for TailLoader {
    fn max_batch(&self) -> usize {
        self.0.provider.offer(DataType::Ohlcv).map_or(1, |offer| offer.max_batch)
    }

    async fn load(&self, requests: &[Request<Series>]) -> Result<Vec<Loaded<Series>>> {
        let asked = self.0.clock.now();
        let mut answers: Vec<Option<Loaded<Series>>> = requests.iter().map(|_| None).collect();
        let (mut places, mut asks) = (Vec::new(), Vec::new());
        for (place, request) in requests.iter().enumerate() {
            match request.key.id().parse::<SeriesId>() {
                Ok(id) => {
                    places.push(place);
                    asks.push(Ask::of(id, request.previous.as_ref(), &self.0));
                }
                Err(invalid) => answers[place] = Some(failed(invalid)),
            }
        }
        while !asks.is_empty() {
            let ids: Vec<SeriesId> = asks.iter().map(|ask| ask.id(asked)).collect();
            let told = self.0.ask(&ids).await;
            if answers.iter().all(Option::is_none)
                && let Some(Err(error)) = told.iter().find(|told| told.is_err())
                && told.iter().all(Result::is_err)
            {
                return Err(error.clone().into());
            }
            let again = asks.into_iter().zip(std::mem::take(&mut places)).zip(told);
            asks = Vec::new();
            for ((ask, place), told) in again {
                let whole = match &ask {
                    Ask::Since(id, ..) => Some(id.clone()),
                    Ask::Whole(_) | Ask::Range(_) => None,
                };
                let loaded = match told {
                    Ok(answer) => self.0.loaded(&requests[place], ask, answer, asked),
                    Err(error) => Some(Ok(Loaded::Failed(error.into()))),
                };
                match (loaded, whole) {
                    (Some(loaded), _) => answers[place] = Some(loaded.unwrap_or_else(Loaded::Failed)),
                    (None, Some(id)) => {
                        places.push(place);
                        asks.push(Ask::Whole(id));
                    }
                    (None, None) => answers[place] = Some(Loaded::Absent),
                }
            }
        }
        Ok(answers.into_iter().map(|answer| answer.unwrap_or(Loaded::Absent)).collect())
    }
}

/// Loads chunks of closed time. Those of a series that adjoin are asked for as one range; one that is still
/// cached is not asked for, and lives on.
#[derive(Debug)]
pub(crate) struct ChunkLoader(pub(crate) SeriesSource);

/// Chunks of a series that adjoin, and the places of their requests.
struct Run {
    id: SeriesId,
    chunks: Vec<DateRange>,
    places: Vec<usize>,
}

#[async_trait]
impl Loader<Series> for ChunkLoader {
    fn max_batch(&self) -> usize {
        MAX_CHUNKS
    }

    async fn load(&self, requests: &[Request<Series>]) -> Result<Vec<Loaded<Series>>> {
        let asked = self.0.clock.now();
        let mut answers: Vec<Loaded<Series>> = requests.iter().map(|_| Loaded::Absent).collect();
        let mut wanted: BTreeMap<(Asset, Interval), BTreeMap<Date, (DateRange, usize)>> = BTreeMap::new();
        for (place, request) in requests.iter().enumerate() {
            if request.previous.as_ref().is_some_and(|chunk| is_whole(chunk)) {
                answers[place] = Loaded::not_modified();
                continue;
            }
            match request.key.id().parse::<SeriesId>() {
                Ok(SeriesId { asset, interval, range: Some(range) })
                    if is_chunk(&SeriesId { asset: asset.clone(), interval, range: Some(range) }) =>
                {
                    wanted.entry((asset, interval)).or_default().insert(range.from, (range, place));
                }
                Ok(id) => answers[place] = failed(Invalid::new(format!("{id} is no chunk of a series"))),
                Err(invalid) => answers[place] = failed(invalid),
            }
        }
        let runs: Vec<Run> = wanted.into_iter().flat_map(runs).collect();
        let ids: Vec<SeriesId> = runs.iter().map(|run| run.id.clone()).collect();
        let told = self.0.ask(&ids).await;
        for (run, told) in runs.into_iter().zip(told) {
            let chunks = cut(&self.0, &run.chunks, told, &run.id, asked);
            for (place, chunk) in run.places.into_iter().zip(chunks) {
                answers[place] = chunk.unwrap_or_else(Loaded::Failed);
            }
        }
        Ok(answers)
    }
}

/// Whether a chunk is as it will ever be. Reads that need another one remove it first.
fn is_whole(chunk: &Series) -> bool {
    chunk.extent.is_some() && chunk.complete_from.is_none()
}

fn runs(((asset, interval), chunks): ((Asset, Interval), BTreeMap<Date, (DateRange, usize)>)) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (range, place) in chunks.into_values() {
        match runs.last_mut().zip(range.from.yesterday().ok()) {
            Some((run, before)) if run.id.range.is_some_and(|last| last.to == before) => {
                run.id.range = run.id.range.map(|all| DateRange { to: range.to, ..all });
                run.chunks.push(range);
                run.places.push(place);
            }
            _ => runs.push(Run {
                id: SeriesId::new(asset.clone(), interval).within(range),
                chunks: vec![range],
                places: vec![place],
            }),
        }
    }
    runs
}

fn failed(invalid: Invalid) -> Loaded<Series> {
    Loaded::Failed(invalid.into())
}
