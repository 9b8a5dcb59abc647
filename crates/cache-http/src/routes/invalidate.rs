//! Ends what is named, or marks it stale, on every tier and every node; or counts it.

use std::{collections::BTreeMap, time::Duration};

use axum::{
    Extension,
    body::Bytes,
    extract::State,
    http::{StatusCode, Uri},
    response::Response,
};
use cache_core::ErrorKind;
use cache_facade::{RemovalCount, Selection, TierStats};
use serde::Serialize;
use serde_json::{Map, Value, json};
use tokio::time::timeout;
use utoipa::ToSchema;

use super::keys::split;
use crate::{
    guard::Sender,
    management::Management,
    problem::{Problem, ProblemKind},
    request::{
        json_object::{DistinctMembers, json_object},
        query::{QueryParams, echo},
    },
    response::uncacheable,
};

/// The most names in a request.
const MAX_NAMES: usize = 100;
/// How many removals by pattern may be under way on a tier, with those that are asked for: of more than 256 the
/// oldest become removals of their kinds.
const MAX_UNDER_WAY: u64 = 200;
/// How long an answer is waited for. What was begun goes on.
const TIMEOUT: Duration = Duration::from_secs(60);
/// The names that every cache knows.
const NAMES: [&str; 4] = ["keys", "patterns", "kinds", "tags"];

/// A request, as it is described. Words of the application's own may come beside.
#[derive(ToSchema)]
#[allow(dead_code, reason = "it is a description")]
pub(crate) struct InvalidateRequest {
    /// Each written kind:id.
    keys: Option<Vec<String>>,
    /// Each such as price:A*.
    patterns: Option<Vec<String>>,
    kinds: Option<Vec<String>>,
    tags: Option<Vec<String>>,
    all: Option<bool>,
    /// `hard` removes, `soft` marks stale: it is served, flagged, until a load brings another. Default: `hard`.
    mode: Option<String>,
    /// Whether to count alone.
    dry_run: Option<bool>,
}

/// What came of it.
#[derive(Serialize, ToSchema)]
pub(crate) struct InvalidationOutcome {
    /// Whether it was marked stale, and not removed.
    soft: bool,
    dry_run: bool,
    /// Whether every tier has done it. Otherwise the answer's status is 202.
    done: bool,
    /// The tiers that take longer for a removal by pattern, or failed at it, and so have no number yet. Each goes
    /// on by itself, and is counted among `removing` of its tier in the overview until it is done.
    under_way: Vec<&'static str>,
    /// Values that were alive, in memory and in each tier.
    #[schema(value_type = Object)]
    removed: Map<String, Value>,
    /// How many keys these are at least, and at most: a key may be held in several places.
    at_least: u64,
    at_most: u64,
    /// Whether all was counted.
    complete: bool,
    /// How many writes and removals each tier has yet to take, that had to put off some: it is asked again until
    /// it has, and what memory holds of them is lost if the process is killed before.
    #[schema(value_type = Object)]
    pending: BTreeMap<&'static str, u64>,
}

impl InvalidationOutcome {
    fn new(wanted: &Wanted, count: &RemovalCount, tiers: &[TierStats]) -> Self {
        let pending = tiers.iter().filter(|tier| tier.pending > 0).map(|tier| (tier.name, tier.pending));
        let pending = pending.collect();
        let removed = &count.removed;
        let tiers = removed.tiers.iter().map(|(name, count)| ((*name).to_owned(), json!(count)));
        Self {
            soft: wanted.soft,
            dry_run: wanted.dry_run,
            done: removed.is_done(),
            under_way: removed.under_way.clone(),
            removed: std::iter::once(("memory".to_owned(), json!(removed.memory))).chain(tiers).collect(),
            at_least: removed.at_least(),
            at_most: removed.at_most(),
            complete: count.complete,
            pending,
        }
    }
}

/// What a request names.
struct Wanted {
    selection: Selection,
    patterns: u64,
    soft: bool,
    dry_run: bool,
}

/// `POST /cache/invalidate` of `{"tags": ["AAPL"], "dry_run": true}`
pub(super) async fn run(
    State(management): State<Management>,
    Extension(sender): Extension<Sender>,
    uri: Uri,
    body: Bytes,
) -> Result<Response, Problem> {
    QueryParams::read(uri.query(), &[])?;
    let DistinctMembers(request) = json_object(&body)
        .map_err(|error| invalid(&management, format!("the body is not valid: {error}")))?;
    let wanted = read(&management, &request)?;
    if !wanted.soft && !wanted.dry_run {
        let tiers = management.cache().stats().tiers;
        check_under_way(tiers.iter().map(|tier| (tier.name, tier.removing)), wanted.patterns)?;
    }
    let turn = management.turns().walk()?;
    // In a task of its own, which goes on and keeps its turn when this one no longer waits.
    let work = tokio::spawn(async move {
        let _turn = turn;
        carry_out(&management, &sender, request, &wanted).await
    });
    let outcome = timeout(TIMEOUT, work).await.map_err(|_| {
        let detail = format!("it took more than {TIMEOUT:?} and goes on: ask what is left by a dry run");
        Problem::new(ProblemKind::BUSY, detail)
    })?;
    let failed =
        |_| Problem::new(ProblemKind::INTERNAL, "the service failed at this request: its log says at what");
    let outcome = outcome.map_err(failed)??;
    let mut response = uncacheable(&outcome)?;
    if !outcome.done {
        *response.status_mut() = StatusCode::ACCEPTED;
    }
    Ok(response)
}

/// Refuses patterns while a tier has so many to remove that more of them would become removals of whole kinds.
fn check_under_way<'a>(
    removing: impl IntoIterator<Item = (&'a str, u64)>,
    patterns: u64,
) -> Result<(), Problem> {
    let full = |(_, removing): &(&str, u64)| patterns > 0 && removing + patterns > MAX_UNDER_WAY;
    let Some((name, removing)) = removing.into_iter().find(full) else { return Ok(()) };
    let detail = format!(
        "{removing} removals by pattern are under way on {name}, of at most {MAX_UNDER_WAY}: send these {patterns} once \
         they are fewer, or name kinds or tags"
    );
    Err(Problem::new(ProblemKind::BUSY, detail))
}

/// Counts, removes or marks, and logs what was changed.
async fn carry_out(
    management: &Management,
    sender: &Sender,
    request: Map<String, Value>,
    wanted: &Wanted,
) -> Result<InvalidationOutcome, Problem> {
    let cache = management.cache();
    let counted = match wanted {
        Wanted { dry_run: true, .. } => cache.count(&wanted.selection).await,
        Wanted { soft: true, .. } => cache.mark_selected_stale(&wanted.selection).await,
        _ => cache.remove_selected(&wanted.selection).await,
    };
    let count = counted.map_err(|error| match error.kind() {
        ErrorKind::Config | ErrorKind::Limit => invalid(management, error.to_string()),
        _ => Problem::from_error(&error),
    })?;
    let outcome = InvalidationOutcome::new(wanted, &count, &cache.stats().tiers);
    if !wanted.dry_run {
        let outcome = serde_json::to_value(&outcome).unwrap_or_default();
        let request = Value::Object(request);
        management.log_change(sender, "invalidate", request, outcome);
    }
    Ok(outcome)
}

fn read(management: &Management, request: &Map<String, Value>) -> Result<Wanted, Problem> {
    let selectors = &management.parts().selectors;
    let (mut selection, mut soft, mut dry_run, mut count) = (Selection::new(), false, false, 0);
    let mut patterns = 0;
    for (name, value) in request {
        let wrong = |what: &str| invalid(management, format!("{name} must be {what}"));
        match &**name {
            "dry_run" => dry_run = value.as_bool().ok_or_else(|| wrong("true or false"))?,
            "mode" => match value.as_str() {
                Some("hard") => soft = false,
                Some("soft") => soft = true,
                _ => return Err(wrong("\"hard\", which removes, or \"soft\", which marks stale")),
            },
            "all" => {
                if value.as_bool().ok_or_else(|| wrong("true or false"))? {
                    (selection, count) = (selection.all(), count + 1);
                }
            }
            known if NAMES.contains(&known) || selectors.contains_key(known) => {
                for text in names(value).ok_or_else(|| wrong("a list of texts"))? {
                    count += 1;
                    patterns += u64::from(known == "patterns");
                    selection = add(management, selection, known, text)?;
                }
            }
            unknown => return Err(invalid(management, format!("{:?} is unknown", echo(unknown)))),
        }
    }
    if count == 0 || count > MAX_NAMES {
        let why = format!("the body names {count} things, it must name 1 to {MAX_NAMES}");
        return Err(invalid(management, why));
    }
    Ok(Wanted { selection, patterns, soft, dry_run })
}

fn add(management: &Management, selection: Selection, name: &str, text: &str) -> Result<Selection, Problem> {
    Ok(match name {
        "keys" => {
            let (kind, id) = split(text)?;
            check_kind(management, kind)?;
            selection.key(kind, id)
        }
        "patterns" => selection.pattern(text),
        "kinds" => {
            check_kind(management, text)?;
            selection.kind(text)
        }
        "tags" => selection.tag(text),
        word => match management.parts().selectors.get(word) {
            Some(select) => select(selection, text)
                .map_err(|error| invalid(management, format!("{word} {:?}: {}", echo(text), error)))?,
            None => selection,
        },
    })
}

/// Refuses a kind that there is not: what names nothing would look as if it had been ended.
fn check_kind(management: &Management, named: &str) -> Result<(), Problem> {
    let kinds = management.cache().kinds();
    if kinds.iter().any(|kind| kind == named) {
        return Ok(());
    }
    let why = format!("no kind of keys here is named {:?}: there are {}", echo(named), kinds.join(", "));
    Err(invalid(management, why))
}

/// Returns the texts of a list, or the one text that is given alone.
fn names(value: &Value) -> Option<Vec<&str>> {
    match value {
        Value::String(text) => Some(vec![text]),
        Value::Array(texts) => texts.iter().map(Value::as_str).collect(),
        _ => None,
    }
}

fn invalid(management: &Management, why: String) -> Problem {
    let words = NAMES.iter().chain(management.parts().selectors.keys()).copied();
    let words: Vec<&str> = words.collect();
    let detail = format!(
        "{why}; give lists of texts as {}, or \"all\": true; and \"mode\": \"soft\" to mark stale, \"dry_run\": true to count alone",
        words.join(", ")
    );
    Problem::new(ProblemKind::INVALID_BODY, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_98_patterns_are_refused_before_they_are_so_many_that_kinds_would_go() {
        let tiers = |far| [("disk", 0), ("redis", far)];
        assert!(check_under_way(tiers(100), 100).is_ok() && check_under_way(tiers(500), 0).is_ok());
        let refused = check_under_way(tiers(101), 100).unwrap_err();
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(check_under_way(tiers(500), 1).is_err());
    }
}
