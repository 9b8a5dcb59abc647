//! What a provider offers of one kind of data.

use std::{collections::BTreeSet, sync::Arc};

use crate::{Asset, AssetType, Interval, Market};

/// What a provider offers of one kind of data: how many keys a call, and for which assets and intervals.
///
/// ```
/// use market_data::{AssetType, Interval, Market, Offer};
///
/// let offer = Offer::new(50).asset_types([AssetType::Equity, AssetType::Etf]).intervals([Interval::Day]);
/// assert!(offer.covers(&"AAPL".parse()?) && !offer.covers(&"BTC@CRYPTO".parse()?));
/// assert!(offer.covers_interval(Interval::Day) && !offer.covers_interval(Interval::Hour));
/// assert!(Offer::new(1).markets([Market::FX]).covers(&"EUR_USD@FX".parse()?));
/// assert!(!Offer::new(1).assets(["AAPL".parse()?]).covers(&"MSFT".parse()?));
/// # Ok::<(), market_data::Invalid>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// How many keys one call may ask for; at least 1.
    pub max_batch: usize,
    markets: Option<Vec<Market>>,
    asset_types: Option<Vec<AssetType>>,
    assets: Option<Arc<BTreeSet<Asset>>>,
    intervals: Option<Vec<Interval>>,
}

impl Offer {
    /// All assets and intervals, `max_batch` keys a call; 0 is read as 1.
    #[must_use]
    pub fn new(max_batch: usize) -> Self {
        Self { max_batch: max_batch.max(1), markets: None, asset_types: None, assets: None, intervals: None }
    }

    /// Limits the offer to assets traded on these markets.
    #[must_use]
    pub fn markets(self, markets: impl IntoIterator<Item = Market>) -> Self {
        Self { markets: Some(markets.into_iter().collect()), ..self }
    }

    /// Limits the offer to assets of these types.
    #[must_use]
    pub fn asset_types(self, types: impl IntoIterator<Item = AssetType>) -> Self {
        Self { asset_types: Some(types.into_iter().collect()), ..self }
    }

    /// Limits the offer to these assets.
    #[must_use]
    pub fn assets(self, assets: impl IntoIterator<Item = Asset>) -> Self {
        Self { assets: Some(Arc::new(assets.into_iter().collect())), ..self }
    }

    /// Limits the offer to bars of these intervals.
    #[must_use]
    pub fn intervals(self, intervals: impl IntoIterator<Item = Interval>) -> Self {
        Self { intervals: Some(intervals.into_iter().collect()), ..self }
    }

    /// Returns the assets to which the offer is limited one by one, if it is.
    #[must_use]
    pub fn named_assets(&self) -> Option<&BTreeSet<Asset>> {
        self.assets.as_deref()
    }

    /// Returns whether the offer includes this asset.
    #[must_use]
    pub fn covers(&self, asset: &Asset) -> bool {
        self.markets.as_ref().is_none_or(|markets| markets.contains(&asset.market))
            && self.asset_types.as_ref().is_none_or(|types| types.contains(&asset.asset_type))
            && self.assets.as_ref().is_none_or(|assets| assets.contains(asset))
    }

    /// Returns whether the offer includes bars of this interval.
    #[must_use]
    pub fn covers_interval(&self, interval: Interval) -> bool {
        self.intervals.as_ref().is_none_or(|intervals| intervals.contains(&interval))
    }
}
