//! A wall clock that is set back, held against a clock that nobody sets.

use std::time::Duration;

/// How far a clock may be ahead of the wall clock for having been set back, in microseconds.
const MAX_LEAD: i64 = 60_000_000;

/// What is less is the time that passed between two looks, in microseconds.
const MIN_LEAD: i64 = 1_000;

/// How far the wall clock was ahead of the steady clock at most.
#[derive(Debug, Default)]
pub(super) struct SetBack {
    most: Option<i64>,
}

impl SetBack {
    /// Notes how far the wall clock was ahead of the steady one between two looks.
    pub(super) fn note(&mut self, ahead: i64) {
        self.most = self.most.map(|most| most.max(ahead));
    }

    /// Returns what is to be added to a wall clock that is ahead of the steady one by `ahead` microseconds, and by
    /// how much it was set back if that is too much to be added.
    pub(super) fn look(&mut self, ahead: i64) -> (i64, Option<Duration>) {
        let most = self.most.map_or(ahead, |most| most.max(ahead));
        let lead = most.saturating_sub(ahead);
        if lead > MAX_LEAD {
            self.most = Some(ahead);
            return (0, Some(Duration::from_micros(lead.unsigned_abs())));
        }
        self.most = Some(most);
        (if lead < MIN_LEAD { 0 } else { lead }, None)
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn rule_104_no_life_gets_longer_by_a_clock_that_is_set_back(
            jumps in vec((-40_000_000_i64..40_000_000, 0_i64..5_000_000), 1..50),
        ) {
            let (mut set_back, mut steady, mut ahead) = (SetBack::default(), 0, 1_000_000_000);
            let mut shown: Option<(i64, i64)> = None;
            for (jump, passed) in jumps {
                (steady, ahead) = (steady + passed, ahead + jump);
                let (lead, told) = set_back.look(ahead);
                let now = steady + ahead + lead;
                prop_assert!((0..=MAX_LEAD).contains(&lead));
                match shown {
                    Some((before, at)) if told.is_none() => {
                        prop_assert!(now - before >= steady - at - MIN_LEAD, "as much has passed, or more");
                    }
                    _ => {}
                }
                shown = Some((now, steady));
            }
        }
    }

    #[test]
    fn rule_104_a_clock_that_was_set_back_far_is_said_to_be_once() {
        let mut set_back = SetBack::default();
        assert_eq!(set_back.look(3 * MAX_LEAD), (0, None));
        assert_eq!(set_back.look(MAX_LEAD), (0, Some(Duration::from_secs(120))));
        assert_eq!(set_back.look(MAX_LEAD), (0, None), "it is followed since");
        assert_eq!(set_back.look(MAX_LEAD / 2), (MAX_LEAD / 2, None));
    }
}
