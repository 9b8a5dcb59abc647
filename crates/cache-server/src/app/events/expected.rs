//! What announced events are about is expected to be asked for more often, from an hour before them to an hour
//! after.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use cache_core::{Key, Result, Timestamp};
use cache_market::{EventRules, MarketEvent, StandardKey};
use cache_warming::Warming;

use super::super::NAMESPACE;

/// How long before an event its data are expected to be asked for more often, how long after it, and how many
/// times as often.
const BEFORE: Duration = Duration::from_secs(3600);
const AFTER: Duration = Duration::from_secs(3600);
const TIMES: f32 = 3.0;

/// How often what lies ahead is looked at: an event that was withdrawn, here or on another node, is expected for
/// twice as long at most.
pub(super) const EXPECTED_FOR: Duration = Duration::from_secs(60);

/// Tells warming of the events that are near.
#[derive(Debug)]
pub(super) struct ExpectedEvents(Arc<Warming>);

impl ExpectedEvents {
    pub(super) fn new(warming: Arc<Warming>) -> Self {
        Self(warming)
    }

    /// Expects what these events are about until some time after them, once they are due before the next look or
    /// the one after it; until then if they lie further ahead, and not at all if they are not near. Told again and
    /// again of what lies ahead, it expects no more what was withdrawn.
    ///
    /// # Errors
    ///
    /// Why a key can't be one. The others are expected all the same.
    pub(super) fn expect<'a>(
        &self,
        events: impl IntoIterator<Item = &'a MarketEvent>,
        rules: &EventRules,
        now: Timestamp,
    ) -> Result<()> {
        let (mut expected, mut failed) = (HashMap::<Key, Timestamp>::new(), Ok(()));
        for event in events {
            let at = event.at.unwrap_or(now).max(now);
            let until = match at.since(now) {
                ahead if ahead > BEFORE => continue,
                ahead if ahead > 2 * EXPECTED_FOR => now.after(2 * EXPECTED_FOR),
                _ => at.after(AFTER),
            };
            // What was seen in data says nothing of others that nobody may have asked for.
            let is_meant = |key: &StandardKey| event.seen_in.is_none_or(|data| key.data() == data);
            for key in rules.keys(event).into_iter().filter(is_meant) {
                match key.within(NAMESPACE) {
                    Ok(key) => {
                        let latest = expected.entry(key).or_insert(until);
                        *latest = until.max(*latest);
                    }
                    Err(error) => failed = Err(error),
                }
            }
        }
        let mut by_end: BTreeMap<Timestamp, Vec<Key>> = BTreeMap::new();
        for (key, until) in expected {
            by_end.entry(until).or_default().push(key);
        }
        for (until, keys) in by_end {
            self.0.announce(&keys, TIMES, until);
        }
        failed
    }

    /// Expects no more what an event is about that was withdrawn.
    pub(super) fn end(&self, event: &MarketEvent, rules: &EventRules) {
        let keys: Vec<Key> = rules.keys(event).iter().filter_map(|key| key.within(NAMESPACE).ok()).collect();
        self.0.withdraw(&keys);
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use cache_core::{Clock, Refresh, Refreshed, Warm};
    use cache_market::EventKind;
    use cache_warming::{Announced, Coverage};

    use super::*;

    /// A region of prices that has nothing and gets nothing.
    struct Prices;

    #[async_trait]
    impl Refresh for Prices {
        async fn refresh(&self, _: &[Key]) -> Result<Refreshed> {
            Ok(Refreshed::default())
        }
    }

    #[async_trait]
    impl Warm for Prices {
        fn kind(&self) -> &str {
            "price"
        }

        fn max_batch(&self) -> usize {
            50
        }

        fn fresh_for(&self, _: &Key) -> Option<Duration> {
            None
        }

        async fn lift(&self, keys: &[Key]) -> Result<Vec<bool>> {
            // Else a key without a value would be left alone for a while.
            Ok(vec![true; keys.len()])
        }
    }

    #[tokio::test]
    async fn an_event_that_is_heard_of_no_more_is_expected_for_two_minutes_at_most() {
        let clock = Clock::manual();
        let warming = Warming::builder().clock(clock.clone()).strategy(Announced::new("announced")).build();
        warming.cover(Arc::new(Prices), Coverage::default());
        let (expected, rules) = (ExpectedEvents::new(Arc::clone(&warming)), EventRules::default());
        let at = clock.now().after(30 * EXPECTED_FOR);
        let event = MarketEvent::announced("AAPL".parse().unwrap(), EventKind::Halt).at(at);
        let picked = async || warming.run("announced").await.unwrap().items;
        for _ in 0..20 {
            expected.expect([&event], &rules, clock.now()).unwrap();
            assert_eq!(picked().await, 1);
            clock.advance(EXPECTED_FOR);
            assert_eq!(picked().await, 1, "until the next look");
        }
        // Another node was told that it is withdrawn.
        expected.expect([], &rules, clock.now()).unwrap();
        clock.advance(EXPECTED_FOR + Duration::from_secs(1));
        assert_eq!(picked().await, 0);
        // What is due before the next look is expected until an hour after it, since nobody tells of it again.
        expected.expect([&event.at(clock.now().after(EXPECTED_FOR))], &rules, clock.now()).unwrap();
        clock.advance(EXPECTED_FOR + AFTER);
        assert_eq!(picked().await, 1);
        clock.advance(Duration::from_secs(1));
        assert_eq!(picked().await, 0);
    }
}
