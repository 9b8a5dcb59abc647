//! One load a key across the fleet: who has the lease loads, the others wait for what that brings.

use std::{sync::Arc, time::Duration};

use cache_core::{Error, ErrorKind, Event, Holder, Key, Lease, Loader};
use futures_util::{
    FutureExt, StreamExt,
    future::{BoxFuture, Either, select},
    stream::FuturesUnordered,
};

use super::fetch::{Fetch, LookupScope};
use crate::{
    engine::Engine,
    region::{Cacheable, Region},
    timer,
};

/// How long a lease lasts if its holder dies; who lives renews it in time.
const LEASE_SPAN: Duration = Duration::from_secs(5);
const RENEW_INTERVAL: Duration = Duration::from_secs(1);

/// How often one who waits looks whether the value is there: seldomer the longer it takes.
const FIRST_POLL: Duration = Duration::from_millis(10);
const LONGEST_POLL: Duration = Duration::from_millis(250);

/// How long the lease may take to answer.
const LIMIT: Duration = Duration::from_secs(1);

impl<V: Cacheable> Region<V> {
    /// Loads what this node gets the lease of, and waits for what others load. Nobody waits longer
    /// than the hard timeout; a lease that can't be asked is done without.
    pub(crate) async fn load_with_lease(
        &self,
        fetches: Vec<Fetch<V>>,
        scope: LookupScope,
        loader: &dyn Loader<V>,
        lease: &Arc<dyn Lease>,
    ) {
        let holder = Holder(fastrand::u128(..));
        let deadline = self.engine.clock().now().after(self.policy.hard_timeout);
        let mut waiting = fetches;
        let mut look = FIRST_POLL;
        let mut loads = FuturesUnordered::new();
        while !waiting.is_empty() {
            let keys: Vec<Key> = waiting.iter().map(|fetch| fetch.leader.key().clone()).collect();
            let granted = match self.engine.acquire(&**lease, &keys, holder).await {
                Ok(granted) => granted,
                Err(error) => {
                    tracing::warn!(lease = lease.name(), %error, "loads go on without a lease");
                    self.engine.observers().tell(&Event::LeaseFailed { lease: lease.name(), error: &error });
                    loads.push(self.load_granted(waiting, scope, loader, None).boxed());
                    break;
                }
            };
            let mut mine = Vec::new();
            let mut theirs = Vec::new();
            for (fetch, granted) in waiting.into_iter().zip(granted) {
                if granted { &mut mine } else { &mut theirs }.push(fetch);
            }
            if !mine.is_empty() {
                let held = HeldLease::new(&self.engine, lease, &mine, holder);
                loads.push(self.load_granted(mine, scope, loader, Some(held)).boxed());
            }
            if !theirs.is_empty() {
                let pause = timer::sleep(self.engine.clock(), look.mul_f64(0.5 + fastrand::f64()));
                let looking = async {
                    pause.await;
                    self.look_in_tiers(theirs, scope).await
                };
                theirs = meanwhile(&mut loads, looking).await;
            }
            if self.engine.clock().now() >= deadline {
                let error = self.lease_wait_timed_out(theirs.len());
                theirs.drain(..).for_each(|fetch| self.fail(&fetch, &error));
            }
            waiting = theirs;
            look = (look * 2).min(LONGEST_POLL);
        }
        loads.collect::<()>().await;
    }

    /// Loads keys whose lease this node has, unless they came just before it got it.
    async fn load_granted(
        &self,
        fetches: Vec<Fetch<V>>,
        scope: LookupScope,
        loader: &dyn Loader<V>,
        held: Option<HeldLease>,
    ) {
        let Some(held) = held else { return self.load_all(fetches, loader).await };
        let work = async {
            let missing = self.look_in_tiers(fetches, scope).await;
            self.load_all(missing, loader).await;
        };
        let renewing = held.renewing();
        match select(std::pin::pin!(work), std::pin::pin!(renewing)).await {
            Either::Left(((), _)) => {}
            Either::Right(((), work)) => work.await,
        }
    }

    fn lease_wait_timed_out(&self, keys: usize) -> Error {
        let limit = self.policy.hard_timeout;
        let kind = self.core.prefix.kind();
        let message =
            format!("{keys} keys of {kind:?}, which another node loads, did not come within {limit:?}");
        Error::new(ErrorKind::Timeout, "load", message)
    }
}

impl Engine {
    async fn acquire(
        &self,
        lease: &dyn Lease,
        keys: &[Key],
        holder: Holder,
    ) -> cache_core::Result<Vec<bool>> {
        let limit = timer::sleep(self.clock(), LIMIT);
        match select(lease.acquire(keys, holder, LEASE_SPAN), std::pin::pin!(limit)).await {
            Either::Left((Ok(granted), _)) if granted.len() == keys.len() => Ok(granted),
            Either::Left((Ok(granted), _)) => {
                let message = format!("{} answered {} for {} keys", lease.name(), granted.len(), keys.len());
                Err(Error::new(ErrorKind::Unavailable, "lease", message))
            }
            Either::Left((Err(error), _)) => Err(error),
            Either::Right(_) => {
                let message = format!("the lease {} did not answer within {LIMIT:?}", lease.name());
                Err(Error::new(ErrorKind::Timeout, "lease", message))
            }
        }
    }
}

/// The outcome of `work`, with `others` going on as long as that takes.
async fn meanwhile<T>(others: &mut FuturesUnordered<BoxFuture<'_, ()>>, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    while !others.is_empty() {
        match select(work.as_mut(), others.next()).await {
            Either::Left((outcome, _)) => return outcome,
            Either::Right(_) => {}
        }
    }
    work.await
}

/// Leases that this node holds, given up when dropped.
struct HeldLease {
    engine: Arc<Engine>,
    lease: Arc<dyn Lease>,
    keys: Vec<Key>,
    holder: Holder,
}

impl HeldLease {
    fn new<V>(engine: &Arc<Engine>, lease: &Arc<dyn Lease>, fetches: &[Fetch<V>], holder: Holder) -> Self {
        let keys = fetches.iter().map(|fetch| fetch.leader.key().clone()).collect();
        Self { engine: Arc::clone(engine), lease: Arc::clone(lease), keys, holder }
    }

    /// Renews until one of them is lost: then another node may load the same, and the later born wins.
    async fn renewing(&self) {
        loop {
            timer::sleep(self.engine.clock(), RENEW_INTERVAL).await;
            if let Ok(held) = self.lease.renew(&self.keys, self.holder, LEASE_SPAN).await
                && !held.contains(&true)
            {
                return;
            }
        }
    }
}

impl Drop for HeldLease {
    fn drop(&mut self) {
        let (lease, keys, holder) = (Arc::clone(&self.lease), std::mem::take(&mut self.keys), self.holder);
        // What can't be given up ends by itself.
        self.engine.spawn(async move {
            let _ = lease.release(&keys, holder).await;
        });
    }
}
