//! What was fetched beforehand and what became of it, and runs by hand.

use axum::{Extension, body::Bytes, extract::State, http::Uri, response::Response};
use cache_warming::{RunResult, Warming, WarmingStats};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::{
    guard::{Caller, Sender},
    management::Management,
    problem::{Problem, ProblemKind},
    request::{
        json_object::json_object,
        query::{QueryParams, echo},
    },
    response::uncacheable,
};

/// What strangers read in place of an error, which may name addresses and paths.
const PUBLIC_ERROR: &str = "it failed: the log of the service says why";

/// Which strategy to run.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TriggerRequest {
    /// Left out: all.
    #[serde(default)]
    strategy: Option<String>,
}

/// What came of the run of a strategy.
#[derive(Serialize)]
struct StrategyResult {
    strategy: String,
    #[serde(flatten)]
    result: RunResult,
}

/// `GET /cache/warming/metrics`
pub(super) async fn show(
    State(management): State<Management>,
    Extension(caller): Extension<Caller>,
    uri: Uri,
) -> Result<Response, Problem> {
    QueryParams::read(uri.query(), &[])?;
    let stats = stats_for(warming(&management)?, caller);
    let members = management.parts().warming_members.as_ref().map(|members| members());
    uncacheable(&Figures { stats, members: members.unwrap_or_default() })
}

/// Returns the figures as a caller may see them.
pub(crate) fn stats_for(warming: &Warming, caller: Caller) -> WarmingStats {
    let mut stats = warming.stats();
    for run in stats.strategies.iter_mut().filter_map(|strategy| strategy.last.as_mut()) {
        run.error = run.error.take().map(|error| caller.sees(error, PUBLIC_ERROR));
    }
    stats
}

#[derive(Serialize)]
struct Figures {
    #[serde(flatten)]
    stats: WarmingStats,
    #[serde(flatten)]
    members: Map<String, Value>,
}

/// `POST /cache/warming/trigger` of `{"strategy": "popular"}`, or without a body for all strategies, one after the
/// other
pub(super) async fn run(
    State(management): State<Management>,
    Extension(sender): Extension<Sender>,
    uri: Uri,
    body: Bytes,
) -> Result<Response, Problem> {
    QueryParams::read(uri.query(), &[])?;
    let TriggerRequest { strategy } = read(&body)?;
    let warming = warming(&management)?;
    let known: Vec<&str> = warming.strategies().collect();
    let wanted = match &strategy {
        None => known.clone(),
        Some(name) if known.contains(&&**name) => vec![&**name],
        Some(name) => return Err(unknown(name, &known)),
    };
    let mut results = Vec::with_capacity(wanted.len());
    for name in wanted {
        let result = warming.run(name).await.map_err(|error| Problem::from_error(&error))?;
        results.push(StrategyResult { strategy: name.to_owned(), result });
    }
    let outcome = json!({ "results": results });
    management.log_change(&sender, "warm", json!({ "strategy": strategy }), outcome.clone());
    uncacheable(&outcome)
}

fn warming(management: &Management) -> Result<&Warming, Problem> {
    let none = || Problem::new(ProblemKind::NO_SUCH_PATH, "this service has no warming");
    management.warming().map(|warming| &**warming).ok_or_else(none)
}

fn read(body: &[u8]) -> Result<TriggerRequest, Problem> {
    if body.trim_ascii().is_empty() {
        return Ok(TriggerRequest::default());
    }
    json_object(body).map_err(|error| {
        let form = r#"{"strategy": "popular"}, or no body for all strategies"#;
        Problem::new(ProblemKind::INVALID_BODY, format!("the body is not valid: {error}; give {form}"))
    })
}

fn unknown(name: &str, known: &[&str]) -> Problem {
    let detail = format!("there is no strategy {:?}: there are {}", echo(name), known.join(", "));
    Problem::new(ProblemKind::NO_SUCH_STRATEGY, detail).with("strategies", json!(known))
}
