//! The service's own routes, as OpenAPI describes them.

use cache_http::RouteDescription;

/// Returns the operations that are not those of management.
pub(crate) fn operations() -> Vec<RouteDescription> {
    let known = "304";
    let unchanged = "the client has this version";
    vec![
        RouteDescription::get("/v1/quotes", "Quotes of up to 100 symbols")
            .text("symbols")
            .or(known, unchanged),
        RouteDescription::get("/v1/quotes/{symbol}", "One quote").or(known, unchanged),
        RouteDescription::get("/v1/bars/{symbol}", "Bars of a symbol, both days included")
            .text("interval")
            .text("from")
            .text("to")
            .text("explain")
            .or(known, unchanged),
        RouteDescription::get("/v1/kinds", "The kinds of market data, who offers them, and their parameters"),
        RouteDescription::get("/v1/{kind}", "Values of up to 100 symbols of a kind")
            .text("symbols")
            .or(known, unchanged),
        RouteDescription::get("/v1/{kind}/{symbol}", "One value of a kind").or(known, unchanged),
        RouteDescription::post("/v1/batch", "Up to 500 values of any kinds").takes_any(true),
        RouteDescription::get("/v1/stats", "Hits by source, loads, calls to providers"),
        RouteDescription::get("/v1/events", "The market events that lie ahead").text("asset"),
        RouteDescription::post("/v1/events", "Announces a market event").takes_any(true).with_token(),
        RouteDescription::get("/v1/events/{id}", "A market event that lies ahead"),
        RouteDescription::delete("/v1/events/{id}", "Withdraws a market event").with_token(),
        RouteDescription::post("/v1/invalidate", "Ends whatever carries one of some tags")
            .takes_any(true)
            .with_token(),
        RouteDescription::get("/v1/cache/{kind}/{id}", "A value of an application's own")
            .or(known, unchanged)
            .with_token(),
        RouteDescription::put("/v1/cache/{kind}/{id}", "Puts a value of an application's own")
            .takes_any(true)
            .or("201", "it was not there before")
            .with_token(),
        RouteDescription::delete("/v1/cache/{kind}/{id}", "Removes a value of an application's own")
            .with_token(),
        RouteDescription::post("/v1/cache/{kind}:batch", "Removes, puts and gets up to 200 of them")
            .takes_any(true)
            .with_token(),
        RouteDescription::post(
            "/cache/warming/updates",
            "Schedules updates, which go to their providers in batches",
        )
        .takes_any(true)
        .with_token(),
        RouteDescription::post("/v1/config/reload", "Reloads the configuration").with_token(),
    ]
}
