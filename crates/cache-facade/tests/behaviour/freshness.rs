//! Freshness: fresh values are served, ageing ones are refreshed, and a value keeps its expiry in every tier.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use cache_core::{ErrorKind, Fetched, Operation, Tag, Ttl};
use cache_facade::{Cache, Eviction, Memory, Source};
use proptest::{prelude::any, proptest};
use tests::{Answer, Fixture, GRACE, LIFE, ModelTier, about, settle};

fn value(text: &str) -> Fetched<String> {
    Fetched::new(text.to_owned())
}

#[tokio::test]
async fn rule_13_what_is_fresh_is_served_without_the_loader() {
    let fixture = Fixture::new().await;
    fixture.get("AAPL").await;
    for _ in 0..59 {
        fixture.pass(1);
        assert_eq!(fixture.get("AAPL").await.as_deref(), Some("AAPL@1"));
    }
    let elsewhere = fixture.another(|region| region).await;
    assert_eq!(elsewhere.get("AAPL").await.as_deref(), Some("AAPL@1"), "from the tier");
    assert_eq!(fixture.source.calls(), 1);
}

#[tokio::test]
async fn rule_13_that_there_is_no_such_key_is_known_for_its_negative_life() {
    let fixture = Fixture::with(|region| region.negative(Duration::from_secs(10))).await;
    fixture.source.answer(&fixture.key("none"), Answer::Absent);
    assert_eq!(fixture.get("none").await, None);
    fixture.pass(9);
    assert_eq!(fixture.get("none").await, None);
    assert_eq!(fixture.another(|region| region).await.get("none").await, None);
    assert_eq!(fixture.source.calls(), 1);
    fixture.pass(2);
    fixture.source.answer(&fixture.key("none"), Answer::Made);
    assert_eq!(fixture.get("none").await.as_deref(), Some("none@2"));
}

#[tokio::test]
async fn rule_13_a_key_that_its_source_no_longer_has_is_no_longer_served() {
    for negative in [Duration::ZERO, LIFE] {
        let fixture = Fixture::with(|region| region.negative(negative)).await;
        fixture.get("AAPL").await;
        fixture.pass(61);
        fixture.source.answer(&fixture.key("AAPL"), Answer::Absent);
        fixture.get("AAPL").await;
        settle().await;
        assert_eq!(fixture.peek("AAPL"), None, "negative life {negative:?}");
        fixture.source.fail(ErrorKind::Load);
        let elsewhere = fixture.another(|region| region).await;
        let answer = elsewhere.region.get("AAPL").await;
        assert!(answer.is_ok_and(|value| value.is_none()) != negative.is_zero(), "not from the tier either");
    }
}

#[tokio::test]
async fn rule_13_on_the_systems_clock_a_value_is_served_to_the_end_of_its_life_and_no_longer() {
    for policy in Eviction::ALL {
        let cache = Cache::builder().memory(Memory::builder().eviction(policy)).build().await.unwrap();
        let region = cache.region::<u64>("n").ttl(Ttl::new(Duration::from_millis(30))).open().unwrap();
        region.put("1", 1).await.unwrap();
        let found = region.lookup("1").await.unwrap();
        let end = found.born.after(found.age + found.servable_for);
        loop {
            let before = cache.clock().now();
            let served = region.get("1").await.unwrap().is_some();
            let after = cache.clock().now();
            assert!(!served || before < end, "{policy}: served {:?} past its end", before.since(end));
            assert!(served || after >= end, "{policy}: ended {:?} too soon", end.since(after));
            if before >= end.after(Duration::from_millis(10)) {
                break;
            }
        }
    }
}

#[tokio::test]
async fn rule_14_past_the_eager_threshold_the_old_value_is_served_and_refreshed_once() {
    let fixture = Fixture::with(|region| region.eager(0.8)).await;
    fixture.get("AAPL").await;
    fixture.pass(47);
    fixture.get("AAPL").await;
    settle().await;
    assert_eq!(fixture.source.calls(), 1, "before the threshold nothing happens");

    fixture.pass(2);
    let gate = fixture.source.gate();
    for _ in 0..2 {
        let found = fixture.region.lookup("AAPL").await.unwrap();
        assert_eq!((found.value.unwrap().as_str(), found.stale), ("AAPL@1", false));
        settle().await;
    }
    gate.open();
    settle().await;
    assert_eq!(fixture.get("AAPL").await.as_deref(), Some("AAPL@2"));
    assert_eq!(fixture.source.calls(), 2);
}

#[tokio::test]
async fn rule_14_an_eager_refresh_that_fails_leaves_the_value_and_pauses() {
    let fixture = Fixture::with(|region| region.eager(0.5)).await;
    fixture.get("AAPL").await;
    fixture.pass(31);
    fixture.source.fail(ErrorKind::Load);
    for _ in 0..10 {
        assert_eq!(fixture.get("AAPL").await.as_deref(), Some("AAPL@1"));
        settle().await;
    }
    assert_eq!(fixture.source.calls(), 2);
}

#[tokio::test]
async fn rule_87_an_eager_refresh_that_fails_again_pauses_twice_as_long() {
    let fixture = Fixture::with(|region| region.eager(0.1).throttle(Duration::from_secs(5))).await;
    fixture.get("AAPL").await;
    fixture.source.fail(ErrorKind::Load);
    let mut failed_at = Vec::new();
    for second in 6..59 {
        fixture.pass(if second == 6 { 6 } else { 1 });
        let calls = fixture.source.calls();
        assert_eq!(fixture.get("AAPL").await.as_deref(), Some("AAPL@1"));
        settle().await;
        failed_at.extend((fixture.source.calls() > calls).then_some(second));
    }
    assert_eq!(failed_at, [6, 11, 21, 41]);
    fixture.source.recover();
    fixture.pass(1);
    // What is stale can't wait as long, and a success begins anew.
    fixture.pass(30);
    fixture.get("AAPL").await;
    settle().await;
    assert_eq!(fixture.peek("AAPL").as_deref(), Some("AAPL@6"));
}

#[tokio::test]
async fn rule_15_a_refresh_completes_though_its_caller_is_cancelled() {
    let fixture = Fixture::with(|region| region.soft_timeout(LIFE)).await;
    fixture.get("AAPL").await;
    fixture.pass(61);
    let gate = fixture.source.gate();
    let caller = fixture.ask("AAPL").await;
    gate.reached(1).await;
    caller.abort();
    settle().await;
    gate.open();
    settle().await;
    assert_eq!(fixture.peek("AAPL").as_deref(), Some("AAPL@2"));
    assert_eq!(fixture.held("AAPL").as_deref(), Some("AAPL@2"));
}

#[tokio::test]
async fn rule_16_not_modified_keeps_the_value_and_renews_its_life() {
    let fixture = Fixture::new().await;
    let (key, tag) = (fixture.key("AAPL"), Tag::new("tech").unwrap());
    fixture.source.answer(&key, Answer::Value(value("first").etag("v1").tag(tag.clone())));
    let born = fixture.region.lookup("AAPL").await.unwrap().born;
    fixture.pass(61);
    fixture.source.answer(&key, Answer::NotModified);
    assert_eq!(fixture.get("AAPL").await.as_deref(), Some("first"));
    settle().await;

    let asked = fixture.source.batches().pop().unwrap();
    assert_eq!(asked[0].etag.as_deref(), Some("v1"), "the source is told which version is at hand");
    for fixture in [fixture.clone(), fixture.another(|region| region).await] {
        let found = fixture.region.lookup("AAPL").await.unwrap();
        assert!(about(found.fresh_for, LIFE) && found.born > born, "{found:?}");
        assert_eq!((found.value.unwrap().as_str(), found.stale), ("first", false));
    }
    let held = fixture.model.entry(&key).unwrap().meta;
    assert_eq!((held.tags(), held.etag()), (&[tag][..], Some("v1")), "labels are kept");
}

#[tokio::test]
async fn rule_111_not_modified_renews_the_life_that_the_source_gave_and_not_the_regions() {
    let fixture = Fixture::new().await;
    let key = fixture.key("AAPL");
    let short = Ttl::new(Duration::from_secs(5)).grace(Duration::from_secs(50));
    fixture.source.answer(&key, Answer::Value(value("first").etag("v1").ttl(short)));
    fixture.get("AAPL").await;
    for from in ["memory", "a tier", "a tier"] {
        let reader = if from == "memory" { fixture.clone() } else { fixture.another(|region| region).await };
        fixture.pass(6);
        fixture.source.answer(&key, Answer::NotModified);
        assert_eq!(reader.get("AAPL").await.as_deref(), Some("first"), "{from}");
        settle().await;
        let found = reader.region.lookup("AAPL").await.unwrap();
        assert!(
            about(found.fresh_for, short.life) && about(found.servable_for, short.grace),
            "{from}: {found:?}"
        );
    }
}

#[tokio::test]
async fn rule_16_not_modified_about_nothing_is_a_failure_of_the_source() {
    let fixture = Fixture::new().await;
    fixture.source.answer(&fixture.key("AAPL"), Answer::NotModified);
    assert_eq!(fixture.region.get("AAPL").await.unwrap_err().kind(), ErrorKind::Load);
}

#[tokio::test]
async fn rule_17_the_loader_decides_about_life_and_tags_in_the_foreground_and_behind() {
    let fixture = Fixture::new().await;
    let (key, tag) = (fixture.key("AAPL"), Tag::new("tech").unwrap());
    let short = Ttl::new(Duration::from_secs(5)).grace(Duration::from_secs(50));
    fixture.source.answer(&key, Answer::Value(value("first").ttl(short)));
    assert!(about(fixture.region.lookup("AAPL").await.unwrap().fresh_for, short.life));

    fixture.pass(6);
    fixture.source.answer(&key, Answer::Value(value("second").ttl(short).tag(tag.clone())));
    assert_eq!(fixture.get("AAPL").await.as_deref(), Some("first"), "stale, and refreshed behind");
    settle().await;
    let found = fixture.region.lookup("AAPL").await.unwrap();
    assert!(about(found.fresh_for, short.life), "{found:?}");
    assert_eq!(found.value.unwrap().as_str(), "second");
    assert!(fixture.model.entry(&key).unwrap().meta.tags().contains(&tag));
    fixture.cache.invalidate(&tag).await.unwrap();
    assert_eq!(fixture.peek("AAPL"), None, "the tag of a background load counts");
}

#[tokio::test]
async fn rule_18_a_life_of_zero_is_answered_and_never_served_again() {
    let fixture = Fixture::with(|region| region.ttl(Ttl::NONE.grace(GRACE))).await;
    for load in 1..4 {
        assert_eq!(fixture.get("AAPL").await.unwrap(), format!("AAPL@{load}"));
        settle().await;
        assert_eq!(fixture.peek("AAPL"), None);
    }
    fixture.region.put("MSFT", "put".to_owned()).await.unwrap();
    assert_eq!(fixture.get("MSFT").await.as_deref(), Some("MSFT@1"));
    assert_eq!(fixture.another(|region| region).await.get("MSFT").await.as_deref(), Some("MSFT@2"));
}

#[tokio::test]
async fn rule_18_a_put_with_a_life_of_zero_ends_what_was_there() {
    let fixture = Fixture::new().await;
    fixture.get("AAPL").await;
    fixture.region.put("AAPL", value("once").ttl(Ttl::NONE)).await.unwrap();
    assert_eq!(fixture.peek("AAPL"), None);
    assert_eq!(fixture.another(|region| region).await.get("AAPL").await.as_deref(), Some("AAPL@2"));
}

#[tokio::test]
async fn rule_18_a_refresh_with_a_life_of_zero_ends_what_a_tier_held() {
    let fixture = Fixture::new().await;
    fixture.get("AAPL").await;
    let elsewhere = fixture.another(|region| region).await;
    fixture.source.answer(&fixture.key("AAPL"), Answer::Value(value("once").ttl(Ttl::NONE)));
    assert_eq!(elsewhere.region.refresh(&["AAPL"]).await.unwrap().loaded, 1);
    settle().await;
    fixture.source.answer(&fixture.key("AAPL"), Answer::Made);
    assert_eq!(elsewhere.get("AAPL").await.as_deref(), Some("AAPL@3"), "not what the tier held before");
}

#[tokio::test]
async fn rule_19_huge_lives_neither_overflow_nor_end() {
    let month = Duration::from_secs(30 * 24 * 3600);
    for life in [month, Duration::from_secs(u64::MAX), Duration::MAX] {
        for eager in [0.0, 0.8, 0.999_999] {
            let fixture = Fixture::with(|region| {
                region
                    .ttl(Ttl::new(life).grace(Duration::MAX))
                    .eager(eager)
                    .jitter(0.1)
                    .negative(Duration::MAX)
            });
            let fixture = fixture.await;
            fixture.source.answer(&fixture.key("none"), Answer::Absent);
            fixture.region.put("put", "put".to_owned()).await.unwrap();
            assert_eq!(fixture.get("none").await, None);
            fixture.get("AAPL").await;
            fixture.pass(20 * 24 * 3600);
            let found = fixture.region.lookup("AAPL").await.unwrap();
            assert!(!found.stale && found.value.is_some(), "{life:?} after 20 days");
            assert_eq!(fixture.peek("put").as_deref(), Some("put"));
        }
    }
}

#[tokio::test]
async fn rule_19_huge_timeouts_do_not_overflow() {
    let fixture = Fixture::with(|region| {
        let region = region.soft_timeout(Duration::MAX).hard_timeout(Duration::MAX).late(Duration::MAX);
        region.throttle(Duration::MAX)
    });
    let fixture = fixture.await;
    fixture.get("AAPL").await;
    fixture.pass(61);
    assert_eq!(fixture.get("AAPL").await.as_deref(), Some("AAPL@2"), "waits for the fresh one");
    fixture.region.remove("AAPL").await.unwrap();
    assert_eq!(fixture.get("AAPL").await.as_deref(), Some("AAPL@3"));
}

#[tokio::test]
async fn rule_20_a_value_copied_up_keeps_its_birth_and_its_end() {
    let fixture = Fixture::new().await;
    let born = fixture.region.lookup("AAPL").await.unwrap().born;
    let elsewhere = fixture.another(|region| region).await;
    fixture.pass(25);
    for source in [Source::Tier("far"), Source::Memory] {
        let found = elsewhere.region.lookup("AAPL").await.unwrap();
        assert_eq!((found.source, found.born, found.stale), (source, born, false));
        assert!(about(found.age, Duration::from_secs(25)), "{found:?}");
        assert!(about(found.fresh_for, LIFE - Duration::from_secs(25)), "{found:?}");
        assert!(about(found.servable_for, GRACE - Duration::from_secs(25)), "{found:?}");
    }
    fixture.pass(36);
    assert!(elsewhere.region.lookup("AAPL").await.unwrap().stale, "stale when the first one is");
}

#[tokio::test]
async fn rule_20_a_hit_in_the_last_tier_fills_those_above_with_the_same_promise() {
    let (below, middle) = (Fixture::new().await, Arc::new(ModelTier::new("middle")));
    below
        .source
        .answer(&below.key("AAPL"), Answer::Value(value("deep").etag("v1").tag(Tag::new("t").unwrap())));
    below.get("AAPL").await;
    settle().await;
    let cache = Cache::builder().clock(below.clock.clone());
    let cache = cache.tier(middle.clone()).tier(below.tier.clone()).build().await.unwrap();
    let region = cache.region::<String>("price").open().unwrap();

    below.pass(10);
    assert_eq!(region.lookup("AAPL").await.unwrap().source, Source::Tier("far"));
    settle().await;
    let (deep, copy) = (below.model.entry(&below.key("AAPL")), middle.entry(&below.key("AAPL")));
    assert!(copy.is_some());
    assert_eq!(copy, deep);
    assert_eq!(below.tier.calls_for(Operation::Put, &below.key("AAPL")).len(), 1, "not written back below");
}

proptest! {
    #![proptest_config(proptest::test_runner::Config { cases: 8, failure_persistence: None, ..Default::default() })]

    #[test]
    fn rule_21_jitter_spreads_lives_within_its_band(share in 0.05..0.9_f64, shift in any::<u32>()) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let fixture = Fixture::with(|region| region.jitter(share)).await;
            fixture.clock.advance(Duration::from_micros(u64::from(shift)));
            let ids: Vec<String> = (0..200).map(|id| id.to_string()).collect();
            fixture.region.get_many(&ids[..100]).await.unwrap();
            fixture.region.put_many(ids[100..].iter().map(|id| (id, id.clone()))).await.unwrap();
            // Births are told apart by microseconds, which a clock that stands still doesn't show.
            let slack = Duration::from_millis(1);
            let shortest = LIFE.mul_f64(1.0 - share) - slack;
            let mut lives = BTreeSet::new();
            for found in fixture.region.lookup_many(&ids).await {
                let found = found.unwrap();
                let life = found.age + found.fresh_for;
                assert!(shortest <= life && life <= LIFE + slack, "{life:?} at {share}");
                assert!(about(found.age + found.servable_for, GRACE), "the end doesn't move");
                lives.insert(life);
            }
            assert!(lives.len() > 150, "{} different lives", lives.len());
            let spread = *lives.last().unwrap() - *lives.first().unwrap();
            assert!(spread > LIFE.mul_f64(share * 0.8), "spread over {spread:?} at {share}");
        });
    }
}
