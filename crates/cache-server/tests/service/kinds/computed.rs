//! Kinds that are computed from others: no older and no longer lived than their inputs, and gone with them.

use std::time::Duration;

use cache_market::{asset_tag, data_tag};
use market_data::DataType;
use serde_json::{Value, json};

use crate::fixture::{
    in_process::{InProcess, Reply},
    upstream::Upstream,
};

/// What is computed, of which inputs, and what of the answer is known.
struct Row {
    path: &'static str,
    inputs: &'static [&'static str],
    /// Where a figure is in the body, and what it is.
    figure: (&'static str, f64),
}

const TABLE: [Row; 3] = [
    Row {
        path: "/v1/technical/AAPL?function=SMA&period=1",
        inputs: &["/v1/ohlcv/AAPL"],
        figure: ("/body/values/0/value", 2.0),
    },
    Row {
        path: "/v1/total_return/AAPL",
        inputs: &["/v1/adjusted_close/AAPL", "/v1/dividend/AAPL"],
        figure: ("/body/total_return", 0.2),
    },
    Row {
        path: "/v1/inflation_rate/INFLATION",
        inputs: &["/v1/cpi_index/CPI"],
        figure: ("/body/observations/0/value", 25.0),
    },
];

async fn upstream() -> Upstream {
    let inputs = [DataType::Ohlcv, DataType::AdjustedClose, DataType::Dividend, DataType::CpiIndex];
    Upstream::computing(&inputs).await
}

fn max_age(reply: &Reply) -> u64 {
    let control = reply.header("cache-control");
    control.split(", ").find_map(|part| part.strip_prefix("max-age=")?.parse().ok()).unwrap()
}

async fn body(service: &InProcess, path: &str) -> Value {
    let reply = service.get(path).await;
    assert_eq!(reply.status, 200, "{path}: {}", String::from_utf8_lossy(&reply.body));
    reply.json()
}

impl Row {
    async fn check(&self, service: &InProcess, source: &str) -> Value {
        let body = body(service, self.path).await;
        assert_eq!(body["source"], source, "{}: {body}", self.path);
        let figure = body.pointer(self.figure.0).and_then(Value::as_f64);
        assert!(figure.is_some_and(|figure| (figure - self.figure.1).abs() < 1e-9), "{}: {body}", self.path);
        body
    }
}

#[tokio::test]
async fn what_follows_from_what_is_offered_is_computed_once_and_kept() {
    let upstream = upstream().await;
    let service = InProcess::open(&upstream.flags()).await;
    for row in &TABLE {
        let told = row.check(&service, "computed").await;
        assert_eq!((&told["provider"], &told["stale"]), (&json!("acme"), &json!(false)), "{told}");
        row.check(&service, "memory").await;
    }
    let mut asked = upstream.asked();
    asked.sort();
    assert_eq!(asked, ["/adjusted_close/AAPL", "/cpi_index/CPI", "/dividend/AAPL", "/ohlcv/AAPL"]);
    let service = service.restart(&upstream.flags()).await;
    upstream.set_dead(true);
    for row in &TABLE {
        row.check(&service, "disk").await;
        row.check(&service, "memory").await;
    }
}

#[tokio::test]
async fn it_is_as_old_as_its_oldest_input_and_lives_no_longer_than_any() {
    let upstream = upstream().await;
    let service = InProcess::open(&upstream.flags()).await;
    for row in &TABLE {
        body(&service, row.inputs[0]).await;
    }
    service.advance(Duration::from_secs(30));
    for row in &TABLE {
        let reply = service.get(row.path).await;
        let told = reply.json();
        assert_eq!((&told["age_ms"], reply.header("age")), (&json!(30_000), "30"), "{told}");
        for input in row.inputs {
            assert!(max_age(&reply) <= max_age(&service.get(input).await), "{} of {input}", row.path);
        }
    }
}

#[tokio::test]
async fn it_ends_with_each_of_its_inputs_and_is_stale_while_they_are() {
    let upstream = upstream().await;
    let service = InProcess::open(&upstream.flags()).await;
    for row in &TABLE {
        row.check(&service, "computed").await;
        for input in row.inputs {
            let (_, kind) = input.trim_start_matches('/').split_once('/').unwrap();
            let (kind, _) = kind.split_once('/').unwrap();
            service.advance(Duration::from_millis(1));
            match kind.parse::<DataType>().unwrap() {
                DataType::Ohlcv => service.app.series().clear().await.unwrap(),
                data => service.app.documents(data).unwrap().clear().await.unwrap(),
            }
            row.check(&service, "computed").await;
        }
        let (kind, rest) = row.path.trim_start_matches("/v1/").split_once('/').unwrap();
        let symbol = rest.split('?').next().unwrap();
        let asset = kind.parse::<DataType>().unwrap().read_asset(symbol).unwrap();
        for tag in [data_tag(kind.parse().unwrap(), &asset).unwrap(), asset_tag(&asset).unwrap()] {
            row.check(&service, "memory").await;
            service.advance(Duration::from_millis(1));
            service.app.cache().invalidate(tag).await.unwrap();
            row.check(&service, "computed").await;
        }
    }
    for row in &TABLE {
        upstream.set_dead(false);
        service.advance(Duration::from_secs(1));
        let reply = service.get(row.path).await;
        service.advance(Duration::from_secs(max_age(&reply) + 1));
        upstream.set_dead(true);
        for _ in 0..2 {
            let reply = service.get(row.path).await;
            let told = reply.json();
            assert_eq!((reply.status.as_u16(), &told["stale"]), (200, &json!(true)), "{}: {told}", row.path);
            assert!(
                reply.header("cache-control").starts_with("max-age=0, stale-while-revalidate="),
                "{}",
                row.path
            );
        }
    }
}

#[tokio::test]
async fn a_kind_that_the_configuration_leaves_out_is_asked_of_the_provider() {
    let upstream = Upstream::of(&[DataType::Ohlcv]).await;
    let service = InProcess::open(&upstream.flags()).await;
    assert_eq!(service.get(TABLE[0].path).await.status, 404, "nobody offers it");
    let kinds = service.get("/v1/kinds").await.json();
    let technical = kinds["kinds"].as_array().unwrap().iter().find(|kind| kind["kind"] == "technical");
    assert_eq!(technical.unwrap()["offered"], false);
    for (path, wanted) in [
        ("/v1/technical/AAPL?function=SMA&period=0", "period"),
        ("/v1/technical/AAPL?function=SMA&interval=7m", "7m"),
        ("/v1/technical/AAPL?function=WMA", "function"),
        ("/v1/technical/AAPL", "function"),
    ] {
        let upstream = Upstream::computing(&[DataType::Ohlcv]).await;
        let service = InProcess::open(&upstream.flags()).await;
        let reply = service.get(path).await;
        assert_eq!(reply.status, 400, "{path}");
        assert!(reply.json()["detail"].as_str().unwrap().contains(wanted), "{}", reply.json());
    }
}

#[tokio::test]
async fn that_an_input_is_unknown_is_remembered_as_long_as_the_settings_in_force_say() {
    let service = InProcess::open(&["--ttl-unknown=60"]).await;
    let calls = async || service.get("/v1/stats").await.json()["providers"][0]["calls"].clone();
    for (seconds, wanted) in [(0, 1), (30, 1), (31, 2)] {
        service.advance(Duration::from_secs(seconds));
        let reply = service.get("/v1/technical/ZZZZZ?function=SMA").await;
        assert_eq!((reply.status.as_u16(), calls().await), (404, json!(wanted)), "{}", reply.json());
    }
}
