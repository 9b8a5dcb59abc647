//! The trait of a source of market data.

mod answer;
mod batch;
mod error;
mod offer;

use std::fmt::Debug;

use async_trait::async_trait;

pub(crate) use self::batch::from_single_calls;
pub use self::{
    answer::Answer,
    batch::one_answer_per_key,
    error::{ProviderError, ProviderErrorKind},
    offer::Offer,
};
use crate::{Asset, DataType, Document, DocumentId, Interval, Quote, Series, SeriesId};

/// The result of asking for a batch: answer `i` belongs to key `i`; or the call as a whole failed.
pub type Answers<V> = Result<Vec<Answer<V>>, ProviderError>;

/// A source of market data, asked in batches.
///
/// A method is called only for data that [`Provider::offer`] names, and with no more keys than the offer allows;
/// methods for data that a provider doesn't offer need not be written. A call may be dropped at any await.
///
/// ```
/// use async_trait::async_trait;
/// use market_data::{Answer, Answers, Asset, DataType, Date, Offer, Provider, Quote};
///
/// /// Everything costs 1.
/// #[derive(Debug)]
/// struct Flat;
///
/// #[async_trait]
/// impl Provider for Flat {
///     fn name(&self) -> &str {
///         "flat"
///     }
///
///     fn offer(&self, data: DataType) -> Option<Offer> {
///         (data == DataType::Price).then(|| Offer::new(50))
///     }
///
///     async fn quotes(&self, assets: &[Asset]) -> Answers<Quote> {
///         let quote = |asset: &Asset| Quote::new(asset.clone(), 1.0, Date::constant(2020, 1, 2));
///         Ok(assets.iter().map(|asset| Answer::Value(quote(asset))).collect())
///     }
/// }
/// ```
#[async_trait]
pub trait Provider: Debug + Send + Sync + 'static {
    /// Returns the name shown in statistics and values: `"yahoo"`.
    fn name(&self) -> &str;

    /// Returns what the provider offers of a kind of data; `None` if it offers none.
    fn offer(&self, data: DataType) -> Option<Offer>;

    /// Returns whether it offers such data about an asset.
    fn covers(&self, data: DataType, asset: &Asset) -> bool {
        self.offer(data).is_some_and(|offer| offer.covers(asset))
    }

    /// Returns whether it offers bars of this interval about an asset.
    fn covers_bars(&self, asset: &Asset, interval: Interval) -> bool {
        self.offer(DataType::Ohlcv)
            .is_some_and(|offer| offer.covers(asset) && offer.covers_interval(interval))
    }

    /// Returns how many quotes, fields of quotes and bars of the upstream were refused since the provider was
    /// opened, because they can't be true.
    fn implausible(&self) -> u64 {
        0
    }

    /// Fetches quotes, for [`DataType::Price`]: answer `i` belongs to `assets[i]`.
    ///
    /// # Errors
    ///
    /// If the call as a whole failed: nothing is then known about any key of the batch.
    async fn quotes(&self, assets: &[Asset]) -> Answers<Quote> {
        let _ = assets;
        Err(ProviderError::not_offered(self.name(), DataType::Price))
    }

    /// Fetches series of bars, for [`DataType::Ohlcv`]: answer `i` belongs to `ids[i]`.
    ///
    /// # Errors
    ///
    /// As [`Provider::quotes`].
    async fn series(&self, ids: &[SeriesId]) -> Answers<Series> {
        let _ = ids;
        Err(ProviderError::not_offered(self.name(), DataType::Ohlcv))
    }

    /// Fetches documents of any other kind of data: answer `i` belongs to `ids[i]`.
    ///
    /// # Errors
    ///
    /// As [`Provider::quotes`].
    async fn documents(&self, data: DataType, ids: &[DocumentId]) -> Answers<Document> {
        let _ = ids;
        Err(ProviderError::not_offered(self.name(), data))
    }
}
