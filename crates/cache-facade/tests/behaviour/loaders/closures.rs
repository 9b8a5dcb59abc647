//! Closures that load: what they may return, what their callers get, and what is cloned for them.

use std::{
    collections::HashMap,
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use cache_core::{Clock, Error, ErrorKind, Result};
use cache_facade::{Cache, Fetched, Loaded, Region, Tag, Ttl};
use tests::{Gate, ModelTier, settle};
use tokio::{spawn, task::JoinHandle};

use super::SECOND;

async fn region(cache: &Cache) -> Region<u64> {
    cache.region::<u64>("k").negative(SECOND * 60).open().unwrap()
}

#[tokio::test]
async fn a_caller_gets_a_value_where_its_closure_always_has_one_and_an_option_otherwise() {
    let cache = Cache::builder().build().await.unwrap();
    let region = region(&cache).await;
    let refused = || io::Error::other("refused");
    let value: Arc<u64> = region.get_or_load("value", || async { 1 }).await.unwrap();
    let result: Arc<u64> = region.get_or_load("ok", || async { Ok::<_, io::Error>(2) }).await.unwrap();
    let fetched: Arc<u64> = region
        .get_or_load("fetched", || async { Fetched::new(3).tag(Tag::new("t").unwrap()) })
        .await
        .unwrap();
    let some: Option<Arc<u64>> = region.get_or_load("some", || async { Some(4) }).await.unwrap();
    let none: Option<Arc<u64>> = region.get_or_load("none", || async { None::<u64> }).await.unwrap();
    let loaded: Option<Arc<u64>> =
        region.get_or_load("loaded", || async { io::Result::Ok(Loaded::from(5)) }).await.unwrap();
    let with: Option<Arc<u64>> =
        region.get_or_load("with", || async { Some(Fetched::new(6).ttl(Ttl::NONE)) }).await.unwrap();
    assert_eq!((*value, *result, *fetched, some.as_deref(), none), (1, 2, 3, Some(&4), None));
    assert_eq!((loaded.as_deref(), with.as_deref()), (Some(&5), Some(&6)));
    assert_eq!(region.peek("with"), None, "it lives for no time at all");
    let error =
        region.get_or_load("error", move || async move { Err::<u64, _>(refused()) }).await.unwrap_err();
    assert!(error.kind() == ErrorKind::Load && error.cause().unwrap().to_string() == "refused", "{error}");
    let text = region.get_or_load("text", async || -> Result<u64, &str> { Err("no such thing") });
    assert_eq!(text.await.unwrap_err().cause().unwrap().to_string(), "no such thing");
    cache.invalidate(&Tag::new("t").unwrap()).await.unwrap();
    assert_eq!(region.peek("fetched"), None);
}

/// A load of `a` that will find nothing, held at the gate.
async fn finding_none(region: &Region<u64>) -> (Gate, JoinHandle<Result<Option<Arc<u64>>>>) {
    let (region, gate) = (region.clone(), Gate::closed());
    let held = gate.clone();
    let load = move || async move {
        held.pass().await;
        None::<u64>
    };
    let caller = spawn(async move { region.get_or_load("a", load).await });
    gate.reached(1).await;
    (gate, caller)
}

/// A remembered absence is an answer to whoever may be told that there is none, and to nobody else.
#[tokio::test]
async fn a_closure_that_always_has_a_value_is_called_where_another_found_none() {
    let cache = Cache::builder().tier(ModelTier::new("far")).build().await.unwrap();
    let region = region(&cache).await;
    assert_eq!(region.get_or_load("a", || async { None::<u64> }).await.unwrap(), None);
    assert_eq!(region.get_or_load("a", || async { Some(1) }).await.unwrap(), None, "it is remembered");
    assert_eq!(*region.get_or_load("a", || async { 2 }).await.unwrap(), 2);
    assert_eq!(region.get("a").await.unwrap().as_deref(), Some(&2));
    assert_eq!(cache.stats().loads, 2);
}

#[tokio::test]
async fn a_closure_that_always_has_a_value_is_called_where_the_load_that_it_joined_found_none() {
    let cache = Cache::builder().build().await.unwrap();
    let region = region(&cache).await;
    let (gate, first) = finding_none(&region).await;
    let second = spawn({
        let region = region.clone();
        async move { region.get_or_load("a", || async { 2 }).await }
    });
    settle().await;
    gate.open();
    assert_eq!(first.await.unwrap().unwrap(), None);
    assert_eq!(*second.await.unwrap().unwrap(), 2);
}

/// Those whose closures always have a value share one load among themselves, and look again before it.
#[tokio::test]
async fn rule_01_callers_that_need_a_value_share_one_load_after_another_found_none() {
    for (put_meanwhile, waiting) in [(false, 1000), (true, 1000)] {
        let cache = Cache::builder().tier(ModelTier::new("far")).build().await.unwrap();
        let region = region(&cache).await;
        let (gate, without) = finding_none(&region).await;
        let with: Vec<_> = (0..waiting)
            .map(|own| {
                let region = region.clone();
                spawn(async move { region.get_or_load("a", move || async move { own }).await })
            })
            .collect();
        settle().await;
        if put_meanwhile {
            region.put("a", 7777).await.unwrap();
        }
        gate.open();
        assert_eq!(without.await.unwrap().unwrap(), None);
        let mut answers = Vec::new();
        for caller in with {
            answers.push(*caller.await.unwrap().unwrap());
        }
        answers.dedup();
        assert_eq!(answers.len(), 1, "all got the same");
        assert_eq!(cache.stats().loads, if put_meanwhile { 1 } else { 2 });
        assert_eq!(answers[0] == 7777, put_meanwhile);
        assert_eq!(region.peek("a").as_deref(), Some(&answers[0]));
    }
}

#[tokio::test]
async fn rule_113_a_known_absence_that_is_no_answer_is_no_hit() {
    let cache = Cache::builder().build().await.unwrap();
    let region = region(&cache).await;
    region.get_or_load("a", || async { None::<u64> }).await.unwrap();
    region.get_or_load("a", || async { 1 }).await.unwrap();
    region.get_or_load("a", || async { 2 }).await.unwrap();
    let memory = cache.stats().memory;
    assert_eq!((memory.hits, memory.misses), (1, 2));
}

/// An error that is wrapped says what it said, also where its wrapper shows nothing of it but its sources.
#[tokio::test]
async fn what_an_error_says_is_heeded_through_wrappers() {
    let clock = Clock::manual();
    let cache = Cache::builder().clock(clock.clone()).build().await.unwrap();
    let region = cache.region::<u64>("k").ttl("1m").stale_for("1h").soft_timeout("5s").open().unwrap();
    region.put("a", 1).await.unwrap();
    clock.advance(SECOND * 61);
    let withdrawn = || Error::new(ErrorKind::Config, "load", "withdrawn").forbid_stale();
    let load = async move || Err::<u64, _>(io::Error::other(withdrawn()));
    let error = region.get_or_load("a", load).await.unwrap_err();
    assert!(error.forbids_stale() && error.kind() == ErrorKind::Config, "{error}");
    assert_eq!(region.peek("a"), None);
}

/// Counts its clones.
struct Counted(Arc<AtomicU64>);

impl Clone for Counted {
    fn clone(&self) -> Self {
        self.0.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(&self.0))
    }
}

#[tokio::test]
async fn a_context_is_cloned_for_a_load_and_for_no_hit() {
    let cache = Cache::builder().build().await.unwrap();
    let region = region(&cache).await;
    let context = Counted(Arc::default());
    for _ in 0..3 {
        let load = async |_: Counted| io::Result::Ok(7);
        assert_eq!(*region.get_or_load_with(&7, &context, load).await.unwrap(), 7);
    }
    assert_eq!(context.0.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn many_are_loaded_in_one_call_and_one_that_fails_fails_alone() {
    let clock = Clock::manual();
    let cache = Cache::builder().clock(clock.clone()).build().await.unwrap();
    let region = cache.region::<u64>("k").negative(SECOND * 60).ttl(SECOND * 60).open().unwrap();
    region.put(&1, 10).await.unwrap();
    let calls = Arc::new(AtomicU64::new(0));
    let load = {
        let calls = Arc::clone(&calls);
        move |ids: Vec<u64>| {
            calls.fetch_add(1, Ordering::Relaxed);
            async move { Ok::<_, io::Error>(ids.into_iter().filter(|id| id % 2 == 1).map(|id| (id, id * 10))) }
        }
    };
    let found = region.get_many_or_load(&[5, 1, 2, 3, 5], load).await.unwrap();
    let found: Vec<Option<u64>> = found.iter().map(|value| value.as_deref().copied()).collect();
    assert_eq!(found, [Some(50), Some(10), None, Some(30), Some(50)]);
    assert_eq!((calls.load(Ordering::Relaxed), cache.stats().loaded_keys), (1, 3));
    let odd = async |ids: Vec<u64>| {
        let one = |id: u64| (id, if id == 9 { Err("nine is refused") } else { Ok(id) });
        Ok::<HashMap<_, _>, io::Error>(ids.into_iter().map(one).collect())
    };
    let error = region.get_many_or_load(&[7, 9], odd).await.unwrap_err();
    assert_eq!(error.cause().unwrap().to_string(), "nine is refused");
    assert_eq!(region.peek(&7).as_deref(), Some(&7), "it was loaded all the same");
    clock.advance(Duration::from_secs(61));
    assert_eq!(region.peek(&7), None);
}
