//! Refreshes that are put off: keys whose values are fresh and near their end gather, to go in few calls, and so
//! do keys whose values were marked stale.
//!
//! Nobody waits for such a refresh, so it may wait: until the window that the first of them opened is over, or
//! half the life that one of them has left, or until a call has free places for it.

use std::{collections::HashSet, hash::BuildHasherDefault, time::Duration};

use cache_core::{Key, KeyHasher, Timestamp, sync::Mutex};
use tracing::Span;

use crate::{
    answer::Found,
    load::fetch::LookupScope,
    region::{Cacheable, Region},
    timer,
};

/// How many keys gather at most. Past that they go at once.
const MOST: usize = 1024;

/// For how long those gather at least whose values were marked stale: many are as a rule.
const MARKED_WINDOW: Duration = Duration::from_millis(100);

/// The keys of a region whose refreshes are put off.
#[derive(Debug, Default)]
pub(crate) struct PutOff(Mutex<Gathered>);

#[derive(Debug, Default)]
struct Gathered {
    keys: HashSet<Key, BuildHasherDefault<KeyHasher>>,
    /// When they go.
    goes_at: Option<Timestamp>,
    /// How often they went.
    departures: u64,
}

impl PutOff {
    /// Takes at most so many of them, for a call that has room.
    pub(crate) fn take(&self, most: usize) -> Vec<Key> {
        let mut gathered = self.0.lock();
        let some: Vec<Key> = gathered.keys.iter().take(most).cloned().collect();
        some.iter().for_each(|key| drop(gathered.keys.take(key)));
        some
    }

    /// Adds a key that can wait until `latest`. Returns when to look whether they go, if that is sooner than
    /// before, and the number of the departure. What should have gone already was left by a runtime that ended.
    fn add(&self, key: &Key, latest: Timestamp, now: Timestamp) -> Option<(Timestamp, u64)> {
        let mut gathered = self.0.lock();
        let is_left = gathered.goes_at.is_some_and(|goes_at| goes_at < now);
        if !gathered.keys.insert(key.clone()) && !is_left {
            return None;
        }
        let sooner = is_left || gathered.goes_at.is_none_or(|goes_at| latest < goes_at);
        if sooner {
            gathered.goes_at = Some(latest);
        }
        sooner.then_some((latest, gathered.departures))
    }

    /// Takes all of them if their time has come.
    fn depart(&self, now: Timestamp, departure: u64) -> Vec<Key> {
        let mut gathered = self.0.lock();
        if gathered.departures != departure || gathered.goes_at.is_none_or(|goes_at| now < goes_at) {
            return Vec::new();
        }
        gathered.goes_at = None;
        gathered.departures += 1;
        gathered.keys.drain().collect()
    }

    fn is_full(&self) -> bool {
        self.0.lock().keys.len() >= MOST
    }
}

impl<V: Cacheable> Region<V> {
    /// Puts the refresh of a key off. Returns `false` if it has to begin now.
    pub(crate) fn put_refresh_off(&self, key: &Key, found: &Found<V>, now: Timestamp) -> bool {
        let is_marked = found.meta.is_marked_stale();
        let gathers = self.loader.as_ref().is_some_and(|loader| !is_marked || loader.max_batch() > 1);
        let window = self.policy.refresh_window.max(if is_marked { MARKED_WINDOW } else { Duration::ZERO });
        if window.is_zero() || !gathers || self.core.put_off.is_full() {
            return false;
        }
        let left = if is_marked { found.meta.dead_at } else { found.meta.stale_at }.since(now);
        let latest = now.after(window.min(left / 2));
        if let Some((at, departure)) = self.core.put_off.add(key, latest, now) {
            let region = self.clone();
            let sleep = timer::sleep(self.engine.clock(), at.since(now));
            // Open until then, since a span that has ended can't be linked to.
            let cause = Span::current();
            self.engine.spawn(async move {
                sleep.await;
                region.refresh_put_off(departure, &cause);
            });
        }
        true
    }

    /// Begins the refreshes that were put off, if their time has come. The span that is their `cause` is that of
    /// the read that put off the first of them.
    fn refresh_put_off(&self, departure: u64, cause: &Span) {
        let scope = LookupScope::Background;
        let due = self.core.put_off.depart(self.engine.clock().now(), departure);
        let fetches = due.iter().filter_map(|key| self.lead(key, scope)).collect();
        let fetches = self.fetches(fetches, scope, self.loader.clone());
        self.engine.spawn_in_background(fetches, cause);
    }
}
