//! What an entry weighs in the budget.

use cache_core::{Blob, Entry, Key};

use crate::memory::Value;

/// What an entry takes beside its key's text and its value, in resident bytes: moka's table slot and
/// queue nodes, the `Entry` itself, and what the allocator adds to them (docs/adr/0004 has the figures).
const OVERHEAD: usize = 448;

/// The weight of an entry in bytes: its value's cost (the length of its encoding, or the user's
/// own), its key, its tags by reference, and what holds them.
pub(crate) fn weigh(key: &Key, entry: &Entry<Value>) -> u32 {
    let blob = entry.value.as_ref().and_then(|value| value.downcast_ref::<Blob>());
    let cost = blob.map_or(0, |blob| blob.bytes.len()).max(entry.meta.cost as usize);
    let bytes = cost + key.as_str().len() + OVERHEAD + entry.meta.tags().len() * 16;
    u32::try_from(bytes).unwrap_or(u32::MAX)
}
