//! The near tier alone, of many small entries: what a hit and a put cost, what memory an entry takes, and whom
//! removals and sweeps hold up.

use std::{
    collections::HashMap,
    fmt::Write as _,
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use cache_core::Clock;
use cache_facade::{Cache, Memory, Region};
use tokio::runtime::{Builder, Runtime};

use super::sizes;
use crate::{
    figures::{Figures, NEAR_PAUSE_MS},
    pause::{Beside, RUNS, beside, millis, stall},
};

/// How many reads are timed.
const READS: u64 = 300_000;

/// How many entries a removal of few ends: one in a hundred.
const SOME: &str = "near:*07";

const TABLE: &str = "a HashMap<String, Arc<u64>>";

pub(super) fn measure(largest: u64) -> Result<Figures> {
    let mut figures = Figures::default();
    for size in sizes(4, 7, largest) {
        eprintln!("near: {size} entries");
        of_size(&mut figures, size)?;
    }
    Ok(figures)
}

/// A cache of memory alone.
struct Near {
    runtime: Runtime,
    clock: Clock,
    cache: Cache,
    entries: Region<u64>,
    others: Region<u64>,
    size: u64,
}

impl Near {
    /// Makes one with room for `size` entries and some more.
    fn new(size: u64) -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let clock = Clock::manual();
        let room = Memory::entries(size + size / 8 + 4096);
        let cache = runtime.block_on(Cache::builder().memory(room).clock(clock.clone()).build())?;
        let entries = cache.region("near").ttl("1h").open()?;
        let others = cache.region("other").ttl("30d").open()?;
        let near = Self { runtime, clock, cache, entries, others, size };
        near.runtime.block_on(async {
            for id in 0..OTHERS {
                near.others.put(&id, id).await?;
            }
            anyhow::Ok(())
        })?;
        Ok(near)
    }

    /// Fills it. Returns what a put took, in nanoseconds, and how long the longest took, in milliseconds.
    fn fill(&self) -> Result<(f64, f64)> {
        self.runtime.block_on(async {
            let begun = Instant::now();
            let (mut before, mut longest) = (begun, Duration::ZERO);
            for id in 0..self.size {
                self.entries.put(&id, id).await?;
                let now = Instant::now();
                longest = longest.max(now - before);
                before = now;
            }
            Ok(((before - begun).as_nanos() as f64 / self.size as f64, longest.as_secs_f64() * 1e3))
        })
    }

    /// Reads and writes something else: what a caller does beside.
    async fn call(&self, number: u64) {
        let id = number % OTHERS;
        black_box(self.others.get(&id).await.ok());
        black_box(self.others.put(&id, number).await.ok());
    }

    /// Returns for how long a caller is held up by `work` at most, and how long that takes.
    fn beside(&self, work: impl FnOnce() -> Result<()>) -> Result<Beside> {
        let (found, done) = beside(async |number| self.call(number).await, work);
        done.map(|()| found)
    }

    fn remove_matching(&self, pattern: &str) -> Result<()> {
        self.runtime.block_on(self.cache.remove_matching(pattern))?;
        Ok(())
    }
}

/// How many other entries there are.
const OTHERS: u64 = 1000;

fn of_size(figures: &mut Figures, size: u64) -> Result<()> {
    table(figures, size, Near::new(size)?)?;
    let runs = if size < 10_000_000 { RUNS } else { RUNS - 1 };
    let mut least: HashMap<&str, Beside> = HashMap::new();
    let mut note = |name: &'static str, found: Beside| {
        let known = least.entry(name).or_insert(found);
        *known = known.least(found);
    };
    let near = Near::new(size)?;
    let mut longest_put = f64::INFINITY;
    for _ in 0..runs {
        let mut put_ms = 0.0;
        note("fill", near.beside(|| near.fill().map(|(_, longest)| put_ms = longest))?);
        longest_put = longest_put.min(put_ms);
        note(
            "idle",
            near.beside(|| {
                std::thread::sleep(Duration::from_millis(300));
                Ok(())
            })?,
        );
        note(
            "sweep_of_none",
            near.beside(|| {
                near.cache.sweep();
                Ok(())
            })?,
        );
        note("pattern_of_none", near.beside(|| near.remove_matching("near:none*"))?);
        note("pattern_of_some", near.beside(|| near.remove_matching(SOME))?);
        note("pattern_of_all", near.beside(|| near.remove_matching("near:*"))?);
        near.fill()?;
        note("clear", near.beside(|| Ok(near.runtime.block_on(near.entries.clear())?))?);
        near.fill()?;
        near.clock.advance(Duration::from_secs(2 * 3600));
        note(
            "sweep_of_all",
            near.beside(|| {
                near.cache.sweep();
                Ok(())
            })?,
        );
    }
    figures.pause("longest_put", size, longest_put, NEAR_PAUSE_MS);
    figures.flat("sweep_of_none", "ms", size, least["sweep_of_none"].took_ms.max(MIN_TOOK_MS));
    for (name, what) in [
        ("pattern_of_none", "pattern_of_none"),
        ("pattern_of_some", "pattern_of_some"),
        ("pattern_of_all", "pattern_of_all"),
        ("clear", "clear"),
        ("sweep_of_all", "sweep_of_all"),
    ] {
        figures.linear(name, "ms", size, least[what].took_ms.max(MIN_TOOK_MS));
    }
    for (name, what) in [
        ("beside_nothing", "idle"),
        ("beside_puts", "fill"),
        ("beside_a_sweep_of_none", "sweep_of_none"),
        ("beside_a_pattern_of_none", "pattern_of_none"),
        ("beside_a_pattern_of_some", "pattern_of_some"),
        ("beside_a_pattern_of_all", "pattern_of_all"),
        ("beside_clear", "clear"),
        ("beside_a_sweep_of_all", "sweep_of_all"),
    ] {
        figures.pause(name, size, least[what].longest_ms, NEAR_PAUSE_MS);
    }
    near.fill()?;
    let stalls = |pattern: &'static str| {
        stall(async {
            black_box(near.cache.remove_matching(pattern).await.ok());
        })
    };
    let none = (0..RUNS).map(|_| stalls("near:none*")).fold(f64::INFINITY, f64::min);
    figures.pause("runtime_beside_a_pattern_of_none", size, none, NEAR_PAUSE_MS);
    figures.pause("runtime_beside_a_pattern_of_all", size, stalls("near:*"), NEAR_PAUSE_MS);
    near.fill()?;
    let clear = stall(async {
        black_box(near.entries.clear().await.ok());
    });
    figures.pause("runtime_beside_clear", size, clear, NEAR_PAUSE_MS);
    Ok(())
}

/// What took less is taken for this: no more can be told of it.
const MIN_TOOK_MS: f64 = 0.01;

/// Measures puts and hits beside a hash table's, and what an entry takes.
fn table(figures: &mut Figures, size: u64, near: Near) -> Result<()> {
    let (mut put, mut filled) = (f64::NAN, Ok(()));
    let taken = allocation_counter::measure(|| filled = near.fill().map(|(nanos, _)| put = nanos));
    filled.context("cannot fill memory")?;
    figures.flat("bytes_an_entry", "bytes", size, taken.bytes_current as f64 / size as f64);
    figures.flat("put", "ns", size, put);
    let hit = near.runtime.block_on(async {
        let begun = Instant::now();
        for _ in 0..READS {
            black_box(near.entries.get(&fastrand::u64(0..size)).await?);
        }
        anyhow::Ok(millis(begun) * 1e6 / READS as f64)
    })?;
    figures.flat("hit", "ns", size, hit);
    drop(near);

    let begun = Instant::now();
    let mut table = HashMap::new();
    for id in 0..size {
        table.insert(format!("near:{id}"), Arc::new(id));
    }
    figures.beside("put", TABLE, size, millis(begun) * 1e6 / size as f64);
    let (begun, mut id) = (Instant::now(), String::new());
    for _ in 0..READS {
        id.clear();
        write!(id, "near:{}", fastrand::u64(0..size))?;
        black_box(table.get(&id).map(Arc::clone));
    }
    figures.beside("hit", TABLE, size, millis(begun) * 1e6 / READS as f64);
    Ok(())
}
