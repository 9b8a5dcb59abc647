//! One server: how to find it, and what was learnt of it.

use std::sync::Arc;

use cache_core::{
    Clock, Error, ErrorKind, Result, Tombstone,
    sync::{Mutex, MutexGuard},
};

use crate::{
    RedisConfig,
    connection::address::Address,
    connection::birth_floor::BirthFloor,
    connection::connect::{Connector, OpenConnection},
    connection::sentinel::Sentinels,
    connection::server_info::{self, ServerInfo},
};

/// By how many microseconds a server's clock may differ from ours before that is said aloud.
const NOTABLE_SKEW_MICROS: u64 = 1_000_000;

/// What all servers have in common.
#[derive(Debug)]
pub(crate) struct ServerContext {
    pub(crate) config: RedisConfig,
    pub(crate) clock: Clock,
    pub(crate) connector: Connector,
    pub(crate) birth_floor: BirthFloor,
}

/// How a server is found.
#[derive(Debug)]
pub(crate) enum Location {
    Fixed(Address),
    /// It is whom the sentinels say.
    Sentinels(Sentinels),
}

/// A server, which after a failover may be another machine.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) context: Arc<ServerContext>,
    location: Location,
    info: Mutex<Option<ServerInfo>>,
}

impl Server {
    pub(crate) fn new(context: Arc<ServerContext>, location: Location) -> Self {
        Self { context, location, info: Mutex::default() }
    }

    /// Where it is now.
    pub(crate) async fn address(&self) -> Result<Address> {
        match &self.location {
            Location::Fixed(address) => Ok(address.clone()),
            Location::Sentinels(sentinels) => sentinels.master_address().await,
        }
    }

    /// What it is called before it was ever reached.
    pub(crate) fn label(&self) -> String {
        match (&self.location, &*self.info()) {
            (_, Some(info)) => info.address.to_string(),
            (Location::Fixed(address), None) => address.to_string(),
            (Location::Sentinels(sentinels), None) => sentinels.master.clone(),
        }
    }

    /// Opens a connection, and learns what there is to know.
    pub(crate) async fn open(&self) -> Result<OpenConnection> {
        let address = self.address().await?;
        let mut open = self.context.connector.open(&address).await?;
        self.query_info(&mut open, &address).await?;
        Ok(open)
    }

    /// Asks whether a connection still serves, and learns what there is to know.
    pub(crate) async fn check(&self, open: &mut OpenConnection) -> Result<()> {
        let address = self.info().as_ref().map(|info| info.address.clone());
        match address {
            Some(address) => self.query_info(open, &address).await,
            None => Ok(()),
        }
    }

    async fn query_info(&self, open: &mut OpenConnection, address: &Address) -> Result<()> {
        let info = server_info::query(&mut open.connection, address, &self.context.clock).await?;
        if matches!(self.location, Location::Sentinels(_)) && info.is_master == Some(false) {
            let message = format!("{address} is a replica, though the sentinels named it as the master");
            return Err(Error::new(ErrorKind::Unavailable, "connect", message));
        }
        self.learn(info);
        Ok(())
    }

    fn learn(&self, info: ServerInfo) {
        let mut known = self.info();
        if let (Some(before), Some(now)) =
            (known.as_ref().and_then(|known| known.run_id.as_ref()), &info.run_id)
            && before != now
        {
            tracing::warn!(server = %info.address, "Redis was restarted or replaced: it may have lost removals");
            self.context.raise_birth_floor();
        }
        self.warn_about(known.as_ref(), &info);
        *known = Some(info);
    }

    /// Says what is amiss with a server, once.
    fn warn_about(&self, before: Option<&ServerInfo>, now: &ServerInfo) {
        let server = &now.address;
        if let Some(eviction) =
            now.eviction.as_ref().filter(|eviction| eviction.has_memory_limit && eviction.evicts_any_key())
            && before.and_then(|before| before.eviction.as_ref()) != Some(eviction)
        {
            tracing::warn!(
                %server, policy = eviction.name,
                "Redis may evict what is protected, and what marks removals: use noeviction or volatile-*"
            );
        }
        let notable_skew = |info: &ServerInfo| {
            info.clock_skew_micros.filter(|skew| skew.unsigned_abs() > NOTABLE_SKEW_MICROS)
        };
        if let (Some(skew), None) = (notable_skew(now), before.and_then(notable_skew)) {
            tracing::warn!(%server, skew_us = skew, "Redis and we differ about the time");
        }
    }

    pub(crate) fn info(&self) -> MutexGuard<'_, Option<ServerInfo>> {
        self.info.lock()
    }

    /// Whether it evicts only what has an expiry.
    pub(crate) fn evicts_only_expiring(&self) -> bool {
        let info = self.info();
        info.as_ref()
            .and_then(|info| info.eviction.as_ref())
            .is_some_and(|eviction| eviction.evicts_only_expiring())
    }
}

impl ServerContext {
    /// Refuses, for as long as a load may last, what was born before now.
    pub(crate) fn raise_birth_floor(&self) {
        let born = self.clock.now();
        self.birth_floor.raise(Tombstone { born, dead_at: born.after(self.config.longest_load) });
    }
}
