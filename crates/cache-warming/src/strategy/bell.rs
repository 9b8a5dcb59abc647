//! The opening bell: values whose lives end together are fetched in the order of demand, as fast as a quota
//! allows.

use std::{fmt, time::Duration};

use async_trait::async_trait;
use cache_core::{Key, Result, Timestamp};

use super::{RunBudget, RunTerms, Strategy, schedule::RunSchedule};
use crate::warming::outlook::Outlook;

/// How often it looks what is left to fetch.
const STEP: Duration = Duration::from_secs(1);

/// Refills what dies at one moment, such as the opening of a market: once a second the keys that are dead and
/// wanted most, as many as its share of the quota has calls for.
///
/// ```
/// use std::time::Duration;
/// use cache_core::Timestamp;
/// use cache_warming::OpeningBell;
///
/// // The bell that rang last, if one did.
/// let last_opening = |now: Timestamp| Some(now.before(Duration::from_secs(5)));
/// let bell = OpeningBell::new("bell", last_opening).lasting(Duration::from_secs(120));
/// ```
pub struct OpeningBell {
    terms: RunTerms,
    lasting: Duration,
    last_bell: Box<dyn Fn(Timestamp) -> Option<Timestamp> + Send + Sync>,
}

impl OpeningBell {
    /// Makes a strategy of the bells that `last_bell` tells of: the last one at or before a moment.
    pub fn new(
        name: impl Into<String>,
        last_bell: impl Fn(Timestamp) -> Option<Timestamp> + Send + Sync + 'static,
    ) -> Self {
        Self {
            terms: RunTerms::new(name, RunSchedule::Every(STEP))
                .budget(RunBudget::default().quota_share(0.9).concurrency(16).priority(200)),
            lasting: Duration::from_secs(60),
            last_bell: Box::new(last_bell),
        }
    }

    /// Sets what one second may cost. Default: nine tenths of what the quota leaves, 16 calls at once.
    #[must_use]
    pub fn budget(self, budget: RunBudget) -> Self {
        Self { terms: self.terms.budget(budget), ..self }
    }

    /// Sets for how long after a bell it refills. Default: a minute.
    #[must_use]
    pub fn lasting(self, lasting: Duration) -> Self {
        Self { lasting, ..self }
    }
}

impl fmt::Debug for OpeningBell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpeningBell").field("terms", &self.terms).finish_non_exhaustive()
    }
}

#[async_trait]
impl Strategy for OpeningBell {
    fn terms(&self) -> &RunTerms {
        &self.terms
    }

    async fn pick(&self, outlook: &Outlook<'_>) -> Result<Vec<Key>> {
        let now = outlook.now();
        let rang = (self.last_bell)(now).is_some_and(|bell| now.since(bell) < self.lasting && bell <= now);
        let kinds = outlook.kinds().filter(|_| rang);
        Ok(kinds.flat_map(|kind| outlook.hottest(kind, self.terms.budget.keys)).collect())
    }
}
