//! Two nodes that share Redis, and go on without it while it is away.
//!
//! `REDIS_URL=redis://127.0.0.1:6379 cargo run -p examples --bin two_nodes`; stop Redis and start it again meanwhile.

use std::{env, io, time::Duration};

use cache_facade::{Cache, Region};

/// In place of a provider that is slow and paid by the call.
async fn ask_provider(symbol: String) -> io::Result<f64> {
    println!("asking the provider for {symbol}");
    Ok(190.5)
}

/// One node. In a program of yours there is one in each process.
async fn node(redis_url: &str) -> cache_facade::Result<(Cache, Region<f64>)> {
    let cache = Cache::builder().namespace("md").redis(redis_url)?.build().await?;
    let prices = cache.region("price").ttl("1m").stale_for("1h").load_one(ask_provider).open()?;
    Ok((cache, prices))
}

#[tokio::main]
async fn main() -> cache_facade::Result<()> {
    let url = env::var("REDIS_URL").unwrap_or_else(|_| "redis://127.0.0.1:6379".to_owned());
    let (a, b) = (node(&url).await?, node(&url).await?);
    for round in 0..60 {
        for (name, (cache, prices)) in [("a", &a), ("b", &b)] {
            let price = prices.lookup("AAPL").await?;
            let healthy = cache.health().healthy;
            println!("{round} {name}: {:?} from {}, healthy: {healthy}", price.value, price.source);
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    Ok(())
}

#[cfg(all(test, feature = "services"))]
mod tests {
    use std::future::Future;

    use super::*;

    async fn eventually<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
        for _ in 0..600 {
            if holds().await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("never came: {what}");
    }

    #[tokio::test]
    async fn what_one_loads_the_other_has_and_both_go_on_while_redis_is_away() -> anyhow::Result<()> {
        let mut redis = servers::Redis::start(&servers::RedisOptions::default())?;
        let ((a, prices_a), (b, prices_b)) = (node(&redis.url()).await?, node(&redis.url()).await?);
        prices_a.get("AAPL").await?;
        eventually("the value in Redis", async || prices_b.contains("AAPL").await.unwrap_or(false)).await;
        assert_eq!(prices_b.lookup("AAPL").await?.source.as_str(), "redis");
        assert_eq!(b.stats().loads, 0);

        redis.kill();
        prices_a.put("IBM", 191.0).await?;
        assert_eq!(prices_a.get("IBM").await?.as_deref(), Some(&191.0));
        assert_eq!(prices_b.get("MSFT").await?.as_deref(), Some(&190.5));
        assert!(!a.health().healthy);

        redis.restart()?;
        eventually("both are well again", async || a.health().healthy && b.health().healthy).await;
        prices_a.put("SPY", 447.1).await?;
        eventually("the value in Redis", async || prices_b.contains("SPY").await.unwrap_or(false)).await;
        Ok(())
    }
}
