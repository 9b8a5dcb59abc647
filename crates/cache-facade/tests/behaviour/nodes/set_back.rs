//! A node whose own clock is set back, or was ahead for a moment: no life gets longer.

use std::time::Duration;

use cache_facade::{Memory, Source};
use tests::{Fixture, GRACE, LIFE, settle};

#[tokio::test]
async fn rule_104_a_clock_set_back_a_little_lengthens_no_life() {
    let fixture = Fixture::new().await;
    fixture.region.put("a", "value".to_owned()).await.unwrap();
    fixture.pass(30);
    settle().await;
    for shift in [-1, -20, -40, -10, -50] {
        fixture.clock.shift_wall(shift * 1_000_000);
        fixture.pass(1);
        settle().await;
        let lookup = fixture.region.lookup("a").await.unwrap();
        assert!(
            lookup.age >= Duration::from_secs(30) && lookup.fresh_for <= Duration::from_secs(30),
            "{lookup:?}"
        );
    }
    fixture.pass(26);
    settle().await;
    assert!(fixture.region.lookup("a").await.unwrap().stale, "a minute has passed");
}

#[tokio::test]
async fn rule_104_a_clock_set_back_far_leaves_nothing_in_memory_and_shows_no_life_longer_than_at_birth() {
    let fixture = Fixture::new().await;
    fixture.region.put("a", "value".to_owned()).await.unwrap();
    fixture.pass(30);
    settle().await;
    fixture.clock.shift_wall(-3_600_000_000);
    let lookup = fixture.region.lookup("a").await.unwrap();
    assert!(lookup.fresh_for <= LIFE && lookup.servable_for <= GRACE && lookup.age.is_zero(), "{lookup:?}");
    fixture.pass(1);
    settle().await;
    assert_eq!(fixture.cache.stats().memory.entries, 0);
    assert_eq!(fixture.get("a").await.as_deref(), Some("a@1"), "loaded, since nobody can tell its age");
    let lookup = fixture.region.lookup("a").await.unwrap();
    assert!(lookup.fresh_for <= LIFE && lookup.servable_for <= GRACE, "{lookup:?}");
}

/// Births go on from before, ahead of the clock, so that new writes win: they say nothing of an age until then.
#[tokio::test]
async fn rule_104_after_a_far_set_back_who_asks_for_a_young_value_has_it_loaded() {
    let fixture = Fixture::new().await;
    fixture.region.put("a", "before".to_owned()).await.unwrap();
    fixture.clock.shift_wall(-3_600_000_000);
    fixture.pass(1);
    settle().await;
    assert_eq!(fixture.get("a").await.as_deref(), Some("a@1"));
    fixture.pass(20);
    let asking = fixture.region.with(|policy| policy.max_age(Duration::from_secs(10)));
    assert_eq!(asking.get("a").await.unwrap().as_deref().map(String::as_str), Some("a@2"));
    assert_eq!(
        fixture.get("a").await.as_deref(),
        Some("a@2"),
        "whoever asks for nothing is served from memory"
    );
    let asking = fixture.region.with(|policy| policy.max_age(Duration::from_secs(10)).only_cached());
    let cached = asking.lookup("a").await.unwrap();
    assert_eq!(cached.source, Source::Nowhere, "nobody can say that it is young");
    let stranger =
        fixture.region.with(|policy| policy.max_age(Duration::ZERO).reload_after(Duration::from_secs(1)));
    assert_eq!(stranger.get("a").await.unwrap().as_deref().map(String::as_str), Some("a@2"), "not at will");
}

/// What a tier holds from before is of unknown age for good, also once the clock comes by its birth again.
#[tokio::test]
async fn rule_104_after_a_far_set_back_tiers_serve_nothing_from_before_and_what_is_put_since() {
    for jumps in [&[-90][..], &[-600], &[-3600], &[-50, -50, -50]] {
        let fixture = Fixture::built(|cache| cache.memory(Memory::bytes(1)), |region| region).await;
        fixture.region.put("a", "before".to_owned()).await.unwrap();
        fixture.region.put("b", "before".to_owned()).await.unwrap();
        fixture.pass(2);
        settle().await;
        let mut shift = 0;
        for jump in jumps {
            shift += jump * 1_000_000;
            fixture.clock.shift_wall(shift);
            fixture.pass(1);
            settle().await;
        }
        fixture.region.put("b", "since".to_owned()).await.unwrap();
        assert_eq!(fixture.get("b").await.as_deref(), Some("since"), "{jumps:?}");
        for second in (0..shift.abs() / 1_000_000 + 200).step_by(7) {
            fixture.pass(7);
            settle().await;
            assert_ne!(fixture.get("a").await.as_deref(), Some("before"), "{jumps:?}, after {second} s");
        }
    }
}

#[tokio::test]
async fn rule_104_a_clock_that_is_ahead_for_a_moment_lengthens_no_life() {
    for ahead in [5, 59, 300, 86_400] {
        let fixture = Fixture::new().await;
        fixture.clock.shift_wall(ahead * 1_000_000);
        fixture.region.put("a", "value".to_owned()).await.unwrap();
        fixture.clock.shift_wall(0);
        for _ in 0..LIFE.as_secs() + 1 {
            fixture.pass(1);
            settle().await;
        }
        let lookup = fixture.region.lookup("a").await.unwrap();
        let was_put = lookup.value.as_deref().map(String::as_str) == Some("value");
        assert!(lookup.stale || !was_put, "{ahead} s ahead: {lookup:?}");
    }
}
