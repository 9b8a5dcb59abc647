//! The behaviour suite on wrapped tiers: behind a guard, as `Arc<dyn Tier>`, and a faulty tier without
//! faults.

use std::sync::Arc;

use cache_core::{Clock, Tier};
use cache_disk::{DiskConfig, DiskTier};
use cache_facade::{Guard, GuardSettings};
use cache_memory::{Memory, MemoryTier};
use cache_tier_suite::{Subject, behaviour_suite};
use tempfile::TempDir;
use tests::{FaultyTier, ModelTier};

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

async fn faultless() -> Subject {
    Subject::new(FaultyTier::over(ModelTier::new("model")), Clock::manual(), ())
}

async fn memory_guarded() -> Subject {
    let clock = Clock::manual();
    Subject::new(guarded(memory_tier(&clock), &clock), clock, ())
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

behaviour_suite!(model_faultless, faultless);
behaviour_suite!(memory_behind_guard, memory_guarded);
behaviour_suite!(disk_behind_guard, disk_guarded);
behaviour_suite!(disk_as_arc_dyn, disk_arc);
