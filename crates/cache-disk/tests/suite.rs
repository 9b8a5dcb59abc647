//! The behaviour suite on the disk tier.

use cache_core::Clock;
use cache_disk::{DiskConfig, DiskTier};
use cache_tier_suite::{Subject, behaviour_suite};
use tempfile::TempDir;

async fn disk() -> Subject {
    let clock = Clock::manual();
    let folder = TempDir::new().expect("a folder");
    let config = DiskConfig::new(folder.path()).clock(clock.clone());
    Subject::new(DiskTier::open(config).expect("a disk tier"), clock, folder)
}

behaviour_suite!(disk_plain, disk);
