//! The keys and values of both sides.

use std::{cell::RefCell, time::Duration};

use anyhow::{Result, ensure};
use cache_core::{Blob, Bytes, Clock, Codec, Entry, Key, Meta, Ttl};

/// How many keys a batch has.
pub(crate) const BATCH: usize = 100;

/// From how many bytes on values are compressed where it helps, as the tiers do unless told otherwise.
pub(crate) const COMPRESS_ABOVE: usize = 1 << 10;

const KEYS: usize = 10_000;
const LIFE: Duration = Duration::from_secs(24 * 3600);

/// How many bytes there are to cut values from.
const NOISE: usize = 1 << 20;

/// Keys, a clock, and values without end.
#[derive(Debug)]
pub(crate) struct Workload {
    pub(crate) clock: Clock,
    keys: Vec<Key>,
    value_bytes: usize,
    noise: Bytes,
    random: RefCell<fastrand::Rng>,
}

impl Workload {
    pub(crate) fn new(value_bytes: usize, clock: Clock) -> Result<Self> {
        let mut random = fastrand::Rng::with_seed(7);
        let mut keys = (0..KEYS)
            .map(|at| Ok(Key::new("price", &format!("SYMBOL{at:08}:provider"))?))
            .collect::<Result<Vec<Key>>>()?;
        // A batch's keys lie anywhere.
        random.shuffle(&mut keys);
        let noise = (0..NOISE + value_bytes).map(|_| random.u8(..)).collect();
        Ok(Self { clock, keys, value_bytes, noise, random: RefCell::new(random) })
    }

    /// All batches.
    pub(crate) fn batches(&self) -> impl Iterator<Item = &[Key]> {
        self.keys.chunks_exact(BATCH)
    }

    /// The batch of this turn: 100 keys that no other batch has.
    pub(crate) fn batch(&self, turn: usize) -> &[Key] {
        let at = turn % (KEYS / BATCH) * BATCH;
        &self.keys[at..at + BATCH]
    }

    /// The key of this turn.
    pub(crate) fn key(&self, turn: usize) -> &Key {
        &self.keys[turn % KEYS]
    }

    /// New values for these keys, born now, alive for a day.
    pub(crate) fn entries(&self, keys: &[Key]) -> Vec<(Key, Entry)> {
        let mut random = self.random.borrow_mut();
        let mut entry = || {
            let from = random.usize(..NOISE);
            let bytes = self.noise.slice(from..from + self.value_bytes);
            let meta = Meta::new(self.clock.tick(), Ttl::new(LIFE));
            Entry::new(Blob { codec: Codec::Bincode, schema: 1, bytes }, meta)
        };
        keys.iter().map(|key| (key.clone(), entry())).collect()
    }
}

/// Ends the benchmark if a key was not found: only hits are measured.
pub(crate) fn all_there(found: &[Option<Entry>]) -> Result<()> {
    ensure!(
        !found.is_empty() && found.iter().all(Option::is_some),
        "a key is gone: this would not measure hits"
    );
    Ok(())
}

/// Ends the benchmark if what was put is not what is found.
pub(crate) fn same(put: &[(Key, Entry)], found: &[Option<Entry>]) -> Result<()> {
    let is_same = |((_, put), found): (&(Key, Entry), &Option<Entry>)| found.as_ref() == Some(put);
    ensure!(
        put.len() == found.len() && put.iter().zip(found).all(is_same),
        "what was put is not there: this would not measure puts"
    );
    Ok(())
}
