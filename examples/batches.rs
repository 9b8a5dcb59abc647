//! 300 symbols in calls of 50, some of which fail: read, warmed beforehand, and kept fresh.
//!
//! `cargo run -p examples --bin batches`

use std::{collections::HashMap, io, time::Duration};

use cache_facade::{Cache, Region, Source};

/// In place of a provider that takes 50 symbols a call. Every hundredth is halted; some it doesn't know.
async fn quotes(symbols: Vec<String>) -> io::Result<HashMap<String, Result<f64, String>>> {
    println!("asking for {} symbols", symbols.len());
    let quote = |symbol: String| match symbol.as_str() {
        "S100" | "S200" => Some((symbol, Err("halted".to_owned()))),
        "S299" => None,
        _ => Some((symbol, Ok(190.5))),
    };
    Ok(symbols.into_iter().filter_map(quote).collect())
}

#[tokio::main]
async fn main() -> cache_facade::Result<()> {
    let cache = Cache::builder().build().await?;
    let prices: Region<f64> = cache.region("price").ttl("1m").negative("10m").load_many(50, quotes).open()?;
    let symbols: Vec<String> = (0..300).map(|number| format!("S{number}")).collect();

    // At the start: from the tiers what they have, the rest from the provider.
    let warmed = prices.warm(&symbols).await;
    println!("{} loaded, unknown: {:?}", warmed.found_in(Source::Loader), warmed.absent);
    assert_eq!((warmed.found.len(), warmed.absent.len(), warmed.failed.len()), (297, 1, 2));
    assert_eq!(cache.stats().loads, 6);

    // A read asks again for what failed, in one call.
    let (found, failed) = prices.get_found(&symbols).await;
    for (symbol, error) in &failed {
        println!("{symbol}: {error}");
    }
    assert_eq!((found.len(), failed.len(), cache.stats().loads), (297, 2, 7));

    // The busiest are loaded anew before their life is over, until the handle is dropped.
    let busiest = prices.keep_fresh(&symbols[..50], Duration::from_secs(45))?;
    drop(busiest);
    Ok(())
}

#[test]
fn symbols_are_asked_for_in_full_calls() {
    main().unwrap();
}
