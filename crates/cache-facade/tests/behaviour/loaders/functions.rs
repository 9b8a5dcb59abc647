//! Functions of ids as loaders of a region; keys warmed and kept fresh by them.

use std::{
    collections::BTreeMap,
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use cache_core::{Clock, ErrorKind, FromId, sync::Mutex};
use cache_facade::{Cache, Region, Source};
use proptest::{
    collection::{btree_map, vec},
    prelude::any,
    prop_assert, prop_assert_eq, proptest,
    test_runner::Config,
};
use tests::{ModelTier, settle};
use tokio::runtime;

use super::SECOND;

/// What a source does with each of its ids: it has this value, none, or fails.
type Table = BTreeMap<(String, u8), Option<Option<u32>>>;

proptest! {
    #![proptest_config(Config { cases: 64, failure_persistence: None, ..Config::default() })]

    /// Whatever the ids, each gets what its source says of it, in few calls.
    #[test]
    fn a_function_is_asked_for_ids_and_answers_by_id(
        table in btree_map(("[a:%]{0,3}", any::<u8>()), any::<Option<Option<u32>>>(), 1..12),
        asked in vec(("[a:%]{0,3}", any::<u8>()), 0..6),
        max_batch in 1_usize..7,
    ) {
        let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let cache = Cache::builder().build().await.unwrap();
            let sizes = Arc::new(Mutex::new(Vec::new()));
            let (known, seen) = (table.clone(), Arc::clone(&sizes));
            let load = move |(known, seen): (Table, Arc<Mutex<Vec<usize>>>), ids: Vec<(String, u8)>| async move {
                seen.lock().push(ids.len());
                let answer = |id: (String, u8)| match known.get(&id) {
                    None | Some(Some(None)) => None,
                    Some(Some(Some(value))) => Some((id, Ok(*value))),
                    Some(None) => Some((id, Err("refused"))),
                };
                Ok::<Vec<_>, io::Error>(ids.into_iter().rev().filter_map(answer).collect())
            };
            let region = cache.region::<u32>("k").load_many_with(max_batch, &(known, seen), load).open().unwrap();
            let ids: Vec<(String, u8)> = table.keys().cloned().chain(asked).collect();
            let (found, failed) = region.get_found(&ids).await;
            let wanted = |id: &(String, u8)| table.get(id).copied().unwrap_or(Some(None));
            let has = ids.iter().filter_map(|id| wanted(id).flatten().map(|value| (id.clone(), value)));
            let got = found.into_iter().map(|(id, value)| (id, *value));
            prop_assert_eq!(got.collect::<Vec<_>>(), has.collect::<Vec<_>>());
            let fails: Vec<_> = ids.iter().filter(|id| wanted(id).is_none()).cloned().collect();
            prop_assert_eq!(failed.into_iter().map(|(id, _)| id).collect::<Vec<_>>(), fails);
            let distinct = ids.iter().collect::<std::collections::BTreeSet<_>>().len();
            let sizes = sizes.lock();
            prop_assert!(sizes.iter().all(|size| *size <= max_batch));
            prop_assert_eq!(sizes.len(), distinct.div_ceil(max_batch));
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn a_key_that_no_id_makes_fails_without_a_call() {
    let cache = Cache::builder().build().await.unwrap();
    let calls = Arc::new(AtomicU64::new(0));
    let count = |calls: Arc<AtomicU64>, id: u64| async move {
        calls.fetch_add(1, Ordering::Relaxed);
        (id < 9).then_some(id)
    };
    let region = cache.region::<u64>("k").load_one_with(&calls, count).open().unwrap();
    for text in ["seven", "007", "-7", ""] {
        let error = region.get(text).await.unwrap_err();
        assert!(error.kind() == ErrorKind::Config && error.to_string().contains(text), "{error}");
    }
    assert_eq!(calls.load(Ordering::Relaxed), 0);
    assert_eq!(region.get("7").await.unwrap().as_deref(), Some(&7));
    assert_eq!(region.get(&9).await.unwrap(), None);
    assert_eq!(calls.load(Ordering::Relaxed), 2);
}

/// An id that is read in another case than it is written.
struct Folded(String);

impl FromId for Folded {
    fn from_id(id: &str) -> Option<Self> {
        Some(Self(id.to_lowercase()))
    }
}

#[tokio::test]
async fn a_function_of_one_id_answers_the_key_that_it_was_asked_for() {
    let cache = Cache::builder().build().await.unwrap();
    let region = cache.region::<String>("k").load_one(|id: Folded| async move { id.0 }).open().unwrap();
    assert_eq!(region.get("AAPL").await.unwrap().as_deref().map(String::as_str), Some("aapl"));
}

#[tokio::test]
async fn a_call_that_hangs_keeps_its_own_keys_from_being_kept_fresh_and_no_others() {
    let clock = Clock::manual();
    let cache = Cache::builder().clock(clock.clone()).build().await.unwrap();
    let load = |id: u64| async move {
        if id == 1 {
            std::future::pending::<()>().await;
        }
        id
    };
    let region = cache.region::<u64>("k").ttl("10s").load_one(load).open().unwrap();
    let kept = region.keep_fresh(&[1, 2], SECOND * 8).unwrap();
    for _ in 0..20 {
        settle().await;
        assert_eq!(region.peek(&2).as_deref(), Some(&2));
        clock.advance(SECOND * 4);
    }
    assert!(kept.is_running());
    let nothing = region.keep_fresh::<u64>(&[], Duration::from_nanos(1)).unwrap();
    settle().await;
    assert!(nothing.is_running());
}

/// A region over a tier, whose loader fails for `HALT`, has nothing for `NONE`, and counts its calls.
async fn desk(clock: &Clock, tier: &Arc<ModelTier>, calls: &Arc<AtomicU64>) -> (Cache, Region<u64>) {
    let cache = Cache::builder().clock(clock.clone()).tier(Arc::clone(tier)).build().await.unwrap();
    let load = |calls: Arc<AtomicU64>, symbols: Vec<String>| async move {
        let call = calls.fetch_add(1, Ordering::Relaxed) + 1;
        let answer = |symbol: String| match symbol.as_str() {
            "HALT" => (symbol, Err("no price today")),
            "NONE" => (symbol, Ok(None)),
            _ => (symbol, Ok(Some(call))),
        };
        Ok::<Vec<_>, io::Error>(symbols.into_iter().map(answer).collect())
    };
    let region = cache.region("price").ttl(SECOND * 60).load_many_with(50, calls, load).open().unwrap();
    (cache, region)
}

#[tokio::test]
async fn warming_asks_the_tiers_first_and_tells_what_became_of_each_key() {
    let (clock, tier, calls) = (Clock::manual(), Arc::new(ModelTier::new("far")), Arc::default());
    let (_first, elsewhere) = desk(&clock, &tier, &calls).await;
    elsewhere.put("TIER", 7).await.unwrap();
    let (_cache, region) = desk(&clock, &tier, &calls).await;
    region.with(|policy| policy.skip("far")).put("MEMORY", 7).await.unwrap();
    let warmed = region.warm(&["LOADED", "TIER", "HALT", "NONE", "MEMORY", "ALSO"]).await;
    let far = Source::Tier("far");
    assert_eq!(
        warmed.found,
        [("LOADED", Source::Loader), ("TIER", far), ("MEMORY", Source::Memory), ("ALSO", Source::Loader)]
    );
    assert_eq!((warmed.found_in(Source::Loader), warmed.found_in(far)), (2, 1));
    assert_eq!((warmed.absent, warmed.failed.len()), (vec!["NONE"], 1));
    assert_eq!((warmed.failed[0].0, calls.load(Ordering::Relaxed)), ("HALT", 1));
    for symbol in ["LOADED", "TIER", "ALSO"] {
        assert!(region.peek(symbol).is_some(), "{symbol}");
    }
}

#[tokio::test]
async fn keys_are_kept_fresh_until_the_handle_is_dropped() {
    let (clock, tier, calls) = (Clock::manual(), Arc::new(ModelTier::new("far")), Arc::default());
    let (cache, region) = desk(&clock, &tier, &calls).await;
    let kept = region.keep_fresh(&["AAPL", "MSFT", "AAPL", "HALT"], SECOND * 45).unwrap();
    for round in 1..=5 {
        settle().await;
        assert_eq!(region.peek("AAPL").as_deref(), Some(&round), "loaded anew in each round");
        assert_eq!(calls.load(Ordering::Relaxed), round, "in one call");
        clock.advance(SECOND * 44);
        settle().await;
        assert!(region.peek("MSFT").is_some());
        clock.advance(SECOND);
    }
    settle().await;
    drop(kept);
    let rounds = calls.load(Ordering::Relaxed);
    clock.advance(SECOND * 300);
    settle().await;
    assert_eq!((calls.load(Ordering::Relaxed), region.peek("AAPL")), (rounds, None));
    let _again = region.keep_fresh(&["AAPL"], SECOND * 45).unwrap();
    settle().await;
    cache.shutdown(SECOND).await.unwrap();
    clock.advance(SECOND * 300);
    settle().await;
    assert_eq!(calls.load(Ordering::Relaxed), rounds + 1);
    let closed = region.keep_fresh(&["AAPL"], SECOND * 45).unwrap_err();
    assert_eq!(closed.kind(), ErrorKind::Closed);
}

#[tokio::test]
async fn keys_are_kept_fresh_by_a_loader_at_an_interval() {
    let cache = Cache::builder().build().await.unwrap();
    let region = cache.region::<u64>("k").open().unwrap();
    let error = region.keep_fresh(&["a"], SECOND).unwrap_err();
    assert!(error.kind() == ErrorKind::Config && error.to_string().contains("loader"), "{error}");
    let region = cache.region::<u64>("k").load_one(|id: u64| async move { id }).open().unwrap();
    let error = region.keep_fresh(&["a"], Duration::ZERO).unwrap_err();
    assert!(error.kind() == ErrorKind::Config && error.to_string().contains("interval"), "{error}");
    let too_long = "x".repeat(5000);
    assert_eq!(region.keep_fresh(&[too_long.as_str()], SECOND).unwrap_err().kind(), ErrorKind::Limit);
}
