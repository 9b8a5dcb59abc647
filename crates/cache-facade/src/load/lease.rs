//! One load a key across all nodes: the node that has the lease loads, the others wait for its value.

use std::{sync::Arc, time::Duration};

use cache_core::{Error, ErrorKind, Event, Holder, Key, Lease};
use futures_util::{
    FutureExt, StreamExt,
    future::{BoxFuture, Either, select},
    stream::FuturesUnordered,
};
use tracing::Instrument;

use super::{
    fetch::{Fetch, LookupScope},
    loaders::shared_loader::SharedLoader,
};
use crate::{
    engine::{Engine, spans},
    panics,
    region::{Cacheable, Region},
    timer,
};

/// How long a lease lasts if its holder dies, and how often a holder renews it.
const LEASE_SPAN: Duration = Duration::from_secs(5);
const RENEW_INTERVAL: Duration = Duration::from_secs(1);

/// How often a node that waits looks whether the value is there: first, and at least.
const FIRST_POLL: Duration = Duration::from_millis(10);
const LONGEST_POLL: Duration = Duration::from_millis(250);

/// How long a call of the lease may take.
const CALL_LIMIT: Duration = Duration::from_secs(1);

impl<V: Cacheable> Region<V> {
    /// Loads the keys of which this node gets the lease, and waits for those that other nodes load, at most for
    /// the hard timeout. If the lease fails, this node loads all of them.
    pub(crate) async fn load_with_lease(
        &self,
        fetches: Vec<Fetch<V>>,
        scope: LookupScope,
        loader: &dyn SharedLoader<V>,
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
                Err(_) => {
                    // It may have been granted all the same, and its answer lost.
                    let maybe_held = HeldLease::new(&self.engine, lease, &waiting, holder);
                    let load = async move {
                        self.load_granted(waiting, scope, loader, None).await;
                        drop(maybe_held);
                    };
                    loads.push(load.boxed());
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

    /// Loads keys whose lease this node has. Their values may have come just before it got the lease, so it
    /// looks into the tiers first.
    async fn load_granted(
        &self,
        fetches: Vec<Fetch<V>>,
        scope: LookupScope,
        loader: &dyn SharedLoader<V>,
        held: Option<HeldLease>,
    ) {
        let Some(held) = held else { return self.load_all(fetches, scope, loader).await };
        let work = async {
            let missing = self.look_in_tiers(fetches, scope).await;
            self.load_all(missing, scope, loader).await;
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
            format!("{keys} keys of {kind:?}, which another node is loading, did not come within {limit:?}");
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
        let limit = timer::sleep(self.clock(), CALL_LIMIT);
        let span = spans::lease(lease.name(), keys.len());
        let call = async { lease.acquire(keys, holder, LEASE_SPAN).await }.instrument(span.clone());
        let call = std::pin::pin!(panics::caught(lease.name(), "lease", call));
        let outcome = match select(call, std::pin::pin!(limit)).await {
            Either::Left((Ok(granted), _)) if granted.len() == keys.len() => Ok(granted),
            Either::Left((Ok(granted), _)) => {
                let message = format!("{} answered {} for {} keys", lease.name(), granted.len(), keys.len());
                Err(Error::new(ErrorKind::Unavailable, "lease", message))
            }
            Either::Left((Err(error), _)) => Err(error),
            Either::Right(_) => {
                let message = format!("the lease {} did not answer within {CALL_LIMIT:?}", lease.name());
                Err(Error::new(ErrorKind::Timeout, "lease", message))
            }
        };
        spans::record_result(&span, &outcome);
        if let Ok(granted) = &outcome {
            span.record("granted", granted.iter().filter(|granted| **granted).count());
        }
        self.note_lease(lease, outcome.as_ref().err());
        outcome
    }

    /// Notes how a call of the lease ended: logs and tells a failure, and a success after it.
    fn note_lease(&self, lease: &dyn Lease, error: Option<&Error>) {
        let (calls, lease, now) = (&self.log_sums().lease, lease.name(), self.clock().now());
        match error {
            Some(error) => {
                if calls.note_failure(error)
                    && let Some(times) = calls.failures.count(now)
                {
                    tracing::warn!(lease, %error, times,
                        "the lease failed: loading without it, so that other nodes may load the same keys");
                }
                self.observers().tell(&Event::LeaseFailed { lease, error });
            }
            None if calls.note_success() => {
                if let Some(times) = calls.recoveries.count(now) {
                    tracing::warn!(lease, times, "the lease works again: one node loads a key");
                }
                self.observers().tell(&Event::LeaseRecovered { lease });
            }
            None => {}
        }
    }
}

/// Returns the outcome of `work`, while `others` go on.
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

/// Leases that this node holds until this is dropped.
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

    /// Renews the leases until they are lost. Then another node may load the same keys, and the later born wins.
    async fn renewing(&self) {
        loop {
            timer::sleep(self.engine.clock(), RENEW_INTERVAL).await;
            let call = async { self.lease.renew(&self.keys, self.holder, LEASE_SPAN).await };
            if let Ok(held) = panics::caught(self.lease.name(), "renew", call).await
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
        // A lease that can't be released ends by itself.
        self.engine.spawn(async move {
            let _ = lease.release(&keys, holder).await;
        });
    }
}
