//! Background tasks that outlive the runtime they began on.
//!
//! A cache in a `static` is used by one runtime after the other: each `#[tokio::test]` has its own. When a runtime
//! ends, its tasks end with it, and so do the connections that they drive. [`BackgroundTask`] is such a task,
//! begun anew on the runtime of the next call.

use std::{
    fmt,
    pin::Pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use cache_core::sync::Mutex;
use tokio::{
    runtime::{self, Handle},
    task::AbortHandle,
    time::sleep,
};

/// How long a task may stand still, with the runtime that should drive it, before it is begun on another.
const MAX_STANDSTILL: Duration = Duration::from_secs(3);

/// How often a task shows that its runtime drives it.
const BEAT_INTERVAL: Duration = Duration::from_secs(1);

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A background task that is begun anew when its runtime has ended or stands still. Dropping this ends the task.
///
/// It is for the owner to call [`ensure_running`](Self::ensure_running) whenever it needs what the task does.
///
/// ```
/// use std::sync::{Arc, atomic::{AtomicU32, Ordering}};
///
/// use cache_task::BackgroundTask;
/// use tokio::runtime::Runtime;
///
/// let begun = Arc::new(AtomicU32::new(0));
/// let count = begun.clone();
/// let task = BackgroundTask::new(move || {
///     count.fetch_add(1, Ordering::Relaxed);
///     std::future::pending()
/// });
/// for runtime in 1..=2 {
///     Runtime::new()?.block_on(async {
///         task.ensure_running();
///         task.ensure_running();
///     });
///     assert_eq!(begun.load(Ordering::Relaxed), runtime);
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct BackgroundTask {
    begin: Box<dyn Fn() -> Work + Send + Sync>,
    progress: Arc<Progress>,
    current: Mutex<Option<Current>>,
}

/// What a call looks at to see whether the task runs.
#[derive(Debug, Default)]
struct Progress {
    /// The number of the task that runs, or 0 if none does.
    running: AtomicU64,
    /// When its runtime last drove it.
    beat: AtomicU64,
}

/// The task as it was last begun.
struct Current {
    number: u64,
    runtime: runtime::Id,
    task: AbortHandle,
}

/// Says that a task no longer runs: dropped as it ends, or as its runtime drops it.
struct RunGuard {
    progress: Arc<Progress>,
    number: u64,
}

impl BackgroundTask {
    /// Begins a task on the current runtime, or with the first [`ensure_running`](Self::ensure_running) on one.
    /// `begin` makes the task's future, each time anew; it must not block, nor call this task.
    pub fn new<F: Future<Output = ()> + Send + 'static>(
        begin: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self {
        let task = Self {
            begin: Box::new(move || Box::pin(begin())),
            progress: Arc::default(),
            current: Mutex::default(),
        };
        task.ensure_running();
        task
    }

    /// Begins the task anew on the current runtime if it has ended, or if it stands still together with another
    /// runtime, which drove it. Outside a runtime nothing is done. Costs two atomic loads while the task runs.
    pub fn ensure_running(&self) {
        if (self.is_running() && !self.progress.stands_still()) || Handle::try_current().is_err() {
            return;
        }
        self.begin_anew(&Handle::current());
    }

    /// Whether the task runs, as far as its runtime drives it.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.progress.running.load(Ordering::Acquire) != 0
    }

    #[cold]
    fn begin_anew(&self, here: &Handle) {
        let mut current = self.current.lock();
        if self.is_running() {
            // The caller's own runtime goes on with it as soon as the caller waits.
            let elsewhere = current.as_ref().is_none_or(|current| current.runtime != here.id());
            if !elsewhere || !self.progress.stands_still() {
                return;
            }
        }
        let number = current.as_ref().map_or(1, |current| current.number + 1);
        if let Some(before) = current.take() {
            before.task.abort();
        }
        self.progress.beat.store(millis(), Ordering::Relaxed);
        self.progress.running.store(number, Ordering::Release);
        let guard = RunGuard { progress: self.progress.clone(), number };
        let work = (self.begin)();
        let task = here.spawn(async move {
            tokio::select! {
                () = work => {}
                () = guard.progress.keep_beating() => {}
            }
        });
        *current = Some(Current { number, runtime: here.id(), task: task.abort_handle() });
    }
}

impl Drop for BackgroundTask {
    fn drop(&mut self) {
        if let Some(current) = self.current.lock().take() {
            current.task.abort();
        }
    }
}

impl fmt::Debug for BackgroundTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackgroundTask").field("progress", &self.progress).finish_non_exhaustive()
    }
}

impl Progress {
    fn stands_still(&self) -> bool {
        millis().saturating_sub(self.beat.load(Ordering::Relaxed)) > MAX_STANDSTILL.as_millis() as u64
    }

    async fn keep_beating(&self) {
        loop {
            self.beat.store(millis(), Ordering::Relaxed);
            sleep(BEAT_INTERVAL).await;
        }
    }
}

impl Drop for RunGuard {
    fn drop(&mut self) {
        // Unless another was begun meanwhile.
        let _ = self.progress.running.compare_exchange(self.number, 0, Ordering::AcqRel, Ordering::Acquire);
    }
}

/// The time of this process in milliseconds, which begins late enough for beats to lie in the past.
fn millis() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    (START.get_or_init(Instant::now).elapsed() + 2 * MAX_STANDSTILL).as_millis() as u64
}

#[cfg(test)]
mod tests {
    use tokio::{runtime::Runtime, sync::mpsc, task::yield_now};

    use super::*;

    /// A task that tells that it began, and ends when it is asked to.
    fn task() -> (BackgroundTask, mpsc::UnboundedReceiver<mpsc::Sender<()>>) {
        let (begun, ends) = mpsc::unbounded_channel();
        let task = BackgroundTask::new(move || {
            let begun = begun.clone();
            async move {
                let (end, mut asked) = mpsc::channel(1);
                begun.send(end).unwrap();
                asked.recv().await;
            }
        });
        (task, ends)
    }

    fn runtime() -> Runtime {
        runtime::Builder::new_current_thread().enable_all().build().unwrap()
    }

    async fn settle() {
        for _ in 0..10 {
            yield_now().await;
        }
    }

    #[test]
    fn rule_106_a_task_begins_anew_when_its_runtime_has_ended_and_only_then() {
        let (task, mut ends) = task();
        assert!(!task.is_running(), "there is no runtime yet");
        for _ in 0..3 {
            let runtime = runtime();
            runtime.block_on(async {
                task.ensure_running();
                task.ensure_running();
                settle().await;
                assert!(ends.try_recv().is_ok() && ends.try_recv().is_err(), "begun once");
            });
            drop(runtime);
            assert!(!task.is_running());
        }
    }

    #[test]
    fn rule_106_a_task_that_ended_by_itself_begins_anew() {
        let (task, mut ends) = task();
        runtime().block_on(async {
            for _ in 0..2 {
                task.ensure_running();
                let end = ends.recv().await.unwrap();
                end.send(()).await.unwrap();
                settle().await;
                assert!(!task.is_running());
            }
        });
    }

    #[test]
    fn rule_106_a_task_moves_from_a_runtime_that_nobody_drives_and_from_no_other() {
        let (task, mut ends) = task();
        let (still, moves) = (runtime(), runtime());
        still.block_on(async {
            task.ensure_running();
            settle().await;
        });
        let old = ends.try_recv().unwrap();
        moves.block_on(async {
            task.ensure_running();
            settle().await;
            assert!(ends.try_recv().is_err(), "it was driven a moment ago");
        });
        task.progress.beat.store(0, Ordering::Relaxed);
        still.block_on(async { task.ensure_running() });
        assert!(ends.try_recv().is_err(), "this runtime drives it now");
        task.progress.beat.store(0, Ordering::Relaxed);
        moves.block_on(async {
            task.ensure_running();
            settle().await;
            assert!(ends.try_recv().is_ok());
        });
        still.block_on(settle());
        assert!(old.is_closed() && task.is_running(), "the one before is gone, which changes nothing");
    }

    #[test]
    fn dropping_it_ends_the_task() {
        runtime().block_on(async {
            let (task, mut ends) = task();
            settle().await;
            let end = ends.try_recv().unwrap();
            drop(task);
            settle().await;
            assert!(end.is_closed());
        });
    }
}
