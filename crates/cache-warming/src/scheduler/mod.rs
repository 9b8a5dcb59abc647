//! The batch scheduler: many updates of single values, few calls to their providers.

mod batch;
pub(crate) mod builder;
mod drain;
mod group;
pub(crate) mod priority;
mod queue;
mod quota;
mod run;
mod state;
pub(crate) mod stats;

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use cache_core::{Backoff, Error, ErrorKind, Key, Result, Warm};
use tokio::runtime::Handle;

pub use self::run::Running;
use self::{
    builder::BatchSchedulerBuilder,
    group::Group,
    priority::{Priority, Scheduled},
    state::Shared,
    stats::{Drained, Flushed, SchedulerStats},
};

/// Collects updates of values and sends those of one kind and one provider together, a batch a call. Clones are
/// the same scheduler.
///
/// A batch goes when it is full, or when its oldest update has waited for the
/// [interval](BatchSchedulerBuilder::interval); what can wait waits for hours of
/// [low load](BatchSchedulerBuilder::low_load): see [`Priority`]. What is fresh by then is not fetched. Within a
/// batch, and where not all batches can go at once, the higher [`Priority`] goes first, and of that the older
/// update. One batch of a group is on its way at a time.
///
/// ```
/// use std::{sync::Arc, time::Duration};
/// use async_trait::async_trait;
/// use cache_core::{Key, Refresh, Refreshed, Result, Warm};
/// use cache_warming::{BatchScheduler, Priority, Scheduled};
///
/// /// Stands for a region of a cache, which implements this.
/// struct Prices;
///
/// #[async_trait]
/// impl Refresh for Prices {
///     async fn refresh(&self, keys: &[Key]) -> Result<Refreshed> {
///         Ok(Refreshed { loaded: keys.len(), failed: Vec::new() })
///     }
/// }
///
/// #[async_trait]
/// impl Warm for Prices {
///     fn kind(&self) -> &str {
///         "price"
///     }
///
///     fn max_batch(&self) -> usize {
///         100
///     }
///
///     fn fresh_for(&self, _: &Key) -> Option<Duration> {
///         None
///     }
///
///     async fn lift(&self, keys: &[Key]) -> Result<Vec<bool>> {
///         Ok(vec![false; keys.len()])
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<()> {
/// let scheduler = BatchScheduler::builder().build();
/// scheduler.register("yahoo", Arc::new(Prices))?;
/// for asset in ["AAPL", "MSFT", "AAPL"] {
///     scheduler.schedule_update(&Key::new("price", asset)?, "yahoo", Priority::Normal)?;
/// }
/// let flushed = scheduler.flush_pending().await;
/// assert_eq!((flushed.updated, flushed.calls), (2, 1));
/// assert_eq!(scheduler.stats().calls_saved, 2);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct BatchScheduler(Arc<Shared>);

impl BatchScheduler {
    /// Returns the settings of a scheduler, to be changed and built.
    #[must_use]
    pub fn builder() -> BatchSchedulerBuilder {
        BatchSchedulerBuilder::default()
    }

    fn of(settings: BatchSchedulerBuilder) -> Self {
        Self(Arc::new(Shared::new(settings)))
    }

    /// Registers the values of one kind that come from a provider. Their updates are a group of their own.
    ///
    /// # Errors
    ///
    /// `Config` if that kind of that provider is registered already, or can't say what it is.
    pub fn register(&self, provider: &str, warm: Arc<dyn Warm>) -> Result<()> {
        let refuse = |message| Err(Error::new(ErrorKind::Config, "register", message));
        let asked = catch_unwind(AssertUnwindSafe(|| (warm.kind().to_owned(), warm.max_batch())));
        let Ok((kind, max_batch)) = asked else {
            return refuse(format!("what {provider:?} provides panicked when it was asked for its kind"));
        };
        let settings = &self.0.settings;
        let limit = settings.batch_size.min(max_batch.max(1));
        let backoff = Backoff::new(settings.retry_pauses.clone());
        let mut state = self.0.state.lock();
        if state.position(&kind, provider).is_some() {
            return refuse(format!("{kind:?} of provider {provider:?} is registered already"));
        }
        state.groups.push(Group::new(provider, &kind, warm, limit, backoff));
        Ok(())
    }

    /// Asks for an update of the value of a key. This never waits.
    ///
    /// An update that is pending already is not queued twice, and one whose value stays fresh for longer than the
    /// interval is not queued at all. If [`max_pending`](BatchSchedulerBuilder::max_pending) updates are
    /// pending, this one takes the place of the youngest of the lowest priority, if that is below its own.
    ///
    /// # Errors
    ///
    /// `Config` if the key's kind is not registered for the provider, or if the key is in another namespace than
    /// what is queued beside it; `Limit` if too much of at least this priority is pending; `Closed` after a
    /// shutdown.
    pub fn schedule_update(&self, key: &Key, provider: &str, priority: Priority) -> Result<Scheduled> {
        self.0.schedule(key, provider, priority)
    }

    /// Sends all that waits now, whatever the hour and the pauses, and waits for what is on its way. What fails
    /// waits for its next attempt, as otherwise.
    ///
    /// If this is dropped before it returns, calls that it made are given up, and their updates wait as before.
    pub async fn flush_pending(&self) -> Flushed {
        drain::flush(&self.0).await
    }

    /// Drops all that waits, and returns how many updates that were. Those whose batch is on its way are not among
    /// them, and may be tried again if they fail.
    pub fn clear_pending(&self) -> usize {
        let mut state = self.0.state.lock();
        let cleared = state.clear();
        state.stats.cleared += cleared as u64;
        cleared
    }

    /// Sends batches when they are due, until the scheduler is shut down or this is dropped. For a scheduler that
    /// is to run in a task of its own, there is [`BatchScheduler::start`].
    pub async fn run(&self) {
        run::run(Arc::clone(&self.0)).await;
    }

    /// Starts to send batches when they are due, in a task that ends when the returned handle is dropped.
    ///
    /// # Errors
    ///
    /// `Config` outside a Tokio runtime.
    pub fn start(&self) -> Result<Running> {
        match Handle::try_current() {
            Ok(runtime) => Ok(Running(runtime.spawn(run::run(Arc::clone(&self.0))))),
            Err(error) => {
                let message = "there is no Tokio runtime here to run on: call it within one";
                Err(Error::caused(ErrorKind::Config, "start", message, error))
            }
        }
    }

    /// Takes no more updates and sends all that waits, for at most `limit`. What failed is tried again as often as
    /// its retries allow, the first time at once, but no sooner than its source asked for. What can't be sent
    /// within the limit is dropped, and counted.
    pub async fn shutdown(&self, limit: Duration) -> Drained {
        drain::shutdown(&self.0, limit).await
    }

    /// Returns what the scheduler did so far, and what waits.
    #[must_use]
    pub fn stats(&self) -> SchedulerStats {
        self.0.state.lock().stats()
    }
}

impl fmt::Debug for BatchScheduler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchScheduler")
            .field("settings", &self.0.settings)
            .field("pending", &self.0.state.lock().pending())
            .finish_non_exhaustive()
    }
}
