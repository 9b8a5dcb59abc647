//! What happens where more is asked for than may be pending.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use cache_core::ErrorKind;
use cache_warming::Priority;

use crate::source::{Fixture, Source, YAHOO, key, seconds, settle};

#[tokio::test]
async fn past_the_limit_the_youngest_of_the_lowest_priority_makes_room() {
    let at = Fixture::new(|builder| builder.max_pending(4));
    let other = Source::new("price", 10, &at.clock);
    at.scheduler.register("polygon", other.clone()).unwrap();
    at.schedule("normal", Priority::Normal);
    at.clock.advance(seconds(1));
    at.schedule("old", Priority::Low);
    at.clock.advance(seconds(1));
    at.scheduler.schedule_update(&key("young"), "polygon", Priority::Low).unwrap();
    at.clock.advance(seconds(1));
    at.schedule("high", Priority::High);
    at.schedule("1", Priority::High);
    let stats = at.scheduler.stats();
    assert_eq!(
        (stats.groups[0].queued, stats.groups[1].queued),
        (4, 0),
        "the youngest of all groups is gone"
    );
    let error = at.scheduler.schedule_update(&key("no"), YAHOO, Priority::Low).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
    assert!(error.to_string().contains("max_pending"), "{error}");
    at.schedule("2", Priority::High);
    at.schedule("3", Priority::High);
    let error = at.scheduler.schedule_update(&key("no"), YAHOO, Priority::High).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
    at.scheduler.flush_pending().await;
    assert_eq!(at.source.calls(), [["high", "1", "2", "3"]]);
    assert!(other.calls().is_empty());
    let stats = at.scheduler.stats();
    assert_eq!((stats.displaced, stats.refused, stats.queued), (3, 2, 7));
}

#[tokio::test]
async fn of_equal_priority_the_younger_is_displaced() {
    let at = Fixture::new(|builder| builder.max_pending(2));
    at.schedule("old", Priority::Low);
    at.clock.advance(seconds(1));
    at.schedule("young", Priority::Low);
    at.schedule("high", Priority::High);
    at.scheduler.flush_pending().await;
    assert_eq!(at.source.calls(), [["high", "old"]]);
}

#[tokio::test]
async fn what_is_on_its_way_counts_and_is_not_displaced_and_what_rests_is() {
    let at = Fixture::new(|builder| builder.max_pending(1));
    let _running = at.scheduler.start().unwrap();
    at.source.script.lock().takes = seconds(5);
    at.source.fail("low", 1);
    at.schedule("low", Priority::Low);
    at.advance(seconds(61)).await;
    assert_eq!(at.scheduler.stats().groups[0].in_flight, 1);
    let error = at.scheduler.schedule_update(&key("high"), YAHOO, Priority::High).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
    at.advance(seconds(4)).await;
    settle().await;
    assert_eq!(at.scheduler.stats().groups[0].resting, 1);
    at.schedule("high", Priority::High);
    let stats = at.scheduler.stats();
    assert_eq!((stats.displaced, stats.pending, stats.groups[0].queued), (1, 1, 1));
}

/// What callers would wait a minute or a day for is not spent on what nobody waits for.
#[tokio::test]
async fn updates_leave_half_of_a_quota_to_callers_and_wait_for_the_rest() {
    let left = Arc::new(AtomicUsize::new(20));
    let seen = left.clone();
    let at = Fixture::new(|builder| builder.calls_left(move |_| Some(seen.load(Ordering::Relaxed))));
    at.source.script.lock().left = Some(left.clone());
    let _running = at.scheduler.start().unwrap();
    at.schedule_many("update", Priority::Critical, 300);
    at.advance(seconds(60)).await;
    assert_eq!((at.source.calls().len(), left.load(Ordering::Relaxed)), (10, 10));
    let stats = at.scheduler.stats();
    assert_eq!((stats.updated, stats.dropped, stats.pending), (100, 0, 200));
    left.store(20, Ordering::Relaxed);
    at.advance(seconds(2)).await;
    assert_eq!((at.source.calls().len(), at.scheduler.stats().pending), (20, 100));
}
