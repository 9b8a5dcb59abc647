//! Refreshes by phase, such as those of a market: what is right for one is not for another.

/// How many phases of a kind are told apart. What comes beyond them counts as [`OTHER`].
const MOST_PHASES: usize = 16;

/// The name of what comes beyond the most phases.
const OTHER: &str = "other";

/// Refreshes in a phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PhaseRefreshes {
    pub(crate) phase: &'static str,
    pub(crate) refreshes: u64,
    /// Those of them that brought the same value again.
    pub(crate) unchanged: u64,
}

/// Refreshes by phase.
#[derive(Debug, Default)]
pub(super) struct Phases(Vec<PhaseRefreshes>);

impl Phases {
    pub(super) fn note(&mut self, phase: &'static str, changed: bool) {
        let known =
            |phase: &str, phases: &[PhaseRefreshes]| phases.iter().position(|known| known.phase == phase);
        let at = known(phase, &self.0).unwrap_or_else(|| {
            let phase = if self.0.len() < MOST_PHASES { phase } else { OTHER };
            known(phase, &self.0).unwrap_or_else(|| {
                self.0.push(PhaseRefreshes { phase, refreshes: 0, unchanged: 0 });
                self.0.len() - 1
            })
        });
        self.0[at].refreshes += 1;
        self.0[at].unchanged += u64::from(!changed);
    }

    pub(super) fn all(&self) -> Vec<PhaseRefreshes> {
        self.0.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::{bool, collection::vec, prop_assert_eq, proptest};

    use super::*;

    proptest! {
        #[test]
        fn phases_are_counted_apart_as_many_as_there_is_room_for(notes in vec((0..30_usize, bool::ANY), 0..200)) {
            let names: Vec<&'static str> = (0..30).map(|at| &*format!("phase-{at}").leak()).collect();
            let (mut phases, mut model, mut known) = (Phases::default(), HashMap::new(), Vec::new());
            for (at, changed) in notes {
                phases.note(names[at], changed);
                if !known.contains(&at) && known.len() < MOST_PHASES {
                    known.push(at);
                }
                let name = if known.contains(&at) { names[at] } else { OTHER };
                let counted: &mut (u64, u64) = model.entry(name).or_default();
                *counted = (counted.0 + 1, counted.1 + u64::from(!changed));
            }
            prop_assert_eq!(phases.all().len(), model.len());
            for told in phases.all() {
                prop_assert_eq!(Some(&(told.refreshes, told.unchanged)), model.get(told.phase));
            }
        }
    }
}
