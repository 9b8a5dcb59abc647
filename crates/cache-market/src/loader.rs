//! Loaders that ask a provider.

use std::{str::FromStr, sync::Arc, time::Duration};

use async_trait::async_trait;
use cache_core::{Fetched, Loaded, Loader, Request, Result};

use market_data::{
    Answer, Answers, Asset, DataType, Document, DocumentId, Invalid, MarketRecord, Provider, Quote, Series,
    SeriesId, one_answer_per_key,
};

use crate::{StandardKey, asset_tag, data_tag};

/// How long a series without bars is kept, as long as the absence of one.
const EMPTY_FOR: Duration = Duration::from_secs(60);

/// Loads quotes; the id of a key is an [`Asset`].
///
/// Each value is tagged with its [asset](crate::asset_tag) and its [kind and asset](crate::data_tag). A
/// quote whose version the cache has already is "not modified".
#[derive(Debug)]
pub struct QuoteLoader<P: ?Sized>(Arc<P>);

impl<P: Provider + ?Sized> QuoteLoader<P> {
    /// A loader that asks `provider`.
    #[must_use]
    pub fn new(provider: Arc<P>) -> Self {
        Self(provider)
    }
}

#[async_trait]
impl<P: Provider + ?Sized> Loader<Quote> for QuoteLoader<P> {
    fn max_batch(&self) -> usize {
        max_batch(&*self.0, DataType::Price)
    }

    async fn load(&self, requests: &[Request<Quote>]) -> Result<Vec<Loaded<Quote>>> {
        let asked = Asked::<Asset>::read(requests);
        let answers = if asked.ids.is_empty() { Ok(Vec::new()) } else { self.0.quotes(&asked.ids).await };
        asked.answered(self.0.name(), requests, answers)
    }
}

/// Loads series; the id of a key is a [`SeriesId`], such as `AAPL:1d`.
///
/// Each value is tagged with its [asset](crate::asset_tag) and its [kind and asset](crate::data_tag). A
/// series whose version the cache has already is "not modified".
#[derive(Debug)]
pub struct SeriesLoader<P: ?Sized>(Arc<P>);

impl<P: Provider + ?Sized> SeriesLoader<P> {
    /// A loader that asks `provider`.
    #[must_use]
    pub fn new(provider: Arc<P>) -> Self {
        Self(provider)
    }
}

#[async_trait]
impl<P: Provider + ?Sized> Loader<Series> for SeriesLoader<P> {
    fn max_batch(&self) -> usize {
        max_batch(&*self.0, DataType::Ohlcv)
    }

    async fn load(&self, requests: &[Request<Series>]) -> Result<Vec<Loaded<Series>>> {
        let asked = Asked::<SeriesId>::read(requests);
        let answers = if asked.ids.is_empty() { Ok(Vec::new()) } else { self.0.series(&asked.ids).await };
        asked.answered(self.0.name(), requests, answers)
    }
}

/// Loads documents of one kind of data; the id of a key is a [`DocumentId`], such as `AAPL`.
///
/// Each value is tagged with its [asset](crate::asset_tag) and its [kind and asset](crate::data_tag). A document
/// whose version the cache has already is "not modified".
#[derive(Debug)]
pub struct DocumentLoader<P: ?Sized> {
    provider: Arc<P>,
    data: DataType,
}

impl<P: Provider + ?Sized> DocumentLoader<P> {
    /// A loader that asks `provider` for such data.
    #[must_use]
    pub fn new(provider: Arc<P>, data: DataType) -> Self {
        Self { provider, data }
    }
}

#[async_trait]
impl<P: Provider + ?Sized> Loader<Document> for DocumentLoader<P> {
    fn max_batch(&self) -> usize {
        max_batch(&*self.provider, self.data)
    }

    async fn load(&self, requests: &[Request<Document>]) -> Result<Vec<Loaded<Document>>> {
        let asked = Asked::<DocumentId>::read(requests);
        let answers = match asked.ids.as_slice() {
            [] => Ok(Vec::new()),
            ids => self.provider.documents(self.data, ids).await,
        };
        asked.answered(self.provider.name(), requests, answers)
    }
}

fn max_batch<P: Provider + ?Sized>(provider: &P, data: DataType) -> usize {
    provider.offer(data).map_or(1, |offer| offer.max_batch)
}

/// The ids of requests that a provider can be asked for, and the errors of the others.
struct Asked<I> {
    ids: Vec<I>,
    invalid: Vec<Option<Invalid>>,
}

impl<I: FromStr<Err = Invalid>> Asked<I> {
    fn read<V>(requests: &[Request<V>]) -> Self {
        let mut asked = Self { ids: Vec::with_capacity(requests.len()), invalid: Vec::new() };
        for request in requests {
            match request.key.id().parse() {
                Ok(id) => {
                    asked.ids.push(id);
                    asked.invalid.push(None);
                }
                Err(invalid) => asked.invalid.push(Some(invalid)),
            }
        }
        asked
    }

    fn answered<V: MarketRecord>(
        self,
        provider: &str,
        requests: &[Request<V>],
        answers: Answers<V>,
    ) -> Result<Vec<Loaded<V>>> {
        let mut answers = one_answer_per_key(provider, self.ids.len(), answers)?.into_iter();
        let loaded = requests.iter().zip(self.invalid).map(|(request, invalid)| match invalid {
            Some(invalid) => Ok(Loaded::Failed(invalid.into())),
            None => match answers.next() {
                None | Some(Answer::Unknown) => Ok(Loaded::Absent),
                Some(Answer::Failed(error)) => Ok(Loaded::Failed(error.into())),
                Some(Answer::Value(value)) => loaded(provider, request, value),
            },
        });
        loaded.collect()
    }
}

pub(crate) fn loaded<V: MarketRecord>(
    provider: &str,
    request: &Request<V>,
    mut value: V,
) -> Result<Loaded<V>> {
    value.provider().get_or_insert_with(|| provider.into());
    let version = value.version();
    let is_empty = value.is_empty();
    if !is_empty && request.etag.as_deref() == Some(version.as_str()) {
        return Ok(Loaded::not_modified());
    }
    let mut tags = vec![asset_tag(value.asset())?];
    // Events invalidate by kind and asset.
    if let Ok(named) = StandardKey::of(&request.key) {
        tags.push(data_tag(named.data(), value.asset())?);
    }
    let fetched = Fetched::new(value).tags(tags).etag(version);
    // Nothing traded, or nothing to be had: what looks the same is soon asked for again.
    Ok(if is_empty { fetched.ttl(EMPTY_FOR) } else { fetched }.into())
}
