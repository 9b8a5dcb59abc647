//! Trading signals by `#[cached]`: computed once for all who ask, looked up without computing, and ended with counts.
//!
//! `cargo run -p examples --bin signals`

use cache_facade::{Cache, Error, Region, cached, invalidates};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Signal {
    symbol: String,
    strength: f64,
}

/// Computed on a miss, for all who ask at once.
#[cached(region = "signal", ttl = "5m", grace = "1h", key = "{symbol}:{days}", tags("{symbol}"))]
async fn signal(cache: &Cache, symbol: &str, days: u16) -> Result<Signal, Error> {
    println!("computing {symbol} over {days} days");
    Ok(Signal { symbol: symbol.to_owned(), strength: f64::from(days) / 200.0 })
}

/// Its signals are computed anew from then on.
#[invalidates(tags("{symbol}"))]
async fn correct_bars(cache: &Cache, symbol: &str) -> Result<(), Error> {
    println!("correcting the bars of {symbol}");
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let cache = Cache::builder().build().await?;
    for (symbol, days) in [("AAPL", 20), ("AAPL", 50), ("MSFT", 20), ("SPY", 20), ("AAPL", 20)] {
        signal(&cache, symbol, days).await?;
    }
    assert_eq!(cache.stats().loads, 4);

    // The same entries, by hand: an id is what the `key` of the function says.
    let signals: Region<Signal> = cache.region("signal").open()?;
    assert!(signals.contains(&("AAPL", 20)).await?);
    println!("fresh for {:?}", signals.time_to_live(&("AAPL", 20)).await?);
    assert!(signals.remove(&("AAPL", 20)).await?, "it was there");
    assert_eq!(signals.remove_many(&[("MSFT", 20), ("MSFT", 50)]).await?, 1);
    assert_eq!(cache.remove_matching("signal:SPY:*").await?.memory, 1);

    correct_bars(&cache, "AAPL").await?;
    assert!(!signals.contains(&("AAPL", 50)).await?);
    Ok(())
}

#[test]
fn signals_are_computed_once_and_ended_with_counts() {
    main().unwrap();
}
