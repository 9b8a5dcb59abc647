//! What is put under load: a cache in this process, or a service over HTTP.

pub(crate) mod embedded;
pub(crate) mod service;

use std::{borrow::Cow, sync::Arc};

use anyhow::{Result, anyhow};

use self::{embedded::EmbeddedCache, service::LoadedService};
use crate::{
    measure::tally::{Fault, Outcome},
    workload::quote::Quote,
};

/// A handle to what is put under load.
#[derive(Clone, Debug)]
pub(crate) enum Subject {
    Embedded(EmbeddedCache),
    Service(LoadedService),
}

/// What a read found.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) quote: Option<Arc<Quote>>,
    /// `memory`, or the name of a tier; `nowhere` if there is none.
    pub(crate) by: Cow<'static, str>,
}

impl Subject {
    /// Reads the quotes, one by itself and many in one call, and checks each: its version must be the one that
    /// `is_right` takes.
    pub(crate) async fn read(
        &self,
        ids: &[u64],
        is_right: impl Fn(u64, u64) -> bool,
    ) -> Result<Outcome, Fault> {
        self.read_all(ids, is_right).await.map_err(|fault| fault.of_reads(ids.len()))
    }

    async fn read_all(&self, ids: &[u64], is_right: impl Fn(u64, u64) -> bool) -> Result<Outcome, Fault> {
        let found = match (self, ids) {
            (Self::Embedded(cache), [id]) => vec![cache.get(*id).await?],
            (Self::Embedded(cache), ids) => cache.get_many(ids).await?,
            (Self::Service(service), [id]) => vec![service.get(*id).await?],
            (Self::Service(service), ids) => service.get_many(ids).await?,
        };
        if found.len() != ids.len() {
            return Err(anyhow!("{} keys, {} answers", ids.len(), found.len()).into());
        }
        let mut answered_by = Vec::with_capacity(ids.len());
        for (id, found) in ids.iter().zip(found) {
            let Some(quote) = found.quote else {
                return Err(anyhow!("quote {id} is not there, though it was put").into());
            };
            match quote.version_of(*id) {
                Some(version) if is_right(*id, version) => answered_by.push(found.by),
                _ => return Err(Fault::wrong(format!("quote {id} was read as {quote:?}"))),
            }
        }
        Ok(Outcome { answered_by })
    }

    /// Writes the quotes, one by itself and many in one call, to live as long as the seeds' writes do.
    pub(crate) async fn write(&self, quotes: Vec<Quote>) -> Result<Outcome, Fault> {
        self.put(quotes, Life::Short).await?;
        Ok(Outcome::default())
    }

    /// Writes quotes that are to be there for the whole run.
    pub(crate) async fn preload(&self, quotes: Vec<Quote>) -> Result<()> {
        self.put(quotes, Life::WholeRun).await
    }

    async fn put(&self, quotes: Vec<Quote>, life: Life) -> Result<()> {
        match self {
            Self::Embedded(cache) => cache.put(quotes, life).await,
            Self::Service(service) => service.put(quotes, life).await,
        }
    }
}

/// How long what is written lives.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Life {
    /// A minute, as the seeds' load test has it.
    Short,
    /// Longer than any scenario takes.
    WholeRun,
}

impl Life {
    pub(crate) fn seconds(self) -> u64 {
        match self {
            Self::Short => 60,
            Self::WholeRun => 1800,
        }
    }
}
