//! A provider as a cache's loader.

use std::{str::FromStr, sync::Arc};

use async_trait::async_trait;
use cache_core::{Error, ErrorKind, Fresh, Loaded, Loader, Request, Result, Tag};

use crate::{DataType, Invalid, Provider, Quote, Series, SeriesId, Symbol};

/// Loads quotes; the id of a key is a [`Symbol`].
///
/// Each value is tagged with its symbol. A quote that is still the one at hand is "not modified".
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
        self.0.max_batch(DataType::Price)
    }

    async fn load(&self, requests: &[Request]) -> Result<Vec<Loaded<Quote>>> {
        let asked = Asked::<Symbol>::read(requests);
        let answers = if asked.ids.is_empty() { Vec::new() } else { self.0.quotes(&asked.ids).await? };
        asked.answered(self.0.name(), requests, answers)
    }
}

/// Loads whole series; the id of a key is a [`SeriesId`], such as `AAPL:1d`.
///
/// Each value is tagged with its symbol. A series that is still the one at hand is "not modified".
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
        self.0.max_batch(DataType::Ohlcv)
    }

    async fn load(&self, requests: &[Request]) -> Result<Vec<Loaded<Series>>> {
        let asked = Asked::<SeriesId>::read(requests);
        let answers = if asked.ids.is_empty() { Vec::new() } else { self.0.series(&asked.ids).await? };
        asked.answered(self.0.name(), requests, answers)
    }
}

/// The requests that name something a provider can be asked for, and what is wrong with the rest.
struct Asked<I> {
    ids: Vec<I>,
    invalid: Vec<Option<Invalid>>,
}

impl<I: FromStr<Err = Invalid>> Asked<I> {
    fn read(requests: &[Request]) -> Self {
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

    fn answered<V: Datum>(
        self,
        provider: &str,
        requests: &[Request],
        answers: Vec<Option<V>>,
    ) -> Result<Vec<Loaded<V>>> {
        if answers.len() != self.ids.len() {
            let message =
                format!("{provider} was asked for {} keys and answered {}", self.ids.len(), answers.len());
            return Err(Error::new(ErrorKind::Load, "load", message));
        }
        let mut answers = answers.into_iter();
        requests
            .iter()
            .zip(self.invalid)
            .map(|(request, invalid)| match invalid {
                Some(invalid) => Ok(Loaded::Failed(invalid.into())),
                None => match answers.next().flatten() {
                    None => Ok(Loaded::Absent),
                    Some(value) => loaded(request, value),
                },
            })
            .collect()
    }
}

fn loaded<V: Datum>(request: &Request, value: V) -> Result<Loaded<V>> {
    let version = value.version();
    if request.etag.as_deref() == Some(version.as_str()) {
        return Ok(Loaded::NotModified);
    }
    let tag = Tag::new(value.symbol().as_str())?;
    Ok(Fresh::new(value).tag(tag).etag(version).into())
}

/// What a loader needs to know of a value.
trait Datum {
    fn symbol(&self) -> &Symbol;
    fn version(&self) -> String;
}

impl Datum for Quote {
    fn symbol(&self) -> &Symbol {
        &self.symbol
    }

    fn version(&self) -> String {
        self.version()
    }
}

impl Datum for Series {
    fn symbol(&self) -> &Symbol {
        &self.symbol
    }

    fn version(&self) -> String {
        self.version()
    }
}
