//! A clock that is set back makes no life longer, and no age negative.

use std::time::Duration;

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
        assert!(lookup.age >= Duration::from_secs(30) && lookup.fresh_for <= Duration::from_secs(30), "{lookup:?}");
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
