//! One server: how it is found, and what it last said of itself.

use std::sync::Arc;

use cache_core::{
    Clock, Error, ErrorKind, Result, Tombstone,
    sync::{Mutex, MutexGuard},
};
use tokio::sync::watch;

use crate::{
    RedisConfig,
    config::Topology,
    connection::{
        address::Address,
        birth_floor::BirthFloor,
        connect::{Connector, OpenConnection},
        sentinel::Sentinels,
        server_info::{self, ServerInfo},
    },
};

/// The difference between a server's clock and ours, in microseconds, above which it is logged.
const NOTABLE_SKEW_MICROS: u64 = 1_000_000;

/// How often a new connection asks for the server's time, so that the most exact answer counts.
const FIRST_MEASUREMENTS: u32 = 3;

/// What all connections to the servers share.
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
    /// The master that these sentinels name.
    Sentinels(Sentinels),
}

/// A server. Under sentinels it may be another machine after a failover.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) context: Arc<ServerContext>,
    location: Location,
    info: Mutex<Option<ServerInfo>>,
    /// Incremented when the server turned out to be the wrong one, or another: whoever is connected connects
    /// anew.
    renewals: watch::Sender<u64>,
}

impl Server {
    pub(crate) fn new(context: Arc<ServerContext>, location: Location) -> Self {
        Self { context, location, info: Mutex::default(), renewals: watch::Sender::new(0) }
    }

    /// Returns its current address. Asks the sentinels, if there are any.
    pub(crate) async fn address(&self) -> Result<Address> {
        match &self.location {
            Location::Fixed(address) => Ok(address.clone()),
            Location::Sentinels(sentinels) => sentinels.master_address().await,
        }
    }

    /// Returns what messages call it: its last known address, or else the master's name.
    pub(crate) fn label(&self) -> String {
        match (&self.location, &*self.info()) {
            (_, Some(info)) => info.address.to_string(),
            (Location::Fixed(address), None) => address.to_string(),
            (Location::Sentinels(sentinels), None) => sentinels.master.clone(),
        }
    }

    /// Opens a connection, and asks the server for its `INFO`. Fails if it is a replica, or is loading its data.
    pub(crate) async fn open(&self) -> Result<OpenConnection> {
        let address = self.address().await?;
        let mut open = self.context.connector.open(&address).await?;
        for _ in 0..FIRST_MEASUREMENTS {
            self.check_role(&mut open, &address).await?;
        }
        let info = self.query_info(&mut open, &address).await?;
        open.run_id.clone_from(&info.run_id);
        self.learn(info);
        Ok(open)
    }

    /// Asks the server of an open connection who it is. Fails if it is the wrong one.
    pub(crate) async fn identify(&self, open: &mut OpenConnection, address: &Address) -> Result<()> {
        open.run_id = self.query_info(open, address).await?.run_id;
        Ok(())
    }

    /// Returns whether a connection is known to lead to the server that new connections reach.
    pub(crate) fn is_current(&self, open: &OpenConnection) -> bool {
        open.run_id.is_some() && self.info().as_ref().is_some_and(|info| info.run_id == open.run_id)
    }

    /// Returns what tells that a connection has to be opened anew.
    pub(crate) fn renewals(&self) -> watch::Receiver<u64> {
        self.renewals.subscribe()
    }

    /// Has every connection opened anew.
    pub(crate) fn renew(&self) {
        self.renewals.send_modify(|renewals| *renewals += 1);
    }

    /// Asks the server for its role over an open connection. Fails if that no longer serves.
    pub(crate) async fn check_role(&self, open: &mut OpenConnection, address: &Address) -> Result<()> {
        let is_master = server_info::query_role(&mut open.connection, address, &self.context.clock).await?;
        self.require_master(is_master, address)
    }

    /// Asks the server for its `INFO` over an open connection. Fails if that no longer serves, or leads to another
    /// server than new connections do.
    pub(crate) async fn check(&self, open: &mut OpenConnection) -> Result<()> {
        let known = self.info().as_ref().map(|info| (info.address.clone(), info.run_id.clone()));
        let Some((address, run_id)) = known else { return Ok(()) };
        let info = self.query_info(open, &address).await?;
        if open.run_id != run_id {
            let message = format!("{address} leads to another server now");
            return Err(Error::new(ErrorKind::Unavailable, "connect", message));
        }
        self.learn(info);
        Ok(())
    }

    /// Resolves and connects anew, to see which server answers now. If it is another one than the connections
    /// have, they are opened anew.
    pub(crate) async fn look_again(&self) -> Result<()> {
        let Some(before) = self.info().as_ref().map(|info| info.run_id.clone()) else { return Ok(()) };
        let address = self.address().await?;
        let mut open = self.context.connector.open(&address).await?;
        let info = self.query_info(&mut open, &address).await?;
        if info.run_id != before {
            self.learn(info);
        }
        Ok(())
    }

    async fn query_info(&self, open: &mut OpenConnection, address: &Address) -> Result<ServerInfo> {
        let info = server_info::query(&mut open.connection, address, &self.context.clock).await?;
        self.require_master(info.is_master, address)?;
        if info.is_loading {
            let message = format!("{address} is still loading its data");
            return Err(Error::new(ErrorKind::Unavailable, "connect", message));
        }
        Ok(info)
    }

    /// Fails for a replica, except in a Cluster, whose nodes say themselves where a key is.
    fn require_master(&self, is_master: Option<bool>, address: &Address) -> Result<()> {
        if is_master != Some(false) || matches!(self.context.config.topology, Topology::Cluster(_)) {
            return Ok(());
        }
        let message = match self.location {
            Location::Fixed(_) => format!("{address} is a replica, and the master is needed"),
            Location::Sentinels(_) => {
                format!("{address} is a replica, though the sentinels named it as the master")
            }
        };
        Err(Error::new(ErrorKind::Unavailable, "connect", message))
    }

    /// Stores what the server said. If that shows a restart or another server, older births are refused from now
    /// on, and all other connections are opened anew.
    fn learn(&self, info: ServerInfo) {
        let mut known = self.info();
        if let (Some(before), Some(now)) =
            (known.as_ref().and_then(|known| known.run_id.as_ref()), &info.run_id)
            && before != now
        {
            tracing::warn!(server = %info.address, "Redis was restarted or replaced and may have lost removals: entries born before now are refused for a while");
            self.context.raise_birth_floor();
            self.renew();
        }
        self.warn_about(known.as_ref(), &info);
        *known = Some(info);
    }

    /// Logs, once each, a dangerous eviction policy and a clock that differs from ours.
    fn warn_about(&self, before: Option<&ServerInfo>, now: &ServerInfo) {
        let server = &now.address;
        if let Some(eviction) =
            now.eviction.as_ref().filter(|eviction| eviction.has_memory_limit && eviction.evicts_any_key())
            && before.and_then(|before| before.eviction.as_ref()) != Some(eviction)
        {
            tracing::warn!(
                %server, policy = eviction.name,
                "Redis may evict protected keys and tombstones: set maxmemory-policy to noeviction or volatile-*"
            );
        }
        let notable_skew = |info: &ServerInfo| {
            info.clock_skew_micros.filter(|skew| skew.unsigned_abs() > NOTABLE_SKEW_MICROS)
        };
        if let (Some(skew), None) = (notable_skew(now), before.and_then(notable_skew)) {
            tracing::warn!(%server, skew_us = skew, "the clocks of Redis and of this node differ: synchronise them");
        }
    }

    pub(crate) fn info(&self) -> MutexGuard<'_, Option<ServerInfo>> {
        self.info.lock()
    }

    /// Returns whether the server evicts only keys that have an expiry.
    pub(crate) fn evicts_only_expiring(&self) -> bool {
        let info = self.info();
        info.as_ref()
            .and_then(|info| info.eviction.as_ref())
            .is_some_and(|eviction| eviction.evicts_only_expiring())
    }
}

impl ServerContext {
    /// Refuses entries born before now, for as long as a load may take.
    pub(crate) fn raise_birth_floor(&self) {
        let born = self.clock.now();
        self.birth_floor.raise(Tombstone { born, dead_at: born.after(self.config.longest_load) });
    }
}
