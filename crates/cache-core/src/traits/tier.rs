//! What a tier must decide, and sugar for those who call one.

use std::{fmt::Debug, slice, sync::Arc};

use async_trait::async_trait;

use crate::{Entry, Key, Pattern, Result, Tombstone};

/// A place that keeps encoded entries, and speaks in batches.
///
/// A tier keeps three promises, which the behaviour suite checks on every one of them:
///
/// - It never replaces an entry, or a tombstone, by one born at the same time or earlier. A put that
///   loses is no error: the tier already holds what is newer.
/// - It answers with entries as they were put, alive, stale or dead: age is judged by
///   [`Meta::freshness`](crate::Meta::freshness) alone. It may forget what is dead, and may forget
///   anything when space runs out, but it never answers with something else.
/// - What it can't read is an absence, told to nobody as an error. An error means "could not look".
#[async_trait]
pub trait Tier: Debug + Send + Sync + 'static {
    /// The name shown in statistics and as the source of a value: `"disk"`, `"redis"`.
    fn name(&self) -> &'static str;

    /// Looks keys up: answer `i` belongs to `keys[i]`.
    ///
    /// # Errors
    ///
    /// If the tier could not look. That is not to say that the keys are absent.
    async fn get(&self, keys: &[Key]) -> Result<Vec<Option<Entry>>>;

    /// Stores entries; each alone is stored whole or not at all, and the later born wins.
    ///
    /// # Errors
    ///
    /// If some could not be stored. Others may have been.
    async fn put(&self, entries: &[(Key, Entry)]) -> Result<()>;

    /// Removes entries born no later than `tombstone`, which is kept in their place until it is
    /// dead. For keys it is kept whether or not there was an entry. Answers how many entries went.
    ///
    /// # Errors
    ///
    /// If some could not be removed. Others may have been.
    async fn remove(&self, target: Target<'_>, tombstone: Tombstone) -> Result<u64>;

    /// Makes what was put and removed so far as lasting as the tier can make it.
    ///
    /// # Errors
    ///
    /// If that failed.
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

/// Sugar over [`Tier`]: one is a slice of one.
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
