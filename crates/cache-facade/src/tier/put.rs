//! Puts to a tier: what it can't take now is stored later, and of what it refuses nothing older is left.

use std::time::Duration;

use cache_core::{Entry, Key, PutOutcome, Result};
use futures_util::future::join_all;

use super::{
    handle::TierHandle,
    unfinished::{Unfinished, Work},
};

/// How many keys, and how many bytes of values, one call has at most, unless one value alone has more.
pub(super) const KEYS_PER_CALL: usize = 5000;
const BYTES_PER_CALL: usize = 8 << 20;

/// How many entries of a batch are put at the same time to learn which of them the tier refuses.
const PUTS_AT_ONCE: usize = 16;

/// What becomes of a put that the tier can't take now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WhenAway {
    /// It is stored later.
    Queue,
    /// It is left: it is a copy of what another tier holds.
    Leave,
}

/// Divides entries into what goes in one call each.
fn parts(entries: &[(Key, Entry)]) -> impl Iterator<Item = &[(Key, Entry)]> {
    let mut rest = entries;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let mut fits = |(_, entry): &(Key, Entry)| {
            bytes += entry.value.as_ref().map_or(0, |value| value.bytes.len());
            bytes <= BYTES_PER_CALL
        };
        let count = rest.iter().take(KEYS_PER_CALL).take_while(|entry| fits(entry)).count();
        let (part, others) = rest.split_at(count.max(1).min(rest.len()));
        rest = others;
        (!part.is_empty()).then_some(part)
    })
}

impl TierHandle {
    /// Stores entries, and returns what became of each. What becomes of those that the tier can't take now says
    /// `away`; of those that it refuses nothing older is left to be read. Tombstones last `life` from now. Very
    /// many go in several calls: the time of a call is limited, and of one that takes too long all would be lost.
    pub(crate) async fn put(
        &self,
        entries: &[(Key, Entry)],
        life: Duration,
        away: WhenAway,
    ) -> Vec<PutOutcome> {
        // All of them: with a call that is cut short those are that were to follow.
        let unfinished = (away == WhenAway::Queue).then(|| Unfinished::new(self, Work::Put(entries)));
        let mut outcomes = Vec::with_capacity(entries.len());
        for part in parts(entries) {
            outcomes.extend(self.put_part(part, life, away).await);
        }
        unfinished.into_iter().for_each(Unfinished::finish);
        outcomes
    }

    async fn put_part(&self, entries: &[(Key, Entry)], life: Duration, away: WhenAway) -> Vec<PutOutcome> {
        let outcomes = match self.put_or_queue(entries, away).await {
            Ok(outcomes) => outcomes,
            Err(error) if entries.len() == 1 => vec![PutOutcome::Refused(error)],
            // Nobody knows which of them the tier refuses.
            Err(_) => {
                let mut outcomes = Vec::with_capacity(entries.len());
                for part in entries.chunks(PUTS_AT_ONCE) {
                    outcomes.extend(join_all(part.chunks(1).map(|one| self.put_alone(one, away))).await);
                }
                outcomes
            }
        };
        for ((key, entry), outcome) in entries.iter().zip(&outcomes) {
            if let PutOutcome::Refused(error) = outcome {
                self.report_refused(key, error);
                self.end_older(key, entry.meta.born, life).await;
            }
        }
        outcomes
    }

    async fn put_alone(&self, one: &[(Key, Entry)], away: WhenAway) -> PutOutcome {
        let outcome = self.put_or_queue(one, away).await.map(|mut outcomes| outcomes.pop());
        outcome.map_or_else(PutOutcome::Refused, |outcome| outcome.unwrap_or(PutOutcome::Queued))
    }

    /// Stores entries, or does with them what `away` says. Fails if the tier would not take them later either.
    async fn put_or_queue(&self, entries: &[(Key, Entry)], away: WhenAway) -> Result<Vec<PutOutcome>> {
        match self.try_put(entries).await {
            Ok(outcomes) => {
                let taken = entries.iter().zip(&outcomes);
                taken
                    .filter(|(_, outcome)| !matches!(outcome, PutOutcome::Refused(_)))
                    .for_each(|((key, entry), _)| self.retries.done(key, entry.meta.born));
                Ok(outcomes)
            }
            Err(error) if error.is_retryable() => {
                if away == WhenAway::Queue {
                    self.owe_entries(entries);
                }
                Ok(vec![PutOutcome::Queued; entries.len()])
            }
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use cache_core::{Blob, Codec, Meta, Timestamp, Ttl};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn rule_100_all_go_in_their_order_in_calls_that_are_bounded(
            sizes in prop::collection::vec(prop_oneof![4 => 0..100_usize, 1 => 0..12_000_000_usize], 0..12),
            small in 0..12_000_usize,
        ) {
            let entry = |(at, bytes): (usize, usize)| {
                let meta = Meta::new(Timestamp::from_micros(0), Ttl::new(Duration::from_secs(60)));
                let value = Blob { bytes: vec![0; bytes].into(), ..Blob::encode(Codec::Bincode, 1, &()).unwrap() };
                (Key::new("k", &at.to_string()).unwrap(), Entry { value: Some(value), meta })
            };
            let sizes = sizes.into_iter().chain(std::iter::repeat_n(1, small));
            let entries: Vec<_> = sizes.enumerate().map(entry).collect();
            let parts: Vec<_> = parts(&entries).collect();
            prop_assert_eq!(parts.concat(), entries.clone());
            for part in &parts {
                let bytes: usize = part.iter().map(|(_, entry)| entry.value.as_ref().unwrap().bytes.len()).sum();
                prop_assert!(part.len() <= KEYS_PER_CALL && (bytes <= BYTES_PER_CALL || part.len() == 1));
            }
            prop_assert!(entries.len() > KEYS_PER_CALL || parts.len() <= 13);
        }
    }
}
