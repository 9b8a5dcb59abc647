//! Updates against a model: a map of values that end after their life.

use std::{sync::Arc, time::Duration};

use cache_core::Clock;
use cache_facade::{Cache, Memory, Op, Ttl};
use proptest::prelude::*;
use tests::ModelTier;
use tokio::runtime::Builder;

/// What a random caller does to a key.
#[derive(Clone, Copy, Debug)]
enum Step {
    Put(u64),
    Remove,
    PutIfAbsent(u64),
    Add(u64),
    Take,
    ReplaceSeen(u64),
    ReplaceOther(u64),
    RemoveSeen,
    RemoveOther,
    Pass,
}

fn steps() -> impl Strategy<Value = Vec<(usize, Step)>> {
    let step = prop_oneof![
        any::<u64>().prop_map(Step::Put),
        Just(Step::Remove),
        any::<u64>().prop_map(Step::PutIfAbsent),
        (0_u64..9).prop_map(Step::Add),
        Just(Step::Take),
        any::<u64>().prop_map(Step::ReplaceSeen),
        any::<u64>().prop_map(Step::ReplaceOther),
        Just(Step::RemoveSeen),
        Just(Step::RemoveOther),
        Just(Step::Pass),
    ];
    prop::collection::vec((0_usize..3, step), 1..40)
}

/// Carries out steps one after the other and compares each with a map of values that end after their life.
async fn updates_are_those_of_a_map(cache: Cache, clock: Clock, steps: Vec<(usize, Step)>) {
    let life = Ttl::new(Duration::from_secs(60));
    let region = cache.region::<u64>("k").ttl(life).open().unwrap();
    let mut map: [Option<(u64, u64)>; 3] = [None; 3];
    let mut now = 0;
    for (at, step) in steps {
        let id = ["a", "b", "c"][at];
        let held = map[at].filter(|(_, until)| now < *until).map(|(value, _)| value);
        let put = |value| Some((value, now + 60));
        match step {
            Step::Put(value) => {
                region.put(id, value).await.unwrap();
                map[at] = put(value);
            }
            Step::Remove => {
                region.remove(id).await.unwrap();
                map[at] = None;
            }
            Step::PutIfAbsent(value) => {
                let updated = region.put_if_absent(id, value).await.unwrap();
                assert_eq!(updated.changed, held.is_none());
                assert_eq!(updated.value.as_deref(), Some(&held.unwrap_or(value)));
                map[at] = if held.is_none() { put(value) } else { map[at] };
            }
            Step::Add(more) => {
                let sum = move |seen: Option<Arc<u64>>| seen.map_or(0, |seen| *seen).wrapping_add(more);
                let updated = region.compute(id, move |seen| Op::put(sum(seen))).await.unwrap();
                let expected = held.unwrap_or(0).wrapping_add(more);
                assert_eq!((updated.changed, updated.value.as_deref()), (true, Some(&expected)));
                map[at] = put(expected);
            }
            Step::Take => {
                let take = |seen: Option<Arc<u64>>| if seen.is_some() { Op::Remove } else { Op::Keep };
                let updated = region.compute(id, take).await.unwrap();
                assert_eq!((updated.changed, updated.value), (held.is_some(), None));
                map[at] = None;
            }
            Step::ReplaceSeen(value) => {
                let seen = region.lookup(id).await.unwrap();
                let updated = region.replace_if(id, seen.born, value).await.unwrap();
                assert_eq!(updated.changed, held.is_some());
                map[at] = if held.is_some() { put(value) } else { map[at] };
            }
            Step::ReplaceOther(value) => {
                let updated = region.replace_if(id, clock.tick(), value).await.unwrap();
                assert!(!updated.changed && updated.value.as_deref() == held.as_ref());
            }
            Step::RemoveSeen => {
                let seen = region.lookup(id).await.unwrap();
                let updated = region.remove_if(id, seen.born).await.unwrap();
                assert_eq!((updated.changed, updated.value), (held.is_some(), None));
                map[at] = None;
            }
            Step::RemoveOther => {
                let updated = region.remove_if(id, clock.tick()).await.unwrap();
                assert!(!updated.changed && updated.value.as_deref() == held.as_ref());
            }
            Step::Pass => {
                clock.advance(Duration::from_secs(25));
                now += 25;
            }
        }
        let held = map[at].filter(|(_, until)| now < *until).map(|(value, _)| value);
        assert_eq!(region.get(id).await.unwrap().as_deref(), held.as_ref(), "after {step:?} of {id}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn rule_121_updates_are_those_of_a_map(steps in steps(), tier in any::<bool>(), memory in any::<bool>()) {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let clock = Clock::manual();
            let mut cache = Cache::builder().clock(clock.clone());
            if tier {
                cache = cache.tier(ModelTier::new("far"));
            }
            if tier && !memory {
                cache = cache.memory(Memory::bytes(0));
            }
            updates_are_those_of_a_map(cache.build().await.unwrap(), clock, steps).await;
        });
    }
}
