//! The weight of an entry in the budget.

use cache_core::{Blob, Entry, Key};

use crate::memory::Value;

/// How entries are weighed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Weigher {
    /// Each entry weighs one.
    Entries,
    /// An entry weighs its bytes: its value's cost (the length of its encoding, or the cost the user set),
    /// the key's text, a reference for each tag, and `overhead`.
    Bytes {
        /// Resident bytes that an entry takes beside its key's text and its value.
        overhead: usize,
    },
}

impl Weigher {
    pub(crate) fn weigh(self, key: &Key, entry: &Entry<Value>) -> u32 {
        let Self::Bytes { overhead } = self else { return 1 };
        let blob = entry.value.as_ref().and_then(|value| value.downcast_ref::<Blob>());
        let cost = blob.map_or(0, |blob| blob.bytes.len()).max(entry.meta.cost as usize);
        let bytes = cost + key.as_str().len() + overhead + entry.meta.tags().len() * 16;
        u32::try_from(bytes).unwrap_or(u32::MAX)
    }
}
