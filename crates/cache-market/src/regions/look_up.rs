//! Keys of any market kinds looked up together: one call a tier, one call of the provider a batch.

use std::collections::BTreeMap;

use cache_core::{Error, ErrorKind, Result};
use cache_facade::{AnyWanted, Cacheable, Lookup, Region, WantedKeys};
use market_data::{DataType, Document, Quote, Series};

use super::MarketRegions;
use crate::{StandardKey, series::tail_id};

/// What was found under a key.
#[derive(Debug)]
pub enum MarketLookup {
    /// Under the key of a price.
    Quote(Lookup<Quote>),
    /// Under the key of bars.
    Series(Lookup<Series>),
    /// Under the key of a document.
    Document(Lookup<Document>),
}

/// Keys of one region, and their places among all that are asked for.
struct Places<V> {
    places: Vec<usize>,
    ids: Vec<String>,
    region: Region<V>,
}

impl MarketRegions {
    /// Looks up keys of any market kinds: answer `i` belongs to `keys[i]`. There is one call a tier for all that
    /// memory can't answer; then each kind is loaded in as few calls as its provider's batches allow, and what is
    /// computed waits for its inputs. The parameters of documents may be written in any way.
    pub async fn look_up(&self, keys: &[StandardKey]) -> Vec<Result<MarketLookup>> {
        if let [key] = keys {
            return vec![self.look_up_one(key).await];
        }
        let mut answers: Vec<Option<Result<MarketLookup>>> = keys.iter().map(|_| None).collect();
        let (mut quotes, mut series) = (Places::of(&self.quotes), Places::of(&self.series.tails));
        let mut series_ids = Vec::new();
        let mut documents: BTreeMap<(DataType, bool), Places<Document>> = BTreeMap::new();
        for (at, key) in keys.iter().enumerate() {
            let placed = canonical(key).and_then(|key| {
                let id = key.id()?;
                match &key {
                    StandardKey::Document { data, id: document } => {
                        let (region, is_computed) = self.region_of(*data, document)?;
                        let places = documents.entry((*data, is_computed));
                        places.or_insert_with(|| Places::of(region)).add(at, id);
                    }
                    StandardKey::Price { .. } => quotes.add(at, id),
                    StandardKey::Ohlcv(series_id) => {
                        series.add(at, tail_id(series_id));
                        series_ids.push(series_id.clone());
                    }
                    other => return Err(no_kind(other)),
                }
                Ok(())
            });
            answers[at] = placed.err().map(Err);
        }
        let (mut of_quotes, mut of_series) = (quotes.wanted(), series.wanted());
        let mut of_documents: Vec<_> = documents.values().map(Places::wanted).collect();
        let mut wanted: Vec<&mut dyn AnyWanted> = vec![&mut of_quotes, &mut of_series];
        wanted.extend(of_documents.iter_mut().map(|wanted| wanted as &mut dyn AnyWanted));
        self.cache.read_together(&mut wanted).await;
        quotes.answer(of_quotes, MarketLookup::Quote, &mut answers);
        let tails = series_ids.iter().zip(of_series.into_answers()).collect();
        for (at, found) in series.places.into_iter().zip(self.series.complete(tails).await) {
            answers[at] = Some(found.map(|(found, _)| MarketLookup::Series(found)));
        }
        for (places, wanted) in documents.into_values().zip(of_documents) {
            places.answer(wanted, MarketLookup::Document, &mut answers);
        }
        let answer = |answer: Option<_>| answer.unwrap_or_else(|| unreachable!("each key was asked for"));
        answers.into_iter().map(answer).collect()
    }

    /// Looks up one key.
    ///
    /// # Errors
    ///
    /// As [`Region::lookup`]; `Config` for a key of no market kind, and a parameter that can't be.
    pub async fn look_up_one(&self, key: &StandardKey) -> Result<MarketLookup> {
        let key = canonical(key)?;
        Ok(match &key {
            StandardKey::Document { data, id: document } => {
                MarketLookup::Document(self.region_of(*data, document)?.0.lookup(&key.id()?).await?)
            }
            StandardKey::Price { .. } => MarketLookup::Quote(self.quotes.lookup(&key.id()?).await?),
            StandardKey::Ohlcv(id) => MarketLookup::Series(self.bars(id).await?.0),
            other => return Err(no_kind(other)),
        })
    }
}

/// Returns the one key of what a key names.
fn canonical(key: &StandardKey) -> Result<StandardKey> {
    Ok(match key.clone() {
        StandardKey::Document { data, id } => StandardKey::Document { data, id: id.canonical(data)? },
        other => other,
    })
}

fn no_kind(key: &StandardKey) -> Error {
    let message = format!("{key} is of no market kind: it has no region here");
    Error::new(ErrorKind::Config, "look up", message)
}

impl<V: Cacheable> Places<V> {
    fn of(region: &Region<V>) -> Self {
        Self { places: Vec::new(), ids: Vec::new(), region: region.clone() }
    }

    fn add(&mut self, at: usize, id: String) {
        self.places.push(at);
        self.ids.push(id);
    }

    fn wanted(&self) -> WantedKeys<V> {
        self.region.wanted(&self.ids)
    }

    fn answer(
        self,
        wanted: WantedKeys<V>,
        of: impl Fn(Lookup<V>) -> MarketLookup,
        answers: &mut [Option<Result<MarketLookup>>],
    ) {
        for (at, answer) in self.places.into_iter().zip(wanted.into_answers()) {
            answers[at] = Some(answer.map(&of));
        }
    }
}

impl MarketLookup {
    /// Returns whether there is a value.
    #[must_use]
    pub fn is_known(&self) -> bool {
        match self {
            Self::Quote(found) => found.value.is_some(),
            Self::Series(found) => found.value.is_some(),
            Self::Document(found) => found.value.is_some(),
        }
    }

    /// Returns what was found under the key of a price; `None` for another key.
    #[must_use]
    pub fn quote(self) -> Option<Lookup<Quote>> {
        if let Self::Quote(found) = self { Some(found) } else { None }
    }

    /// Returns what was found under the key of bars; `None` for another key.
    #[must_use]
    pub fn series(self) -> Option<Lookup<Series>> {
        if let Self::Series(found) = self { Some(found) } else { None }
    }

    /// Returns what was found under the key of a document; `None` for another key.
    #[must_use]
    pub fn document(self) -> Option<Lookup<Document>> {
        if let Self::Document(found) = self { Some(found) } else { None }
    }
}
