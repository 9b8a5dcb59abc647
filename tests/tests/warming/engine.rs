//! What warming holds of a cache, and what one key may not do to others.

use std::{sync::Arc, time::Duration};

use cache_core::{Clock, Key};
use cache_facade::{Cache, Region};
use cache_warming::{Coverage, KeysOf, RunBudget, RunSchedule, Warming};
use tests::settle;

const MINUTE: Duration = Duration::from_secs(60);

fn picking(keys: Vec<Key>) -> KeysOf {
    KeysOf::new("picked", RunSchedule::ByHand, move || std::future::ready(Ok(keys.clone())))
}

async fn warmed(warming: &Arc<Warming>, cache: Cache) -> Region<usize> {
    let cache = cache.region("price").ttl(MINUTE);
    let region = cache.load_many(10, async |ids: Vec<String>| {
        std::io::Result::Ok(ids.into_iter().map(|id| (id.clone(), id.len())).collect::<Vec<_>>())
    });
    let region = region.open().unwrap();
    let cover = Coverage::default().life(MINUTE);
    warming.cover(Arc::new(region.clone()), cover);
    region
}

/// Else nobody could open the directory again.
#[tokio::test]
async fn a_cache_that_was_warmed_ends_with_its_handles() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..3 {
        let warming = Warming::builder().strategy(picking(vec![Key::new("price", "AAPL").unwrap()])).build();
        let cache = Cache::builder().disk(folder.path()).unwrap().warming(&warming).build().await.unwrap();
        let region = warmed(&warming, cache.clone()).await;
        assert_eq!(warming.run("picked").await.unwrap().lifted, usize::from(round > 0));
        let running = warming.start();
        assert_eq!(region.get("AAPL").await.unwrap().as_deref(), Some(&4));
        cache.shutdown(MINUTE).await.unwrap();
        drop((running, warming, region, cache));
        settle().await;
    }
}

#[tokio::test]
async fn a_key_of_another_namespace_fails_alone() {
    let clock = Clock::manual();
    let of = |namespace: Option<&str>, id: &str| {
        cache_core::Prefix::new(namespace, "price").unwrap().key(id).unwrap()
    };
    let mut keys: Vec<Key> = (0..9).map(|at| of(Some("app"), &format!("S{at}"))).collect();
    keys.push(of(None, "W"));
    let strategy = picking(keys).budget(RunBudget::default().calls(1));
    let warming = Warming::builder().clock(clock.clone()).strategy(strategy).build();
    let cache = Cache::builder().clock(clock).namespace("app").warming(&warming).build().await.unwrap();
    let region = warmed(&warming, cache).await;
    let result = warming.run("picked").await.unwrap();
    assert_eq!((result.fetched, result.failures, result.calls), (9, 1, 1));
    assert!(result.error.unwrap().contains("not of the region \"app:price:\""));
    assert_eq!(region.peek("S3").as_deref(), Some(&2));
    let again = warming.run("picked").await.unwrap();
    assert_eq!((again.fresh, again.set_aside, again.success), (9, 1, true));
}

/// What has no value is fetched again and again by nobody.
#[tokio::test]
async fn a_key_without_a_value_is_left_alone_longer_each_time() {
    let clock = Clock::manual();
    let keys = ["AAPL", "NOPE"].map(|id| Key::new("price", id).unwrap());
    let warming = Warming::builder().clock(clock.clone()).strategy(picking(keys.to_vec())).build();
    let cache = Cache::builder().clock(clock.clone()).warming(&warming).build().await.unwrap();
    let region = cache.region::<usize>("price").ttl(MINUTE).negative(Duration::from_secs(1));
    let region = region.load_many(10, async |ids: Vec<String>| {
        let known = ids.into_iter().filter(|id| id != "NOPE");
        std::io::Result::Ok(known.map(|id| (id, 1)).collect::<Vec<_>>())
    });
    warming.cover(Arc::new(region.open().unwrap()), Coverage::default());
    let mut asked = 0;
    for _ in 0..1000 {
        let result = warming.run("picked").await.unwrap();
        asked += result.absent;
        clock.advance(Duration::from_secs(1));
    }
    // After 30, 90, 210, 450 and 930 seconds.
    assert_eq!(asked, 6);
}
