//! Calls that are dropped half way leave the tier consistent.

use std::{future::poll_fn, pin::pin, task::Poll};

use cache_core::{Clock, Entry, Key, Target, Tier, TierExt};

use crate::entries::{at, entry, key, tombstone};

/// Polls a future this many times at most and drops it.
async fn abandon(polls: usize, future: impl Future) {
    let mut future = pin!(future);
    for _ in 0..polls {
        if poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_ready())).await {
            return;
        }
        tokio::task::yield_now().await;
    }
}

fn batch(text: &str, clock: &Clock, born: i64) -> Vec<(Key, Entry)> {
    (0..50).map(|id| (key(&id.to_string()), entry(&format!("{text}{id}"), at(clock, born)))).collect()
}

fn keys() -> Vec<Key> {
    (0..50).map(|id| key(&id.to_string())).collect()
}

/// Reads the batch, each entry of which must be that of one of the `versions`, or absent if it may be.
async fn all_of(tier: &dyn Tier, versions: &[&[(Key, Entry)]], may_lack: bool) {
    let answers = tier.get(&keys()).await.unwrap();
    for (n, answer) in answers.into_iter().enumerate() {
        let known = match &answer {
            None => may_lack,
            Some(answer) => versions.iter().any(|version| version[n].1 == *answer),
        };
        assert!(known, "{answer:?}");
    }
}

pub(crate) async fn rule_60_a_get_dropped_half_way_harms_nothing(tier: &dyn Tier, clock: &Clock) {
    let put = batch("a", clock, 1);
    tier.put(&put).await.unwrap();
    for polls in 0..20 {
        abandon(polls % 4, tier.get(&keys())).await;
    }
    all_of(tier, &[&put], false).await;
}

pub(crate) async fn rule_60_a_put_dropped_half_way_is_whole_or_nothing(tier: &dyn Tier, clock: &Clock) {
    let mut before = batch("0-", clock, 0);
    tier.put(&before).await.unwrap();
    for round in 1..20 {
        let dropped = batch(&format!("{round}-"), clock, 2 * round);
        abandon(round as usize % 4, tier.put(&dropped)).await;
        all_of(tier, &[&before, &dropped], false).await;

        let after = batch(&format!("{round}+"), clock, 2 * round + 1);
        tier.put(&after).await.unwrap();
        all_of(tier, &[&after], false).await;
        before = after;
    }
}

pub(crate) async fn rule_60_a_removal_dropped_half_way_can_be_made_again(tier: &dyn Tier, clock: &Clock) {
    for round in 0..20 {
        let put = batch(&format!("{round}-"), clock, 3 * round);
        tier.put(&put).await.unwrap();
        abandon(round as usize % 4, tier.remove(Target::Keys(&keys()), tombstone(at(clock, 3 * round + 1))))
            .await;
        all_of(tier, &[&put], true).await;

        tier.remove(Target::Keys(&keys()), tombstone(at(clock, 3 * round + 2))).await.unwrap();
        tier.put(&put).await.unwrap();
        assert_eq!(tier.get(&keys()).await.unwrap(), vec![None; 50], "round {round}");
    }
    let after = entry("after", at(clock, 1000));
    tier.put_one(key("0"), after.clone()).await.unwrap();
    assert_eq!(tier.get_one(&key("0")).await.unwrap(), Some(after));
}
