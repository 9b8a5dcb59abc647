//! Races: what was removed or overwritten doesn't come back with a load that was under way.

use std::time::Duration;

use cache_core::{ErrorKind, Fetched, Operation, Pattern, Tag};
use tests::{Answer, Gate, LIFE, Moment, Scene, settle};

/// Nothing from before is in memory or in the tier.
fn nowhere(scene: &Scene, how: &str) {
    assert_eq!(scene.peek("AAPL"), None, "in memory after {how}");
    assert_eq!(scene.held("AAPL"), None, "in the tier after {how}");
}

/// Every way to remove.
const WAYS: [&str; 6] = ["remove", "remove untyped", "remove_many", "remove_matching", "clear", "clear all"];

async fn end(scene: &Scene, how: &str) {
    match how {
        "remove" => scene.region.remove("AAPL").await.unwrap(),
        "remove untyped" => scene.cache.remove("price", "AAPL").await.unwrap(),
        "remove_many" => scene.region.remove_many(&["MSFT", "AAPL"]).await.unwrap(),
        "remove_matching" => {
            scene.cache.remove_matching(&Pattern::glob("price:AA*").unwrap()).await.unwrap();
        }
        "clear" => scene.region.clear().await.unwrap(),
        "clear all" => scene.cache.clear().await.unwrap(),
        _ => unreachable!(),
    }
}

#[tokio::test]
async fn rule_29_a_load_under_way_at_a_removal_is_answered_and_not_kept() {
    for how in WAYS {
        let scene = Scene::new().await;
        let gate = scene.source.gate();
        let caller = scene.ask("AAPL").await;
        end(&scene, how).await;
        gate.open();
        assert_eq!(caller.await.unwrap().unwrap().as_deref(), Some("AAPL@1"), "answered after {how}");
        settle().await;
        nowhere(&scene, how);
        assert_eq!(scene.get("AAPL").await.as_deref(), Some("AAPL@2"), "loaded anew after {how}");
        let elsewhere = scene.another(|region| region).await;
        assert_eq!(elsewhere.get("AAPL").await.as_deref(), Some("AAPL@2"), "elsewhere too after {how}");
    }
}

#[tokio::test]
async fn rule_29_who_asks_after_a_removal_does_not_join_a_load_from_before_it() {
    for how in WAYS {
        let scene = Scene::new().await;
        let gate = scene.source.gate();
        let before = scene.ask("AAPL").await;
        end(&scene, how).await;
        scene.source.ungate();
        let after = scene.ask("AAPL").await;
        assert_eq!(after.await.unwrap().unwrap().as_deref(), Some("AAPL@2"), "{how}");
        gate.open();
        assert_eq!(before.await.unwrap().unwrap().as_deref(), Some("AAPL@1"), "{how}");
        settle().await;
        assert_eq!(scene.peek("AAPL").as_deref(), Some("AAPL@2"), "{how}");
        assert_eq!(scene.held("AAPL").as_deref(), Some("AAPL@2"), "{how}");
    }
}

#[tokio::test]
async fn rule_29_a_removal_while_the_result_is_on_its_way_to_the_tier_wins() {
    for moment in [Moment::Before, Moment::After] {
        let scene = Scene::new().await;
        let gate = scene.tier.gate(Operation::Put, moment);
        assert_eq!(scene.get("AAPL").await.as_deref(), Some("AAPL@1"), "answered before the tier is written");
        gate.reached(1).await;
        scene.region.remove("AAPL").await.unwrap();
        gate.open();
        settle().await;
        nowhere(&scene, "remove");
    }
}

#[tokio::test]
async fn rule_29_a_removal_elsewhere_keeps_a_load_under_way_here_out_of_the_shared_tier() {
    let scene = Scene::new().await;
    let elsewhere = scene.another(|region| region).await;
    let gate = scene.source.gate();
    let caller = scene.ask("AAPL").await;
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
    let scene = Scene::with(|region| region.hard_timeout(limit).late(limit)).await;
    let gate = scene.source.gate();
    let caller = scene.ask("AAPL").await;
    scene.pass(1);
    scene.region.remove("AAPL").await.unwrap();
    scene.pass(99);
    assert_eq!(caller.await.unwrap().unwrap_err().kind(), ErrorKind::Timeout);
    settle().await;
    scene.pass(98);
    scene.cache.sweep();
    gate.open();
    settle().await;
    nowhere(&scene, "a removal 198 s before");
}

#[tokio::test]
async fn rule_29_a_refresh_under_way_at_a_removal_is_not_kept() {
    let scene = Scene::new().await;
    scene.get("AAPL").await;
    scene.pass(61);
    let gate = scene.source.gate();
    assert_eq!(scene.get("AAPL").await.as_deref(), Some("AAPL@1"));
    gate.reached(1).await;
    scene.region.remove("AAPL").await.unwrap();
    gate.open();
    settle().await;
    nowhere(&scene, "a removal during a refresh");
}

#[tokio::test]
async fn rule_30_a_put_during_a_load_stays() {
    let scene = Scene::new().await;
    let gate = scene.source.gate();
    let caller = scene.ask("AAPL").await;
    scene.region.put("AAPL", "put".to_owned()).await.unwrap();
    assert_eq!(scene.get("AAPL").await.as_deref(), Some("put"));
    gate.open();
    caller.await.unwrap().unwrap();
    settle().await;
    assert_eq!(scene.peek("AAPL").as_deref(), Some("put"));
    assert_eq!(scene.held("AAPL").as_deref(), Some("put"));
}

#[tokio::test]
async fn rule_30_a_put_that_is_too_heavy_to_be_held_still_ends_the_load_under_way() {
    let heavy = |value: &String| if value == "heavy" { 1 << 30 } else { 0 };
    let scene = Scene::with(|region| region.cost(heavy).skip("far")).await;
    let gate = scene.source.gate();
    let caller = scene.ask("AAPL").await;
    scene.region.put("AAPL", "heavy".to_owned()).await.unwrap();
    let _evicted_now = scene.cache.stats();
    assert_eq!(scene.peek("AAPL"), None, "evicted at once");
    gate.open();
    caller.await.unwrap().unwrap();
    settle().await;
    assert_eq!(scene.peek("AAPL"), None, "what was loaded is older than what was put");
}

#[tokio::test]
async fn rule_30_a_put_elsewhere_during_a_load_stays_in_the_shared_tier() {
    let scene = Scene::new().await;
    let elsewhere = scene.another(|region| region).await;
    let gate = scene.source.gate();
    let caller = scene.ask("AAPL").await;
    elsewhere.region.put("AAPL", "put".to_owned()).await.unwrap();
    gate.open();
    caller.await.unwrap().unwrap();
    settle().await;
    assert_eq!(scene.held("AAPL").as_deref(), Some("put"));
    assert_eq!(elsewhere.peek("AAPL").as_deref(), Some("put"));
}

#[tokio::test]
async fn rule_30_of_two_puts_of_one_call_the_last_is_kept() {
    let scene = Scene::new().await;
    let values = ["one", "two", "three"].map(|text| ("AAPL", text.to_owned()));
    scene.region.put_many(values).await.unwrap();
    assert_eq!(scene.peek("AAPL").as_deref(), Some("three"));
    assert_eq!(scene.held("AAPL").as_deref(), Some("three"));
}

#[tokio::test]
async fn rule_31_a_refresh_under_way_when_its_tag_is_invalidated_is_dead() {
    let scene = Scene::new().await;
    let tag = Tag::new("tech").unwrap();
    let tagged = |text: &str| Answer::Value(Fetched::new(text.to_owned()).tag(tag.clone()));
    scene.source.answer(&scene.key("AAPL"), tagged("old"));
    scene.get("AAPL").await;
    scene.pass(61);
    let gate = scene.source.gate();
    scene.get("AAPL").await;
    gate.reached(1).await;
    scene.cache.invalidate(&tag).await.unwrap();
    gate.open();
    settle().await;
    assert_eq!(scene.peek("AAPL"), None);

    scene.source.answer(&scene.key("AAPL"), tagged("new"));
    for scene in [scene.another(|region| region).await, scene] {
        assert_eq!(scene.get("AAPL").await.as_deref(), Some("new"));
    }
}

#[tokio::test]
async fn rule_31_who_asks_after_an_invalidation_does_not_get_a_load_from_before_it() {
    let scene = Scene::new().await;
    let tag = Tag::new("tech").unwrap();
    let tagged = |text: &str| Answer::Value(Fetched::new(text.to_owned()).tag(tag.clone()));
    scene.source.answer(&scene.key("AAPL"), tagged("old"));
    let gate = scene.source.gate();
    let before = scene.ask("AAPL").await;
    scene.cache.invalidate(&tag).await.unwrap();
    let after = scene.ask("AAPL").await;
    gate.let_pass(1);
    assert_eq!(before.await.unwrap().unwrap().as_deref(), Some("old"));
    scene.source.answer(&scene.key("AAPL"), tagged("new"));
    gate.open();
    assert_eq!(after.await.unwrap().unwrap().as_deref(), Some("new"));
}

#[tokio::test]
async fn rule_31_a_second_invalidation_does_not_hide_that_the_first_one_came_before_the_read() {
    let scene = Scene::new().await;
    let tag = Tag::new("tech").unwrap();
    let tagged = |text: &str| Answer::Value(Fetched::new(text.to_owned()).tag(tag.clone()));
    scene.source.answer(&scene.key("AAPL"), tagged("old"));
    let gate = scene.source.gate();
    let _before = scene.ask("AAPL").await;
    scene.cache.invalidate(&tag).await.unwrap();
    let after = scene.ask("AAPL").await;
    scene.cache.invalidate(&tag).await.unwrap();
    gate.let_pass(1);
    settle().await;
    scene.source.answer(&scene.key("AAPL"), tagged("new"));
    gate.open();
    assert_eq!(after.await.unwrap().unwrap().as_deref(), Some("new"), "the first came before it asked");
}

/// A removal of `AAPL` that has reached the tier and waits there.
async fn removal_at_the_tier(scene: &Scene, moment: Moment) -> (Gate, tokio::task::JoinHandle<()>) {
    let gate = scene.tier.gate(Operation::Remove, moment);
    let region = scene.region.clone();
    let removal = tokio::spawn(async move { region.remove("AAPL").await.unwrap() });
    gate.reached(1).await;
    (gate, removal)
}

#[tokio::test]
async fn rule_32_while_a_tier_is_still_removing_its_old_value_is_not_taken_back() {
    for moment in [Moment::Before, Moment::After] {
        let scene = Scene::new().await;
        scene.get("AAPL").await;
        settle().await;
        let (gate, removal) = removal_at_the_tier(&scene, moment).await;
        assert_eq!(scene.get("AAPL").await.as_deref(), Some("AAPL@2"), "the tier's old value doesn't count");
        gate.open();
        removal.await.unwrap();
        settle().await;
        assert_eq!(scene.peek("AAPL").as_deref(), Some("AAPL@2"));
        assert_eq!(scene.held("AAPL").as_deref(), Some("AAPL@2"));
    }
}

#[tokio::test]
async fn rule_32_a_value_read_from_a_tier_before_a_removal_is_not_kept_after_it() {
    for how in WAYS {
        let scene = Scene::new().await;
        scene.get("AAPL").await;
        settle().await;
        let elsewhere = scene.another(|region| region).await;
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
    let scene = Scene::with(|region| region.skip("memory")).await;
    scene.get("AAPL").await;
    settle().await;
    let (gate, removal) = removal_at_the_tier(&scene, Moment::Before).await;
    assert_eq!(scene.get("AAPL").await.as_deref(), Some("AAPL@2"));
    gate.open();
    removal.await.unwrap();
    scene.pass(LIFE.as_secs() / 2);
    assert_eq!(scene.get("AAPL").await.as_deref(), Some("AAPL@2"));
}
