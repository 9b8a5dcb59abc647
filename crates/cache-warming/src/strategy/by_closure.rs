//! Strategies by closure: keys that the application knows of.

use std::fmt;

use async_trait::async_trait;
use cache_core::{Key, Result};
use futures_util::future::BoxFuture;

use super::{RunBudget, RunTerms, Strategy, schedule::RunSchedule};
use crate::warming::outlook::Outlook;

type Pick = dyn Fn() -> BoxFuture<'static, Result<Vec<Key>>> + Send + Sync;

/// Fetches the keys that a closure gives: popular symbols, active users, the signals of the day.
///
/// ```
/// use cache_core::Key;
/// use cache_warming::{KeysOf, RunSchedule};
///
/// let popular = KeysOf::new("popular", RunSchedule::AtStart, || async {
///     ["AAPL", "MSFT", "SPY"].into_iter().map(|symbol| Key::new("price", symbol)).collect()
/// });
/// ```
pub struct KeysOf {
    terms: RunTerms,
    pick: Box<Pick>,
}

impl KeysOf {
    /// Makes a strategy of the keys that `pick` gives at each run.
    pub fn new<F>(
        name: impl Into<String>,
        schedule: RunSchedule,
        pick: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<Vec<Key>>> + Send + 'static,
    {
        let pick = Box::new(move || Box::pin(pick()) as BoxFuture<'static, _>);
        Self { terms: RunTerms::new(name, schedule), pick }
    }

    /// Sets what one run may cost.
    #[must_use]
    pub fn budget(self, budget: RunBudget) -> Self {
        Self { terms: self.terms.budget(budget), ..self }
    }
}

impl fmt::Debug for KeysOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeysOf").field("terms", &self.terms).finish_non_exhaustive()
    }
}

#[async_trait]
impl Strategy for KeysOf {
    fn terms(&self) -> &RunTerms {
        &self.terms
    }

    async fn pick(&self, _: &Outlook<'_>) -> Result<Vec<Key>> {
        (self.pick)().await
    }
}
