//! The three kinds of request to a provider, behind one trait.

use cache_core::Timestamp;
use futures_util::future::BoxFuture;

use crate::{
    Answers, Asset, DataType, Document, DocumentId, Invalid, MarketRecord, Offer, Provider, Quote, Series,
    SeriesId,
};

/// A kind of request to a provider: quotes, series or documents.
pub(super) trait RequestKind: Sync {
    type Id: Clone + Send + Sync;
    type Value: MarketRecord;

    fn data(&self) -> DataType;

    /// Returns the asset of a key.
    fn asset<'a>(&self, id: &'a Self::Id) -> &'a Asset;

    /// Returns whether an offer includes a key.
    fn is_offered(&self, offer: &Offer, id: &Self::Id) -> bool {
        offer.covers(self.asset(id))
    }

    fn ask<'a>(&self, of: &'a dyn Provider, ids: &'a [Self::Id]) -> BoxFuture<'a, Answers<Self::Value>>;

    /// Checks what the type of a value doesn't say.
    ///
    /// # Errors
    ///
    /// If the value is of another shape than all providers' values of its kind.
    fn check(&self, value: &Self::Value, now: Timestamp) -> Result<(), Invalid> {
        let _ = (value, now);
        Ok(())
    }
}

pub(super) struct Quotes;

impl RequestKind for Quotes {
    type Id = Asset;
    type Value = Quote;

    fn data(&self) -> DataType {
        DataType::Price
    }

    fn asset<'a>(&self, id: &'a Asset) -> &'a Asset {
        id
    }

    fn ask<'a>(&self, of: &'a dyn Provider, ids: &'a [Asset]) -> BoxFuture<'a, Answers<Quote>> {
        of.quotes(ids)
    }
}

pub(super) struct Bars;

impl RequestKind for Bars {
    type Id = SeriesId;
    type Value = Series;

    fn data(&self) -> DataType {
        DataType::Ohlcv
    }

    fn asset<'a>(&self, id: &'a SeriesId) -> &'a Asset {
        &id.asset
    }

    fn is_offered(&self, offer: &Offer, id: &SeriesId) -> bool {
        offer.covers(&id.asset) && offer.covers_interval(id.interval)
    }

    fn ask<'a>(&self, of: &'a dyn Provider, ids: &'a [SeriesId]) -> BoxFuture<'a, Answers<Series>> {
        of.series(ids)
    }
}

pub(super) struct Documents(pub(super) DataType);

impl RequestKind for Documents {
    type Id = DocumentId;
    type Value = Document;

    fn data(&self) -> DataType {
        self.0
    }

    fn asset<'a>(&self, id: &'a DocumentId) -> &'a Asset {
        &id.asset
    }

    fn ask<'a>(&self, of: &'a dyn Provider, ids: &'a [DocumentId]) -> BoxFuture<'a, Answers<Document>> {
        of.documents(self.0, ids)
    }

    fn check(&self, document: &Document, now: Timestamp) -> Result<(), Invalid> {
        self.0.check_document(document, now)
    }
}
