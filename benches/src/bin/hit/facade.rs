//! The facade, asked by ready keys and by text.

use std::hint::black_box;

use allocation_counter::opt_out;
use anyhow::{Result, ensure};
use cache_core::Key;
use cache_facade::{Cache, Memory, Region, Ttl};

use crate::contender::{Contender, KIND, LIFE, Load, Quote, gone};

/// A region of values that live a day, within a gibibyte of memory, without tiers or loader.
struct Facade {
    cache: Cache,
    region: Region<Quote>,
    ask: Ask,
}

/// What a value is asked for by.
enum Ask {
    Keys(Vec<Key>),
    /// The text behind the kind.
    Text,
}

/// Asked by the keys that the values were put under, as in a program that keeps its keys.
pub(crate) fn by_key(load: &Load) -> Result<Box<dyn Contender>> {
    filled(load, |_, kept| Ok(Ask::Keys(kept)))
}

/// Asked by ready keys that were made again: they share no text with those in the cache.
pub(crate) fn by_rebuilt_key(load: &Load) -> Result<Box<dyn Contender>> {
    filled(load, |region, _| {
        Ok(Ask::Keys(load.ids.iter().map(|id| region.key(id)).collect::<Result<_, _>>()?))
    })
}

/// Asked by text.
pub(crate) fn by_text(load: &Load) -> Result<Box<dyn Contender>> {
    filled(load, |_, _| Ok(Ask::Text))
}

fn filled(
    load: &Load,
    ask: impl FnOnce(&Region<Quote>, Vec<Key>) -> Result<Ask>,
) -> Result<Box<dyn Contender>> {
    let cache = load.drive(Cache::builder().memory(Memory::mib(1024)).build())?;
    let region = cache.region::<Quote>(KIND).ttl(Ttl::new(LIFE)).open()?;
    // The keys' text is part of the cache; the list that the reader keeps is not.
    let mut kept = Vec::new();
    opt_out(|| kept.reserve_exact(load.ids.len()));
    for id in &load.ids {
        let key = region.key(id)?;
        load.drive(region.put(&key, Quote::new(id)))?;
        kept.push(key);
    }
    let first = load.drive(region.lookup(&load.ids[0]))?;
    ensure!(first.source.as_str() == "memory", "the first key came from {}, not memory", first.source);
    let held = cache.stats().memory.entries;
    ensure!(held == load.ids.len() as u64, "memory holds {held} of {} keys", load.ids.len());
    let mut asked = Ok(Ask::Text);
    opt_out(|| asked = ask(&region, kept));
    Ok(Box::new(Facade { cache, region, ask: asked? }))
}

impl Contender for Facade {
    fn read(&self, load: &Load, ranks: &[usize]) {
        match &self.ask {
            Ask::Keys(keys) => load.drive(async {
                for &at in ranks {
                    let Ok(Some(value)) = self.region.get(&keys[at]).await else { gone(&keys[at]) };
                    black_box(value);
                }
            }),
            Ask::Text => load.drive(async {
                for &at in ranks {
                    let id = load.ids[at].as_str();
                    let Ok(Some(value)) = self.region.get(id).await else { gone(id) };
                    black_box(value);
                }
            }),
        }
    }

    fn weight(&self) -> Option<u64> {
        Some(self.cache.stats().memory.weight)
    }
}
