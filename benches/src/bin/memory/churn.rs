//! One policy's run: a cache in memory alone, filled many times over by two threads.

use std::{
    fmt::Write,
    ops::RangeInclusive,
    sync::{
        Barrier,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use benches::process_memory::ProcessMemory;
use cache_core::Clock;
use cache_facade::{Cache, Eviction, Memory, Region, Ttl};
use serde::{Deserialize, Serialize};
use tokio::runtime::{Builder, Handle};

/// How many threads put.
const THREADS: u64 = 2;
/// How many puts each thread makes before memory is first measured.
const WARM_UP: u64 = 64;
/// After how many puts memory is measured again.
const MEASURED_EACH: u64 = 100_000;
/// How many keys there are for each put: one put in fifty or so finds its key there.
const KEYS_PER_PUT: u64 = 50;
/// How long values live: longer than all puts take by the cache's clock.
const LIFE: Duration = Duration::from_secs(30 * 24 * 3600);
/// How many puts a thread takes on at once; then that clock, which is turned by hand, moves on by a
/// second.
const PUTS_A_SECOND: u64 = 1_000;

/// What to do.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// The budget, in bytes.
    pub(crate) budget: u64,
    pub(crate) puts: u64,
    /// The lengths of values, in bytes.
    pub(crate) value_bytes: RangeInclusive<u32>,
}

/// What a run found. What is resident is `None` on a system that doesn't tell.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Found {
    /// Bytes that entries may weigh.
    pub(crate) budget: u64,
    /// Bytes that they weigh after the churn, by the cache's own account.
    pub(crate) weight: u64,
    /// Entries held after the churn.
    pub(crate) entries: u64,
    /// Resident bytes before the churn.
    pub(crate) rss_before: Option<u64>,
    /// By how many bytes more was resident at the end of the churn.
    pub(crate) rss_growth: Option<u64>,
    /// By how many at most, in the course of it.
    pub(crate) rss_max_growth: Option<u64>,
    /// The most it grew by, in budgets.
    pub(crate) growth_ratio: Option<f64>,
    /// Puts a second, by both threads, the making of keys and values included.
    pub(crate) puts_per_second: f64,
    /// Entries that the sweep reclaimed once all lives were over.
    pub(crate) swept: u64,
    /// Entries left after it.
    pub(crate) entries_after_sweep: u64,
    /// By how many bytes more than before the churn was resident after it.
    pub(crate) rss_growth_after_sweep: Option<u64>,
    /// How long all took.
    pub(crate) seconds: f64,
}

/// Runs the plan. To be done once a process: what one run leaves on the heap, the next would find.
pub(crate) fn run(eviction: Eviction, plan: &Plan) -> Result<Found> {
    let began = Instant::now();
    let clock = Clock::manual();
    // Nobody drives the runtime during the churn, so no upkeep of the cache's own sweeps meanwhile.
    let runtime = Builder::new_current_thread().enable_time().build()?;
    let memory = Memory::builder().bytes(plan.budget).eviction(eviction).build();
    let cache = runtime.block_on(Cache::builder().memory(memory).clock(clock.clone()).build())?;
    let region = cache.region::<String>("churn").ttl(Ttl::new(LIFE)).open()?;
    let barrier = Barrier::new(THREADS as usize + 1);
    let (most, taken) = (AtomicU64::new(0), AtomicU64::new(0));
    let (rss_before, churn) = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let (region, clock, handle) = (&region, &clock, runtime.handle());
                let (barrier, most, taken) = (&barrier, &most, &taken);
                scope.spawn(move || -> Result<()> {
                    let mut writer = Writer::new(thread, plan);
                    let warm = writer.put(region, handle, WARM_UP);
                    barrier.wait();
                    barrier.wait();
                    warm?;
                    // Both end at once: glibc keeps a heap a thread, and what one thread leaves free in
                    // its own while the other fills the cache alone would count as growth.
                    loop {
                        let done = taken.fetch_add(PUTS_A_SECOND, Ordering::Relaxed);
                        if done % MEASURED_EACH == 0 || done >= plan.puts {
                            most.fetch_max(resident_bytes().unwrap_or(0), Ordering::Relaxed);
                        }
                        if done >= plan.puts {
                            break;
                        }
                        writer.put(region, handle, PUTS_A_SECOND.min(plan.puts - done))?;
                        clock.advance(Duration::from_secs(1));
                    }
                    Ok(())
                })
            })
            .collect();
        barrier.wait();
        let rss_before = resident_bytes();
        let start = Instant::now();
        barrier.wait();
        for thread in threads {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        }
        anyhow::Ok((rss_before, start.elapsed()))
    })
    .context("a put failed")?;
    let grown = || resident_bytes().zip(rss_before).map(|(now, before)| now.saturating_sub(before));
    let rss_growth = grown();
    let most = rss_before.map(|before| most.load(Ordering::Relaxed).saturating_sub(before));
    let rss_max_growth = most.max(rss_growth);
    let held = cache.stats().memory;
    clock.advance(LIFE * 2);
    let swept = cache.sweep();
    Ok(Found {
        budget: held.budget,
        weight: held.weight,
        entries: held.entries,
        rss_before,
        rss_growth,
        rss_max_growth,
        growth_ratio: rss_max_growth.map(|growth| growth as f64 / held.budget as f64),
        puts_per_second: plan.puts as f64 / churn.as_secs_f64(),
        swept,
        entries_after_sweep: cache.stats().memory.entries,
        rss_growth_after_sweep: grown(),
        seconds: began.elapsed().as_secs_f64(),
    })
}

/// Puts values of lengths spread evenly by their logarithm, under keys nearly all distinct.
struct Writer {
    random: fastrand::Rng,
    keys: u64,
    lengths: RangeInclusive<f64>,
    key: String,
}

impl Writer {
    fn new(thread: u64, plan: &Plan) -> Self {
        let (least, most) = (f64::from(*plan.value_bytes.start()), f64::from(*plan.value_bytes.end()));
        Self {
            random: fastrand::Rng::with_seed(thread),
            keys: plan.puts.saturating_mul(KEYS_PER_PUT).max(1),
            lengths: least.max(1.0).ln()..=(most + 1.0).ln(),
            key: String::with_capacity(64),
        }
    }

    /// Keys have 30 bytes, the region's kind included.
    fn put(&mut self, region: &Region<String>, handle: &Handle, count: u64) -> Result<()> {
        handle.block_on(async {
            for _ in 0..count {
                self.key.clear();
                write!(self.key, "SYMBOL{:013}:demo", self.random.u64(..self.keys))?;
                let length = self.length();
                region.put(self.key.as_str(), "v".repeat(length)).await?;
            }
            Ok(())
        })
    }

    fn length(&mut self) -> usize {
        let (least, most) = (self.lengths.start(), self.lengths.end());
        (least + (most - least) * self.random.f64()).exp() as usize
    }
}

/// What this process has resident, in bytes; `None` where that isn't told.
fn resident_bytes() -> Option<u64> {
    ProcessMemory::of(std::process::id()).ok().map(|memory| memory.resident)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_span_the_range_evenly_by_their_logarithm() {
        let plan = Plan { budget: 1, puts: 1, value_bytes: 16..=4096 };
        let mut writer = Writer::new(0, &plan);
        let lengths: Vec<usize> = (0..20_000).map(|_| writer.length()).collect();
        let (least, most) = (lengths.iter().min().unwrap(), lengths.iter().max().unwrap());
        assert!((16..=20).contains(least) && (3900..=4096).contains(most), "{least}..={most}");
        let small = lengths.iter().filter(|length| **length < 256).count();
        assert!((9_500..10_500).contains(&small), "{small} of 20,000 below the middle, 256");
    }

    #[test]
    fn a_run_stays_within_its_budget_and_gives_all_back() {
        let plan = Plan { budget: 1 << 20, puts: 20_000, value_bytes: 16..=64 };
        for eviction in Eviction::ALL {
            let found = run(eviction, &plan).unwrap();
            assert!(found.entries > 100 && found.weight <= found.budget, "{eviction}: {found:?}");
            assert!(found.swept > 0 && found.entries_after_sweep == 0, "{eviction}: {found:?}");
        }
    }
}
