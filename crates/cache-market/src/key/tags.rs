//! The tags by which all entries of an asset, or of a user, are invalidated.

use cache_core::{Result, Tag};

use super::part;
use market_data::{Asset, DataType};

/// Returns the tag on everything about an asset: its text, `AAPL` or `BTC@CRYPTO`. Loaders put it on what they
/// load.
///
/// A tag is matched as a whole: invalidating `A` leaves `AAPL` alone.
///
/// # Errors
///
/// `Limit` as [`Tag::new`], which no valid asset reaches.
pub fn asset_tag(asset: &Asset) -> Result<Tag> {
    Tag::new(&asset.to_string())
}

/// Returns the tag on what is of one kind about an asset: `technical:AAPL`. No asset is called so, for none
/// holds a `:`.
///
/// # Errors
///
/// As [`asset_tag`].
pub fn data_tag(data: DataType, asset: &Asset) -> Result<Tag> {
    Tag::new(&format!("{data}:{asset}"))
}

/// Returns the tag on everything of a user: `users:17`. Removing user 1 does not remove user 10.
///
/// # Errors
///
/// `Config` for an empty id, `Limit` for one that is too long for a tag.
///
/// ```
/// use cache_market::user_tag;
///
/// assert_eq!(user_tag("17")?.as_str(), "users:17");
/// assert_ne!(user_tag("1")?, user_tag("10")?);
/// # Ok::<(), cache_core::Error>(())
/// ```
pub fn user_tag(id: &str) -> Result<Tag> {
    Tag::new(&format!("users:{}", part::write("user", id)?))
}
