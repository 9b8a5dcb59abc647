//! Connections to one database: its URL, TLS, how a connection is opened, and the pool that shares some.

mod connect;
mod pool;
mod tls;
mod url;

pub(crate) use connect::{Connector, Session};
pub(crate) use pool::{Pool, Row};
pub(crate) use url::DatabaseUrl;
