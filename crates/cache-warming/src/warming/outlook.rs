//! The outlook: what is expected to be asked for, as strategies see it.

use std::{ops::ControlFlow, sync::Arc, time::Duration};

use cache_core::{Error, ErrorKind, Key, Result, Timestamp};

use super::{
    Warming,
    covered::{Candidate, Covered},
};
use crate::effect::Effectiveness;

/// What is expected to be asked for, as a strategy sees it.
#[derive(Debug)]
pub struct Outlook<'a> {
    pub(crate) warming: &'a Warming,
    pub(crate) covered: Vec<Arc<Covered>>,
    /// The strategy that looks.
    pub(crate) strategy: usize,
}

/// Which of the likeliest keys are wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PickLimits {
    pub(crate) keys: usize,
    pub(crate) least_read: f32,
    pub(crate) precision: Option<Precision>,
    pub(crate) saving: Option<f32>,
    pub(crate) soon: Option<Duration>,
}

impl Outlook<'_> {
    /// The present moment.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.warming.history.clock.now()
    }

    /// The kinds that are warmed.
    pub fn kinds(&self) -> impl Iterator<Item = &str> {
        self.covered.iter().map(|covered| covered.kind.as_str())
    }

    /// Returns the keys of a kind that are worth fetching and likeliest to be read, the likeliest first: at most
    /// so many.
    #[must_use]
    pub fn hottest(&self, kind: &str, keys: usize) -> Vec<Key> {
        let wanted = PickLimits { keys, least_read: 0.0, precision: None, saving: None, soon: None };
        self.likeliest(kind, &wanted).into_iter().map(|candidate| candidate.key).collect()
    }

    /// Returns the keys of announced events that are dead, or die soon: at most so many.
    #[must_use]
    pub fn announced(&self, keys: usize) -> Vec<Key> {
        let announced = self.warming.history.with_settled(|records| records.announced());
        let now = self.now();
        let is_wanted = |key: &Key| {
            let covered = self.covered.iter().find(|covered| covered.kind == key.kind());
            let left = |covered: &Arc<Covered>| covered.target.0.fresh_for(key).unwrap_or_default();
            covered.is_some_and(|covered| left(covered) <= covered.soon() && !covered.is_set_aside(key, now))
        };
        announced.into_iter().filter(is_wanted).take(keys).collect()
    }

    /// Returns the keys that will likely be asked for within seconds, since others were that they are asked for
    /// after, and that are dead, or die soon: those that come with this probability, the likeliest first, at most
    /// so many.
    ///
    /// # Errors
    ///
    /// `Config` if the history does not remember that.
    pub fn together(&self, keys: usize, least_read: f32) -> Result<Vec<Key>> {
        let due = self.warming.history.with_settled(|records| {
            let now = records.second(self.now());
            let due: Vec<(u32, f32)> = records.co_access.as_ref()?.due(now).collect();
            let with_key = |(place, read)| records.key(place).map(|key| (key, read));
            Some(due.into_iter().filter_map(with_key).collect::<Vec<(Key, f32)>>())
        });
        let Some(mut due) = due else {
            let message =
                "the history remembers no co-access: say of how many keys, WarmingBuilder::co_access";
            return Err(Error::new(ErrorKind::Config, "pick what is asked for together", message));
        };
        let now = self.now();
        due.retain(|(key, read)| {
            let covered = self.covered.iter().find(|covered| covered.kind == key.kind());
            covered.is_some_and(|covered| {
                let left = covered.target.0.fresh_for(key).unwrap_or_default();
                let is_wanted = *read >= least_read && covered.is_worth(*read);
                is_wanted && left <= covered.soon() && !covered.is_set_aside(key, now)
            })
        });
        due.sort_by(|a, b| b.1.total_cmp(&a.1));
        Ok(due.into_iter().take(keys).map(|(key, _)| key).collect())
    }

    pub(crate) fn likeliest(&self, kind: &str, wanted: &PickLimits) -> Vec<Candidate> {
        let Some(covered) = self.covered.iter().find(|covered| covered.kind == kind) else {
            return Vec::new();
        };
        let soon = wanted.soon.unwrap_or_else(|| covered.soon());
        let keys = match wanted.saving {
            Some(_) => wanted.keys.min(covered.target.0.max_batch().max(1)),
            None => wanted.keys,
        };
        let fresh_for = |key: &Key| covered.target.0.fresh_for(key);
        let now = self.now();
        let mut chosen: Vec<Candidate> = Vec::new();
        self.warming.history.with_settled(|records| {
            covered.candidates(records, now, soon, &fresh_for, |candidate| {
                let is_last = candidate.read <= wanted.least_read || !covered.is_worth(candidate.read);
                if is_last || wanted.saving.is_some() && chosen.len() == keys {
                    return ControlFlow::Break(());
                }
                if candidate.saved > wanted.least_read && covered.is_worth(candidate.saved) {
                    chosen.push(candidate);
                }
                ControlFlow::Continue(())
            });
        });
        if let Some(saving) = wanted.saving {
            let saved: f32 = chosen.iter().map(|candidate| candidate.saved).sum();
            if saved <= saving {
                return Vec::new();
            }
        }
        if let Some(precision) = wanted.precision {
            let effect = self.warming.history.with(|records| records.effect.of(self.strategy));
            precision.keep(&mut chosen, effect);
        }
        chosen.sort_by(|a, b| b.saved.total_cmp(&a.saved));
        chosen.truncate(keys);
        chosen
    }
}

/// What share of what a strategy fetches has to be read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Precision {
    pub(crate) share: f32,
    /// What was expected of what it fetched so far.
    pub(crate) expected: f32,
}

impl Precision {
    /// Keeps as many as are expected to be read in this share, the likeliest: they come first, and leave room for
    /// less likely ones. How far the expectations were wrong so far is taken off.
    fn keep(&self, chosen: &mut Vec<Candidate>, effect: Effectiveness) {
        /// As how many keys of which the expectations were right the beginning counts.
        const TRUSTED: f32 = 50.0;
        let known = (effect.read + effect.unread) as f32;
        let wrong = (self.expected * known - effect.read as f32) / (known + TRUSTED);
        let wanted = self.share + wrong;
        let (mut kept, mut read) = (0.0, 0.0);
        chosen.retain(|candidate| {
            let keeps = read + candidate.read >= wanted * (kept + 1.0);
            if keeps {
                kept += 1.0;
                read += candidate.read;
            }
            keeps
        });
    }
}
