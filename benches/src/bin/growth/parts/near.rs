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
    pause::{Beside, Machine, RUNS, millis},
};

/// How many reads are timed.
const READS: u64 = 300_000;

/// How many entries a removal of few ends: one in a hundred.
const SOME: &str = "near:*99";

const TABLE: &str = "a HashMap<String, Arc<u64>>";

pub(super) fn measure(largest: u64) -> Result<Figures> {
    let mut figures = Figures::default();
    let machine = Machine::beside_memory();
    for size in sizes(4, 7, largest) {
        eprintln!("near: {size} entries");
        costs(&mut figures, size, Near::new(size, machine)?)?;
        pauses(&mut figures, size, machine)?;
        table(&mut figures, size);
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
    machine: Machine,
}

impl Near {
    /// Makes one with room for `size` entries and some more.
    fn new(size: u64, machine: Machine) -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let clock = Clock::manual();
        let room = Memory::entries(size + size / 8 + 4096);
        let cache = runtime.block_on(Cache::builder().memory(room).clock(clock.clone()).build())?;
        let entries = cache.region("near").ttl("1h").open()?;
        let others = cache.region("other").ttl("30d").open()?;
        let near = Self { runtime, clock, cache, entries, others, size, machine };
        near.runtime.block_on(async {
            for id in 0..OTHERS {
                near.others.put(&id, id).await?;
            }
            anyhow::Ok(())
        })?;
        Ok(near)
    }

    /// Fills it, and shows how long each put took, in milliseconds. Returns what a put took, in nanoseconds.
    fn fill(&self, took: &mut dyn FnMut(f64)) -> Result<f64> {
        self.runtime.block_on(async {
            let begun = Instant::now();
            let mut before = begun;
            for id in 0..self.size {
                self.entries.put(&id, id).await?;
                let now = Instant::now();
                took((now - before).as_secs_f64() * 1e3);
                before = now;
            }
            Ok((before - begun).as_nanos() as f64 / self.size as f64)
        })
    }

    /// Fills it again.
    fn refill(&self) -> Result<()> {
        self.fill(&mut |_| ()).map(drop)
    }

    /// Reads and writes something else: what a caller does beside.
    async fn call(&self, number: u64) {
        let id = number % OTHERS;
        black_box(self.others.get(&id).await.ok());
        black_box(self.others.put(&id, number).await.ok());
    }

    /// Returns for how long a caller is held up by `work` at most, and how long that takes.
    fn beside(&self, work: impl FnOnce() -> Result<()>) -> Result<Beside> {
        let (found, done) = self.machine.beside(async |number| self.call(number).await, work);
        done.map(|()| found)
    }

    fn remove_matching(&self, pattern: &str) -> Result<()> {
        self.runtime.block_on(self.cache.remove_matching(pattern))?;
        Ok(())
    }
}

/// How many other entries there are.
const OTHERS: u64 = 1000;

/// What goes on beside a caller and grows with the size, and by which name its pauses are told.
const WORK: [(&str, &str); 5] = [
    ("pattern_of_none", "beside_a_pattern_of_none"),
    ("pattern_of_some", "beside_a_pattern_of_some"),
    ("pattern_of_all", "beside_a_pattern_of_all"),
    ("clear", "beside_clear"),
    ("sweep_of_all", "beside_a_sweep_of_all"),
];

/// What took less is taken for this: no more can be told of it.
const MIN_TOOK_MS: f64 = 0.01;

/// Measures whom puts, removals and sweeps hold up, and how long they take.
fn pauses(figures: &mut Figures, size: u64, machine: Machine) -> Result<()> {
    // The longer the work, the better is it known how much the machine does by itself.
    let runs = if size < 10_000_000 { RUNS } else { 2 };
    let mut least: HashMap<&str, Beside> = HashMap::new();
    let mut note = |name: &'static str, found: Beside| {
        let known = least.entry(name).or_insert(found);
        *known = known.least(found);
    };
    let near = Near::new(size, machine)?;
    let sweep = || {
        near.cache.sweep();
        Ok(())
    };
    let mut longest_put = f64::INFINITY;
    for _ in 0..runs {
        let mut put_ms = Ok(0.0);
        let fill = || {
            put_ms = machine.longest_of(|took| near.fill(took).map(drop));
            Ok(())
        };
        note("fill", near.beside(fill)?);
        longest_put = longest_put.min(put_ms?);
        note("sweep_of_none", near.beside(sweep)?);
        note("pattern_of_none", near.beside(|| near.remove_matching("near:none*"))?);
        note("pattern_of_some", near.beside(|| near.remove_matching(SOME))?);
        note("pattern_of_all", near.beside(|| near.remove_matching("near:*"))?);
        near.refill()?;
        note("clear", near.beside(|| Ok(near.runtime.block_on(near.entries.clear())?))?);
        near.refill()?;
        near.clock.advance(Duration::from_secs(2 * 3600));
        note("sweep_of_all", near.beside(sweep)?);
    }
    figures.pause("longest_put", size, longest_put, NEAR_PAUSE_MS);
    figures.flat("sweep_of_none", "ms", size, least["sweep_of_none"].took_ms.max(MIN_TOOK_MS));
    figures.pause("beside_a_sweep_of_none", size, least["sweep_of_none"].longest_ms, NEAR_PAUSE_MS);
    figures.pause("beside_puts", size, least["fill"].longest_ms, NEAR_PAUSE_MS);
    for (work, pause) in WORK {
        figures.linear(work, "ms", size, least[work].took_ms.max(MIN_TOOK_MS));
        figures.pause(pause, size, least[work].longest_ms, NEAR_PAUSE_MS);
    }
    near.refill()?;
    let stalls = |pattern: &'static str| {
        machine.stall(async {
            black_box(near.cache.remove_matching(pattern).await.ok());
        })
    };
    let none = (0..RUNS).map(|_| stalls("near:none*")).fold(f64::INFINITY, f64::min);
    figures.pause("runtime_beside_a_pattern_of_none", size, none, NEAR_PAUSE_MS);
    figures.pause("runtime_beside_a_pattern_of_all", size, stalls("near:*"), NEAR_PAUSE_MS);
    near.refill()?;
    let clear = machine.stall(async {
        black_box(near.entries.clear().await.ok());
    });
    figures.pause("runtime_beside_clear", size, clear, NEAR_PAUSE_MS);
    Ok(())
}

/// Measures puts and hits, and what an entry takes.
fn costs(figures: &mut Figures, size: u64, near: Near) -> Result<()> {
    let mut put = Ok(f64::NAN);
    let taken = allocation_counter::measure(|| put = near.fill(&mut |_| ()));
    figures.flat("bytes_an_entry", "bytes", size, taken.bytes_current as f64 / size as f64);
    figures.flat("put", "ns", size, put.context("cannot fill memory")?);
    let hit = near.runtime.block_on(async {
        let begun = Instant::now();
        for _ in 0..READS {
            black_box(near.entries.get(&fastrand::u64(0..size)).await?);
        }
        anyhow::Ok(millis(begun) * 1e6 / READS as f64)
    })?;
    figures.flat("hit", "ns", size, hit);
    Ok(())
}

/// Measures the same of a table, whose memory is as far away.
fn table(figures: &mut Figures, size: u64) {
    let fill = || (0..size).map(|id| (format!("near:{id}"), Arc::new(id)));
    let mut table = HashMap::new();
    let begun = Instant::now();
    for (key, value) in fill() {
        table.insert(key, value);
    }
    figures.beside("put", TABLE, size, millis(begun) * 1e6 / size as f64);
    let (begun, mut id) = (Instant::now(), String::new());
    for _ in 0..READS {
        id.clear();
        let _ = write!(id, "near:{}", fastrand::u64(0..size));
        black_box(table.get(&id).map(Arc::clone));
    }
    figures.beside("hit", TABLE, size, millis(begun) * 1e6 / READS as f64);
    let mut walk = |names: &[&'static str], keep: fn(&str) -> bool| {
        let begun = Instant::now();
        table.retain(|key, _| keep(key));
        for name in names {
            figures.beside(name, TABLE, size, millis(begun));
        }
    };
    walk(&["pattern_of_none"], |key| !key.starts_with("near:none"));
    walk(&["pattern_of_some"], |key| !key.ends_with("99"));
    walk(&["pattern_of_all", "clear", "sweep_of_all"], |key| !key.starts_with("near:"));
}
