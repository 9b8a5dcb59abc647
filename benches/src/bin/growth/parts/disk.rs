//! The disk tier of many entries: reads, puts, opening it again, sweeps, removals, and puts when it is full.

use std::{path::Path, sync::Arc, time::Duration, time::Instant};

use anyhow::{Context, Result};
use cache_core::Clock;
use cache_disk::{DiskConfig, DiskTier};
use cache_facade::{Cache, Memory};

use super::{shared::Behind, sizes};
use crate::{
    figures::{Figures, TIER_PAUSE_MS},
    pause::{Machine, millis},
};

/// The bounds of a tier that is filled beyond them, in mebibytes, and how long the values are that do.
const BOUNDS_MIB: [u64; 2] = [64, 256];
const VALUE_BYTES: usize = 4096;
/// How often all is measured: the least counts.
const RUNS: usize = 2;

pub(super) fn measure(largest: u64) -> Result<Figures> {
    let mut figures = Figures::default();
    for size in sizes(5, 6, largest) {
        eprintln!("disk: {size} entries");
        for _ in 0..RUNS {
            of_size(&mut figures, size)?;
        }
    }
    for mib in BOUNDS_MIB {
        eprintln!("disk: full at {mib} MiB");
        for _ in 0..RUNS {
            full(&mut figures, mib)?;
        }
    }
    Ok(figures)
}

fn open(folder: &Path, clock: &Clock, max_bytes: u64) -> Result<Arc<DiskTier>> {
    let config = DiskConfig::new(folder).max_bytes(max_bytes).clock(clock.clone());
    Ok(Arc::new(DiskTier::open(config.sweep_every(Duration::from_secs(86_400)))?))
}

fn behind(tier: &Arc<DiskTier>, clock: &Clock, size: u64) -> Result<Behind> {
    Behind::new(size, async |builder| Ok(builder.local_tier(Arc::clone(tier)).clock(clock.clone())))
}

fn of_size(figures: &mut Figures, size: u64) -> Result<()> {
    let folder = tempfile::tempdir().context("no temporary folder")?;
    let clock = Clock::manual();
    let tier = open(folder.path(), &clock, 16 << 30)?;
    let filled = behind(&tier, &clock, size)?;
    filled.fill(figures)?;
    filled.read(figures)?;
    filled.close()?;
    tier_close(tier)?;

    let begun = Instant::now();
    let tier = open(folder.path(), &clock, 16 << 30)?;
    figures.linear("open_again", "ms", size, millis(begun));
    let again = behind(&tier, &clock, size)?;
    again.remove(figures)?;
    again.fill(&mut Figures::default())?;
    again.keep_others()?;
    clock.advance(Duration::from_secs(2 * 3600));
    let sweep = || again.block_on(async { Ok(tier.sweep().await?) });
    let (found, done) = Machine::beside_tiers().beside(async |number| again.call(number).await, sweep);
    done?;
    figures.linear("sweep", "ms", size, found.took_ms);
    figures.pause("beside_a_sweep", size, found.longest_ms, TIER_PAUSE_MS);
    again.close()?;
    tier_close(tier)
}

fn tier_close(tier: Arc<DiskTier>) -> Result<()> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(tier.close())?;
    Ok(())
}

/// Puts half as much again as there is room for.
fn full(figures: &mut Figures, mib: u64) -> Result<()> {
    let folder = tempfile::tempdir().context("no temporary folder")?;
    let clock = Clock::system();
    let tier = open(folder.path(), &clock, mib << 20)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let puts = (mib << 20) * 3 / 2 / VALUE_BYTES as u64;
    let longest = runtime.block_on(async {
        let cache = Cache::builder()
            .memory(Memory::entries(100))
            .local_tier(Arc::clone(&tier))
            .clock(clock)
            .build()
            .await?;
        let region = cache.region::<Vec<u8>>("full").ttl("30d").open()?;
        let mut value = vec![0; VALUE_BYTES];
        let mut longest = 0.0_f64;
        for id in 0..puts {
            value.fill_with(|| fastrand::u8(..));
            let begun = Instant::now();
            region.put(&id, value.clone()).await?;
            longest = longest.max(millis(begun));
        }
        cache.shutdown(Duration::from_secs(10)).await?;
        anyhow::Ok(longest)
    })?;
    figures.pause("longest_put_when_full", (mib << 20) / VALUE_BYTES as u64, longest, TIER_PAUSE_MS);
    tier_close(tier)
}
