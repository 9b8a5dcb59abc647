//! A history as it is kept across restarts.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::{
    counts::Counts,
    record::{Decayed, HALF_LIVES, KeyRecord, decayed},
    records::{Records, known_prefix},
};

/// How many requests a key that was saved can have had, and how many times as many as those keys all others.
const MOST_REQUESTS: f32 = 1e10;
const MOST_OTHERS: f32 = 1000.0;

const _: () = assert!(HALF_LIVES.len() == 4, "the saved form has four counts a key");

/// What is kept of a history: the keys asked for most, with how often.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SavedHistory {
    /// When it was saved, in seconds since 1970.
    pub at: u32,
    /// The prefixes of the keys.
    pub prefixes: Vec<String>,
    /// The keys, those asked for most first.
    pub keys: Vec<SavedKey>,
    /// The requests of all keys, by half-life.
    pub totals: Decayed,
}

/// What is kept of a key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SavedKey {
    /// The place of its prefix among the prefixes.
    pub prefix: u8,
    /// The rest of it.
    pub id: String,
    /// Its requests, by half-life, as they were when this was saved.
    pub counts: Decayed,
}

impl Records {
    /// Returns what is to be kept across restarts: of the keys asked for most, at most so many.
    pub(crate) fn saved(&self, most: usize) -> SavedHistory {
        let mut by_demand: Vec<&KeyRecord> = self.list.iter().collect();
        by_demand.sort_by(|a, b| self.requests(b).total_cmp(&self.requests(a)));
        let saved = |record: &&KeyRecord| SavedKey {
            prefix: record.kind,
            id: record.id.to_string(),
            counts: record.counts_at(&self.stream),
        };
        SavedHistory {
            at: self.now,
            prefixes: self.kinds.iter().map(|prefix| prefix.as_str().to_owned()).collect(),
            keys: by_demand.iter().take(most).map(saved).collect(),
            totals: self.stream.totals(),
        }
    }

    /// Takes what was kept, besides what is known by now. What can't be a key or a count is left out.
    pub(super) fn restore(&mut self, saved: &SavedHistory, index: &Counts) {
        // A clock that was set back since: it is as if it had been saved just now.
        let at = saved.at.min(self.now);
        // Nobody asked meanwhile, so the demand clock went at half its pace.
        let age = (self.now - at) as f32 / 2.0;
        let aged = |counts| decayed(counts, age);
        let room = self.max_tracked.saturating_sub(self.list.len());
        let mut known = HashSet::new();
        let mut sums = Decayed::default();
        for SavedKey { prefix, id, counts } in saved.keys.iter().take(room) {
            let prefix = saved.prefixes.get(usize::from(*prefix));
            let key = prefix.and_then(|prefix| known_prefix(prefix)).and_then(|prefix| prefix.key(id).ok());
            let is_possible = counts.iter().all(|count| (0.0..MOST_REQUESTS).contains(count));
            let Some(key) = key.filter(|key| is_possible && index.place(key.hash()).is_none()) else {
                continue;
            };
            let Some(kind) = self.kind_of(&key) else { continue };
            if known.insert(key) {
                sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
                let mut record = KeyRecord::new(SmolStr::new(id), kind, at);
                (record.counts, record.seen) = (aged(*counts), self.stream.ticks());
                self.list.push(record);
            }
        }
        let mut totals = saved.totals;
        for (total, sum) in totals.iter_mut().zip(sums) {
            if !(sum..=MOST_OTHERS * sum).contains(total) {
                *total = sum;
            }
        }
        self.stream.restore(aged(totals));
    }
}
