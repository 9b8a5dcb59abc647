//! Any number of regions: opening them, reading one of them.

use std::{hint::black_box, time::Instant};

use anyhow::{Context, Result};
use cache_facade::{Cache, Memory, Region};
use tokio::runtime::Builder;

use super::sizes;
use crate::{figures::Figures, pause::millis};

/// How many reads and puts are timed.
const CALLS: u64 = 100_000;

pub(super) fn measure(largest: u64) -> Result<Figures> {
    let mut figures = Figures::default();
    let runtime = Builder::new_current_thread().enable_all().build()?;
    for size in sizes(0, 4, largest) {
        eprintln!("regions: {size}");
        runtime.block_on(async {
            let cache = Cache::builder().memory(Memory::entries(4096)).build().await?;
            let begun = Instant::now();
            let open = |at: u64| cache.region::<u64>(&format!("kind{at}")).ttl("1h").open();
            let regions: Vec<Region<u64>> = (0..size).map(open).collect::<cache_facade::Result<_>>()?;
            figures.linear("open_all", "ms", size, millis(begun));
            let region = regions.last().context("no region")?;
            region.put(&1, 1).await?;
            let begun = Instant::now();
            for _ in 0..CALLS {
                black_box(region.get(&1).await?);
            }
            figures.flat("hit", "ns", size, millis(begun) * 1e6 / CALLS as f64);
            let begun = Instant::now();
            for _ in 0..CALLS {
                region.put(&1, 1).await?;
            }
            figures.flat("put", "ns", size, millis(begun) * 1e6 / CALLS as f64);
            anyhow::Ok(())
        })?;
    }
    Ok(figures)
}
