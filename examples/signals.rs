//! Trading signals by `#[cached]`: computed once for all who ask, looked up without computing, and ended with counts.
//!
//! `cargo run -p examples --bin signals`

use std::time::Duration;

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

    // The same entries, by hand.
    let signals: Region<Signal> = cache.region("signal").open()?;
    let key = &("AAPL", 20);
    assert!(signals.contains(key).await? && !signals.contains(&("AAPL", 200)).await?);
    assert!(signals.time_to_live(key).await? > Some(Duration::from_secs(290)));

    assert!(signals.remove(key).await?, "it was there");
    assert!(!signals.remove(key).await?, "and is gone");
    assert_eq!(signals.remove_many(&[("MSFT", 20), ("MSFT", 50)]).await?, 1);
    let removed = cache.remove_matching("signal:*:20").await?;
    println!("{} of 20 days are gone", removed.memory);
    assert_eq!(removed.memory, 1);

    correct_bars(&cache, "AAPL").await?;
    assert_eq!(signals.peek(&("AAPL", 50)), None);
    Ok(())
}

#[test]
fn signals_are_computed_once_and_ended_with_counts() {
    main().unwrap();
}
