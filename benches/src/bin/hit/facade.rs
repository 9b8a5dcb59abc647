//! The facade, asked by ready keys and by text.

use std::hint::black_box;

use allocation_counter::opt_out;
use anyhow::{Result, ensure};
use cache_core::Key;
use cache_facade::{Cache, Memory, Region, Ttl};

use crate::candidate::{Candidate, KIND, LIFE, Quote, Workload, missing};

/// A region of values that live a day, within a gibibyte of memory, without tiers or loader.
struct Facade {
    cache: Cache,
    region: Region<Quote>,
    lookup_by: LookupBy,
}

/// What a value is asked for by.
enum LookupBy {
    Keys(Vec<Key>),
    /// The text behind the kind.
    Text,
}

/// Asked by the keys that the values were put under, as in a program that keeps its keys.
pub(crate) fn by_key(workload: &Workload) -> Result<Box<dyn Candidate>> {
    filled(workload, |_, kept| Ok(LookupBy::Keys(kept)))
}

/// Asked by ready keys that were made again: they share no text with those in the cache.
pub(crate) fn by_rebuilt_key(workload: &Workload) -> Result<Box<dyn Candidate>> {
    filled(workload, |region, _| {
        Ok(LookupBy::Keys(workload.ids.iter().map(|id| region.key(id)).collect::<Result<_, _>>()?))
    })
}

/// Asked by text.
pub(crate) fn by_text(workload: &Workload) -> Result<Box<dyn Candidate>> {
    filled(workload, |_, _| Ok(LookupBy::Text))
}

fn filled(
    workload: &Workload,
    lookup_by: impl FnOnce(&Region<Quote>, Vec<Key>) -> Result<LookupBy>,
) -> Result<Box<dyn Candidate>> {
    let cache = workload.drive(Cache::builder().memory(Memory::mib(1024)).build())?;
    let region = cache.region::<Quote>(KIND).ttl(Ttl::new(LIFE)).open()?;
    // The keys' text is part of the cache; the list that the reader keeps is not.
    let mut kept = Vec::new();
    opt_out(|| kept.reserve_exact(workload.ids.len()));
    for id in &workload.ids {
        let key = region.key(id)?;
        workload.drive(region.put(&key, Quote::new(id)))?;
        kept.push(key);
    }
    let first = workload.drive(region.lookup(&workload.ids[0]))?;
    ensure!(first.source.as_str() == "memory", "the first key came from {}, not memory", first.source);
    let held = cache.stats().memory.entries;
    ensure!(held == workload.ids.len() as u64, "memory holds {held} of {} keys", workload.ids.len());
    let mut chosen = Ok(LookupBy::Text);
    opt_out(|| chosen = lookup_by(&region, kept));
    Ok(Box::new(Facade { cache, region, lookup_by: chosen? }))
}

impl Candidate for Facade {
    fn read(&self, workload: &Workload, ranks: &[usize]) {
        match &self.lookup_by {
            LookupBy::Keys(keys) => workload.drive(async {
                for &at in ranks {
                    let Ok(Some(value)) = self.region.get(&keys[at]).await else { missing(&keys[at]) };
                    black_box(value);
                }
            }),
            LookupBy::Text => workload.drive(async {
                for &at in ranks {
                    let id = workload.ids[at].as_str();
                    let Ok(Some(value)) = self.region.get(id).await else { missing(id) };
                    black_box(value);
                }
            }),
        }
    }

    fn weight(&self) -> Option<u64> {
        Some(self.cache.stats().memory.weight)
    }
}
