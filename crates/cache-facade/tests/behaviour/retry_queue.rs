//! Writes that a tier could not take are queued and applied once it is back; until then reads see them all
//! the same.

use cache_core::{Operation, Pattern, Tag};
use cache_facade::{Cache, Clock, Fetched, Ttl};
use tests::{FaultyTier, Fixture, LIFE, ModelTier, RecordedEvent, settle};

fn pending(fixture: &Fixture) -> u64 {
    fixture.cache.stats().tiers[0].pending
}

async fn comes_back(fixture: &Fixture) {
    fixture.tier.up();
    fixture.pass(2);
    settle().await;
}

#[tokio::test]
async fn rule_40_a_write_to_a_tier_that_is_down_harms_nobody_is_pending_and_counted() {
    let fixture = Fixture::new().await;
    fixture.tier.down();
    fixture.region.put("AAPL", "new".to_owned()).await.unwrap();
    fixture.region.remove("MSFT").await.unwrap();
    assert_eq!(pending(&fixture), 2);
    assert_eq!(fixture.get("AAPL").await.as_deref(), Some("new"));
    let failed = |of| {
        fixture
            .events
            .count(|seen| matches!(seen, RecordedEvent::TierFailed { operation, .. } if *operation == of))
    };
    assert!(failed(Operation::Put) >= 1 && failed(Operation::Remove) >= 1);
}

#[tokio::test]
async fn rule_41_a_replay_reaches_the_newest_state() {
    let fixture = Fixture::new().await;
    fixture.region.put("removed", "old".to_owned()).await.unwrap();
    fixture.region.put("matched", "old".to_owned()).await.unwrap();
    fixture.tier.down();
    for value in ["1", "2", "3"] {
        fixture.region.put("AAPL", value.to_owned()).await.unwrap();
    }
    fixture.region.put("removed", "new".to_owned()).await.unwrap();
    fixture.region.remove("removed").await.unwrap();
    fixture.region.remove("back").await.unwrap();
    fixture.region.put("back", "again".to_owned()).await.unwrap();
    fixture.cache.remove_matching(Pattern::glob("price:match*").unwrap()).await.unwrap();
    comes_back(&fixture).await;
    assert_eq!(pending(&fixture), 0);
    assert_eq!(fixture.held("AAPL").as_deref(), Some("3"));
    assert_eq!(fixture.held("back").as_deref(), Some("again"));
    assert_eq!((fixture.held("removed"), fixture.held("matched")), (None, None));
    let puts = fixture.tier.calls_for(Operation::Put, &fixture.key("AAPL"));
    assert!(puts.len() <= 4, "the three that failed, and one for all: {puts:?}");
}

#[tokio::test]
async fn rule_41_a_newer_value_there_survives_an_older_removal() {
    let fixture = Fixture::new().await;
    let other = fixture.another(|region| region).await;
    fixture.tier.down();
    fixture.region.remove("AAPL").await.unwrap();
    fixture.region.put("MSFT", "older".to_owned()).await.unwrap();
    fixture.tier.up();
    other.region.put("AAPL", "newer".to_owned()).await.unwrap();
    other.region.put("MSFT", "newer".to_owned()).await.unwrap();
    comes_back(&fixture).await;
    assert_eq!(pending(&fixture), 0);
    assert_eq!(fixture.held("AAPL").as_deref(), Some("newer"));
    assert_eq!(fixture.held("MSFT").as_deref(), Some("newer"));
}

#[tokio::test]
async fn rule_41_what_a_pattern_ended_meanwhile_is_not_told_any_more() {
    let fixture = Fixture::new().await;
    fixture.tier.down();
    fixture.region.put("AAPL", "old".to_owned()).await.unwrap();
    fixture.region.put("MSFT", "stays".to_owned()).await.unwrap();
    fixture.tier.up();
    fixture.cache.remove_matching(Pattern::glob("price:AA*").unwrap()).await.unwrap();
    assert_eq!(pending(&fixture), 1, "the tier forgets the removal some day, and would take what is older");
    comes_back(&fixture).await;
    assert_eq!((fixture.held("AAPL"), fixture.held("MSFT").as_deref()), (None, Some("stays")));
}

#[tokio::test]
async fn rule_42_an_item_that_always_fails_holds_up_no_other_and_is_given_up_in_the_end() {
    let fixture = Fixture::new().await;
    fixture.tier.down();
    for n in 0..50 {
        fixture.region.put(&n.to_string(), "x".to_owned()).await.unwrap();
    }
    fixture.tier.up();
    fixture.tier.poison(&fixture.key("7"));
    fixture.pass(2);
    settle().await;
    assert_eq!(pending(&fixture), 1);
    assert!((0..50).filter(|n| *n != 7).all(|n| fixture.held(&n.to_string()).is_some()));
    for _ in 0..10 {
        fixture.pass(2);
        settle().await;
    }
    assert_eq!(pending(&fixture), 0);
    assert_eq!(fixture.cache.stats().tiers[0].lost, 1);
    let key = fixture.key("7");
    assert_eq!(
        fixture.events.count(|seen| *seen == RecordedEvent::Lost { tier: "far", key: key.clone() }),
        1
    );
}

#[tokio::test]
async fn rule_43_what_is_pending_is_bounded_and_a_loss_is_counted_and_named() {
    let fixture = Fixture::new().await;
    fixture.tier.down();
    for batch in 0..22 {
        let values = (0..500).map(|n| (format!("{batch}/{n}"), "x".to_owned()));
        fixture.region.put_many(values).await.unwrap();
    }
    assert_eq!(pending(&fixture), 10_000);
    assert_eq!(fixture.cache.stats().tiers[0].lost, 1000);
    let first = fixture.key("0/0");
    assert!(
        fixture.events.recorded().contains(&RecordedEvent::Lost { tier: "far", key: first }),
        "the oldest goes first"
    );
    comes_back(&fixture).await;
    assert_eq!(pending(&fixture), 0);
    assert_eq!((fixture.held("0/0"), fixture.held("21/499").as_deref()), (None, Some("x")));
}

#[tokio::test]
async fn rule_43_no_removal_is_lost_however_many_there_are() {
    let fixture = Fixture::new().await;
    let ids: Vec<String> = (0..10_500).map(|n| n.to_string()).collect();
    fixture.region.put_many(ids.iter().map(|id| (id.clone(), "old".to_owned()))).await.unwrap();
    fixture.tier.down();
    for part in ids.chunks(500) {
        fixture.region.remove_many(part).await.unwrap();
    }
    assert!(pending(&fixture) <= 10_000);
    assert_eq!(fixture.cache.stats().tiers[0].lost, 0);
    comes_back(&fixture).await;
    assert!(ids.iter().all(|id| fixture.held(id).is_none()));
}

#[tokio::test]
async fn rule_44_what_was_removed_while_the_tier_was_down_is_not_served_once_it_is_back() {
    // The old values would live on, for longer than memory remembers a removal.
    let fixture = Fixture::with(|region| region.ttl(Ttl::new(LIFE * 100))).await;
    for id in ["AAPL", "MSFT", "SPY"] {
        fixture.region.put(id, Fetched::new("old".to_owned()).tag(Tag::new(id).unwrap())).await.unwrap();
    }
    fixture.tier.down();
    fixture.region.remove("AAPL").await.unwrap();
    fixture.cache.remove_matching(Pattern::glob("price:MS*").unwrap()).await.unwrap();
    fixture.cache.invalidate(Tag::new("SPY").unwrap()).await.unwrap();
    fixture.pass(100);
    settle().await;
    fixture.tier.up();
    for id in ["AAPL", "MSFT", "SPY"] {
        assert_ne!(fixture.get(id).await.as_deref(), Some("old"), "{id} before the replay");
    }
    comes_back(&fixture).await;
    assert_eq!(pending(&fixture), 0);
}

#[tokio::test]
async fn rule_44_what_was_put_while_the_tier_was_down_is_what_it_holds_as_far_as_this_node_goes() {
    let fixture = Fixture::new().await;
    fixture.region.put("AAPL", "old".to_owned()).await.unwrap();
    fixture.tier.fail(Operation::Put, cache_core::ErrorKind::Unavailable);
    fixture.region.put("AAPL", "new".to_owned()).await.unwrap();
    let far = fixture.region.with(|policy| policy.skip("memory"));
    assert_eq!(far.get("AAPL").await.unwrap().as_deref().map(String::as_str), Some("new"));
    assert_eq!(fixture.source.calls(), 0);
}

#[tokio::test]
async fn what_is_pending_to_one_tier_is_not_told_to_another() {
    let clock = Clock::manual();
    let tiers: Vec<FaultyTier> = ["near", "far"].map(|name| FaultyTier::over(ModelTier::new(name))).into();
    let builder = Cache::builder().clock(clock.clone());
    let cache =
        tiers.iter().cloned().fold(builder, |builder, tier| builder.tier(tier)).build().await.unwrap();
    let region = cache.region::<u8>("k").open().unwrap();
    tiers[1].down();
    region.put("a", 1).await.unwrap();
    tiers[0].forget_calls();
    tiers[1].up();
    clock.advance(LIFE / 30);
    settle().await;
    assert!(tiers[0].calls(Operation::Put).is_empty());
    assert_eq!(cache.stats().tiers.iter().map(|tier| tier.pending).sum::<u64>(), 0);
}
