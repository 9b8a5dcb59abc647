//! How the regions of market kinds are set up here, and who offers what they hold.

use std::{sync::Arc, time::Duration};

use axum::http::HeaderMap;
use cache_core::Result;
use cache_facade::{Cacheable, Policy, RegionBuilder, Storable};
use cache_http::{guard::Caller, request::directives::Directives};
use cache_market::{MarketPolicies, MarketRegions, MarketSettings, MarketTime, SeriesRules};
use market_data::{DataType, Document, Offer, Quote, Series};

use super::App;
use crate::settings::Settings;

/// The largest share by which a TTL is shortened, so that entries loaded together expire apart.
const TTL_JITTER: f64 = 0.05;
/// The share of its life after which a value that is read is refreshed in the background.
const EAGER_REFRESH_SHARE: f64 = 0.8;
/// How old a fresh value is at least that is loaded anew because a stranger asks for a younger one.
const RELOAD_AFTER_FOR_STRANGERS: Duration = Duration::from_secs(1);
/// Who offers what is computed.
const COMPUTED: &str = "computed";

/// How the regions of market kinds are opened.
pub(super) struct ServiceRegions {
    time: MarketTime,
    batch_window: Duration,
    computed: Vec<String>,
}

impl ServiceRegions {
    pub(super) fn new(time: &MarketTime, settings: &Settings) -> Self {
        let batch_window = Duration::from_millis(settings.service.batch_window_ms);
        Self { time: time.clone(), batch_window, computed: settings.service.computed.clone() }
    }

    fn region<V: Storable>(&self, data: DataType, region: RegionBuilder<V>) -> RegionBuilder<V> {
        region
            .ttl(self.time.ttl(data))
            .jitter(TTL_JITTER)
            .eager(EAGER_REFRESH_SHARE)
            .batch_window(self.batch_window)
    }
}

impl MarketSettings for ServiceRegions {
    fn quotes(&self, region: RegionBuilder<Quote>) -> RegionBuilder<Quote> {
        self.region(DataType::Price, region)
    }

    fn series(&self, region: RegionBuilder<Series>) -> RegionBuilder<Series> {
        self.region(DataType::Ohlcv, region)
    }

    fn series_rules(&self) -> SeriesRules {
        SeriesRules::new(self.time.clone())
    }

    fn documents(&self, data: DataType, region: RegionBuilder<Document>) -> RegionBuilder<Document> {
        self.region(data, region)
    }

    fn computes(&self, data: DataType) -> bool {
        self.computed.iter().any(|name| name == data.as_str())
    }
}

/// The timeouts of the settings, all of them reloadable.
pub(super) struct Timeouts<'a>(pub(super) &'a Settings);

impl MarketPolicies for Timeouts<'_> {
    fn of<V: Cacheable>(&self, policy: Policy<V>) -> Policy<V> {
        let Settings { ttl, limits, warming, .. } = self.0;
        policy
            .negative(Duration::from_secs(ttl.unknown))
            .hard_timeout(Duration::from_millis(limits.load_timeout_ms))
            .throttle(Duration::from_millis(limits.throttle_ms))
            .refresh_window(Duration::from_millis(warming.refresh_window_ms))
    }
}

/// What one request asks of the age of its answer.
struct Asked {
    directives: Directives,
    /// How old a fresh value is at least that is loaded anew for it.
    reload_after: Duration,
}

impl MarketPolicies for Asked {
    fn of<V: Cacheable>(&self, policy: Policy<V>) -> Policy<V> {
        self.directives.apply(policy).reload_after(self.reload_after)
    }
}

impl App {
    /// Returns the regions of all market kinds as a request asks for them. Only an insider may have loaded anew
    /// what was loaded a moment ago: each load is paid for.
    pub(crate) fn regions_for(&self, headers: &HeaderMap, caller: Caller) -> Result<Arc<MarketRegions>> {
        let directives = Directives::of(headers);
        let regions = self.regions();
        if directives.is_empty() {
            return Ok(regions);
        }
        let reload_after = match caller {
            Caller::Insider => Duration::ZERO,
            Caller::Stranger => RELOAD_AFTER_FOR_STRANGERS,
        };
        regions.with(&Asked { directives, reload_after }).map(Arc::new)
    }

    /// Returns who offers such data, and what: first `computed`, if some of them follow from others, then the
    /// providers in the order in which they are asked.
    pub(crate) fn offers(&self, data: DataType) -> Vec<(String, Offer)> {
        let computed = self.regions().offers_computed(data).then(|| (COMPUTED.to_owned(), Offer::new(1)));
        let offers = self.registry().offers_by_name(data);
        computed.into_iter().chain(offers.map(|(name, offer)| (name.to_owned(), offer))).collect()
    }
}
