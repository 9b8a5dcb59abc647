//! Calls of a tier that are dropped with the runtime that they ran on: what they were to do is owed.

use cache_core::{Entry, Key, Target, Tombstone};

use super::handle::TierHandle;

/// What a call of a tier is to do.
#[derive(Clone, Copy)]
pub(super) enum Work<'a> {
    Put(&'a [(Key, Entry)]),
    Remove(Target<'a>, Tombstone),
}

/// A call under way. If it is dropped before it is over, nobody knows what the tier did of it: it is done again.
pub(super) struct Unfinished<'a> {
    tier: &'a TierHandle,
    work: Option<Work<'a>>,
}

impl<'a> Unfinished<'a> {
    pub(super) fn new(tier: &'a TierHandle, work: Work<'a>) -> Self {
        Self { tier, work: Some(work) }
    }

    /// Says that the call is over, however it ended.
    pub(super) fn finish(mut self) {
        self.work = None;
    }
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        match self.work {
            Some(Work::Put(entries)) => self.tier.owe_entries(entries),
            Some(Work::Remove(target, tombstone)) => self.tier.owe_removal(target, tombstone),
            None => {}
        }
    }
}
