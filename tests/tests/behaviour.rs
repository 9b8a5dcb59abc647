//! The behaviour suite on every tier there is: as it is, behind a guard, and as `Arc<dyn Tier>`.

use std::sync::Arc;

use cache_core::{Clock, Pattern, Target, Tier};
use cache_disk::{DiskConfig, DiskTier};
use cache_facade::{Guard, GuardSettings};
use cache_memory::{Eviction, Memory, MemoryTier};
use tempfile::TempDir;
use tests::{FaultyTier, ModelTier, Subject, behaviour_suite};

fn guarded<T: Tier>(tier: T, clock: &Clock) -> Guard<T> {
    Guard::new(tier, GuardSettings { clock: clock.clone(), ..GuardSettings::default() })
}

fn memory_tier(clock: &Clock) -> MemoryTier {
    MemoryTier::new(Memory::mib(128), clock.clone())
}

fn disk_tier(clock: &Clock) -> (DiskTier, TempDir) {
    let folder = TempDir::new().expect("a folder");
    let config = DiskConfig::new(folder.path()).clock(clock.clone());
    (DiskTier::open(config).expect("a disk tier"), folder)
}

async fn model() -> Subject {
    Subject::new(ModelTier::new("model"), Clock::manual(), ())
}

async fn faultless() -> Subject {
    Subject::new(FaultyTier::over(ModelTier::new("model")), Clock::manual(), ())
}

async fn memory() -> Subject {
    let clock = Clock::manual();
    Subject::new(memory_tier(&clock), clock, ())
}

async fn memory_guarded() -> Subject {
    let clock = Clock::manual();
    Subject::new(guarded(memory_tier(&clock), &clock), clock, ())
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

async fn disk() -> Subject {
    let clock = Clock::manual();
    let (tier, folder) = disk_tier(&clock);
    Subject::new(tier, clock, folder)
}

async fn disk_guarded() -> Subject {
    let clock = Clock::manual();
    let (tier, folder) = disk_tier(&clock);
    Subject::new(guarded(tier, &clock), clock, folder)
}

async fn disk_arc() -> Subject {
    let clock = Clock::manual();
    let (tier, folder) = disk_tier(&clock);
    let tier: Arc<dyn Tier> = Arc::new(guarded(tier, &clock));
    Subject::new(tier, clock, folder)
}

behaviour_suite!(model_tier, model);
behaviour_suite!(model_faultless, faultless);
behaviour_suite!(memory_plain, memory);
behaviour_suite!(memory_lru, || memory_by(Eviction::Lru));
behaviour_suite!(memory_lfu, || memory_by(Eviction::Lfu));
behaviour_suite!(memory_fifo, || memory_by(Eviction::Fifo));
behaviour_suite!(memory_ttl, || memory_by(Eviction::Ttl));
behaviour_suite!(memory_hybrid, || memory_by(Eviction::Hybrid));
behaviour_suite!(memory_lru_protected, || memory_protected(Eviction::Lru));
behaviour_suite!(memory_lfu_protected, || memory_protected(Eviction::Lfu));
behaviour_suite!(memory_fifo_protected, || memory_protected(Eviction::Fifo));
behaviour_suite!(memory_ttl_protected, || memory_protected(Eviction::Ttl));
behaviour_suite!(memory_hybrid_protected, || memory_protected(Eviction::Hybrid));
behaviour_suite!(memory_behind_guard, memory_guarded);
behaviour_suite!(memory_as_arc_dyn, memory_arc);
behaviour_suite!(disk_plain, disk);
behaviour_suite!(disk_behind_guard, disk_guarded);
behaviour_suite!(disk_as_arc_dyn, disk_arc);
