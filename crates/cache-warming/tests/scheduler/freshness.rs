//! What is queued or fresh is not fetched again.

use std::time::Duration;

use cache_warming::{Priority, Scheduled};

use crate::source::{Fixture, seconds, settle};

#[tokio::test]
async fn rule_90_an_update_queued_twice_is_sent_once() {
    let at = Fixture::new(|builder| builder);
    assert_eq!(at.schedule("AAPL", Priority::Low), Scheduled::Queued);
    assert_eq!(at.schedule("AAPL", Priority::Low), Scheduled::AlreadyQueued);
    let flushed = at.scheduler.flush_pending().await;
    assert_eq!((flushed.updated, flushed.calls), (1, 1));
    assert_eq!(at.source.calls(), [["AAPL"]]);
    let stats = at.scheduler.stats();
    assert_eq!((stats.queued, stats.deduplicated, stats.calls_saved), (1, 1, 1));
}

#[tokio::test]
async fn an_update_whose_call_is_on_its_way_is_not_sent_again_unless_that_fails() {
    let at = Fixture::new(|builder| builder.retries(1));
    let _running = at.scheduler.start().unwrap();
    at.source.script.lock().takes = seconds(5);
    at.source.fail("AAPL", 1);
    at.schedule("AAPL", Priority::Critical);
    settle().await;
    assert_eq!(at.schedule("AAPL", Priority::Critical), Scheduled::AlreadyQueued);
    at.advance(seconds(20)).await;
    assert_eq!(at.source.calls(), [["AAPL"], ["AAPL"]]);
    assert_eq!(at.schedule("AAPL", Priority::Critical), Scheduled::Queued);
}

#[tokio::test]
async fn what_stays_fresh_past_the_interval_is_not_queued_and_what_does_not_is() {
    let at = Fixture::new(|builder| builder);
    at.source.set_fresh("AAPL", seconds(62));
    at.source.set_fresh("MSFT", seconds(61));
    assert_eq!(at.schedule("AAPL", Priority::Normal), Scheduled::Fresh);
    assert_eq!(at.schedule("MSFT", Priority::Normal), Scheduled::Queued);
    at.source.set_fresh("NVDA", seconds(2));
    assert_eq!(at.schedule("NVDA", Priority::Critical), Scheduled::Fresh, "it would not wait");
    assert_eq!(at.scheduler.stats().skipped_fresh, 2);
}

#[tokio::test]
async fn rule_90_what_is_fresh_when_its_batch_goes_is_skipped_and_its_place_taken() {
    let at = Fixture::new(|builder| builder);
    at.schedule_many("a", Priority::High, 5);
    at.schedule_many("b", Priority::Normal, 10);
    for id in 0..4 {
        at.source.set_fresh(&format!("a{id}"), Duration::from_millis(1001));
    }
    at.source.set_fresh("a4", Duration::from_millis(1000));
    let flushed = at.scheduler.flush_pending().await;
    assert_eq!((flushed.skipped_fresh, flushed.updated, flushed.calls), (4, 11, 2));
    let lens: Vec<usize> = at.source.calls().iter().map(Vec::len).collect();
    assert_eq!(lens, [10, 1]);
    assert_eq!(at.source.calls()[0][0], "a4", "it is fresh for no longer than the margin");
    assert_eq!(at.scheduler.stats().calls_saved, 13);
}

#[tokio::test]
async fn rule_90_where_all_is_fresh_no_call_is_made() {
    let at = Fixture::new(|builder| builder);
    at.schedule_many("a", Priority::Normal, 25);
    (0..25).for_each(|id| at.source.set_fresh(&format!("a{id}"), seconds(9)));
    let flushed = at.scheduler.flush_pending().await;
    assert_eq!((flushed.skipped_fresh, flushed.calls), (25, 0));
    assert!(at.source.calls().is_empty() && at.source.script.lock().lifts.is_empty());
}

#[tokio::test]
async fn what_a_lower_tier_has_fresh_is_lifted_by_one_call_and_not_fetched() {
    let at = Fixture::new(|builder| builder);
    at.schedule_many("a", Priority::Normal, 6);
    for (id, span) in [("a0", 30), ("a1", 30), ("a2", 1)] {
        at.source.script.lock().lower.insert(id.into(), seconds(span));
    }
    let flushed = at.scheduler.flush_pending().await;
    assert_eq!((flushed.lifted, flushed.updated, flushed.calls), (2, 4, 1));
    assert_eq!(at.source.calls(), [["a2", "a3", "a4", "a5"]], "a2 is about to end in the lower tier, too");
    assert_eq!(at.source.script.lock().lifts.len(), 1);
    assert_eq!(at.scheduler.stats().lifted, 2);
}
