//! Removes what is selected, and counts it: by the counts of tiers, or by a walk before a stamp ends it.

use std::{collections::HashSet, pin::pin, sync::Arc, time::Duration};

use cache_core::{Error, ErrorKind, Key, Prefix, Result, Tag};
use futures_util::future::{Either, join_all, select};

use super::{
    count::Tally,
    removed::Removed,
    selection::{RemovalCount, Selected, Selection},
};
use crate::{cache::Cache, engine::Engine, timer};

/// For how long what stamps end or mark is counted at most, before they do.
const COUNTED_FOR: Duration = Duration::from_secs(2);

impl Cache {
    /// Removes all that is selected, and returns how many values that ended: what [`Cache::count`] returned just
    /// before, if nobody wrote since. Keys and patterns are removed as by [`Cache::remove`] and
    /// [`Cache::remove_matching`]. Then tags are invalidated, kinds cleared, or everything; what that ends is
    /// counted by a walk before it, since a stamp tells nobody what it ends. The walk costs as much as a
    /// [`Cache::count`], which an [invalidation](Cache::invalidate) or a [clear](Cache::clear) by itself does
    /// not. Until it is over what is selected is served, so it lasts two seconds at most: then what is ended is
    /// not counted, and the count not complete.
    ///
    /// Once begun, it goes on to its end.
    ///
    /// # Errors
    ///
    /// As [`Cache::count`]: nothing is removed then. `Unavailable` if the runtime ended meanwhile. A tier that
    /// fails is an event.
    pub async fn remove_selected(&self, selection: &Selection) -> Result<RemovalCount> {
        self.engine.enter_though_closed("remove selected")?;
        let selected = Selected::new(&self.engine, selection)?;
        let engine = Arc::clone(&self.engine);
        let removal = async move { engine.remove_selected(&selected).await };
        self.engine.run_to_completion(removal).await.unwrap_or_else(|| {
            let message = "the removal's runtime ended: part of it may be done";
            Err(Error::new(ErrorKind::Unavailable, "remove selected", message))
        })
    }

    /// As [`Cache::invalidate`], and returns how many values that ended: see [`Cache::remove_selected`], and for
    /// how many entries are examined, [`Selection::examine_at_most`].
    ///
    /// # Errors
    ///
    /// As [`Cache::invalidate`] and [`Cache::remove_selected`].
    pub async fn invalidate_counted(
        &self,
        tag: impl TryInto<Tag, Error: Into<Error>>,
    ) -> Result<RemovalCount> {
        let tag = tag.try_into().map_err(Into::into)?;
        self.remove_selected(&Selection::new().tag(tag.as_str())).await
    }

    /// Removes keys of any kinds, each given as kind and id, in one call a tier. Returns how many values went that
    /// were alive, from memory and from each tier; a key that is given twice counts once.
    ///
    /// # Errors
    ///
    /// `Limit` or `Config` for an invalid kind or id; nothing is removed then. A tier that fails is an event.
    pub async fn remove_keys<K: AsRef<str>, I: AsRef<str>>(
        &self,
        keys: impl IntoIterator<Item = (K, I)>,
    ) -> Result<Removed> {
        self.engine.enter_though_closed("remove keys")?;
        let space = self.engine.namespace();
        let keys = keys.into_iter().map(|(kind, id)| Prefix::new(space, kind.as_ref())?.key(id.as_ref()));
        let keys: HashSet<Key> = keys.collect::<Result<_>>()?;
        let keys: Vec<Key> = keys.into_iter().collect();
        Ok(self.engine.remove_by_tier(&keys).await.told(self.engine.tiers()).removed)
    }
}

impl Engine {
    async fn remove_selected(self: &Arc<Self>, selected: &Selected) -> Result<RemovalCount> {
        let mut sum = Tally::nothing(self.tiers().len());
        if !selected.keys.is_empty() {
            let keys: Vec<Key> = selected.keys.iter().cloned().collect();
            sum.add(&self.remove_by_tier(&keys).await);
        }
        // Together, so that their caller waits no longer than for one.
        let removals = selected.patterns.iter().map(|pattern| self.remove_matching(pattern));
        join_all(removals).await.iter().for_each(|removed| sum.add(&Self::tally_of(removed)));
        if selected.has_stamps() {
            sum.add(&self.count_for_a_while(&selected.by_stamps()).await);
        }
        if selected.all {
            self.clear().await;
        } else {
            for kind in &selected.kinds {
                self.clear_kind(kind).await?;
            }
            for tag in &selected.tags {
                self.invalidate(tag).await?;
            }
        }
        Ok(sum.told(self.tiers()))
    }

    /// Counts what is selected, unless that takes long: nothing is counted then.
    pub(super) async fn count_for_a_while(self: &Arc<Self>, selected: &Selected) -> Tally {
        let count = pin!(self.count_selected(selected));
        let limit = pin!(timer::sleep(self.clock(), COUNTED_FOR));
        match select(count, limit).await {
            Either::Left((counted, _)) => counted,
            Either::Right(_) => Tally::new(0, vec![None; self.tiers().len()], false),
        }
    }

    /// Removes keys everywhere. Returns how many values went that were alive, from each place.
    async fn remove_by_tier(self: &Arc<Self>, keys: &[Key]) -> Tally {
        let in_tiers = self.keys_in_tiers(keys.iter());
        let removed = self.remove_counted_by_tier(keys, in_tiers).await;
        let tiers = removed.tiers.into_iter().map(Result::ok).collect();
        Tally::new(removed.memory, tiers, true)
    }

    /// The counts of a removal by the tiers of this cache.
    fn tally_of(removed: &Removed) -> Tally {
        let parts = removed.parts();
        let walks = parts.iter().map(|part| part.walks.clone()).collect();
        Tally { walks, ..Tally::new(removed.memory, parts.iter().map(|part| part.count).collect(), true) }
    }
}
