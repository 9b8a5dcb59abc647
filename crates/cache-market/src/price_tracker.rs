//! Tracks prices: how far they swing, and when one has moved.

use std::time::Duration;

use cache_core::{Timestamp, sync::Mutex};

use crate::recent_map::RecentMap;
use market_data::Asset;

/// The most assets that are tracked at once.
const MAX_ASSETS: usize = 10_000;

/// Tracks the recent prices of assets, in a few numbers each.
///
/// An asset's swing is the width of an envelope around its price, in percent of the lower edge. Each price
/// widens the envelope to include it; between prices both edges decay towards the last price, by half in every
/// half-life. This measures volatility, forgets at a known rate, and needs no history.
#[derive(Debug)]
pub(crate) struct PriceTracker(Mutex<RecentMap<Asset, TrackedPrice>>);

/// How far the price of an asset swings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Swing {
    /// The width of the envelope around the price, in percent.
    pub percent: f64,
    /// How long the asset has been tracked.
    pub watched: Duration,
}

#[derive(Clone, Copy, Debug)]
struct TrackedPrice {
    since: Timestamp,
    at: Timestamp,
    price: f64,
    high: f64,
    low: f64,
    /// The price at the last move, or the first price.
    anchor: f64,
}

impl PriceTracker {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(RecentMap::new(MAX_ASSETS)))
    }

    /// Records a price, and returns by how many percent it has moved if that is `threshold` or more. The next
    /// move is measured from here. A price that is zero, negative or not a number, or older than the last one,
    /// is ignored.
    pub(crate) fn observe(
        &self,
        asset: &Asset,
        price: f64,
        at: Timestamp,
        half_life: Duration,
        threshold: f64,
    ) -> Option<f64> {
        if !(price.is_finite() && price > 0.0) {
            return None;
        }
        let mut tracks = self.0.lock();
        let known = tracks.take(asset);
        let (track, percent) = match known {
            Some(track) if at < track.at => (track, None),
            Some(track) => track.next(price, at, half_life).moved(threshold),
            None => (TrackedPrice { since: at, at, price, high: price, low: price, anchor: price }, None),
        };
        tracks.put(asset.clone(), track);
        percent
    }

    /// Returns how far the price of an asset swings as of `now`; `None` if it is not tracked.
    pub(crate) fn swing(&self, asset: &Asset, now: Timestamp, half_life: Duration) -> Option<Swing> {
        let track = *self.0.lock().peek(asset)?;
        let now = now.max(track.at);
        let (high, low) = track.envelope(now, half_life);
        Some(Swing { percent: 100.0 * (high - low) / low, watched: now.since(track.since) })
    }
}

impl TrackedPrice {
    fn envelope(&self, now: Timestamp, half_life: Duration) -> (f64, f64) {
        let half_lives = now.since(self.at).as_secs_f64() / half_life.as_secs_f64().max(1e-6);
        let left = 0.5_f64.powf(half_lives);
        (self.price + (self.high - self.price) * left, self.price - (self.price - self.low) * left)
    }

    fn next(self, price: f64, at: Timestamp, half_life: Duration) -> Self {
        let (high, low) = self.envelope(at, half_life);
        Self { at, price, high: high.max(price), low: low.min(price), ..self }
    }

    fn moved(self, threshold: f64) -> (Self, Option<f64>) {
        let percent = 100.0 * (self.price / self.anchor - 1.0);
        if percent.abs() < threshold {
            return (self, None);
        }
        (Self { anchor: self.price, ..self }, Some(percent))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_micros(0).after(Duration::from_secs(seconds))
    }

    fn apple() -> Asset {
        "AAPL".parse().unwrap()
    }

    #[test]
    fn a_swing_is_halved_in_every_half_life() {
        let tracker = PriceTracker::new();
        tracker.observe(&apple(), 100.0, at(0), HOUR, 3.0);
        tracker.observe(&apple(), 108.0, at(0), HOUR, 3.0);
        let swing = |seconds| tracker.swing(&apple(), at(seconds), HOUR).unwrap().percent;
        assert!((swing(0) - 8.0).abs() < 1e-9);
        // The price stays at 108, so the lower edge comes back from 100 to 104, to 106, ...
        assert!((swing(3_600) - 100.0 * 4.0 / 104.0).abs() < 1e-9);
        assert!((swing(7_200) - 100.0 * 2.0 / 106.0).abs() < 1e-9);
    }

    #[test]
    fn a_move_is_told_once_and_the_next_counts_from_there() {
        let tracker = PriceTracker::new();
        let see = |price, seconds| tracker.observe(&apple(), price, at(seconds), HOUR, 3.0).is_some();
        assert_eq!([see(100.0, 0), see(102.9, 1), see(103.0, 2), see(103.1, 3)], [false, false, true, false]);
        assert_eq!([see(100.0, 4), see(99.8, 5)], [false, true], "down from 103");
    }

    proptest! {
        #[test]
        fn a_swing_never_grows_without_a_price_and_is_never_negative(
            prices in prop::collection::vec((1.0..1_000.0_f64, 0..10_000_u64), 1..20), later in 0..1_000_000_u64,
        ) {
            let tracker = PriceTracker::new();
            let mut now = 0;
            for (price, step) in prices {
                now += step;
                tracker.observe(&apple(), price, at(now), HOUR, 3.0);
            }
            let (first, then) = (tracker.swing(&apple(), at(now), HOUR).unwrap(), tracker.swing(&apple(), at(now + later), HOUR).unwrap());
            prop_assert!(first.percent >= then.percent && then.percent >= 0.0);
            prop_assert_eq!(then.watched, first.watched + Duration::from_secs(later));
        }

        #[test]
        fn what_is_no_price_changes_nothing(price: f64, micros: i64) {
            let tracker = PriceTracker::new();
            tracker.observe(&apple(), 100.0, at(0), HOUR, 3.0);
            tracker.observe(&apple(), price, Timestamp::from_micros(micros), HOUR, 3.0);
            let swing = tracker.swing(&apple(), Timestamp::from_micros(micros), HOUR).unwrap();
            prop_assert!(swing.percent >= 0.0 && !swing.percent.is_nan());
            if !(price.is_finite() && price > 0.0) || micros < 0 {
                prop_assert_eq!(swing.percent, 0.0);
            }
        }
    }

    #[test]
    fn no_more_than_ten_thousand_assets_are_watched() {
        let tracker = PriceTracker::new();
        for number in 0..25_000 {
            let asset = format!("A{number}").parse().unwrap();
            tracker.observe(&asset, 1.0, at(number), HOUR, 3.0);
        }
        assert!(tracker.0.lock().len() <= MAX_ASSETS);
        assert!(tracker.swing(&"A24999".parse().unwrap(), at(25_000), HOUR).is_some());
        assert!(tracker.swing(&"A0".parse().unwrap(), at(25_000), HOUR).is_none());
    }
}
