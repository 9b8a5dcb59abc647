//! Sending all that waits: on demand, and before a shutdown.

use std::{pin::pin, sync::Arc, time::Duration};

use cache_core::LogSum;
use futures_util::future::{join_all, select};

use super::{
    queue::Millis,
    state::Shared,
    stats::{Drained, Flushed},
};
use crate::timer;

/// Sends all that waits now.
pub(super) async fn flush(shared: &Arc<Shared>) -> Flushed {
    let now = shared.now();
    let groups = {
        let mut state = shared.state.lock();
        for group in &mut state.groups {
            group.queue.wake(Millis::MAX);
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
                let Ok(permit) = Arc::clone(&shared.permits).acquire_owned().await else { return flushed };
                let batch = {
                    let mut state = shared.state.lock();
                    // The loop may have begun one meanwhile.
                    let is_busy = state.groups[index].is_busy();
                    (!is_busy).then(|| shared.begin(&mut state, index, permit))
                };
                if let Some(batch) = batch {
                    flushed += batch.send().await;
                }
            }
        }
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
    let limit = pin!(timer::sleep(shared.clock(), limit));
    let _ = select(pin!(drain(shared)), limit).await;
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

/// Sends what waits until nothing does, each update as often as its retries allow.
async fn drain(shared: &Arc<Shared>) {
    loop {
        // The first time without its pauses: there may be no time for them.
        flush(shared).await;
        let next = {
            let state = shared.state.lock();
            if state.pending() == 0 {
                return;
            }
            state.groups.iter().filter_map(|group| group.queue.next_rest()).min()
        };
        let pause = next.unwrap_or_default().saturating_sub(shared.now()).max(1);
        timer::sleep(shared.clock(), Duration::from_millis(pause)).await;
    }
}
