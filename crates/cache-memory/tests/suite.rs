//! The behaviour suite on memory as a tier: by every policy, with everything protected, as `Arc<dyn Tier>`.

use std::sync::Arc;

use cache_core::{Clock, Pattern, Target, Tier};
use cache_memory::{Eviction, Memory, MemoryTier};
use cache_tier_suite::{Subject, behaviour_suite};

fn memory_tier(clock: &Clock) -> MemoryTier {
    MemoryTier::new(Memory::mib(128), clock.clone())
}

async fn memory() -> Subject {
    let clock = Clock::manual();
    Subject::new(memory_tier(&clock), clock, ())
}

async fn memory_arc() -> Subject {
    let clock = Clock::manual();
    let tier: Arc<dyn Tier> = Arc::new(memory_tier(&clock));
    Subject::new(tier, clock, ())
}

/// Memory that goes by `policy`.
async fn memory_by(policy: Eviction) -> Subject {
    let clock = Clock::manual();
    let memory = Memory::builder().mib(128).eviction(policy).build();
    Subject::new(MemoryTier::new(memory, clock.clone()), clock, ())
}

/// The same, and every key in it is protected from eviction.
async fn memory_protected(policy: Eviction) -> Subject {
    let clock = Clock::manual();
    let memory = Memory::builder().mib(128).eviction(policy).protected_share(1.0).build();
    let all = Pattern::glob("*").expect("a pattern");
    memory.protect(Target::Matching(&all)).expect("there is a share for it");
    Subject::new(MemoryTier::new(memory, clock.clone()), clock, ())
}

behaviour_suite!(memory_plain, memory);
#[cfg(feature = "moka")]
behaviour_suite!(memory_lru, || memory_by(Eviction::Lru));
#[cfg(feature = "moka")]
behaviour_suite!(memory_lfu, || memory_by(Eviction::Lfu));
behaviour_suite!(memory_fifo, || memory_by(Eviction::Fifo));
behaviour_suite!(memory_ttl, || memory_by(Eviction::Ttl));
behaviour_suite!(memory_hybrid, || memory_by(Eviction::Hybrid));
#[cfg(feature = "moka")]
behaviour_suite!(memory_lru_protected, || memory_protected(Eviction::Lru));
#[cfg(feature = "moka")]
behaviour_suite!(memory_lfu_protected, || memory_protected(Eviction::Lfu));
behaviour_suite!(memory_fifo_protected, || memory_protected(Eviction::Fifo));
behaviour_suite!(memory_ttl_protected, || memory_protected(Eviction::Ttl));
behaviour_suite!(memory_hybrid_protected, || memory_protected(Eviction::Hybrid));
behaviour_suite!(memory_as_arc_dyn, memory_arc);
