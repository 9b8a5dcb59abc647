//! Every market kind in one table: its route, key and region, how long it lives in each phase of its market, by
//! what it ends, and what is answered after a restart and while the provider is away.

use std::time::Duration;

use cache_core::Timestamp;
use cache_market::{MarketTime, StandardKey, asset_tag};
use market_data::DataType;
use serde_json::json;

use crate::fixture::{
    in_process::{InProcess, Reply},
    upstream::{Upstream, market_kinds},
};

const DAY: u64 = 86_400;
/// A moment of each phase of the exchanges of the US: open, closed, weekend, holiday.
const PHASES: [&str; 4] = [
    "2024-07-02T12:00:00-04:00",
    "2024-07-02T22:00:00-04:00",
    "2024-07-06T12:00:00-04:00",
    "2024-07-04T12:00:00-04:00",
];
/// How long it is until prices can change: at the open, on the next day with trading.
const UNTIL_OPEN: [u64; 4] = [0, 41_400, 163_800, 77_400];
/// From noon, until 20 minutes after the close.
const UNTIL_SETTLED: u64 = 15_600;

struct Row {
    kind: DataType,
    path: &'static str,
    /// The key, which names the region too.
    key: &'static str,
    /// The life in seconds, in each of [`PHASES`].
    lives: [u64; 4],
}

const fn row(kind: DataType, path: &'static str, key: &'static str, lives: [u64; 4]) -> Row {
    Row { kind, path, key, lives }
}

/// A kind without a row fails.
const TABLE: &[Row] = &[
    row(DataType::Price, "/v1/price/AAPL", "price:AAPL", [300, UNTIL_OPEN[1], UNTIL_OPEN[2], UNTIL_OPEN[3]]),
    row(DataType::Ohlcv, "/v1/ohlcv/AAPL?interval=1d", "ohlcv:AAPL:1d", [300, 55_200, 188_400, 102_000]),
    row(
        DataType::AdjustedClose,
        "/v1/adjusted_close/AAPL",
        "adjusted_close:AAPL",
        [UNTIL_SETTLED, 55_200, DAY, DAY],
    ),
    row(DataType::Dividend, "/v1/dividend/AAPL", "dividend:AAPL", [7 * DAY; 4]),
    row(DataType::Fundamentals, "/v1/fundamentals/AAPL", "fundamentals:AAPL", [DAY, DAY, 2 * DAY, 2 * DAY]),
    row(DataType::Technical, "/v1/technical/aapl", "technical:AAPL", [300, 900, 900, 900]),
    row(DataType::News, "/v1/news/AAPL", "news:AAPL", [600, 600, 900, 900]),
    row(DataType::Macro, "/v1/macro/REAL_GDP@US", "macro:REAL_GDP@US.index", [DAY, DAY, 2 * DAY, 2 * DAY]),
    row(DataType::CpiIndex, "/v1/cpi_index/CPI", "cpi_index:CPI@US.index", [DAY, DAY, 2 * DAY, 2 * DAY]),
    row(
        DataType::TreasuryYield,
        "/v1/treasury_yield/TREASURY@US.index",
        "treasury_yield:TREASURY@US.index",
        [3_600; 4],
    ),
    row(DataType::TotalReturn, "/v1/total_return/AAPL", "total_return:AAPL", [1_800; 4]),
    row(DataType::InflationRate, "/v1/inflation_rate/CPI@US", "inflation_rate:CPI@US.index", [3_600; 4]),
    row(DataType::Instrument, "/v1/instrument/AAPL", "instrument:AAPL", [DAY, DAY, 2 * DAY, 2 * DAY]),
    row(DataType::Book, "/v1/book/AAPL", "book:AAPL", [300, UNTIL_OPEN[1], UNTIL_OPEN[2], UNTIL_OPEN[3]]),
];

impl Row {
    fn key(&self) -> StandardKey {
        self.key.parse().unwrap()
    }

    /// Asks for it. Returns where the answer came from.
    async fn source(&self, service: &InProcess) -> String {
        let reply = service.get(self.path).await;
        assert_eq!(reply.status, 200, "{}: {}", self.path, String::from_utf8_lossy(&reply.body));
        reply.json()["source"].as_str().unwrap().to_owned()
    }

    /// Clears its region.
    async fn clear(&self, service: &InProcess) {
        match self.kind {
            DataType::Price => service.app.quotes().clear().await,
            DataType::Ohlcv => service.app.series().clear().await,
            data => service.app.documents(data).unwrap().clear().await,
        }
        .unwrap();
    }
}

async fn sources(service: &InProcess) -> Vec<(DataType, String)> {
    let mut sources = Vec::new();
    for row in TABLE {
        sources.push((row.kind, row.source(service).await));
    }
    sources
}

fn all_from(source: &str) -> Vec<(DataType, String)> {
    TABLE.iter().map(|row| (row.kind, source.to_owned())).collect()
}

fn max_age(reply: &Reply) -> u64 {
    let control = reply.header("cache-control");
    let age = control.split(", ").find_map(|part| part.strip_prefix("max-age="));
    age.unwrap_or_else(|| panic!("{control}")).parse().unwrap()
}

#[test]
fn each_market_kind_has_a_row() {
    let of_table: Vec<DataType> = TABLE.iter().map(|row| row.kind).collect();
    assert_eq!(of_table, market_kinds());
}

#[tokio::test]
async fn each_kind_lives_in_each_phase_as_the_rules_say() {
    let upstream = Upstream::start().await;
    for (at, phase) in PHASES.iter().enumerate() {
        let service = InProcess::open_at(phase, &upstream.flags()).await;
        for row in TABLE {
            let now = service.clock.now();
            let rules = MarketTime::default().ttl(row.kind).of(&row.key().key().unwrap(), false, now);
            assert_eq!(rules.life.as_secs(), row.lives[at], "{} at {phase}", row.kind);
            let reply = service.get(row.path).await;
            assert_eq!(reply.status, 200, "{}: {}", row.path, String::from_utf8_lossy(&reply.body));
            // Jitter shortens a life by a twentieth at most, and headers count whole seconds.
            let (told, life) = (max_age(&reply), row.lives[at]);
            assert!(told <= life && told + 1 >= life - life / 20, "{} at {phase}: {told}", row.kind);
        }
    }
}

#[tokio::test]
async fn each_kind_is_kept_under_its_key_in_its_region_and_its_answer_says_what_it_is() {
    let upstream = Upstream::start().await;
    let service = InProcess::open(&upstream.flags()).await;
    let born = service.clock.now();
    for row in TABLE {
        let body = service.get(row.path).await.json();
        let key = row.key();
        let (id, asset) = (key.id().unwrap(), key.asset().unwrap().clone());
        let held = match row.kind {
            DataType::Price => service.app.quotes().contains(&*id).await,
            DataType::Ohlcv => service.app.series().contains(&*id).await,
            data => service.app.documents(data).unwrap().contains(&*id).await,
        };
        assert!(held.unwrap(), "{}", row.key);
        assert_eq!((row.kind.as_str(), &body["symbol"]), (key.kind(), &json!(asset.to_string())), "{body}");
        assert_eq!((&body["source"], &body["stale"]), (&json!("provider"), &json!(false)), "{body}");
        assert_eq!(body["age_ms"], 0, "{body}");
        if row.kind.is_document() {
            assert_eq!((&body["kind"], &body["provider"]), (&json!(row.kind), &json!("acme")), "{body}");
            assert!(body["body"].is_object() && body["time"].is_null(), "{body}");
        }
        if row.kind != DataType::Price {
            let as_of: jiff::Timestamp = body["as_of"].as_str().unwrap().parse().unwrap();
            let moment = Timestamp::from_micros(as_of.as_microsecond());
            assert!(moment.since(born) < Duration::from_millis(1), "{body}");
        }
        assert!(body["symbol"].is_string(), "{body}");
    }
    let asked = upstream.asked();
    assert_eq!(asked.len(), TABLE.len(), "once each: {asked:?}");
    assert_eq!(sources(&service).await, all_from("memory"));
}

#[tokio::test]
async fn a_client_that_has_a_version_of_a_kind_is_told_so() {
    let upstream = Upstream::start().await;
    let service = InProcess::open(&upstream.flags()).await;
    for row in TABLE {
        let etag = service.get(row.path).await.header("etag").to_owned();
        let request = axum::http::Request::get(row.path).header("if-none-match", &etag);
        let reply = service.send(request.body(axum::body::Body::empty()).unwrap()).await;
        assert_eq!((reply.status.as_u16(), reply.body.len()), (304, 0), "{} {etag}", row.path);
        assert!(max_age(&reply) > 0 && reply.header("age") == "0", "{}", row.path);
    }
}

#[tokio::test]
async fn an_asset_ends_in_all_its_kinds_and_a_kind_alone_ends_alone() {
    let upstream = Upstream::start().await;
    let service = InProcess::open(&upstream.flags()).await;
    sources(&service).await;
    for row in TABLE {
        service.advance(Duration::from_millis(1));
        row.clear(&service).await;
        let loaded: Vec<DataType> = sources(&service)
            .await
            .into_iter()
            .filter_map(|(kind, source)| (source == "provider").then_some(kind))
            .collect();
        assert_eq!(loaded, [row.kind], "the others are not touched");
    }
    for row in TABLE {
        service.advance(Duration::from_millis(1));
        let tag = asset_tag(row.key().asset().unwrap()).unwrap();
        service.app.cache().invalidate(tag).await.unwrap();
        for (other, (kind, source)) in TABLE.iter().zip(sources(&service).await) {
            let ended = other.key().asset() == row.key().asset();
            assert_eq!(source == "provider", ended, "{kind}, after the end of {}", row.key);
        }
    }
}

#[tokio::test]
async fn after_a_restart_each_kind_is_on_disk() {
    let upstream = Upstream::start().await;
    let flags = upstream.flags();
    let service = InProcess::open(&flags).await;
    assert_eq!(sources(&service).await, all_from("provider"));
    let service = service.restart(&flags).await;
    upstream.set_dead(true);
    assert_eq!(sources(&service).await, all_from("disk"));
    assert_eq!(sources(&service).await, all_from("memory"));
}

#[tokio::test]
async fn while_the_provider_is_away_each_kind_is_stale_and_served_within_its_grace() {
    let upstream = Upstream::start().await;
    let service = InProcess::open_at(PHASES[0], &upstream.flags()).await;
    for row in TABLE {
        upstream.set_dead(false);
        let life = max_age(&service.get(row.path).await);
        service.advance(Duration::from_secs(life + 1));
        upstream.set_dead(true);
        let asked = upstream.asked().len();
        for _ in 0..2 {
            let reply = service.get(row.path).await;
            let body = reply.json();
            assert_eq!((reply.status.as_u16(), &body["stale"]), (200, &json!(true)), "{}: {body}", row.path);
            assert!(
                reply.header("cache-control").starts_with("max-age=0, stale-while-revalidate="),
                "{}",
                row.path
            );
            service.until(async || upstream.asked().len() > asked).await;
        }
        // The longest grace is a week.
        service.advance(Duration::from_secs(8 * DAY));
        assert_eq!(service.get(row.path).await.status, 502, "{}", row.path);
    }
}
