//! What survives a restart on disk: values, each with what is left of its life.
//!
//! `cargo run -p examples --bin restart`, twice.

use std::{io, path::Path, time::Duration};

use cache_facade::{Cache, Region};

/// In place of a provider that is slow and paid by the call.
async fn ask_provider(symbol: String) -> io::Result<f64> {
    println!("asking the provider for {symbol}");
    Ok(190.5)
}

/// One run of a program. Returns where the price came from.
async fn run(folder: &Path) -> cache_facade::Result<&'static str> {
    let cache = Cache::builder().disk(folder)?.build().await?;
    let prices: Region<f64> =
        cache.region("price").ttl("1h").stale_for("1d").load_one(ask_provider).open()?;
    let price = prices.lookup("AAPL").await?;
    println!("{:?} from {}, fresh for {:?}", price.value, price.source, price.fresh_for);
    // What is still on its way to the disk gets there.
    cache.shutdown(Duration::from_secs(5)).await?;
    Ok(price.source.as_str())
}

#[tokio::main]
async fn main() -> cache_facade::Result<()> {
    run(&std::env::temp_dir().join("cache-example")).await.map(drop)
}

#[tokio::test]
async fn the_second_run_has_what_the_first_loaded() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(run(folder.path()).await.unwrap(), "loader");
    assert_eq!(run(folder.path()).await.unwrap(), "disk");
}
