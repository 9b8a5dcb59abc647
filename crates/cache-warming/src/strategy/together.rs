//! Next requests: what is asked for within seconds after a key is fetched when that key is.

use std::time::Duration;

use async_trait::async_trait;
use cache_core::{Key, Result};

use super::{RunBudget, RunTerms, Strategy, schedule::RunSchedule};
use crate::warming::outlook::Outlook;

/// How often it looks what was asked for.
const STEP: Duration = Duration::from_secs(1);

/// Fetches what will likely be asked for within seconds, since it was before whenever the same key was asked for:
/// who looks at a quote looks at its chart next. Only what callers ask for counts, not what is fetched beforehand.
///
/// The history must [remember co-access](crate::WarmingBuilder::co_access); else each run fails.
///
/// ```
/// use cache_warming::{RunBudget, Together, Warming};
///
/// let together = Together::new("together").least_read(0.7).budget(RunBudget::default().keys(20).calls(2));
/// let warming = Warming::builder().co_access(1000).strategy(together).build();
/// assert_eq!(warming.stats().pairs, 0);
/// ```
#[derive(Debug)]
pub struct Together {
    terms: RunTerms,
    least_read: f32,
}

impl Together {
    /// Makes a strategy that looks each second.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        let terms = RunTerms::new(name, RunSchedule::Every(STEP)).budget(Self::default_budget());
        Self { terms, least_read: 0.5 }
    }

    /// Returns what one second may cost by default: 100 keys, 10 calls and a fifth of what the quota leaves, 5
    /// calls at once.
    #[must_use]
    pub fn default_budget() -> RunBudget {
        RunBudget::default().keys(100).calls(10).quota_share(0.2).priority(120)
    }

    /// Sets what one second may cost. Default: [`Together::default_budget`].
    #[must_use]
    pub fn budget(self, budget: RunBudget) -> Self {
        Self { terms: self.terms.budget(budget), ..self }
    }

    /// Fetches only keys that are asked for next with this probability, as far as was seen. Default: a half.
    #[must_use]
    pub fn least_read(self, probability: f32) -> Self {
        Self { least_read: probability, ..self }
    }
}

#[async_trait]
impl Strategy for Together {
    fn terms(&self) -> &RunTerms {
        &self.terms
    }

    async fn pick(&self, outlook: &Outlook<'_>) -> Result<Vec<Key>> {
        outlook.together(self.terms.budget.keys, self.least_read)
    }
}
