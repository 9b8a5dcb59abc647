//! The sections that only the service has.

use std::path::PathBuf;

use cache_facade::{config::setting, section};
use cache_market::TtlRules;

use super::{checks, provider::ProviderEntry};

section! {
    /// The service itself.
    pub struct ServiceSection("", _profile) {
        /// Where to listen: an address and a port, 0 for any free one.
        listen: String = "127.0.0.1:8080".to_owned(),
            setting().env(&["CACHE_LISTEN"]).flag("listen"),
        /// What to log, to standard error: off, error, warn, info, debug, trace, or by module.
        log: String = "info".to_owned(),
            setting().live().holds(checks::filter).env(&["CACHE_LOG"]).flag("log"),
        /// How long a miss waits for others, to go to a provider in one call. 0: it doesn't.
        batch_window_ms: u64 = 2,
            setting().unit("ms").within(0.0..=1000.0).env(&["CACHE_BATCH_WINDOW_MS"]).flag("batch-window-ms"),
    }
}

section! {
    /// What clients and loads may take.
    pub struct LimitsSection("limits.", profile) {
        /// How many connections are served at once; more wait.
        connections: u32 = profile.choose(2048, 8192),
            setting().within(1.0..=1e6).env(&["CACHE_MAX_CONNECTIONS"]).flag("max-connections"),
        /// How long a request waits for a provider at most.
        load_timeout_ms: u64 = 10_000,
            setting().live().unit("ms").within(1.0..=600_000.0).env(&["CACHE_LOAD_TIMEOUT_MS"]).flag("load-timeout-ms"),
        /// How long after a failed load a stale value is served without trying again.
        throttle_ms: u64 = 1000,
            setting().live().unit("ms").env(&["CACHE_THROTTLE_MS"]).flag("throttle-ms"),
    }
}

section! {
    /// How long data are fresh.
    pub struct TtlSection("ttl.", _profile) {
        /// How long a quote is fresh, in any phase of its market, if it can't change before. Left out: by the rules.
        price: Option<u64> = None, setting().live().unit("s").env(&["CACHE_TTL_PRICE"]).flag("ttl-price"),
        /// How long bars are fresh, the same way.
        ohlcv: Option<u64> = None, setting().live().unit("s").env(&["CACHE_TTL_OHLCV"]).flag("ttl-ohlcv"),
        /// How long what a company reports is fresh, the same way.
        fundamentals: Option<u64> = None, setting().live().unit("s").env(&["CACHE_TTL_FUNDAMENTALS"]),
        /// How long indicators are fresh, the same way.
        technical: Option<u64> = None, setting().live().unit("s").env(&["CACHE_TTL_TECHNICAL"]),
        /// How long news are fresh, the same way.
        news: Option<u64> = None, setting().live().unit("s").env(&["CACHE_TTL_NEWS"]),
        /// How long series of an economy are fresh, the same way.
        macro_: Option<u64> = None, setting().live().unit("s").env(&["CACHE_TTL_MACRO"]),
        /// How long it is remembered that a provider doesn't know a symbol.
        unknown: u64 = 60, setting().live().unit("s").env(&["CACHE_TTL_UNKNOWN"]).flag("ttl-unknown"),
        /// What the class short comes to. Left out: as the rules have it.
        short: Option<u64> = None, setting().live().unit("s").env(&["CACHE_TTL_SHORT"]),
        /// What the class medium comes to. Left out: as the rules have it.
        medium: Option<u64> = None, setting().live().unit("s").env(&["CACHE_TTL_MEDIUM"]),
        /// What the class long comes to. Left out: as the rules have it.
        long: Option<u64> = None, setting().live().unit("s").env(&["CACHE_TTL_LONG"]),
        /// What the class very_long comes to. Left out: as the rules have it.
        very_long: Option<u64> = None, setting().live().unit("s").env(&["CACHE_TTL_VERY_LONG"]),
        /// The rules: how long each kind of data is fresh, by type of asset and phase of the market. What is
        /// written lies over the defaults, cell by cell: `rows: {price: {open: 60}}`. The lives above lie over them.
        rules: TtlRules = TtlRules::default(), setting().live(),
    }
}

section! {
    /// Until what age data may stand in while new ones can't be had.
    pub struct GraceSection("grace.", _profile) {
        /// Until what age a quote may stand in while a new one can't be had. Left out: by the rules.
        price: Option<u64> = None, setting().live().unit("s").env(&["CACHE_GRACE_PRICE"]).flag("grace-price"),
        /// Until what age bars may stand in while new ones can't be had. Left out: by the rules.
        ohlcv: Option<u64> = None, setting().live().unit("s").env(&["CACHE_GRACE_OHLCV"]).flag("grace-ohlcv"),
    }
}

section! {
    /// Trading calendars.
    pub struct CalendarsSection("calendars.", _profile) {
        /// A file of days that the calendars don't know, with lines such as `XNYS 2027-01-08 closed`.
        file: Option<PathBuf> = None, setting().live().env(&["CACHE_CALENDAR_FILE"]),
    }
}

section! {
    /// Where data come from.
    pub struct ProvidersSection("", _profile) {
        /// Where data come from, the first to be asked first. Left out: recorded days are replayed.
        providers: Vec<ProviderEntry> = Vec::new(), setting().sample(super::PROVIDERS),
    }
}

section! {
    /// How recorded days are replayed, as a provider would answer.
    pub struct ReplaySection("replay.", _profile) {
        /// How long each call of the provider takes.
        latency_ms: u64 = 300,
            setting().unit("ms").env(&["CACHE_PROVIDER_LATENCY_MS"]).flag("provider-latency-ms"),
        /// How many quotes one call of the provider may ask for.
        batch: u32 = 50,
            setting().within(1.0..=4_294_967_295.0).env(&["CACHE_PROVIDER_BATCH"]).flag("provider-batch"),
        /// How many calls a second the provider lets through.
        rate: u32 = 100,
            setting().within(1.0..=4_294_967_295.0).env(&["CACHE_PROVIDER_RATE"]).flag("provider-rate"),
        /// The share of calls of the provider that fail.
        failure_rate: f64 = 0.0,
            setting().within(0.0..=1.0).env(&["CACHE_PROVIDER_FAILURE_RATE"]).flag("provider-failure-rate"),
        /// Which calls those are: the same seed fails the same ones.
        seed: u64 = 0,
            setting().env(&["CACHE_PROVIDER_SEED"]).flag("provider-seed"),
    }
}

section! {
    /// Loading ahead of demand.
    pub struct WarmingSection("warming.", profile) {
        /// Whether what is asked for often is loaded before it is asked for.
        enabled: bool = profile.choose(false, true),
            setting().live().idle().env(&["CACHE_WARMING_ENABLED"]),
        /// At which hours of the day, in UTC.
        schedule: Vec<u8> = vec![0, 6, 12, 18],
            setting().live().idle().list().holds(checks::hour).env(&["CACHE_WARMING_SCHEDULE"]),
        /// How many symbols go to a provider at once.
        batch_size: u32 = 50,
            setting().live().idle().within(1.0..=10_000.0).env(&["CACHE_WARMING_BATCH_SIZE"]),
        /// How often besides.
        interval: u64 = 300,
            setting().live().idle().unit("s").within(1.0..=86_400.0).env(&["CACHE_WARMING_INTERVAL"]),
        /// How many batches may be under way.
        max_concurrent: u32 = 5,
            setting().live().idle().within(1.0..=1000.0).env(&["CACHE_WARMING_MAX_CONCURRENT"]),
    }
}

section! {
    /// Updates in batches.
    pub struct BatchSection("batch.", _profile) {
        /// Whether updates wait to be sent together.
        enabled: bool = true,
            setting().live().idle().env(&["CACHE_BATCH_ENABLED"]),
        /// How many go together.
        size: u32 = 50,
            setting().live().idle().within(1.0..=10_000.0).env(&["CACHE_BATCH_SIZE"]),
        /// How often they are sent.
        interval: u64 = 60,
            setting().live().idle().unit("s").within(1.0..=86_400.0).env(&["CACHE_BATCH_INTERVAL"]),
        /// In which hours of the day, in UTC, even few are sent.
        low_load_hours: Vec<u8> = (0..=6).collect(),
            setting().live().idle().list().holds(checks::hour).env(&["CACHE_LOW_LOAD_HOURS"]),
    }
}
