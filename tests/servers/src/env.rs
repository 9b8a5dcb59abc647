//! The servers that all tests of a run share, from the variables that `cargo xtask test` sets.
//!
//! If a variable is not set, one server is started for this process and ends with it. Each test uses a
//! namespace or a database of its own. A test that pauses, cuts off or kills a server starts its own.

use std::env::var;
use std::sync::Mutex;

use anyhow::{Context, Result};

use crate::{Postgres, Redis, RedisCluster, RedisOptions, RedisSentinel, postgres};

/// `redis://127.0.0.1:port`.
pub const REDIS_URL: &str = "CACHE_TEST_REDIS_URL";
/// The nodes' URLs, separated by commas.
pub const REDIS_CLUSTER_URLS: &str = "CACHE_TEST_REDIS_CLUSTER_URLS";
/// The sentinels' URLs, separated by commas.
pub const REDIS_SENTINEL_URLS: &str = "CACHE_TEST_REDIS_SENTINEL_URLS";
/// The name under which the sentinels know the master.
pub const REDIS_SENTINEL_MASTER: &str = "CACHE_TEST_REDIS_SENTINEL_MASTER";
/// `postgres://user:password@127.0.0.1:port/postgres`, of a superuser.
pub const POSTGRES_URL: &str = "CACHE_TEST_POSTGRES_URL";

/// The URL of the shared Redis server.
///
/// # Errors
/// Fails if there is none and none can be started.
pub fn redis() -> Result<String> {
    static OWN: Mutex<Option<Redis>> = Mutex::new(None);
    match set(REDIS_URL) {
        Some(url) => Ok(url),
        None => of_this_process(&OWN, || Redis::start(&RedisOptions::default()), Redis::url),
    }
}

/// The URLs of the shared Redis Cluster's nodes.
///
/// # Errors
/// Fails if there is none and none can be started.
pub fn redis_cluster() -> Result<Vec<String>> {
    static OWN: Mutex<Option<RedisCluster>> = Mutex::new(None);
    match set(REDIS_CLUSTER_URLS) {
        Some(urls) => Ok(parted(&urls)),
        None => of_this_process(&OWN, RedisCluster::start, RedisCluster::urls),
    }
}

/// The URLs of the shared sentinels, and the name of the master they watch.
///
/// # Errors
/// Fails if there are none and none can be started, and if the URLs are set and the name is not.
pub fn redis_sentinel() -> Result<(Vec<String>, String)> {
    static OWN: Mutex<Option<RedisSentinel>> = Mutex::new(None);
    if let Some(urls) = set(REDIS_SENTINEL_URLS) {
        let name = set(REDIS_SENTINEL_MASTER);
        let name =
            name.with_context(|| format!("{REDIS_SENTINEL_URLS} is set: set {REDIS_SENTINEL_MASTER} too"))?;
        return Ok((parted(&urls), name));
    }
    of_this_process(&OWN, RedisSentinel::start, |own| (own.sentinel_urls(), own.master_name().to_owned()))
}

/// The URL of the shared PostgreSQL server's own database; tests take one from [`postgres_database`].
///
/// # Errors
/// Fails if there is none and none can be started.
pub fn postgres() -> Result<String> {
    static OWN: Mutex<Option<Postgres>> = Mutex::new(None);
    match set(POSTGRES_URL) {
        Some(url) => Ok(url),
        None => of_this_process(&OWN, Postgres::start, Postgres::url),
    }
}

/// The URL of a new and empty database on the shared PostgreSQL server.
///
/// # Errors
/// Fails if there is no server and none can be started, or it is down.
pub fn postgres_database() -> Result<String> {
    postgres::create_database(&postgres()?)
}

/// The variable, if it is set to something.
fn set(variable: &str) -> Option<String> {
    var(variable).ok().filter(|text| !text.is_empty())
}

/// Reads something off this process's own server, which is started once.
fn of_this_process<S, T>(
    own: &'static Mutex<Option<S>>,
    start: impl FnOnce() -> Result<S>,
    tell: impl FnOnce(&S) -> T,
) -> Result<T> {
    let mut own = own.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let server = match own.take() {
        Some(server) => server,
        None => start()?,
    };
    Ok(tell(own.insert(server)))
}

fn parted(urls: &str) -> Vec<String> {
    urls.split(',').map(str::trim).filter(|url| !url.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::parted;

    #[test]
    fn urls_are_parted_by_commas() {
        assert_eq!(parted("redis://a, redis://b,"), ["redis://a", "redis://b"]);
        assert!(parted("").is_empty());
    }
}
