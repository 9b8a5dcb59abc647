//! Fills the free places of calls that are made anyway.

use std::{ops::ControlFlow, sync::atomic::Ordering, time::Duration};

use cache_core::{Error, Fill, Key, OpenCall};

use super::{Warming, covered::Candidate};

impl Fill for Warming {
    fn fill(&self, call: &OpenCall<'_>) -> Vec<Key> {
        let now = self.history.clock.now();
        let covered = self
            .covered(call.kind)
            .filter(|covered| self.fills && self.is_enabled() && !covered.is_paused(now));
        let Some(covered) = covered else { return Vec::new() };
        let places = covered.places(call.keys.len(), call.places);
        if places == 0 {
            return Vec::new();
        }
        let soon = covered.soon();
        let asked: Vec<Option<usize>> = call.keys.iter().map(|key| self.history.place(key)).collect();
        self.history.with_settled(|records| {
            let mut chosen: Vec<Candidate> = Vec::with_capacity(places);
            for (place, read) in records.followers(asked.into_iter().flatten()) {
                let Some(key) = records.key(place).filter(|key| key.kind() == call.kind) else { continue };
                let left = (call.fresh_for)(&key).unwrap_or_default();
                let is_new = !call.keys.contains(&&key) && chosen.iter().all(|chosen| chosen.key != key);
                let is_wanted = left <= soon && is_new && !covered.is_suspect(&key);
                if is_wanted && covered.is_worth(read) && chosen.len() < places {
                    chosen.push(Candidate { key, place, read, saved: read, left, is_suspect: false });
                }
            }
            let followers = chosen.len();
            covered.candidates(records, now, soon, call.fresh_for, |candidate| {
                if chosen.len() == places || !covered.is_worth(candidate.read) {
                    return ControlFlow::Break(());
                }
                // What may be at fault is fetched alone.
                let is_known = candidate.is_suspect
                    || call.keys.contains(&&candidate.key)
                    || chosen[..followers].iter().any(|follower| follower.place == candidate.place);
                if !is_known {
                    chosen.push(candidate);
                }
                ControlFlow::Continue(())
            });
            for chosen in &chosen {
                let needed_from = records.second(now.after(chosen.left));
                if let Some(record) = records.record_mut(chosen.place) {
                    record.needed_from = needed_from;
                }
            }
            chosen.into_iter().map(|chosen| chosen.key).collect()
        })
    }

    fn filled(&self, kind: &str, filled: &[Key], keys: usize, took: Duration, error: Option<&Error>) {
        let Some(covered) = self.covered(kind) else { return };
        match (error, filled) {
            (None, _) => {}
            // It is known whose fault it is.
            (Some(_), [key]) => return covered.set_aside(key, self.history.clock.now()),
            (Some(_), []) => return covered.rest(self.history.clock.now()),
            (Some(error), _) => return self.note_failure(&covered, filled.len(), error),
        }
        covered.asked().add(keys.saturating_sub(filled.len()));
        covered.took(keys, took);
        if filled.iter().any(|key| covered.target.0.fresh_for(key).is_some()) {
            covered.came();
        }
        covered.keys.fetch_add(filled.len() as u64, Ordering::Relaxed);
        self.note_warmed(&covered, self.fill_strategy, filled.iter().map(|key| (key, None)));
    }
}
