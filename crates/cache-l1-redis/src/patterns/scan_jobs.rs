//! Removals by pattern under way: each runs to its end, even if its caller has stopped waiting, unless its runtime
//! ends: then whoever asks again begins anew.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use cache_core::{
    Error, ErrorKind, Pattern, Result, Timestamp, Tombstone,
    sync::{Mutex, MutexGuard},
};
use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use tokio::{
    runtime::{self, Handle},
    task::AbortHandle,
};

/// The removals by pattern under way. The same removal, asked for again on the same runtime while it runs, joins
/// the job that is there: another runtime may stand still. It is the same if it matches the same and was born at
/// the same time; whoever repeats one may have it last longer.
#[derive(Debug, Default)]
pub(crate) struct ScanJobs(Mutex<Vec<ScanJob>>);

type JobResult = Shared<BoxFuture<'static, Result<u64>>>;

/// Until when the tombstone of a job lasts: as long as the longest that was asked for.
#[derive(Clone, Debug)]
pub(crate) struct Lasts(Arc<AtomicI64>);

impl Lasts {
    fn new(until: Timestamp) -> Self {
        Self(Arc::new(AtomicI64::new(until.as_micros())))
    }

    pub(crate) fn until(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::Relaxed))
    }

    fn at_least(&self, until: Timestamp) {
        self.0.fetch_max(until.as_micros(), Ordering::Relaxed);
    }
}

struct ScanJob {
    pattern: Pattern,
    born: Timestamp,
    lasts: Lasts,
    runtime: runtime::Id,
    task: AbortHandle,
    result: JobResult,
}

impl ScanJobs {
    /// Waits for the result of the job under way, or starts `removal` as one and waits for that. The job
    /// runs to its end even if the caller stops waiting.
    pub(crate) async fn join_or_start<F: Future<Output = Result<u64>> + Send + 'static>(
        &self,
        pattern: &Pattern,
        tombstone: Tombstone,
        removal: impl FnOnce(Lasts) -> F,
    ) -> Result<u64> {
        let runtime = Handle::current();
        let is_same = |job: &ScanJob| {
            job.runtime == runtime.id() && job.pattern == *pattern && job.born == tombstone.born
        };
        let result = {
            let mut jobs = self.jobs();
            // Also what its runtime ended.
            jobs.retain(|job| !job.task.is_finished());
            match jobs.iter().find(|job| is_same(job)) {
                Some(job) => {
                    job.lasts.at_least(tombstone.dead_at);
                    job.result.clone()
                }
                None => {
                    let lasts = Lasts::new(tombstone.dead_at);
                    let removal = removal(lasts.clone());
                    let job = ScanJob::start(&runtime, pattern.clone(), tombstone.born, lasts, removal);
                    let result = job.result.clone();
                    jobs.push(job);
                    result
                }
            }
        };
        result.await
    }

    fn jobs(&self) -> MutexGuard<'_, Vec<ScanJob>> {
        self.0.lock()
    }
}

impl ScanJob {
    fn start(
        runtime: &Handle,
        pattern: Pattern,
        born: Timestamp,
        lasts: Lasts,
        removal: impl Future<Output = Result<u64>> + Send + 'static,
    ) -> Self {
        let work = runtime.spawn(removal);
        let task = work.abort_handle();
        let result = work.map(|ended| {
            ended.unwrap_or_else(|why| {
                let message = "a removal by pattern was cut short";
                Err(Error::caused(ErrorKind::Unavailable, "remove", message, why))
            })
        });
        Self { pattern, born, lasts, runtime: runtime.id(), task, result: result.boxed().shared() }
    }
}

impl fmt::Debug for ScanJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ScanJob({})", self.pattern)
    }
}

#[cfg(test)]
mod tests {
    use cache_core::Timestamp;
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn rule_51_a_scan_runs_to_its_end_and_is_joined_by_who_asks_again() {
        let jobs = ScanJobs::default();
        let pattern = Pattern::kind("k");
        let tombstone = Tombstone { born: Timestamp::MIN, dead_at: Timestamp::MAX };
        let (go, gone) = oneshot::channel::<u64>();
        let first = jobs.join_or_start(&pattern, tombstone, |_| async move { Ok(gone.await.unwrap()) });
        assert!(first.now_or_never().is_none(), "dropped while it waits");
        let second = jobs.join_or_start(&pattern, tombstone, |_| async { panic!("started twice") });
        let (second, ()) = tokio::join!(second, async { go.send(7).unwrap() });
        assert_eq!(second.unwrap(), 7);
        let third = jobs.join_or_start(&pattern, tombstone, |_| async { Ok(8) });
        assert_eq!(third.await.unwrap(), 8, "a later one scans again");
    }

    #[tokio::test]
    async fn rule_98_a_retry_that_lasts_longer_joins_the_scan_and_has_it_last_longer() {
        let (jobs, pattern, at) = (ScanJobs::default(), Pattern::kind("k"), Timestamp::from_micros);
        let tombstone = |born, dead_at| Tombstone { born: at(born), dead_at: at(dead_at) };
        let (go, gone) = oneshot::channel::<()>();
        let first = jobs.join_or_start(&pattern, tombstone(5, 9), |lasts| async move {
            gone.await.unwrap();
            Ok(lasts.until().as_micros() as u64)
        });
        assert!(first.now_or_never().is_none(), "it takes longer than its caller waits");
        let again = jobs.join_or_start(&pattern, tombstone(5, 20), |_| async { panic!("started twice") });
        let shorter = jobs.join_or_start(&pattern, tombstone(5, 7), |_| async { panic!("started twice") });
        let later = jobs.join_or_start(&pattern, tombstone(6, 20), |_| async { Ok(1) });
        let (again, shorter, later, ()) = tokio::join!(again, shorter, later, async { go.send(()).unwrap() });
        assert_eq!((again.unwrap(), shorter.unwrap()), (20, 20));
        assert_eq!(later.unwrap(), 1, "another removal scans for itself");
    }

    #[test]
    fn rule_106_a_scan_whose_runtime_has_ended_begins_anew_for_who_asks_again() {
        let runtime = || runtime::Builder::new_current_thread().build().unwrap();
        let (jobs, pattern) = (ScanJobs::default(), Pattern::kind("k"));
        let tombstone = Tombstone { born: Timestamp::MIN, dead_at: Timestamp::MAX };
        let (ends, stays) = (runtime(), runtime());
        let waits = |runtime: &runtime::Runtime| {
            let pending = |_| std::future::pending();
            runtime.block_on(async { jobs.join_or_start(&pattern, tombstone, pending).now_or_never() })
        };
        assert_eq!(waits(&ends).map(|ended| ended.is_ok()), None);
        let elsewhere = stays.block_on(jobs.join_or_start(&pattern, tombstone, |_| async { Ok(1) }));
        assert_eq!(elsewhere.unwrap(), 1, "the other runtime may never go on with its own");
        let mut joined = Box::pin(jobs.join_or_start(&pattern, tombstone, |_| async { Ok(2) }));
        {
            let _within = ends.enter();
            assert!((&mut joined).now_or_never().is_none());
        }
        drop(ends);
        let error = stays.block_on(&mut joined).unwrap_err();
        assert!(error.kind().is_retryable(), "{error}");
        assert_eq!(stays.block_on(jobs.join_or_start(&pattern, tombstone, |_| async { Ok(3) })).unwrap(), 3);
    }
}
