//! A document of a kind whose shape is common to all providers, from a provider of one's own that has another.

use std::sync::Arc;

use async_trait::async_trait;
use cache_core::Clock;
use market_data::{
    Answer as Told, Answers, DataType, Dividends, Document, DocumentId, Offer, Provider, ProviderErrorKind,
    Registry,
};
use serde_json::{Value, json};

use crate::scene::settings;

/// Gives the document that is kept for each symbol.
#[derive(Debug)]
struct Archive(&'static str, Value);

#[async_trait]
impl Provider for Archive {
    fn name(&self) -> &str {
        self.0
    }

    fn offer(&self, _: DataType) -> Option<Offer> {
        Some(Offer::new(50))
    }

    async fn documents(&self, _: DataType, ids: &[DocumentId]) -> Answers<Document> {
        let of = |id: &DocumentId| Document::new(id.asset.clone(), self.1[id.asset.symbol.as_str()].clone());
        Ok(ids.iter().map(|id| Told::Value(of(id))).collect())
    }
}

fn sound() -> Value {
    json!({"dividends": [{"date": "2020-01-02", "amount": 1.0}]})
}

fn swapped() -> Value {
    let paid = |day: &str| json!({"date": day, "amount": 1.0});
    json!({"dividends": [paid("2020-01-03"), paid("2020-01-02")]})
}

fn ids() -> Vec<DocumentId> {
    ["A", "B"].map(|symbol| symbol.parse().unwrap()).to_vec()
}

#[tokio::test]
async fn a_document_of_another_shape_fails_its_key_and_no_other() {
    let registry = Registry::builder(Clock::manual())
        .provider(Arc::new(Archive("own", json!({"A": sound(), "B": swapped()}))), settings(1))
        .build()
        .unwrap();
    let told = registry.documents(DataType::Dividend, &ids()).await.unwrap();
    let Told::Value(document) = &told[0] else { panic!("{told:?}") };
    assert_eq!(document.read::<Dividends>().unwrap().dividends.len(), 1);
    let error = told[1].failure().unwrap();
    assert_eq!(error.kind(), ProviderErrorKind::BadAnswer);
    let message = error.to_string();
    assert!(
        message.starts_with("own sent an invalid dividend of B: ") && message.contains("in order"),
        "{message}"
    );
    let usage = registry.reports()[0].usage;
    assert_eq!((usage.answered, usage.failed_keys), (1, 1));

    let news = registry.documents(DataType::News, &ids()).await.unwrap();
    assert!(news.iter().all(|answer| matches!(answer, Told::Value(_))), "these are each provider's own");
}

#[tokio::test]
async fn the_next_provider_is_asked_for_what_came_in_another_shape() {
    let registry = Registry::builder(Clock::manual())
        .provider(Arc::new(Archive("first", json!({"A": sound(), "B": []}))), settings(1))
        .provider(Arc::new(Archive("second", json!({"A": sound(), "B": sound()}))), settings(2))
        .build()
        .unwrap();
    let told = registry.documents(DataType::Dividend, &ids()).await.unwrap();
    let providers: Vec<_> =
        told.into_iter().map(|answer| answer.value().unwrap().provider.unwrap().to_string()).collect();
    assert_eq!(providers, ["first", "second"]);
}

#[tokio::test]
async fn figures_of_days_that_have_not_come_are_believed_where_they_may_be_announced_alone() {
    let clock = Clock::manual();
    let day = |ahead: u64| {
        let at = clock.now().after(std::time::Duration::from_secs(ahead * 86_400)).as_micros();
        jiff::Timestamp::from_microsecond(at).unwrap().strftime("%Y-%m-%d").to_string()
    };
    let of = |data: DataType, day: &str| match data {
        DataType::AdjustedClose => json!({"closes": [{"date": day, "adjusted_close": 1.0}]}),
        DataType::Dividend => json!({"dividends": [{"date": day, "amount": 1.0}]}),
        _ => json!({"observations": [{"date": day, "value": 1.0}]}),
    };
    for (data, may_be_ahead) in [
        (DataType::AdjustedClose, false),
        (DataType::CpiIndex, false),
        (DataType::TreasuryYield, false),
        (DataType::InflationRate, false),
        (DataType::Macro, true),
        (DataType::Dividend, true),
    ] {
        let bodies = json!({"A": of(data, &day(0)), "B": of(data, &day(10))});
        let archive = Arc::new(Archive("own", bodies));
        let registry = Registry::builder(clock.clone()).provider(archive, settings(1)).build().unwrap();
        let ids = ["A", "B"].map(|symbol| DocumentId::new(data.read_asset(symbol).unwrap()));
        let told = registry.documents(data, &ids).await.unwrap();
        assert!(matches!(told[0], Told::Value(_)), "{data}: {told:?}");
        match told[1].failure() {
            None => assert!(may_be_ahead, "{data}"),
            Some(why) => assert!(!may_be_ahead && why.to_string().contains("has not come"), "{data}: {why}"),
        }
    }
    let no_prices = json!({"A": {"observations": [{"date": day(0), "value": 0.0}]}});
    let registry = Registry::builder(clock.clone())
        .provider(Arc::new(Archive("own", no_prices)), settings(1))
        .build()
        .unwrap();
    let ids = [DocumentId::new(DataType::CpiIndex.read_asset("A").unwrap())];
    let why = registry.documents(DataType::CpiIndex, &ids).await.unwrap_err();
    assert!(why.to_string().contains("must be above 0"), "{why}");
}
