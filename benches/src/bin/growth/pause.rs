//! How long somebody is held up by what goes on beside it.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Instant,
};

use tokio::{runtime::Builder, task::yield_now};

/// How often what is measured for its pauses runs: of the longest of each run the least counts, since what the
/// machine does beside does not come back each time.
pub(crate) const RUNS: usize = 3;

/// What was found of work that went on beside somebody.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Beside {
    /// How long the longest call of the other took.
    pub(crate) longest_ms: f64,
    /// How long the work took.
    pub(crate) took_ms: f64,
}

impl Beside {
    /// Returns the less of each.
    pub(crate) fn least(self, other: Self) -> Self {
        Self { longest_ms: self.longest_ms.min(other.longest_ms), took_ms: self.took_ms.min(other.took_ms) }
    }
}

/// Does `work` on this thread, while another calls again and again.
pub(crate) fn beside<T>(call: impl AsyncFn(u64) + Sync, work: impl FnOnce() -> T) -> (Beside, T) {
    let (runs, is_over) = (AtomicBool::new(false), AtomicBool::new(false));
    thread::scope(|scope| {
        let caller = scope.spawn(|| {
            let Ok(runtime) = Builder::new_current_thread().enable_all().build() else { return f64::NAN };
            runtime.block_on(async {
                let (mut longest, mut number) = (0.0_f64, 0);
                while !is_over.load(Ordering::Relaxed) {
                    let began = Instant::now();
                    call(number).await;
                    longest = longest.max(millis(began));
                    number += 1;
                    runs.store(true, Ordering::Relaxed);
                }
                longest
            })
        });
        while !runs.load(Ordering::Relaxed) && !caller.is_finished() {
            thread::yield_now();
        }
        let began = Instant::now();
        let done = work();
        let took_ms = millis(began);
        is_over.store(true, Ordering::Relaxed);
        (Beside { longest_ms: caller.join().unwrap_or(f64::NAN), took_ms }, done)
    })
}

/// Returns for how long `work` keeps the others of its runtime from going on at most, in milliseconds.
pub(crate) fn stall(work: impl Future<Output = ()>) -> f64 {
    let Ok(runtime) = Builder::new_current_thread().enable_all().build() else { return f64::NAN };
    runtime.block_on(async {
        let is_over = AtomicBool::new(false);
        let others = async {
            let mut longest = 0.0_f64;
            while !is_over.load(Ordering::Relaxed) {
                let began = Instant::now();
                yield_now().await;
                longest = longest.max(millis(began));
            }
            longest
        };
        let work = async {
            work.await;
            is_over.store(true, Ordering::Relaxed);
        };
        tokio::join!(others, work).0
    })
}

/// Returns the milliseconds since a moment.
pub(crate) fn millis(began: Instant) -> f64 {
    began.elapsed().as_secs_f64() * 1e3
}
