//! The sentinels, which name the address of the master.

use cache_core::{Error, ErrorKind, Result};
use futures_util::{FutureExt, future::select_ok};
use redis::{Value, cmd};

use crate::{
    connection::{address::Address, connect::Connector},
    error,
};

/// The sentinels of one master.
#[derive(Debug)]
pub(crate) struct Sentinels {
    pub(crate) addresses: Vec<Address>,
    pub(crate) connector: Connector,
    pub(crate) master: String,
}

impl Sentinels {
    /// Returns the master's address. All sentinels are asked at once, and the first that knows it counts.
    pub(crate) async fn master_address(&self) -> Result<Address> {
        let asked = self.addresses.iter().map(|sentinel| self.master_address_by(sentinel).boxed());
        select_ok(asked).await.map(|(address, _)| address)
    }

    async fn master_address_by(&self, sentinel: &Address) -> Result<Address> {
        let mut open = self.connector.open(sentinel).await?;
        let command = cmd("SENTINEL").arg("get-master-addr-by-name").arg(&self.master).to_owned();
        let reply: Value = command
            .query_async(&mut open.connection)
            .await
            .map_err(|error| error::classify("connect", sentinel, error))?;
        let (host, port) = redis::from_redis_value::<Option<(String, u16)>>(reply)
            .ok()
            .flatten()
            .ok_or_else(|| self.unknown(sentinel))?;
        Ok(sentinel.neighbour(&host, port))
    }

    fn unknown(&self, sentinel: &Address) -> Error {
        let message = format!("the sentinel {sentinel} knows no master named {:?}", self.master);
        Error::new(ErrorKind::Unavailable, "connect", message)
    }
}
