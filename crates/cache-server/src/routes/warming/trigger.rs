//! Runs strategies by hand.

use std::sync::Arc;

use axum::{body::Bytes, extract::State, http::Uri, response::Response};
use cache_warming::RunResult;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    app::App,
    http::{
        json_object::json_object,
        problem::{Problem, ProblemKind},
        query::{QueryParams, echo},
    },
    routes::response::uncacheable,
};

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
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

/// `POST /cache/warming/trigger` of `{"strategy": "popular"}`, or without a body for all strategies, one after the
/// other
pub(super) async fn run(State(app): State<Arc<App>>, uri: Uri, body: Bytes) -> Result<Response, Problem> {
    QueryParams::read(uri.query(), &[])?;
    let Wanted { strategy } = read(&body)?;
    let warming = &app.warming.warming;
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
    uncacheable(&json!({ "results": results }))
}

fn read(body: &[u8]) -> Result<Wanted, Problem> {
    if body.trim_ascii().is_empty() {
        return Ok(Wanted::default());
    }
    json_object(body).map_err(|error| {
        let form = r#"{"strategy": "popular"}, or no body for all strategies"#;
        Problem::new(ProblemKind::InvalidBody, format!("the body is not valid: {error}; give {form}"))
    })
}

fn unknown(name: &str, known: &[&str]) -> Problem {
    let detail = format!("there is no strategy {:?}: there are {}", echo(name), known.join(", "));
    Problem::new(ProblemKind::NoSuchStrategy, detail).with("strategies", json!(known))
}
