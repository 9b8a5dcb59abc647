//! What was asked of the cache and how it answered.

use std::sync::Arc;

use axum::{
    Extension,
    extract::State,
    http::{Uri, header},
    response::{IntoResponse, Response},
};
use cache_analytics::{Advice, AdviceThresholds, Analytics, Report};
use serde::Serialize;
use tokio::task::spawn_blocking;

use crate::{
    guard::MayReadPrivate,
    management::Management,
    problem::{Problem, ProblemKind},
    request::query::{QueryParams, echo},
    response::uncacheable,
};

/// The report, with what follows from it.
#[derive(Serialize)]
struct WithAdvice {
    #[serde(flatten)]
    report: Report,
    advice: Vec<Advice>,
}

/// `GET /cache/report`, as JSON or with `?format=text` as a table; `?held=false` leaves out what costs a walk over
/// memory
pub(super) async fn show(
    State(management): State<Management>,
    Extension(MayReadPrivate(may_read_private)): Extension<MayReadPrivate>,
    uri: Uri,
) -> Result<Response, Problem> {
    let params = QueryParams::read(uri.query(), &["format", "held"])?;
    let Some(analytics) = management.analytics() else {
        return Err(Problem::new(ProblemKind::NO_SUCH_PATH, "this service has no analytics"));
    };
    // What is held is walked over, and what other budgets would come to is tried, for those alone who may read
    // keys: a key may be all that opens what it names, and the rest is work.
    let held = match params.get("held") {
        None | Some("true") => true,
        Some("false") => false,
        Some(other) => {
            let detail = format!("held={} is none: give true or false", echo(other));
            return Err(Problem::parameter("held", detail));
        }
    };
    let report = match may_read_private && held {
        true => comprehensive_report(analytics, management.turns().walk()?).await,
        false => analytics.report(),
    };
    match params.get("format") {
        None | Some("json") => {
            let advice = report.advice(&AdviceThresholds::default());
            uncacheable(&WithAdvice { report, advice })
        }
        Some("text") => {
            let headers =
                [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
            Ok((headers, report.to_string()).into_response())
        }
        Some(other) => {
            let detail = format!("format={} is none: give json or text", echo(other));
            Err(Problem::parameter("format", detail))
        }
    }
}

/// Returns the comprehensive report, made on a thread where nobody else waits. `turn`, such as a permit, is kept
/// until it is made, though nobody waits for it any more.
///
/// ```
/// use cache_analytics::Analytics;
/// use cache_facade::{Cache, Clock};
/// use cache_http::comprehensive_report;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cache_facade::Result<()> {
/// let analytics = Analytics::new(Clock::system());
/// let cache = Cache::builder().observer(analytics.clone()).build().await?;
/// let report = comprehensive_report(&analytics, ()).await;
/// assert_eq!(report.memory.unwrap().all.entries, 0);
/// # drop(cache);
/// # Ok(())
/// # }
/// ```
pub async fn comprehensive_report<T: Send + 'static>(analytics: &Arc<Analytics>, turn: T) -> Report {
    let making = Arc::clone(analytics);
    let made = spawn_blocking(move || {
        let _turn = turn;
        making.comprehensive_report()
    });
    made.await.unwrap_or_else(|_| analytics.report())
}
