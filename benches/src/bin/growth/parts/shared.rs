//! A tier behind little memory, of many entries: reads, puts and removals, and whom these hold up. On Redis, on
//! PostgreSQL, and for the part of the disk.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use cache_facade::{Cache, CacheBuilder, Memory, Region};
use servers::{Postgres, Redis, RedisOptions};
use tokio::runtime::{Builder, Runtime};

use super::sizes;
use crate::{
    figures::{Figures, TIER_PAUSE_MS},
    pause::{Machine, millis},
};

/// How many reads are timed, and how many entries there are beside.
const READS: u64 = 3000;
const OTHERS: u64 = 1000;
/// How long a removal may take until it is done.
const PATIENCE: Duration = Duration::from_secs(600);

pub(super) fn redis(largest: u64) -> Result<Figures> {
    let mut figures = Figures::default();
    for size in sizes(5, 6, largest) {
        eprintln!("redis: {size} entries");
        let redis = Redis::start(&RedisOptions::default())?;
        let url = redis.url();
        of_size(&mut figures, Behind::new(size, async |builder| Ok(builder.redis(url.as_str())?))?)?;
    }
    Ok(figures)
}

pub(super) fn postgres(largest: u64) -> Result<Figures> {
    let mut figures = Figures::default();
    for size in sizes(5, 6, largest) {
        eprintln!("postgres: {size} entries");
        let postgres = Postgres::start()?;
        let url = postgres.url();
        of_size(&mut figures, Behind::new(size, async |builder| Ok(builder.postgres(url.as_str())?))?)?;
    }
    Ok(figures)
}

fn of_size(figures: &mut Figures, behind: Behind) -> Result<()> {
    behind.fill(figures)?;
    behind.read(figures)?;
    behind.remove(figures)?;
    behind.close()
}

/// A cache of little memory before a tier.
pub(super) struct Behind {
    runtime: Runtime,
    cache: Cache,
    entries: Region<u64>,
    others: Region<u64>,
    size: u64,
}

impl Behind {
    pub(super) fn new(
        size: u64,
        tier: impl AsyncFnOnce(CacheBuilder) -> Result<CacheBuilder>,
    ) -> Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let (cache, entries, others) = runtime.block_on(async {
            let cache = tier(Cache::builder().memory(Memory::entries(100))).await?.build().await?;
            let entries = cache.region("many").ttl("1h").open()?;
            let others = cache.region("other").ttl("30d").open()?;
            anyhow::Ok((cache, entries, others))
        })?;
        let behind = Self { runtime, cache, entries, others, size };
        behind.keep_others()?;
        Ok(behind)
    }

    pub(super) fn block_on<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        self.runtime.block_on(work)
    }

    /// Puts what is there beside.
    pub(super) fn keep_others(&self) -> Result<()> {
        self.block_on(async { Ok(self.others.put_many((0..OTHERS).map(|id| (id, id))).await?) })
    }

    /// Fills it, a thousand at a time.
    pub(super) fn fill(&self, figures: &mut Figures) -> Result<()> {
        let begun = Instant::now();
        self.block_on(async {
            for first in (0..self.size).step_by(1000) {
                self.entries.put_many((first..first + 1000).map(|id| (id, id))).await?;
            }
            Ok(())
        })?;
        figures.flat("put", "us", self.size, millis(begun) * 1e3 / self.size as f64);
        Ok(())
    }

    /// Reads at random, one after the other.
    pub(super) fn read(&self, figures: &mut Figures) -> Result<()> {
        let micros = self.block_on(async {
            let begun = Instant::now();
            for _ in 0..READS {
                let found = self.entries.get(&fastrand::u64(0..self.size)).await?;
                ensure!(found.is_some(), "an entry is gone");
            }
            Ok(millis(begun) * 1e3 / READS as f64)
        })?;
        figures.flat("get", "us", self.size, micros);
        Ok(())
    }

    /// Removes none, some and all by pattern, beside others.
    pub(super) fn remove(&self, figures: &mut Figures) -> Result<()> {
        let removals = [
            ("pattern_of_none", "beside_a_pattern_of_none", "many:none*", None),
            ("pattern_of_some", "beside_a_pattern_of_some", "many:*99", Some(self.size / 100)),
            ("pattern_of_all", "beside_a_pattern_of_all", "many:*", None),
        ];
        for (name, pause, pattern, wanted) in removals {
            let remove = || self.block_on(self.remove_matching(pattern));
            let (found, removed) =
                Machine::beside_tiers().beside(async |number| self.call(number).await, remove);
            let removed = removed?;
            ensure!(
                wanted.is_none_or(|wanted| removed == wanted),
                "{pattern}: {removed} of {wanted:?} removed"
            );
            figures.linear(name, "ms", self.size, found.took_ms);
            figures.pause(pause, self.size, found.longest_ms, TIER_PAUSE_MS);
        }
        Ok(())
    }

    async fn remove_matching(&self, pattern: &str) -> Result<u64> {
        let removed = self.cache.remove_matching(pattern).await?;
        Ok(removed.tiers.iter().map(|(_, count)| count).sum())
    }

    /// Reads and writes something else: what a caller does beside.
    pub(super) async fn call(&self, number: u64) {
        let id = number % OTHERS;
        black_box(self.others.get(&id).await.ok());
        black_box(self.others.put(&id, number).await.ok());
    }

    pub(super) fn close(self) -> Result<()> {
        self.block_on(async { Ok(self.cache.shutdown(PATIENCE).await?) })
    }
}
