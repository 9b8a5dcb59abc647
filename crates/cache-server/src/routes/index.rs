//! The index: all paths of the service.

use serde_json::{Value, json};

/// Returns what `GET /` returns to programs; browsers get the dashboard there.
pub(crate) fn index() -> Value {
    json!({
        "name": "cache-server",
        "version": env!("CARGO_PKG_VERSION"),
        "endpoints": [
            {"path": "/v1/quotes?symbols=AAPL,MSFT", "what": "quotes of up to 100 symbols"},
            {"path": "/v1/quotes/{symbol}", "what": "one quote"},
            {"path": "/v1/bars/{symbol}?interval=1d&from=&to=", "what": "bars, both days included"},
            {"path": "/v1/kinds", "what": "the kinds of market data, who offers them, and their parameters"},
            {"path": "/v1/{kind}/{symbol}", "what": "one value of a kind, such as /v1/total_return/AAPL"},
            {"path": "/v1/{kind}?symbols=AAPL,MSFT", "what": "values of up to 100 symbols of a kind"},
            {"path": "/v1/batch", "what": "up to 500 values of any kinds (POST)"},
            {"path": "/health", "what": "the health of each tier and of the bus"},
            {"path": "/v1/stats", "what": "hits by source, loads, calls to providers"},
            {"path": "/v1/events", "what": "the market events that lie ahead (GET, with ?asset=), or announces one (POST)"},
            {"path": "/v1/events/{id}", "what": "one of them (GET), or withdraws it (DELETE)"},
            {"path": "/v1/invalidate", "what": "ends whatever carries one of some tags (POST)"},
            {"path": "/v1/cache/{kind}/{id}", "what": "a value of an application's own (GET, PUT, DELETE): users, sessions, signals, api, narratives and the kinds of own_kinds"},
            {"path": "/v1/cache/{kind}:batch", "what": "removes, puts and gets up to 200 of them (POST)"},
            {"path": "/cache/report", "what": "what was asked for and how it was answered, by kind, with advice (?format=text: as a table)"},
            {"path": "/cache/invalidate", "what": "ends keys, patterns, kinds, tags, assets, users or all, or counts them by tier (POST)"},
            {"path": "/cache/keys?pattern=price:A*", "what": "the keys that match, and where each is held (with ?limit= and ?after=)"},
            {"path": "/cache/keys/{kind}:{id}", "what": "what memory and each tier have of a key"},
            {"path": "/cache/overview", "what": "all figures of the dashboard, which browsers get at /"},
            {"path": "/cache/events", "what": "figures each second, and changes, as server-sent events"},
            {"path": "/cache/health", "what": "health in a few words and figures"},
            {"path": "/metrics", "what": "all that is counted, as Prometheus reads it"},
            {"path": "/cache/metrics", "what": "hits, misses and errors in a few figures"},
            {"path": "/cache/warming/metrics", "what": "what was fetched beforehand, by strategy, and what became of it"},
            {"path": "/cache/warming/trigger", "what": "runs a strategy of warming, or all of them (POST)"},
            {"path": "/cache/warming/updates", "what": "schedules updates, which go to their providers in batches (POST)"},
            {"path": "/v1/config/reload", "what": "reloads the configuration (POST)"},
            {"path": "/openapi.json", "what": "all of this as OpenAPI 3.1"},
        ],
    })
}
