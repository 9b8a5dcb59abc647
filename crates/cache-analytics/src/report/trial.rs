//! What other budgets and lives would come to: the sampled log is replayed through the policy of the cache's
//! memory.

use std::{collections::HashSet, time::Duration};

use cache_core::{CacheFigures, TrialMemory};
use serde::Serialize;

use crate::recorder::sample::{
    Sampled,
    access_log::{AccessKind, Logged},
    keys::{SampledKey, steps},
};

/// The budgets and lives that are tried, as parts of those that there are.
const FACTORS: [f64; 3] = [0.5, 2.0, 4.0];

/// The least keys and reads from which anything is concluded, and how many kinds are tried.
const LEAST_KEYS: usize = 20;
const LEAST_READS: u64 = 100;
const MOST_KINDS: usize = 8;

/// What other budgets and lives would come to: estimates. The older half of the sampled reads fills memory, the
/// other is counted. A hit is a read that memory answers with what is fresh.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Trials {
    /// The share of the keys that are sampled.
    pub sample_rate: f64,
    /// The sampled keys in the log.
    pub keys: u64,
    /// The reads of them that were counted.
    pub reads: u64,
    /// From the first access of the log to the last one, in seconds.
    pub seconds: f64,
    /// The last of these seconds, in which reads were counted.
    pub counted_seconds: f64,
    /// The hit rate with things as they are, by the same replay.
    pub estimated_hit_rate: f64,
    /// The hit rate of the same reads as they were answered, stale answers included.
    pub sampled_hit_rate: f64,
    /// Whether budgets are bytes; else they are entries.
    pub budgets_in_bytes: bool,
    /// Other budgets of memory.
    pub budgets: Vec<BudgetTrial>,
    /// Other lives, of a kind at a time.
    pub lives: Vec<LifeTrial>,
}

/// What another budget would come to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct BudgetTrial {
    /// The budget.
    pub budget: u64,
    /// How many times the budget that there is.
    pub factor: f64,
    /// The hit rate with it.
    pub estimated_hit_rate: f64,
    /// By how much that is more, in hundredths of the reads.
    pub estimated_points: f64,
}

/// What another life of a kind would come to.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct LifeTrial {
    /// The kind.
    pub kind: String,
    /// How many times the life that its values have.
    pub factor: f64,
    /// The hit rate of the kind with it.
    pub estimated_hit_rate: f64,
    /// By how much that is more, in hundredths of the reads of the kind.
    pub estimated_points: f64,
}

/// Reads and hits of a kind, of so many reads as the sample should have seen.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    sampled: u64,
    reads: f64,
    hits: f64,
}

impl Count {
    fn rate(self) -> f64 {
        if self.reads > 0.0 { (self.hits / self.reads).clamp(0.0, 1.0) } else { 0.0 }
    }

    /// A sample has its share of the keys, but more or less than its share of the reads as it has hot keys or not.
    /// These are hits whatever is tried, so what is too much or too little is hits (SHARDS-adj).
    fn adjusted(self, expected: Option<f64>) -> Self {
        let Some(expected) = expected.filter(|reads| *reads > 0.0) else { return self };
        let hits = (self.hits + expected - self.reads).max(0.0);
        Self { reads: expected, hits, ..self }
    }

    fn points_above(self, other: Self) -> f64 {
        (self.rate() - other.rate()) * 100.0
    }
}

impl Trials {
    /// Tries; `None` if too little was sampled to conclude anything.
    pub(crate) fn of(sampled: &Sampled, cache: &dyn CacheFigures) -> Option<Self> {
        let accesses = &sampled.accesses;
        let keys: HashSet<u64> = accesses.iter().map(|access| access.hash).collect();
        let (first, last) = (accesses.first()?.at, accesses.last()?.at);
        let from = accesses[accesses.len() / 2].at;
        let expected =
            |kind| (sampled.rate < 1.0).then(|| sampled.checkpoints.reads_since(kind, from)).flatten();
        let expected: Vec<_> =
            (0..sampled.kinds.len()).map(|kind| expected(kind).map(|reads| reads * sampled.rate)).collect();
        let replay = Replay { sampled, cache, expected };
        let now = replay.run(1.0, |_| 1.0);
        let all = total(&now);
        if keys.len() < LEAST_KEYS || all.sampled < LEAST_READS {
            return None;
        }
        let budgets = FACTORS.map(|factor| {
            let tried = total(&replay.run(factor, |_| 1.0));
            let budget = (cache.budget() as f64 * factor) as u64;
            let (estimated_hit_rate, estimated_points) = (tried.rate(), tried.points_above(all));
            BudgetTrial { budget, factor, estimated_hit_rate, estimated_points }
        });
        let mut kinds: Vec<usize> = (0..now.len()).filter(|kind| now[*kind].sampled >= LEAST_READS).collect();
        kinds.sort_by_key(|kind| std::cmp::Reverse(now[*kind].sampled));
        kinds.truncate(MOST_KINDS);
        let lives = kinds.into_iter().flat_map(|kind| FACTORS.map(|factor| (kind, factor)));
        let lives = lives.map(|(kind, factor)| {
            let tried = replay.run(1.0, |key| if usize::from(key.kind) == kind { factor } else { 1.0 })[kind];
            let (estimated_hit_rate, estimated_points) = (tried.rate(), tried.points_above(now[kind]));
            LifeTrial { kind: sampled.kinds[kind].clone(), factor, estimated_hit_rate, estimated_points }
        });
        Some(Self {
            sample_rate: sampled.rate,
            keys: keys.len() as u64,
            reads: all.sampled,
            seconds: steps(last.saturating_sub(first)).as_secs_f64(),
            counted_seconds: steps(last.saturating_sub(from)).as_secs_f64(),
            estimated_hit_rate: all.rate(),
            sampled_hit_rate: total(&replay.measured()).rate(),
            budgets_in_bytes: cache.weighs_bytes(),
            budgets: budgets.into(),
            lives: lives.collect(),
        })
    }
}

impl Trials {
    /// Returns what the budgets would come to, as a text: `128 MiB: about +4.1 points, ...`.
    pub(super) fn budgets_text(&self) -> String {
        let budget = |tried: &BudgetTrial| match self.budgets_in_bytes {
            true if tried.budget < 1 << 20 => format!("{:.0} KiB", tried.budget as f64 / 1024.0),
            true => format!("{:.0} MiB", tried.budget as f64 / f64::from(1 << 20)),
            false => format!("{} entries", tried.budget),
        };
        let tried = self
            .budgets
            .iter()
            .map(|tried| format!("{}: about {:+.1} points", budget(tried), tried.estimated_points));
        tried.collect::<Vec<_>>().join(", ")
    }

    /// Returns what the lives of a kind would come to, as a text: `2 times as long: about +4.1 points`, if they
    /// were tried.
    pub(super) fn lives_text(&self, kind: &str) -> Option<String> {
        let lives = self.lives.iter().filter(|tried| tried.kind == kind);
        let texts: Vec<_> = lives
            .map(|tried| {
                format!("{} times as long: about {:+.1} points", tried.factor, tried.estimated_points)
            })
            .collect();
        (!texts.is_empty()).then(|| texts.join(", "))
    }
}

fn total(kinds: &[Count]) -> Count {
    kinds.iter().fold(Count::default(), |sum, count| Count {
        sampled: sum.sampled + count.sampled,
        reads: sum.reads + count.reads,
        hits: sum.hits + count.hits,
    })
}

/// What is replayed.
struct Replay<'a> {
    sampled: &'a Sampled,
    cache: &'a dyn CacheFigures,
    /// How many reads of each kind the sample should have seen in the later half.
    expected: Vec<Option<f64>>,
}

impl Replay<'_> {
    /// Returns the reads and hits of each kind in the later half, with another budget and other lives.
    fn run(&self, budget: f64, life: impl Fn(&SampledKey) -> f64) -> Vec<Count> {
        // As much less as there are fewer keys.
        let budget = self.cache.budget() as f64 * budget * self.sampled.rate;
        let mut memory = self.cache.trial_memory(budget.round() as u64);
        let mut seen = HashSet::new();
        self.count(|access, key| {
            let life = Duration::from_millis(u64::from(key.life_ms)).mul_f64(life(key));
            let is_first = seen.insert(access.hash);
            self.replay(&mut *memory, access, key.weight, life, is_first)
        })
    }

    /// Returns the reads of each kind in the later half, and how many of them `hits` says were hits. It is called
    /// with each access, and returns `None` for what is no read.
    fn count(&self, mut hits: impl FnMut(&Logged, &SampledKey) -> Option<u64>) -> Vec<Count> {
        let mut counts = vec![Count::default(); self.sampled.kinds.len()];
        for (at, access) in self.sampled.accesses.iter().enumerate() {
            let Some(key) = self.sampled.keys.get(&access.hash) else { continue };
            let hits = hits(access, key);
            if at >= self.sampled.accesses.len() / 2
                && let Some(hits) = hits
                && let Some(count) = counts.get_mut(usize::from(key.kind))
            {
                count.sampled += 1 + u64::from(access.repeats);
                count.hits += hits as f64;
            }
        }
        for (count, expected) in counts.iter_mut().zip(&self.expected) {
            count.reads = count.sampled as f64;
            *count = count.adjusted(*expected);
        }
        counts
    }

    /// Replays an access. Returns how many of its reads are hits; `None` if it is no read.
    fn replay(
        &self,
        memory: &mut dyn TrialMemory,
        access: &Logged,
        weight: u32,
        life: Duration,
        is_first: bool,
    ) -> Option<u64> {
        let (hash, now) = (access.hash, self.sampled.begun.after(steps(access.at)));
        let weight = u64::from(weight);
        let is_hit = match access.access {
            AccessKind::Stored => {
                memory.put(hash, weight, life, now);
                return None;
            }
            AccessKind::Removed => {
                memory.remove(hash, now);
                return None;
            }
            AccessKind::Nothing => return Some(u64::from(memory.read(hash, now))),
            AccessKind::Hit | AccessKind::Miss => {
                let is_held = memory.read(hash, now);
                if !is_held {
                    memory.put(hash, weight, life, now);
                }
                // What was before the log is as it was.
                is_held || is_first && access.access == AccessKind::Hit
            }
        };
        let repeats = if access.repeats > 0 && memory.read(hash, now) { access.repeats } else { 0 };
        Some(u64::from(is_hit) + u64::from(repeats))
    }

    /// Returns the reads of the later half, and how many of them were hits.
    fn measured(&self) -> Vec<Count> {
        self.count(|access, _| {
            let repeats = u64::from(access.repeats);
            match access.access {
                AccessKind::Hit => Some(1 + repeats),
                AccessKind::Miss | AccessKind::Nothing => Some(repeats),
                AccessKind::Stored | AccessKind::Removed => None,
            }
        })
    }
}
