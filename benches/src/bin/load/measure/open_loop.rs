//! Requests at a fixed rate, started whether or not earlier ones were answered. Each is counted from when it was
//! due: whoever stalls keeps none of those waiting unseen that were due meanwhile.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use cache_core::sync::Mutex;
use tokio::{runtime::Handle, time::sleep};

use super::tally::{Fault, Outcome, Tally};

/// How many requests a rate has at least: of fewer nobody can say how long 99 of 100 take.
const LEAST_REQUESTS: u64 = 100;
/// For how long requests may be unanswered before a rate is given up: more would only fill memory.
const MAX_BEHIND: Duration = Duration::from_secs(1);

/// When requests are due.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schedule {
    pub(crate) rate: f64,
    pub(crate) span: Duration,
    /// How long what is under way is waited for once nothing more is started.
    pub(crate) drain: Duration,
}

impl Schedule {
    /// Returns how many requests are due within the span, or for longer if these are too few.
    pub(crate) fn requests(&self) -> u64 {
        ((self.rate * self.span.as_secs_f64()).ceil() as u64).max(LEAST_REQUESTS)
    }

    /// Returns when a request is due, counted from the start.
    pub(crate) fn due(&self, number: u64) -> Duration {
        Duration::from_secs_f64(number as f64 / self.rate)
    }

    /// Returns how many requests may be under way before the rate is given up.
    fn most_under_way(&self) -> u64 {
        ((self.rate * MAX_BEHIND.as_secs_f64()) as u64).max(1)
    }
}

/// What came of one rate.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) tally: Tally,
    /// How many were due.
    pub(crate) due: u64,
    /// How many were neither answered nor failed within the time.
    pub(crate) unanswered: u64,
    /// How long it took until all were answered, or nobody waited any more.
    pub(crate) took: Duration,
    /// How much later than due 99 of 100 were started at most, in milliseconds: what of the latencies is the
    /// client's own.
    pub(crate) started_late_ms: f64,
}

impl Step {
    /// Whether all were answered rightly, and 99 of 100 within the limit.
    pub(crate) fn holds(&self, limit_ms: f64) -> bool {
        self.unanswered == 0 && self.tally.errors() == 0 && self.tally.quantile_ms(0.99) <= limit_ms
    }
}

/// What the requests share.
struct Shared {
    tally: Mutex<Tally>,
    ended: AtomicU64,
    /// Whether nobody waits for them any more.
    over: AtomicBool,
}

/// Starts an operation for each number whenever it is due. They are paced by a thread of its own, for the
/// timers of tokio are as coarse as a millisecond.
pub(crate) async fn open_loop<F>(
    schedule: Schedule,
    operation: impl Fn(u64) -> F + Send + 'static,
) -> Result<Step>
where
    F: Future<Output = Result<Outcome, Fault>> + Send + 'static,
{
    let shared = Arc::new(Shared {
        tally: Mutex::new(Tally::new()?),
        ended: AtomicU64::new(0),
        over: AtomicBool::new(false),
    });
    let pacer = Pacer { schedule, shared: Arc::clone(&shared), runtime: Handle::current() };
    let lateness = Tally::new()?;
    let begun = Instant::now();
    let paced = tokio::task::spawn_blocking(move || pacer.run(operation, lateness));
    // Whoever drops this stops the pacer.
    let _over = Over(Arc::clone(&shared));
    let (started, lateness) = paced.await.context("the pacer panicked")?;
    let drained_by = Instant::now() + schedule.drain;
    while shared.ended.load(Ordering::Acquire) < started && Instant::now() < drained_by {
        sleep(Duration::from_millis(1)).await;
    }
    shared.over.store(true, Ordering::Release);
    let took = begun.elapsed();
    let mut tally = std::mem::replace(&mut *shared.tally.lock(), Tally::new()?);
    let due = schedule.requests();
    let unanswered = due - tally.operations();
    // Whoever was not answered waited for at least as long as the last one, which came when all had begun.
    tally.note_unanswered(unanswered, schedule.drain);
    Ok(Step { tally, due, unanswered, took, started_late_ms: lateness.quantile_ms(0.99) })
}

/// Tells the pacer that it is over.
struct Over(Arc<Shared>);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::Release);
    }
}

struct Pacer {
    schedule: Schedule,
    shared: Arc<Shared>,
    runtime: Handle,
}

impl Pacer {
    /// Starts all, and returns how many it started and how late. Ends early once too many are under way.
    fn run<F>(self, operation: impl Fn(u64) -> F, mut lateness: Tally) -> (u64, Tally)
    where
        F: Future<Output = Result<Outcome, Fault>> + Send + 'static,
    {
        let Self { schedule, shared, runtime } = self;
        let begun = Instant::now();
        for number in 0..schedule.requests() {
            let due = begun + schedule.due(number);
            loop {
                let early = due.saturating_duration_since(Instant::now());
                if early.is_zero() {
                    break;
                }
                thread::sleep(early);
            }
            let under_way = number - shared.ended.load(Ordering::Acquire);
            if under_way > schedule.most_under_way() || shared.over.load(Ordering::Acquire) {
                return (number, lateness);
            }
            lateness.note(due.elapsed(), Ok(Outcome::default()));
            let (operation, shared) = (operation(number), Arc::clone(&shared));
            runtime.spawn(async move {
                let outcome = operation.await;
                let took = due.elapsed();
                // Nobody may add to what was told already.
                let mut tally = shared.tally.lock();
                if !shared.over.load(Ordering::Acquire) {
                    tally.note(took, outcome);
                }
                drop(tally);
                shared.ended.fetch_add(1, Ordering::Release);
            });
        }
        (schedule.requests(), lateness)
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::Mutex as Turn;

    use super::*;

    const SCHEDULE: Schedule =
        Schedule { rate: 1000.0, span: Duration::from_millis(600), drain: Duration::from_secs(60) };

    #[test]
    fn requests_are_due_at_equal_distances_from_the_start() {
        assert_eq!(SCHEDULE.requests(), 600);
        assert_eq!(SCHEDULE.due(0), Duration::ZERO);
        assert_eq!(SCHEDULE.due(599), Duration::from_millis(599));
        let odd = Schedule { rate: 300.0, span: Duration::from_secs(1), ..SCHEDULE };
        assert_eq!((odd.requests(), odd.due(2)), (300, Duration::from_secs_f64(2.0 / 300.0)));
        let few = Schedule { rate: 10.0, span: Duration::from_nanos(1), ..SCHEDULE };
        assert_eq!((few.requests(), few.due(99)), (100, Duration::from_millis(9900)));
    }

    /// One worker stands still for 300 ms, once. Asked one after the other it would keep one request waiting;
    /// those that were due meanwhile wait as well, however late the machine starts them.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_stalled_worker_shows_in_all_requests_that_were_due_meanwhile() {
        let worker = Arc::new(Turn::new(false));
        let step = open_loop(SCHEDULE, move |number| {
            let worker = Arc::clone(&worker);
            async move {
                let mut has_stalled = worker.lock().await;
                if number >= 100 && !*has_stalled {
                    *has_stalled = true;
                    sleep(Duration::from_millis(300)).await;
                }
                Ok(Outcome { answered_by: vec!["memory".into()] })
            }
        });
        let step = step.await.unwrap();
        assert_eq!((step.due, step.unanswered, step.tally.operations()), (600, 0, 600));
        // Half of all requests were due while it stood still, and half of those wait for half of that time.
        assert!(step.tally.quantile_ms(0.75) >= 140.0, "p75 {} ms", step.tally.quantile_ms(0.75));
        assert!(step.tally.quantile_ms(0.99) >= 280.0, "p99 {} ms", step.tally.quantile_ms(0.99));
        assert!(!step.holds(10.0));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_worker_that_never_answers_ends_the_step_and_fails_it() {
        let schedule = Schedule { rate: 50.0, span: Duration::from_secs(60), drain: Duration::ZERO };
        let step = open_loop(schedule, |_| async {
            std::future::pending::<()>().await;
            Ok(Outcome::default())
        });
        let step = step.await.unwrap();
        assert_eq!((step.due, step.unanswered, step.tally.errors()), (3000, 3000, 3000));
        assert!(!step.holds(f64::INFINITY));
    }
}
