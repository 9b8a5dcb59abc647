//! The sections that a cache is configured by.

use std::path::PathBuf;

use cache_core::Pattern;
use cache_memory::Eviction;
use serde::{Deserialize, Serialize};

use super::{profile::Profile, secret::Secret, setting::setting};
use crate::{OnBusLoss, section};

section! {
    /// What the process is run for.
    pub struct ProfileSection("", _profile) {
        /// What the process is run for, which some defaults go by: development or production.
        profile: Profile = Profile::Development,
            setting().env(&["CACHE_PROFILE"]).flag("profile"),
    }
}

section! {
    /// The near tier.
    pub struct MemorySection("memory.", profile) {
        /// What may be kept in memory.
        mib: u64 = profile.choose(64, 256),
            setting().unit("MiB").within(1.0..=1_048_576.0).env(&["CACHE_MEMORY_MIB"]).flag("memory-mib"),
        /// Which entry goes first when memory is full: lru, lfu, fifo, ttl or hybrid.
        policy: String = Eviction::default().to_string(),
            setting().holds(eviction).env(&["CACHE_MEMORY_POLICY", "CACHE_EVICTION_POLICY"]).flag("memory-policy"),
        /// Which share of memory may be full before entries are evicted.
        pressure_threshold: f64 = 1.0,
            setting().within(0.05..=1.0).env(&["CACHE_MEMORY_PRESSURE_THRESHOLD"]),
        /// The share of memory that protected keys may take.
        protected_share: f64 = 0.25,
            setting().within(0.0..=1.0).env(&["CACHE_MEMORY_PROTECTED_SHARE"]).flag("memory-protected-share"),
        /// Keys that are never evicted from memory for space: patterns such as `price:AAPL*`.
        protect: Vec<String> = Vec::new(),
            setting().list().holds(pattern).env(&["CACHE_MEMORY_PROTECT"]).flag("memory-protect"),
        /// How many keys' reads are to be remembered. The policies remember as many as memory has room for,
        /// so nothing is bounded by it.
        max_tracked_entries: u64 = 10_000,
            setting().idle().within(1.0..=1e9).env(&["CACHE_MAX_TRACKED_ENTRIES"]),
    }
}

section! {
    /// The disk tier.
    pub struct DiskSection("disk.", profile) {
        /// The folder for what outlives a restart; made if it isn't there.
        dir: PathBuf = PathBuf::from("./data"),
            setting().env(&["CACHE_SERVER_DATA_DIR"]).flag("data-dir"),
        /// What may be kept on disk.
        mib: u64 = profile.choose(1024, 4096),
            setting().unit("MiB").within(16.0..=1_073_741_824.0).env(&["CACHE_DISK_MIB"]).flag("disk-mib"),
    }
}

section! {
    /// The shared tier on Redis.
    pub struct RedisSection("redis.", _profile) {
        /// Redis as a shared tier: a URL, several of a Cluster parted by commas, or sentinels with `?master=NAME`.
        url: Option<Secret> = None,
            setting().secret().holds(super::redis_url).env(&["REDIS_URL"]).flag("redis-url"),
        /// The password, in place of the URL's; with sentinels the master's.
        password: Option<Secret> = None,
            setting().secret().env(&["REDIS_PASSWORD"]),
        /// The number of the database, in place of the URL's.
        db: Option<u16> = None,
            setting().env(&["REDIS_DB"]),
        /// How many connections are kept to each server. Each carries any number of calls at once.
        pool_size: u64 = 1,
            setting().within(1.0..=16.0).env(&["REDIS_POOL_SIZE"]),
        /// How long a call may take.
        timeout: f64 = 0.5,
            setting().unit("s").within(0.001..=600.0).env(&["REDIS_TIMEOUT"]),
        /// Whether a call that failed or took too long is tried once more.
        retry_on_timeout: bool = true,
            setting().env(&["REDIS_RETRY_ON_TIMEOUT"]),
    }
}

section! {
    /// The durable tier on PostgreSQL.
    pub struct PostgresSection("postgres.", _profile) {
        /// PostgreSQL as the durable tier: a URL.
        url: Option<Secret> = None,
            setting().secret().holds(super::postgres_url).env(&["DATABASE_URL"]).flag("postgres-url"),
        /// How many connections the tier and the bus share.
        pool_size: u64 = 8,
            setting().within(1.0..=1000.0).env(&["CACHE_POSTGRES_POOL_SIZE"]),
        /// How long a call may take.
        timeout: f64 = 0.5,
            setting().unit("s").within(0.001..=600.0).env(&["CACHE_POSTGRES_TIMEOUT"]),
    }
}

section! {
    /// What nodes that share tiers tell each other.
    pub struct BusSection("bus.", _profile) {
        /// By what nodes hear of each other's writes and agree on who loads: redis, postgres, or off. Left out:
        /// the first of them that is there.
        by: Option<By> = None,
            setting().env(&["CACHE_BUS"]).flag("bus"),
        /// What memory does while this node receives nothing from the others: `serve_memory`, which goes on
        /// serving what it holds, or `ask_tiers`, which serves nothing.
        on_bus_loss: OnBusLoss = OnBusLoss::ServeMemory,
            setting().env(&["CACHE_ON_BUS_LOSS"]).flag("on-bus-loss"),
    }
}

section! {
    /// How nodes that share tiers agree on who loads.
    pub struct LeaseSection("lease.", _profile) {
        /// Whether they do, so that a key is loaded once in all of them. By the same server as the bus.
        enabled: bool = true,
            setting().env(&["CACHE_LEASE_ENABLED"]),
    }
}

/// By what nodes hear of each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// Redis.
    Redis,
    /// PostgreSQL.
    Postgres,
    /// They don't.
    Off,
}

fn eviction(text: &str) -> Result<(), String> {
    text.parse::<Eviction>()
        .map(drop)
        .map_err(|_| format!("give one of {}", Eviction::ALL.map(Eviction::as_str).join(", ")))
}

fn pattern(text: &str) -> Result<(), String> {
    Pattern::glob(text).map(drop).map_err(|error| error.to_string())
}
