//! Two providers, the first failing, behind a cache that is a provider itself.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use cache_core::{Clock, Result, Ttl};
use cache_facade::Cache;
use cache_market::CachedProvider;
use market_data::{Asset, ProviderSettings, Quota, Registry, Replay, ReplayProvider};

#[tokio::main]
async fn main() -> Result<()> {
    // Any provider will do: these two replay what was recorded.
    let upstream =
        |failure_rate| ReplayProvider::new(Replay { failure_rate, ..Replay::default() }, Clock::system());
    let quota = Quota { per_minute: NonZeroU32::new(5), ..Quota::default() };
    let registry = Registry::builder(Clock::system())
        .provider_as(
            "first",
            Arc::new(upstream(1.0)?),
            ProviderSettings { priority: 1, quota, ..Default::default() },
        )
        .provider_as(
            "second",
            Arc::new(upstream(0.0)?),
            ProviderSettings { priority: 2, ..Default::default() },
        )
        .build()?;
    let cache = Cache::builder().build().await?;
    let lives = |_| Ttl::new(Duration::from_secs(300)).grace(Duration::from_secs(3600));
    let cached = CachedProvider::open(&cache, Arc::new(registry), lives)?;

    let assets: Vec<Asset> = vec!["AAPL".parse()?, "MSFT".parse()?];
    for (asset, quote) in assets.iter().zip(cached.get_prices_batch(&assets).await?) {
        match quote {
            Some(quote) => println!("{asset} costs {}, as {:?} says", quote.price, quote.provider),
            None => println!("nobody knows {asset}"),
        }
    }
    cached.invalidate_asset(&assets[0]).await
}
