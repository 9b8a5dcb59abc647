//! What a cache knows of a series that it keeps in parts.

use cache_core::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::moment;

/// What a cache knows of a part of a series: from when on it has all bars, which of them are final, and of when
/// it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Extent {
    /// The first day of this part, which has all bars from then on.
    pub from: Date,
    /// The first day of the series. What lies between it and `from` is kept in other parts.
    pub first: Date,
    /// How many of the bars, from the earliest, are final.
    pub final_bars: usize,
    /// When the provider was asked for the bars that it has.
    #[serde(with = "moment::required")]
    pub asked: Timestamp,
    /// Since when no split or dividend has changed final bars, as far as that was seen: what was asked for before
    /// can't be put together with it.
    #[serde(with = "moment::required")]
    pub basis: Timestamp,
}
