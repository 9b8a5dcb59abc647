//! Counts off the hit path: what tiers answered stale, what failed late, what was asked for twice.

use std::time::Duration;

use cache_core::{ErrorKind, Key, Ttl};
use cache_facade::{Cache, Memory, RegionBuilder};
use tests::{Answer, Fixture, RecordedEvent, ScriptedLoader, settle};

#[tokio::test]
async fn rule_113_a_stale_answer_of_a_tier_is_a_stale_hit_of_it_and_a_replaced_one_a_miss() {
    for fails in [true, false] {
        let fixture = Fixture::built(|cache| cache.memory(Memory::bytes(1)), |region| region).await;
        fixture.region.put("a", "old".to_owned()).await.unwrap();
        fixture.pass(61);
        if fails {
            fixture.source.answer(&fixture.key("a"), Answer::Fail(ErrorKind::Load));
        }
        let served = fixture.get("a").await;
        settle().await;
        assert_eq!(served.as_deref() == Some("old"), fails, "{served:?}");
        let stats = fixture.cache.stats();
        let (hits, misses) = (stats.tiers[0].hits, stats.tiers[0].misses);
        let stale = fixture.events.count(|seen| matches!(seen, RecordedEvent::Hit { stale: true, .. }));
        let expected = if fails { (1, 0, 1, 1) } else { (0, 1, 0, 0) };
        assert_eq!((hits, misses, stats.tier_stale, stale), expected, "fails: {fails}");
        assert_eq!(stats.hit_rate(), if fails { 1.0 } else { 0.0 });
    }
}

#[tokio::test]
async fn rule_113_a_load_that_fails_late_counts_once() {
    let fixture = Fixture::with(|region| region.hard_timeout(Duration::from_secs(1))).await;
    let gate = fixture.source.gate();
    fixture.source.answer(&fixture.key("a"), Answer::Fail(ErrorKind::Load));
    let caller = fixture.ask("a").await;
    fixture.pass(2);
    assert!(caller.await.unwrap().is_err());
    assert_eq!(fixture.cache.stats().load_failures, 1);
    gate.open();
    settle().await;
    assert_eq!(fixture.cache.stats().load_failures, 1, "late");
}

#[tokio::test]
async fn rule_113_keys_given_twice_count_once_and_every_ending_counts() {
    let fixture = Fixture::new().await;
    assert_eq!(fixture.region.refresh(&["a", "a", "b"]).await.unwrap().loaded, 2);
    assert_eq!(fixture.cache.stats().loaded_keys, 2);
    fixture.region.clear().await.unwrap();
    fixture.cache.clear().await.unwrap();
    fixture.region.remove("a").await.unwrap();
    assert_eq!(fixture.cache.stats().removals, 3);
}

/// Whatever the settings, nothing overflows.
#[tokio::test]
async fn rule_19_settings_at_their_extremes_overflow_nothing() {
    type Set = fn(RegionBuilder<u64>, Duration) -> RegionBuilder<u64>;
    let settings: [Set; 7] = [
        |region, span| region.ttl(Ttl::new(span).grace(span)),
        |region, span| region.negative(span),
        |region, span| region.soft_timeout(span),
        |region, span| region.hard_timeout(span),
        |region, span| region.late(span),
        |region, span| region.throttle(span),
        |region, span| region.batch_window(span),
    ];
    let clock = cache_core::Clock::manual();
    for (at, set) in settings.iter().enumerate() {
        for span in
            [Duration::ZERO, Duration::from_nanos(1), Duration::MAX - Duration::from_nanos(1), Duration::MAX]
        {
            for share in [f64::NEG_INFINITY, -0.5, 0.0, f64::MIN_POSITIVE, 1.0, 1e300, f64::NAN] {
                let cache = Cache::builder().clock(clock.clone()).longest_life(span).memory(Memory::bytes(0));
                let cache = cache.build().await.unwrap();
                let region = set(cache.region("k"), span).eager(share).jitter(share);
                let region = region.loader(ScriptedLoader::new(|_: &Key, load| load)).open().unwrap();
                let reader = region.clone();
                let reading = tokio::spawn(async move { reader.get("a").await });
                settle().await;
                clock.advance(Duration::from_secs(100));
                settle().await;
                let _ = region.put("b", 1).await;
                region.remove("b").await.unwrap();
                cache.clear().await.unwrap();
                clock.advance(Duration::from_secs(100_000));
                cache.sweep();
                if reading.is_finished() {
                    assert!(reading.await.is_ok(), "setting {at} of {span:?}, share {share}");
                } else {
                    reading.abort();
                }
            }
        }
    }
}

#[tokio::test]
async fn rule_14_a_share_that_is_none_refreshes_nothing_ahead() {
    for share in [-0.5, 0.0, 1.0, f64::NAN] {
        let fixture = Fixture::with(|region| region.eager(share)).await;
        fixture.get("a").await;
        for _ in 0..5 {
            fixture.pass(1);
            fixture.get("a").await;
        }
        settle().await;
        assert_eq!(fixture.source.calls(), 1, "{share}");
    }
}
