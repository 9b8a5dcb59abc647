//! What the dashboard shows of a cache's surroundings, as whoever put it together tells: providers and markets.

use std::time::Duration;

use cache_core::Timestamp;
use serde::{Serialize, Serializer};

/// A provider that loaders call, as [`ManagementBuilder::providers`](crate::ManagementBuilder::providers) tells
/// it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ProviderStatus {
    /// Its name.
    pub name: String,
    /// Whether it can be asked, quotas apart.
    pub healthy: bool,
    /// Why not, for everybody to read: no address and no path.
    pub reason: Option<String>,
    /// Until when it is not asked because it asked for no calls.
    #[serde(rename = "silent_until_unix_ms", serialize_with = "unix_ms")]
    pub silent_until: Option<Timestamp>,
    /// Calls made, retries and failed ones included.
    pub calls: u64,
    /// Keys asked for in these calls.
    pub keys: u64,
    /// Calls that failed.
    pub failed_calls: u64,
    /// Calls that were not made, as for a quota that was used up.
    pub refused: u64,
    /// What a call costs, if that is known.
    pub price_per_call: Option<f64>,
    /// Its quotas.
    pub quotas: Vec<QuotaStatus>,
    /// When it last failed.
    #[serde(rename = "last_failure_unix_ms", serialize_with = "unix_ms")]
    pub last_failure: Option<Timestamp>,
}

/// A quota of a provider.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct QuotaStatus {
    /// How many calls may be made within the span.
    pub limit: u64,
    /// The span.
    #[serde(rename = "span_s", serialize_with = "seconds")]
    pub span: Duration,
    /// How many calls may be made now.
    pub left: u64,
    /// How long it takes until none may be made, at the present rate; `None` if it lasts.
    #[serde(rename = "runs_out_in_s", serialize_with = "some_seconds")]
    pub runs_out_in: Option<Duration>,
}

/// A market, as [`ManagementBuilder::markets`](crate::ManagementBuilder::markets) tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MarketStatus {
    /// Its code, such as `XNYS`.
    pub code: String,
    /// Its time zone, such as `America/New_York`.
    pub zone: String,
    /// Whether it trades now.
    pub open: bool,
    /// What it is doing, such as `open`, `pre_market` or `holiday`.
    pub phase: String,
    /// When it opens next; `None` if it never closes, or nobody knows.
    #[serde(rename = "next_open_unix_ms", serialize_with = "unix_ms")]
    pub next_open: Option<Timestamp>,
    /// When it closes next; `None` as above.
    #[serde(rename = "next_close_unix_ms", serialize_with = "unix_ms")]
    pub next_close: Option<Timestamp>,
}

#[expect(clippy::ref_option, reason = "serde gives references")]
fn unix_ms<S: Serializer>(at: &Option<Timestamp>, to: S) -> Result<S::Ok, S::Error> {
    at.map(|at| at.as_micros() / 1000).serialize(to)
}

fn seconds<S: Serializer>(span: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u64(span.as_secs())
}

#[expect(clippy::ref_option, reason = "serde gives references")]
fn some_seconds<S: Serializer>(span: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
    span.map(|span| span.as_secs()).serialize(to)
}
