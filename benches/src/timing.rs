//! Timing that survives a noisy machine: contenders take turns, and each keeps its median round.

use std::{
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

/// The mean time of one operation, in nanoseconds, when each of `threads` performs `work`, which
/// answers how many operations it did. Thread `i` gets `i`.
pub fn round(threads: usize, work: impl Fn(usize) -> usize + Sync) -> f64 {
    let barrier = Barrier::new(threads);
    let timed: Vec<(Duration, usize)> = thread::scope(|scope| {
        let run = |at| {
            let (barrier, work) = (&barrier, &work);
            scope.spawn(move || {
                barrier.wait();
                let start = Instant::now();
                let done = work(at);
                (start.elapsed(), done)
            })
        };
        let workers: Vec<_> = (0..threads).map(run).collect();
        workers.into_iter().filter_map(|worker| worker.join().ok()).collect()
    });
    let nanos: f64 = timed.iter().map(|(time, _)| time.as_nanos() as f64).sum();
    nanos / timed.iter().map(|(_, done)| *done as f64).sum::<f64>()
}

/// The middle one of several measurements.
#[must_use]
pub fn median(mut measured: Vec<f64>) -> f64 {
    measured.sort_by(f64::total_cmp);
    measured.get(measured.len() / 2).copied().unwrap_or(f64::NAN)
}
