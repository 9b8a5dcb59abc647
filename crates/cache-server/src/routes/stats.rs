//! The statistics of the service since it started.

use std::{sync::Arc, time::Duration};

use axum::{Extension, extract::State, http::Uri, response::Response};
use cache_core::Key;
use cache_facade::MemoryStats;
use cache_http::{
    Problem,
    guard::{Caller, MayReadPrivate},
    request::query::QueryParams,
    response::uncacheable,
};
use market_data::{ProviderReport, QuotaCounter, QuotaReport};
use serde_json::{Map, Value, json};

use crate::{
    app::{App, NAMESPACE, market_kinds::is_market_key},
    log::LogWriter,
    routes::warming,
};

/// How many of the most read keys are listed.
const HOTTEST_KEYS: usize = 10;

/// `GET /v1/stats`
pub(super) async fn show(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Extension(may_read_own): Extension<MayReadPrivate>,
    uri: Uri,
) -> Result<Response, Problem> {
    QueryParams::read(uri.query(), &[])?;
    let stats = app.cache.stats();
    let mut hits = Map::new();
    hits.insert("memory".into(), json!(stats.memory.hits));
    hits.extend(stats.tiers.iter().map(|tier| (tier.name.to_owned(), json!(tier.hits))));
    let providers: Vec<Value> =
        app.registry().reports().iter().map(|report| provider(report, caller)).collect();
    let bus = stats.bus.as_ref().map(|bus| {
        json!({
            "name": bus.name,
            "connected": bus.connected,
            "sent": bus.sent,
            "received": bus.received,
            "unproven": bus.unproven,
            "errors": bus.errors,
        })
    });
    let disk = disk(&app).await;
    uncacheable(&json!({
        "hits": hits,
        "misses": stats.memory.misses.saturating_sub(stats.tier_hits),
        "hit_rate": stats.hit_rate(),
        "stale_served": stats.memory_stale + stats.tier_stale,
        "coalesced": stats.coalesced,
        "loads": stats.loads,
        "loaded_keys": stats.loaded_keys,
        "load_failures": stats.load_failures,
        "codec_failures": stats.codec_failures,
        "too_large": stats.too_large,
        "memory": memory(&app, &stats.memory, may_read_own),
        "disk": disk,
        "regions": stats.regions,
        "tiers": stats.tiers,
        "bus": bus,
        "providers": providers,
        "warming": warming::summary(&app),
        "log": {
            "queued": app.log().map_or(0, LogWriter::queued),
            "dropped": app.log().map_or(0, LogWriter::dropped),
        },
        "process": { "resident_bytes": resident_bytes() },
    }))
}

/// Returns the usage and the health of a provider.
fn provider(report: &ProviderReport, caller: Caller) -> Value {
    let usage = &report.usage;
    let last_error = report
        .last_error
        .as_ref()
        .map(|(at, error)| json!({ "at_unix_ms": at.as_micros() / 1000, "error": caller.sees(error.to_string(), "it failed or can't be reached") }));
    json!({
        "name": report.name,
        "priority": report.priority,
        "healthy": report.is_healthy(),
        "unhealthy_reason": report.unhealthy_reason,
        "silent_until_unix_ms": report.silent_until.map(|until| until.as_micros() / 1000),
        "calls_left": report.calls_left,
        "quotas": report.quotas.iter().map(quota).collect::<Vec<_>>(),
        "quota_counter": report.counter.as_ref().map(|known| counter(known, caller)),
        "implausible": report.implausible,
        "calls": usage.calls,
        "keys": usage.keys,
        "keys_per_call": usage.keys_per_call(),
        "answered": usage.answered,
        "unknown": usage.unknown,
        "failed_keys": usage.failed_keys,
        "failures": usage.failures,
        "refused": usage.refused,
        "retries": usage.retries,
        "last_error": last_error,
    })
}

/// Returns how a quota stands, and when it runs out if calls go on as of late.
fn quota(report: &QuotaReport) -> Value {
    json!({
        "limit": report.limit,
        "span_s": report.span.as_secs(),
        "left": report.left,
        "runs_out_in_s": report.runs_out_in.map(|after| after.as_secs()),
    })
}

/// Returns who counts the calls of a provider.
fn counter(known: &QuotaCounter, caller: Caller) -> Value {
    let share = |(calls, span): &(u32, Duration)| json!({ "calls": calls, "span_s": span.as_secs() });
    let unreachable = known.unreachable.as_ref().map(|(since, why)| {
        let why = caller.sees(why.clone(), "it can't be reached");
        json!({ "since_unix_ms": since.as_micros() / 1000, "error": why })
    });
    json!({
        "store": known.store,
        "shared": known.is_shared,
        "nodes": known.nodes,
        "share": known.share.iter().map(share).collect::<Vec<_>>(),
        "unreachable": unreachable,
    })
}

/// Returns the statistics of memory, and the most read keys.
fn memory(app: &App, stats: &MemoryStats, MayReadPrivate(may_read_own): MayReadPrivate) -> Value {
    let hottest: Vec<Value> = app
        .cache
        .hottest(HOTTEST_KEYS)
        .iter()
        .filter_map(|hot| {
            // Without the namespace, as in patterns of the configuration.
            let key = Key::bare_text(hot.key.as_str(), Some(NAMESPACE))?;
            let is_shown = may_read_own || is_market_key(key);
            is_shown.then(|| json!({ "key": key, "share": hot.share, "estimated_reads": hot.reads }))
        })
        .collect();
    json!({
        "policy": stats.eviction.as_str(),
        "entries": stats.entries,
        "weight": stats.weight,
        "budget": stats.budget,
        "protected": stats.protected,
        "protected_weight": stats.protected_weight,
        "evictions": stats.evictions,
        "hottest": hottest,
    })
}

/// Returns how much memory the process holds, which is more than its entries weigh. `None` where the system
/// doesn't say.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kib| kib * 1024)
}

/// Returns the statistics of the disk tier. Asking the file system for its size may block.
async fn disk(app: &App) -> Value {
    let disk = app.disk().clone();
    match tokio::task::spawn_blocking(move || disk.stats()).await {
        Ok(stats) => json!({
            "entries": stats.entries,
            "bytes": stats.live_bytes,
            "bytes_on_disk": stats.bytes_on_disk,
            "evicted": stats.evicted,
            "swept": stats.swept,
            "corrupt": stats.corrupt,
            "failed_writes": stats.failed_writes,
        }),
        Err(_) => Value::Null,
    }
}
