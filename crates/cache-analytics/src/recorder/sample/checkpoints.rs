//! How many reads of all keys there had been by when, so that it is known how many a sample should have seen.

/// The most checkpoints. When there is no room for another, each second one goes.
const MOST_CHECKPOINTS: usize = 128;

/// Checkpoints in the course of time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Checkpoints {
    checkpoints: Vec<Checkpoint>,
    /// How many steps two checkpoints are apart at least.
    apart: u32,
}

#[derive(Clone, Debug)]
struct Checkpoint {
    at: u32,
    /// The reads of each kind, by its place.
    reads: Vec<u64>,
}

impl Checkpoints {
    /// Notes how many reads of each kind there had been by a moment.
    pub(super) fn note(&mut self, at: u32, reads: impl FnOnce() -> Vec<u64>) {
        if self.checkpoints.last().is_some_and(|last| at < last.at.saturating_add(self.apart.max(1))) {
            return;
        }
        if self.checkpoints.len() >= MOST_CHECKPOINTS {
            let mut is_kept = false;
            self.checkpoints.retain(|_| {
                is_kept = !is_kept;
                is_kept
            });
            self.apart = self.apart.max(50).saturating_mul(2);
        }
        self.checkpoints.push(Checkpoint { at, reads: reads() });
    }

    /// Forgets checkpoints from before a moment, but the last of them.
    pub(super) fn forget_before(&mut self, at: u32) {
        let before = self.checkpoints.partition_point(|checkpoint| checkpoint.at <= at);
        self.checkpoints.drain(..before.saturating_sub(1));
        if self.checkpoints.len() < MOST_CHECKPOINTS / 4 {
            self.apart /= 2;
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Returns how many reads of a kind there were from a moment to the last checkpoint, as if they came evenly
    /// between two checkpoints; `None` for what was before the first one.
    pub(crate) fn reads_since(&self, kind: usize, at: u32) -> Option<f64> {
        let reads = |checkpoint: &Checkpoint| checkpoint.reads.get(kind).copied().unwrap_or_default() as f64;
        let next = self.checkpoints.partition_point(|checkpoint| checkpoint.at <= at);
        let before = self.checkpoints.get(next.checked_sub(1)?)?;
        let last = reads(self.checkpoints.last()?);
        let by_then = match self.checkpoints.get(next) {
            None => reads(before),
            Some(after) => {
                let part = f64::from(at - before.at) / f64::from(after.at - before.at);
                reads(before) + part * (reads(after) - reads(before))
            }
        };
        Some(last - by_then)
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prop_assert, proptest};

    use super::*;

    proptest! {
        #[test]
        fn reads_since_a_moment_are_told_to_what_came_between_two_checkpoints(
            spans in vec((1..40_u32, 0..9_u64), 2..600), part in 0.0..1.0_f64,
        ) {
            let (mut checkpoints, mut at, mut total, mut truth) = (Checkpoints::default(), 0, 0, vec![(0, 0)]);
            checkpoints.note(0, || vec![0, 0]);
            for (span, reads) in spans {
                (at, total) = (at + span, total + reads);
                checkpoints.note(at, || vec![7, total]);
                truth.push((at, total));
            }
            let last = checkpoints.checkpoints.last().unwrap().clone();
            prop_assert!(checkpoints.checkpoints.len() <= MOST_CHECKPOINTS);
            let moment = (f64::from(last.at) * part) as u32;
            let then = truth.iter().rev().find(|(at, _)| *at <= moment).unwrap().1;
            let told = checkpoints.reads_since(1, moment).unwrap();
            let next = checkpoints.checkpoints.partition_point(|checkpoint| checkpoint.at <= moment);
            let between = checkpoints.checkpoints.get(next).map_or(0, |after| after.reads[1] - checkpoints.checkpoints[next - 1].reads[1]);
            let real = last.reads[1] as f64 - then as f64;
            prop_assert!((told - real).abs() <= between as f64 + 1e-6, "{} {} {}", told, real, between);
            checkpoints.forget_before(moment);
            prop_assert!((checkpoints.reads_since(1, moment).unwrap() - told).abs() < 1e-6);
        }
    }
}
