//! `lfu`: evicts the entry read least often, by moka's TinyLFU, which admits a new entry only if its key was
//! asked for more often than that of the entry it would replace.

use moka::policy::EvictionPolicy;

/// Returns the policy for moka.
pub(crate) fn policy() -> EvictionPolicy {
    EvictionPolicy::tiny_lfu()
}
