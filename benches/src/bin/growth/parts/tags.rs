//! Any number of distinct tags: ended one after the other while others live, and read from a tier while one is
//! ended often.

use std::time::Instant;

use anyhow::{Context, Result};
use cache_core::Clock;
use cache_disk::DiskConfig;
use cache_facade::{Cache, Fetched, Memory};
use tokio::runtime::Builder;

use super::sizes;
use crate::{
    figures::{Figures, NEAR_PAUSE_MS},
    pause::{RUNS, beside, millis},
};

/// How many entries live meanwhile, each with a tag of its own.
const ALIVE: u64 = 10_000;
/// How many reads of a tier are timed, and after how many the one tag is ended.
const READS: u64 = 20_000;
const READS_AN_END: u64 = 100;

pub(super) fn measure(largest: u64) -> Result<Figures> {
    let mut figures = Figures::default();
    for tags in sizes(3, 6, largest) {
        eprintln!("tags: {tags} ended");
        ended(&mut figures, tags)?;
    }
    for tags in [1_000, 10_000, 60_000, 100_000, 200_000].into_iter().filter(|tags| *tags <= largest) {
        eprintln!("tags: {tags} read from disk");
        read(&mut figures, tags)?;
    }
    Ok(figures)
}

/// Ends tags that nothing alive has, with memory alone.
fn ended(figures: &mut Figures, tags: u64) -> Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let (mut cost, mut pause, mut kept) = (f64::INFINITY, f64::INFINITY, 1.0_f64);
    for _ in 0..RUNS {
        let room = Memory::entries(2 * ALIVE);
        let cache = runtime.block_on(Cache::builder().memory(room).clock(Clock::manual()).build())?;
        let alive = cache.region::<u64>("alive").ttl("30d").open()?;
        runtime.block_on(async {
            for id in 0..ALIVE {
                alive.put(&id, Fetched::new(id).tag(format!("alive-{id}"))).await?;
            }
            anyhow::Ok(())
        })?;
        let end = || {
            runtime.block_on(async {
                for tag in 0..tags {
                    cache.invalidate(format!("ended-{tag}")).await?;
                }
                anyhow::Ok(())
            })
        };
        let (found, done) = beside(async |number| drop(alive.get(&(number % ALIVE)).await), end);
        done?;
        cost = cost.min(found.took_ms * 1e6 / tags as f64);
        pause = pause.min(found.longest_ms);
        let served = runtime.block_on(async {
            let mut served = 0;
            for id in 0..ALIVE {
                served += u64::from(alive.get(&id).await?.is_some());
            }
            anyhow::Ok(served)
        })?;
        kept = kept.min(served as f64 / ALIVE as f64);
    }
    figures.flat("end", "ns", tags, cost);
    figures.pause("reader_beside_ends", tags, pause, NEAR_PAUSE_MS);
    figures.share("alive_kept", tags, kept, 1.0);
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
        cache.shutdown(std::time::Duration::from_secs(10)).await?;
        Ok(())
    })
}
