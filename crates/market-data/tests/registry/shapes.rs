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
