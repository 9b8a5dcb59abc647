//! Any number of callers who wait for one key.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use anyhow::{Result, ensure};
use cache_facade::{Cache, Memory};
use futures_util::future::join_all;
use tokio::{runtime::Builder, sync::Semaphore};

use super::sizes;
use crate::{figures::Figures, pause::millis};

/// How many callers there are at a size at least, in as many rounds as that takes.
const CALLERS: u64 = 20_000;

pub(super) fn measure(largest: u64) -> Result<Figures> {
    let mut figures = Figures::default();
    let runtime = Builder::new_current_thread().enable_all().build()?;
    for size in sizes(0, 5, largest) {
        eprintln!("waiters: {size}");
        let rounds = (CALLERS / size).clamp(1, 1000);
        let ms = runtime.block_on(async {
            let cache = Cache::builder().memory(Memory::entries(4096)).build().await?;
            let region = cache.region::<u64>("waited").ttl("1h").open()?;
            let mut took = 0.0;
            for round in 0..rounds {
                let (loads, go) = (Arc::new(AtomicU64::new(0)), Arc::new(Semaphore::new(0)));
                let read = || {
                    let (loads, go) = (Arc::clone(&loads), Arc::clone(&go));
                    region.get_or_load(&round, async move || {
                        loads.fetch_add(1, Ordering::Relaxed);
                        let _gone = go.acquire().await;
                        Ok::<_, cache_facade::Error>(round)
                    })
                };
                let begun = Instant::now();
                let callers = join_all((0..size).map(|_| read()));
                // All have asked when they are polled for the first time, and then the value comes.
                let (answers, ()) = tokio::join!(callers, async { go.add_permits(1) });
                took += millis(begun);
                ensure!(answers.iter().all(|answer| answer.is_ok()), "a waiter got an error");
                let loads = loads.load(Ordering::Relaxed);
                ensure!(loads == 1, "{size} waiters cost {loads} loads");
            }
            Ok(took / rounds as f64)
        })?;
        figures.linear("all_answered", "ms", size, ms);
    }
    Ok(figures)
}
