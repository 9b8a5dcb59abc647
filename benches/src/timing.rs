//! Timing that survives a noisy machine: candidates take turns, and each keeps its median round.

use std::{
    panic::resume_unwind,
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

/// Returns the mean time of one operation in nanoseconds, when each of `threads` runs `work`, which is given
/// the number of its thread and returns how many operations it did.
///
/// # Panics
///
/// If `work` does.
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
        workers.into_iter().map(|worker| worker.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
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

/// How many times as long as `other` something took: the middle one of the ratios of their rounds.
///
/// The rounds of one position were run right after each other, so that what slows the machine down for
/// longer than that slows both.
#[must_use]
pub fn ratio(rounds: &[f64], other: &[f64]) -> f64 {
    median(rounds.iter().zip(other).map(|(one, other)| one / other).collect())
}
