//! Storing: one script a bucket, which compares births where it writes.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use cache_core::{Entry, Error, ErrorKind, Key, Result, Timestamp, envelope};
use redis::Value;

use crate::{
    RedisTier, cluster::command::Call, keyspace::expiry::span, keyspace::key_names::by_bucket,
    patterns::pattern_log::Removed, remove::What, scripts::PUT, tier::partly,
};

/// How many keys one script writes at most, and how many bytes: a server does nothing else meanwhile.
const PAGE: usize = 128;
const PAGE_BYTES: usize = 1 << 20;

/// How many entries are put at once, and after how many bytes no more.
const BATCH: usize = 8192;
const BATCH_BYTES: usize = 8 << 20;

/// By how many milliseconds a record may be kept for longer, so that a page has few spans.
const NEAR: u64 = 2000;

/// By how much births differ at least.
const TICK: Duration = Duration::from_micros(1);

/// How often a put may find that a pattern was removed in between.
const TRIES: usize = 16;

/// An entry as it is to be stored.
struct Parcel<'a> {
    key: &'a Key,
    entry: &'a Entry,
    record: Vec<u8>,
    span: u64,
}

/// What becomes of a batch.
struct Packed<'a> {
    parcels: Vec<Parcel<'a>>,
    /// What was born before a restart and may have been removed since: its key, and what is older still.
    unproven: Vec<(&'a Key, Timestamp)>,
    /// Why the last of those failed that could not be sealed.
    failed: Option<Error>,
}

impl RedisTier {
    pub(crate) async fn write(&self, entries: &[(Key, Entry)]) -> Result<()> {
        let mut failed = None;
        for batch in batches(entries) {
            failed = self.write_batch(batch).await.err().or(failed);
        }
        failed.map_or(Ok(()), Err)
    }

    async fn write_batch(&self, entries: &[(Key, Entry)]) -> Result<()> {
        let Packed { parcels, unproven, mut failed } = self.pack(entries);
        let mut lost = 0;
        if let Err(error) = self.end_what_came_before(&unproven).await {
            (lost, failed) = (unproven.len(), Some(error));
        }
        let names = &self.reach.names;
        let parcels = parcels.into_iter().map(|parcel| (names.bucket(parcel.key.as_str()), parcel));
        let mut pages: Vec<(u16, Vec<Parcel<'_>>)> = by_bucket(names, parcels)
            .into_iter()
            .flat_map(|(bucket, parcels)| paged(parcels).into_iter().map(move |page| (bucket, page)))
            .collect();
        for _ in 0..TRIES {
            let mut calls = Vec::with_capacity(pages.len());
            let mut known = Vec::with_capacity(pages.len());
            pages.retain_mut(|(bucket, page)| {
                let removed = self.patterns.of(*bucket);
                self.leave_out(page, &removed);
                if !page.is_empty() {
                    calls.push(self.call(*bucket, page, &removed));
                    known.push(removed);
                }
                !page.is_empty()
            });
            if pages.is_empty() {
                break;
            }
            let answers = self.reach.router.ask("put", calls).await;
            let mut again = Vec::new();
            for (((bucket, page), known), answer) in pages.into_iter().zip(known).zip(answers) {
                match answer {
                    Ok(Value::Nil) => continue,
                    Ok(answer) => match self.patterns.learn(&self.reach, bucket, &known, answer).await {
                        Ok(()) => again.push((bucket, page)),
                        Err(error) => (lost, failed) = (lost + page.len(), Some(error)),
                    },
                    Err(error) => (lost, failed) = (lost + page.len(), Some(error)),
                }
            }
            pages = again;
        }
        if !pages.is_empty() {
            let message = "patterns are removed faster than a put can look at them";
            lost += pages.iter().map(|(_, page)| page.len()).sum::<usize>();
            failed = Some(Error::new(ErrorKind::Unavailable, "put", message));
        }
        match failed {
            None => Ok(()),
            Some(error) if lost == 0 => Err(error),
            Some(error) => Err(partly("put", lost, entries.len(), error)),
        }
    }

    /// An entry that is not stored, since it may have been removed before the server was restarted, is still
    /// newer than what came before it: that must not be read in its place.
    async fn end_what_came_before(&self, unproven: &[(&Key, Timestamp)]) -> Result<()> {
        if unproven.is_empty() {
            return Ok(());
        }
        let dead_at = self.reach.now().after(self.reach.shared.config.longest_load);
        self.bury_each(unproven, dead_at, What::All).await.map(|_| ())
    }

    /// Seals what can be sealed.
    fn pack<'a>(&self, entries: &'a [(Key, Entry)]) -> Packed<'a> {
        let config = &self.reach.shared.config;
        let now = self.reach.now();
        let floor = self.reach.shared.floor.at(now);
        let endless = self.reach.router.takes_expiring();
        let mut packed =
            Packed { parcels: Vec::with_capacity(entries.len()), unproven: Vec::new(), failed: None };
        for (key, entry) in entries {
            if floor.is_some_and(|floor| entry.meta.born <= floor) {
                self.counters.refused.fetch_add(1, Relaxed);
                packed.unproven.push((key, entry.meta.born.before(TICK)));
                continue;
            }
            match envelope::seal(key, entry, config.compress_above) {
                Ok(record) => {
                    let span = if endless && self.protects(key) { 0 } else { span(entry.meta.dead_at, now) };
                    packed.parcels.push(Parcel { key, entry, record, span });
                }
                Err(error) => packed.failed = Some(error),
            }
        }
        packed
    }

    /// Leaves out what was removed by pattern.
    fn leave_out(&self, page: &mut Vec<Parcel<'_>>, removed: &Arc<Removed>) {
        let (now, before) = (self.reach.now(), page.len());
        page.retain(|parcel| !removed.refuses(parcel.key, parcel.entry.meta.born, now));
        self.counters.refused.fetch_add((before - page.len()) as u64, Relaxed);
    }

    fn call(&self, bucket: u16, page: &[Parcel<'_>], removed: &Removed) -> Call {
        let names = &self.reach.names;
        let mut call = Call::script(bucket, &PUT, 1 + page.len());
        let command = &mut call.command;
        command.arg(names.patterns(bucket));
        page.iter().for_each(|parcel| {
            command.arg(names.key(parcel.key.as_str()));
        });
        let common = page.iter().map(|parcel| parcel.span).max().unwrap_or(0);
        let first = page.iter().map(|parcel| parcel.entry.meta.born).min().unwrap_or(Timestamp::MAX);
        command.arg(removed.length).arg(&removed.mark).arg(common).arg(&first.as_micros().to_le_bytes());
        page.iter().for_each(|parcel| {
            command.arg(&parcel.record);
        });
        for (number, parcel) in (1..).zip(page) {
            if parcel.span == 0 && common > 0 || parcel.span + NEAR < common {
                command.arg::<usize>(number).arg(parcel.span);
            }
        }
        call
    }
}

/// Parts entries into batches of which none is too much for one limit for the answer.
fn batches(entries: &[(Key, Entry)]) -> impl Iterator<Item = &[(Key, Entry)]> {
    let mut rest = entries;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let count = rest.iter().take(BATCH).take_while(|(_, entry)| {
            let fits = bytes < BATCH_BYTES;
            bytes += entry.value.as_ref().map_or(0, |blob| blob.bytes.len());
            fits
        });
        let (batch, after) = rest.split_at(count.count());
        rest = after;
        (!batch.is_empty()).then_some(batch)
    })
}

/// Parts parcels into pages, in order.
fn paged(parcels: Vec<Parcel<'_>>) -> Vec<Vec<Parcel<'_>>> {
    let mut pages = Vec::new();
    let (mut page, mut bytes) = (Vec::new(), 0);
    for parcel in parcels {
        if page.len() == PAGE || (bytes + parcel.record.len() > PAGE_BYTES && !page.is_empty()) {
            pages.push(std::mem::take(&mut page));
            bytes = 0;
        }
        bytes += parcel.record.len();
        page.push(parcel);
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
        assert_eq!(lens(&vec![entry(1); BATCH + 5]), [BATCH, 5]);
        assert_eq!(lens(&vec![entry(5 << 20); 5]), [2, 2, 1]);
        assert_eq!(lens(&vec![entry(20 << 20); 2]), [1, 1]);
    }
}
