//! Tier: what a place for entries must do; TierExt: calls with a single key.

use std::{fmt::Debug, slice, sync::Arc};

use async_trait::async_trait;

use crate::{Entry, Key, Pattern, Result, Tombstone};

/// A place that stores encoded entries, and is called with batches of keys.
///
/// Every tier keeps three promises, which the suite for tiers checks:
///
/// - It never replaces an entry or a tombstone by one born at the same time or earlier. A put that loses
///   is no error: the tier already holds something newer.
/// - It returns entries as they were put, whether fresh, stale or dead: only
///   [`Meta::freshness`](crate::Meta::freshness) judges age. It may drop dead entries, and any entry when
///   space runs out, but it never returns anything else.
/// - An entry that it can't read is absent, and not an error. An error means that it could not look.
#[async_trait]
pub trait Tier: Debug + Send + Sync + 'static {
    /// Returns the name shown in statistics and as the source of a value: `"disk"`, `"redis"`.
    fn name(&self) -> &'static str;

    /// Looks keys up. Item `i` of the result belongs to `keys[i]`.
    ///
    /// # Errors
    ///
    /// If the tier could not look, which does not mean that the keys are absent.
    async fn get(&self, keys: &[Key]) -> Result<Vec<Option<Entry>>>;

    /// Stores entries. Each is stored whole or not at all, and the later born wins.
    ///
    /// # Errors
    ///
    /// If some could not be stored. Others may have been.
    async fn put(&self, entries: &[(Key, Entry)]) -> Result<()>;

    /// Removes entries born no later than `tombstone`, which is kept in their place until it is dead. For
    /// keys it is kept whether or not there was an entry. Returns how many entries were removed.
    ///
    /// # Errors
    ///
    /// If some could not be removed. Others may have been.
    async fn remove(&self, target: Target<'_>, tombstone: Tombstone) -> Result<u64>;

    /// Makes all writes and removals so far as durable as the tier can.
    ///
    /// # Errors
    ///
    /// If some may not be durable.
    async fn flush(&self) -> Result<()>;
}

/// What to remove.
#[derive(Clone, Copy, Debug)]
pub enum Target<'a> {
    /// These keys.
    Keys(&'a [Key]),
    /// Every key that matches.
    Matching(&'a Pattern),
}

/// Calls of a [`Tier`] with a single key.
#[async_trait]
pub trait TierExt: Tier {
    /// Looks one key up.
    ///
    /// # Errors
    ///
    /// As [`Tier::get`].
    async fn get_one(&self, key: &Key) -> Result<Option<Entry>> {
        Ok(self.get(slice::from_ref(key)).await?.pop().flatten())
    }

    /// Stores one entry.
    ///
    /// # Errors
    ///
    /// As [`Tier::put`].
    async fn put_one(&self, key: Key, entry: Entry) -> Result<()> {
        self.put(&[(key, entry)]).await
    }
}

impl<T: Tier + ?Sized> TierExt for T {}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<T: Tier + ?Sized> Tier for Arc<T> {
    fn name(&self) -> &'static str {
        (**self).name()
    }

    async fn get(&self, keys: &[Key]) -> Result<Vec<Option<Entry>>> {
        (**self).get(keys).await
    }

    async fn put(&self, entries: &[(Key, Entry)]) -> Result<()> {
        (**self).put(entries).await
    }

    async fn remove(&self, target: Target<'_>, tombstone: Tombstone) -> Result<u64> {
        (**self).remove(target, tombstone).await
    }

    async fn flush(&self) -> Result<()> {
        (**self).flush().await
    }
}
