//! Which leases this process holds: two holders within it share the locks' session, but not the leases.

use std::{collections::HashMap, time::Duration};

use cache_core::{Holder, Key, Timestamp};

/// The locks that the session has, by number, and what each stands for.
#[derive(Debug, Default)]
pub(crate) struct LeaseTable(HashMap<i64, Option<Grant>>);

#[derive(Debug)]
struct Grant {
    key: Key,
    holder: Holder,
    until: Timestamp,
}

impl Grant {
    fn is_of(&self, key: &Key, holder: Holder, now: Timestamp) -> bool {
        self.key == *key && self.holder == holder && now < self.until
    }
}

impl LeaseTable {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn has_lock(&self, number: i64) -> bool {
        self.0.contains_key(&number)
    }

    /// The session got a lock, which stands for nothing yet.
    pub(crate) fn add_lock(&mut self, number: i64) {
        self.0.entry(number).or_insert(None);
    }

    /// Gives a key to a holder if its lock is had and stands for nothing else alive. Says whether the
    /// holder has it.
    pub(crate) fn grant(
        &mut self,
        number: i64,
        key: &Key,
        holder: Holder,
        now: Timestamp,
        until: Timestamp,
    ) -> bool {
        match self.0.get_mut(&number) {
            None => false,
            Some(Some(other)) if now < other.until && !other.is_of(key, holder, now) => false,
            Some(slot) => {
                *slot = Some(Grant { key: key.clone(), holder, until });
                true
            }
        }
    }

    /// Prolongs a lease that did not lapse. Says whether there was one.
    pub(crate) fn renew(
        &mut self,
        number: i64,
        key: &Key,
        holder: Holder,
        now: Timestamp,
        until: Timestamp,
    ) -> bool {
        match self.0.get_mut(&number) {
            Some(Some(grant)) if grant.is_of(key, holder, now) => {
                grant.until = until;
                true
            }
            _ => false,
        }
    }

    /// Ends a lease; answers with the lock to be given up.
    pub(crate) fn release(&mut self, number: i64, key: &Key, holder: Holder) -> Option<i64> {
        let grant = self.0.get(&number)?.as_ref()?;
        (grant.key == *key && grant.holder == holder).then(|| self.0.remove(&number))?;
        Some(number)
    }

    /// Ends the leases whose spans are over; answers with the locks to be given up.
    pub(crate) fn expire(&mut self, now: Timestamp) -> Vec<i64> {
        let is_over = |grant: &Option<Grant>| grant.as_ref().is_none_or(|grant| grant.until <= now);
        self.0.extract_if(|_, grant| is_over(grant)).map(|(number, _)| number).collect()
    }

    /// When the first span ends.
    pub(crate) fn next_expiry(&self) -> Option<Timestamp> {
        self.0.values().flatten().map(|grant| grant.until).min()
    }

    /// How long the last span goes on.
    pub(crate) fn longest_remaining(&self, now: Timestamp) -> Duration {
        self.0.values().flatten().map(|grant| grant.until.since(now)).max().unwrap_or_default()
    }

    /// The session is gone.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}
