//! Analytics: what is asked of a cache and how it answers, as an observer sees it.
//!
//! [`Analytics`] is given to a cache as an observer. It counts, by kind and by where the answer came from, hits,
//! stale answers, a reason for each miss, waits, loads and evictions, over the last minute, the last hour, each of
//! the last 24 hours and since the start, in bounded memory. A [`Report`] tells of it as numbers or as a text.
//!
//! It knows `cache-core` alone. Whoever uses `cache-facade` has it with the feature `analytics`.

mod recorder {
    //! The recorder, and what it counts with.

    pub(crate) mod analytics;
    pub(crate) mod answers;
    pub(crate) mod cause;
    pub(crate) mod counters;
    pub(crate) mod exported;
    pub(crate) mod kind_record;
    pub(crate) mod last_misses;
    pub(crate) mod latency;
    mod left_keys;
    pub(crate) mod phases;
    pub(crate) mod sample;
    pub(crate) mod surroundings;
    pub(crate) mod windows;
}
mod report {
    //! What was counted, to be read.

    pub(crate) mod advice;
    pub(crate) mod memory;
    pub(crate) mod numbers;
    pub(crate) mod pollution;
    pub(crate) mod savings;
    mod text;
    pub(crate) mod trend;
    pub(crate) mod trial;
    pub(crate) mod whole;
}

pub use recorder::{
    analytics::Analytics,
    cause::{MissCause, MissCauses},
    exported::is_metric_prefix,
    last_misses::LastMiss,
    sample::groups::MOST_KEY_GROUPS,
    surroundings::{AnalyticsBuilder, ProviderFigures, TierBytes},
};
pub use report::{
    advice::{Advice, AdviceThresholds, Topic},
    memory::{EntryTotals, ExpiringEntries, HotKeyReport, MemoryKindReport, MemoryReport},
    numbers::{AnswerReport, Latency, SourceReport, Summary},
    pollution::Pollution,
    savings::{Money, SavedCalls},
    trend::HitRateTrend,
    trial::{BudgetTrial, LifeTrial, Trials},
    whole::{HourReport, KeyGroupReport, KindReport, PhaseReport, Report, SampleReport},
};
