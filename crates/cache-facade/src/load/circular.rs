//! Reads that would wait for the very load they are made in: they are told so instead of waiting in vain.
//!
//! A task-local says which flights the load that a task is in brings, and all flights that wait for it by way of
//! the calls that it was begun in. It goes along with the fetches that a load's reads begin.

use std::{future::Future, sync::Arc};

use cache_core::{Error, ErrorKind, Key, Timestamp};
use futures_util::FutureExt;

use super::flight::Flight;
use crate::{answer::FlightResult, read::servable::Servable};

tokio::task_local! {
    static LOADING: Loading;
}

/// The numbers of the flights that a load brings, directly or by what waits for it; in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Loading(Option<Arc<[u64]>>);

impl Loading {
    /// Returns what waits for the load that this task is in.
    pub(crate) fn current() -> Self {
        LOADING.try_with(Clone::clone).unwrap_or_default()
    }

    /// Returns what waits for a call that is made for all of these.
    pub(crate) fn of_all(all: impl Iterator<Item = Self>) -> Self {
        let mut all: Vec<_> = all.filter_map(|one| one.0).collect();
        // The keys of one load share theirs.
        all.sort_unstable_by_key(|one| one.as_ptr());
        all.dedup_by_key(|one| one.as_ptr());
        match all.len() {
            0 | 1 => Self(all.pop()),
            _ => Self::in_order(all.iter().flat_map(|one| one.iter().copied()).collect()),
        }
    }

    /// Adds flights.
    pub(crate) fn with(self, flights: impl Iterator<Item = u64>) -> Self {
        Self::in_order(self.0.iter().flat_map(|known| known.iter().copied()).chain(flights).collect())
    }

    fn in_order(mut flights: Vec<u64>) -> Self {
        flights.sort_unstable();
        flights.dedup();
        Self(Some(flights.into()))
    }

    /// Does work for these.
    pub(crate) fn around<F: Future>(self, work: F) -> impl Future<Output = F::Output> {
        LOADING.scope(self, work)
    }

    fn includes(&self, flight: u64) -> bool {
        self.0.as_ref().is_some_and(|flights| flights.binary_search(&flight).is_ok())
    }
}

/// Whether this task is in the load that brings a flight, so that it would wait for itself.
pub(crate) fn is_own<T>(flight: &Flight<T>) -> bool {
    let is_included = LOADING.try_with(|loading| loading.includes(flight.number())).unwrap_or_default();
    is_included && flight.is_pending()
}

/// Returns the answer to a read that would wait for itself: what can be served meanwhile, or an error.
pub(crate) fn answer<V>(key: &Key, flight: &Arc<Flight<FlightResult<V>>>, now: Timestamp) -> FlightResult<V> {
    match flight.offered().now_or_never() {
        Some(Some(Ok(found))) if Servable::by_age(&found, now).is_servable() => Ok(found),
        _ => Err(error(key)),
    }
}

/// Returns the error of who would wait for itself.
pub(crate) fn error(key: &Key) -> Error {
    let message = format!(
        "{key} can't be read here: the load that needs it is the one that loads it (its own call, or one that waits \
         for that)"
    );
    Error::new(ErrorKind::Load, "get", message)
}
