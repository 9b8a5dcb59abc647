//! Sending all now, dropping all, and the end.

use cache_core::{Error, ErrorKind};
use cache_warming::{Priority, Scheduled};
use futures_util::FutureExt;
use tokio::join;

use crate::source::{Fixture, YAHOO, key, seconds, settle};

#[tokio::test]
async fn a_flush_sends_all_whatever_the_hour_and_the_pauses() {
    let at = Fixture::new(|builder| builder.low_load(|_| false).longest_wait(seconds(86_400)));
    at.source.fail("bad", 1);
    at.schedule("bad", Priority::Low);
    at.schedule_many("a", Priority::Low, 24);
    let flushed = at.scheduler.flush_pending().await;
    assert_eq!((flushed.updated, flushed.failed, flushed.calls), (24, 1, 3));
    let flushed = at.scheduler.flush_pending().await;
    assert_eq!((flushed.updated, flushed.failed, flushed.calls), (1, 0, 1));
    assert_eq!(at.scheduler.flush_pending().await, Default::default());
}

#[tokio::test]
async fn a_flush_waits_for_what_is_on_its_way() {
    let at = Fixture::new(|builder| builder);
    let _running = at.scheduler.start().unwrap();
    at.source.script.lock().takes = seconds(5);
    at.schedule("AAPL", Priority::Critical);
    settle().await;
    let flush = async {
        let flushed = at.scheduler.flush_pending().await;
        (flushed.updated, at.scheduler.stats().updated)
    };
    let ((by_it, by_all), ()) = join!(flush, at.advance(seconds(5)));
    assert_eq!((by_it, by_all), (0, 1), "the loop had sent it, and it has come");
}

#[tokio::test]
async fn two_flushes_at_once_send_each_update_once() {
    let at = Fixture::new(|builder| builder);
    at.source.script.lock().takes = seconds(1);
    at.schedule_many("a", Priority::Low, 40);
    let (a, b, ()) =
        join!(at.scheduler.flush_pending(), at.scheduler.flush_pending(), at.advance(seconds(9)));
    assert_eq!((a.updated + b.updated, at.source.calls().len()), (40, 4));
}

#[tokio::test]
async fn what_a_dropped_flush_or_loop_was_sending_waits_as_before() {
    let at = Fixture::new(|builder| builder);
    at.source.script.lock().hangs = true;
    at.schedule("AAPL", Priority::Critical);
    assert!(at.scheduler.flush_pending().now_or_never().is_none());
    assert_eq!(at.scheduler.stats().groups[0].queued, 1);
    let running = at.scheduler.start().unwrap();
    settle().await;
    assert_eq!(at.scheduler.stats().groups[0].in_flight, 1);
    drop(running);
    settle().await;
    assert_eq!(at.schedule("AAPL", Priority::Low), Scheduled::AlreadyQueued);
    at.source.script.lock().hangs = false;
    assert_eq!(at.scheduler.flush_pending().await.updated, 1);
}

#[tokio::test]
async fn clearing_drops_what_waits() {
    let at = Fixture::new(|builder| builder);
    at.schedule_many("a", Priority::Low, 40);
    assert_eq!(at.scheduler.clear_pending(), 40);
    assert_eq!(at.scheduler.flush_pending().await, Default::default());
    assert_eq!((at.scheduler.stats().cleared, at.scheduler.stats().pending), (40, 0));
    assert_eq!(at.schedule("a1", Priority::Low), Scheduled::Queued);
}

#[tokio::test]
async fn rule_90_a_shutdown_drains_what_waits_with_its_retries_and_takes_no_more() {
    for with_loop in [false, true] {
        let at = Fixture::new(|builder| builder.low_load(|_| false));
        let _running = with_loop.then(|| at.scheduler.start().unwrap());
        at.source.fail("bad", 2);
        at.source.fail("worse", usize::MAX);
        at.schedule("bad", Priority::Low);
        at.schedule("worse", Priority::Low);
        at.schedule_many("a", Priority::Low, 23);
        let (drained, ()) = join!(at.scheduler.shutdown(seconds(60)), at.advance(seconds(20)));
        assert_eq!((drained.answered, drained.dropped, drained.left), (24, 1, 0));
        let error = at.scheduler.schedule_update(&key("AAPL"), YAHOO, Priority::Low).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Closed);
        assert_eq!(at.scheduler.shutdown(seconds(60)).await, Default::default());
    }
}

#[tokio::test]
async fn rule_90_a_shutdown_ends_at_its_limit_and_says_what_was_left() {
    for with_loop in [false, true] {
        let at = Fixture::new(|builder| builder);
        let _running = with_loop.then(|| at.scheduler.start().unwrap());
        at.schedule_many("a", Priority::High, 10);
        settle().await;
        at.source.script.lock().hangs = true;
        at.schedule_many("b", Priority::Low, 15);
        settle().await;
        let before = at.clock.now();
        let (drained, ended) = join!(
            async {
                let drained = at.scheduler.shutdown(seconds(7)).await;
                assert_eq!(at.clock.now().since(before), seconds(7));
                drained
            },
            async {
                at.advance(seconds(90)).await;
                at.scheduler.stats()
            }
        );
        let left = if with_loop { 15 } else { 25 };
        assert_eq!((drained.left, ended.pending), (left, 0), "{with_loop}");
        assert_eq!(ended.dropped, left as u64, "{with_loop}");
    }
}

#[tokio::test]
async fn a_shutdown_keeps_the_pauses_that_a_source_asked_for_and_waits_for_none_past_its_limit() {
    let at = Fixture::new(|builder| builder.retry_pauses(seconds(8)..=seconds(64)));
    let running = at.scheduler.start().unwrap();
    let down = || Error::new(ErrorKind::Unavailable, "load", "down");
    for (id, error) in [
        ("late", down().with_retry_after(seconds(600))),
        ("soon", down().with_retry_after(seconds(20))),
        ("ours", down()),
    ] {
        at.source.script.lock().error = Some(error);
        at.source.fail(id, if id == "ours" { 2 } else { 1 });
        at.schedule(id, Priority::Normal);
        // So that only what fails rests, and not its group.
        at.schedule(&format!("with {id}"), Priority::Critical);
        at.advance(seconds(1)).await;
    }
    drop(running);
    assert_eq!(at.scheduler.stats().groups[0].resting, 3);
    let (before, made) = (at.clock.now(), at.source.calls().len());
    let shutdown = async { (at.scheduler.shutdown(seconds(60)).await, at.clock.now().since(before)) };
    let ((drained, took), ()) = join!(shutdown, at.advance(seconds(60)));
    assert_eq!(at.source.calls()[made..], [["ours"], ["ours"], ["soon"]]);
    let calls = at.source.script.lock().calls[made..].to_vec();
    let [first, again, soon] = [0, 1, 2].map(|index: usize| calls[index].0.since(before));
    assert_eq!((first, soon), (seconds(0), seconds(18)), "our own pause is cut short, once");
    assert!(again >= seconds(8) && again <= seconds(16), "{again:?}");
    assert_eq!((drained.answered, drained.dropped, drained.left), (2, 0, 1));
    assert_eq!(took, seconds(18), "there was nothing more to wait for");
    assert_eq!((at.scheduler.stats().dropped, at.scheduler.stats().pending), (1, 0));
}

#[tokio::test]
async fn the_loop_ends_with_the_shutdown_and_not_in_the_midst_of_a_call() {
    let at = Fixture::new(|builder| builder);
    at.source.script.lock().takes = seconds(5);
    at.schedule("AAPL", Priority::Critical);
    let (drained, (), ()) = join!(
        async {
            settle().await;
            at.scheduler.shutdown(seconds(60)).await
        },
        at.scheduler.run(),
        at.advance(seconds(9))
    );
    assert_eq!((drained.answered, drained.left, at.source.calls().len()), (1, 0, 1));
}
