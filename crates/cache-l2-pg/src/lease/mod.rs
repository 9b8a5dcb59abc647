//! What nodes agree on by way of the server. Leases as advisory locks of one session, which end with it and with
//! the process.

mod lease_table;
mod locks;
mod quota;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use cache_core::{Clock, Error, ErrorKind, Holder, Key, Lease, Result, Timestamp};
use cache_task::BackgroundTask;
use tokio::{
    sync::{Mutex, Notify},
    time::sleep,
};

use crate::{client::Context, sql::advisory_lock_number};
use lease_table::LeaseTable;
use locks::AdvisoryLocks;
pub use quota::PgQuota;

/// A lease by advisory locks of PostgreSQL, which [`Postgres::lease`](crate::Postgres::lease) returns. Clones
/// share it.
///
/// A key's lock has a number of 64 bits. Two keys with the same number can't be leased at once, which costs
/// a load and nothing else. A timer in this process ends a lease when its span is over; if the whole process
/// stands still for longer, the server ends its session, and all its locks with it.
#[derive(Clone, Debug)]
pub struct PgLease(Arc<Handle>);

#[derive(Debug)]
struct Handle {
    inner: Arc<Inner>,
    /// Ends leases whose spans are over.
    timer: BackgroundTask,
}

#[derive(Debug)]
struct Inner {
    name: &'static str,
    clock: Clock,
    /// Part of the locks' numbers, so that those of other tables differ.
    table: String,
    state: Mutex<State>,
    /// Wakes the timer: a lease was granted that may be the next to expire.
    changed: Notify,
}

/// The leases, and the session that has their locks: if the session is lost, so are the leases.
#[derive(Debug)]
struct State {
    leases: LeaseTable,
    locks: AdvisoryLocks,
}

impl PgLease {
    pub(crate) fn new(context: Arc<Context>) -> Self {
        let inner = Arc::new(Inner {
            name: context.config.name,
            clock: context.clock.clone(),
            table: context.identifiers.qualified(""),
            state: Mutex::new(State {
                leases: LeaseTable::default(),
                locks: AdvisoryLocks::new(context.connector.clone(), context.config.statement_timeout),
            }),
            changed: Notify::new(),
        });
        let timed = inner.clone();
        let timer = BackgroundTask::new(move || expire_leases(timed.clone()));
        Self(Arc::new(Handle { inner, timer }))
    }

    /// Runs `work` to its end, even if the caller gives up, so that a lock that was granted is known here
    /// and expires.
    async fn run_to_end<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        self.0.timer.ensure_running();
        tokio::spawn(work).await.unwrap_or_else(|error| {
            Err(Error::caused(
                ErrorKind::Unavailable,
                operation,
                "the task of the call did not finish",
                error,
            ))
        })
    }
}

#[async_trait]
impl Lease for PgLease {
    fn name(&self) -> &'static str {
        self.0.inner.name
    }

    async fn acquire(&self, keys: &[Key], holder: Holder, span: Duration) -> Result<Vec<bool>> {
        let (inner, keys) = (self.0.inner.clone(), keys.to_vec());
        self.run_to_end("acquire", async move { inner.acquire(&keys, holder, span).await }).await
    }

    async fn renew(&self, keys: &[Key], holder: Holder, span: Duration) -> Result<Vec<bool>> {
        let (inner, keys) = (self.0.inner.clone(), keys.to_vec());
        self.run_to_end("renew", async move { inner.renew(&keys, holder, span).await }).await
    }

    async fn release(&self, keys: &[Key], holder: Holder) -> Result<()> {
        let (inner, keys) = (self.0.inner.clone(), keys.to_vec());
        self.run_to_end("release", async move { inner.release(&keys, holder).await }).await
    }

    fn clock(&self) -> Option<&Clock> {
        Some(&self.0.inner.clock)
    }
}

impl Inner {
    fn number(&self, key: &Key) -> i64 {
        advisory_lock_number(&format!("lease {} {key}", self.table))
    }

    async fn acquire(&self, keys: &[Key], holder: Holder, span: Duration) -> Result<Vec<bool>> {
        let mut state = self.state.lock().await;
        let State { leases, locks } = &mut *state;
        locks.ensure_session(leases).await?;
        let now = self.clock.now();
        let until = now.after(span);
        let mut unlocked: Vec<i64> =
            keys.iter().map(|key| self.number(key)).filter(|number| !leases.has_lock(*number)).collect();
        unlocked.sort_unstable();
        unlocked.dedup();
        let longest = leases.longest_remaining(now).max(span);
        for number in locks.lock("acquire", leases, &unlocked, longest).await? {
            leases.add_lock(number);
        }
        let granted = keys.iter().map(|key| leases.grant(self.number(key), key, holder, now, until));
        let granted = granted.collect();
        self.changed.notify_one();
        Ok(granted)
    }

    async fn renew(&self, keys: &[Key], holder: Holder, span: Duration) -> Result<Vec<bool>> {
        let mut state = self.state.lock().await;
        let State { leases, locks } = &mut *state;
        let now = self.clock.now();
        let longest = leases.longest_remaining(now).max(span);
        if leases.is_empty() || locks.keep_alive(leases, longest).await.is_err() {
            // The session is gone, and its locks with it.
            return Ok(vec![false; keys.len()]);
        }
        let until = now.after(span);
        Ok(keys.iter().map(|key| leases.renew(self.number(key), key, holder, now, until)).collect())
    }

    async fn release(&self, keys: &[Key], holder: Holder) -> Result<()> {
        let mut state = self.state.lock().await;
        let State { leases, locks } = &mut *state;
        let given: Vec<i64> =
            keys.iter().filter_map(|key| leases.release(self.number(key), key, holder)).collect();
        locks.unlock("release", leases, &given, leases.longest_remaining(self.clock.now())).await
    }

    /// Unlocks what has expired, and returns when the next lease expires.
    async fn expire(&self) -> Option<Timestamp> {
        let mut state = self.state.lock().await;
        let State { leases, locks } = &mut *state;
        let now = self.clock.now();
        let expired = leases.expire(now);
        if let Err(error) = locks.unlock("lapse", leases, &expired, leases.longest_remaining(now)).await {
            tracing::debug!(%error, "unlocking expired leases failed; the server unlocks them as their session ends");
        }
        leases.next_expiry()
    }
}

async fn expire_leases(inner: Arc<Inner>) {
    loop {
        let next = inner.expire().await;
        let end = async {
            match next {
                Some(until) => match inner.clock.manual_sleep(until) {
                    Some(sleep) => sleep.await,
                    None => sleep(until.since(inner.clock.now())).await,
                },
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = end => {}
            () = inner.changed.notified() => {}
        }
    }
}
