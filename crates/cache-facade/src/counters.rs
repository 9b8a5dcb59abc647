//! Counts that many threads bump without sharing a cache line.

use std::{
    cell::Cell,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
};

use crossbeam_utils::CachePadded;

/// Lanes that threads are dealt onto in turn.
const LANES: usize = 16;

/// What is counted.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Count {
    MemoryHit,
    MemoryStale,
    Miss,
    Coalesced,
    Load,
    LoadedKey,
    LoadFailure,
    LateLoad,
    Put,
    Removal,
}

const KINDS: usize = Count::Removal as usize + 1;

type Lane = [AtomicU64; KINDS];

/// Counters in lanes, added up when read.
#[derive(Debug)]
pub(crate) struct Counters(Box<[CachePadded<Lane>]>);

thread_local! {
    static LANE: Cell<usize> = const { Cell::new(usize::MAX) };
}

static NEXT: AtomicUsize = AtomicUsize::new(0);

impl Counters {
    pub(crate) fn new() -> Self {
        Self((0..LANES).map(|_| CachePadded::new(Lane::default())).collect())
    }

    pub(crate) fn bump(&self, count: Count) {
        self.add(count, 1);
    }

    pub(crate) fn add(&self, count: Count, amount: u64) {
        self.0[lane()][count as usize].fetch_add(amount, Ordering::Relaxed);
    }

    pub(crate) fn total(&self, count: Count) -> u64 {
        self.0.iter().map(|lane| lane[count as usize].load(Ordering::Relaxed)).sum()
    }
}

fn lane() -> usize {
    LANE.with(|lane| {
        if lane.get() == usize::MAX {
            lane.set(NEXT.fetch_add(1, Ordering::Relaxed) % LANES);
        }
        lane.get()
    })
}
