//! Fixtures: a table for each test, and a plain connection that sees the table without the tier.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use cache_core::{Blob, Bytes, Clock, Codec, Entry, Key, Meta, Timestamp, Tombstone, Ttl};
use cache_l2_pg::{PgConfig, PgTier, Postgres};
use tokio::time::sleep;
use tokio_postgres::{Client, NoTls};

/// How long a connection may take: the tests share two processors with others.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

pub(crate) const LONG: Duration = Duration::from_secs(3600);

/// The URL of a database that the tests of this process share.
pub(crate) fn url() -> &'static str {
    static URL: OnceLock<String> = OnceLock::new();
    URL.get_or_init(|| servers::env::postgres_database().expect("a PostgreSQL server"))
}

/// A name that no other test has.
pub(crate) fn table() -> String {
    static MADE: AtomicU32 = AtomicU32::new(0);
    format!("t{}", MADE.fetch_add(1, Ordering::Relaxed))
}

/// Settings for a table of its own in the shared database.
pub(crate) fn config() -> PgConfig {
    config_at(url())
}

pub(crate) fn config_at(url: &str) -> PgConfig {
    PgConfig::new(url)
        .expect("a URL")
        .table(&table())
        .pool_size(4)
        .connect_timeout(CONNECT_LIMIT)
        .wait_timeout(CONNECT_LIMIT)
}

pub(crate) async fn open(config: PgConfig, clock: &Clock) -> PgTier {
    Postgres::connect(config, clock.clone()).await.expect("connected").tier()
}

/// A tier on a table of its own, and the name of that.
pub(crate) async fn tier(clock: &Clock) -> (PgTier, String) {
    let table = table();
    (open(config().table(&table), clock).await, table)
}

/// A plain connection.
pub(crate) async fn client(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("connected");
    tokio::spawn(connection);
    client
}

pub(crate) fn key(id: &str) -> Key {
    Key::new("quote", id).expect("a valid key")
}

pub(crate) fn keys(ids: std::ops::Range<u32>) -> Vec<Key> {
    ids.map(|id| key(&id.to_string())).collect()
}

/// The moment `micros` after the clock's.
pub(crate) fn at(clock: &Clock, micros: i64) -> Timestamp {
    Timestamp::from_micros(clock.now().as_micros() + micros)
}

pub(crate) fn entry(text: &str, born: Timestamp) -> Entry {
    living(text, born, LONG)
}

pub(crate) fn living(text: &str, born: Timestamp, life: Duration) -> Entry {
    let bytes = Bytes::copy_from_slice(text.as_bytes());
    Entry::new(Blob { codec: Codec::Bincode, schema: 0, bytes }, Meta::new(born, Ttl::new(life)))
}

pub(crate) fn tombstone(born: Timestamp) -> Tombstone {
    Tombstone { born, dead_at: born.after(LONG) }
}

/// Waits until `condition` holds, on whatever clock the server and the tasks have.
///
/// # Panics
///
/// If it doesn't within 20 s.
pub(crate) async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !condition().await {
        assert!(Instant::now() < deadline, "never came: {what}");
        sleep(Duration::from_millis(5)).await;
    }
}
