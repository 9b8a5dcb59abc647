//! A history as it is kept across restarts.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::{
    counts::Counts,
    record::{Decayed, HALF_LIVES, KeyRecord, decayed},
    records::{Records, known_prefix},
    successors::Successor,
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
    /// The pairs of these keys that are asked for together.
    #[serde(default)]
    pub pairs: Vec<SavedPair>,
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

/// What is kept of two keys of which one is asked for within seconds after the other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SavedPair {
    /// The places of both among the keys.
    pub keys: [u32; 2],
    /// How often it was looked at what comes after the first.
    pub windows: u8,
    /// How often the second one was among that.
    pub asked: u8,
    /// How often it would have been by chance.
    pub by_chance: f32,
}

impl Records {
    /// Returns what is to be kept across restarts: of the keys asked for most, at most so many.
    pub(crate) fn saved(&self, most: usize) -> SavedHistory {
        let mut by_demand: Vec<(f32, usize)> =
            self.list.iter().enumerate().map(|(place, record)| (self.requests(record), place)).collect();
        by_demand.sort_by(|a, b| b.0.total_cmp(&a.0));
        by_demand.truncate(most);
        let saved = |record: &KeyRecord| SavedKey {
            prefix: record.kind,
            id: record.id.to_string(),
            counts: record.counts_at(&self.stream),
        };
        SavedHistory {
            at: self.now,
            prefixes: self.kinds.iter().map(|prefix| prefix.as_str().to_owned()).collect(),
            keys: by_demand.iter().map(|(_, place)| saved(&self.list[*place])).collect(),
            totals: self.stream.totals(),
            pairs: self.saved_pairs(&by_demand),
        }
    }

    /// Returns the pairs of keys at these places that are asked for together.
    fn saved_pairs(&self, kept: &[(f32, usize)]) -> Vec<SavedPair> {
        let Some(co_access) = &self.co_access else { return Vec::new() };
        let mut number = vec![None; self.list.len()];
        for (at, (_, place)) in (0..).zip(kept) {
            number[*place] = Some(at);
        }
        let of = |place: u32| number.get(place as usize).copied().flatten();
        let pair = |first: u32, second: &Successor| {
            let Successor { windows, asked, .. } = *second;
            Some(SavedPair {
                keys: [of(first)?, of(second.place)?],
                windows,
                asked,
                by_chance: second.by_chance(),
            })
        };
        co_access.pairs().filter_map(|(first, second)| pair(first, second)).collect()
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
        let mut places = vec![None; saved.keys.len()];
        for (SavedKey { prefix, id, counts }, place) in saved.keys.iter().take(room).zip(&mut places) {
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
                *place = Some(self.list.len() as u32);
                self.list.push(record);
            }
        }
        if let Some(co_access) = &mut self.co_access {
            for SavedPair { keys, windows, asked, by_chance } in &saved.pairs {
                let [first, second] = keys.map(|key| places.get(key as usize).copied().flatten());
                let second = second.and_then(|place| Successor::counted(place, *windows, *asked, *by_chance));
                if let (Some(first), Some(second)) = (first, second) {
                    co_access.restore(first, second, self.now);
                }
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
