//! What is put into shared tiers for a bar more, counted by the servers.

use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use cache_facade::{Cache, CacheBuilder};
use cache_market::StandardKey;
use redis::{Client, cmd};
use serde_json::{Value, json};
use servers::{Postgres, PostgresOptions, Redis, RedisOptions};
use tokio_postgres::NoTls;

use crate::market::{SYMBOLS, Upstream, open, symbol};

/// Returns the bytes a series for a bar more, and for the whole: by Redis and by PostgreSQL.
pub(crate) async fn bytes() -> Result<(Value, Value)> {
    let redis = Redis::start(&RedisOptions::default()).context("no Redis to measure on")?;
    let mut client = Client::open(redis.url())?.get_multiplexed_async_connection().await?;
    let mut received = async || -> Result<u64> {
        let told: String = cmd("INFO").arg("stats").query_async(&mut client).await?;
        let field = told.lines().find_map(|line| line.strip_prefix("total_net_input_bytes:"));
        Ok(field.ok_or_else(|| anyhow!("Redis counts no bytes"))?.trim().parse()?)
    };
    let with = |cache: CacheBuilder| Ok(cache.redis(&redis.url())?);
    let (redis_one, redis_whole) = counted(with, &mut received).await?;

    let postgres =
        Postgres::start_with(&PostgresOptions::default()).context("no PostgreSQL to measure on")?;
    let with = |cache: CacheBuilder| Ok(cache.postgres(&postgres.url())?);
    let url = postgres.url();
    let mut last = 0_i64;
    let mut all = 0_u64;
    let mut stored = async || -> Result<u64> {
        let (client, connection) = tokio_postgres::connect(&url, NoTls).await?;
        tokio::spawn(connection);
        let rows = "SELECT coalesce(sum(octet_length(record) + octet_length(key)), 0)::bigint, \
                    coalesce(max(born), 0)::bigint FROM cache_entries WHERE born > $1";
        if client.query_one("SELECT to_regclass('cache_entries') IS NULL", &[]).await?.get(0) {
            return Ok(0);
        }
        let row = client.query_one(rows, &[&last]).await?;
        let (bytes, born): (i64, i64) = (row.get(0), row.get(1));
        last = last.max(born);
        all += u64::try_from(bytes)?;
        Ok(all)
    };
    let (postgres_one, postgres_whole) = counted(with, &mut stored).await?;
    Ok((
        json!({ "redis": redis_one, "postgres": postgres_one }),
        json!({ "redis": redis_whole, "postgres": postgres_whole }),
    ))
}

/// Loads all series, then a bar more of each, and returns how much the count has grown by a series: for the bar
/// and for the whole.
async fn counted(
    with: impl Fn(CacheBuilder) -> Result<CacheBuilder>,
    count: &mut impl AsyncFnMut() -> Result<u64>,
) -> Result<(u64, u64)> {
    let upstream = Arc::new(Upstream::default());
    let cache = with(Cache::builder().namespace("series").require_tiers(true))?.build().await?;
    let regions = open(&cache, &upstream)?;
    let keys: Result<Vec<StandardKey>> =
        (0..SYMBOLS).map(|at| Ok(format!("ohlcv:{}:1d", symbol(at)).parse()?)).collect();
    let keys = keys?;
    let mut counts = [0; 3];
    for (round, counted) in counts.iter_mut().enumerate() {
        if round > 0 {
            for key in &keys {
                regions.refresh(key).await?;
            }
            upstream.pass(1);
        }
        *counted = count().await?;
    }
    let symbols = SYMBOLS as u64;
    Ok(((counts[2] - counts[1]) / symbols, (counts[1] - counts[0]) / symbols))
}
