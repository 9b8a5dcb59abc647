//! The figures on Redis: for each what the tier does and what the client alone does.

use std::{slice, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use cache_core::{Entry, Key, Tier};
use cache_l1_redis::{Redis, RedisConfig};
use tokio::task::JoinSet;

use crate::{
    batches,
    figures::{
        Figures, REDIS_BATCH_GET, REDIS_BATCH_PUT, REDIS_CONCURRENT, REDIS_GET, REDIS_GET_MANY,
        REDIS_PUT_MANY,
    },
    paired::{Round, run_paired, timed},
    raw_redis::RawRedis,
    workload::{COMPRESS_ABOVE, Workload, all_there, same},
};

/// How many batches either side puts a round.
const PUTS: usize = 30;

/// How many tasks read at once, and how often each does, one read after the other.
const TASKS: usize = 1000;
const READS: usize = 10;

/// Both sides, connected, with all keys in two databases of one server.
pub(crate) struct OnRedis {
    tier: Arc<dyn Tier>,
    raw: RawRedis,
}

impl OnRedis {
    pub(crate) async fn start(workload: &Workload, url: &str) -> Result<Self> {
        let config = RedisConfig::single(url)?.connections(1).compress_above(COMPRESS_ABOVE);
        let tier: Arc<dyn Tier> = Arc::new(Redis::connect(config, workload.clock.clone()).await?.tier());
        let mut raw = RawRedis::connect(&format!("{url}/1")).await?;
        for keys in workload.batches() {
            let entries = workload.entries(keys);
            tier.put(&entries).await?;
            raw.put_many(&entries, workload.clock.now()).await?;
            same(&entries, &tier.get(keys).await?)?;
            same(&entries, &raw.get_many(keys).await?)?;
        }
        Ok(Self { tier, raw })
    }

    /// One round of all figures.
    pub(crate) async fn round(
        &mut self,
        workload: &Workload,
        round: usize,
        figures: &mut Figures,
    ) -> Result<()> {
        figures.note(&REDIS_GET, self.get(workload, round).await?);
        figures.note(&REDIS_GET_MANY, self.get_many(workload, round).await?);
        figures.note(&REDIS_PUT_MANY, self.put_many(workload, round).await?);
        figures.note(&REDIS_CONCURRENT, self.concurrent(workload, round).await?);
        figures.note(&REDIS_BATCH_GET, batches::gets(&*self.tier, workload, round, 4).await?);
        figures.note(&REDIS_BATCH_PUT, batches::puts(&*self.tier, workload, round, 4).await?);
        Ok(())
    }

    async fn get(&mut self, workload: &Workload, round: usize) -> Result<Round> {
        let tier = async |turn| {
            let (found, time) = timed(self.tier.get(slice::from_ref(workload.key(turn)))).await;
            all_there(&found?)?;
            Ok(time)
        };
        let raw = async |turn| {
            let (found, time) = timed(self.raw.get(workload.key(turn))).await;
            all_there(&[found?])?;
            Ok(time)
        };
        run_paired(round, 400, tier, raw).await
    }

    async fn get_many(&mut self, workload: &Workload, round: usize) -> Result<Round> {
        let tier = async |turn| {
            let (found, time) = timed(self.tier.get(workload.batch(turn))).await;
            all_there(&found?)?;
            Ok(time)
        };
        let raw = async |turn| {
            let (found, time) = timed(self.raw.get_many(workload.batch(turn))).await;
            all_there(&found?)?;
            Ok(time)
        };
        run_paired(round, 60, tier, raw).await
    }

    async fn put_many(&mut self, workload: &Workload, round: usize) -> Result<Round> {
        let (mut last_of_tier, mut last_of_raw) = (Vec::new(), Vec::new());
        let tier = async |turn| {
            let entries = workload.entries(workload.batch(turn));
            let (put, time) = timed(self.tier.put(&entries)).await;
            last_of_tier = entries;
            put?;
            Ok(time)
        };
        let raw = async |turn| {
            let entries = workload.entries(workload.batch(turn));
            let (put, time) = timed(self.raw.put_many(&entries, workload.clock.now())).await;
            last_of_raw = entries;
            put?;
            Ok(time)
        };
        let measured = run_paired(round, PUTS, tier, raw).await?;
        let keys = workload.batch((round + 1) * PUTS - 1);
        same(&last_of_tier, &self.tier.get(keys).await?)?;
        same(&last_of_raw, &self.raw.get_many(keys).await?)?;
        Ok(measured)
    }

    /// The time of one of all reads, as long as all take by their number.
    async fn concurrent(&mut self, workload: &Workload, round: usize) -> Result<Round> {
        let tier = async |turn| {
            let at_once = at_once(workload, turn, |keys| {
                let tier = self.tier.clone();
                async move {
                    let mut found = None;
                    for key in keys {
                        found = tier.get(slice::from_ref(&key)).await?.pop().flatten();
                    }
                    Ok(found)
                }
            });
            per_read(timed(at_once).await)
        };
        let raw = async |turn| {
            let at_once = at_once(workload, turn, |keys| {
                let mut raw = self.raw.clone();
                async move {
                    let mut found = None;
                    for key in keys {
                        found = raw.get(&key).await?;
                    }
                    Ok(found)
                }
            });
            per_read(timed(at_once).await)
        };
        run_paired(round, 4, tier, raw).await
    }
}

/// Runs all tasks to their ends. Returns the last value that each read.
async fn at_once<T>(
    workload: &Workload,
    turn: usize,
    task: impl Fn(Vec<Key>) -> T,
) -> Result<Vec<Option<Entry>>>
where
    T: Future<Output = Result<Option<Entry>>> + Send + 'static,
{
    let mut tasks = JoinSet::new();
    for number in 0..TASKS {
        let first = (turn * TASKS + number) * READS;
        tasks.spawn(task((first..first + READS).map(|at| workload.key(at).clone()).collect()));
    }
    let mut found = Vec::with_capacity(TASKS);
    while let Some(ended) = tasks.join_next().await {
        found.push(ended.context("a reading task failed")??);
    }
    Ok(found)
}

fn per_read((found, time): (Result<Vec<Option<Entry>>>, Duration)) -> Result<Duration> {
    all_there(&found?)?;
    Ok(time / (TASKS * READS) as u32)
}
