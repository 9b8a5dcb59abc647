//! Series that are kept by their tail, on real servers: two nodes that share them.

mod market;
#[path = "../../../crates/market-data/tests/upstream/mod.rs"]
mod upstream;

use cache_core::{Clock, Result};
use cache_facade::{CacheBuilder, Source};
use market::{Market, Node, WINDOW};
use servers::env;
use tests::eventually;

async fn node(market: &Market, name: &str, with: impl Fn(CacheBuilder) -> Result<CacheBuilder>) -> Node {
    let namespace = format!("series-{}-{name}", std::process::id());
    let node = market.node(|cache| with(cache.namespace(namespace)).unwrap().require_tiers(true)).await;
    // Until then it can't tell what was stored since it began.
    eventually("the time of the server", || node.cache.clock().wall_ahead().is_some()).await;
    node
}

async fn rule_77_what_one_node_has_asked_for_no_other_asks_for(
    name: &str,
    with: impl Fn(CacheBuilder) -> Result<CacheBuilder>,
) {
    // All days are long over, so that all bars are final.
    let day = |text: &str| text.parse().unwrap();
    let market = Market::on(Clock::system(), day("2015-01-02"), day("2024-05-15")).await;
    let (here, there) = (node(&market, name, &with).await, node(&market, name, &with).await);
    here.reads(&market, "AAPL:1d").await;
    let parts = there.reads(&market, "AAPL:1d").await;
    assert!(parts.iter().all(|part| matches!(part.source, Source::Tier(_))), "{name}: {parts:?}");
    assert_eq!((parts.len(), market.upstream.calls()), (10, 1), "{name}");

    for _ in 0..5 {
        market.reveal(1);
        there.refresh("ohlcv:AAPL:1d").await;
    }
    there.reads(&market, "AAPL:1d").await;
    assert_eq!(market.upstream.calls(), 6, "{name}");
    assert_eq!(market.sent_more_than(1, 5 + WINDOW + 1), [], "{name}");

    // A split that the one sees, and the other is told of by the bus.
    market.reveal(1);
    market.split(2.0);
    there.refresh("ohlcv:AAPL:1d").await;
    there.reads(&market, "AAPL:1d").await;
    let tail = async || here.regions.series().peek("AAPL:1d").is_some_and(|tail| tail.bars[0].close < 400.0);
    for _ in 0..200 {
        here.regions.bars(&"AAPL:1d".parse().unwrap()).await.unwrap();
        if tail().await {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    here.reads(&market, "AAPL:1d").await;
    here.reads(&market, "AAPL:1d:2016-03-01..2016-03-10").await;

    // What is removed by the one, the other loads anew as a whole.
    market.correct(day("2016-03-02"), 77);
    here.regions.series().remove("AAPL:1d").await.unwrap();
    here.reads(&market, "AAPL:1d:2016-03-01..2016-03-10").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_77_over_redis() {
    let url = env::redis().expect("a Redis server");
    rule_77_what_one_node_has_asked_for_no_other_asks_for("redis", |cache| cache.redis(&url)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_77_over_postgres() {
    let url = env::postgres_database().expect("a PostgreSQL server");
    rule_77_what_one_node_has_asked_for_no_other_asks_for("postgres", |cache| cache.postgres(&url)).await;
}
