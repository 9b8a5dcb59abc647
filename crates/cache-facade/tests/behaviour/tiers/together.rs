//! Keys of several regions read together: one call a tier, one call a batch, and each key its own outcome.

use cache_core::{Error, Operation, Ttl};
use cache_facade::{AnyWanted, Cache, Lookup, Region, Result, Source, WantedKeys};
use proptest::prelude::*;
use tests::{FaultyTier, Fixture, GRACE, LIFE, ScriptedLoader, settle, soon};
use tokio::runtime::Builder;

/// The same number of regions as kinds of data in a usual request.
const REGIONS: usize = 8;

struct Kinds {
    regions: Vec<Region<String>>,
    loaders: Vec<ScriptedLoader<String>>,
}

/// Regions over the cache of a fixture, each with a loader of calls of 10 keys.
fn kinds(cache: &Cache) -> Kinds {
    let loaders: Vec<_> = (0..REGIONS).map(|_| ScriptedLoader::versions().batch(10)).collect();
    let open = |(at, loader): (usize, &ScriptedLoader<String>)| {
        let region = cache.region::<String>(&format!("kind{at}")).ttl(Ttl::new(LIFE).grace(GRACE));
        region.loader(loader.clone()).open().unwrap()
    };
    Kinds { regions: loaders.iter().enumerate().map(open).collect(), loaders }
}

async fn together(cache: &Cache, kinds: &Kinds, ids: &[Vec<String>]) -> Vec<Vec<Result<Lookup<String>>>> {
    let wanted = kinds.regions.iter().zip(ids).map(|(region, ids)| region.wanted(ids));
    let mut wanted: Vec<WantedKeys<String>> = wanted.collect();
    let mut all: Vec<&mut dyn AnyWanted> = wanted.iter_mut().map(|one| one as _).collect();
    soon(cache.read_together(&mut all)).await;
    wanted.into_iter().map(WantedKeys::into_answers).collect()
}

fn sources(answers: &[Vec<Result<Lookup<String>>>], source: Source) -> usize {
    answers
        .iter()
        .flatten()
        .filter(|answer| answer.as_ref().is_ok_and(|found| found.source == source))
        .count()
}

/// The reads of entries, not of the cache's own keys.
fn reads(tier: &FaultyTier) -> Vec<usize> {
    let of_entries = |keys: &&Vec<cache_core::Key>| keys.iter().all(|key| key.as_str().starts_with("kind"));
    tier.calls(Operation::Get).iter().filter(of_entries).map(Vec::len).collect()
}

#[tokio::test]
async fn two_hundred_keys_of_eight_kinds_cost_one_call_a_tier_and_one_a_batch() {
    let fixture = Fixture::new().await;
    let ids: Vec<Vec<String>> = (0..REGIONS).map(|_| (0..25).map(|id| format!("S{id}")).collect()).collect();
    let cold = kinds(&fixture.cache);
    let answers = together(&fixture.cache, &cold, &ids).await;
    assert_eq!(sources(&answers, Source::Loader), 200);
    assert_eq!(reads(&fixture.tier), [200], "one call of the tier for all of them");
    for loader in &cold.loaders {
        assert_eq!(loader.batch_sizes(), [10, 10, 5], "as few calls as batches are needed");
    }
    settle().await;

    fixture.tier.forget_calls();
    let answers = together(&fixture.cache, &cold, &ids).await;
    assert_eq!(sources(&answers, Source::Memory), 200);
    assert!(fixture.tier.calls(Operation::Get).is_empty() && cold.loaders.iter().all(|one| one.calls() == 3));

    let elsewhere = fixture.another(|region| region).await;
    let warm = kinds(&elsewhere.cache);
    fixture.tier.forget_calls();
    let answers = together(&elsewhere.cache, &warm, &ids).await;
    assert_eq!(sources(&answers, Source::Tier("far")), 200);
    assert_eq!(reads(&fixture.tier), [200]);
    assert!(warm.loaders.iter().all(|loader| loader.calls() == 0), "what a tier has is not loaded");
    let own = fixture.tier.calls(Operation::Get).len() - 1;
    assert_eq!(own, 1, "the clears of all kinds are read in one call");
}

#[tokio::test]
async fn each_key_has_its_own_outcome_whatever_its_region() {
    let fixture = Fixture::new().await;
    let texts = kinds(&fixture.cache);
    let numbers = fixture.cache.region::<u64>("number").open().unwrap();
    let own = fixture.cache.memory_region::<u64>("own").open().unwrap();
    numbers.put("seven", 7).await.unwrap();
    own.put("eight", 8).await.unwrap();
    texts.loaders[0].fail(cache_core::ErrorKind::Load);
    let other_cache = Cache::builder().build().await.unwrap();
    let foreign = other_cache.region::<u64>("number").open().unwrap();

    let long = "x".repeat(70_000);
    let (mut failing, mut fine) =
        (texts.regions[0].wanted(&["A"]), texts.regions[1].wanted(&["A", &long, "A"]));
    let (mut seven, mut eight) = (numbers.wanted(&["seven", "none"]), own.wanted(&["eight"]));
    let mut elsewhere = foreign.wanted(&["seven"]);
    let all: &mut [&mut dyn AnyWanted] =
        &mut [&mut failing, &mut fine, &mut seven, &mut eight, &mut elsewhere];
    soon(fixture.cache.read_together(all)).await;

    let kind =
        |answer: &Result<Lookup<String>>| answer.as_ref().map_err(Error::kind).map(|_| ()).unwrap_err();
    assert_eq!(kind(&failing.into_answers()[0]), cache_core::ErrorKind::Load);
    let fine = fine.into_answers();
    assert_eq!(fine[0].as_ref().unwrap().value.as_deref().map(String::as_str), Some("A@1"));
    assert_eq!(kind(&fine[1]), cache_core::ErrorKind::Limit);
    assert_eq!(
        fine[2].as_ref().unwrap().value.as_deref().map(String::as_str),
        Some("A@1"),
        "asked for twice"
    );
    let seven = seven.into_answers();
    assert_eq!(seven[0].as_ref().unwrap().value.as_deref(), Some(&7));
    assert_eq!(seven[1].as_ref().unwrap().source, Source::Nowhere);
    assert_eq!(eight.into_answers()[0].as_ref().unwrap().value.as_deref(), Some(&8));
    assert_eq!(elsewhere.into_answers()[0].as_ref().unwrap_err().kind(), cache_core::ErrorKind::Config);
    fixture.cache.read_together(&mut []).await;
}

#[tokio::test]
async fn a_read_of_several_regions_joins_what_is_under_way_and_outlives_its_caller() {
    let fixture = Fixture::new().await;
    let kinds = kinds(&fixture.cache);
    let gate = kinds.loaders[0].gate();
    let ids = vec![vec!["A".to_owned()]];
    let (cache, first) = (fixture.cache.clone(), kinds.regions[0].clone());
    let alone = tokio::spawn(async move { first.get("A").await });
    gate.reached(1).await;
    let dropped = tokio::spawn({
        let region = kinds.regions[1].clone();
        async move {
            let mut wanted = region.wanted(&["B"]);
            cache.read_together(&mut [&mut wanted]).await;
        }
    });
    let gate_of_dropped = kinds.loaders[1].gate();
    gate_of_dropped.reached(1).await;
    dropped.abort();
    gate_of_dropped.open();
    settle().await;
    assert!(kinds.regions[1].peek("B").is_some(), "the load went on without its caller");
    gate.open();
    let answers = together(&fixture.cache, &kinds, &ids).await;
    assert_eq!(answers[0][0].as_ref().unwrap().value.as_deref().map(String::as_str), Some("A@1"));
    assert!(alone.await.unwrap().unwrap().is_some());
    assert_eq!(kinds.loaders[0].calls(), 1);
}

#[tokio::test]
async fn clears_of_an_earlier_process_hold_for_all_regions_of_a_read() {
    let fixture = Fixture::new().await;
    let ids = vec![vec!["A".to_owned()]; 3];
    let before = kinds(&fixture.cache);
    together(&fixture.cache, &before, &ids).await;
    settle().await;
    before.regions[1].clear().await.unwrap();
    let elsewhere = fixture.another(|region| region).await;
    let after = kinds(&elsewhere.cache);
    let answers = together(&elsewhere.cache, &after, &ids).await;
    let sources: Vec<&str> = answers.iter().map(|one| one[0].as_ref().unwrap().source.as_str()).collect();
    assert_eq!(sources, ["far", "loader", "far"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Read together or one after the other, keys have the same answers.
    #[test]
    fn reading_together_changes_no_answer(
        ids in prop::collection::vec(prop::collection::vec("[A-E]", 0..6), REGIONS),
        known in prop::collection::vec("[A-E]", 0..6),
        passed in 0..700_u64,
    ) {
        Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
            let mut answers = Vec::new();
            for is_together in [true, false] {
                let fixture = Fixture::new().await;
                let before = kinds(&fixture.cache);
                for (at, id) in known.iter().enumerate() {
                    before.regions[at % REGIONS].get(id).await.unwrap();
                }
                settle().await;
                fixture.pass(passed);
                let elsewhere = fixture.another(|region| region).await;
                let kinds = kinds(&elsewhere.cache);
                let read = if is_together {
                    together(&elsewhere.cache, &kinds, &ids).await
                } else {
                    let mut read = Vec::new();
                    for (region, ids) in kinds.regions.iter().zip(&ids) {
                        read.push(region.lookup_many(ids).await);
                    }
                    read
                };
                let told = |answer: Result<Lookup<String>>| {
                    let Lookup { value, source, stale, .. } = answer.unwrap();
                    (value, source, stale)
                };
                answers.push(read.into_iter().flatten().map(told).collect::<Vec<_>>());
            }
            assert_eq!(answers[0], answers[1]);
        });
    }
}
