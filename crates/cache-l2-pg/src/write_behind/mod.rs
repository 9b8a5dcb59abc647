//! Write-behind: puts are queued, and a task writes them in batches.

mod list;
mod queue;

use std::{
    ops::RangeInclusive,
    pin::pin,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use cache_core::{
    Backoff, Entry, Key, ListCursor, Pattern, RemovalStep, Result, Target, Tombstone,
    envelope::{self, Record},
};
use cache_task::BackgroundTask;
use tokio::{
    sync::{Mutex, MutexGuard},
    time::timeout,
};

use crate::{get::FoundRow, put::SealedEntry, tier::Store};
use queue::{MAX_QUEUE_TIME, WriteQueue};

/// How many rows, and bytes of records, one batch has at most.
const MAX_BATCH_ROWS: usize = 500;
const MAX_BATCH_BYTES: usize = 4 << 20;

/// How many rows a removal by pattern examines at once, and how many queued keys it looks up.
const KEYS_PER_STEP: usize = 1000;

/// The longest pauses after the first batch that could not be written, and after many in a row.
const RETRY_PAUSES: RangeInclusive<Duration> = Duration::from_millis(50)..=Duration::from_secs(2);

/// How long to wait for the lock of batches: who has it may stand still, with its runtime. Without the lock counts
/// of removals may be wrong, and nothing else: the tombstones in the table refuse what comes late.
const MAX_LOCK_WAIT: Duration = Duration::from_secs(3);

/// How often who waits for a flush looks whether the writer still runs.
const WRITER_CHECK_INTERVAL: Duration = Duration::from_millis(500);

/// The table behind a queue.
#[derive(Debug)]
pub(crate) struct WriteBehind {
    store: Arc<Store>,
    queue: Arc<WriteQueue>,
    /// Locked while a batch is written, and by removals: so they find each entry in the queue or in the
    /// table, and none on its way.
    batch_lock: Arc<Mutex<()>>,
    writer: BackgroundTask,
}

impl WriteBehind {
    pub(crate) fn start(store: Arc<Store>, rows: usize, bytes: usize) -> Self {
        let (queue, batch_lock) = (Arc::new(WriteQueue::new(rows, bytes)), Arc::new(Mutex::new(())));
        let parts = (store.clone(), queue.clone(), batch_lock.clone());
        let writer = BackgroundTask::new(move || {
            let (store, queue, batch_lock) = parts.clone();
            // The batch of a writer that ended with its runtime may not have been written.
            queue.requeue_unfinished();
            write_batches(store, queue, batch_lock)
        });
        Self { store, queue, batch_lock, writer }
    }

    /// Begins the writer anew if its runtime has ended.
    pub(crate) fn ensure_running(&self) {
        self.writer.ensure_running();
    }

    pub(crate) async fn get(&self, keys: &[Key]) -> Result<Vec<Option<Entry>>> {
        // The queue first: an entry that leaves it meanwhile is in the table by then.
        let queued: Vec<_> = keys.iter().map(|key| self.queue.find(key)).collect();
        if queued.iter().all(Option::is_none) {
            return self.store.get(keys).await;
        }
        let found = self.store.get_with_tombstones(keys).await?;
        // A removal by pattern leaves no tombstone under the key, and another node may have made one.
        let known = self.store.context.reload_patterns("get").await?;
        let now = self.store.context.clock.now();
        let answers = keys.iter().zip(queued).zip(found).map(|((key, queued), found)| {
            let rival = found.as_ref().map(|found| found.born);
            let wins = |sealed: &Arc<SealedEntry>| {
                rival.is_none_or(|born| born < sealed.born) && !known.refuses(key, sealed.born, now)
            };
            match queued.filter(wins) {
                Some(sealed) => open(&sealed),
                None => found.and_then(|found: FoundRow| found.entry),
            }
        });
        Ok(answers.collect())
    }

    pub(crate) async fn put(&self, sealed: Vec<Arc<SealedEntry>>) -> Result<()> {
        // The cache's own entries are invalidations: other nodes must see them at once.
        let (mut through, behind): (Vec<_>, Vec<_>) =
            sealed.into_iter().partition(|sealed| sealed.key.is_reserved());
        let added = self.queue.add(behind, self.store.context.clock.now());
        let counters = &self.store.counters;
        counters.outdated.fetch_add(added.outdated, Relaxed);
        counters.overflowed.fetch_add(added.overflow.len() as u64, Relaxed);
        through.extend(added.overflow);
        self.store.put(&through).await.map(|_| ())
    }

    /// Removes from queue and table, and returns how many live values that removed, each counted once.
    pub(crate) async fn remove(&self, target: Target<'_>, tombstone: Tombstone) -> Result<u64> {
        match target {
            Target::Keys(keys) => {
                let _batch_lock = lock(&self.batch_lock).await;
                let only_queued = self.drop_queued(target, tombstone).await?;
                Ok(self.store.remove_keys(keys, tombstone).await? + only_queued)
            }
            Target::Matching(pattern) => {
                RemovalStep::all(|after| async move {
                    self.remove_step(pattern, tombstone, after.as_ref(), KEYS_PER_STEP).await
                })
                .await
            }
        }
    }

    /// Removes what matches from the queue, and then a page of the table at a time. Batches are written between
    /// the pages: all that is queued then was born later.
    pub(crate) async fn remove_step(
        &self,
        pattern: &Pattern,
        tombstone: Tombstone,
        after: Option<&ListCursor>,
        limit: usize,
    ) -> Result<RemovalStep> {
        let _batch_lock = lock(&self.batch_lock).await;
        let only_queued = match after {
            None => self.drop_queued(Target::Matching(pattern), tombstone).await?,
            Some(_) => 0,
        };
        let step = self.store.remove_step(pattern, tombstone, after, limit).await?;
        Ok(RemovalStep::new(step.removed.unwrap_or(0) + only_queued, step.next))
    }

    /// Removes from the queue, and returns how many live values were held there alone.
    async fn drop_queued(&self, target: Target<'_>, tombstone: Tombstone) -> Result<u64> {
        let now = self.store.context.clock.now();
        let dropped = self.queue.remove(target, tombstone, now);
        let alive = dropped.iter().filter(|sealed| now < sealed.dead_at && !sealed.is_absent);
        let alive: Vec<Key> = alive.map(|sealed| sealed.key.clone()).collect();
        let is_counted_there = |found: &Option<FoundRow>| {
            found
                .as_ref()
                .and_then(|found| found.entry.as_ref())
                .is_some_and(|entry| now < entry.meta.dead_at && entry.value.is_some())
        };
        let mut only_queued = 0;
        for keys in alive.chunks(KEYS_PER_STEP) {
            let there = self.store.get_with_tombstones(keys).await?;
            only_queued += there.iter().filter(|found| !is_counted_there(found)).count() as u64;
        }
        Ok(only_queued)
    }

    pub(crate) async fn flush(&self) -> Result<()> {
        let mut flushed = pin!(self.queue.flushed());
        loop {
            match timeout(WRITER_CHECK_INTERVAL, &mut flushed).await {
                Ok(outcome) => return outcome,
                // The writer's runtime may have ended meanwhile.
                Err(_) => self.ensure_running(),
            }
        }
    }

    pub(crate) fn size(&self) -> (u64, u64) {
        self.queue.size()
    }
}

impl Drop for WriteBehind {
    fn drop(&mut self) {
        let (rows, bytes) = self.queue.size();
        if rows > 0 {
            tracing::warn!(
                rows,
                bytes,
                "a PostgreSQL tier was dropped with puts still queued, which are lost: flush it first"
            );
        }
    }
}

async fn lock(batch_lock: &Mutex<()>) -> Option<MutexGuard<'_, ()>> {
    timeout(MAX_LOCK_WAIT, batch_lock.lock()).await.ok()
}

async fn write_batches(store: Arc<Store>, queue: Arc<WriteQueue>, batch_lock: Arc<Mutex<()>>) {
    let mut backoff = Backoff::new(RETRY_PAUSES);
    loop {
        while !queue.has_waiting() {
            queue.filled.notified().await;
        }
        let outcome = {
            let _batch_lock = lock(&batch_lock).await;
            let (batch, lost) = queue.take(MAX_BATCH_ROWS, MAX_BATCH_BYTES);
            if lost > 0 {
                store.counters.lost.fetch_add(lost, Relaxed);
                if let Some(lost) = store.log_sums.lost.count_many(lost, store.context.clock.now()) {
                    tracing::error!(lost, limit = ?MAX_QUEUE_TIME,
                        "queued puts could not be written in time and were dropped");
                }
            }
            let outcome = store.put(&batch).await;
            match &outcome {
                Ok(_) => queue.written(),
                Err(error) => queue.failed(error.clone()),
            }
            outcome
        };
        match outcome {
            Ok(_) => backoff.reset(),
            Err(error) => {
                let pause = backoff.pause();
                store.counters.failed_batches.fetch_add(1, Relaxed);
                if let Some(times) = store.log_sums.failed_batches.count(store.context.clock.now()) {
                    tracing::warn!(%error, ?pause, times,
                        "a batch of queued puts could not be written and is retried after a pause");
                }
                let _: Result<(), _> = timeout(pause, queue.flush_requested.notified()).await;
            }
        }
    }
}

fn open(sealed: &SealedEntry) -> Option<Entry> {
    match envelope::open(&sealed.key, &sealed.record) {
        Ok(Record::Entry(entry)) => Some(entry),
        // Can't be: this process sealed it.
        _ => None,
    }
}
