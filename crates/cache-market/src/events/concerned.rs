//! What an entry of the cache is about, and when an announced event ends it.

use cache_core::{Key, Meta, Timestamp};

use super::EventKind;
use crate::{Changes, MarketTime, Scope, StandardKey};
use market_data::{Asset, DataType};

/// Returns what a key says its value is about. Of an id that is written in another way than a standard one, what
/// comes before the first `:` is the asset.
pub(super) fn about(key: &Key) -> Option<(DataType, Asset)> {
    if let Ok(key) = StandardKey::of(key) {
        return Some((key.data(), key.asset()?.clone()));
    }
    let kind = key.prefix().trim_end_matches(':').rsplit(':').next()?;
    Some((kind.parse().ok()?, key.id().split(':').next()?.parse().ok()?))
}

/// Returns the first moment at which an event ends an entry, or is withdrawn that the entry was to last until.
pub(super) fn end(time: &MarketTime, key: &Key, meta: &Meta, now: Timestamp) -> Option<Timestamp> {
    let by_tags = meta.tags().iter().filter_map(|tag| {
        let (data, asset) = tag.as_str().split_once(':')?;
        Some((data.parse::<DataType>().ok()?, asset.parse::<Asset>().ok()?))
    });
    let rules = time.rules();
    let events = time.events().read();
    let ends = about(key).into_iter().chain(by_tags);
    let end = |(data, asset): (DataType, Asset)| {
        let happens = events.end(&asset, data, &rules.events, meta.born, now);
        let scope = Scope::of(data, asset.asset_type);
        let reported = (rules.changes(scope) == Changes::Reports)
            .then(|| events.called_off(&asset, EventKind::Earnings, meta.born));
        happens.into_iter().chain(reported.flatten()).min()
    };
    ends.filter_map(end).min()
}
