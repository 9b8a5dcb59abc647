//! Many operations at once: all are due at the moment at which the first one starts.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::tally::{Fault, Outcome, Tally};

/// What came of one burst.
#[derive(Debug)]
pub(crate) struct Burst {
    pub(crate) tally: Tally,
    /// How long it took until the last one ended.
    pub(crate) took: Duration,
}

/// Starts an operation for each number below `at_once`, each in a task of its own, and waits for all. How
/// long each took is counted from the start of the first.
pub(crate) async fn burst<F>(at_once: usize, operation: impl Fn(usize) -> F) -> Result<Burst>
where
    F: Future<Output = Result<Outcome, Fault>> + Send + 'static,
{
    let (mut tally, mut took) = (Tally::new()?, Duration::ZERO);
    let mut tasks = Vec::with_capacity(at_once);
    let due = Instant::now();
    for number in 0..at_once {
        let operation = operation(number);
        tasks.push(tokio::spawn(async move {
            let outcome = operation.await;
            (due.elapsed(), outcome)
        }));
    }
    for task in tasks {
        let (latency, outcome) = task.await.context("an operation panicked")?;
        took = took.max(latency);
        tally.note(latency, outcome);
    }
    Ok(Burst { tally, took })
}

/// Runs an operation for each number below `times`, one after the other.
pub(crate) async fn one_by_one<F>(times: usize, operation: impl Fn(usize) -> F) -> Result<Burst>
where
    F: Future<Output = Result<Outcome, Fault>>,
{
    let mut tally = Tally::new()?;
    let begun = Instant::now();
    for number in 0..times {
        let operation = operation(number);
        let due = Instant::now();
        let outcome = operation.await;
        tally.note(due.elapsed(), outcome);
    }
    Ok(Burst { tally, took: begun.elapsed() })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::{sync::Mutex, time::sleep};

    use super::*;

    #[tokio::test]
    async fn whoever_waits_for_another_takes_as_long_as_both() {
        let turn = Arc::new(Mutex::new(()));
        let burst = burst(5, |_| {
            let turn = Arc::clone(&turn);
            async move {
                let _turn = turn.lock().await;
                sleep(Duration::from_millis(10)).await;
                Ok(Outcome::default())
            }
        });
        let burst = burst.await.unwrap();
        assert_eq!(burst.tally.operations(), 5);
        assert!(burst.took >= Duration::from_millis(50));
        assert!(burst.tally.max_ms() >= 49.9, "{}", burst.tally.max_ms());
        assert!(burst.tally.quantile_ms(0.4) >= 19.9, "{}", burst.tally.quantile_ms(0.4));
    }
}
