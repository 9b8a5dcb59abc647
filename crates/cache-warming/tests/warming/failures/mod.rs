//! What happens while a provider is down (rule 87), and when strategies fail.

mod set_aside;

use std::{future::ready, panic::panic_any, time::Duration};

use cache_core::{Key, Result, Warm};
use cache_warming::{Coverage, KeysOf, RunBudget, RunSchedule};

use crate::fixture::{Cache, Fixture, by_hand, down, key, numbered, seconds};

#[tokio::test]
async fn rule_87_a_kind_that_fails_is_left_alone_longer_each_time_and_others_go_on() {
    let every = |name, kind: &'static str| {
        KeysOf::new(name, RunSchedule::Every(seconds(1)), move || {
            ready(Key::new(kind, "x").map(|key| vec![key]))
        })
    };
    let at =
        Fixture::new(|builder| builder.strategy(every("prices", "price")).strategy(every("news", "news")));
    let news = Cache::new("news", 10, &at.clock);
    at.warming.cover(news.clone(), Coverage::default());
    news.script.lock().life = Duration::from_millis(500);
    at.cache.script.lock().is_down = true;
    at.tick_for(seconds(3600)).await;
    let calls: Vec<_> = at.cache.script.lock().calls.iter().map(|(at, _)| *at).collect();
    let pauses: Vec<f64> = calls.windows(2).map(|pair| pair[1].since(pair[0]).as_secs_f64()).collect();
    let limits = (0..).map(|doubled| 2_f64.powi(doubled).min(300.0));
    for (pause, limit) in pauses.iter().zip(limits) {
        assert!((limit / 2.0..limit + 1.0).contains(pause), "{pause} s of {limit}: {pauses:?}");
    }
    assert!(calls.len() < 40, "{} calls in an hour", calls.len());
    assert_eq!(news.calls().len(), 3600, "the other kind goes on");
    let stats = at.warming.stats();
    assert_eq!(
        stats.kinds.iter().map(|kind| (&*kind.kind, kind.paused)).collect::<Vec<_>>(),
        [("price", true), ("news", false)]
    );
    // The pause may have ended with the last second.
    let was_called = at.clock.now().since(*calls.last().unwrap()) < seconds(1);
    assert_eq!(at.strategy("prices").last.unwrap().left_out, usize::from(!was_called));
    // It comes back, and is asked again within the longest pause; then pauses begin anew.
    let script = || at.cache.script.lock();
    (script().is_down, script().life) = (false, Duration::from_millis(500));
    at.tick_for(seconds(301)).await;
    let before = script().calls.len();
    assert!(at.strategy("prices").effectiveness.fetched > 0 || before > calls.len());
    at.tick_for(seconds(10)).await;
    assert_eq!(script().calls.len(), before + 10);
    script().is_down = true;
    at.tick_for(seconds(1)).await;
    script().is_down = false;
    at.tick_for(seconds(2)).await;
    assert!(script().calls.len() >= before + 12);
}

#[tokio::test]
async fn rule_87_a_source_that_asks_for_a_pause_has_it() {
    let at = Fixture::new(|builder| {
        let each = || ready(Ok(vec![key("AAPL")]));
        builder.strategy(KeysOf::new("each", RunSchedule::Every(seconds(1)), each))
    });
    (at.cache.script.lock().is_down, at.cache.script.lock().asks_for) = (true, Some(seconds(200)));
    at.tick_for(seconds(200)).await;
    assert_eq!(at.cache.calls().len(), 1);
    at.tick_for(seconds(2)).await;
    assert_eq!(at.cache.calls().len(), 2);
}

/// It may have been too much for the source, or too long for the limit on a call.
#[tokio::test]
async fn rule_87_after_a_call_that_failed_the_next_has_half_as_many_keys_until_one_comes() {
    let picked = numbered("S", 10);
    let at = Fixture::new(|builder| builder.strategy(by_hand("warm", picked, RunBudget::default().calls(1))));
    let largest = || at.cache.calls().last().unwrap().len();
    at.cache.script.lock().is_down = true;
    for expected in [10, 5, 2, 1, 1] {
        at.run("warm").await;
        assert_eq!(largest(), expected);
        at.clock.advance(seconds(301));
    }
    at.cache.script.lock().is_down = false;
    for expected in [1, 2, 4, 8, 10] {
        at.run("warm").await;
        assert_eq!(largest(), expected);
        at.clock.advance(seconds(301));
    }
}

#[tokio::test]
async fn rule_87_a_run_stops_calling_once_its_kind_fails() {
    for concurrency in [1, 3] {
        for partly in [false, true] {
            let budget = RunBudget::default().concurrency(concurrency);
            let mut picked = numbered("S", 100);
            picked.push(Key::new("news", "x").unwrap());
            let at = Fixture::new(|builder| builder.strategy(by_hand("warm", picked, budget)));
            let news = Cache::new("news", 10, &at.clock);
            at.warming.cover(news.clone(), Coverage::default());
            at.cache.script.lock().takes = seconds(1);
            // Either whole calls fail, or all of their keys do.
            at.cache.script.lock().is_down = !partly;
            let failing = numbered("S", 100).iter().map(|key| key.id().to_owned()).collect();
            at.cache.script.lock().failing = failing;
            let (result, ()) = tokio::join!(at.run("warm"), crate::fixture::advance(&at.clock, seconds(40)));
            assert_eq!(at.cache.calls().len(), concurrency);
            assert_eq!((result.calls, result.fetched), (concurrency + 1, 1), "the other kind goes on");
            assert_eq!((result.failures, result.left_out), (10 * concurrency, 100 - 10 * concurrency));
            let error = result.error.unwrap();
            assert!(error.contains("the provider is down"), "{error}");
            assert_eq!(error.contains("price:S0000"), partly, "{error}");
        }
    }
}

#[tokio::test]
async fn a_pause_gets_no_longer_by_a_clock_that_is_set_back() {
    let at =
        Fixture::new(|builder| builder.strategy(by_hand("warm", numbered("S", 1), RunBudget::default())));
    at.cache.script.lock().is_down = true;
    assert_eq!(at.run("warm").await.failures, 1);
    assert_eq!(at.run("warm").await.left_out, 1);
    at.clock.shift_wall(-86_400_000_000);
    at.cache.script.lock().is_down = false;
    at.clock.advance(seconds(2));
    assert_eq!(at.run("warm").await.fetched, 1);
}

#[tokio::test]
async fn a_key_that_fails_alone_leaves_its_kind_to_go_on() {
    let at =
        Fixture::new(|builder| builder.strategy(by_hand("warm", numbered("S", 100), Default::default())));
    at.cache.script.lock().failing.insert("S0042".to_owned());
    let result = at.run("warm").await;
    assert_eq!((result.calls, result.fetched, result.failures), (10, 99, 1));
    assert!(!at.warming.stats().kinds[0].paused);
}

#[tokio::test]
async fn a_refresh_that_panics_is_a_failure_of_its_kind() {
    let at = Fixture::new(|builder| builder.strategy(by_hand("warm", numbered("S", 10), Default::default())));
    at.cache.script.lock().panics = true;
    let result = at.run("warm").await;
    assert_eq!((result.success, result.failures, result.calls), (false, 10, 1));
    assert!(result.error.unwrap().contains("panicked"));
    assert!(at.warming.stats().kinds[0].paused);
    at.cache.script.lock().panics = false;
    at.clock.advance(seconds(2));
    assert_eq!(at.run("warm").await.fetched, 10);
}

#[tokio::test]
async fn a_strategy_that_errs_or_panics_is_a_failed_result_and_the_others_run() {
    let at = Fixture::new(|builder| {
        let errs = KeysOf::new("errs", RunSchedule::Every(seconds(5)), || ready(Err(down())));
        let panics =
            KeysOf::new("panics", RunSchedule::Every(seconds(5)), || -> std::future::Ready<Result<_>> {
                panic_any("as the test has it")
            });
        let fine = KeysOf::new("fine", RunSchedule::Every(seconds(5)), || ready(Ok(vec![key("AAPL")])));
        builder.strategy(errs).strategy(panics).strategy(fine)
    });
    at.tick_for(seconds(16)).await;
    for (name, error) in [("errs", "the provider is down"), ("panics", "the strategy panicked")] {
        let strategy = at.strategy(name);
        let last = strategy.last.unwrap();
        assert!(!last.success && last.error.as_ref().unwrap().contains(error), "{last:?}");
        assert_eq!(strategy.runs, 4);
        assert_eq!(at.run(name).await.error, last.error);
    }
    assert_eq!(
        (at.strategy("fine").runs, at.effect("fine").fetched),
        (4, 1),
        "it was fetched once and is fresh since"
    );
    assert!(at.cache.fresh_for(&key("AAPL")).is_some());
}

#[tokio::test]
async fn nothing_runs_while_warming_is_off_and_it_goes_on_to_learn() {
    let every = KeysOf::new("every", RunSchedule::Every(seconds(1)), || ready(Ok(vec![key("AAPL")])));
    let at = Fixture::new(|builder| builder.strategy(every));
    at.warming.enable(false);
    at.hit(&key("MSFT"));
    at.tick_for(seconds(60)).await;
    let stats = at.warming.stats();
    assert_eq!((stats.enabled, stats.tracked, stats.strategies[0].runs), (false, 1, 0));
    at.warming.enable(true);
    at.tick_for(seconds(3)).await;
    assert_eq!(at.strategy("every").runs, 3);
}
