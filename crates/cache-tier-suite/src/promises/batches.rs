//! Batches: results in the order of the keys, and each entry stored or refused on its own.

use cache_core::{Clock, Tier};
use proptest::{collection::vec, prelude::any};

use crate::{
    entries::{at, entry, key, text},
    properties::for_all,
};

pub(crate) async fn rule_12_answers_follow_the_order_of_the_keys(tier: &dyn Tier, clock: &Clock) {
    let input = (vec(any::<bool>(), 1..40), vec(0_usize..1000, 0..60));
    for_all(24, input, async |case, (there, asked)| {
        let key = |id: usize| key(&format!("{case}/{id}"));
        let put = there.iter().enumerate().filter(|(_, there)| **there);
        let put: Vec<_> = put.map(|(id, _)| (key(id), entry(&id.to_string(), at(clock, 1)))).collect();
        tier.put(&put).await.unwrap();

        let asked: Vec<usize> = asked.into_iter().map(|id| id % there.len()).collect();
        let keys: Vec<_> = asked.iter().map(|id| key(*id)).collect();
        let answers = tier.get(&keys).await.unwrap();
        assert_eq!(answers.len(), keys.len());
        for (id, answer) in asked.into_iter().zip(&answers) {
            assert_eq!(answer.as_ref().map(text), there[id].then(|| id.to_string()));
        }
    })
    .await;
}

pub(crate) async fn rule_12_an_empty_batch_is_answered_empty(tier: &dyn Tier, _: &Clock) {
    assert_eq!(tier.get(&[]).await.unwrap(), []);
    tier.put(&[]).await.unwrap();
}

pub(crate) async fn rule_12_a_key_asked_twice_is_answered_twice(tier: &dyn Tier, clock: &Clock) {
    let there = entry("there", at(clock, 1));
    tier.put(&[(key("a"), there.clone())]).await.unwrap();
    let answers = tier.get(&[key("a"), key("b"), key("a"), key("b")]).await.unwrap();
    assert_eq!(answers, [Some(there.clone()), None, Some(there), None]);
}

pub(crate) async fn rule_12_a_large_batch_is_answered_whole(tier: &dyn Tier, clock: &Clock) {
    let ids: Vec<String> = (0..5000).map(|id| id.to_string()).collect();
    let put: Vec<_> = ids.iter().map(|id| (key(id), entry(id, at(clock, 1)))).collect();
    tier.put(&put).await.unwrap();
    let keys: Vec<_> = ids.iter().rev().map(|id| key(id)).collect();
    let answers = tier.get(&keys).await.unwrap();
    let answers: Vec<String> = answers.iter().rev().flatten().map(text).collect();
    assert_eq!(answers, ids);
}

pub(crate) async fn rule_30_of_a_key_twice_in_a_batch_the_later_born_is_kept(tier: &dyn Tier, clock: &Clock) {
    for_all(24, vec(0_i64..6, 1..8), async |case, births| {
        let key = key(&case.to_string());
        let put = births.iter().enumerate();
        let put: Vec<_> =
            put.map(|(n, born)| (key.clone(), entry(&n.to_string(), at(clock, *born)))).collect();
        tier.put(&put).await.unwrap();

        // Of those born at the same time, the first one stays.
        let latest = births.iter().max().unwrap();
        let winner = births.iter().position(|born| born == latest).unwrap();
        assert_eq!(tier.get(&[key]).await.unwrap(), [Some(put[winner].1.clone())]);
    })
    .await;
}

pub(crate) async fn rule_30_each_entry_of_a_batch_wins_or_loses_alone(tier: &dyn Tier, clock: &Clock) {
    let input = vec((0_i64..4, 0_i64..4), 1..20);
    for_all(24, input, async |case, births| {
        let key = |id: usize| key(&format!("{case}/{id}"));
        let batch = |text: &str, born: &dyn Fn(&(i64, i64)) -> i64| -> Vec<_> {
            let entries = births.iter().enumerate();
            entries.map(|(id, births)| (key(id), entry(text, at(clock, born(births))))).collect()
        };
        tier.put(&batch("first", &|births| births.0)).await.unwrap();
        tier.put(&batch("second", &|births| births.1)).await.unwrap();

        let keys: Vec<_> = (0..births.len()).map(key).collect();
        let answers = tier.get(&keys).await.unwrap();
        for ((first, second), answer) in births.iter().zip(answers) {
            let winner = if second > first { "second" } else { "first" };
            assert_eq!(text(&answer.unwrap()), winner, "born {first}, then {second}");
        }
    })
    .await;
}
