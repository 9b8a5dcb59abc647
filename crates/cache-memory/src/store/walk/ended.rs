//! Which entries are dead: by age, and by what the caller says has ended.

use std::sync::{
    OnceLock,
    atomic::{AtomicU64, Ordering},
};

use cache_core::{EvictionCause, Freshness, Key, Meta, Timestamp};

/// Says whether an entry has ended otherwise than by age.
type Judge = Box<dyn Fn(&Key, &Meta) -> bool + Send + Sync>;

/// The judge of entries, and how often what it says has changed.
#[derive(Default)]
pub(crate) struct EndJudge {
    judge: OnceLock<Judge>,
    times: AtomicU64,
}

impl EndJudge {
    /// Sets the judge. Only the first is set; returns whether this one was.
    pub(crate) fn judge_by(&self, judge: Judge) -> bool {
        self.judge.set(judge).is_ok()
    }

    /// Notes that the judge may find dead what it found alive until now.
    pub(crate) fn note(&self) {
        self.times.fetch_add(1, Ordering::AcqRel);
    }

    /// Returns how often that was noted.
    pub(crate) fn times(&self) -> u64 {
        self.times.load(Ordering::Acquire)
    }

    /// Returns why an entry is dead, if it is. Whether it has ended otherwise than by age, as if it were removed,
    /// is asked if `asks_judge` says so.
    pub(crate) fn death(
        &self,
        key: &Key,
        meta: &Meta,
        asks_judge: bool,
        now: Timestamp,
    ) -> Option<EvictionCause> {
        let has_ended = || asks_judge && self.judge.get().is_some_and(|judge| judge(key, meta));
        match meta.freshness(now) {
            Freshness::Dead => Some(EvictionCause::Expired),
            _ => has_ended().then_some(EvictionCause::Removed),
        }
    }
}
