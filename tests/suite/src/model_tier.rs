//! The plainest tier that keeps every promise: a sorted map under one lock.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use cache_core::{
    Entry, Error, ErrorKind, Key, MAX_VALUE_LEN, Pattern, Result, Target, Tier, Timestamp, Tombstone,
    envelope::Record,
};

/// A tier that forgets nothing, not even what is dead. Others are measured against it.
#[derive(Debug)]
pub struct ModelTier {
    name: &'static str,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    records: BTreeMap<String, Record>,
    patterns: Vec<(Pattern, Timestamp)>,
}

impl ModelTier {
    /// An empty tier of that name.
    #[must_use]
    pub fn new(name: &'static str) -> Self {
        Self { name, held: Mutex::default() }
    }

    /// Everything in it, tombstones included, by the text of the key.
    #[must_use]
    pub fn records(&self) -> BTreeMap<String, Record> {
        self.held().records.clone()
    }

    /// What it holds under `key`, if that is an entry.
    #[must_use]
    pub fn entry(&self, key: &Key) -> Option<Entry> {
        match self.held().records.get(key.as_str()) {
            Some(Record::Entry(entry)) => Some(entry.clone()),
            _ => None,
        }
    }

    /// Puts an entry in whatever was there: what a tier that breaks its promises might hold.
    pub fn force(&self, key: &Key, entry: Entry) {
        self.held().records.insert(key.as_str().to_owned(), Record::Entry(entry));
    }

    /// Loses everything, as a tier does whose data were wiped.
    pub fn wipe(&self) {
        *self.held() = Held::default();
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// What anything stored under `key` must be born after.
    fn floor(&self, key: &Key) -> Timestamp {
        let record = self.records.get(key.as_str()).map(Record::born);
        let patterns =
            self.patterns.iter().filter(|(pattern, _)| pattern.matches(key)).map(|&(_, born)| born);
        record.into_iter().chain(patterns).max().unwrap_or(Timestamp::MIN)
    }

    /// Whether an entry went.
    fn bury(&mut self, text: &str, tombstone: Tombstone) -> bool {
        match self.records.get(text) {
            Some(record) if record.born() > tombstone.born => false,
            held => {
                let went = matches!(held, Some(Record::Entry(_)));
                self.records.insert(text.to_owned(), Record::Tombstone(tombstone));
                went
            }
        }
    }
}

#[async_trait]
impl Tier for ModelTier {
    fn name(&self) -> &'static str {
        self.name
    }

    async fn get(&self, keys: &[Key]) -> Result<Vec<Option<Entry>>> {
        Ok(keys.iter().map(|key| self.entry(key)).collect())
    }

    async fn put(&self, entries: &[(Key, Entry)]) -> Result<()> {
        let mut held = self.held();
        let mut refused = Ok(());
        for (key, entry) in entries {
            if entry.value.as_ref().is_some_and(|blob| blob.bytes.len() > MAX_VALUE_LEN) {
                refused =
                    Err(Error::new(ErrorKind::Limit, "put", format!("the value of {key} is too large")));
            } else if entry.meta.born > held.floor(key) {
                held.records.insert(key.as_str().to_owned(), Record::Entry(entry.clone()));
            }
        }
        refused
    }

    async fn remove(&self, target: Target<'_>, tombstone: Tombstone) -> Result<u64> {
        let mut held = self.held();
        let texts: Vec<String> = match target {
            Target::Keys(keys) => keys.iter().map(|key| key.as_str().to_owned()).collect(),
            Target::Matching(pattern) => {
                held.patterns.push((pattern.clone(), tombstone.born));
                held.records.keys().filter(|text| pattern.matches_text(text)).cloned().collect()
            }
        };
        Ok(texts.iter().filter(|text| held.bury(text, tombstone)).count() as u64)
    }

    async fn flush(&self) -> Result<()> {
        Ok(())
    }
}
