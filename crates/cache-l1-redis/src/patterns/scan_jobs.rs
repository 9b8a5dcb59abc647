//! Removals by pattern under way: each runs to its end, even if its caller has stopped waiting.

use std::{fmt, sync::Arc};

use cache_core::{
    Error, ErrorKind, Pattern, Result, Tombstone,
    sync::{Mutex, MutexGuard},
};
use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared},
};

/// The removals by pattern under way. The same removal, asked for again while it runs, joins the job that
/// is there.
#[derive(Debug, Default)]
pub(crate) struct ScanJobs(Mutex<Vec<ScanJob>>);

type JobResult = Shared<BoxFuture<'static, Result<u64>>>;

struct ScanJob {
    pattern: Pattern,
    tombstone: Tombstone,
    result: JobResult,
}

impl ScanJobs {
    /// Waits for the result of the job under way, or starts `removal` as one and waits for that. The job
    /// runs to its end even if the caller stops waiting.
    pub(crate) async fn join_or_start(
        self: Arc<Self>,
        pattern: &Pattern,
        tombstone: Tombstone,
        removal: impl Future<Output = Result<u64>> + Send + 'static,
    ) -> Result<u64> {
        let is_same = |job: &ScanJob| job.pattern == *pattern && job.tombstone == tombstone;
        let result = {
            let mut jobs = self.jobs();
            match jobs.iter().find(|job| is_same(job)) {
                Some(job) => job.result.clone(),
                None => {
                    let result = self.start(pattern.clone(), tombstone, removal);
                    jobs.push(ScanJob { pattern: pattern.clone(), tombstone, result: result.clone() });
                    result
                }
            }
        };
        result.await
    }

    fn start(
        self: &Arc<Self>,
        pattern: Pattern,
        tombstone: Tombstone,
        removal: impl Future<Output = Result<u64>> + Send + 'static,
    ) -> JobResult {
        let jobs = self.clone();
        let task = tokio::spawn(async move {
            let removed = removal.await;
            jobs.jobs().retain(|job| job.pattern != pattern || job.tombstone != tombstone);
            removed
        });
        let result = task.map(|ended| {
            ended.unwrap_or_else(|why| {
                Err(Error::caused(ErrorKind::Closed, "remove", "a removal by pattern was cut short", why))
            })
        });
        result.boxed().shared()
    }

    fn jobs(&self) -> MutexGuard<'_, Vec<ScanJob>> {
        self.0.lock()
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
        let jobs = Arc::new(ScanJobs::default());
        let pattern = Pattern::kind("k");
        let tombstone = Tombstone { born: Timestamp::MIN, dead_at: Timestamp::MAX };
        let (go, gone) = oneshot::channel::<u64>();
        let first = jobs.clone().join_or_start(&pattern, tombstone, async move { Ok(gone.await.unwrap()) });
        assert!(first.now_or_never().is_none(), "dropped while it waits");
        let second = jobs.clone().join_or_start(&pattern, tombstone, async { panic!("started twice") });
        let (second, ()) = tokio::join!(second, async { go.send(7).unwrap() });
        assert_eq!(second.unwrap(), 7);
        assert!(jobs.jobs().is_empty(), "it has ended");
        let third = jobs.clone().join_or_start(&pattern, tombstone, async { Ok(8) });
        assert_eq!(third.await.unwrap(), 8, "a later one scans again");
    }
}
