//! Documents of every kind through a wrapped provider: each is asked for once, is read by its shape, and ends with
//! its asset.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use cache_core::{ErrorKind, Ttl};
use cache_facade::Cache;
use cache_market::CachedProvider;
use market_data::{
    Answer, Answers, Asset, DataType, Document, DocumentId, Offer, Provider, ProviderError, ProviderErrorKind,
};
use serde_json::{Value, json};

/// Offers every kind of document but news, and rejects parameters.
#[derive(Debug, Default)]
struct Documents {
    asked: Mutex<Vec<String>>,
}

#[async_trait]
impl Provider for Documents {
    fn name(&self) -> &str {
        "documents"
    }

    fn offer(&self, data: DataType) -> Option<Offer> {
        (data.is_document() && data != DataType::News).then(|| Offer::new(10))
    }

    async fn documents(&self, data: DataType, ids: &[DocumentId]) -> Answers<Document> {
        let answer = |id: &DocumentId| {
            self.asked.lock().unwrap().push(format!("{data}:{id}"));
            if !id.parameters.is_empty() {
                return Answer::Failed(ProviderError::new(
                    ProviderErrorKind::BadRequest,
                    "no parameters here",
                ));
            }
            Answer::Value(Document::new(id.asset.clone(), body(data)))
        };
        Ok(ids.iter().map(answer).collect())
    }
}

fn body(data: DataType) -> Value {
    let day = "2020-01-02";
    match data {
        DataType::Dividend => json!({ "dividends": [{"date": day, "amount": 0.5}] }),
        DataType::AdjustedClose => json!({ "closes": [{"date": day, "adjusted_close": 1.5}] }),
        // A day twice can't be true.
        DataType::Macro => json!({ "observations": [{"date": day, "value": 1}, {"date": day, "value": 1}] }),
        _ if data.is_of_an_economy() => json!({ "observations": [{"date": day, "value": 2.5}] }),
        _ => json!({ "about": data.as_str() }),
    }
}

async fn scene() -> (Arc<Documents>, CachedProvider) {
    let provider = Arc::new(Documents::default());
    let cache = Cache::builder().build().await.unwrap();
    let lives = |_| Ttl::new(Duration::from_secs(300));
    let cached = CachedProvider::open(&cache, provider.clone(), lives).unwrap();
    (provider, cached)
}

#[tokio::test]
async fn documents_of_every_kind_are_asked_for_once_until_their_asset_ends() {
    let (provider, cached) = scene().await;
    let kinds = DataType::ALL.iter().copied().filter(|data| provider.offer(*data).is_some());
    for data in kinds {
        let asset: Asset = data.read_asset("AAPL").unwrap();
        let id = DocumentId::new(asset.clone());
        for _ in 0..2 {
            let document = cached.document(data, &id).await.unwrap().unwrap();
            assert_eq!(document.body, body(data), "{data}");
            let answers = cached.documents(data, std::slice::from_ref(&id)).await.unwrap();
            assert_eq!(answers, [Answer::Value(Document::clone(&document))], "{data}");
        }
        assert_eq!(std::mem::take(&mut *provider.asked.lock().unwrap()), [format!("{data}:{id}")]);
        cached.invalidate_asset(&asset).await.unwrap();
        cached.document(data, &id).await.unwrap();
        assert_eq!(provider.asked.lock().unwrap().drain(..).count(), 1, "{data}");
    }
}

#[tokio::test]
async fn what_has_a_shape_is_read_by_it() {
    let (_, cached) = scene().await;
    let apple = "AAPL".parse().unwrap();
    assert_eq!(cached.dividends(&apple).await.unwrap().unwrap().dividends[0].amount, 0.5);
    assert_eq!(cached.adjusted_closes(&apple).await.unwrap().unwrap().closes[0].adjusted_close, 1.5);
    let cpi = DataType::CpiIndex.read_asset("CPI").unwrap();
    let observed = cached.observations(DataType::CpiIndex, &cpi).await.unwrap().unwrap();
    assert_eq!(observed.observations[0].value, 2.5);
    let wrong = cached.observations(DataType::Macro, &cpi).await.unwrap_err();
    assert!(
        wrong.kind() == ErrorKind::Load && wrong.to_string().contains("each day is there once"),
        "{wrong}"
    );
}

#[tokio::test]
async fn what_is_not_offered_or_is_rejected_is_the_caller_s_to_mend() {
    let (_, cached) = scene().await;
    let id = DocumentId::new("AAPL".parse().unwrap());
    let not_offered = cached.document(DataType::News, &id).await.unwrap_err();
    assert_eq!(not_offered.kind(), ErrorKind::Config, "{not_offered}");
    let id = id.with("period", "20");
    let rejected = cached.document(DataType::Technical, &id).await.unwrap_err();
    assert!(
        rejected.kind() == ErrorKind::Config && rejected.to_string().contains("no parameters"),
        "{rejected}"
    );
    let answers = cached.documents(DataType::Technical, &[id]).await.unwrap();
    let failure = answers[0].failure().unwrap();
    assert_eq!(failure.kind(), ProviderErrorKind::BadRequest, "as the provider itself says");
}

/// A provider of the consumer prices of one name, as an API with a URL for each series is.
#[derive(Debug)]
struct Prices;

#[async_trait]
impl Provider for Prices {
    fn name(&self) -> &str {
        "prices"
    }

    fn offer(&self, data: DataType) -> Option<Offer> {
        let named = [DataType::CpiIndex.read_asset("CPI@US").unwrap()];
        (data == DataType::CpiIndex).then(|| Offer::new(1).assets(named))
    }

    async fn documents(&self, _: DataType, ids: &[DocumentId]) -> Answers<Document> {
        let value = |date: &str, value: f64| json!({"date": date, "value": value});
        let body = json!({"observations": [value("2019-01-01", 100.0), value("2020-01-01", 102.0)]});
        Ok(ids.iter().map(|id| Answer::Value(Document::new(id.asset.clone(), body.clone()))).collect())
    }
}

#[tokio::test]
async fn inflation_is_computed_of_the_prices_it_is_named_after_though_nothing_else_is_offered() {
    let cache = Cache::builder().build().await.unwrap();
    let lives = |_| Ttl::new(Duration::from_secs(300));
    let cached = CachedProvider::open(&cache, Arc::new(Prices), lives).unwrap();
    for name in ["INFLATION@US", "CPI@US"] {
        let asset = DataType::InflationRate.read_asset(name).unwrap();
        let rates = cached.observations(DataType::InflationRate, &asset).await.unwrap().unwrap();
        assert_eq!(rates.observations[0].value, 2.0, "{name}");
    }
}
