//! The simplest tier that keeps every rule: a sorted map under one lock.

use std::collections::BTreeMap;

use async_trait::async_trait;
use cache_core::{
    Entry, Error, ErrorKind, Freshness, Key, ListCursor, ListItem, ListPage, MAX_VALUE_LEN, Pattern,
    PutOutcome, RemovalStep, Result, Target, Tier, Timestamp, Tombstone,
    envelope::Record,
    sync::{Mutex, MutexGuard},
};

/// A tier in memory that never evicts and keeps even dead entries: the reference for other tiers, and a
/// stand-in for a real one in tests. It has no clock: when it removes, the time is that of the tombstone's birth.
#[derive(Debug)]
pub struct ModelTier {
    name: &'static str,
    contents: Mutex<Contents>,
}

#[derive(Debug, Default)]
struct Contents {
    records: BTreeMap<String, Record>,
    patterns: Vec<(Pattern, Timestamp)>,
}

impl ModelTier {
    /// An empty tier called `name`.
    #[must_use]
    pub fn new(name: &'static str) -> Self {
        Self { name, contents: Mutex::default() }
    }

    /// Every record, tombstones included, by the text of its key.
    #[must_use]
    pub fn records(&self) -> BTreeMap<String, Record> {
        self.contents().records.clone()
    }

    /// The entry under `key`, if there is one.
    #[must_use]
    pub fn entry(&self, key: &Key) -> Option<Entry> {
        match self.contents().records.get(key.as_str()) {
            Some(Record::Entry(entry)) => Some(entry.clone()),
            _ => None,
        }
    }

    /// Stores an entry whatever was there before, as a tier that breaks the rules might.
    pub fn force(&self, key: &Key, entry: Entry) {
        self.contents().records.insert(key.as_str().to_owned(), Record::Entry(entry));
    }

    /// Loses everything, tombstones included, as if the tier's data had been deleted.
    pub fn wipe(&self) {
        *self.contents() = Contents::default();
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock()
    }
}

impl Contents {
    /// The birth that anything stored under `key` must be later than.
    fn floor(&self, key: &Key) -> Timestamp {
        let record = self.records.get(key.as_str()).map(Record::born);
        let patterns =
            self.patterns.iter().filter(|(pattern, _)| pattern.matches(key)).map(|&(_, born)| born);
        record.into_iter().chain(patterns).max().unwrap_or(Timestamp::MIN)
    }

    /// Returns whether that removed a value that was alive.
    fn add_tombstone(&mut self, text: &str, tombstone: Tombstone) -> bool {
        match self.records.get(text) {
            Some(record) if record.born() > tombstone.born => false,
            current => {
                let removed = matches!(current, Some(Record::Entry(Entry { value: Some(_), meta }))
                    if meta.freshness(tombstone.born) != Freshness::Dead);
                self.records.insert(text.to_owned(), Record::Tombstone(tombstone));
                removed
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

    async fn put(&self, entries: &[(Key, Entry)]) -> Result<Vec<PutOutcome>> {
        let mut contents = self.contents();
        let (mut outcomes, mut refused) = (Vec::with_capacity(entries.len()), None);
        for (key, entry) in entries {
            if entry.value.as_ref().is_some_and(|blob| blob.bytes.len() > MAX_VALUE_LEN) {
                refused =
                    Some(Error::new(ErrorKind::Limit, "put", format!("the value of {key} is too large")));
                continue;
            }
            let stored = entry.meta.born > contents.floor(key);
            if stored {
                contents.records.insert(key.as_str().to_owned(), Record::Entry(entry.clone()));
            }
            outcomes.push(PutOutcome::stored_if(stored));
        }
        refused.map_or(Ok(outcomes), Err)
    }

    async fn remove(&self, target: Target<'_>, tombstone: Tombstone) -> Result<u64> {
        let mut contents = self.contents();
        let texts: Vec<String> = match target {
            Target::Keys(keys) => keys.iter().map(|key| key.as_str().to_owned()).collect(),
            Target::Matching(pattern) => {
                contents.patterns.push((pattern.clone(), tombstone.born));
                contents.records.keys().filter(|text| pattern.matches_text(text)).cloned().collect()
            }
        };
        Ok(texts.iter().filter(|text| contents.add_tombstone(text, tombstone)).count() as u64)
    }

    async fn flush(&self) -> Result<()> {
        Ok(())
    }

    async fn list(
        &self,
        pattern: &Pattern,
        after: Option<&ListCursor>,
        limit: usize,
    ) -> Result<Option<ListPage>> {
        let foreign =
            |error| Error::caused(ErrorKind::Config, "list", "the cursor is not one of this tier", error);
        let from = after.map_or(Ok(""), |after| str::from_utf8(after.as_bytes())).map_err(foreign)?;
        let contents = self.contents();
        let mut records = contents.records.range(from.to_owned()..);
        let items = records.by_ref().take(limit.max(1)).filter_map(|(text, record)| match record {
            Record::Entry(entry) if pattern.matches_text(text) => Some(ListItem::of_entry(text, entry)),
            _ => None,
        });
        let items = items.collect();
        let next = records.next().map(|(text, _)| ListCursor::new(text.as_bytes()));
        Ok(Some(ListPage::new(items, next)))
    }

    async fn remove_step(
        &self,
        pattern: &Pattern,
        tombstone: Tombstone,
        after: Option<&ListCursor>,
        limit: usize,
    ) -> Result<Option<RemovalStep>> {
        let foreign =
            |error| Error::caused(ErrorKind::Config, "remove", "the cursor is not one of this tier", error);
        let from = after.map_or(Ok(""), |after| str::from_utf8(after.as_bytes())).map_err(foreign)?;
        let mut contents = self.contents();
        if after.is_none() {
            contents.patterns.push((pattern.clone(), tombstone.born));
        }
        let mut texts = contents.records.range(from.to_owned()..).map(|(text, _)| text);
        let page: Vec<String> = texts.by_ref().take(limit.max(1)).cloned().collect();
        let next = texts.next().map(|text| ListCursor::new(text.as_bytes()));
        let matching = page.iter().filter(|text| pattern.matches_text(text));
        let removed = matching.filter(|text| contents.add_tombstone(text, tombstone)).count();
        Ok(Some(RemovalStep::new(removed as u64, next)))
    }
}
