//! Any number of distinct tags: ended one after the other while others live, and read from a tier while one is
//! ended often.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use cache_core::Clock;
use cache_disk::DiskConfig;
use cache_facade::{Cache, Fetched, Memory, Region};
use tokio::{
    runtime::{Builder, Runtime},
    task::yield_now,
};

use super::sizes;
use crate::{
    figures::{Figures, NEAR_PAUSE_MS},
    pause::{Machine, RUNS, millis},
};

/// How many entries live meanwhile, each with a tag of its own.
const ALIVE: u64 = 10_000;
/// How many reads of a tier are timed, and after how many the one tag is ended.
const READS: u64 = 20_000;
const READS_AN_END: u64 = 100;
/// A million a day.
const PACE: Duration = Duration::from_micros(86_400);

pub(super) fn measure(largest: u64) -> Result<Figures> {
    let mut figures = Figures::default();
    let machine = Machine::beside_memory();
    for tags in sizes(3, 6, largest) {
        eprintln!("tags: {tags} ended");
        ended(&mut figures, tags, machine)?;
        at_once(&mut figures, tags)?;
    }
    for tags in [1_000, 10_000, 60_000, 100_000, 200_000].into_iter().filter(|tags| *tags <= largest) {
        eprintln!("tags: {tags} read from disk");
        read(&mut figures, tags)?;
    }
    Ok(figures)
}

/// Memory alone, and what lives in it.
struct Alive {
    runtime: Runtime,
    clock: Clock,
    cache: Cache,
    entries: Region<u64>,
}

impl Alive {
    fn new() -> Result<Self> {
        let (runtime, clock) = (Builder::new_current_thread().enable_all().build()?, Clock::manual());
        let room = Memory::entries(2 * ALIVE);
        let cache = runtime.block_on(Cache::builder().memory(room).clock(clock.clone()).build())?;
        let entries = cache.region::<u64>("alive").ttl("30d").open()?;
        let alive = Self { runtime, clock, cache, entries };
        alive.runtime.block_on(async {
            for id in 0..ALIVE {
                alive.entries.put(&id, Fetched::new(id).tag(format!("alive-{id}"))).await?;
            }
            anyhow::Ok(())
        })?;
        Ok(alive)
    }

    /// Ends tags that nothing alive has, at this pace.
    fn end(&self, tags: u64, pace: Duration) -> Result<()> {
        self.runtime.block_on(async {
            for tag in 0..tags {
                self.cache.invalidate(format!("ended-{tag}")).await?;
                if !pace.is_zero() {
                    self.clock.advance(pace);
                    // What runs in the background runs now.
                    yield_now().await;
                }
            }
            Ok(())
        })
    }

    /// Returns which share of what lives is served.
    fn kept(&self) -> Result<f64> {
        self.runtime.block_on(async {
            let mut served = 0;
            for id in 0..ALIVE {
                served += u64::from(self.entries.get(&id).await?.is_some());
            }
            Ok(served as f64 / ALIVE as f64)
        })
    }
}

/// Ends tags at the pace of a million a day.
fn ended(figures: &mut Figures, tags: u64, machine: Machine) -> Result<()> {
    let (mut cost, mut pause, mut kept) = (f64::INFINITY, f64::INFINITY, 1.0_f64);
    for _ in 0..RUNS {
        let alive = Alive::new()?;
        let read = async |number: u64| drop(alive.entries.get(&(number % ALIVE)).await);
        let (found, done) = machine.beside(read, || alive.end(tags, PACE));
        done?;
        cost = cost.min(found.took_ms * 1e6 / tags as f64);
        pause = pause.min(found.longest_ms);
        kept = kept.min(alive.kept()?);
    }
    figures.flat("end", "ns", tags, cost);
    figures.pause("reader_beside_ends", tags, pause, NEAR_PAUSE_MS);
    figures.share("alive_kept", tags, kept, 1.0);
    Ok(())
}

/// Ends tags one after the other, faster than memory can be swept of what they ended.
fn at_once(figures: &mut Figures, tags: u64) -> Result<()> {
    let alive = Alive::new()?;
    let begun = Instant::now();
    alive.end(tags, Duration::ZERO)?;
    figures.flat("end_at_once", "ns", tags, millis(begun) * 1e6 / tags as f64);
    figures.share("alive_kept_at_once", tags, alive.kept()?, 1.0);
    Ok(())
}

/// Reads entries of a tag each from disk, at random, while one tag is ended again and again.
fn read(figures: &mut Figures, tags: u64) -> Result<()> {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let folder = tempfile::tempdir().context("no temporary folder")?;
    runtime.block_on(async {
        let cache = Cache::builder()
            .memory(Memory::entries(100))
            .disk(DiskConfig::new(folder.path()))?
            .build()
            .await?;
        let region = cache.region::<u64>("tagged").ttl("30d").open()?;
        for ids in (0..tags).collect::<Vec<_>>().chunks(1000) {
            region.put_many(ids.iter().map(|id| (*id, Fetched::new(*id).tag(format!("own-{id}"))))).await?;
        }
        // Each once, so that all stamps were asked for that can be known.
        for id in 0..tags {
            region.get(&id).await?;
        }
        let (begun, mut served) = (Instant::now(), 0);
        for number in 0..READS {
            if number % READS_AN_END == 0 {
                cache.invalidate("often").await?;
            }
            served += u64::from(region.get(&fastrand::u64(0..tags)).await?.is_some());
        }
        figures.flat("read_of_disk", "us", tags, millis(begun) * 1e3 / READS as f64);
        figures.share("read_of_disk_served", tags, served as f64 / READS as f64, 1.0);
        cache.shutdown(Duration::from_secs(10)).await?;
        Ok(())
    })
}
