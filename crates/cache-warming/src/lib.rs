//! Learns what will be asked of a cache, and fetches it beforehand in few, full calls.

mod effect;
mod history;
mod predictor;
mod scheduler;
mod strategy;
mod timer;
mod warming;

pub use effect::Effectiveness;
pub use history::{
    AccessHistory,
    profile::LocalHour,
    record::{Decayed, HALF_LIVES},
    saved::{SavedHistory, SavedKey},
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
    RunBudget, Strategy,
    announced::Announced,
    bell::OpeningBell,
    by_closure::KeysOf,
    predictive::Predictive,
    schedule::{CronTimes, RunSchedule},
};
pub use warming::{
    Coverage, KindStats, Outlook, RunResult, RunningWarming, StrategyStats, WarmStart, Warming,
    WarmingBuilder, WarmingStats,
};
