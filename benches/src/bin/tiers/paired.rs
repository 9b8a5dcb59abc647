//! Timing two sides in pairs: they take turns, call by call.

use std::time::{Duration, Instant};

use anyhow::Result;

/// What one round of a figure measured: microseconds of a turn of either side, the means of all turns.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Round {
    pub(crate) one: f64,
    pub(crate) other: f64,
}

/// Runs two sides for `turns` turns each, in changing order. A side is given the number of its turn, which
/// goes on over all rounds and is the same for both, and returns the time that counts.
pub(crate) async fn run_paired(
    round: usize,
    turns: usize,
    mut one: impl AsyncFnMut(usize) -> Result<Duration>,
    mut other: impl AsyncFnMut(usize) -> Result<Duration>,
) -> Result<Round> {
    let (mut of_one, mut of_other) = (Duration::ZERO, Duration::ZERO);
    for turn in round * turns..(round + 1) * turns {
        if turn % 2 == 0 {
            of_one += one(turn).await?;
            of_other += other(turn).await?;
        } else {
            of_other += other(turn).await?;
            of_one += one(turn).await?;
        }
    }
    let mean = |time: Duration| time.as_secs_f64() * 1e6 / turns as f64;
    Ok(Round { one: mean(of_one), other: mean(of_other) })
}

/// Returns what a call returned, and how long it took.
pub(crate) async fn timed<T>(call: impl Future<Output = T>) -> (T, Duration) {
    let start = Instant::now();
    let answer = call.await;
    (answer, start.elapsed())
}
