//! Many threads that use one scheduler.

use std::{thread, time::Duration};

use cache_core::Clock;
use cache_warming::{BatchScheduler, Priority};
use tokio::runtime::Builder;

use crate::source::{Source, YAHOO, key, seconds};

fn block_on<T>(future: impl Future<Output = T>) -> T {
    Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

/// The source panics if a key is asked for by two calls at once.
#[test]
fn rule_90_threads_that_schedule_flush_and_run_send_each_update_once() {
    let clock = Clock::system();
    let source = Source::new("price", 7, &clock);
    let builder = BatchScheduler::builder().clock(clock).interval(Duration::from_millis(1)).batch_size(7);
    let scheduler = builder.max_pending(50).build();
    scheduler.register(YAHOO, source.clone()).unwrap();
    let drained = thread::scope(|scope| {
        scope.spawn(|| block_on(scheduler.run()));
        let schedule = |thread: usize| {
            for index in 0..3_000 {
                let priority =
                    [Priority::Low, Priority::Normal, Priority::High, Priority::Critical][index % 4];
                // It may be refused for want of room.
                let _ = scheduler.schedule_update(&key(&format!("{}", index * thread % 97)), YAHOO, priority);
            }
        };
        let threads: Vec<_> = (1..4).map(|thread| scope.spawn(move || schedule(thread))).collect();
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..100 {
                    block_on(scheduler.flush_pending());
                }
            });
        }
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        block_on(scheduler.shutdown(seconds(30)))
    });
    let stats = scheduler.stats();
    assert_eq!((drained.left, stats.pending, stats.failed, stats.dropped), (0, 0, 0, 0));
    assert_eq!(stats.queued, stats.updated + stats.displaced);
    assert_eq!(stats.queued + stats.deduplicated + stats.refused, 9_000);
    assert_eq!(source.calls().iter().map(Vec::len).sum::<usize>() as u64, stats.updated);
}
