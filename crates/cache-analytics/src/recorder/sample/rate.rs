//! The share of the keys that is sampled: halved for want of room, and doubled again when there is enough.

use std::sync::atomic::{AtomicU64, Ordering};

use super::access_log::{AccessLog, Logged};

/// The share of the keys that is sampled now. A key is sampled if its hash, scattered, is below a threshold, so
/// that of a sampled key every read is seen (SHARDS).
#[derive(Debug)]
pub(super) struct Rate {
    threshold: AtomicU64,
    /// The threshold at first, which is the highest.
    first: u64,
}

/// How often the share was halved, and when it was doubled again: before that, the keys that came with it were not
/// seen.
#[derive(Clone, Debug, Default)]
pub(super) struct RateChanges {
    halvings: u8,
    /// The latest last; each from fewer halvings than the one before.
    rises: Vec<Rise>,
}

#[derive(Clone, Copy, Debug)]
struct Rise {
    at: u32,
    /// From how many halvings on.
    from: u8,
}

impl Rate {
    pub(super) fn new(share: f64) -> Self {
        // A float that is too large becomes the largest integer.
        let first = (share * u64::MAX as f64) as u64;
        Self { threshold: AtomicU64::new(first), first }
    }

    /// Whether a key is sampled.
    #[inline]
    pub(super) fn has(&self, hash: u64) -> bool {
        scattered(hash) < self.threshold.load(Ordering::Relaxed)
    }

    /// Returns the share.
    pub(super) fn now(&self) -> f64 {
        self.threshold.load(Ordering::Relaxed) as f64 / u64::MAX as f64
    }

    /// Returns what it is after so many halvings.
    pub(super) fn after(&self, halvings: u8) -> f64 {
        self.threshold_after(halvings) as f64 / u64::MAX as f64
    }

    pub(super) fn halve(&self, changes: &mut RateChanges) {
        changes.halvings = changes.halvings.saturating_add(1);
        // What is sampled now was sampled before these, too.
        changes.rises.retain(|rise| rise.from > changes.halvings);
        self.threshold.store(self.threshold_after(changes.halvings), Ordering::Relaxed);
    }

    /// Doubles the share, which was halved. What was before the log's oldest access is of no interest.
    pub(super) fn double(&self, changes: &mut RateChanges, at: u32, oldest: u32) {
        changes.rises.retain(|rise| rise.at > oldest);
        changes.rises.push(Rise { at, from: changes.halvings });
        changes.halvings -= 1;
        self.threshold.store(self.threshold_after(changes.halvings), Ordering::Relaxed);
    }

    /// Returns the accesses of all keys that were sampled for the whole of a span up to now, and their share of
    /// the keys: of the spans between changes the one that has most accesses.
    pub(super) fn evenly_sampled(&self, log: &AccessLog, changes: &RateChanges) -> (Vec<Logged>, f64) {
        let mut spans = vec![0];
        spans.extend(changes.rises.iter().map(|rise| rise.at));
        let ends = changes.rises.iter().map(|rise| rise.from).chain([changes.halvings]);
        let spans = spans.into_iter().zip(ends).map(|(since, halvings)| {
            let threshold = self.threshold_after(halvings);
            let is_in = |access: &Logged| access.at >= since && scattered(access.hash) < threshold;
            (log.accesses().filter(is_in).collect::<Vec<_>>(), self.after(halvings))
        });
        // Of equal ones the first, which reaches back farther.
        spans.reduce(|best, span| if span.0.len() > best.0.len() { span } else { best }).unwrap_or_default()
    }

    fn threshold_after(&self, halvings: u8) -> u64 {
        self.first.checked_shr(u32::from(halvings)).unwrap_or(0)
    }
}

impl RateChanges {
    pub(super) fn halvings(&self) -> u8 {
        self.halvings
    }
}

/// Returns a hash that is independent of the parts of `hash` by which keys are divided elsewhere.
#[inline]
fn scattered(hash: u64) -> u64 {
    let mixed = (hash ^ hash >> 32).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed ^ mixed >> 29).wrapping_mul(0xBF58_476D_1CE4_E5B9)
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prop_assert, prop_assert_eq, proptest};

    use super::*;
    use crate::recorder::sample::access_log::AccessKind;

    proptest! {
        /// Against a list of all accesses of all keys.
        #[test]
        fn of_each_key_that_is_replayed_no_access_is_missing(
            steps in vec((0..40_u64, 0..30_u8), 1..400),
        ) {
            let (rate, mut changes, mut log) = (Rate::new(0.5), RateChanges::default(), AccessLog::with_room());
            let mut all = Vec::new();
            for (at, (key, change)) in steps.into_iter().enumerate() {
                let (hash, at) = (key.wrapping_mul(0x9E37_79B9_7F4A_7C15), at as u32);
                match change {
                    0 => {
                        rate.halve(&mut changes);
                        log.retain(|hash| rate.has(hash));
                    }
                    1..=3 if changes.halvings() > 0 => rate.double(&mut changes, at, log.oldest()),
                    _ => {}
                }
                all.push((hash, at));
                if rate.has(hash) {
                    log.push(hash, AccessKind::Hit, at);
                }
                prop_assert_eq!(rate.now(), rate.after(changes.halvings()));
                let (told, share) = rate.evenly_sampled(&log, &changes);
                let Some(since) = told.first().map(|access| access.at) else { continue };
                let is_in = |(hash, at): &&(u64, u32)| {
                    *at >= since && scattered(*hash) < (share * u64::MAX as f64) as u64
                };
                let expected: Vec<_> = all.iter().filter(is_in).copied().collect();
                prop_assert_eq!(told.iter().map(|access| (access.hash, access.at)).collect::<Vec<_>>(), expected);
                prop_assert!(share >= rate.now() / 2.0_f64.powi(changes.rises.len() as i32));
            }
        }
    }
}
