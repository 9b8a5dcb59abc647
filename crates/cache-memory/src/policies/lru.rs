//! `lru`: the entry not read for longest goes first, by moka.

use moka::policy::EvictionPolicy;

/// How moka is to evict.
pub(crate) fn policy() -> EvictionPolicy {
    EvictionPolicy::lru()
}
