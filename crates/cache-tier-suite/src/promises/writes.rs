//! Which of two writes wins: the one born later.

use cache_core::{Clock, Entry, Meta, PutOutcome, Target, Tier, TierExt, Tombstone, Ttl};
use proptest::collection::vec;

use crate::{
    entries::{LONG, at, entry, key},
    properties::for_all,
};

pub(crate) async fn rule_30_a_later_born_entry_replaces(tier: &dyn Tier, clock: &Clock) {
    for born in 1..5 {
        let put = entry(&born.to_string(), at(clock, born));
        tier.put_one(key("a"), put.clone()).await.unwrap();
        assert_eq!(tier.get_one(&key("a")).await.unwrap(), Some(put));
    }
}

pub(crate) async fn rule_30_an_entry_born_earlier_or_at_the_same_time_does_not_replace(
    tier: &dyn Tier,
    clock: &Clock,
) {
    let held = entry("held", at(clock, 10));
    tier.put_one(key("a"), held.clone()).await.unwrap();
    for born in [10, 9, 0] {
        tier.put_one(key("a"), entry("late", at(clock, born))).await.unwrap();
        assert_eq!(tier.get_one(&key("a")).await.unwrap(), Some(held.clone()), "born {born} against 10");
    }
}

pub(crate) async fn rule_30_whatever_the_order_of_puts_the_last_born_is_held(tier: &dyn Tier, clock: &Clock) {
    for_all(32, vec(0_i64..12, 1..12), async |case, births| {
        let key = key(&case.to_string());
        let mut winner: Option<Entry> = None;
        for (n, born) in births.iter().enumerate() {
            let put = entry(&n.to_string(), at(clock, *born));
            tier.put_one(key.clone(), put.clone()).await.unwrap();
            if winner.as_ref().is_none_or(|winner| put.meta.born > winner.meta.born) {
                winner = Some(put);
            }
            assert_eq!(tier.get_one(&key).await.unwrap(), winner);
        }
    })
    .await;
}

pub(crate) async fn rule_30_an_absence_and_a_value_compete_by_birth_alone(tier: &dyn Tier, clock: &Clock) {
    let absent = |born| Entry::absent(Meta::new(at(clock, born), Ttl::new(LONG)));
    let value = |born| entry("value", at(clock, born));
    for (n, (first, second)) in
        [(absent(2), value(1)), (value(2), absent(1)), (absent(2), value(2)), (value(2), absent(2))]
            .into_iter()
            .enumerate()
    {
        let key = key(&n.to_string());
        tier.put_one(key.clone(), first.clone()).await.unwrap();
        tier.put_one(key.clone(), second).await.unwrap();
        assert_eq!(tier.get_one(&key).await.unwrap(), Some(first), "case {n}");
    }
    for (n, later) in [absent(3), value(4), absent(5)].into_iter().enumerate() {
        tier.put_one(key("turns"), later.clone()).await.unwrap();
        assert_eq!(tier.get_one(&key("turns")).await.unwrap(), Some(later), "turn {n}");
    }
}

pub(crate) async fn rule_104_a_put_that_loses_says_so(tier: &dyn Tier, clock: &Clock) {
    let input = vec((0_i64..6, 0_i64..6), 1..20);
    for_all(24, input, async |case, births| {
        let key = |id: usize| key(&format!("{case}/{id}"));
        let batch = |birth: &dyn Fn(&(i64, i64)) -> i64| -> Vec<_> {
            let births = births.iter().map(birth).enumerate();
            births.map(|(id, born)| (key(id), entry("put", at(clock, born)))).collect()
        };
        let first = tier.put(&batch(&|births| births.0)).await.unwrap();
        assert!(first.len() == births.len() && first.iter().all(|outcome| !outcome.is_outdated()));
        let second = tier.put(&batch(&|births| births.1)).await.unwrap();
        assert_eq!(second.len(), births.len(), "an outcome for each");
        for ((first, second), outcome) in births.iter().zip(second) {
            let wins = second > first;
            let told = if wins { outcome.is_stored() } else { outcome.is_outdated() };
            assert!(
                told || matches!(outcome, PutOutcome::Queued),
                "born {second} against {first}: {outcome:?}"
            );
        }
        let keys = [key(0), key(1000)];
        let tombstone = Tombstone { born: at(clock, 10), dead_at: at(clock, 10).after(LONG) };
        tier.remove(Target::Keys(&keys), tombstone).await.unwrap();
        for key in keys {
            let outcome = tier.put_one(key, entry("late", at(clock, 9))).await.unwrap();
            assert!(
                outcome.is_outdated() || matches!(outcome, PutOutcome::Queued),
                "a tombstone: {outcome:?}"
            );
        }
    })
    .await;
}
