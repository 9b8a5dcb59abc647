//! The list of instruments of an account: fetched when a batch is refused because of an unknown one, and
//! kept for a day.

use std::{collections::BTreeSet, fmt, sync::Arc, time::Duration};

use cache_core::{Clock, Timestamp};
use serde::Deserialize;
use tokio::sync::Mutex;

use crate::{ProviderError, parse::ParseError};

/// For how long the list is kept.
const KEPT: Duration = Duration::from_secs(86_400);

/// The list, once it was fetched.
pub(super) struct Instruments {
    clock: Clock,
    known: Mutex<Option<(Timestamp, Names)>>,
}

/// What the instruments are called.
pub(super) type Names = Arc<BTreeSet<String>>;

#[derive(Deserialize)]
struct Body {
    instruments: Vec<Named>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

/// Returns the names in the body of `/v3/accounts/{id}/instruments`.
///
/// # Errors
///
/// If it can't be parsed.
pub(super) fn read(body: &[u8]) -> Result<BTreeSet<String>, ParseError> {
    let body: Body =
        serde_json::from_slice(body).map_err(|error| ParseError::json("the instruments", &error))?;
    Ok(body.instruments.into_iter().map(|instrument| instrument.name).collect())
}

impl Instruments {
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, known: Mutex::new(None) }
    }

    /// Returns the list, if it was fetched and is not too old.
    pub(super) async fn known(&self) -> Option<Names> {
        let known = self.known.lock().await;
        known
            .as_ref()
            .filter(|(at, _)| self.clock.now().since(*at) < KEPT)
            .map(|(_, names)| Arc::clone(names))
    }

    /// Returns a newer list than `doubted`: one that another caller fetched meanwhile, or that of `ask`.
    ///
    /// # Errors
    ///
    /// If asking failed.
    pub(super) async fn renewed(
        &self,
        doubted: Option<&Names>,
        ask: impl Future<Output = Result<BTreeSet<String>, ProviderError>>,
    ) -> Result<Names, ProviderError> {
        let mut known = self.known.lock().await;
        if let Some((at, names)) = &*known
            && self.clock.now().since(*at) < KEPT
            && doubted.is_none_or(|doubted| !Arc::ptr_eq(names, doubted))
        {
            return Ok(Arc::clone(names));
        }
        let names = Arc::new(ask.await?);
        *known = Some((self.clock.now(), Arc::clone(&names)));
        Ok(names)
    }
}

impl fmt::Debug for Instruments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instruments").finish_non_exhaustive()
    }
}
