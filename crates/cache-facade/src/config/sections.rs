//! The sections of a cache's configuration.

use std::path::PathBuf;

use cache_config::{Profile, section, setting};
use cache_core::{Pattern, Secret};
use cache_memory::Eviction;
use serde::{Deserialize, Serialize};

use super::LifeSetting;
use crate::OnBusLoss;
section! {
    /// The profile.
    pub struct ProfileSection("", _profile) {
        /// The profile, development or production, which selects defaults.
        profile: Profile = Profile::Development,
            setting().env(&["CACHE_PROFILE"]).flag("profile"),
    }
}

section! {
    /// What the classes of lives come to, which code names in place of a life.
    pub struct LivesSection("lives.", _profile) {
        /// The life of the class short: seconds, or such as `5m`. Left out: 300.
        short: Option<LifeSetting> = None, setting().reloadable().unit("s").env(&["CACHE_TTL_SHORT"]),
        /// The life of the class medium. Left out: 1800.
        medium: Option<LifeSetting> = None, setting().reloadable().unit("s").env(&["CACHE_TTL_MEDIUM"]),
        /// The life of the class long. Left out: 3600.
        long: Option<LifeSetting> = None, setting().reloadable().unit("s").env(&["CACHE_TTL_LONG"]),
        /// The life of the class `very_long`. Left out: 86400.
        very_long: Option<LifeSetting> = None, setting().reloadable().unit("s").env(&["CACHE_TTL_VERY_LONG"]),
    }
}

section! {
    /// The near tier.
    pub struct MemorySection("memory.", profile) {
        /// The budget of memory: what its entries weigh. The process takes more than that. With lru and lfu a
        /// change needs a restart.
        mib: u64 = profile.choose(64, 256),
            setting().reloadable().unit("MiB").range(1.0..=1_048_576.0).env(&["CACHE_MEMORY_MIB"]).flag("memory-mib"),
        /// Which entry is evicted first when memory is full: lru, lfu, fifo, ttl or hybrid.
        policy: String = Eviction::default().to_string(),
            setting().validate(eviction).env(&["CACHE_MEMORY_POLICY", "CACHE_EVICTION_POLICY"]).flag("memory-policy"),
        /// The share of the budget that is used before entries are evicted. With lru and lfu a change needs a
        /// restart.
        pressure_threshold: f64 = 1.0,
            setting().reloadable().range(0.05..=1.0).env(&["CACHE_MEMORY_PRESSURE_THRESHOLD"]),
        /// The share of memory for protected keys.
        protected_share: f64 = 0.25,
            setting().range(0.0..=1.0).env(&["CACHE_MEMORY_PROTECTED_SHARE"]).flag("memory-protected-share"),
        /// Keys that are never evicted from memory for space: patterns such as `price:AAPL*`.
        protect: Vec<String> = Vec::new(),
            setting().list().validate(pattern).env(&["CACHE_MEMORY_PROTECT"]).flag("memory-protect"),
        /// How many keys' reads are remembered, for warming: at most a million.
        max_tracked_entries: u64 = 10_000,
            setting().range(1.0..=1e6).env(&["CACHE_MAX_TRACKED_ENTRIES"]),
    }
}

section! {
    /// The disk tier.
    pub struct DiskSection("disk.", profile) {
        /// The folder for data that survive a restart; created if it is missing.
        dir: PathBuf = PathBuf::from("./data"),
            setting().validate(folder).env(&["CACHE_SERVER_DATA_DIR"]).flag("data-dir"),
        /// The budget of the disk tier.
        mib: u64 = profile.choose(1024, 4096),
            setting().unit("MiB").range(16.0..=1_073_741_824.0).env(&["CACHE_DISK_MIB"]).flag("disk-mib"),
    }
}

section! {
    /// The shared tier on Redis.
    pub struct RedisSection("redis.", _profile) {
        /// The URL of Redis; several of a Cluster, separated by commas; or those of sentinels with `?master=NAME`.
        url: Option<Secret> = None,
            setting().secret().validate(super::redis_url).env(&["REDIS_URL"]).flag("redis-url"),
        /// The password, which replaces the URL's; with sentinels, the master's.
        password: Option<Secret> = None,
            setting().secret().env(&["REDIS_PASSWORD"]),
        /// The number of the database, which replaces the URL's.
        db: Option<u16> = None,
            setting().env(&["REDIS_DB"]),
        /// How many connections to keep to each server. Each carries any number of calls at once.
        pool_size: u64 = 1,
            setting().range(1.0..=16.0).env(&["REDIS_POOL_SIZE"]),
        /// The timeout of a call.
        timeout: f64 = 0.5,
            setting().unit("s").range(0.001..=600.0).env(&["REDIS_TIMEOUT"]),
        /// Whether a call that failed or timed out is repeated once.
        retry_on_timeout: bool = true,
            setting().env(&["REDIS_RETRY_ON_TIMEOUT"]),
    }
}

section! {
    /// The durable tier on PostgreSQL.
    pub struct PostgresSection("postgres.", _profile) {
        /// The URL of PostgreSQL.
        url: Option<Secret> = None,
            setting().secret().validate(super::postgres_url).env(&["DATABASE_URL"]).flag("postgres-url"),
        /// How many connections to keep. The tier and the bus share them.
        pool_size: u64 = 8,
            setting().range(1.0..=1000.0).env(&["CACHE_POSTGRES_POOL_SIZE"]),
        /// The timeout of a call.
        timeout: f64 = 0.5,
            setting().unit("s").range(0.001..=600.0).env(&["CACHE_POSTGRES_TIMEOUT"]),
    }
}

section! {
    /// The bus, which carries invalidations between nodes that share tiers.
    pub struct BusSection("bus.", _profile) {
        /// The server that carries the bus and the lease: redis, postgres, or off. Left out: the first that has a
        /// URL.
        by: Option<BusCarrier> = None,
            setting().env(&["CACHE_BUS"]).flag("bus"),
        /// What memory does while this node receives nothing from the others: `serve_memory`, which goes on
        /// serving what it holds, or `ask_tiers`, which serves nothing.
        on_bus_loss: OnBusLoss = OnBusLoss::ServeMemory,
            setting().env(&["CACHE_ON_BUS_LOSS"]).flag("on-bus-loss"),
    }
}

section! {
    /// The lease, by which one of the nodes that share tiers loads a key.
    pub struct LeaseSection("lease.", _profile) {
        /// Whether nodes use leases, so that only one of them loads a key. On the server that carries the bus.
        enabled: bool = true,
            setting().env(&["CACHE_LEASE_ENABLED"]),
    }
}

/// The server that carries the bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BusCarrier {
    /// Redis.
    Redis,
    /// PostgreSQL.
    Postgres,
    /// There is no bus.
    Off,
}

fn eviction(text: &str) -> Result<(), String> {
    text.parse::<Eviction>().map(drop).map_err(|error| {
        // The reader says what was given; what is left is what to do.
        let said = error.to_string();
        said.rsplit_once(": ").map_or(said.as_str(), |(_, remedy)| remedy).to_owned()
    })
}

/// Refuses an empty path, which would be the folder that the program was started in.
fn folder(text: &str) -> Result<(), String> {
    if text.trim().is_empty() {
        Err("it is empty: give the path of a folder, such as ./data, or leave it out".to_owned())
    } else if text.contains('\0') {
        Err("it holds a NUL: give the path of a folder, such as ./data".to_owned())
    } else {
        Ok(())
    }
}

fn pattern(text: &str) -> Result<(), String> {
    Pattern::glob(text).map(drop).map_err(|error| error.to_string())
}
