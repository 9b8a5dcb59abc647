//! The operations of management.

use super::RouteDescription;
use crate::{management::Management, routes::shapes};

/// Returns the operations that a management has.
pub(crate) fn operations(management: &Management) -> Vec<RouteDescription> {
    let page = RouteDescription::get("/", "The dashboard, a page");
    let page = match &management.parts().index {
        Some(_) => RouteDescription::get("/", "All paths of the service; for browsers the dashboard, a page")
            .returns_text("text/html", false),
        None => page.returns_text("text/html", true),
    };
    let mut all = vec![
        page.or("304", "the client has this version"),
        RouteDescription::get("/health", "The health of each tier, of the bus, and of what else is checked")
            .returns::<shapes::HealthBody>(),
        RouteDescription::get("/cache/health", "Health in a few words and figures")
            .returns::<shapes::BriefHealth>(),
        RouteDescription::post(
            "/cache/invalidate",
            "Ends what is named, on every tier and every node, or counts it",
        )
        .takes::<shapes::InvalidateRequest>(true)
        .returns::<shapes::InvalidationOutcome>()
        .or("202", "the same, while a tier named in under_way is still at a removal by pattern")
        .with_token(),
        RouteDescription::get(
            "/cache/keys",
            "A page of the keys that match a pattern, and where each is held",
        )
        .text("pattern")
        .text("after")
        .number("limit", 1, 1000)
        .returns::<shapes::KeyPageBody>()
        .with_token(),
        RouteDescription::get(
            "/cache/keys/{key}",
            "What memory and each tier have of a key, written kind:id",
        )
        .returns::<shapes::HeldKey>()
        .with_token(),
        RouteDescription::get("/cache/overview", "All figures of the dashboard, but for single keys"),
        RouteDescription::get("/cache/events", "Figures each second, and changes, as server-sent events")
            .one_of("overview", &["true", "false"])
            .returns_text("text/event-stream", true),
        RouteDescription::get("/openapi.json", "This description"),
    ];
    if management.analytics().is_some() {
        all.push(
            RouteDescription::get("/cache/metrics", "A few figures, in percent and milliseconds")
                .returns::<shapes::Brief>(),
        );
        all.push(
            RouteDescription::get(
                "/cache/report",
                "What was asked of the cache and how it answered, with advice",
            )
            .one_of("format", &["json", "text"])
            .one_of("held", &["true", "false"])
            .returns_text("text/plain", false),
        );
    }
    if management.parts().prometheus.is_some() {
        all.push(
            RouteDescription::get("/metrics", "All that is counted, as Prometheus reads it")
                .returns_text("text/plain", true),
        );
    }
    if management.warming().is_some() {
        all.push(RouteDescription::get(
            "/cache/warming/metrics",
            "What was fetched beforehand, by strategy, and what became of it",
        ));
        all.push(
            RouteDescription::post("/cache/warming/trigger", "Runs a strategy of warming, or all of them")
                .takes::<shapes::TriggerRequest>(false)
                .with_token(),
        );
    }
    all
}
