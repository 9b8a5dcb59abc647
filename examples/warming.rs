//! Users, signals, market data and statistics, warmed by four strategies; and updates that can wait, in batches.
//!
//! `cargo run -p examples --bin warming`

use std::{io, sync::Arc, time::Duration};

use cache_facade::{
    Cache, Key, Region, Result,
    warming::{
        BatchScheduler, Coverage, CronTimes, KeysOf, Predictive, Priority, RunBudget, RunSchedule, Warming,
    },
};

/// In place of a database or a provider that takes 50 ids a call.
async fn ask(ids: Vec<String>) -> io::Result<Vec<(String, String)>> {
    println!("asking for {} at once", ids.len());
    Ok(ids.into_iter().map(|id| (id.clone(), format!("all about {id}"))).collect())
}

/// The ids of a kind that the application knows to be wanted.
fn keys(kind: &'static str, ids: impl IntoIterator<Item = String>) -> Result<Vec<Key>> {
    ids.into_iter().map(|id| Key::new(kind, &id)).collect()
}

#[tokio::main]
async fn main() -> Result<()> {
    let open = CronTimes::in_zone("25 9 * * MON-FRI", "America/New_York")?;
    let at_start = || RunSchedule::AtStart;
    let warming = Warming::builder()
        // Who was logged in lately, from wherever the application keeps that.
        .strategy(KeysOf::new("users", at_start(), || async {
            keys("user", (1..=20).map(|n| n.to_string()))
        }))
        .strategy(KeysOf::new("signals", at_start(), || async {
            keys("signal", ["AAPL".into(), "SPY".into()])
        }))
        // What is asked for most, five minutes before the opening and whenever a call saves more than two.
        .strategy(
            Predictive::new("market", RunSchedule::At(Box::new(open))).budget(RunBudget::default().keys(200)),
        )
        .strategy(Predictive::new("plan", RunSchedule::Every(Duration::from_secs(2))).saving(2.0))
        .strategy(KeysOf::new("statistics", RunSchedule::Every(Duration::from_secs(3600)), || async {
            keys("statistics", ["day".into(), "week".into()])
        }))
        .build();
    let cache = Cache::builder().warming(&warming).build().await?;
    let mut regions = Vec::new();
    for kind in ["user", "signal", "price", "statistics"] {
        let region: Region<String> = cache.region(kind).ttl("5m").load_many(50, ask).open()?;
        warming.cover(Arc::new(region.clone()), Coverage::default().life(Duration::from_secs(300)));
        regions.push(region);
    }

    // `warming.start()` runs each at its time. By hand, as an operator does:
    for strategy in ["users", "signals", "statistics"] {
        let result = warming.run(strategy).await?;
        println!("{strategy}: {} fetched in {} calls", result.fetched, result.calls);
        assert!(result.success);
    }
    assert_eq!(regions[0].get("7").await?.as_deref().map(String::as_str), Some("all about 7"));
    assert_eq!(cache.stats().loads, 3, "nothing was asked for that was not warmed");

    // Updates that can wait go in one call; one that is asked for twice goes once.
    let updates = BatchScheduler::builder().batch_size(50).build();
    updates.register("database", Arc::new(regions[2].clone()))?;
    for symbol in ["AAPL", "MSFT", "SPY", "AAPL"] {
        updates.schedule_update(&Key::new("price", symbol)?, "database", Priority::Normal)?;
    }
    let flushed = updates.flush_pending().await;
    assert_eq!((flushed.updated, flushed.calls), (3, 1));
    println!("{} calls saved", updates.stats().calls_saved);
    Ok(())
}

#[test]
fn what_is_known_to_be_wanted_is_warmed() {
    main().unwrap();
}
