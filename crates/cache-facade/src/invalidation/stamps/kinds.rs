//! The stamps of kinds: up to when what a kind has is dead, or stale, by its own stamps and by those of all.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use cache_core::{Error, Key, Result, Timestamp};

use super::{StampKind, latest, read_entries};
use crate::engine::{Engine, regions::UntypedRegion};

/// What concerns the entries of a kind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KindStamps {
    /// What was born at this moment or before is dead.
    pub(crate) cleared: Timestamp,
    /// What was born at this moment or before is stale.
    pub(crate) marked: Timestamp,
    /// The last mark of any of its keys: of what was born later no such mark need be looked for.
    pub(crate) last_key_mark: Timestamp,
}

/// What is known of kinds; `None` of one whose stamps could not be read.
pub(crate) type StampsByKind = HashMap<String, Option<KindStamps>>;

impl KindStamps {
    pub(crate) const NONE: Self =
        Self { cleared: Timestamp::MIN, marked: Timestamp::MIN, last_key_mark: Timestamp::MIN };

    /// Returns the later of both.
    pub(crate) fn max(self, other: Self) -> Self {
        Self {
            cleared: self.cleared.max(other.cleared),
            marked: self.marked.max(other.marked),
            last_key_mark: self.last_key_mark.max(other.last_key_mark),
        }
    }
}

impl Engine {
    /// Returns what this process knows to concern the entries of a region, or of a kind that is not open.
    pub(crate) fn stamps_of(&self, region: Option<&dyn UntypedRegion>) -> KindStamps {
        region.map_or_else(|| self.regions().stamps_of_all(), UntypedRegion::stamps)
    }

    /// Reads the stamps of a region by earlier processes from the tiers, unless they are known. Returns whether
    /// they are.
    pub(crate) async fn learn_stamps_of(self: &Arc<Self>, region: &dyn UntypedRegion) -> bool {
        self.learn_stamps_of_all(vec![region]).await;
        region.are_stamps_known()
    }

    /// The same of several regions, in one call a tier.
    pub(crate) async fn learn_stamps_of_all(self: &Arc<Self>, mut regions: Vec<&dyn UntypedRegion>) {
        regions.retain(|region| !region.are_stamps_known());
        let kinds: Vec<&str> = regions.iter().map(|region| region.kind()).collect();
        let Ok(read) = self.read_kind_stamps(&kinds).await else { return };
        for (region, stamps) in regions.into_iter().zip(read) {
            if let Some(stamps) = stamps {
                region.raise(stamps);
                region.set_stamps_known(true);
            }
        }
    }

    /// Adds the stamps of kinds, open or not, by this process or any other.
    pub(crate) async fn learn_stamps_by_kind<'a>(
        self: &Arc<Self>,
        kinds: impl Iterator<Item = &'a str>,
        known: &mut StampsByKind,
    ) {
        let new: BTreeSet<&str> = kinds.filter(|kind| !known.contains_key(*kind)).collect();
        let regions: Vec<_> = new.iter().filter_map(|kind| self.regions().of_kind(kind)).collect();
        self.learn_stamps_of_all(regions.iter().map(|region| &**region).collect()).await;
        let of_region = |region: &Arc<dyn UntypedRegion>| region.are_stamps_known().then(|| region.stamps());
        known.extend(regions.iter().map(|region| (region.kind().to_owned(), of_region(region))));
        let closed: Vec<&str> = new.into_iter().filter(|kind| !known.contains_key(*kind)).collect();
        let read = self.read_kind_stamps(&closed).await.unwrap_or_else(|_| vec![None; closed.len()]);
        let of_all = self.regions().stamps_of_all();
        let closed = closed.into_iter().map(str::to_owned);
        known.extend(closed.zip(read.into_iter().map(|stamps| stamps.map(|stamps| stamps.max(of_all)))));
    }

    /// Reads the stamps of kinds from the tiers, in one call a tier, and the marks of patterns with them. `None`
    /// for a kind whose name is too long for the keys of its stamps.
    async fn read_kind_stamps(self: &Arc<Self>, kinds: &[&str]) -> Result<Vec<Option<KindStamps>>> {
        if kinds.is_empty() {
            return Ok(Vec::new());
        }
        let (stamps, marks) = (self.stamps(), self.stamps().marks());
        let of_kind = |kind: &&str| {
            let [end, mark] = StampKind::ALL.map(|which| stamps.kind_key(which, kind));
            Ok::<_, Error>([end?, mark?, marks.last_of_kind_key(kind)?])
        };
        let of_kinds: Vec<Option<[Key; 3]>> = kinds.iter().map(|kind| of_kind(kind).ok()).collect();
        let [end, mark] = StampKind::ALL.map(|which| stamps.all_key(which).clone());
        let of_all = [end, mark, marks.patterns_key().clone()];
        let keys: Vec<Key> = of_all.iter().chain(of_kinds.iter().flatten().flatten()).cloned().collect();
        // Boxed, since as a rule all are known.
        let found = Box::pin(read_entries(&keys, self.tiers())).await?;
        let (all, mut each) = found.split_at(of_all.len());
        self.note_pattern_marks(&all[2]);
        let of_all = KindStamps { cleared: latest(&all[0]), marked: latest(&all[1]), ..KindStamps::NONE };
        let mut read = |keys: &[Key; 3]| {
            let (own, rest) = each.split_at(keys.len());
            each = rest;
            let [cleared, marked, last_key_mark] = [0, 1, 2].map(|at| latest(&own[at]));
            KindStamps { cleared, marked, last_key_mark }.max(of_all)
        };
        Ok(of_kinds.iter().map(|keys| keys.as_ref().map(&mut read)).collect())
    }
}
