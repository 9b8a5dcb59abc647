//! Tier: what a place for entries must do; TierExt: calls with a single key, and removals step by step.

use std::{fmt::Debug, slice, sync::Arc};

use async_trait::async_trait;

use crate::{
    Clock, Entry, Error, ErrorKind, Key, ListCursor, ListPage, Pattern, RemovalStep, Result, Tombstone,
};

/// A place that stores encoded entries, and is called with batches of keys.
///
/// Every tier keeps three promises, which the suite for tiers checks:
///
/// - It never replaces an entry or a tombstone by one born at the same time or earlier. A put that loses
///   is no error: it says so in its outcome.
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

    /// Stores entries. Each is stored whole or not at all, and the later born wins. Item `i` of the result
    /// says what became of `entries[i]`.
    ///
    /// # Errors
    ///
    /// If some could not be stored, or it isn't known what became of them. Others may have been. `Limit` for a
    /// value longer than [`MAX_VALUE_LEN`](crate::MAX_VALUE_LEN).
    async fn put(&self, entries: &[(Key, Entry)]) -> Result<Vec<PutOutcome>>;

    /// Removes entries born no later than `tombstone`, which is kept in their place until it is dead. For keys
    /// it is kept whether or not there was an entry. Returns how many values were removed that were alive: fresh
    /// or in grace by the tier's clock. What was dead, a tombstone, and the knowledge that there is none don't
    /// count, nor does a key that is given twice count twice.
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

    /// Lists what it holds under the keys that match, a page at a time: from the beginning, or from where `after`
    /// says, the cursor of the page before. Returns `None` if it can't list what it holds, as tiers can't that
    /// don't implement this.
    ///
    /// A page is a bounded step: it examines about `limit` entries, at least one, and holds up no writer for
    /// longer than that takes. So it may be empty though more follows, and may have a few items more than
    /// `limit`. Tombstones and the cache's own entries are not listed; dead entries may be. All pages together
    /// have what is held all the while and is not written, once, unless the place where it is kept is written
    /// meanwhile: then a key may be met twice. They are told by what tells of them without their value, which
    /// isn't checked: what `get` would find corrupt may be listed.
    ///
    /// # Errors
    ///
    /// If the tier could not look; `Config` for a cursor that isn't its own, or that it can't go on from any more.
    async fn list(
        &self,
        _pattern: &Pattern,
        _after: Option<&ListCursor>,
        _limit: usize,
    ) -> Result<Option<ListPage>> {
        Ok(None)
    }

    /// Does one step of a removal by pattern: from the beginning, or from where `after` says, the cursor of the
    /// step before. All steps together do what [`Tier::remove`] does with [`Target::Matching`]: from the first
    /// one on, what the tombstone covers can't be put any more. Returns `None` if the tier does that in one call
    /// alone, as tiers do that don't implement this. A cache bounds the time of each call, so a tier in which
    /// such a removal may take seconds should implement it: however long all steps take together, each is a call
    /// of its own.
    ///
    /// A step is bounded: it examines about `limit` entries, at least one, and holds up nobody for longer than
    /// that takes. It may be made again, as after one that failed, and with a tombstone of the same birth that
    /// lasts longer; a first step that is made again in the middle of the others makes all last longer.
    ///
    /// # Errors
    ///
    /// If some could not be removed. Others may have been. `Config` for a cursor that isn't its own.
    async fn remove_step(
        &self,
        _pattern: &Pattern,
        _tombstone: Tombstone,
        _after: Option<&ListCursor>,
        _limit: usize,
    ) -> Result<Option<RemovalStep>> {
        Ok(None)
    }

    /// Returns how many values the tier has found that it can't read, and took for absent, since it was made. A
    /// tier that does not look at what it stores has none.
    fn corrupt(&self) -> u64 {
        0
    }

    /// Whether its calls may hang, as over a network, so that it belongs in a guard: a breaker around retries
    /// around a timeout. A cache guards such a tier by itself. A guard says `false`; any other wrapper says what
    /// its inner tier does.
    fn needs_guard(&self) -> bool {
        false
    }

    /// Returns the clock that the tier judges by, or gives a server's time to. The cache must go by the same one:
    /// it takes the tier's if it was given none, and refuses to be built with another.
    fn clock(&self) -> Option<&Clock> {
        None
    }
}

/// What became of an entry that was put.
#[derive(Clone, Debug)]
pub enum PutOutcome {
    /// The tier keeps it.
    Stored,
    /// The tier will store it later, unless something newer comes first: it isn't known which wins.
    Queued,
    /// The tier holds an entry or a tombstone that was born at the same time or later. After a put that was
    /// repeated this may be the entry itself.
    Outdated,
    /// The tier holds nothing later, and doesn't keep it nevertheless: the error says why. What was older
    /// is not held either.
    Refused(Error),
}

impl PutOutcome {
    /// Returns `Stored` if it was, otherwise `Outdated`.
    #[must_use]
    pub fn stored_if(stored: bool) -> Self {
        if stored { Self::Stored } else { Self::Outdated }
    }

    /// Whether the entry was stored.
    #[must_use]
    pub fn is_stored(&self) -> bool {
        matches!(self, Self::Stored)
    }

    /// Whether the entry lost against one that was born at the same time or later.
    #[must_use]
    pub fn is_outdated(&self) -> bool {
        matches!(self, Self::Outdated)
    }
}

/// What to remove.
#[derive(Clone, Copy, Debug)]
pub enum Target<'a> {
    /// These keys.
    Keys(&'a [Key]),
    /// Every key that matches.
    Matching(&'a Pattern),
}

impl Target<'_> {
    /// Whether this key is to be removed. Of many keys each is compared.
    #[must_use]
    pub fn contains(&self, key: &Key) -> bool {
        match self {
            Self::Keys(keys) => keys.contains(key),
            Self::Matching(pattern) => pattern.matches(key),
        }
    }
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
    async fn put_one(&self, key: Key, entry: Entry) -> Result<PutOutcome> {
        let missing =
            || Error::new(ErrorKind::Unavailable, "put", format!("{} gave no outcome", self.name()));
        self.put(&[(key, entry)]).await?.pop().ok_or_else(missing)
    }

    /// Does one step of a removal by pattern; of a tier that knows no steps the first is all of it.
    ///
    /// # Errors
    ///
    /// As [`Tier::remove_step`].
    async fn remove_step_or_all(
        &self,
        pattern: &Pattern,
        tombstone: Tombstone,
        after: Option<&ListCursor>,
        limit: usize,
    ) -> Result<RemovalStep> {
        match self.remove_step(pattern, tombstone, after, limit).await? {
            Some(step) => Ok(step),
            None => Ok(RemovalStep::new(self.remove(Target::Matching(pattern), tombstone).await?, None)),
        }
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

    async fn put(&self, entries: &[(Key, Entry)]) -> Result<Vec<PutOutcome>> {
        (**self).put(entries).await
    }

    async fn remove(&self, target: Target<'_>, tombstone: Tombstone) -> Result<u64> {
        (**self).remove(target, tombstone).await
    }

    async fn flush(&self) -> Result<()> {
        (**self).flush().await
    }

    async fn list(
        &self,
        pattern: &Pattern,
        after: Option<&ListCursor>,
        limit: usize,
    ) -> Result<Option<ListPage>> {
        (**self).list(pattern, after, limit).await
    }

    async fn remove_step(
        &self,
        pattern: &Pattern,
        tombstone: Tombstone,
        after: Option<&ListCursor>,
        limit: usize,
    ) -> Result<Option<RemovalStep>> {
        (**self).remove_step(pattern, tombstone, after, limit).await
    }

    fn corrupt(&self) -> u64 {
        (**self).corrupt()
    }

    fn needs_guard(&self) -> bool {
        (**self).needs_guard()
    }

    fn clock(&self) -> Option<&Clock> {
        (**self).clock()
    }
}
