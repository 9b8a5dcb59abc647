//! A few figures, and all that is counted.

use axum::{
    extract::State,
    http::{Uri, header},
    response::{IntoResponse, Response},
};
use cache_analytics::{Report, Summary};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    management::Management,
    problem::{Problem, ProblemKind},
    request::query::QueryParams,
    response::uncacheable,
};

/// A few figures since the start, in percent and milliseconds.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Brief {
    /// `None` before the first read, as are the next two.
    hit_rate: Option<f64>,
    error_rate: Option<f64>,
    average_response_time_ms: Option<f64>,
    total_operations: u64,
    hits: u64,
    misses: u64,
    errors: u64,
}

impl Brief {
    pub(crate) fn of(report: &Report) -> Self {
        let Summary { reads, hits, misses, failed, hit_rate, .. } = report.since_start;
        let percent = |share: f64| (share * 1000.0).round() / 10.0;
        let behind: u64 = report.kinds.iter().map(|kind| kind.waits.count).sum();
        let waited: f64 = report.kinds.iter().map(|kind| kind.waits.mean * kind.waits.count as f64).sum();
        Self {
            hit_rate: hit_rate.map(percent),
            error_rate: (reads > 0).then(|| percent(failed as f64 / reads as f64)),
            // What memory answers takes no time that could be told in milliseconds.
            average_response_time_ms: (reads > 0 && behind > 0).then(|| waited / reads as f64),
            total_operations: reads,
            hits,
            misses,
            errors: failed,
        }
    }
}

/// `GET /cache/metrics`: a few figures, in percent and milliseconds
pub(super) async fn brief(State(management): State<Management>, uri: Uri) -> Result<Response, Problem> {
    QueryParams::read(uri.query(), &[])?;
    let report = management.analytics().map(|analytics| analytics.report());
    uncacheable(&report.as_ref().map(Brief::of))
}

/// `GET /metrics`: all that is counted, as Prometheus reads it
pub(super) async fn prometheus(State(management): State<Management>, uri: Uri) -> Result<Response, Problem> {
    QueryParams::read(uri.query(), &[])?;
    let headers = [
        (header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    match &management.parts().prometheus {
        Some(render) => Ok((headers, render()).into_response()),
        None => Err(Problem::new(ProblemKind::NO_SUCH_PATH, "this service has no metrics for Prometheus")),
    }
}
