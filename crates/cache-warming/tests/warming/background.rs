//! Warming in the background: what hangs holds up nothing else, and ends with its handle.

use std::future::{pending, ready};

use cache_core::Warm;
use cache_warming::{KeysOf, RunBudget, RunSchedule};
use futures_util::FutureExt;
use tokio::join;

use crate::fixture::{Fixture, advance, by_hand, key, numbered, seconds, settle};

#[tokio::test]
async fn a_run_that_hangs_holds_up_its_own_strategy_alone() {
    let at = Fixture::new(|builder| {
        let hangs = || KeysOf::new("hangs", RunSchedule::Every(seconds(1)), pending);
        let fine = KeysOf::new("fine", RunSchedule::Every(seconds(5)), || ready(Ok(vec![key("AAPL")])));
        let once = KeysOf::new("once", RunSchedule::AtStart, || ready(Ok(Vec::new())));
        builder.strategy(hangs()).strategy(fine).strategy(once)
    });
    let running = at.warming.start();
    at.hit(&key("MSFT"));
    advance(&at.clock, seconds(599)).await;
    assert_eq!((at.strategy("hangs").runs, at.progress("hangs")), (0, Some((0, 0))));
    assert_eq!((at.strategy("fine").runs, at.strategy("once").runs), (120, 1));
    assert_eq!(at.warming.history().tracked(), 2, "what is asked for is learnt, and what was fetched");
    drop(running);
    settle().await;
    assert_eq!(at.strategy("hangs").running, None, "it ends with the handle");
    advance(&at.clock, seconds(60)).await;
    assert_eq!(at.strategy("fine").runs, 120);
}

#[tokio::test]
async fn a_call_that_hangs_holds_up_no_other_strategy_either() {
    let strategy = |name: &str| {
        let picked = vec![key(name)];
        KeysOf::new(name, RunSchedule::Every(seconds(5)), move || ready(Ok(picked.clone())))
    };
    let at = Fixture::new(|builder| builder.strategy(strategy("a")).strategy(strategy("b")));
    at.cache.script.lock().hangs = true;
    let _running = at.warming.start();
    settle().await;
    at.cache.script.lock().hangs = false;
    assert_eq!((at.progress("a"), at.progress("b")), (Some((0, 1)), Some((0, 1))));
    advance(&at.clock, seconds(60)).await;
    assert_eq!((at.strategy("a").runs, at.cache.calls().len()), (0, 2), "nothing piles up behind it");
}

#[tokio::test]
async fn a_run_by_hand_waits_for_the_one_under_way_and_tells_of_its_own() {
    let at = Fixture::new(|builder| {
        let picked = numbered("S", 30);
        let every = KeysOf::new("every", RunSchedule::Every(seconds(60)), move || ready(Ok(picked.clone())));
        builder.strategy(every.budget(RunBudget::default().concurrency(1)))
    });
    at.cache.script.lock().takes = seconds(2);
    let _running = at.warming.start();
    settle().await;
    assert!(at.warming.run("every").now_or_never().is_none());
    advance(&at.clock, seconds(3)).await;
    assert_eq!(at.progress("every"), Some((10, 30)));
    let (result, ()) = join!(at.run("every"), advance(&at.clock, seconds(10)));
    assert_eq!((result.fresh, result.fetched, result.calls), (30, 0, 0), "the first had fetched all");
    assert_eq!((at.strategy("every").runs, at.cache.calls().len()), (2, 3));
    assert_eq!(at.cache.script.lock().most_under_way, 1);
}

#[tokio::test]
async fn a_run_by_hand_that_nobody_waits_for_any_more_leaves_its_strategy_free() {
    let at =
        Fixture::new(|builder| builder.strategy(by_hand("warm", numbered("S", 3), RunBudget::default())));
    at.cache.script.lock().hangs = true;
    assert!(at.warming.run("warm").now_or_never().is_none());
    at.cache.script.lock().hangs = false;
    assert_eq!((at.run("warm").await.fetched, at.strategy("warm").runs), (3, 1));
    assert!(at.cache.fresh_for(&key("S0000")).is_some());
}

#[tokio::test]
async fn many_strategies_that_hang_leave_the_rest_to_run() {
    let at = Fixture::new(|mut builder| {
        for index in 0..15 {
            // They begin to hang one after the other.
            let schedule = RunSchedule::Every(seconds(60 + index));
            let clock = std::sync::atomic::AtomicUsize::new(0);
            builder = builder.strategy(KeysOf::new(format!("hangs{index}"), schedule, move || {
                let is_first = clock.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0;
                async move { if is_first { Ok(Vec::new()) } else { pending().await } }
            }));
        }
        builder.strategy(KeysOf::new("fine", RunSchedule::Every(seconds(5)), || ready(Ok(Vec::new()))))
    });
    let _running = at.warming.start();
    advance(&at.clock, seconds(600)).await;
    assert_eq!(at.strategy("hangs14").runs, 1);
    assert_eq!(at.strategy("fine").runs, 121);
}
