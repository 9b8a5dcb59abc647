//! Series that are kept by their tail: rules 77 to 81, over real HTTP with an upstream that knows what it was
//! asked.

mod market;
#[path = "../../../crates/market-data/tests/upstream/mod.rs"]
mod upstream;

mod adjusted;
mod overlapping;
mod recorded;

use std::time::Duration;

use cache_core::Clock;
use cache_facade::{Source, disk::DiskConfig};
use market::{Market, WINDOW};
use market_data::SeriesId;

/// A clock at five in the afternoon in New York, on the first of January 2020: what closed has settled.
pub(crate) fn evening() -> Clock {
    let clock = Clock::manual();
    clock.advance(Duration::from_secs(22 * 3600));
    clock
}

#[tokio::test]
async fn rule_77_a_passing_day_asks_for_what_is_not_final_alone() {
    let market = Market::new(evening(), "2000-01-03").await;
    let node = market.node(|cache| cache).await;
    node.reads(&market, "AAPL:1d").await;
    assert_eq!(market.upstream.calls(), 1, "the whole, once");
    let sent = market.sent();
    for day in 1..=3 {
        market.pass(1);
        node.reads(&market, "AAPL:1d").await;
        assert_eq!(market.upstream.calls(), 1 + day, "one call a day");
        assert!(market.sent() - sent <= day * (WINDOW + 2), "{} bars", market.sent() - sent);
    }
    // Nobody read it for a month: what is stored of it is past its grace, and is not asked for again all the same.
    market.pass(31);
    let calls = market.upstream.calls();
    node.reads(&market, "AAPL:1d").await;
    assert_eq!(market.upstream.calls(), calls + 1);
    assert_eq!(market.sent_more_than(1, 31 + 3 + 2 * WINDOW), []);
}

#[tokio::test]
async fn rule_77_a_year_that_ends_becomes_a_chunk_without_a_call_of_its_own() {
    let market = Market::new(evening(), "2018-06-01").await;
    let node = market.node(|cache| cache).await;
    for _ in 0..14 {
        market.pass(30);
        node.reads(&market, "AAPL:1d:2018-06-01..2030-12-31").await;
    }
    let series = node.regions.series();
    assert!(series.peek("AAPL:1d:2020-01-01..2020-12-31").is_some(), "last year is a chunk");
    let tail = series.peek("AAPL:1d").unwrap();
    assert_eq!(tail.bars[0].date().year(), 2021);
    assert_eq!(market.upstream.calls(), 14, "one call each time: {:?}", market.asked_since(0));
    assert_eq!(market.sent_more_than(2, 14 * WINDOW), []);
}

#[tokio::test]
async fn rule_77_a_correction_within_the_revision_window_is_seen() {
    let market = Market::new(evening(), "2019-01-02").await;
    let node = market.node(|cache| cache).await;
    node.reads(&market, "AAPL:1d").await;
    market.correct("2019-12-31".parse().unwrap(), 77);
    market.pass(1);
    node.reads(&market, "AAPL:1d:2019-12-30..2020-01-02").await;
    assert_eq!(market.upstream.calls(), 2);
}

#[tokio::test]
async fn rule_77_what_is_removed_is_loaded_anew_as_a_whole() {
    let market = Market::new(evening(), "2017-01-03").await;
    let node = market.node(|cache| cache).await;
    node.reads(&market, "AAPL:1d").await;
    // Beyond every window.
    market.correct("2017-05-02".parse().unwrap(), 77);
    node.regions.series().remove("AAPL:1d").await.unwrap();
    node.reads(&market, "AAPL:1d").await;
    market.correct("2017-05-03".parse().unwrap(), 77);
    node.cache.invalidate("AAPL").await.unwrap();
    node.reads(&market, "AAPL:1d:2017-05-01..2017-05-05").await;
    market.correct("2017-05-04".parse().unwrap(), 77);
    node.cache.remove_matching("ohlcv:AAPL:*").await.unwrap();
    node.reads(&market, "AAPL:1d:2017-05-01..2017-05-05").await;
    assert_eq!(market.upstream.calls(), 4);
}

#[tokio::test]
async fn rule_77_what_one_process_has_stored_on_disk_the_next_does_not_ask_for() {
    let market = Market::new(evening(), "2015-01-02").await;
    let folder = tempfile::tempdir().unwrap();
    let disk = |cache: cache_facade::CacheBuilder| cache.disk(DiskConfig::new(folder.path())).unwrap();
    let node = market.node(disk).await;
    node.reads(&market, "AAPL:1d").await;
    node.cache.shutdown(Duration::from_secs(10)).await.unwrap();
    drop(node);
    market.pass(1);
    let node = market.node(disk).await;
    let parts = node.reads(&market, "AAPL:1d").await;
    assert_eq!(market.upstream.calls(), 2);
    assert_eq!(market.asked_since(1), ["2019-12-27..2020-01-03"], "the window, and today");
    let (last, closed) = parts.split_last().unwrap();
    assert_eq!(last.source, Source::Loader);
    assert!(closed.iter().all(|part| part.source == Source::Tier("disk")), "{closed:?}");
    node.cache.shutdown(Duration::from_secs(10)).await.unwrap();
}

#[tokio::test]
async fn rule_80_what_the_provider_has_no_more_is_said_not_to_be_there() {
    let market = Market::new(evening(), "2017-01-03").await;
    let node = market.node(|cache| cache).await;
    node.reads(&market, "AAPL:1d").await;
    // A day on which nothing is traded has no bars, and nothing more is said.
    let of = |text: &str| text.parse::<SeriesId>().unwrap();
    let (weekend, _) = node.regions.bars(&of("AAPL:1d:2018-03-03..2018-03-04")).await.unwrap();
    let weekend = weekend.value.unwrap();
    assert!(weekend.bars.is_empty() && weekend.complete_from.is_none());
    // A chunk that is lost, and that its provider has none of any more.
    market.keep_from("2019-01-01".parse().unwrap());
    node.regions.series().remove("AAPL:1d:2018-01-01..2018-12-31").await.unwrap();
    let (gone, _) = node.regions.bars(&of("AAPL:1d:2018-03-03..2018-03-09")).await.unwrap();
    let gone = gone.value.unwrap();
    assert!(gone.bars.is_empty());
    assert_eq!(gone.complete_from, Some("2019-01-01".parse().unwrap()));
}

#[tokio::test]
async fn rule_81_a_bar_is_final_once_its_day_has_ended_and_settled() {
    let clock = Clock::manual();
    clock.advance(Duration::from_secs(20 * 3600));
    let market = Market::new(clock, "2019-01-02").await;
    market.pass(1);
    let node = market.node(|cache| cache).await;
    let id: SeriesId = "AAPL:1d:2019-12-30..2020-01-02".parse().unwrap();
    let finals = async || {
        let (found, _) = node.regions.bars(&id).await.unwrap();
        let series = found.value.unwrap();
        (series.final_bars(), series.bars.len())
    };
    assert_eq!(finals().await, (3, 4), "it is the afternoon of the second");
    // The close is at 21:00 in London, and settles for twenty minutes.
    market.clock.advance(Duration::from_secs(3600 + 19 * 60));
    assert_eq!(finals().await, (3, 4));
    market.clock.advance(Duration::from_secs(2 * 60));
    assert_eq!(finals().await, (4, 4));
    let calls = market.upstream.calls();
    assert_eq!((finals().await, market.upstream.calls()), ((4, 4), calls));
}
