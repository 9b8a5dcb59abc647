//! Connections to one database: where it is, how one is opened, and the pool that shares them.

mod connect;
mod pool;
mod tls;
mod url;

pub(crate) use connect::{Connector, Session};
pub(crate) use pool::{Pool, Row};
pub(crate) use url::DatabaseUrl;
