//! Private servers for tests: Redis, PostgreSQL, Prometheus, a driver of browsers, and cargo; and the machine that
//! they run on.
//!
//! Each server runs on a free port of 127.0.0.1, in a temporary folder of its own, and is stopped by its
//! pid. Dropping a handle stops its server and removes the folder; so does the end of the process that
//! holds it, even by `kill -9`: nothing is left behind. All calls block, until the server is ready
//! where it is started. Servers that happen to run on the machine are never touched.
//!
//! ```no_run
//! let mut redis = servers::Redis::start(&servers::RedisOptions::default())?;
//! println!("{}", redis.url());
//! redis.kill();
//! redis.restart()?;
//! # anyhow::Ok(())
//! ```

pub mod env;
pub mod install;

mod certificate;
mod chromium;
mod host;
mod ports;
mod postgres;
mod process;
mod program;
mod prometheus;
mod proxy;
mod random;
mod redis;
mod schemathesis;
mod server_dir;
mod user;
mod wait;

pub use chromium::{ChromeDriver, axe_script};
pub use host::{Machine, cargo};
pub use postgres::{Postgres, PostgresOptions};
pub use program::Program;
pub use prometheus::{Prometheus, check_metrics, check_rules};
pub use proxy::Proxy;
pub use redis::{Redis, RedisCluster, RedisOptions, RedisSentinel, Reply};
pub use schemathesis::check_openapi;
