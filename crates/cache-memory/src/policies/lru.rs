//! `lru`: evicts the entry not read for longest, by moka.

use moka::policy::EvictionPolicy;

/// Returns the policy for moka.
pub(crate) fn policy() -> EvictionPolicy {
    EvictionPolicy::lru()
}
