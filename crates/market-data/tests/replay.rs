//! What the replayed upstream promises: its data, its limits, its faults, its counts.

use std::{sync::Arc, time::Duration};

use cache_core::{Clock, ErrorKind};
use market_data::{
    AdjustedCloses, Answer, Answers, Asset, DataType, Dividends, Document, DocumentBody, DocumentId,
    Interval, Provider, ProviderErrorKind, Quote, Replay, ReplayProvider, ReplayUsage, SeriesId,
    formulas::{Indicator, IndicatorValues, TotalReturn},
};
use tokio::task::{JoinHandle, yield_now};

fn instant() -> Replay {
    Replay { latency: Duration::ZERO, ..Replay::default() }
}

fn provider(replay: Replay) -> ReplayProvider {
    ReplayProvider::new(replay, Clock::manual()).unwrap()
}

fn assets(texts: &[&str]) -> Vec<Asset> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

#[tokio::test]
async fn quotes_are_the_last_recorded_day_in_the_order_asked_for() {
    let provider = provider(instant());
    let quotes = provider.quotes(&assets(&["MSFT", "NOPE", "AAPL"])).await.unwrap();
    let [Answer::Value(msft), Answer::Unknown, Answer::Value(aapl)] = quotes.as_slice() else {
        panic!("{quotes:?}")
    };
    assert_eq!((aapl.price, aapl.previous_close, aapl.change), (164.050003, Some(164.0), Some(0.050003)));
    assert_eq!((msft.asset.symbol.as_str(), msft.as_of.to_string().as_str()), ("MSFT", "2017-09-01"));
    assert_eq!(provider.usage(), ReplayUsage { calls: 1, keys: 3, ..ReplayUsage::default() });
}

#[tokio::test]
async fn a_series_is_every_recorded_day() {
    let provider = provider(instant());
    let ask = async |text: &str| provider.series(&[text.parse().unwrap()]).await.unwrap().remove(0);
    let bars = async |text| ask(text).await.value().map(|series| series.bars.len());
    assert_eq!(bars("AAPL:1d").await, Some(1258));
    assert_eq!(bars("AAPL:1d:2017-08-31..2017-09-03").await, Some(2));
    assert_eq!(ask("NOPE:1d").await, Answer::Unknown);
    let Answer::Failed(error) = ask("AAPL:5m").await else { panic!("no such bars were recorded") };
    assert_eq!(error.kind(), ProviderErrorKind::NotOffered);
}

#[tokio::test]
async fn what_is_traded_elsewhere_is_not_what_was_recorded() {
    let provider = provider(instant());
    for text in ["T@XLON", "T@US.etf", "T@CRYPTO"] {
        assert_eq!(provider.quotes(&assets(&[text])).await, Ok(vec![Answer::Unknown]), "{text}");
        let id = SeriesId::new(assets(&[text]).remove(0), Interval::Day);
        assert_eq!(provider.series(&[id]).await, Ok(vec![Answer::Unknown]), "{text}");
    }
}

#[tokio::test]
async fn what_is_not_offered_is_said_to_be_so() {
    let provider = provider(instant());
    assert_eq!(provider.offer(DataType::News), None);
    let asked = provider.documents(DataType::News, &[DocumentId::new(assets(&["T"]).remove(0))]).await;
    let error = asked.unwrap_err();
    assert_eq!(error.kind(), ProviderErrorKind::NotOffered);
    let told =
        "replay offers no news: it has price, ohlcv, adjusted_close, dividend, technical, total_return";
    assert_eq!(error.to_string(), told);
    assert_eq!(provider.usage(), ReplayUsage::default(), "no call goes out for it");
}

async fn document(provider: &ReplayProvider, data: DataType, id: &str) -> Answer<Document> {
    provider.documents(data, &[id.parse().unwrap()]).await.unwrap().remove(0)
}

/// What a kind has of an asset, in the form of a document of that kind.
async fn read<B: DocumentBody>(provider: &ReplayProvider, data: DataType, id: &str) -> B {
    let document = document(provider, data, id).await.value().unwrap();
    data.check_body(&document.body).unwrap();
    document.read().unwrap()
}

#[tokio::test]
async fn closes_and_dividends_are_those_of_the_files() {
    let provider = provider(instant());
    let closes: AdjustedCloses = read(&provider, DataType::AdjustedClose, "AAPL:from=2017-08-31").await;
    let days: Vec<_> = closes.closes.iter().map(|one| (one.date.to_string(), one.close)).collect();
    assert_eq!(days, [("2017-08-31".to_owned(), Some(164.0)), ("2017-09-01".to_owned(), Some(164.050003))]);
    for name in ["EWG", "ewg@us.etf"] {
        let told: Dividends = read(&provider, DataType::Dividend, &format!("{name}:to=2023-06-07")).await;
        let amounts: Vec<f64> = told.dividends.iter().map(|one| one.amount).collect();
        assert_eq!((amounts, told.splits.len()), (vec![0.792, 0.009, 0.759], 0), "{name}");
        let quote = provider.quotes(&assets(&[name])).await.unwrap().remove(0).value().unwrap();
        assert_eq!(quote.asset, name.parse().unwrap(), "an answer is of the asset that was asked for");
    }
    let told: Dividends = read(&provider, DataType::Dividend, "1398.HK").await;
    assert_eq!(told.dividends.len(), 3);
    let Answer::Failed(error) = document(&provider, DataType::Dividend, "AAPL").await else { panic!() };
    assert_eq!(error.kind(), ProviderErrorKind::NotOffered);
    let told = "replay has no dividends of AAPL: it has those of EWG and 1398@XHKG";
    assert_eq!(error.to_string(), told);
    assert_eq!(document(&provider, DataType::Dividend, "NOPE").await, Answer::Unknown);
}

#[tokio::test]
async fn indicators_and_returns_are_what_follows_from_the_recorded_days() {
    let provider = provider(instant());
    let bars = provider.series(&["MSFT:1d".parse().unwrap()]).await.unwrap().remove(0).value().unwrap();
    for id in ["MSFT:function=sma&period=50", "MSFT:function=RSI", "MSFT:function=macd&of=adjusted_close"] {
        let told: IndicatorValues = read(&provider, DataType::Technical, id).await;
        assert_eq!(told, Indicator::of(&id.parse().unwrap()).unwrap().values(&bars).unwrap());
        assert_eq!(told.values.last().unwrap().time, bars.bars.last().unwrap().time);
    }
    let id = "EWG:from=2022-06-09&to=2022-12-12";
    let told: TotalReturn = read(&provider, DataType::TotalReturn, id).await;
    assert_eq!(told.dividends, Some(0.0), "the first day's dividend was paid to others");
    let whole: TotalReturn = read(&provider, DataType::TotalReturn, "EWG").await;
    assert!((whole.dividends.unwrap() - 2.32).abs() < 1e-9);
    assert!(whole.total_return > whole.price_return.unwrap());
    let apple: TotalReturn = read(&provider, DataType::TotalReturn, "AAPL").await;
    assert_eq!(apple.dividends, None, "no file tells them");
    let one_day = document(&provider, DataType::TotalReturn, "EWG:from=2024-08-21").await;
    assert_eq!(one_day, Answer::Unknown);
}

#[tokio::test]
async fn a_document_that_can_not_be_is_refused_by_its_parameters() {
    let provider = provider(instant());
    for (data, id, kind, why) in [
        (DataType::Technical, "T", ProviderErrorKind::BadRequest, "needs the parameter function"),
        (DataType::Technical, "T:function=SMA&interval=5m", ProviderErrorKind::NotOffered, "they are daily"),
        (DataType::TotalReturn, "T:from=x", ProviderErrorKind::BadRequest, "no day"),
        (DataType::AdjustedClose, "T:period=3", ProviderErrorKind::BadRequest, "there are from, to"),
    ] {
        let Answer::Failed(error) = document(&provider, data, id).await else { panic!("{id}") };
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(why), "{error}");
    }
}

#[tokio::test]
async fn documents_count_as_quotes_do() {
    let provider = provider(Replay { max_batch: 2, ..instant() });
    assert_eq!(provider.offer(DataType::Technical).unwrap().max_batch, 2);
    let ids = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<DocumentId>>();
    let two = provider.documents(DataType::AdjustedClose, &ids(&["T", "GE"])).await.unwrap();
    assert!(two.iter().all(|answer| matches!(answer, Answer::Value(_))));
    assert_eq!(provider.usage(), ReplayUsage { calls: 1, keys: 2, ..ReplayUsage::default() });
    let error = provider.documents(DataType::AdjustedClose, &ids(&["T", "GE", "PG"])).await.unwrap_err();
    assert!(error.to_string().contains("3 adjusted_close keys"), "{error}");
    provider.faults().fail_next(1);
    let error = provider.documents(DataType::Technical, &ids(&["T:function=SMA"])).await.unwrap_err();
    assert_eq!(error.kind(), ProviderErrorKind::Broken);
    assert_eq!(provider.usage(), ReplayUsage { calls: 2, keys: 3, failures: 1, refused: 0 });
}

#[tokio::test]
async fn a_batch_past_the_limit_is_refused_before_it_goes_out() {
    let provider = provider(Replay { max_batch: 2, ..instant() });
    let limits = [DataType::Price, DataType::Ohlcv].map(|data| provider.offer(data).unwrap().max_batch);
    assert_eq!(limits, [2, 1]);
    let error = provider.quotes(&assets(&["A", "B", "C"])).await.unwrap_err();
    assert!(
        error.kind() == ProviderErrorKind::BadRequest && error.to_string().contains("3 price keys"),
        "{error}"
    );
    assert_eq!(provider.usage(), ReplayUsage::default());
}

#[tokio::test]
async fn a_call_takes_its_latency() {
    let clock = Clock::manual();
    let provider = Arc::new(ReplayProvider::new(Replay::default(), clock.clone()).unwrap());
    let call = quote_in_background(&provider);
    until(|| clock.sleepers() == 1).await;
    clock.advance(Duration::from_millis(299));
    yield_now().await;
    assert!(!call.is_finished());
    clock.advance(Duration::from_millis(1));
    call.await.unwrap().unwrap();
}

#[tokio::test]
async fn past_the_rate_limit_a_call_waits_its_turn_and_then_is_refused() {
    let clock = Clock::manual();
    let max_wait = Duration::from_millis(1_100);
    let replay = Replay { calls_per_second: 20, max_wait, ..instant() };
    let provider = Arc::new(ReplayProvider::new(replay, clock.clone()).unwrap());
    for _ in 0..20 {
        provider.quotes(&assets(&["AAPL"])).await.unwrap();
    }
    let patient = quote_in_background(&provider);
    until(|| clock.sleepers() == 1).await;
    assert_eq!(provider.usage().calls, 20);
    clock.advance(Duration::from_millis(1_000));
    yield_now().await;
    assert!(!patient.is_finished(), "no second sees more than 20 calls");
    clock.advance(Duration::from_millis(1));
    patient.await.unwrap().unwrap();
    assert_eq!(provider.usage().calls, 21);

    // 19 have a turn at once, 20 a second later, and the rest would have to wait two.
    let crowd: Vec<_> = (0..60).map(|_| quote_in_background(&provider)).collect();
    until(|| clock.sleepers() > 0).await;
    while crowd.iter().any(|call| !call.is_finished()) {
        clock.advance(Duration::from_millis(10));
        yield_now().await;
    }
    let mut refused = 0;
    for call in crowd {
        if let Err(error) = call.await.unwrap() {
            assert!(error.is_transient() && error.to_string().contains("20 calls a second"), "{error}");
            refused += 1;
        }
    }
    assert_eq!((provider.usage().refused, provider.usage().calls), (refused, 21 + 60 - refused));
    assert_eq!(refused, 21);
}

#[tokio::test]
async fn faults_are_switched_while_it_runs() {
    let provider = Arc::new(provider(instant()));
    let ask = || async { provider.quotes(&assets(&["AAPL"])).await };

    provider.faults().fail_next(2);
    assert!(ask().await.is_err() && ask().await.is_err());
    ask().await.unwrap();

    provider.faults().fail_all();
    let error = ask().await.unwrap_err();
    assert_eq!(error.kind(), ProviderErrorKind::Broken);
    assert_eq!(provider.usage(), ReplayUsage { calls: 4, keys: 4, failures: 3, refused: 0 });

    provider.faults().hang();
    let hanging = quote_in_background(&provider);
    for _ in 0..10 {
        yield_now().await;
    }
    assert!(!hanging.is_finished());
    provider.faults().heal();
    hanging.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_failure_rate_is_met_and_the_same_seed_fails_the_same_calls() {
    let outcomes = |seed| async move {
        let provider = provider(Replay { failure_rate: 0.3, seed, calls_per_second: 10_000, ..instant() });
        let mut outcomes = Vec::new();
        for _ in 0..1000 {
            outcomes.push(provider.quotes(&assets(&["AAPL"])).await.is_err());
        }
        outcomes
    };
    let first = outcomes(1).await;
    let failures = first.iter().filter(|failed| **failed).count();
    assert!((250..350).contains(&failures), "{failures}");
    assert_eq!(first, outcomes(1).await);
    assert_ne!(first, outcomes(2).await);
}

#[test]
fn settings_that_cannot_hold_are_refused_with_the_value() {
    for (replay, what) in [
        (Replay { failure_rate: 1.5, ..instant() }, "1.5"),
        (Replay { failure_rate: f64::NAN, ..instant() }, "NaN"),
        (Replay { max_batch: 0, ..instant() }, "max_batch is 0"),
        (Replay { calls_per_second: 0, ..instant() }, "calls_per_second is 0"),
    ] {
        let error = ReplayProvider::new(replay, Clock::manual()).unwrap_err();
        assert!(error.kind() == ErrorKind::Config && error.to_string().contains(what), "{error}");
    }
}

fn quote_in_background(provider: &Arc<ReplayProvider>) -> JoinHandle<Answers<Quote>> {
    let provider = provider.clone();
    tokio::spawn(async move { provider.quotes(&assets(&["AAPL"])).await })
}

async fn until(condition: impl Fn() -> bool) {
    while !condition() {
        yield_now().await;
    }
}
