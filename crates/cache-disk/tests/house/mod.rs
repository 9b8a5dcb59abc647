//! A tier in a folder of its own, and entries to fill it with.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use cache_core::{
    Blob, Bytes, Clock, Codec, Entry, Key, Meta, Pattern, Target, Tier, TierExt, Timestamp, Tombstone, Ttl,
};
use cache_disk::{DiskConfig, DiskTier};
use tempfile::TempDir;

pub(crate) const LONG: Duration = Duration::from_secs(3600);

/// A folder that outlives the tiers opened in it.
pub(crate) struct House {
    pub(crate) folder: TempDir,
    pub(crate) clock: Clock,
    pub(crate) max_bytes: u64,
}

impl House {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            clock: Clock::manual(),
            max_bytes: DiskConfig::MIN_BYTES,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn config(&self) -> DiskConfig {
        // The clock is turned by hand, so the sweeps are too.
        let config = DiskConfig::new(self.path()).max_bytes(self.max_bytes).clock(self.clock.clone());
        config.sweep_every(LONG)
    }

    pub(crate) fn open(&self) -> DiskTier {
        DiskTier::open(self.config()).unwrap()
    }

    /// The moment `micros` after the clock's beginning.
    pub(crate) fn at(&self, micros: i64) -> Timestamp {
        Timestamp::from_micros(Clock::manual().now().as_micros() + micros)
    }

    /// An entry that lives for an hour.
    pub(crate) fn entry(&self, value: &[u8], born: i64) -> Entry {
        entry(value, Meta::new(self.at(born), Ttl::new(LONG)))
    }

    /// A tombstone that lasts an hour.
    pub(crate) fn tombstone(&self, born: i64) -> Tombstone {
        Tombstone { born: self.at(born), dead_at: self.at(born).after(LONG) }
    }

    /// The files of the database.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let mut files = files(&self.path().join("db"));
        files.sort();
        files
    }

    /// What the whole folder takes up on disk.
    pub(crate) fn bytes_on_disk(&self) -> u64 {
        use std::os::unix::fs::MetadataExt;
        // Files come and go meanwhile.
        files(self.path())
            .iter()
            .filter_map(|path| fs::metadata(path).ok())
            .map(|meta| meta.blocks() * 512)
            .sum()
    }
}

fn files(path: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    entries
        .flat_map(|entry| if entry.path().is_dir() { files(&entry.path()) } else { vec![entry.path()] })
        .collect()
}

pub(crate) fn key(id: impl std::fmt::Display) -> Key {
    Key::new("price", &id.to_string()).unwrap()
}

pub(crate) fn entry(value: &[u8], meta: Meta) -> Entry {
    Entry::new(Blob { codec: Codec::Bincode, schema: 1, bytes: Bytes::copy_from_slice(value) }, meta)
}

/// Bytes that don't compress, told apart by `seed`.
pub(crate) fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    fastrand::Rng::with_seed(seed).fill(&mut bytes);
    bytes
}

pub(crate) async fn put(tier: &DiskTier, key: &Key, entry: &Entry) {
    tier.put_one(key.clone(), entry.clone()).await.unwrap();
}

pub(crate) async fn get(tier: &DiskTier, key: &Key) -> Option<Entry> {
    tier.get_one(key).await.unwrap()
}

pub(crate) async fn remove(tier: &DiskTier, key: &Key, tombstone: Tombstone) -> u64 {
    tier.remove(Target::Keys(std::slice::from_ref(key)), tombstone).await.unwrap()
}

pub(crate) async fn remove_matching(tier: &DiskTier, glob: &str, tombstone: Tombstone) -> u64 {
    tier.remove(Target::Matching(&Pattern::glob(glob).unwrap()), tombstone).await.unwrap()
}
