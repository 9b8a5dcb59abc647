//! Dry runs and counted removals over tiers of this process.

mod property;

use std::sync::Arc;

use cache_core::Tier;
use cache_disk::{DiskConfig, DiskTier};
use cache_memory::{Memory, MemoryTier};
use tests::ModelTier;

#[test]
fn rule_128_a_dry_run_counts_what_the_removal_ends_in_memory_and_one_tier() {
    property::check(128, 1..9, async |_| vec![Arc::new(ModelTier::new("model")) as Arc<dyn Tier>]);
}

#[test]
fn rule_128_a_dry_run_counts_what_the_removal_ends_in_each_tier() {
    let folder = tempfile::tempdir().unwrap();
    property::check(96, 1..9, async |clock| {
        let disk = DiskTier::open(DiskConfig::new(folder.path()).clock(clock.clone())).unwrap();
        let heap = MemoryTier::new(Memory::mib(8), clock.clone());
        let tiers: [Arc<dyn Tier>; 3] = [Arc::new(disk), Arc::new(heap), Arc::new(ModelTier::new("model"))];
        tiers.to_vec()
    });
}
