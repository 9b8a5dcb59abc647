//! The bounded queue between those who log and the thread that writes.

use std::{
    collections::VecDeque,
    mem,
    sync::{
        Condvar, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use cache_core::sync::Mutex;

/// How many bytes of lines wait at most, each with a little for its place in the queue.
pub(super) const MAX_QUEUED_BYTES: usize = 1 << 20;
const LINE_OVERHEAD: usize = 64;

/// Lines that wait to be written, and the count of those that never will be.
#[derive(Debug, Default)]
pub(super) struct LineQueue {
    state: Mutex<State>,
    /// Signalled when a line came, and when all were written or dropped.
    changed: Condvar,
    dropped: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
    /// Whether a line that left the queue is being written.
    writing: bool,
}

impl LineQueue {
    /// Adds a line, or drops and counts it if there is no room. Never waits for the writer.
    pub(super) fn push(&self, line: &[u8]) {
        let size = line.len() + LINE_OVERHEAD;
        let mut state = self.state.lock();
        if state.bytes + size > MAX_QUEUED_BYTES {
            drop(state);
            return self.count_dropped();
        }
        state.bytes += size;
        state.lines.push_back(line.to_owned());
        drop(state);
        self.changed.notify_all();
    }

    /// Waits for a line, and takes the oldest. It counts as being written until the next call.
    pub(super) fn next(&self) -> Vec<u8> {
        let mut state = self.state.lock();
        if mem::take(&mut state.writing) && state.lines.is_empty() {
            self.changed.notify_all();
        }
        loop {
            if let Some(line) = state.lines.pop_front() {
                state.bytes -= line.len() + LINE_OVERHEAD;
                state.writing = true;
                return line;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits until all lines are written or dropped, for at most `limit`. Returns whether they were.
    pub(super) fn wait_until_idle(&self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        let mut state = self.state.lock();
        while !state.lines.is_empty() || state.writing {
            let Some(left) = deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
            else {
                return false;
            };
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// Returns how many lines wait to be written.
    pub(super) fn len(&self) -> usize {
        self.state.lock().lines.len()
    }

    pub(super) fn count_dropped(&self) {
        self.dropped.fetch_add(1, Relaxed);
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Relaxed)
    }
}
