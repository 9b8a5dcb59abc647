//! A stream of what happens: figures each second, and changes made over HTTP.

use std::{convert::Infallible, future::pending, time::Duration};

use axum::{
    Extension,
    extract::State,
    http::{HeaderName, Uri, header},
    response::{
        IntoResponse, Response, Sse,
        sse::{Event, KeepAlive},
    },
};
use futures_util::stream;
use serde_json::json;
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    time::{Interval, MissedTickBehavior, interval},
};

use crate::{
    guard::{Caller, MayReadPrivate},
    management::{Management, ManagementChange, StreamPlace, Viewer},
    problem::Problem,
    request::query::{QueryParams, echo},
};

/// The header by which nginx, and others after it, are told to pass on what comes as it comes.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// How often the figures are told.
const FIGURES_INTERVAL: Duration = Duration::from_secs(1);

struct Stream {
    management: Management,
    /// For whom the overview is told; `None` if nobody asked for it.
    overview_for: Option<Viewer>,
    ticks: Interval,
    /// `None` for those who may not know of keys.
    changes: Option<Receiver<ManagementChange>>,
    _place: StreamPlace,
}

/// `GET /cache/events`: server-sent events `figures`; `change`, and `missed` where some were, for those who may
/// make changes; with `?overview=true` events `overview` in place of `figures`, as the dashboard has them
pub(super) async fn stream(
    State(management): State<Management>,
    Extension(caller): Extension<Caller>,
    Extension(MayReadPrivate(may_read_private)): Extension<MayReadPrivate>,
    uri: Uri,
) -> Result<Response, Problem> {
    let params = QueryParams::read(uri.query(), &["overview"])?;
    let overview_for = match params.get_non_empty("overview") {
        None | Some("false") => None,
        Some("true") => Some(Viewer { caller, may_read_private }),
        Some(other) => {
            let detail = format!("overview={} is none: give true or false", echo(other));
            return Err(Problem::parameter("overview", detail));
        }
    };
    let place = management.turns().stream(!may_read_private)?;
    let mut ticks = interval(FIGURES_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let changes = may_read_private.then(|| management.changes().listen());
    let stream = Stream { management, overview_for, ticks, changes, _place: place };
    let events = stream::unfold(stream, |mut stream| async {
        let event = stream.next().await?;
        Some((Ok::<_, Infallible>(event), stream))
    });
    // nginx would keep events back until its buffer is full.
    let headers = [(header::CACHE_CONTROL, "no-store"), (X_ACCEL_BUFFERING, "no")];
    Ok((headers, Sse::new(events).keep_alive(KeepAlive::default())).into_response())
}

impl Stream {
    /// Returns the next event; `None` once the service stops.
    async fn next(&mut self) -> Option<Event> {
        tokio::select! {
            biased;
            () = self.management.changes().closed() => None,
            change = next_of(&mut self.changes) => match change {
                Ok(change) => Event::default().event("change").json_data(change).ok(),
                // Who reads too slowly misses some, and is told how many.
                Err(RecvError::Lagged(missed)) => {
                    Event::default().event("missed").json_data(json!({ "changes": missed })).ok()
                }
                Err(RecvError::Closed) => None,
            },
            _ = self.ticks.tick() => {
                if let Some(viewer) = self.overview_for {
                    let text = self.management.overview(viewer).await.ok()?;
                    return Some(Event::default().event("overview").data(&*text));
                }
                let figures = self.management.figures();
                Event::default().event("figures").json_data(&*figures).ok()
            }
        }
    }
}

/// Returns the next change; never, for those who are told of none.
async fn next_of(changes: &mut Option<Receiver<ManagementChange>>) -> Result<ManagementChange, RecvError> {
    match changes {
        Some(changes) => changes.recv().await,
        None => pending().await,
    }
}
