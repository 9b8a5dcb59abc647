//! The sections of the service; those of the cache are in the facade.

use std::path::PathBuf;

use cache_config::{section, setting};
use cache_core::Secret;
use cache_market::TtlRules;

use super::{own_kinds::OwnKindEntry, provider::ProviderEntry, validators};
use crate::{log::check_filter, otlp::STANDARD_VARIABLE};

section! {
    /// The service itself.
    pub struct ServiceSection("", _profile) {
        /// The address and port to listen on. Port 0 is any free one.
        listen: String = "127.0.0.1:8080".to_owned(),
            setting().env(&["CACHE_LISTEN"]).flag("listen"),
        /// Further names by which clients may call the service, such as `cache.example`, besides localhost and its
        /// address. Requests for any other host are refused.
        allowed_hosts: Vec<String> = Vec::new(),
            setting().list().validate(validators::host).env(&["CACHE_ALLOWED_HOSTS"]).flag("allowed-hosts"),
        /// The token that requests need that change something, or read below /v1/cache, as `Authorization:
        /// Bearer TOKEN`. Left out: only programs on the same machine may change something.
        access_token: Option<Secret> = None,
            setting().secret().validate(validators::token).env(&["CACHE_ACCESS_TOKEN"]),
        /// The log level: off, error, warn, info, debug or trace, or one by module. Logs go to standard error.
        log: String = "info".to_owned(),
            setting().reloadable().validate(check_filter).env(&["CACHE_LOG"]).flag("log"),
        /// What the names of all metrics begin with.
        metrics_prefix: String = "cache".to_owned(),
            setting().validate(validators::metrics_prefix).env(&["CACHE_METRICS_PREFIX"]),
        /// How long a miss waits for others, so that one call to a provider loads them all. 0: not at all.
        batch_window_ms: u64 = 2,
            setting().unit("ms").range(0.0..=1000.0).env(&["CACHE_BATCH_WINDOW_MS"]).flag("batch-window-ms"),
        /// The kinds that are computed from others, where a provider offers those: `technical` from bars,
        /// `total_return` from adjusted closes and dividends, `inflation_rate` from consumer prices. One that
        /// is left out is asked of the providers that offer it.
        computed: Vec<String> = ["technical", "total_return", "inflation_rate"].map(str::to_owned).into(),
            setting().list().validate(validators::computed).env(&["CACHE_COMPUTED"]),
    }
}

section! {
    /// What is told of reads besides metrics.
    pub struct AnalyticsSection("analytics.", _profile) {
        /// How often the report goes to the log, as a table, in minutes. 0: never.
        log_minutes: u64 = 0,
            setting().range(0.0..=10_080.0).env(&["CACHE_ANALYTICS_LOG_MINUTES"]),
        /// Patterns of keys whose reads are counted apart, such as `technical:*`: 32 at most. A key counts for
        /// the first that it matches. They are estimates from a sample of the keys, so of fewer than a few
        /// hundred keys they tell nothing. The metric has the pattern as its label.
        key_groups: Vec<String> = Vec::new(),
            setting().list().validate(validators::key_pattern).env(&["CACHE_ANALYTICS_KEY_GROUPS"]),
    }
}

section! {
    /// Limits on connections and loads.
    pub struct LimitsSection("limits.", profile) {
        /// How many connections are served at once. Further ones wait.
        connections: u32 = profile.choose(2048, 8192),
            setting().range(1.0..=1e6).env(&["CACHE_MAX_CONNECTIONS"]).flag("max-connections"),
        /// The longest time to wait for a client: for the head of a request, for its body, between two
        /// requests, and while it reads nothing of a response.
        client_timeout_ms: u64 = 15_000,
            setting().unit("ms").range(100.0..=600_000.0).env(&["CACHE_CLIENT_TIMEOUT_MS"]).flag("client-timeout-ms"),
        /// The longest time a request waits for a provider.
        load_timeout_ms: u64 = 10_000,
            setting().reloadable().unit("ms").range(1.0..=600_000.0).env(&["CACHE_LOAD_TIMEOUT_MS"]).flag("load-timeout-ms"),
        /// How long after a failed load stale values are served without another attempt.
        throttle_ms: u64 = 1000,
            setting().reloadable().unit("ms").env(&["CACHE_THROTTLE_MS"]).flag("throttle-ms"),
        /// How long the JSON text of a value may be that an application puts under `/v1/cache`.
        max_value_kib: u32 = 256,
            setting().unit("KiB").range(1.0..=16_384.0).env(&["CACHE_MAX_VALUE_KIB"]).flag("max-value-kib"),
    }
}

section! {
    /// How long data are fresh.
    pub struct TtlSection("ttl.", _profile) {
        /// How long a quote is fresh in every phase of its market, unless it can change before. Left out: by
        /// the rules.
        price: Option<u64> = None, setting().reloadable().unit("s").env(&["CACHE_TTL_PRICE"]).flag("ttl-price"),
        /// How long bars are fresh, as for quotes.
        ohlcv: Option<u64> = None, setting().reloadable().unit("s").env(&["CACHE_TTL_OHLCV"]).flag("ttl-ohlcv"),
        /// How long fundamentals are fresh, as for quotes.
        fundamentals: Option<u64> = None, setting().reloadable().unit("s").env(&["CACHE_TTL_FUNDAMENTALS"]),
        /// How long technical indicators are fresh, as for quotes.
        technical: Option<u64> = None, setting().reloadable().unit("s").env(&["CACHE_TTL_TECHNICAL"]),
        /// How long news are fresh, as for quotes.
        news: Option<u64> = None, setting().reloadable().unit("s").env(&["CACHE_TTL_NEWS"]),
        /// How long macroeconomic series are fresh, as for quotes.
        macro_: Option<u64> = None, setting().reloadable().unit("s").env(&["CACHE_TTL_MACRO"]),
        /// How long an unknown symbol is cached as unknown.
        unknown: u64 = 60, setting().reloadable().unit("s").env(&["CACHE_TTL_UNKNOWN"]).flag("ttl-unknown"),
        /// The rules: how long each kind of data is fresh, by type of asset and phase of the market. Each cell
        /// that is given replaces a default: `rows: {price: {open: 60}}`. The settings above replace cells of
        /// the rules.
        rules: TtlRules = TtlRules::default(), setting().reloadable(),
    }
}

section! {
    /// Until what age data past its life may be served.
    pub struct GraceSection("grace.", _profile) {
        /// Until what age, from its birth, a quote past its life may be served, stale, until it is loaded anew.
        /// Left out: by the rules.
        price: Option<u64> = None, setting().reloadable().unit("s").env(&["CACHE_GRACE_PRICE"]).flag("grace-price"),
        /// Until what age, from their birth, bars past their life may be served, stale, until they are loaded
        /// anew. Left out: by the rules.
        ohlcv: Option<u64> = None, setting().reloadable().unit("s").env(&["CACHE_GRACE_OHLCV"]).flag("grace-ohlcv"),
    }
}

section! {
    /// Trading calendars.
    pub struct CalendarsSection("calendars.", _profile) {
        /// A file of days that the built-in calendars lack, with lines such as `XNYS 2027-01-08 closed`.
        file: Option<PathBuf> = None, setting().reloadable().env(&["CACHE_CALENDAR_FILE"]),
    }
}

section! {
    /// The providers of data.
    pub struct ProvidersSection("", _profile) {
        /// The providers of data, in the order of their priority. Left out: recorded days are replayed.
        providers: Vec<ProviderEntry> = Vec::new(), setting().sample(super::PROVIDERS_SAMPLE),
    }
}

section! {
    /// What an application keeps in the service by itself.
    pub struct OwnKindsSection("", _profile) {
        /// Further kinds of values that an application keeps under `/v1/cache`, besides users, sessions, signals,
        /// api and narratives.
        own_kinds: Vec<OwnKindEntry> = Vec::new(), setting().sample(super::own_kinds::OWN_KINDS_SAMPLE),
    }
}

section! {
    /// Spans, and the traces of callers.
    pub struct TracingSection("tracing.", _profile) {
        /// Whether requests to providers carry the trace of the request that they are made for: `traceparent` and
        /// `tracestate`, as W3C Trace Context has them.
        propagate: bool = true, setting().env(&["CACHE_TRACING_PROPAGATE"]),
        /// Whether spans name the keys and paths that they are about.
        keys: bool = false, setting().env(&["CACHE_TRACING_KEYS"]),
        /// Whether a hit in memory has a span that is exported, too.
        hits: bool = false, setting().env(&["CACHE_TRACING_HITS"]),
        /// The collector of OpenTelemetry that spans are exported to by OTLP over HTTP, such as
        /// `http://localhost:4318`; they go to `/v1/traces` there. Left out: nowhere. Needs the feature `otlp`.
        otlp_endpoint: Option<String> = None,
            setting().validate(validators::collector).env(&["CACHE_TRACING_OTLP_ENDPOINT", STANDARD_VARIABLE]),
        /// The name of this service in traces.
        service_name: String = "cache-server".to_owned(), setting().env(&["OTEL_SERVICE_NAME"]),
        /// The share of traces that begin here and are exported. A trace of a caller is exported if the caller
        /// says that it is recorded.
        sample_ratio: f64 = 1.0, setting().range(0.0..=1.0).env(&["CACHE_TRACING_SAMPLE_RATIO"]),
    }
}

section! {
    /// The replay of recorded days, which stands in for a provider.
    pub struct ReplaySection("replay.", _profile) {
        /// How long each call of the replay takes.
        latency_ms: u64 = 300,
            setting().unit("ms").env(&["CACHE_PROVIDER_LATENCY_MS"]).flag("provider-latency-ms"),
        /// How many quotes one call of the replay may ask for.
        batch: u32 = 50,
            setting().range(1.0..=4_294_967_295.0).env(&["CACHE_PROVIDER_BATCH"]).flag("provider-batch"),
        /// How many calls a second the replay accepts.
        rate: u32 = 100,
            setting().range(1.0..=4_294_967_295.0).env(&["CACHE_PROVIDER_RATE"]).flag("provider-rate"),
        /// The share of calls of the replay that fail.
        failure_rate: f64 = 0.0,
            setting().range(0.0..=1.0).env(&["CACHE_PROVIDER_FAILURE_RATE"]).flag("provider-failure-rate"),
        /// The seed that selects the calls that fail.
        seed: u64 = 0,
            setting().env(&["CACHE_PROVIDER_SEED"]).flag("provider-seed"),
    }
}
