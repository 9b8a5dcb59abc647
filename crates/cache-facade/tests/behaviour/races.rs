//! Races: a removed or overwritten value does not come back by a load that was under way.

use std::time::Duration;

use cache_core::{ErrorKind, Fetched, Operation, Pattern, Tag};
use cache_facade::Memory;
use tests::{Answer, Fixture, Gate, LIFE, Moment, settle, soon};
use tokio::spawn;

/// Checks that no value from before is in memory or in the tier.
fn nowhere(fixture: &Fixture, how: &str) {
    assert_eq!(fixture.peek("AAPL"), None, "in memory after {how}");
    assert_eq!(fixture.held("AAPL"), None, "in the tier after {how}");
}

/// Every way to remove.
const WAYS: [&str; 6] = ["remove", "remove untyped", "remove_many", "remove_matching", "clear", "clear all"];

async fn end(fixture: &Fixture, how: &str) {
    let ended = match how {
        "remove" => fixture.region.remove("AAPL").await.map(drop),
        "remove untyped" => fixture.cache.remove("price", "AAPL").await.map(drop),
        "remove_many" => fixture.region.remove_many(&["MSFT", "AAPL"]).await.map(drop),
        "remove_matching" => {
            fixture.cache.remove_matching(Pattern::glob("price:AA*").unwrap()).await.map(drop)
        }
        "clear" => fixture.region.clear().await,
        "clear all" => fixture.cache.clear().await,
        _ => unreachable!(),
    };
    ended.unwrap();
}

#[tokio::test]
async fn rule_29_a_load_under_way_at_a_removal_is_answered_and_not_kept() {
    for how in WAYS {
        let fixture = Fixture::new().await;
        let gate = fixture.source.gate();
        let caller = fixture.ask("AAPL").await;
        end(&fixture, how).await;
        gate.open();
        assert_eq!(caller.await.unwrap().unwrap().as_deref(), Some("AAPL@1"), "answered after {how}");
        settle().await;
        nowhere(&fixture, how);
        assert_eq!(fixture.get("AAPL").await.as_deref(), Some("AAPL@2"), "loaded anew after {how}");
        let elsewhere = fixture.another(|region| region).await;
        assert_eq!(elsewhere.get("AAPL").await.as_deref(), Some("AAPL@2"), "elsewhere too after {how}");
    }
}

#[tokio::test]
async fn rule_29_who_asks_after_a_removal_does_not_join_a_load_from_before_it() {
    for how in WAYS {
        let fixture = Fixture::new().await;
        let gate = fixture.source.gate();
        let before = fixture.ask("AAPL").await;
        end(&fixture, how).await;
        fixture.source.ungate();
        let after = fixture.ask("AAPL").await;
        assert_eq!(after.await.unwrap().unwrap().as_deref(), Some("AAPL@2"), "{how}");
        gate.open();
        assert_eq!(before.await.unwrap().unwrap().as_deref(), Some("AAPL@1"), "{how}");
        settle().await;
        assert_eq!(fixture.peek("AAPL").as_deref(), Some("AAPL@2"), "{how}");
        assert_eq!(fixture.held("AAPL").as_deref(), Some("AAPL@2"), "{how}");
    }
}

#[tokio::test]
async fn rule_29_a_removal_while_the_result_is_on_its_way_to_the_tier_wins() {
    for moment in [Moment::Before, Moment::After] {
        let fixture = Fixture::new().await;
        let gate = fixture.tier.gate(Operation::Put, moment);
        assert_eq!(
            fixture.get("AAPL").await.as_deref(),
            Some("AAPL@1"),
            "answered before the tier is written"
        );
        gate.reached(1).await;
        fixture.region.remove("AAPL").await.unwrap();
        gate.open();
        settle().await;
        nowhere(&fixture, "remove");
    }
}

#[tokio::test]
async fn rule_29_a_removal_elsewhere_keeps_a_load_under_way_here_out_of_the_shared_tier() {
    let fixture = Fixture::new().await;
    let elsewhere = fixture.another(|region| region).await;
    let gate = fixture.source.gate();
    let caller = fixture.ask("AAPL").await;
    elsewhere.region.remove("AAPL").await.unwrap();
    gate.open();
    assert_eq!(caller.await.unwrap().unwrap().as_deref(), Some("AAPL@1"));
    settle().await;
    nowhere(&elsewhere, "a removal there");
    assert_eq!(elsewhere.get("AAPL").await.as_deref(), Some("AAPL@2"));
}

#[tokio::test]
async fn rule_29_a_late_load_does_not_undo_a_removal_however_late_it_is() {
    let limit = Duration::from_secs(100);
    let fixture = Fixture::with(|region| region.hard_timeout(limit).late(limit)).await;
    let gate = fixture.source.gate();
    let caller = fixture.ask("AAPL").await;
    fixture.pass(1);
    fixture.region.remove("AAPL").await.unwrap();
    fixture.pass(99);
    assert_eq!(caller.await.unwrap().unwrap_err().kind(), ErrorKind::Timeout);
    settle().await;
    fixture.pass(98);
    fixture.cache.sweep();
    gate.open();
    settle().await;
    nowhere(&fixture, "a removal 198 s before");
}

#[tokio::test]
async fn rule_29_a_refresh_under_way_at_a_removal_is_not_kept() {
    let fixture = Fixture::new().await;
    fixture.get("AAPL").await;
    fixture.pass(61);
    let gate = fixture.source.gate();
    assert_eq!(fixture.get("AAPL").await.as_deref(), Some("AAPL@1"));
    gate.reached(1).await;
    fixture.region.remove("AAPL").await.unwrap();
    gate.open();
    settle().await;
    nowhere(&fixture, "a removal during a refresh");
}

#[tokio::test]
async fn rule_30_a_put_during_a_load_stays() {
    let fixture = Fixture::new().await;
    let gate = fixture.source.gate();
    let caller = fixture.ask("AAPL").await;
    fixture.region.put("AAPL", "put".to_owned()).await.unwrap();
    assert_eq!(fixture.get("AAPL").await.as_deref(), Some("put"));
    gate.open();
    caller.await.unwrap().unwrap();
    settle().await;
    assert_eq!(fixture.peek("AAPL").as_deref(), Some("put"));
    assert_eq!(fixture.held("AAPL").as_deref(), Some("put"));
}

#[tokio::test]
async fn rule_30_a_put_that_is_too_heavy_to_be_held_still_ends_the_load_under_way() {
    let heavy = |value: &String| if value == "heavy" { 1 << 30 } else { 0 };
    let fixture = Fixture::with(|region| region.cost(heavy).skip("far")).await;
    let gate = fixture.source.gate();
    let caller = fixture.ask("AAPL").await;
    fixture.region.put("AAPL", "heavy".to_owned()).await.unwrap_err();
    let _evicted_now = fixture.cache.stats();
    assert_eq!(fixture.peek("AAPL"), None, "evicted at once");
    gate.open();
    caller.await.unwrap().unwrap();
    settle().await;
    assert_eq!(fixture.peek("AAPL"), None, "what was loaded is older than what was put");
}

#[tokio::test]
async fn rule_30_a_put_elsewhere_during_a_load_stays_in_the_shared_tier() {
    let fixture = Fixture::new().await;
    let elsewhere = fixture.another(|region| region).await;
    let gate = fixture.source.gate();
    let caller = fixture.ask("AAPL").await;
    elsewhere.region.put("AAPL", "put".to_owned()).await.unwrap();
    gate.open();
    caller.await.unwrap().unwrap();
    settle().await;
    assert_eq!(fixture.held("AAPL").as_deref(), Some("put"));
    assert_eq!(elsewhere.peek("AAPL").as_deref(), Some("put"));
}

#[tokio::test]
async fn rule_30_of_two_puts_of_one_call_the_last_is_kept() {
    let fixture = Fixture::new().await;
    let values = ["one", "two", "three"].map(|text| ("AAPL", text.to_owned()));
    fixture.region.put_many(values).await.unwrap();
    assert_eq!(fixture.peek("AAPL").as_deref(), Some("three"));
    assert_eq!(fixture.held("AAPL").as_deref(), Some("three"));
}

#[tokio::test]
async fn rule_31_a_refresh_under_way_when_its_tag_is_invalidated_is_dead() {
    let fixture = Fixture::new().await;
    let tag = Tag::new("tech").unwrap();
    let tagged = |text: &str| Answer::Value(Fetched::new(text.to_owned()).tag(tag.clone()));
    fixture.source.answer(&fixture.key("AAPL"), tagged("old"));
    fixture.get("AAPL").await;
    fixture.pass(61);
    let gate = fixture.source.gate();
    fixture.get("AAPL").await;
    gate.reached(1).await;
    fixture.cache.invalidate(&tag).await.unwrap();
    gate.open();
    settle().await;
    assert_eq!(fixture.peek("AAPL"), None);

    fixture.source.answer(&fixture.key("AAPL"), tagged("new"));
    for fixture in [fixture.another(|region| region).await, fixture] {
        assert_eq!(fixture.get("AAPL").await.as_deref(), Some("new"));
    }
}

#[tokio::test]
async fn rule_31_who_asks_after_an_invalidation_does_not_get_a_load_from_before_it() {
    let fixture = Fixture::new().await;
    let tag = Tag::new("tech").unwrap();
    let tagged = |text: &str| Answer::Value(Fetched::new(text.to_owned()).tag(tag.clone()));
    fixture.source.answer(&fixture.key("AAPL"), tagged("old"));
    let gate = fixture.source.gate();
    let before = fixture.ask("AAPL").await;
    fixture.cache.invalidate(&tag).await.unwrap();
    let after = fixture.ask("AAPL").await;
    gate.let_pass(1);
    assert_eq!(before.await.unwrap().unwrap().as_deref(), Some("old"));
    fixture.source.answer(&fixture.key("AAPL"), tagged("new"));
    gate.open();
    assert_eq!(after.await.unwrap().unwrap().as_deref(), Some("new"));
}

#[tokio::test]
async fn rule_31_a_second_invalidation_does_not_hide_that_the_first_one_came_before_the_read() {
    let fixture = Fixture::new().await;
    let tag = Tag::new("tech").unwrap();
    let tagged = |text: &str| Answer::Value(Fetched::new(text.to_owned()).tag(tag.clone()));
    fixture.source.answer(&fixture.key("AAPL"), tagged("old"));
    let gate = fixture.source.gate();
    let _before = fixture.ask("AAPL").await;
    fixture.cache.invalidate(&tag).await.unwrap();
    let after = fixture.ask("AAPL").await;
    fixture.cache.invalidate(&tag).await.unwrap();
    gate.let_pass(1);
    settle().await;
    fixture.source.answer(&fixture.key("AAPL"), tagged("new"));
    gate.open();
    assert_eq!(after.await.unwrap().unwrap().as_deref(), Some("new"), "the first came before it asked");
}

/// A removal of `AAPL` that has reached the tier and waits there.
async fn removal_at_the_tier(fixture: &Fixture, moment: Moment) -> (Gate, tokio::task::JoinHandle<bool>) {
    let gate = fixture.tier.gate(Operation::Remove, moment);
    let region = fixture.region.clone();
    let removal = tokio::spawn(async move { region.remove("AAPL").await.unwrap() });
    gate.reached(1).await;
    (gate, removal)
}

#[tokio::test]
async fn rule_32_while_a_tier_is_still_removing_its_old_value_is_not_taken_back() {
    for moment in [Moment::Before, Moment::After] {
        let fixture = Fixture::new().await;
        fixture.get("AAPL").await;
        settle().await;
        let (gate, removal) = removal_at_the_tier(&fixture, moment).await;
        assert_eq!(
            fixture.get("AAPL").await.as_deref(),
            Some("AAPL@2"),
            "the tier's old value doesn't count"
        );
        gate.open();
        removal.await.unwrap();
        settle().await;
        assert_eq!(fixture.peek("AAPL").as_deref(), Some("AAPL@2"));
        assert_eq!(fixture.held("AAPL").as_deref(), Some("AAPL@2"));
    }
}

#[tokio::test]
async fn rule_32_a_value_read_from_a_tier_before_a_removal_is_not_kept_after_it() {
    for how in WAYS {
        let fixture = Fixture::new().await;
        fixture.get("AAPL").await;
        settle().await;
        let elsewhere = fixture.another(|region| region).await;
        // The clears of earlier processes are known once something was read.
        elsewhere.get("other").await;
        let gate = elsewhere.tier.gate(Operation::Get, Moment::After);
        let reader = elsewhere.ask("AAPL").await;
        gate.reached(1).await;
        end(&elsewhere, how).await;
        gate.open();
        reader.await.unwrap().unwrap();
        settle().await;
        assert_ne!(elsewhere.peek("AAPL").as_deref(), Some("AAPL@1"), "{how}");
        assert_ne!(elsewhere.get("AAPL").await.as_deref(), Some("AAPL@1"), "{how}");
    }
}

#[tokio::test]
async fn rule_32_with_memory_skipped_a_removal_under_way_is_respected_too() {
    let fixture = Fixture::with(|region| region.skip("memory")).await;
    fixture.get("AAPL").await;
    settle().await;
    let (gate, removal) = removal_at_the_tier(&fixture, Moment::Before).await;
    assert_eq!(fixture.get("AAPL").await.as_deref(), Some("AAPL@2"));
    gate.open();
    removal.await.unwrap();
    fixture.pass(LIFE.as_secs() / 2);
    assert_eq!(fixture.get("AAPL").await.as_deref(), Some("AAPL@2"));
}

/// Memory evicts the value before the tier has it, and a reader has asked the tier before.
#[tokio::test]
async fn rule_30_who_asked_a_tier_before_a_put_reached_it_neither_keeps_nor_passes_on_what_it_said() {
    let fixture = Fixture::built(|cache| cache.memory(Memory::builder().entries(10)), |region| region).await;
    let forget = || {
        fixture.cache.set_memory_budget(0).unwrap();
        fixture.cache.set_memory_budget(10).unwrap();
    };
    fixture.region.put("AAPL", "old".to_owned()).await.unwrap();
    forget();
    fixture.get("AAPL").await;
    forget();
    fixture.pass(1);
    let write = fixture.tier.gate(Operation::Put, Moment::Before);
    let region = fixture.region.clone();
    let put = spawn(async move { region.put("AAPL", "new".to_owned()).await });
    write.reached(1).await;
    forget();
    let look = fixture.tier.gate(Operation::Get, Moment::After);
    let before = fixture.ask("AAPL").await;
    look.reached(1).await;
    write.open();
    soon(put).await.unwrap().unwrap();
    fixture.tier.ungate(Operation::Get, Moment::After);
    let after = fixture.ask("AAPL").await;
    look.open();
    soon(before).await.unwrap().unwrap();
    assert_eq!(soon(after).await.unwrap().unwrap().as_deref(), Some("new"), "it asked after the put");
    assert_eq!(fixture.peek("AAPL").as_deref(), Some("new"));
}
