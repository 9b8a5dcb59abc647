//! Sending all that waits: on demand, and before a shutdown.

use std::{pin::pin, sync::Arc, time::Duration};

use cache_core::LogSum;
use futures_util::future::{join_all, select};

use super::{
    batch::Batch,
    group::millis,
    queue::{Millis, Queue},
    state::Shared,
    stats::{Drained, Flushed},
};
use crate::timer;

/// Sends all that waits now.
pub(super) async fn flush(shared: &Arc<Shared>) -> Flushed {
    send_all(shared, |queue, _| queue.wake(Millis::MAX)).await
}

/// Sends all that waits now, and of what rests that which is woken.
async fn send_all(shared: &Arc<Shared>, wake: fn(&mut Queue, Millis)) -> Flushed {
    let now = shared.now();
    let groups = {
        let mut state = shared.state.lock();
        for group in &mut state.groups {
            wake(&mut group.queue, now);
        }
        state.groups.len()
    };
    let mut flushed = Flushed::default();
    for group in join_all((0..groups).map(|index| flush_group(shared, index, now))).await {
        flushed += group;
    }
    flushed
}

/// What keeps the flush of a group from sending its next batch.
enum Step {
    Send,
    Wait,
    Done,
}

/// Sends what waits in a group and was asked for at `since` or before, and waits for what is on its way.
async fn flush_group(shared: &Arc<Shared>, index: usize, since: Millis) -> Flushed {
    let mut flushed = Flushed::default();
    // The last batch that took something of what waited.
    let mut last = None;
    loop {
        // Made before the look at the group: it hears of each batch that ends from now on.
        let ended = shared.ended.notified();
        let step = {
            let group = &shared.state.lock().groups[index];
            let has_more = group.queue.oldest().is_some_and(|oldest| oldest <= since);
            match (has_more, group.is_busy()) {
                (false, _) if group.ended >= *last.get_or_insert(group.begun) => Step::Done,
                (_, true) => Step::Wait,
                (_, false) => Step::Send,
            }
        };
        match step {
            Step::Done => return flushed,
            Step::Wait => ended.await,
            Step::Send => {
                if let Some(batch) = begin(shared, index).await {
                    flushed += batch.send().await;
                }
            }
        }
    }
}

/// Begins a batch of a group as soon as one more may be on its way, unless the loop has begun one meanwhile.
async fn begin(shared: &Arc<Shared>, index: usize) -> Option<Batch> {
    // Dropped after the permit, which the loop may have missed while this had it and made nothing of it.
    let _wakes = Wakes(shared);
    let permit = Arc::clone(&shared.permits).acquire_owned().await.ok()?;
    let mut state = shared.state.lock();
    let is_busy = state.groups[index].is_busy();
    (!is_busy).then(|| shared.begin(&mut state, index, permit))
}

/// Wakes the loop when this is dropped.
struct Wakes<'a>(&'a Shared);

impl Drop for Wakes<'_> {
    fn drop(&mut self) {
        self.0.wake.notify_one();
    }
}

/// Takes no more updates, sends what waits, and drops what is left at the limit.
pub(super) async fn shutdown(shared: &Arc<Shared>, limit: Duration) -> Drained {
    let before = {
        let mut state = shared.state.lock();
        state.closed = true;
        state.stats.clone()
    };
    shared.wake.notify_one();
    let until = shared.now().saturating_add(millis(limit));
    let limit = pin!(timer::sleep(shared.clock(), limit));
    let _ = select(pin!(drain(shared, until)), limit).await;
    let mut state = shared.state.lock();
    state.over = true;
    let dropped = state.clear();
    let left = dropped + state.pending();
    let after = state.stats.clone();
    state.stats.dropped += dropped as u64;
    drop(state);
    shared.log_summaries(LogSum::finish);
    let answered = |stats: &super::SchedulerStats| stats.updated + stats.skipped_fresh + stats.lifted;
    Drained {
        answered: answered(&after).saturating_sub(answered(&before)),
        dropped: after.dropped.saturating_sub(before.dropped),
        left,
    }
}

/// Sends what waits until nothing does that may go before then, each update as often as its retries allow.
async fn drain(shared: &Arc<Shared>, until: Millis) {
    // The first time without our own pauses: there may be no time for them. A source's are kept.
    send_all(shared, Queue::wake_early).await;
    loop {
        let now = shared.now();
        let next = {
            let state = shared.state.lock();
            // There is if a flush or a loop was dropped meanwhile, or another flush sends still.
            let has_more = state.groups.iter().any(|group| group.is_busy() || group.queue.ready() > 0);
            let rest = state.groups.iter().filter_map(|group| group.queue.next_rest()).min();
            if has_more { Some(now) } else { rest }
        };
        let Some(next) = next.filter(|next| *next < until) else { return };
        timer::sleep(shared.clock(), Duration::from_millis(next.saturating_sub(now).max(1))).await;
        send_all(shared, Queue::wake).await;
    }
}
