//! The budget, and how it changes while entries are held.

use std::sync::atomic::Ordering;

use cache_core::{Error, ErrorKind, Result};

use crate::{builder::share_of, memory::Memory, store::weight::Weigher};

impl Memory {
    /// Returns the greatest weight that all entries together may have.
    #[must_use]
    pub fn budget(&self) -> u64 {
        self.budget.load(Ordering::Relaxed)
    }

    /// Whether the budget is in bytes; else it is in entries.
    #[must_use]
    pub fn weighs_bytes(&self) -> bool {
        matches!(self.weigher, Weigher::Bytes { .. })
    }

    /// Returns an empty near tier with the policy of this one and another budget, in the same unit. Nothing is
    /// protected in it.
    #[must_use]
    pub fn with_budget(&self, budget: u64) -> Self {
        let builder = Self::builder().eviction(self.eviction);
        if self.weighs_bytes() { builder.bytes(budget).build() } else { builder.entries(budget).build() }
    }

    /// Changes the budget, in the unit in which it was set: bytes or entries. The share of protected entries
    /// stays. A smaller one evicts, by the policy, what is too much and no more; when this returns, the rest is
    /// within it. That takes about a microsecond an entry; others wait for one entry at a time. The number of
    /// shards stays: where the budget becomes many times what it was, their tables grow in longer steps.
    ///
    /// # Errors
    ///
    /// `Config`, and nothing is changed, for `lru` and `lfu`, whose budget is fixed; and if the protected
    /// entries weigh more than their share of the new budget.
    pub fn set_budget(&self, budget: u64) -> Result<()> {
        let _told = self.evictions.tell_after();
        let _resizing = self.resizing.lock();
        let protected = share_of(budget, self.protected_share);
        let message = match self.store.set_limits(budget, protected) {
            Some(true) => {
                self.budget.store(budget, Ordering::Relaxed);
                self.protected_budget.store(protected, Ordering::Relaxed);
                return Ok(());
            }
            Some(false) => format!(
                "a budget of {budget} leaves protected entries {protected}, and they weigh {}: unprotect some first, \
                 or choose a larger budget",
                self.store.protected_weight()
            ),
            None => format!(
                "the budget of policy {} can't be changed to {budget} while it runs: build memory anew, or use \
                 hybrid, fifo or ttl",
                self.eviction
            ),
        };
        Err(Error::new(ErrorKind::Config, "set budget", message))
    }
}
