//! What fails: retries, pauses, hung calls and panics.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use cache_core::{Error, ErrorKind};
use cache_warming::{Priority, Scheduled};

use crate::source::{Fixture, Source, key, seconds, settle};

#[tokio::test]
async fn an_update_that_fails_is_sent_again_after_growing_pauses_and_then_dropped() {
    let at = Fixture::new(|builder| builder.retries(3));
    let _running = at.scheduler.start().unwrap();
    at.source.fail("bad", usize::MAX);
    at.schedule("bad", Priority::Normal);
    at.schedule_many("good", Priority::Normal, 9);
    at.advance(seconds(60)).await;
    let calls = at.source.script.lock().calls.clone();
    assert_eq!(calls.len(), 4, "one, and three retries");
    assert!(calls[1..].iter().all(|(_, ids)| ids == &["bad"]));
    for (pair, limit) in calls.windows(2).zip([1, 2, 4]) {
        let pause = pair[1].0.since(pair[0].0);
        assert!(pause * 2 >= seconds(limit) && pause <= seconds(limit), "{pause:?} of {limit} s");
    }
    let stats = at.scheduler.stats();
    assert_eq!((stats.updated, stats.failed, stats.retried, stats.dropped), (9, 4, 3, 1));
    assert_eq!((stats.pending, stats.sent, stats.calls), (0, 13, 4));
    assert_eq!(at.schedule("bad", Priority::Normal), Scheduled::Queued, "it is forgotten");
}

#[tokio::test]
async fn an_error_that_no_retry_mends_ends_an_update_at_once() {
    let at = Fixture::new(|builder| builder);
    at.source.script.lock().error = Some(Error::new(ErrorKind::Config, "load", "no such symbol"));
    at.source.fail("bad", usize::MAX);
    at.schedule("bad", Priority::Normal);
    let flushed = at.scheduler.flush_pending().await;
    assert_eq!((flushed.dropped, flushed.failed), (1, 0));
}

#[tokio::test]
async fn a_source_that_asks_for_a_longer_pause_gets_it() {
    let at = Fixture::new(|builder| builder);
    let _running = at.scheduler.start().unwrap();
    let error = Error::new(ErrorKind::Unavailable, "load", "429").with_retry_after(seconds(30));
    at.source.script.lock().error = Some(error);
    at.source.fail("AAPL", 1);
    at.schedule("AAPL", Priority::Critical);
    at.advance(seconds(29)).await;
    assert_eq!(at.source.calls().len(), 1);
    at.advance(seconds(1)).await;
    assert_eq!(at.source.calls().len(), 2);
    assert_eq!(at.scheduler.stats().updated, 1);
}

#[tokio::test]
async fn what_went_along_with_others_and_failed_waits_for_its_hour_or_goes_along_again() {
    let low_load = Arc::new(AtomicBool::new(false));
    let seen = low_load.clone();
    let at = Fixture::new(|builder| builder.low_load(move |_| seen.load(Ordering::Relaxed)));
    let _running = at.scheduler.start().unwrap();
    at.source.fail("low", 2);
    at.source.fail("normal", 2);
    at.schedule("low", Priority::Low);
    at.schedule("normal", Priority::Normal);
    for critical in ["first", "second"] {
        at.schedule(critical, Priority::Critical);
        at.advance(seconds(600)).await;
        assert_eq!(at.source.calls().last().unwrap(), &[critical, "normal", "low"]);
    }
    assert_eq!(at.source.calls().len(), 2, "no calls of their own");
    low_load.store(true, Ordering::Relaxed);
    at.advance(seconds(30)).await;
    assert_eq!(at.source.calls()[2..], [["normal", "low"]]);
}

#[tokio::test]
async fn what_may_go_at_any_hour_and_failed_goes_again_after_its_pause() {
    let at = Fixture::new(|builder| builder.low_load(|_| false));
    let _running = at.scheduler.start().unwrap();
    at.source.fail("high", 1);
    at.schedule("low", Priority::Low);
    at.schedule("high", Priority::High);
    at.advance(seconds(61)).await;
    assert_eq!(at.source.calls(), [vec!["high", "low"], vec!["high"]]);
    // A full batch that failed is full again.
    at.source.script.lock().outages = 1;
    at.schedule_many("normal", Priority::Normal, 10);
    at.advance(seconds(2)).await;
    assert_eq!((at.source.calls().len(), at.scheduler.stats().pending), (4, 0));
}

#[tokio::test]
async fn what_failed_together_is_tried_again_together_and_a_provider_that_is_down_is_left_alone() {
    let at = Fixture::new(|builder| builder.retry_pauses(seconds(8)..=seconds(64)));
    let _running = at.scheduler.start().unwrap();
    at.source.script.lock().outages = 1;
    at.schedule_many("a", Priority::Normal, 10);
    at.schedule_many("b", Priority::Normal, 10);
    at.advance(seconds(3)).await;
    assert_eq!(at.source.calls().len(), 1, "the second batch waits, too");
    at.advance(seconds(6)).await;
    assert_eq!(at.source.calls().len(), 3);
    assert_eq!(at.scheduler.stats().updated, 20);
}

#[tokio::test]
async fn a_provider_that_is_down_is_left_alone_though_nothing_is_to_be_tried_again() {
    let at = Fixture::new(|builder| builder.retries(0).retry_pauses(seconds(8)..=seconds(64)));
    let _running = at.scheduler.start().unwrap();
    at.source.script.lock().outages = 1;
    at.schedule_many("a", Priority::Normal, 20);
    at.advance(seconds(3)).await;
    assert_eq!((at.source.calls().len(), at.scheduler.stats().dropped), (1, 10));
    at.advance(seconds(5)).await;
    assert_eq!((at.source.calls().len(), at.scheduler.stats().updated), (2, 10));
}

#[tokio::test]
async fn a_provider_that_brings_something_again_is_no_longer_left_alone() {
    let at = Fixture::new(|builder| builder.retry_pauses(seconds(600)..=seconds(600)));
    let _running = at.scheduler.start().unwrap();
    at.source.script.lock().outages = 1;
    at.schedule_many("a", Priority::Normal, 10);
    settle().await;
    assert_eq!(at.scheduler.stats().groups[0].resting, 10);
    at.scheduler.flush_pending().await;
    at.schedule_many("b", Priority::Normal, 10);
    settle().await;
    assert_eq!(at.scheduler.stats().updated, 20);
}

#[tokio::test]
async fn a_call_that_hangs_holds_up_its_own_group_only_and_ends_at_its_limit() {
    let at = Fixture::new(|builder| builder.call_timeout(seconds(30)).concurrency(2).retries(0));
    let other = Source::new("price", 1000, &at.clock);
    at.scheduler.register("polygon", other.clone()).unwrap();
    let _running = at.scheduler.start().unwrap();
    at.source.script.lock().hangs = true;
    at.schedule_many("a", Priority::Critical, 20);
    at.advance(seconds(1)).await;
    for second in 0..5 {
        at.scheduler.schedule_update(&key(&format!("{second}")), "polygon", Priority::Critical).unwrap();
        at.advance(seconds(1)).await;
    }
    assert_eq!(other.calls().len(), 5);
    assert_eq!(at.source.calls().len(), 1);
    let groups = at.scheduler.stats().groups;
    assert_eq!((groups[0].queued, groups[0].in_flight), (10, 10));
    at.source.script.lock().hangs = false;
    at.advance(seconds(30)).await;
    let stats = at.scheduler.stats();
    assert_eq!((stats.dropped, stats.updated, stats.pending), (10, 15, 0));
}

#[tokio::test]
async fn no_more_batches_are_on_their_way_than_allowed() {
    let at = Fixture::new(|builder| builder.concurrency(2).call_timeout(seconds(300)));
    let others: Vec<_> = ["b", "c", "d"].map(|name| (name, Source::new("price", 10, &at.clock))).into();
    for (name, source) in &others {
        at.scheduler.register(name, source.clone()).unwrap();
        source.script.lock().takes = seconds(10);
        at.scheduler.schedule_update(&key("AAPL"), name, Priority::Critical).unwrap();
    }
    let _running = at.scheduler.start().unwrap();
    settle().await;
    let made = || others.iter().map(|(_, source)| source.calls().len()).sum::<usize>();
    assert_eq!(made(), 2);
    let flush = at.scheduler.flush_pending();
    let (flushed, ()) = tokio::join!(flush, async {
        settle().await;
        assert_eq!(made(), 2, "a flush is bound by it, too");
        at.advance(seconds(20)).await;
    });
    assert_eq!((made(), at.scheduler.stats().updated), (3, 3));
    assert!(flushed.updated <= 1, "{flushed:?}");
}

#[tokio::test]
async fn a_panic_of_the_source_is_a_failure_and_the_loop_goes_on() {
    let at = Fixture::new(|builder| builder.retries(1));
    let _running = at.scheduler.start().unwrap();
    at.source.script.lock().panics = true;
    at.schedule("AAPL", Priority::Critical);
    settle().await;
    at.source.script.lock().panics = false;
    at.advance(seconds(2)).await;
    let stats = at.scheduler.stats();
    assert_eq!((stats.failed, stats.retried, stats.updated), (1, 1, 1));
}
