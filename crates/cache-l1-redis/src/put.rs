//! Storing: a script for each bucket compares births and writes in the same step.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use cache_core::{Entry, Error, ErrorKind, Key, PutOutcome, Result, Timestamp, envelope};
use redis::Value;

use crate::{
    RedisTier,
    cluster::command::Command,
    error::partial_failure,
    keyspace::{expiry::expiry_millis, key_names::group_by_bucket},
    patterns::pattern_log::PatternLog,
    remove::Replace,
    scripts::PUT,
};

/// The most records, and about the most bytes, that one script writes: a server does nothing else meanwhile.
const MAX_RECORDS_PER_SCRIPT: usize = 128;
const MAX_BYTES_PER_SCRIPT: usize = 1 << 20;

/// The most entries that are sent at once, within one response timeout, and the bytes after which no more
/// are added.
const MAX_ENTRIES_AT_ONCE: usize = 8192;
const MAX_BYTES_AT_ONCE: usize = 8 << 20;

/// By how many milliseconds a record's expiry may be later than needed, so that most of a page share one.
const EXPIRY_TOLERANCE_MILLIS: u64 = 2000;

/// The least difference between two births.
const BIRTH_STEP: Duration = Duration::from_micros(1);

/// How often a put is sent at most, since removals by pattern may come in between.
const MAX_ATTEMPTS: usize = 16;

/// How a reply of `put.lua` begins that names the records which lost.
const OUTDATED: i64 = -1;

/// An entry, and the record and expiry under which it is stored.
struct SealedEntry<'a> {
    /// Its place in the batch.
    at: usize,
    key: &'a Key,
    entry: &'a Entry,
    record: Vec<u8>,
    expiry_millis: u64,
}

/// A batch, sorted by what becomes of its entries.
struct SealedBatch<'a> {
    sealed: Vec<SealedEntry<'a>>,
    /// Entries born before a server restarted, which may have been removed since: the key, and the latest
    /// birth that is older than the entry.
    unproven: Vec<(&'a Key, Timestamp)>,
    /// What becomes of each entry of the batch, if nothing fails.
    outcomes: Vec<PutOutcome>,
    /// Why the last entry failed that could not be sealed.
    failed: Option<Error>,
}

impl RedisTier {
    pub(crate) async fn put_entries(&self, entries: &[(Key, Entry)]) -> Result<Vec<PutOutcome>> {
        let (mut outcomes, mut failed) = (Vec::with_capacity(entries.len()), None);
        for batch in batches(entries) {
            match self.put_batch(batch).await {
                Ok(of_batch) => outcomes.extend(of_batch),
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(outcomes), Err)
    }

    async fn put_batch(&self, entries: &[(Key, Entry)]) -> Result<Vec<PutOutcome>> {
        let SealedBatch { sealed, unproven, mut outcomes, mut failed } = self.seal_batch(entries);
        let mut lost = 0;
        if let Err(error) = self.tombstone_older(&unproven).await {
            (lost, failed) = (unproven.len(), Some(error));
        }
        let names = &self.context.names;
        let sealed = sealed.into_iter().map(|one| (names.bucket(one.key.as_str()), one));
        let mut pages: Vec<(u16, Vec<SealedEntry<'_>>)> = group_by_bucket(names, sealed)
            .into_iter()
            .flat_map(|(bucket, sealed)| pages(sealed).into_iter().map(move |page| (bucket, page)))
            .collect();
        for _ in 0..MAX_ATTEMPTS {
            let mut commands = Vec::with_capacity(pages.len());
            let mut known = Vec::with_capacity(pages.len());
            pages.retain_mut(|(bucket, page)| {
                let log = self.patterns.get(*bucket);
                self.drop_removed(page, &log, &mut outcomes);
                if !page.is_empty() {
                    commands.push(self.put_command(*bucket, page, &log));
                    known.push(log);
                }
                !page.is_empty()
            });
            if pages.is_empty() {
                break;
            }
            let results = self.context.router.send("put", commands).await;
            let mut again = Vec::new();
            for (((bucket, page), known), result) in pages.into_iter().zip(known).zip(results) {
                match result {
                    Ok(Value::Nil) => {}
                    Ok(reply) if note_outdated(&reply, &page, &mut outcomes) => {}
                    Ok(reply) => match self.patterns.update(&self.context, bucket, &known, reply).await {
                        Ok(()) => again.push((bucket, page)),
                        Err(error) => (lost, failed) = (lost + page.len(), Some(error)),
                    },
                    Err(error) => (lost, failed) = (lost + page.len(), Some(error)),
                }
            }
            pages = again;
        }
        if !pages.is_empty() {
            let message =
                "the put was sent again too often, since patterns were removed in between each time";
            lost += pages.iter().map(|(_, page)| page.len()).sum::<usize>();
            failed = Some(Error::new(ErrorKind::Unavailable, "put", message));
        }
        match failed {
            None => Ok(outcomes),
            Some(error) if lost == 0 => Err(error),
            Some(error) => Err(partial_failure("put", lost, entries.len(), error)),
        }
    }

    /// Writes tombstones over what is older than the unproven entries. These are not stored, since they may
    /// have been removed before the server restarted, but an older value must not be read in their place.
    async fn tombstone_older(&self, unproven: &[(&Key, Timestamp)]) -> Result<()> {
        if unproven.is_empty() {
            return Ok(());
        }
        let dead_at = self.context.now().after(self.context.config().longest_load);
        self.write_tombstones(unproven, dead_at, Replace::Anything).await.map(|_| ())
    }

    /// Seals the entries, and sorts out those that must not be stored.
    fn seal_batch<'a>(&self, entries: &'a [(Key, Entry)]) -> SealedBatch<'a> {
        let config = self.context.config();
        let now = self.context.now();
        let floor = self.context.servers.birth_floor.at(now);
        let without_expiry = self.context.router.evicts_only_expiring();
        let mut batch = SealedBatch {
            sealed: Vec::with_capacity(entries.len()),
            unproven: Vec::new(),
            outcomes: vec![PutOutcome::Stored; entries.len()],
            failed: None,
        };
        for (at, (key, entry)) in entries.iter().enumerate() {
            if floor.is_some_and(|floor| entry.meta.born <= floor) {
                self.counters.refused.fetch_add(1, Relaxed);
                batch.unproven.push((key, entry.meta.born.before(BIRTH_STEP)));
                batch.outcomes[at] = PutOutcome::Refused(born_too_early(key));
                continue;
            }
            match envelope::seal(key, entry, config.compress_above) {
                Ok(record) => {
                    let expiry_millis = match without_expiry && self.protects(key) {
                        true => 0,
                        false => expiry_millis(entry.meta.dead_at, now),
                    };
                    batch.sealed.push(SealedEntry { at, key, entry, record, expiry_millis });
                }
                Err(error) => batch.failed = Some(error),
            }
        }
        batch
    }

    /// Drops the entries that a removal by pattern covers.
    fn drop_removed(
        &self,
        page: &mut Vec<SealedEntry<'_>>,
        log: &Arc<PatternLog>,
        outcomes: &mut [PutOutcome],
    ) {
        let (now, before) = (self.context.now(), page.len());
        page.retain(|one| {
            let refused = log.refuses(one.key, one.entry.meta.born, now);
            if refused {
                outcomes[one.at] = PutOutcome::Outdated;
            }
            !refused
        });
        self.counters.refused.fetch_add((before - page.len()) as u64, Relaxed);
    }

    /// Builds the call of `put.lua` that stores a page.
    fn put_command(&self, bucket: u16, page: &[SealedEntry<'_>], log: &PatternLog) -> Command {
        let names = &self.context.names;
        let mut put = Command::script(bucket, &PUT, 1 + page.len());
        let command = &mut put.cmd;
        command.arg(names.patterns(bucket));
        page.iter().for_each(|one| {
            command.arg(names.key(one.key.as_str()));
        });
        let common = page.iter().map(|one| one.expiry_millis).max().unwrap_or(0);
        let first = page.iter().map(|one| one.entry.meta.born).min().unwrap_or(Timestamp::MAX);
        command.arg(log.length).arg(&log.end_mark).arg(common).arg(&first.as_micros().to_le_bytes());
        page.iter().for_each(|one| {
            command.arg(&one.record);
        });
        for (number, one) in (1..).zip(page) {
            if one.expiry_millis == 0 && common > 0 || one.expiry_millis + EXPIRY_TOLERANCE_MILLIS < common {
                command.arg::<usize>(number).arg(one.expiry_millis);
            }
        }
        put
    }
}

/// Notes which records of a page lost, if that is what a reply of `put.lua` says.
fn note_outdated(reply: &Value, page: &[SealedEntry<'_>], outcomes: &mut [PutOutcome]) -> bool {
    let Value::Array(parts) = reply else { return false };
    let Some((Value::Int(OUTDATED), numbers)) = parts.split_first() else { return false };
    for number in numbers {
        let Value::Int(number) = number else { continue };
        if let Some(one) = usize::try_from(number - 1).ok().and_then(|at| page.get(at)) {
            outcomes[one.at] = PutOutcome::Outdated;
        }
    }
    true
}

fn born_too_early(key: &Key) -> Error {
    let message = format!(
        "the value of {key} was born before a Redis server restarted, which may have lost its removal"
    );
    Error::new(ErrorKind::Unavailable, "put", message)
}

/// Splits entries into batches, each small enough for one response timeout.
fn batches(entries: &[(Key, Entry)]) -> impl Iterator<Item = &[(Key, Entry)]> {
    let mut rest = entries;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let count = rest.iter().take(MAX_ENTRIES_AT_ONCE).take_while(|(_, entry)| {
            let fits = bytes < MAX_BYTES_AT_ONCE;
            bytes += entry.value.as_ref().map_or(0, |blob| blob.bytes.len());
            fits
        });
        let (batch, after) = rest.split_at(count.count());
        rest = after;
        (!batch.is_empty()).then_some(batch)
    })
}

/// Splits entries into pages, in order, each small enough for one script.
fn pages(sealed: Vec<SealedEntry<'_>>) -> Vec<Vec<SealedEntry<'_>>> {
    let mut pages = Vec::new();
    let (mut page, mut bytes) = (Vec::new(), 0);
    for one in sealed {
        if page.len() == MAX_RECORDS_PER_SCRIPT
            || (bytes + one.record.len() > MAX_BYTES_PER_SCRIPT && !page.is_empty())
        {
            pages.push(std::mem::take(&mut page));
            bytes = 0;
        }
        bytes += one.record.len();
        page.push(one);
    }
    if !page.is_empty() {
        pages.push(page);
    }
    pages
}

#[cfg(test)]
mod tests {
    use cache_core::{Blob, Bytes, Codec, Meta, Ttl};

    use super::*;

    #[test]
    fn batches_are_bounded_and_nothing_is_left_out() {
        let entry = |bytes: usize| {
            let blob = Blob { codec: Codec::Bincode, schema: 0, bytes: Bytes::from(vec![0; bytes]) };
            (Key::new("k", "a").unwrap(), Entry::new(blob, Meta::new(Timestamp::MIN, Ttl::NONE)))
        };
        let lens = |entries: &[(Key, Entry)]| batches(entries).map(<[_]>::len).collect::<Vec<_>>();
        assert!(lens(&[]).is_empty());
        assert_eq!(lens(&vec![entry(1); MAX_ENTRIES_AT_ONCE + 5]), [MAX_ENTRIES_AT_ONCE, 5]);
        assert_eq!(lens(&vec![entry(5 << 20); 5]), [2, 2, 1]);
        assert_eq!(lens(&vec![entry(20 << 20); 2]), [1, 1]);
    }
}
