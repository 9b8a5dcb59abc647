//! What an entry of the cache is about, and when an announced event ends it.

use cache_core::{Key, Meta, Timestamp};

use crate::{MarketTime, StandardKey};
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

/// Returns the first moment at which an event ends an entry.
pub(super) fn end(time: &MarketTime, key: &Key, meta: &Meta, now: Timestamp) -> Option<Timestamp> {
    let by_tags = meta.tags().iter().filter_map(|tag| {
        let (data, asset) = tag.as_str().split_once(':')?;
        Some((data.parse::<DataType>().ok()?, asset.parse::<Asset>().ok()?))
    });
    let rules = time.rules();
    let events = time.events().read();
    let ends = about(key).into_iter().chain(by_tags);
    ends.filter_map(|(data, asset)| events.end(&asset, data, &rules.events, meta.born, now)).min()
}
