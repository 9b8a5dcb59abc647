//! The event-driven strategy: keys of announced events are fetched as soon as they are announced.

use std::time::Duration;

use async_trait::async_trait;
use cache_core::{Key, Result};

use super::{RunBudget, RunTerms, Strategy, schedule::RunSchedule};
use crate::warming::outlook::Outlook;

/// How often it looks whether something was announced.
const STEP: Duration = Duration::from_secs(1);

/// Fetches the keys that [`Warming::announce`](crate::Warming::announce) told of, while their event lasts and
/// they are dead, or soon will be.
#[derive(Debug)]
pub struct Announced {
    terms: RunTerms,
}

impl Announced {
    /// Makes a strategy of what is announced.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        let budget = RunBudget::default().priority(150);
        Self { terms: RunTerms::new(name, RunSchedule::Every(STEP)).budget(budget) }
    }

    /// Sets what one run may cost.
    #[must_use]
    pub fn budget(self, budget: RunBudget) -> Self {
        Self { terms: self.terms.budget(budget) }
    }
}

#[async_trait]
impl Strategy for Announced {
    fn terms(&self) -> &RunTerms {
        &self.terms
    }

    async fn pick(&self, outlook: &Outlook<'_>) -> Result<Vec<Key>> {
        Ok(outlook.announced(self.terms.budget.keys))
    }
}
