//! Updates: writes that depend on what is there, one at a time for a key.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    slice,
    sync::Arc,
};

use cache_core::{Error, ErrorKind, Event, Fetched, Freshness, Key, Removal, Result, Timestamp, ToKey};
use futures_util::future::{Either, select};

use super::{
    current::Current,
    outbid::MAX_OUTBIDS,
    put::{Begun, OnLoss, PutValue},
};
use tokio::sync::oneshot;

use crate::{
    answer::Found,
    engine::counters::Count,
    panics,
    region::{Cacheable, Region},
};

/// How often an update starts over since other writes of its key came in between.
const MAX_OVERTAKEN: u32 = 1000;

/// How often an update looks again since what a tier holds is refused, which may be for a write under way.
const MAX_REFUSED: u32 = 8;

/// What an update of a key does with what is there: what the closure of [`Region::compute`] returns.
#[derive(Clone, Debug)]
pub enum Op<V> {
    /// Puts this value in its place.
    Put(Fetched<V>),
    /// Removes it.
    Remove,
    /// Leaves it as it is.
    Keep,
}

impl<V> Op<V> {
    /// Returns the op that puts a value, or a [`Fetched`] one with its own life and tags.
    pub fn put(value: impl Into<Fetched<V>>) -> Self {
        Self::Put(value.into())
    }
}

/// What became of an update, and what is there after it.
#[derive(Debug)]
pub struct Updated<V> {
    /// Whether this update put or removed something.
    pub changed: bool,
    /// The value that is there: the one put by this update, or the one for which it changed nothing. `None` if
    /// there is none.
    pub value: Option<Arc<V>>,
    /// The version of what is there, for [`Region::replace_if`] and [`Region::remove_if`]; `None` if nothing is.
    pub born: Option<Timestamp>,
}

/// What became of one attempt of an update.
enum Attempt<V> {
    Done(Updated<V>),
    /// Something else on this node wrote the key since the update looked.
    Overtaken,
    /// A tier holds something that was born later.
    Lost,
}

impl<V: Cacheable> Region<V> {
    /// Stores a value unless the key has a fresh one. Returns whether it did, and the value that is there then.
    /// See [`Region::compute`] for what is looked at and what holds across nodes.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_facade::Result<()> {
    /// # let cache = cache_facade::Cache::builder().build().await?;
    /// let owners = cache.region::<String>("owner").open()?;
    /// let first = owners.put_if_absent("door", "Ada".to_owned()).await?;
    /// let second = owners.put_if_absent("door", "Bob".to_owned()).await?;
    /// assert!(first.changed && !second.changed);
    /// assert_eq!(second.value.as_deref().map(String::as_str), Some("Ada"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Region::compute`].
    pub async fn put_if_absent<K: ToKey + ?Sized>(
        &self,
        key: &K,
        value: impl Into<Fetched<V>>,
    ) -> Result<Updated<V>> {
        let value = value.into().checked()?.map(Arc::new);
        self.update(key, move |current| match &current.found {
            Some(Found { value: Some(_), .. }) if current.fresh => Op::Keep,
            _ => Op::Put(value.clone()),
        })
        .await
    }

    /// Stores a value if the key's is still the one of this version: the `born` that [`Region::lookup`] or an
    /// earlier update told. A value in grace counts. Otherwise nothing is changed, and what is there is returned.
    /// See [`Region::compute`] for what is looked at and what holds across nodes.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_facade::Result<()> {
    /// # let cache = cache_facade::Cache::builder().build().await?;
    /// let carts = cache.region::<Vec<u32>>("cart").open()?;
    /// carts.put("Ada", vec![1]).await?;
    /// let seen = carts.lookup("Ada").await?;
    /// carts.put("Ada", vec![7]).await?;
    /// let late = carts.replace_if("Ada", seen.born, vec![1, 2]).await?;
    /// assert!(!late.changed && late.value.as_deref() == Some(&vec![7]));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Region::compute`].
    pub async fn replace_if<K: ToKey + ?Sized>(
        &self,
        key: &K,
        born: Timestamp,
        value: impl Into<Fetched<V>>,
    ) -> Result<Updated<V>> {
        let value = value.into().checked()?.map(Arc::new);
        self.update(key, move |current| match &current.found {
            Some(found) if found.meta.born == born => Op::Put(value.clone()),
            _ => Op::Keep,
        })
        .await
    }

    /// Removes a key if its value is still the one of this version, as [`Region::replace_if`] replaces it. A value
    /// in grace counts. Otherwise nothing is changed, and what is there is returned. See [`Region::compute`] for
    /// what is looked at and what holds across nodes.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_facade::Result<()> {
    /// # let cache = cache_facade::Cache::builder().build().await?;
    /// let carts = cache.region::<Vec<u32>>("cart").open()?;
    /// carts.put("Ada", vec![1]).await?;
    /// let seen = carts.lookup("Ada").await?;
    /// carts.put("Ada", vec![7]).await?;
    /// let late = carts.remove_if("Ada", seen.born).await?;
    /// assert!(!late.changed && late.value.as_deref() == Some(&vec![7]));
    /// let last = carts.remove_if("Ada", late.born.unwrap()).await?;
    /// assert!(last.changed && last.value.is_none());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Region::compute`].
    pub async fn remove_if<K: ToKey + ?Sized>(&self, key: &K, born: Timestamp) -> Result<Updated<V>> {
        self.update(key, move |current| match &current.found {
            Some(found) if found.meta.born == born => Op::Remove,
            _ => Op::Keep,
        })
        .await
    }

    /// Shows the fresh value of a key to `change`, and does what it returns: puts a value, removes the key, or
    /// leaves it. Stale values are shown as none, and nothing is loaded. Readers see what was there or what was
    /// put.
    ///
    /// - **On one node** the updates of a key run one after the other, so none is lost: `n` increments of a
    ///   counter add `n`. Where something else writes or removes the key meanwhile, the update starts over, and
    ///   `change` is called again; so it must do nothing but compute. Only a `put` that began before the update
    ///   and is stored after it loses to it unseen, as the earlier born of two puts does.
    /// - **Across nodes** an update asks memory and the tiers that other nodes share, and goes by what was born
    ///   last. It is born when it looks. If a tier holds something later by the time it writes, the update is
    ///   withdrawn and starts over from that. Two nodes that both look before either writes are told apart only
    ///   if the later born writes first; otherwise both are told that they changed the key, and the later born
    ///   stays. So a counter that several nodes add to at the same moment may miss some. A tier that can't be
    ///   asked is left out, and gets the value later. What another node removed or invalidated, memory learns by a
    ///   [bus](crate::CacheBuilder::bus) alone.
    ///
    /// A caller that goes away leaves the update done, or not begun. `change` holds up other updates of its key
    /// and nothing else; it must not wait for one of them.
    ///
    /// ```
    /// use cache_facade::Op;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_facade::Result<()> {
    /// # let cache = cache_facade::Cache::builder().build().await?;
    /// let visits = cache.region::<u64>("visits").open()?;
    /// for _ in 0..3 {
    ///     visits.compute("Ada", |seen| Op::put(seen.map_or(0, |seen| *seen) + 1)).await?;
    /// }
    /// assert_eq!(visits.peek("Ada").as_deref(), Some(&3));
    ///
    /// let drop_if_many = |seen: Option<std::sync::Arc<u64>>| match seen {
    ///     Some(seen) if *seen > 2 => Op::Remove,
    ///     _ => Op::Keep,
    /// };
    /// assert!(visits.compute("Ada", drop_if_many).await?.changed);
    /// assert_eq!(visits.get("Ada").await?, None);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Region::put`]; `Config` if neither memory nor any tier takes part. `Load` if `change` panics, and
    /// nothing is changed. `Unavailable` if other writes of the key came in between time and again, or the
    /// runtime ended: it may be tried again.
    pub async fn compute<K, F>(&self, key: &K, mut change: F) -> Result<Updated<V>>
    where
        K: ToKey + ?Sized,
        F: FnMut(Option<Arc<V>>) -> Op<V> + Send + 'static,
    {
        self.update(key, move |current| {
            let fresh = current.found.as_ref().filter(|_| current.fresh);
            match change(fresh.and_then(|found| found.value.clone())) {
                Op::Put(value) => Op::Put(value.map(Arc::new)),
                Op::Remove => Op::Remove,
                Op::Keep => Op::Keep,
            }
        })
        .await
    }

    /// Does what `decide` makes of what is there, in the key's turn.
    pub(super) async fn update<K: ToKey + ?Sized>(
        &self,
        key: &K,
        decide: impl FnMut(&Current<V>) -> Op<Arc<V>> + Send + 'static,
    ) -> Result<Updated<V>> {
        self.engine.enter("update")?;
        let key = key.to_key(&self.core.prefix)?;
        let is_kept_in_memory = !self.policy.skips("memory") && self.engine.memory().budget() > 0;
        if !is_kept_in_memory && self.engine.tiers_for(&self.policy).next().is_none() {
            let message =
                format!("{key} can't be updated: memory takes no part, and there is no tier to keep it");
            return Err(Error::new(ErrorKind::Config, "update", message));
        }
        let turn = self.core.turns.take(&key);
        if self.engine.is_alone() && turn.is_some() {
            // It waits for nobody once it has changed something.
            return self.update_in_turn(&key, decide).await;
        }
        let region = self.clone();
        // Who goes away before its turn changes nothing.
        let (_waiting, gone) = oneshot::channel::<()>();
        let update = async move {
            let turn = match turn {
                Some(turn) => Some(turn),
                None => match select(gone, pin!(region.core.turns.wait(&key))).await {
                    Either::Left(_) => None,
                    Either::Right((turn, _)) => Some(turn),
                },
            };
            match turn {
                Some(_turn) => region.update_in_turn(&key, decide).await,
                None => Err(Error::new(ErrorKind::Closed, "update", "its caller has gone away")),
            }
        };
        self.engine.run_to_completion(update).await.unwrap_or_else(|| {
            let message = "the runtime that the update ran on has ended: it may or may not be done";
            Err(Error::new(ErrorKind::Unavailable, "update", message))
        })
    }

    async fn update_in_turn(
        &self,
        key: &Key,
        mut decide: impl FnMut(&Current<V>) -> Op<Arc<V>>,
    ) -> Result<Updated<V>> {
        let (mut overtaken, mut refused, mut lost) = (0, 0, 0);
        while overtaken < MAX_OVERTAKEN && lost < MAX_OUTBIDS {
            // Born before it looks: what is written meanwhile is later, and stays.
            let born = self.engine.clock().tick_put();
            let current = self.current(key).await;
            // Of a put whose value memory does not keep nobody can tell what it is until the tiers have it. It may
            // have been under way when a tier was asked, and over by now.
            let is_being_written = self.engine.memory().is_being_written(key);
            let may_have_been = current.refused && refused < MAX_REFUSED;
            if current.found.is_none() && (is_being_written || may_have_been) {
                refused += u32::from(!is_being_written);
                overtaken += 1;
                tokio::task::yield_now().await;
                continue;
            }
            let latest = current.found.as_ref().map(|found| found.meta.born).max(current.held.flatten());
            if latest.is_some_and(|latest| latest >= born) {
                self.engine.clock().observe(latest.unwrap_or(born));
                overtaken += 1;
                continue;
            }
            let op = catch_unwind(AssertUnwindSafe(|| decide(&current))).map_err(|panic| {
                let message = format!("what was to change {key} panicked: {}", panics::text(&*panic));
                Error::new(ErrorKind::Load, "update", message)
            })?;
            let attempt = match op {
                Op::Keep => return Ok(current.kept()),
                Op::Put(value) => self.put_over(key, &current, value, born).await?,
                Op::Remove => self.remove_seen(key, &current, born).await,
            };
            match attempt {
                Attempt::Done(updated) => return Ok(updated),
                Attempt::Overtaken => {
                    overtaken += 1;
                    tokio::task::yield_now().await;
                }
                Attempt::Lost => {
                    self.engine.run_ahead(lost);
                    lost += 1;
                }
            }
        }
        let times = overtaken + lost;
        let message = format!("{key} was written by others each of {times} times that it was to be updated");
        Err(Error::new(ErrorKind::Unavailable, "update", message))
    }

    /// Puts a value born at `born` over what is there, if that is still there.
    async fn put_over(
        &self,
        key: &Key,
        current: &Current<V>,
        value: Fetched<Arc<V>>,
        born: Timestamp,
    ) -> Result<Attempt<V>> {
        let engine = &self.engine;
        let put = self.encode_put(key.clone(), value, || born)?;
        let PutValue { value, meta, .. } = &put;
        if meta.freshness(engine.clock().now()) == Freshness::Dead {
            // It is never served, so all that the put does is remove what was there before.
            return Ok(self.remove_seen(key, current, born).await);
        }
        let mut begun = Begun::new(engine, 1);
        begun.mark(key, born);
        if !self.store_in_memory_if(key, current.held, Some(Arc::clone(value)), meta.clone()) {
            return Ok(Attempt::Overtaken);
        }
        self.core.counters.bump(Count::Put);
        engine.local_writes().note(key, born);
        self.core.overtake_key(key);
        engine.observers().tell(&Event::Put { key });
        let done = Updated { changed: true, value: Some(Arc::clone(value)), born: Some(born) };
        let memory_alone = engine.tiers_for(&self.policy).next().is_none();
        let too_heavy = memory_alone && engine.memory().is_too_heavy(key, meta);
        let unkept = too_heavy.then(|| engine.too_heavy(key, meta.cost));
        begun.add(self, put);
        if engine.is_alone() {
            return unkept.map_or(Ok(Attempt::Done(done)), Err);
        }
        let finished = begun.finish(self, OnLoss::Withdraw).await;
        if finished.lost {
            return Ok(Attempt::Lost);
        }
        finished.refusal.or(unkept).map_or(Ok(Attempt::Done(done)), Err)
    }

    /// Removes what was there at `born`, if that is still there.
    async fn remove_seen(&self, key: &Key, current: &Current<V>, born: Timestamp) -> Attempt<V> {
        let engine = &self.engine;
        let tombstone = engine.tombstone_born(born);
        let held = current.held.unwrap_or_else(|| engine.memory().born(key));
        if !engine.memory().remove_if(key, held, tombstone, engine.clock().now()) {
            return Attempt::Overtaken;
        }
        self.core.counters.bump(Count::Removal);
        engine.observers().tell(&Event::Removed { what: Removal::Key(key) });
        self.remove_under(slice::from_ref(key), tombstone).await;
        let changed = current.found.as_ref().is_some_and(|found| found.value.is_some());
        Attempt::Done(Updated { changed, value: None, born: None })
    }
}
