//! Strategies: what is fetched beforehand, when, and for how much.

pub(crate) mod announced;
pub(crate) mod bell;
pub(crate) mod by_closure;
pub(crate) mod predictive;
pub(crate) mod schedule;
pub(crate) mod together;

use std::{fmt, time::Duration};

use async_trait::async_trait;
use cache_core::{Key, Result};

use self::schedule::RunSchedule;
use crate::warming::outlook::Outlook;

/// What decides which keys are fetched beforehand.
#[async_trait]
pub trait Strategy: fmt::Debug + Send + Sync + 'static {
    /// Its name, when it runs, and what a run may cost.
    fn terms(&self) -> &RunTerms;

    /// Returns the keys to fetch, those wanted most first, with as many as its budget allows. What is fresh
    /// anyway, or turns out to be in a lower tier, is not fetched.
    ///
    /// # Errors
    ///
    /// Why there are none, which is the result of the run.
    async fn pick(&self, outlook: &Outlook<'_>) -> Result<Vec<Key>>;
}

/// On which terms a strategy runs.
///
/// ```
/// use std::time::Duration;
/// use cache_warming::{RunBudget, RunSchedule, RunTerms};
///
/// let hourly = RunSchedule::Every(Duration::from_secs(3600));
/// let terms = RunTerms::new("reports", hourly).budget(RunBudget::default().calls(10));
/// assert_eq!((terms.name.as_str(), terms.budget.calls), ("reports", 10));
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RunTerms {
    /// The name, in statistics and logs, and for whoever runs it by hand.
    pub name: String,
    /// When it runs.
    pub schedule: RunSchedule,
    /// What one run may cost.
    pub budget: RunBudget,
    /// How near its end a value is fetched as if it were dead; `None` as
    /// [`Coverage::soon`](crate::Coverage::soon) says.
    pub soon: Option<Duration>,
}

impl RunTerms {
    /// Makes terms with a default budget.
    pub fn new(name: impl Into<String>, schedule: RunSchedule) -> Self {
        Self { name: name.into(), schedule, budget: RunBudget::default(), soon: None }
    }

    /// Sets what one run may cost.
    #[must_use]
    pub fn budget(self, budget: RunBudget) -> Self {
        Self { budget, ..self }
    }

    /// Sets how near its end a value is fetched as if it were dead.
    #[must_use]
    pub fn soon(self, soon: Duration) -> Self {
        Self { soon: Some(soon), ..self }
    }
}

/// What one run of a strategy may cost, and what goes before it.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct RunBudget {
    /// The most keys.
    pub keys: usize,
    /// The most calls. One that its source refuses may be made again in halves by the cache, which counts as one
    /// here.
    pub calls: usize,
    /// The most calls at once.
    pub concurrency: usize,
    /// The share of the calls that a provider's quota has left which the run may use.
    pub quota_share: f64,
    /// How long it may take: a run that has not ended by then fails.
    pub time: Duration,
    /// Strategies that run at the same moment go in the order of this, the highest first.
    pub priority: u8,
}

impl Default for RunBudget {
    fn default() -> Self {
        let time = Duration::from_secs(600);
        Self { keys: 10_000, calls: 1_000, concurrency: 5, quota_share: 0.5, time, priority: 100 }
    }
}

impl RunBudget {
    /// Sets the most keys.
    #[must_use]
    pub fn keys(self, keys: usize) -> Self {
        Self { keys, ..self }
    }

    /// Sets the most calls.
    #[must_use]
    pub fn calls(self, calls: usize) -> Self {
        Self { calls, ..self }
    }

    /// Sets the most calls at once, at least one.
    #[must_use]
    pub fn concurrency(self, concurrency: usize) -> Self {
        Self { concurrency: concurrency.max(1), ..self }
    }

    /// Sets the share of the calls that are left, from 0 to 1.
    #[must_use]
    pub fn quota_share(self, quota_share: f64) -> Self {
        Self { quota_share: quota_share.clamp(0.0, 1.0), ..self }
    }

    /// Sets how long it may take. Default: ten minutes.
    #[must_use]
    pub fn time(self, time: Duration) -> Self {
        Self { time, ..self }
    }

    /// Sets the priority.
    #[must_use]
    pub fn priority(self, priority: u8) -> Self {
        Self { priority, ..self }
    }
}
