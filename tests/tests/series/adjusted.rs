//! Splits and dividends, seen and announced: bars of one basis are never mixed with those of another.

use crate::{evening, market::Market};

#[tokio::test]
async fn rule_79_a_split_and_a_dividend_that_are_seen_change_all_bars() {
    for is_split in [true, false] {
        let market = Market::new(evening(), "2016-01-04").await;
        let node = market.node(|cache| cache).await;
        node.reads(&market, "AAPL:1d").await;
        market.pass(1);
        if is_split {
            market.split(4.0);
        } else {
            market.pay(0.002);
        }
        // The first read is of old days alone.
        node.reads(&market, "AAPL:1d:2016-03-01..2016-03-10").await;
        node.reads(&market, "AAPL:1d").await;
        assert_eq!(market.upstream.calls(), 3, "the window shows it, then the whole");
        market.pass(1);
        node.reads(&market, "AAPL:1d").await;
        assert_eq!(market.upstream.calls(), 4);
    }
}

#[tokio::test]
async fn rule_79_a_chunk_that_was_asked_for_after_a_split_is_not_put_beside_an_older_tail() {
    let market = Market::new(evening(), "2016-01-04").await;
    let node = market.node(|cache| cache).await;
    node.reads(&market, "AAPL:1d").await;
    // The tail is fresh all night, and has seen nothing.
    market.split(2.0);
    market.clock.advance(std::time::Duration::from_secs(60));
    node.regions.series().remove("AAPL:1d:2017-01-01..2017-12-31").await.unwrap();
    node.reads(&market, "AAPL:1d").await;
}

#[tokio::test]
async fn rule_79_a_tail_that_fails_is_not_put_beside_a_newer_chunk() {
    let market = Market::new(evening(), "2016-01-04").await;
    let node = market.node(|cache| cache).await;
    node.reads(&market, "AAPL:1d").await;
    market.fail(true);
    market.pass(1);
    // Stale, and whole.
    let (found, _) = node.regions.bars(&"AAPL:1d".parse().unwrap()).await.unwrap();
    assert!(found.stale && found.value.unwrap().bars.len() > 900);
    node.regions.series().remove("AAPL:1d:2017-01-01..2017-12-31").await.unwrap();
    assert!(node.regions.bars(&"AAPL:1d".parse().unwrap()).await.is_err());
    market.fail(false);
    market.split(2.0);
    node.reads(&market, "AAPL:1d").await;
}

#[tokio::test]
async fn rule_79_two_nodes_on_one_tier_never_mix_what_they_asked_for_before_and_after() {
    let market = Market::new(evening(), "2016-01-04").await;
    let tier = std::sync::Arc::new(tests::ModelTier::new("far"));
    let (one, other) = (
        market.node(|cache| cache.tier(tests::FaultyTier::over(tier.clone()))).await,
        market.node(|cache| cache.tier(tests::FaultyTier::over(tier.clone()))).await,
    );
    one.reads(&market, "AAPL:1d").await;
    other.reads(&market, "AAPL:1d:2019-06-03..2020-01-01").await;
    assert_eq!(market.upstream.calls(), 1, "the tier has all of it");
    market.pass(1);
    market.split(2.0);
    one.reads(&market, "AAPL:1d").await;
    // Of the other one, memory has older chunks of some years, and none of others.
    other.reads(&market, "AAPL:1d").await;
}
