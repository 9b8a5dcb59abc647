//! One server: how to find it, and what was learnt of it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cache_core::{Clock, Error, ErrorKind, Result, Tombstone};

use crate::{
    RedisConfig,
    connection::address::Address,
    connection::birth_floor::Floor,
    connection::connect::{Dial, Line},
    connection::sentinel::Sentinels,
    connection::server_info::{self, Facts},
};

/// By how many microseconds a server's clock may differ from ours before that is said aloud.
const MUCH: u64 = 1_000_000;

/// What all servers have in common.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: RedisConfig,
    pub(crate) clock: Clock,
    pub(crate) dial: Dial,
    pub(crate) floor: Floor,
}

/// How a server is found.
#[derive(Debug)]
pub(crate) enum Whereabouts {
    At(Address),
    /// It is whom the sentinels say.
    Asked(Sentinels),
}

/// A server, which after a failover may be another machine.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) shared: Arc<Shared>,
    whereabouts: Whereabouts,
    facts: Mutex<Option<Facts>>,
}

impl Server {
    pub(crate) fn new(shared: Arc<Shared>, whereabouts: Whereabouts) -> Self {
        Self { shared, whereabouts, facts: Mutex::default() }
    }

    /// Where it is now.
    pub(crate) async fn address(&self) -> Result<Address> {
        match &self.whereabouts {
            Whereabouts::At(address) => Ok(address.clone()),
            Whereabouts::Asked(sentinels) => sentinels.ask().await,
        }
    }

    /// What it is called before it was ever reached.
    pub(crate) fn called(&self) -> String {
        match (&self.whereabouts, &*self.facts()) {
            (_, Some(facts)) => facts.address.to_string(),
            (Whereabouts::At(address), None) => address.to_string(),
            (Whereabouts::Asked(sentinels), None) => sentinels.master.clone(),
        }
    }

    /// Opens a connection, and learns what there is to know.
    pub(crate) async fn open(&self) -> Result<Line> {
        let address = self.address().await?;
        let mut line = self.shared.dial.open(&address).await?;
        self.survey(&mut line, &address).await?;
        Ok(line)
    }

    /// Asks whether a connection still serves, and learns what there is to know.
    pub(crate) async fn check(&self, line: &mut Line) -> Result<()> {
        let address = self.facts().as_ref().map(|facts| facts.address.clone());
        match address {
            Some(address) => self.survey(line, &address).await,
            None => Ok(()),
        }
    }

    async fn survey(&self, line: &mut Line, address: &Address) -> Result<()> {
        let facts = server_info::ask(&mut line.connection, address, &self.shared.clock).await?;
        if matches!(self.whereabouts, Whereabouts::Asked(_)) && facts.master == Some(false) {
            let message = format!("{address} is a replica, though the sentinels named it as the master");
            return Err(Error::new(ErrorKind::Unavailable, "connect", message));
        }
        self.learn(facts);
        Ok(())
    }

    fn learn(&self, facts: Facts) {
        let mut known = self.facts();
        if let (Some(before), Some(now)) = (known.as_ref().and_then(|known| known.run.as_ref()), &facts.run)
            && before != now
        {
            tracing::warn!(server = %facts.address, "Redis was restarted or replaced: it may have lost removals");
            self.shared.raise_floor();
        }
        self.warn_of(known.as_ref(), &facts);
        *known = Some(facts);
    }

    /// Says what is amiss with a server, once.
    fn warn_of(&self, before: Option<&Facts>, now: &Facts) {
        let server = &now.address;
        if let Some(eviction) =
            now.eviction.as_ref().filter(|eviction| eviction.limited && eviction.takes_any())
            && before.and_then(|before| before.eviction.as_ref()) != Some(eviction)
        {
            tracing::warn!(
                %server, policy = eviction.policy,
                "Redis may evict what is protected, and what marks removals: use noeviction or volatile-*"
            );
        }
        let much = |facts: &Facts| facts.skew.filter(|skew| skew.unsigned_abs() > MUCH);
        if let (Some(skew), None) = (much(now), before.and_then(much)) {
            tracing::warn!(%server, skew_us = skew, "Redis and we differ about the time");
        }
    }

    pub(crate) fn facts(&self) -> MutexGuard<'_, Option<Facts>> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it evicts only what has an expiry.
    pub(crate) fn takes_expiring(&self) -> bool {
        let facts = self.facts();
        facts
            .as_ref()
            .and_then(|facts| facts.eviction.as_ref())
            .is_some_and(|eviction| eviction.takes_expiring())
    }
}

impl Shared {
    /// Refuses, for as long as a load may last, what was born before now.
    pub(crate) fn raise_floor(&self) {
        let born = self.clock.now();
        self.floor.raise(Tombstone { born, dead_at: born.after(self.config.longest_load) });
    }
}
