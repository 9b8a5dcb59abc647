//! The search for the highest rate that holds: twice as high until one fails, or half as high until one
//! holds, then between the two.

/// How often a rate that failed is tried: once more, since anything else on the machine may have disturbed it.
const ATTEMPTS: u32 = 2;
/// The lowest rate that is tried.
const LEAST: f64 = 10.0;

/// A search over rates, in requests a second.
#[derive(Debug)]
pub(crate) struct RateSearch {
    held: Option<f64>,
    failed: Option<f64>,
    first: f64,
    highest: f64,
    refinements: u32,
    /// How often the rate that is tried now has failed.
    failures: u32,
}

impl RateSearch {
    /// A search that begins at `first`, tries nothing above `highest`, and halves the gap between the rate
    /// that held and the one that failed so many times.
    pub(crate) fn new(first: f64, highest: f64, refinements: u32) -> Self {
        Self { held: None, failed: None, first: first.min(highest), highest, refinements, failures: 0 }
    }

    /// Returns the rate to try next; `None` once the search is over.
    pub(crate) fn next(&self) -> Option<f64> {
        match (self.held, self.failed) {
            (None, None) => Some(self.first),
            (Some(held), None) => (held < self.highest).then(|| (held * 2.0).min(self.highest)),
            (None, Some(failed)) => (failed > LEAST).then(|| (failed / 2.0).max(LEAST)),
            (Some(held), Some(failed)) => (self.refinements > 0).then(|| (held + failed) / 2.0),
        }
    }

    /// Notes whether the rate that was tried held.
    pub(crate) fn note(&mut self, rate: f64, held: bool) {
        if !held {
            self.failures += 1;
            if self.failures < ATTEMPTS {
                return;
            }
        }
        if self.held.is_some() && self.failed.is_some() {
            self.refinements -= 1;
        }
        self.failures = 0;
        *(if held { &mut self.held } else { &mut self.failed }) = Some(rate);
    }

    /// Returns the highest rate that held.
    pub(crate) fn found(&self) -> Option<f64> {
        self.held
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::RateSearch;

    /// Runs a search against something that bears `capacity`. Returns what was found and the rates that were
    /// tried.
    fn search(capacity: f64, highest: f64, refinements: u32) -> (Option<f64>, Vec<f64>) {
        let mut search = RateSearch::new(1000.0, highest, refinements);
        let mut tried = Vec::new();
        while let Some(rate) = search.next() {
            tried.push(rate);
            search.note(rate, rate <= capacity);
            assert!(tried.len() < 100, "the search does not end");
        }
        (search.found(), tried)
    }

    #[test]
    fn rates_double_until_one_fails_and_then_close_in() {
        let (found, tried) = search(5500.0, 1e6, 2);
        assert_eq!(tried, [1000.0, 2000.0, 4000.0, 8000.0, 8000.0, 6000.0, 6000.0, 5000.0]);
        assert_eq!(found, Some(5000.0));
    }

    #[test]
    fn a_rate_fails_only_if_it_fails_twice() {
        let mut search = RateSearch::new(1000.0, 4000.0, 1);
        search.note(1000.0, false);
        assert_eq!(search.next(), Some(1000.0));
        search.note(1000.0, true);
        assert_eq!(search.next(), Some(2000.0));
    }

    #[test]
    fn rates_halve_until_one_holds() {
        let (found, tried) = search(400.0, 1e6, 1);
        assert_eq!(tried, [1000.0, 1000.0, 500.0, 500.0, 250.0, 375.0]);
        assert_eq!(found, Some(375.0));
        let (found, tried) = search(1.0, 1e6, 1);
        assert_eq!((found, tried.last()), (None, Some(&10.0)));
    }

    #[test]
    fn no_more_than_the_highest_is_tried() {
        assert_eq!(search(1e9, 3000.0, 3), (Some(3000.0), vec![1000.0, 2000.0, 3000.0]));
        assert_eq!(search(1e9, 500.0, 3), (Some(500.0), vec![500.0]));
    }

    proptest! {
        #[test]
        fn what_is_found_holds_and_is_near_the_capacity(capacity in 10.0_f64..1e6, refinements in 0_u32..6) {
            let (found, _) = search(capacity, 1e7, refinements);
            let found = found.unwrap();
            prop_assert!(found <= capacity);
            // Each refinement halves the gap, which was at most as wide as the rate that held then.
            prop_assert!(capacity - found <= capacity * 0.5_f64.powi(refinements as i32));
        }
    }
}
