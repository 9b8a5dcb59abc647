//! Connections to one database: its URL, TLS, how a connection is opened, and the pool that shares some.

mod connect;
mod pool;
mod role;
#[cfg_attr(not(feature = "tls"), path = "no_tls.rs")]
mod tls;
mod url;

pub(crate) use connect::{Connector, DatabaseSession};
pub(crate) use pool::{Pool, PooledRow};
pub(crate) use role::start_role_watch;
pub(crate) use url::DatabaseUrl;
