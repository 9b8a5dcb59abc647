//! `lfu`: the entry read least often goes first, by moka's TinyLFU, which lets a new one in only if it
//! promises more than the one that would go.

use moka::policy::EvictionPolicy;

/// How moka is to evict.
pub(crate) fn policy() -> EvictionPolicy {
    EvictionPolicy::tiny_lfu()
}
