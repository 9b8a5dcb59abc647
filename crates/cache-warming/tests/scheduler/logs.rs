//! What an operator reads.

use std::{cell::Cell, sync::Once};

use cache_core::LogSum;
use cache_warming::Priority;
use tracing::{
    Event, Level, Metadata, Subscriber,
    span::{Attributes, Id, Record},
    subscriber::set_global_default,
};

use crate::source::{Fixture, seconds, settle};

thread_local! {
    /// The warnings of the test that runs on this thread.
    static COUNTED: Cell<usize> = const { Cell::new(0) };
}

/// Counts warnings. There is one for all tests: whichever of them comes first to a line decides who is asked of
/// it.
struct Warnings;

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::WARN
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {
        COUNTED.set(COUNTED.get() + 1);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn a_hundred_dropped_updates_are_one_warning_and_one_line_that_sums_up() {
    static SET: Once = Once::new();
    SET.call_once(|| set_global_default(Warnings).expect("no other test sets one"));
    let at = Fixture::new(|builder| builder.retries(0).retry_pauses(seconds(0)..=seconds(0)));
    let _running = at.scheduler.start().unwrap();
    at.source.script.lock().outages = 10;
    at.schedule_many("a", Priority::High, 100);
    settle().await;
    at.advance(seconds(1)).await;
    assert_eq!((at.scheduler.stats().dropped, COUNTED.get()), (100, 1));
    at.advance(LogSum::INTERVAL).await;
    assert_eq!(COUNTED.get(), 2, "the rest, though nothing more happened");
    at.advance(LogSum::INTERVAL).await;
    assert_eq!(COUNTED.get(), 3, "and that it is over");
    at.advance(seconds(60)).await;
    assert_eq!(COUNTED.get(), 3);
}
