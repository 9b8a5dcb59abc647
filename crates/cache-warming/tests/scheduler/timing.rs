//! When a batch goes, and what is in it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use cache_core::{ErrorKind, Key};
use cache_warming::{Priority, Scheduled};

use crate::source::{Fixture, Source, YAHOO, key, seconds, settle};

#[tokio::test]
async fn a_batch_goes_when_it_is_full_or_its_oldest_update_has_waited_for_the_interval() {
    let at = Fixture::new(|builder| builder);
    let _running = at.scheduler.start().unwrap();
    at.schedule_many("full", Priority::Normal, 10);
    settle().await;
    assert_eq!(at.source.calls().len(), 1, "one call for ten updates, at once");
    at.schedule("few", Priority::Normal);
    at.advance(seconds(30)).await;
    at.schedule("more", Priority::High);
    at.advance(seconds(29)).await;
    assert_eq!(at.source.calls().len(), 1);
    at.advance(seconds(1)).await;
    assert_eq!(at.source.calls()[1..], [["more", "few"]]);
    let stats = at.scheduler.stats();
    assert_eq!((stats.updated, stats.calls, stats.batches, stats.pending), (12, 2, 2, 0));
    assert_eq!(stats.calls_saved, 10);
}

#[tokio::test]
async fn a_critical_update_goes_at_once_and_takes_along_what_fits() {
    let at = Fixture::new(|builder| builder.low_load(|_| false));
    let _running = at.scheduler.start().unwrap();
    at.schedule("low", Priority::Low);
    at.schedule("normal", Priority::Normal);
    at.advance(seconds(300)).await;
    assert!(at.source.calls().is_empty(), "they wait for another hour");
    at.schedule("critical", Priority::Critical);
    settle().await;
    assert_eq!(at.source.calls(), [["critical", "normal", "low"]]);
}

#[tokio::test]
async fn outside_low_load_hours_low_waits_for_one_and_normal_for_full_batches() {
    let low_load = Arc::new(AtomicBool::new(false));
    let seen = low_load.clone();
    let at = Fixture::new(|builder| builder.busy_batches(2).low_load(move |_| seen.load(Ordering::Relaxed)));
    let _running = at.scheduler.start().unwrap();
    at.schedule_many("low", Priority::Low, 25);
    at.schedule_many("normal", Priority::Normal, 19);
    at.advance(seconds(600)).await;
    assert!(at.source.calls().is_empty());
    at.schedule("last", Priority::Normal);
    settle().await;
    let calls = at.source.calls();
    assert_eq!(calls.len(), 1, "two full batches were queued, and one went");
    assert!(calls[0].iter().all(|id| id.starts_with("normal")), "{calls:?}");
    low_load.store(true, Ordering::Relaxed);
    at.advance(seconds(30)).await;
    assert_eq!(at.scheduler.stats().pending, 0, "the low-load hour is noticed within 30 s");
}

#[tokio::test]
async fn a_high_update_waits_for_the_interval_at_any_hour() {
    let at = Fixture::new(|builder| builder.low_load(|_| false));
    let _running = at.scheduler.start().unwrap();
    at.schedule("high", Priority::High);
    at.advance(seconds(59)).await;
    assert!(at.source.calls().is_empty());
    at.advance(seconds(1)).await;
    assert_eq!(at.source.calls(), [["high"]]);
}

#[tokio::test]
async fn nothing_waits_for_longer_than_the_longest_wait_though_more_urgent_ones_keep_coming() {
    let at = Fixture::new(|builder| builder.low_load(|_| false).longest_wait(seconds(120)).batch_size(1));
    let _running = at.scheduler.start().unwrap();
    at.source.script.lock().takes = seconds(10);
    at.schedule("low", Priority::Low);
    for index in 0..13 {
        at.schedule(&format!("high{index}"), Priority::High);
        at.schedule(&format!("extra{index}"), Priority::High);
        at.advance(seconds(10)).await;
    }
    let low = at.source.script.lock().calls.iter().position(|(_, ids)| ids[0] == "low");
    assert!(low.is_some_and(|low| low <= 13), "{low:?}");
    assert!(at.scheduler.stats().pending > 0, "there was more to do than could be done");
}

#[tokio::test]
async fn a_panicking_judge_of_hours_holds_nothing_up() {
    let at = Fixture::new(|builder| builder.low_load(|_| panic!("as the test has it")));
    let _running = at.scheduler.start().unwrap();
    at.schedule("low", Priority::Low);
    at.advance(seconds(60)).await;
    assert_eq!(at.source.calls(), [["low"]]);
}

#[tokio::test]
async fn the_higher_priority_goes_first_and_of_that_the_older_update() {
    let at = Fixture::new(|builder| builder.batch_size(3));
    for (id, priority) in [
        ("a", Priority::Normal),
        ("b", Priority::Low),
        ("c", Priority::Critical),
        ("d", Priority::Normal),
        ("e", Priority::High),
    ] {
        at.schedule(id, priority);
        at.clock.advance(seconds(1));
    }
    assert_eq!(at.schedule("b", Priority::Normal), Scheduled::AlreadyQueued, "and raised, as old as it was");
    assert_eq!(at.schedule("e", Priority::Low), Scheduled::AlreadyQueued, "and not lowered");
    at.scheduler.flush_pending().await;
    assert_eq!(at.source.calls(), [vec!["c", "e", "a"], vec!["b", "d"]]);
}

#[tokio::test]
async fn one_provider_and_kind_are_a_group_whose_batches_are_as_large_as_its_source_allows() {
    let at = Fixture::new(|builder| builder);
    let bars = Source::new("bars", 4, &at.clock);
    let other = Source::new("price", 1000, &at.clock);
    at.scheduler.register(YAHOO, bars.clone()).unwrap();
    at.scheduler.register("polygon", other.clone()).unwrap();
    for index in 0..9 {
        let id = format!("{index}");
        at.schedule(&id, Priority::Normal);
        at.scheduler.schedule_update(&key(&id), "polygon", Priority::Normal).unwrap();
        at.scheduler.schedule_update(&Key::new("bars", &id).unwrap(), YAHOO, Priority::Normal).unwrap();
    }
    let flushed = at.scheduler.flush_pending().await;
    assert_eq!((flushed.updated, flushed.calls), (27, 5));
    let lens = |source: &Source| source.calls().iter().map(Vec::len).collect::<Vec<_>>();
    assert_eq!([lens(&at.source), lens(&other), lens(&bars)], [vec![9], vec![9], vec![4, 4, 1]]);
}

#[tokio::test]
async fn where_not_all_batches_can_go_at_once_the_higher_priority_and_then_the_older_goes_first() {
    let at = Fixture::new(|builder| builder.concurrency(1));
    let others: Vec<_> = ["b", "c", "d"].map(|name| (name, Source::new("price", 10, &at.clock))).into();
    for ((name, source), priority) in
        others.iter().zip([Priority::High, Priority::Critical, Priority::Critical])
    {
        at.scheduler.register(name, source.clone()).unwrap();
        source.script.lock().takes = seconds(10);
        at.scheduler.schedule_update(&key("AAPL"), name, priority).unwrap();
        at.clock.advance(seconds(60));
    }
    let _running = at.scheduler.start().unwrap();
    at.advance(seconds(30)).await;
    let mut made: Vec<_> =
        others.iter().map(|(name, source)| (source.script.lock().calls[0].0, *name)).collect();
    made.sort();
    assert_eq!(made.iter().map(|(_, name)| *name).collect::<Vec<_>>(), ["c", "d", "b"]);
}

#[tokio::test]
async fn what_is_not_registered_is_refused_with_what_is() {
    let at = Fixture::new(|builder| builder);
    let refused = |key: &Key, provider| {
        let error = at.scheduler.schedule_update(key, provider, Priority::Low).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        error.to_string()
    };
    let text = refused(&Key::new("bars", "AAPL").unwrap(), YAHOO);
    assert!(text.contains("\"bars\"") && text.contains("price of yahoo"), "{text}");
    assert!(refused(&key("AAPL"), "polygon").contains("\"polygon\""));
    let again = at.scheduler.register(YAHOO, at.source.clone()).unwrap_err();
    assert_eq!(again.kind(), ErrorKind::Config);
    let empty = cache_warming::BatchScheduler::builder().build();
    let text = empty.schedule_update(&key("AAPL"), YAHOO, Priority::Low).unwrap_err().to_string();
    assert!(text.contains("\"price\" of provider \"yahoo\" is not registered, as nothing is yet"), "{text}");
    assert!(text.contains("`register`"), "{text}");
}

#[tokio::test]
async fn keys_of_a_namespace_come_back_as_they_were_and_are_not_mixed_with_others() {
    let at = Fixture::new(|builder| builder);
    let spaced = cache_core::Prefix::new(Some("md"), "price").unwrap().key("A%3AB:C").unwrap();
    at.scheduler.schedule_update(&spaced, YAHOO, Priority::Low).unwrap();
    let error = at.scheduler.schedule_update(&key("AAPL"), YAHOO, Priority::Low).unwrap_err();
    assert!(error.to_string().contains("namespace"), "{error}");
    at.scheduler.flush_pending().await;
    assert_eq!(at.source.calls(), [["A%3AB:C"]]);
    at.schedule("AAPL", Priority::Low);
}

#[tokio::test]
async fn the_loop_goes_by_the_system_clock_too_and_ends_with_its_handle() {
    let clock = cache_core::Clock::system();
    let source = Source::new("price", 10, &clock);
    let builder = cache_warming::BatchScheduler::builder().clock(clock);
    let scheduler = builder.interval(std::time::Duration::from_millis(20)).build();
    scheduler.register(YAHOO, source.clone()).unwrap();
    let running = scheduler.start().unwrap();
    scheduler.schedule_update(&key("AAPL"), YAHOO, Priority::Normal).unwrap();
    while scheduler.stats().updated == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    assert_eq!(source.calls().len(), 1);
    drop(running);
    settle().await;
    scheduler.schedule_update(&key("MSFT"), YAHOO, Priority::Critical).unwrap();
    settle().await;
    assert_eq!(source.calls().len(), 1);
}

#[tokio::test]
async fn rule_90_what_waits_waits_no_longer_because_the_clock_was_set() {
    for set in [-7200, 7200] {
        let at = Fixture::new(|builder| builder);
        let _running = at.scheduler.start().unwrap();
        at.schedule("before", Priority::High);
        at.advance(seconds(30)).await;
        at.clock.shift_wall(set * 1_000_000);
        at.schedule("after", Priority::High);
        at.advance(seconds(29)).await;
        assert!(at.source.calls().is_empty(), "set by {set} s");
        at.advance(seconds(1)).await;
        assert_eq!(at.source.calls(), [["before", "after"]], "set by {set} s");
    }
}
