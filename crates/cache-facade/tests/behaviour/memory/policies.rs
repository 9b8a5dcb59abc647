//! Rules that hold under every eviction policy: a few scenarios for each, with every key protected from
//! eviction and with none.

use std::time::Duration;

use cache_core::{ErrorKind, Fetched, Operation, Pattern, Tag, Ttl};
use cache_facade::{Eviction, Memory, Source};
use tests::{Answer, Fixture, GRACE, Moment, settle};

/// A fixture whose memory goes by `policy`.
async fn fixture(policy: Eviction, protected: bool) -> Fixture {
    let memory = Memory::builder().mib(16).eviction(policy).protected_share(0.5);
    let fixture = Fixture::built(|cache| cache.memory(memory), |region| region).await;
    if protected {
        fixture.cache.protect(Pattern::glob("price:*").unwrap()).unwrap();
    }
    fixture
}

/// Makes ten tests of each scenario.
macro_rules! under_every_policy {
    ($($rule:ident)+) => {$(
        mod $rule {
            use cache_facade::Eviction::{Fifo, Hybrid, Lfu, Lru, Ttl};

            use super::{$rule, fixture};

            #[tokio::test]
            async fn lru() {
                $rule(fixture(Lru, false).await).await;
            }

            #[tokio::test]
            async fn lru_protected() {
                $rule(fixture(Lru, true).await).await;
            }

            #[tokio::test]
            async fn lfu() {
                $rule(fixture(Lfu, false).await).await;
            }

            #[tokio::test]
            async fn lfu_protected() {
                $rule(fixture(Lfu, true).await).await;
            }

            #[tokio::test]
            async fn fifo() {
                $rule(fixture(Fifo, false).await).await;
            }

            #[tokio::test]
            async fn fifo_protected() {
                $rule(fixture(Fifo, true).await).await;
            }

            #[tokio::test]
            async fn ttl() {
                $rule(fixture(Ttl, false).await).await;
            }

            #[tokio::test]
            async fn ttl_protected() {
                $rule(fixture(Ttl, true).await).await;
            }

            #[tokio::test]
            async fn hybrid() {
                $rule(fixture(Hybrid, false).await).await;
            }

            #[tokio::test]
            async fn hybrid_protected() {
                $rule(fixture(Hybrid, true).await).await;
            }
        }
    )+};
}

under_every_policy! {
    rule_01_callers_of_a_cold_key_share_one_load_and_the_next_one_is_a_hit
    rule_13_what_is_fresh_or_known_to_be_absent_is_served_without_the_loader
    rule_14_past_the_eager_threshold_the_old_value_is_served_and_refreshed_once
    rule_18_a_put_with_a_life_of_zero_ends_what_was_there
    rule_20_a_value_copied_up_keeps_its_birth_and_its_end
    rule_22_a_stale_value_stands_in_for_a_failing_loader_until_its_grace_is_over
    rule_29_a_load_under_way_at_a_removal_is_answered_and_not_kept
    rule_30_a_put_during_a_load_stays
    rule_30_what_a_tier_held_before_a_put_does_not_replace_it
    rule_31_a_refresh_under_way_when_its_tag_is_invalidated_is_dead
    rule_32_while_a_tier_is_still_removing_its_old_value_is_not_taken_back
    rule_45_what_is_put_after_its_tag_was_invalidated_is_alive
    rule_49_after_a_clear_nothing_from_before_it_is_served_in_grace
}

async fn rule_01_callers_of_a_cold_key_share_one_load_and_the_next_one_is_a_hit(fixture: Fixture) {
    let gate = fixture.source.gate();
    let mut callers = Vec::new();
    for _ in 0..20 {
        callers.push(fixture.ask("AAPL").await);
    }
    gate.open();
    for caller in callers {
        assert_eq!(caller.await.unwrap().unwrap().as_deref(), Some("AAPL@1"));
    }
    assert_eq!(fixture.get("AAPL").await.as_deref(), Some("AAPL@1"));
    assert_eq!(fixture.source.calls(), 1);
    let stats = fixture.cache.stats();
    assert_eq!((stats.memory.misses, stats.coalesced, stats.memory.hits), (20, 19, 1));
}

async fn rule_13_what_is_fresh_or_known_to_be_absent_is_served_without_the_loader(fixture: Fixture) {
    let region = fixture.region.with(|policy| policy.negative(Duration::from_secs(60)));
    fixture.source.answer(&fixture.key("none"), Answer::Absent);
    for _ in 0..60 {
        assert_eq!(region.get("none").await.unwrap(), None);
        assert_eq!(region.get("AAPL").await.unwrap().unwrap().as_str(), "AAPL@1");
        fixture.clock.advance(Duration::from_millis(999));
    }
    assert_eq!(fixture.source.calls(), 2);
}

async fn rule_14_past_the_eager_threshold_the_old_value_is_served_and_refreshed_once(fixture: Fixture) {
    let region = fixture.region.with(|policy| policy.eager(0.8));
    region.get("AAPL").await.unwrap();
    fixture.pass(49);
    let gate = fixture.source.gate();
    for _ in 0..2 {
        assert_eq!(region.get("AAPL").await.unwrap().unwrap().as_str(), "AAPL@1");
        settle().await;
    }
    gate.open();
    settle().await;
    assert_eq!(fixture.peek("AAPL").as_deref(), Some("AAPL@2"));
    assert_eq!(fixture.source.calls(), 2);
}

async fn rule_18_a_put_with_a_life_of_zero_ends_what_was_there(fixture: Fixture) {
    fixture.get("AAPL").await;
    fixture.region.put("AAPL", Fetched::new("once".to_owned()).ttl(Ttl::NONE)).await.unwrap();
    assert_eq!(fixture.peek("AAPL"), None);
    assert_eq!(fixture.get("AAPL").await.as_deref(), Some("AAPL@2"), "nor in the tier");
}

async fn rule_20_a_value_copied_up_keeps_its_birth_and_its_end(fixture: Fixture) {
    let below = fixture.another(|region| region).await;
    let born = below.region.lookup("AAPL").await.unwrap().born;
    fixture.pass(25);
    for source in [Source::Tier("far"), Source::Memory] {
        let found = fixture.region.lookup("AAPL").await.unwrap();
        assert_eq!((found.source, found.born, found.stale), (source, born, false));
    }
    fixture.pass(36);
    let found = fixture.region.lookup("AAPL").await.unwrap();
    assert!(found.stale && found.source == Source::Memory, "{found:?}");
}

async fn rule_22_a_stale_value_stands_in_for_a_failing_loader_until_its_grace_is_over(fixture: Fixture) {
    fixture.get("AAPL").await;
    fixture.source.fail(ErrorKind::Load);
    let mut past = 0;
    for seconds in [61, 100, 300, 138] {
        fixture.pass(seconds);
        past += seconds;
        let found = fixture.region.lookup("AAPL").await.unwrap();
        assert_eq!((found.value.unwrap().as_str(), found.stale), ("AAPL@1", true), "after {past} s");
        settle().await;
    }
    fixture.pass(GRACE.as_secs() - past + 1);
    assert_eq!(fixture.region.get("AAPL").await.unwrap_err().kind(), ErrorKind::Load);
    assert_eq!(fixture.peek("AAPL"), None);
}

async fn rule_29_a_load_under_way_at_a_removal_is_answered_and_not_kept(fixture: Fixture) {
    for (id, matching) in [("AAPL", false), ("MSFT", true)] {
        let gate = fixture.source.gate();
        let caller = fixture.ask(id).await;
        if matching {
            fixture.cache.remove_matching(Pattern::glob("price:MS*").unwrap()).await.unwrap();
        } else {
            fixture.region.remove(id).await.unwrap();
        }
        gate.open();
        assert_eq!(caller.await.unwrap().unwrap(), Some(format!("{id}@1")));
        settle().await;
        assert_eq!((fixture.peek(id), fixture.held(id)), (None, None), "{id}");
        assert_eq!(fixture.get(id).await, Some(format!("{id}@2")));
        assert_eq!(fixture.peek(id), Some(format!("{id}@2")), "what comes later is kept");
    }
}

async fn rule_30_a_put_during_a_load_stays(fixture: Fixture) {
    let gate = fixture.source.gate();
    let caller = fixture.ask("AAPL").await;
    fixture.region.put("AAPL", "put".to_owned()).await.unwrap();
    gate.open();
    caller.await.unwrap().unwrap();
    settle().await;
    assert_eq!(fixture.peek("AAPL").as_deref(), Some("put"));
    assert_eq!(fixture.held("AAPL").as_deref(), Some("put"));
}

async fn rule_30_what_a_tier_held_before_a_put_does_not_replace_it(fixture: Fixture) {
    fixture.another(|region| region).await.region.put("AAPL", "old".to_owned()).await.unwrap();
    // The clears of earlier processes are known once something was read.
    fixture.get("other").await;
    let gate = fixture.tier.gate(Operation::Get, Moment::After);
    let reader = fixture.ask("AAPL").await;
    gate.reached(1).await;
    fixture.region.put("AAPL", "new".to_owned()).await.unwrap();
    gate.open();
    reader.await.unwrap().unwrap();
    settle().await;
    assert_eq!(fixture.peek("AAPL").as_deref(), Some("new"));
}

async fn rule_31_a_refresh_under_way_when_its_tag_is_invalidated_is_dead(fixture: Fixture) {
    let tag = Tag::new("tech").unwrap();
    let tagged = Answer::Value(Fetched::new("old".to_owned()).tag(tag.clone()));
    fixture.source.answer(&fixture.key("AAPL"), tagged);
    fixture.get("AAPL").await;
    fixture.pass(61);
    let gate = fixture.source.gate();
    fixture.get("AAPL").await;
    gate.reached(1).await;
    fixture.cache.invalidate(&tag).await.unwrap();
    gate.open();
    settle().await;
    assert_eq!(fixture.peek("AAPL"), None);
    fixture.source.answer(&fixture.key("AAPL"), Answer::Made);
    assert_eq!(fixture.get("AAPL").await.as_deref(), Some("AAPL@3"));
}

async fn rule_32_while_a_tier_is_still_removing_its_old_value_is_not_taken_back(fixture: Fixture) {
    fixture.get("AAPL").await;
    settle().await;
    let gate = fixture.tier.gate(Operation::Remove, Moment::Before);
    let region = fixture.region.clone();
    let removal = tokio::spawn(async move { region.remove("AAPL").await.unwrap() });
    gate.reached(1).await;
    assert_eq!(fixture.get("AAPL").await.as_deref(), Some("AAPL@2"));
    gate.open();
    removal.await.unwrap();
    settle().await;
    assert_eq!(fixture.peek("AAPL").as_deref(), Some("AAPL@2"));
}

async fn rule_45_what_is_put_after_its_tag_was_invalidated_is_alive(fixture: Fixture) {
    let tag = Tag::new("tech").unwrap();
    let tagged = |text: &str| Fetched::new(text.to_owned()).tag(tag.clone());
    for round in ["one", "two", "three"] {
        fixture.region.put("AAPL", tagged(round)).await.unwrap();
        fixture.region.put("GE", "none".to_owned()).await.unwrap();
        assert_eq!(fixture.get("AAPL").await.as_deref(), Some(round));
        fixture.cache.invalidate(&tag).await.unwrap();
        assert_eq!((fixture.peek("AAPL"), fixture.peek("GE").as_deref()), (None, Some("none")));
    }
}

async fn rule_49_after_a_clear_nothing_from_before_it_is_served_in_grace(fixture: Fixture) {
    for all in [false, true] {
        fixture.source.recover();
        fixture.get("AAPL").await;
        fixture.pass(61);
        if all {
            fixture.cache.clear().await.unwrap();
        } else {
            fixture.region.clear().await.unwrap();
        }
        fixture.source.fail(ErrorKind::Load);
        assert_eq!(fixture.region.get("AAPL").await.unwrap_err().kind(), ErrorKind::Load);
    }
}

#[tokio::test]
async fn rule_59_a_memory_in_which_nothing_has_room_keeps_every_promise_but_to_hold() {
    for policy in Eviction::ALL {
        let memory = Memory::builder().bytes(64).eviction(policy).protected_share(0.5);
        let fixture = Fixture::built(|cache| cache.memory(memory), |region| region).await;
        fixture.cache.protect(Pattern::glob("price:index*").unwrap()).unwrap();
        for id in ["AAPL", "index"] {
            let gate = fixture.source.gate();
            let callers = [fixture.ask(id).await, fixture.ask(id).await];
            gate.open();
            for caller in callers {
                assert_eq!(caller.await.unwrap().unwrap(), Some(format!("{id}@1")), "{policy}");
            }
            settle().await;
            assert_eq!((fixture.peek(id), fixture.source.loads(&fixture.key(id))), (None, 1), "{policy}");
            assert_eq!(fixture.get(id).await, Some(format!("{id}@1")), "{policy}: from the tier");

            let gate = fixture.tier.gate(Operation::Put, Moment::Before);
            let region = fixture.region.clone();
            let put = tokio::spawn(async move { region.put(id, "put".to_owned()).await.unwrap() });
            gate.reached(1).await;
            assert_ne!(fixture.get(id).await, Some(format!("{id}@1")), "{policy}: it is being replaced");
            gate.open();
            put.await.unwrap();
            fixture.tier.ungate(Operation::Put, Moment::Before);
            fixture.region.remove(id).await.unwrap();
            settle().await;
            assert_eq!((fixture.peek(id), fixture.held(id)), (None, None), "{policy}");
        }
        let stats = fixture.cache.stats().memory;
        assert_eq!((stats.entries, stats.weight, stats.protected), (0, 0, 0), "{policy}");
    }
}
