//! Whether a removal ended something: a value that was alive, in memory or any tier, each key once.

use std::{sync::Arc, time::Duration};

use cache_core::{Fetched, Loaded, Operation, Pattern, Tag, Ttl};
use cache_facade::{Cache, Memory, Region};
use futures_util::future::join_all;
use proptest::{collection::vec, prelude::*};
use tests::{FaultyTier, Fixture, GRACE, LIFE, ModelTier, Moment};

/// Memory holds nothing, so that the tier alone tells.
async fn tier_alone() -> Fixture {
    Fixture::built(|cache| cache.memory(Memory::bytes(1)), |region| region).await
}

/// A fixture whose memory holds values, and one whose memory holds none.
async fn both() -> [Fixture; 2] {
    [Fixture::new().await, tier_alone().await]
}

#[tokio::test]
async fn rule_113_a_removal_says_whether_a_value_was_alive() {
    for fixture in both().await {
        let Fixture { region, cache, .. } = &fixture;
        for id in ["fresh", "stale", "dead", "typed"] {
            region.put(id, "value".to_owned()).await.unwrap();
        }
        assert!(region.remove("fresh").await.unwrap());
        assert!(!region.remove("fresh").await.unwrap(), "it is gone");
        assert!(!region.remove("never there").await.unwrap());
        fixture.pass(LIFE.as_secs() + 1);
        assert!(region.remove("stale").await.unwrap(), "in grace");
        assert!(cache.remove("price", "typed").await.unwrap());
        assert!(!cache.remove("price", "typed").await.unwrap());
        assert!(!cache.remove("other", "typed").await.unwrap(), "a kind that nobody opened");
        fixture.pass(GRACE.as_secs());
        assert!(!region.remove("dead").await.unwrap());
    }
}

#[tokio::test]
async fn rule_113_what_was_ended_before_is_not_removed_again() {
    let tag = Tag::new("tech").unwrap();
    for fixture in both().await {
        let Fixture { region, cache, .. } = &fixture;
        let tagged = |text: &str| Fetched::new(text.to_owned()).tag(tag.clone());
        for id in ["a", "b", "c"] {
            region.put(id, tagged("old")).await.unwrap();
        }
        region.put("plain", "old".to_owned()).await.unwrap();
        cache.invalidate(&tag).await.unwrap();
        region.put("b", tagged("new")).await.unwrap();
        assert!(!region.remove("a").await.unwrap(), "a tag ended it");
        assert_eq!(region.remove_many(&["b", "c", "plain", "b"]).await.unwrap(), 2, "b and plain");

        region.put("d", "old".to_owned()).await.unwrap();
        region.put("e", "old".to_owned()).await.unwrap();
        region.clear().await.unwrap();
        region.put("e", "new".to_owned()).await.unwrap();
        assert!(!region.remove("d").await.unwrap(), "a clear ended it");
        assert!(region.remove("e").await.unwrap(), "it came after the clear");

        region.put("f", "old".to_owned()).await.unwrap();
        cache.clear().await.unwrap();
        assert!(!cache.remove("price", "f").await.unwrap());
    }
}

#[tokio::test]
async fn rule_113_a_process_started_later_knows_what_was_ended() {
    let tag = Tag::new("tech").unwrap();
    let before = Fixture::new().await;
    before.region.put("a", Fetched::new("old".to_owned()).tag(tag.clone())).await.unwrap();
    before.cache.invalidate(&tag).await.unwrap();
    let after = before.another(|region| region).await;
    assert!(!after.region.remove("a").await.unwrap(), "the tag");
    before.region.put("b", "old".to_owned()).await.unwrap();
    before.region.clear().await.unwrap();
    let after = before.another(|region| region).await;
    assert!(!after.region.remove("b").await.unwrap(), "the clear");
}

#[tokio::test]
async fn rule_113_a_remembered_absence_is_no_value() {
    let negative = Duration::from_secs(30);
    for memory in [Memory::mib(1), Memory::bytes(1)] {
        let fixture = Fixture::built(|cache| cache.memory(memory), |region| region.negative(negative)).await;
        fixture.region.get_or_load("a", || async { Ok::<_, std::io::Error>(Loaded::Absent) }).await.unwrap();
        tests::settle().await;
        assert!(fixture.region.lookup("a").await.unwrap().is_known_absent());
        assert!(!fixture.region.remove("a").await.unwrap());
    }
}

/// The region of a cache over two tiers, whose memory has room for `bytes`.
async fn over_two(bytes: u64) -> (Region<String>, [Arc<ModelTier>; 2]) {
    let tiers = ["near", "far"].map(|name| Arc::new(ModelTier::new(name)));
    let [near, far] = tiers.clone();
    let cache = Cache::builder().memory(Memory::bytes(bytes)).tier(near).tier(far).build().await.unwrap();
    (cache.region("price").open().unwrap(), tiers)
}

#[tokio::test]
async fn rule_113_a_key_that_several_tiers_hold_counts_once() {
    for bytes in [1, 1 << 20] {
        let (region, [near, far]) = over_two(bytes).await;
        let ids = ["both", "near", "far", "none"];
        region.put_many(ids[..3].iter().map(|id| (*id, "value".to_owned()))).await.unwrap();
        let key = |id| region.key(id).unwrap();
        let (only_far, only_near) = (far.entry(&key("far")).unwrap(), near.entry(&key("near")).unwrap());
        near.wipe();
        far.wipe();
        near.force(&key("both"), only_near.clone());
        far.force(&key("both"), only_near.clone());
        near.force(&key("near"), only_near);
        far.force(&key("far"), only_far);
        assert_eq!(region.remove_many(&ids).await.unwrap(), 3, "with {bytes} bytes of memory");
        assert_eq!(region.remove_many(&ids).await.unwrap(), 0);
    }
}

#[tokio::test]
async fn rule_113_of_many_who_remove_a_key_at_once_one_is_told() {
    for fixture in both().await {
        let Fixture { region, cache, .. } = &fixture;
        for ended in [false, true] {
            region.put("a", "value".to_owned()).await.unwrap();
            if ended {
                // So that what the tier holds is looked at before.
                cache.invalidate(&Tag::new("other").unwrap()).await.unwrap();
            }
            let told = join_all((0..20).map(|_| region.remove("a"))).await;
            let told = told.into_iter().filter(|told| *told.as_ref().unwrap()).count();
            assert_eq!(told, 1, "something was ended before: {ended}");
        }
    }
}

#[tokio::test]
async fn rule_113_of_many_who_all_saw_a_key_before_they_removed_it_one_is_told() {
    let fixture = tier_alone().await;
    fixture.region.put("a", "value".to_owned()).await.unwrap();
    fixture.cache.invalidate(&Tag::new("other").unwrap()).await.unwrap();
    let gate = fixture.tier.gate(Operation::Get, Moment::After);
    let remove = |_| {
        let region = fixture.region.clone();
        tokio::spawn(async move { region.remove("a").await.unwrap() })
    };
    let removals: Vec<_> = (0..5).map(remove).collect();
    gate.reached(5).await;
    tests::settle().await;
    gate.open();
    let told = join_all(removals).await;
    assert_eq!(told.into_iter().filter(|told| *told.as_ref().unwrap()).count(), 1);
}

#[tokio::test]
async fn rule_113_what_is_pending_for_a_tier_that_is_down_counts() {
    let fixture = tier_alone().await;
    fixture.tier.down();
    fixture.region.put("a", "value".to_owned()).await.unwrap();
    assert!(fixture.region.remove("a").await.unwrap());
    assert!(!fixture.region.remove("a").await.unwrap());
}

#[tokio::test]
async fn a_removal_of_what_memory_holds_or_no_stamp_ended_asks_no_tier_before() {
    let fixture = Fixture::new().await;
    fixture.get("first").await;
    fixture.region.put_many(["a", "b"].map(|id| (id, "value".to_owned()))).await.unwrap();
    fixture.tier.forget_calls();
    assert!(!fixture.region.remove("never there").await.unwrap());
    assert_eq!(fixture.region.remove_many(&["a", "b"]).await.unwrap(), 2);
    assert_eq!(fixture.tier.calls(Operation::Get), Vec::<Vec<cache_core::Key>>::new());
}

#[tokio::test]
async fn a_tier_that_hangs_when_asked_keeps_no_other_from_removing() {
    let [near, far] = ["near", "far"].map(|name| FaultyTier::over(ModelTier::new(name)));
    let clock = cache_core::Clock::manual();
    let cache = Cache::builder().clock(clock).memory(Memory::bytes(1)).tier(near.clone()).tier(far.clone());
    let region = cache.build().await.unwrap().region::<String>("price").open().unwrap();
    region.put("a", "value".to_owned()).await.unwrap();
    let gate = near.gate(Operation::Get, Moment::Before);
    let there = region.clone();
    let removal = tokio::spawn(async move { there.remove("a").await });
    gate.reached(1).await;
    tests::eventually("the other has removed it", || far.calls(Operation::Remove).len() == 1).await;
    gate.open();
    assert!(removal.await.unwrap().unwrap());
}

#[tokio::test]
async fn rule_113_a_pattern_says_what_each_tier_lost() {
    let fixture = Fixture::built(|cache| cache.namespace("md"), |region| region).await;
    let other = fixture.cache.region::<u32>("other").open().unwrap();
    for id in ["a1", "a2", "b1"] {
        fixture.region.put(id, "value".to_owned()).await.unwrap();
    }
    other.put("a1", 1).await.unwrap();
    let dying = Fetched::new("value".to_owned()).ttl(Ttl::new(Duration::from_secs(1)));
    fixture.region.put("a3", dying).await.unwrap();
    fixture.pass(2);
    fixture.model.wipe();
    fixture.region.put("a2", "value".to_owned()).await.unwrap();
    let removed = fixture.cache.remove_matching(&Pattern::glob("price:a*").unwrap()).await.unwrap();
    assert_eq!((removed.memory, &*removed.tiers), (2, &[("far", 1)][..]));
    assert_eq!((removed.at_least(), removed.at_most()), (2, 3));
    assert_eq!(
        serde_json::to_string(&removed).unwrap(),
        r#"{"memory":2,"tiers":[["far",1]],"under_way":[]}"#
    );

    other.clear().await.unwrap();
    fixture.tier.down();
    let removed = fixture.cache.remove_matching(&Pattern::glob("*1").unwrap()).await.unwrap();
    assert_eq!((removed.memory, removed.tiers), (1, Vec::new()), "what was cleared is not alive");
}

/// What is done next. Keys are numbers; the odd ones have a tag.
#[derive(Clone, Copy, Debug)]
enum Step {
    Put(u8),
    Remove(u8),
    RemoveMany(u8, u8),
    RemoveUntyped(u8),
    Evict,
    Invalidate,
    Clear,
    ClearAll,
    Restart,
    Pass(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..6_u8).prop_map(Step::Put),
        3 => (0..6_u8).prop_map(Step::Remove),
        2 => (0..6_u8, 0..6_u8).prop_map(|(from, to)| Step::RemoveMany(from, to)),
        2 => (0..6_u8).prop_map(Step::RemoveUntyped),
        1 => Just(Step::Evict),
        1 => Just(Step::Invalidate),
        1 => Just(Step::Clear),
        1 => Just(Step::ClearAll),
        1 => Just(Step::Restart),
        2 => (1..400_u64).prop_map(Step::Pass),
    ];
    vec(step, 1..60)
}

/// What the model knows of a key.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// Until when its value may be served.
    until: u64,
    /// Until when its value might have been, had its tag not been invalidated by a process that has ended.
    unheard: u64,
    invalidated: u64,
}

async fn agrees(steps: &[Step]) {
    let tag = Tag::new("odd").unwrap();
    let mut fixture = Fixture::new().await;
    let mut keys = [Known::default(); 6];
    let mut now = 0;
    for (at, step) in steps.iter().enumerate() {
        let Fixture { region, cache, .. } = &fixture;
        // Forgets keys, and returns how many of them were alive at least, and at most.
        let mut alive = |removed: &[u8]| {
            let known = removed.iter().map(|key| std::mem::take(&mut keys[usize::from(*key)]));
            let known: Vec<Known> = known.collect();
            let least = known.iter().filter(|known| known.until > now).count() as u64;
            least..=least + known.iter().filter(|known| known.unheard > now).count() as u64
        };
        match *step {
            Step::Put(key) => {
                let value = Fetched::new("value".to_owned());
                let value = if key % 2 == 1 { value.tag(tag.clone()) } else { value };
                region.put(&key, value).await.unwrap();
                keys[usize::from(key)] = Known { until: now + GRACE.as_secs(), ..Known::default() };
            }
            Step::Remove(key) => {
                let told = region.remove(&key).await.unwrap();
                assert!(alive(&[key]).contains(&u64::from(told)), "{at}: {steps:?}");
            }
            Step::RemoveUntyped(key) => {
                let told = cache.remove("price", &key.to_string()).await.unwrap();
                assert!(alive(&[key]).contains(&u64::from(told)), "{at}: {steps:?}");
            }
            Step::RemoveMany(from, to) => {
                let removed: Vec<u8> = (from..to).collect();
                let told = region.remove_many(&removed).await.unwrap();
                assert!(alive(&removed).contains(&told), "{at}: {steps:?}");
            }
            Step::Evict => {
                cache.set_memory_budget(0).unwrap();
                cache.set_memory_budget(1 << 20).unwrap();
            }
            Step::Invalidate => {
                cache.invalidate(&tag).await.unwrap();
                for known in keys.iter_mut().skip(1).step_by(2) {
                    let was = known.until.max(known.unheard).max(known.invalidated);
                    *known = Known { invalidated: was, ..Known::default() };
                }
            }
            Step::Clear => {
                region.clear().await.unwrap();
                keys = Default::default();
            }
            Step::ClearAll => {
                cache.clear().await.unwrap();
                keys = Default::default();
            }
            Step::Restart => {
                fixture = fixture.another(|region| region).await;
                keys.iter_mut().for_each(|known| known.unheard = known.unheard.max(known.invalidated));
            }
            Step::Pass(seconds) => {
                fixture.pass(seconds);
                now += seconds;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rule_113_a_removal_says_what_a_model_says(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(agrees(&steps));
    }
}
