//! Updates that depend on what is there: one at a time for a key, and none is lost on one node.

mod life;
mod model;
mod nodes;
mod waiting;

use std::{
    future::Future,
    sync::{Arc, Mutex},
    time::Duration,
};

use cache_core::{ErrorKind, Operation, Tag};
use cache_facade::{Cache, Fetched, Memory, Op, Region, Ttl};
use tests::{Fixture, ModelTier, Moment, settle, soon};
use tokio::{runtime::Builder, spawn};

use crate::interrupted::Yielding;

const LIFE: Ttl = Ttl { life: Duration::from_secs(60), grace: Duration::from_secs(600) };

/// Adds one to a counter.
async fn increment(region: &Region<u64>) -> u64 {
    let updated = region.compute("n", |seen| Op::put(seen.map_or(0, |seen| *seen) + 1)).await.unwrap();
    *updated.value.unwrap()
}

/// What keeps the values of a counter.
#[derive(Clone, Copy, Debug)]
enum Kept {
    Memory,
    Both,
    Tier,
}

async fn counter(kept: Kept) -> Region<u64> {
    let cache = match kept {
        Kept::Memory => Cache::builder(),
        Kept::Both => Cache::builder().tier(ModelTier::new("far")),
        Kept::Tier => Cache::builder().memory(Memory::bytes(0)).tier(ModelTier::new("far")),
    };
    cache.build().await.unwrap().region("count").ttl(LIFE).open().unwrap()
}

/// Runs a scenario on a runtime of one thread and on one of four.
fn on_both_runtimes<F: Future<Output = ()>>(scenario: impl Fn() -> F) {
    Builder::new_current_thread().enable_all().build().unwrap().block_on(scenario());
    Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap().block_on(scenario());
}

#[test]
fn rule_121_increments_of_many_tasks_are_all_counted() {
    const TASKS: u64 = 400;
    for kept in [Kept::Memory, Kept::Both, Kept::Tier] {
        on_both_runtimes(|| async move {
            let region = counter(kept).await;
            let each = |_| {
                let region = region.clone();
                spawn(async move { increment(&region).await })
            };
            let tasks: Vec<_> = (0..TASKS).map(each).collect();
            let mut told = Vec::new();
            for task in tasks {
                told.push(task.await.unwrap());
            }
            told.sort_unstable();
            assert_eq!(told, (1..=TASKS).collect::<Vec<_>>(), "{kept:?}: no two saw the same value");
            assert_eq!(region.get("n").await.unwrap().as_deref(), Some(&TASKS));
        });
    }
}

#[test]
fn rule_121_of_many_who_put_if_absent_one_wins_and_all_are_told_who() {
    for kept in [Kept::Memory, Kept::Both, Kept::Tier] {
        on_both_runtimes(|| async move {
            let region = counter(kept).await;
            let each = |mine| {
                let region = region.clone();
                spawn(async move { (mine, region.put_if_absent("n", mine).await.unwrap()) })
            };
            let tasks: Vec<_> = (0..100).map(each).collect();
            let (mut winners, mut values) = (Vec::new(), Vec::new());
            for task in tasks {
                let (mine, updated) = task.await.unwrap();
                winners.extend(updated.changed.then_some(mine));
                values.push(*updated.value.unwrap());
            }
            assert_eq!(winners.len(), 1, "{kept:?}");
            assert!(values.iter().all(|value| *value == winners[0]), "{kept:?}: {values:?}");
        });
    }
}

/// A put adds nothing, so that it can't be told from where the count begins anew: it must not be lost either.
#[test]
fn rule_121_a_put_in_between_is_not_overwritten_unseen() {
    on_both_runtimes(|| async {
        for kept in [Kept::Memory, Kept::Both, Kept::Tier] {
            let region = counter(kept).await;
            region.put("n", 1).await.unwrap();
            let (writer, mut puts) = (region.clone(), 0);
            let shared = Arc::new(Mutex::new(Vec::new()));
            let seen = Arc::clone(&shared);
            let change = move |value: Option<Arc<u64>>| {
                seen.lock().unwrap().push(value.as_deref().copied());
                puts += 1;
                if puts == 1 {
                    // Its first poll stores it in memory, or marks what it is about to put in the tier.
                    let mut put = Box::pin(writer.put("n", 100));
                    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
                    let _ = put.as_mut().poll(&mut context);
                }
                Op::put(value.map_or(0, |value| *value) + 1)
            };
            let updated = region.compute("n", change).await.unwrap();
            assert_eq!(updated.value.as_deref(), Some(&101), "{kept:?}");
            assert_eq!(region.get("n").await.unwrap().as_deref(), Some(&101), "{kept:?}");
            assert_eq!(*shared.lock().unwrap(), [Some(1), Some(100)], "{kept:?}");
        }
    });
}

#[tokio::test]
async fn an_update_that_was_removed_under_starts_over() {
    for op in [|| Op::put(7), || Op::Remove] {
        let region = counter(Kept::Both).await;
        region.put("n", 1).await.unwrap();
        let (other, mut first) = (region.clone(), true);
        let change = move |value: Option<Arc<u64>>| {
            if std::mem::take(&mut first) {
                let mut remove = Box::pin(other.remove("n"));
                let mut context = std::task::Context::from_waker(std::task::Waker::noop());
                let _ = remove.as_mut().poll(&mut context);
                return op();
            }
            assert_eq!(value, None, "what was removed is not seen again");
            Op::Keep
        };
        let updated = region.compute("n", change).await.unwrap();
        assert!(!updated.changed && updated.value.is_none() && updated.born.is_none());
        settle().await;
        assert_eq!(region.get("n").await.unwrap(), None);
    }
}

#[tokio::test]
async fn replace_if_goes_by_the_version_that_a_lookup_told() {
    let fixture = Fixture::new().await;
    let region = &fixture.region;
    let nowhere = region.with(|policy| policy).lookup("none").await.unwrap();
    region.remove("none").await.unwrap();
    let absent = region.replace_if("none", nowhere.born, "x".to_owned()).await.unwrap();
    assert!(!absent.changed && absent.value.is_none(), "what is gone has no version");

    region.put("AAPL", "one".to_owned()).await.unwrap();
    let seen = region.lookup("AAPL").await.unwrap();
    let two = region.replace_if("AAPL", seen.born, "two".to_owned()).await.unwrap();
    assert!(two.changed);
    let again = region.replace_if("AAPL", seen.born, "three".to_owned()).await.unwrap();
    assert_eq!((again.changed, again.value.as_deref()), (false, Some(&"two".to_owned())));
    assert_eq!(again.born, two.born);
    // What is past its life and in grace has a version too.
    fixture.pass(61);
    let three = region.replace_if("AAPL", two.born.unwrap(), "three".to_owned()).await.unwrap();
    assert!(three.changed && fixture.get("AAPL").await.as_deref() == Some("three"));
    assert_eq!(fixture.held("AAPL").as_deref(), Some("three"), "in the tier as well");
}

#[tokio::test]
async fn remove_if_goes_by_the_version_too_and_leaves_what_was_put_since() {
    let fixture = Fixture::new().await;
    let region = &fixture.region;
    let nowhere = region.lookup("none").await.unwrap();
    region.remove("none").await.unwrap();
    assert!(!region.remove_if("none", nowhere.born).await.unwrap().changed, "what is gone has no version");

    region.put("AAPL", "one".to_owned()).await.unwrap();
    let one = region.lookup("AAPL").await.unwrap();
    region.put("AAPL", "two".to_owned()).await.unwrap();
    let late = region.remove_if("AAPL", one.born).await.unwrap();
    assert_eq!((late.changed, late.value.as_deref()), (false, Some(&"two".to_owned())));
    // What is past its life and in grace has a version too.
    fixture.pass(61);
    let removed = region.remove_if("AAPL", late.born.unwrap()).await.unwrap();
    assert!(removed.changed && removed.value.is_none() && removed.born.is_none());
    assert_eq!((region.peek("AAPL"), fixture.held("AAPL")), (None, None), "in the tier as well");
    assert!(!region.remove_if("AAPL", late.born.unwrap()).await.unwrap().changed, "it is gone by now");
}

#[tokio::test]
async fn what_is_stale_or_invalidated_counts_as_none_and_nothing_is_loaded() {
    let fixture = Fixture::new().await;
    let (region, tag) = (&fixture.region, Tag::new("t").unwrap());
    region.put("AAPL", Fetched::new("old".to_owned()).tag(tag.clone())).await.unwrap();
    fixture.pass(61);
    assert!(
        region.put_if_absent("AAPL", Fetched::new("new".to_owned()).tag(tag.clone())).await.unwrap().changed
    );
    fixture.cache.invalidate(&tag).await.unwrap();
    let seen = region.compute("AAPL", |seen| Op::put(format!("{seen:?}"))).await.unwrap();
    assert_eq!(seen.value.as_deref().map(String::as_str), Some("None"));
    assert_eq!(fixture.source.calls(), 0);
}

#[tokio::test]
async fn an_update_finds_what_a_tier_alone_holds() {
    let fixture = Fixture::new().await;
    fixture.region.put("AAPL", "theirs".to_owned()).await.unwrap();
    let restarted = fixture.another(|region| region).await;
    let updated = restarted.region.put_if_absent("AAPL", "mine".to_owned()).await.unwrap();
    assert_eq!((updated.changed, updated.value.as_deref()), (false, Some(&"theirs".to_owned())));
    assert_eq!(restarted.source.calls(), 0);
}

#[tokio::test]
async fn an_update_while_the_tier_is_away_goes_by_what_it_is_owed() {
    let fixture = Fixture::built(|cache| cache.memory(Memory::bytes(0)), |region| region).await;
    fixture.tier.down();
    let add = |seen: Option<Arc<String>>| {
        Op::put(format!("{}+", seen.map_or(String::new(), |seen| (*seen).clone())))
    };
    for _ in 0..3 {
        fixture.region.compute("AAPL", add).await.unwrap();
    }
    fixture.tier.up();
    assert_eq!(fixture.get("AAPL").await.as_deref(), Some("+++"));
}

#[tokio::test]
async fn a_value_of_no_life_removes_and_a_change_that_panics_changes_nothing() {
    let region = counter(Kept::Both).await;
    region.put("n", 1).await.unwrap();
    let failed = region.compute("n", |_| panic!("a bug")).await.unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::Load);
    assert!(failed.to_string().contains("a bug"), "{failed}");
    assert_eq!(increment(&region).await, 2, "nobody waits for its turn for ever");
    region.compute("n", |_| Op::put(Fetched::new(5).ttl(Ttl::NONE))).await.unwrap();
    assert_eq!(region.get("n").await.unwrap(), None);
}

#[tokio::test]
async fn an_update_overtakes_the_load_of_its_key() {
    let fixture = Fixture::new().await;
    let gate = fixture.source.gate();
    let load = fixture.ask("AAPL").await;
    assert!(fixture.region.put_if_absent("AAPL", "mine".to_owned()).await.unwrap().changed);
    gate.open();
    assert_eq!(load.await.unwrap().unwrap().as_deref(), Some("AAPL@1"), "its callers are answered");
    settle().await;
    assert_eq!(
        (fixture.peek("AAPL").as_deref(), fixture.held("AAPL").as_deref()),
        (Some("mine"), Some("mine"))
    );
}

/// A load that began before the update and lands while the update looks into the tier.
#[tokio::test]
async fn rule_121_what_was_loaded_meanwhile_is_not_overwritten_unseen() {
    let fixture = Fixture::new().await;
    let source = fixture.source.gate();
    let load = fixture.ask("AAPL").await;
    let tier = fixture.tier.gate(Operation::Get, Moment::After);
    let region = fixture.region.clone();
    let update = spawn(async move { region.put_if_absent("AAPL", "mine".to_owned()).await });
    tier.reached(1).await;
    source.open();
    assert_eq!(load.await.unwrap().unwrap().as_deref(), Some("AAPL@1"));
    settle().await;
    tier.open();
    let updated = soon(update).await.unwrap().unwrap();
    assert_eq!((updated.changed, updated.value.as_deref().map(String::as_str)), (false, Some("AAPL@1")));
}

/// Where memory keeps nothing, a put in progress is in no place where an update could see it.
#[test]
fn rule_121_an_update_beside_puts_never_finds_nothing() {
    on_both_runtimes(|| async {
        let cache = Cache::builder().memory(Memory::bytes(0)).tier(Yielding::new("far"));
        let region = cache.build().await.unwrap().region::<u64>("count").ttl(LIFE).open().unwrap();
        region.put("n", 1).await.unwrap();
        let writer = region.clone();
        let puts = spawn(async move {
            for _ in 0..200 {
                writer.put("n", 1).await.unwrap();
            }
        });
        for _ in 0..200 {
            let updated =
                region.compute("n", |seen| seen.map_or(Op::Remove, |seen| Op::put(*seen + 1))).await;
            assert!(updated.unwrap().value.is_some(), "it was there all the time");
        }
        puts.await.unwrap();
    });
}

#[tokio::test]
async fn rule_105_an_update_whose_caller_goes_away_before_its_turn_has_not_begun() {
    let fixture = Fixture::new().await;
    let gate = fixture.tier.gate(Operation::Put, Moment::Before);
    let region = fixture.region.clone();
    let first = spawn(async move { region.put_if_absent("AAPL", "first".to_owned()).await });
    gate.reached(1).await;
    let add =
        |seen: Option<Arc<String>>| Op::put(format!("{} more", seen.as_deref().map_or("", String::as_str)));
    let region = fixture.region.clone();
    let second = spawn(async move { region.compute("AAPL", add).await });
    settle().await;
    second.abort();
    settle().await;
    gate.open();
    assert!(soon(first).await.unwrap().unwrap().changed);
    let third = soon(fixture.region.compute("AAPL", add)).await.unwrap();
    assert_eq!(third.value.as_deref().map(String::as_str), Some("first more"));
}
