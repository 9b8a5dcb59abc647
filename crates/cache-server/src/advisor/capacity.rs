//! Budgets, against what there is.

use super::{Advice, Situation};

/// The share of the container's memory that entries may take: the process needs the rest.
const MEMORY_SHARE: f64 = 0.7;
const MIB: u64 = 1 << 20;
/// The least that disk.mib may be.
const LEAST_DISK_MIB: u64 = 16;

/// A process above its container's limit is killed.
pub(super) fn memory_above_limit(situation: &Situation<'_>) -> Option<Advice> {
    let limit = situation.machine.memory_limit?;
    let (budget, room) = (situation.settings.cache.memory_budget(), (limit as f64 * MEMORY_SHARE) as u64);
    (budget > room).then(|| {
        let text = format!(
            "memory.mib is {}, and the container may have {} MiB in all: the process takes more than its entries weigh, and is \
             killed at the limit; give memory.mib {} at most, or the container {} MiB",
            situation.settings.cache.memory.mib,
            limit / MIB,
            (room / MIB).max(1),
            (budget as f64 / MEMORY_SHARE / MIB as f64).ceil()
        );
        Advice::new("memory.mib", text)
    })
}

/// A full file system stops more than this service.
pub(super) fn disk_above_free(situation: &Situation<'_>) -> Option<Advice> {
    let room = situation.machine.disk_room?;
    let disk = &situation.settings.cache.disk;
    (disk.mib.saturating_mul(MIB) > room).then(|| {
        let most = room / MIB / 10 * 9;
        let remedy = if most >= LEAST_DISK_MIB {
            format!("give disk.mib {most} at most, or another folder by disk.dir")
        } else {
            format!("make room for {LEAST_DISK_MIB} MiB at least, or give another folder by disk.dir")
        };
        let text = format!(
            "disk.mib is {}, and where {} lies there is room for {} MiB: the file system will be full before old entries \
             give way; {remedy}",
            disk.mib,
            disk.dir.display(),
            room / MIB
        );
        Advice::new("disk.mib", text)
    })
}

/// What memory held is not on disk after a restart if there was no room for it.
pub(super) fn disk_below_memory(situation: &Situation<'_>) -> Option<Advice> {
    let cache = &situation.settings.cache;
    (cache.disk.mib < cache.memory.mib).then(|| {
        let text = format!(
            "disk.mib is {}, less than memory.mib, which is {}: after a restart a part of what memory held is gone; give disk.mib {} \
             at least",
            cache.disk.mib, cache.memory.mib, cache.memory.mib
        );
        Advice::new("disk.mib", text)
    })
}
