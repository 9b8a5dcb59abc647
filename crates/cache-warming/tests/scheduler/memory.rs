//! What pending updates take.

use std::sync::Arc;

use allocation_counter::measure;
use cache_core::Clock;
use cache_warming::{BatchScheduler, Priority, Scheduled};
use futures_util::FutureExt;

use crate::source::{Source, YAHOO, key, seconds};

fn scheduler(clock: &Clock, source: &Arc<Source>) -> BatchScheduler {
    let scheduler = BatchScheduler::builder().clock(clock.clone()).build();
    scheduler.register(YAHOO, source.clone()).unwrap();
    scheduler
}

fn id(index: usize) -> String {
    format!("AAPL{index:03}@XNAS")
}

/// Returns what so many pending updates take.
fn bytes_of(many: usize) -> i64 {
    let clock = Clock::manual();
    held(&scheduler(&clock, &Source::new("price", 1000, &clock)), many)
}

/// Queues updates, keys and all. Returns the bytes that are held then.
fn held(scheduler: &BatchScheduler, many: usize) -> i64 {
    let held = measure(|| {
        for index in 0..many {
            let priority = [Priority::Low, Priority::Normal, Priority::High, Priority::Normal][index % 4];
            let key = key(&id(index));
            assert_eq!(scheduler.schedule_update(&key, YAHOO, priority).unwrap(), Scheduled::Queued);
        }
    });
    held.bytes_current
}

#[test]
fn a_thousand_pending_updates_take_at_most_50_kb() {
    assert!(measure(|| drop(vec![0_u8; 100])).bytes_total >= 100, "allocations are counted");
    let bytes = bytes_of(1000);
    println!("1,000 pending updates take {bytes} bytes");
    assert!(bytes <= 50_000, "{bytes} bytes");
    // And as little at any other number.
    for many in [700, 900, 1100, 1500, 2000, 10_000] {
        let bytes = bytes_of(many);
        println!("{many} pending updates take {bytes} bytes, {} each", bytes / many as i64);
        assert!(bytes <= 56 * many as i64, "{bytes} bytes for {many}");
    }
}

#[test]
fn what_was_pending_is_given_back() {
    let clock = Clock::manual();
    let source = Source::new("price", 1000, &clock);
    let scheduler = scheduler(&clock, &source);
    // Fresh for less than the interval, so that they are queued and then skipped: a source would note each call.
    (0..10_000).for_each(|index| source.set_fresh(&id(index), seconds(9)));
    held(&scheduler, 1);
    scheduler.flush_pending().now_or_never();
    let mut skipped = 0;
    let left = measure(|| {
        held(&scheduler, 10_000);
        skipped = scheduler.flush_pending().now_or_never().map_or(0, |flushed| flushed.skipped_fresh);
    });
    assert_eq!(skipped, 10_000);
    assert!(left.bytes_current <= 1024, "{} bytes", left.bytes_current);
}
