//! Batches of any number of keys, with memory alone.

use std::time::Instant;

use anyhow::{Result, ensure};
use cache_facade::{Cache, Memory};
use tokio::runtime::Builder;

use super::sizes;
use crate::{figures::Figures, pause::millis};

/// How many keys are asked for at a size at least, in as many batches as that takes.
const KEYS: u64 = 200_000;

pub(super) fn measure(largest: u64) -> Result<Figures> {
    let mut figures = Figures::default();
    let runtime = Builder::new_current_thread().enable_all().build()?;
    for size in sizes(1, 6, largest) {
        eprintln!("batches: of {size}");
        let rounds = (KEYS / size).max(1);
        let found = runtime.block_on(async {
            let cache = Cache::builder().memory(Memory::entries(size * rounds * 2 + 4096)).build().await?;
            let region = cache.region::<u64>("batch").ttl("1h").open()?;
            let mut took = [0.0; 3];
            for round in 0..rounds {
                let ids: Vec<u64> = (round * size..(round + 1) * size).collect();
                let begun = Instant::now();
                region.put_many(ids.iter().map(|id| (*id, *id))).await?;
                took[0] += millis(begun);
                let begun = Instant::now();
                let found = region.get_many(&ids).await?;
                took[1] += millis(begun);
                ensure!(found.iter().flatten().count() == ids.len(), "not all of {size} were there");
                let begun = Instant::now();
                ensure!(region.remove_many(&ids).await? == size, "not all of {size} were removed");
                took[2] += millis(begun);
            }
            Ok(took.map(|ms| ms / rounds as f64))
        })?;
        for (name, ms) in ["put_many", "get_many", "remove_many"].into_iter().zip(found) {
            figures.linear(name, "ms", size, ms);
        }
    }
    Ok(figures)
}
