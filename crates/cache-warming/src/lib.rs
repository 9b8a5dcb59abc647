//! Learns what will be asked of a cache, and fetches it beforehand in few, full calls.
//!
//! [`Warming`] watches a cache as its observer and remembers, in at most a hundred bytes a key, how often each
//! key was asked for. A [`Predictor`] tells from that how likely a key is asked for within its next life. With
//! it the free places of calls that are made anyway are filled (`cache_core::Fill`), and strategies fetch
//! beforehand, each within its budget. Each key that was fetched is followed until it is known whether it was
//! read ([`WarmingStats`]). [`BatchScheduler`] gathers updates that can wait into few calls.
//!
//! A cache is seen through [`cache_core::Warm`] alone, which a region of `cache-facade` implements.
//!
//! ```
//! use std::time::Duration;
//! use cache_warming::{Announced, Predictive, RunSchedule, Warming};
//!
//! let warming = Warming::builder()
//!     .strategy(Predictive::new("plan", RunSchedule::Every(Duration::from_secs(2))).saving(2.0))
//!     .strategy(Announced::new("events"))
//!     .build();
//! assert_eq!(warming.strategies().collect::<Vec<_>>(), ["plan", "events"]);
//! ```

mod effect;
mod history;
mod predictor;
mod quota;
mod scheduler;
mod strategy;
mod timer;
mod warming;

pub use effect::Effectiveness;
pub use history::{
    AccessHistory,
    profile::LocalHour,
    record::{Decayed, HALF_LIVES},
    saved::{SavedHistory, SavedKey, SavedPair},
    stream::RequestStream,
};
pub use predictor::{Demand, Keys, Predictor, regression::Regression, seed_score::SeedScore};
pub use scheduler::{
    BatchScheduler, Running,
    builder::BatchSchedulerBuilder,
    priority::{Priority, Scheduled},
    stats::{Drained, Flushed, GroupPending, SchedulerStats},
};
pub use strategy::{
    RunBudget, RunTerms, Strategy,
    announced::Announced,
    bell::OpeningBell,
    by_closure::KeysOf,
    predictive::Predictive,
    schedule::{CronTimes, RunSchedule},
    together::Together,
};
pub use warming::{
    Coverage, KindStats, Outlook, RunProgress, RunResult, RunningWarming, StrategyStats, WarmStart, Warming,
    WarmingBuilder, WarmingStats,
};
