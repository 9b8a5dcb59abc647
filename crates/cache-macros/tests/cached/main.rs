//! What `#[cached]` promises: the region's promises, in the function's own words.

mod batch;
mod desk;
mod distinct;
mod errors;
mod failures;
mod harder;
mod infallible;

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use cache_facade::{Cache, Error, Lives, Tag, Ttl, cached};
use tokio::sync::Notify;

use desk::{Desk, KIND, Quote, generic, of_global};

#[tokio::test]
async fn a_hit_does_not_run_the_body_and_each_key_has_its_own_value() {
    let desk = Desk::new().await;
    for _ in 0..3 {
        assert_eq!(desk.plain("AAPL").await, Quote { symbol: "AAPL".into(), number: 1 });
    }
    assert_eq!(desk.plain("MSFT").await.number, 2);
    assert_eq!(desk.asked(), 2);
}

#[cached(region = "classed", ttl = "short")]
async fn classed(cache: &Cache, id: usize) -> Result<usize, Error> {
    static BODIES: AtomicUsize = AtomicUsize::new(0);
    Ok(id + BODIES.fetch_add(1, SeqCst))
}

#[cached(region = "graced", ttl = "very_long", grace = "2d", key = "{id}")]
async fn classed_with_grace(cache: &Cache, id: u64) -> Result<u64, Error> {
    Ok(id)
}

#[tokio::test]
async fn a_life_by_class_comes_to_what_the_cache_says() {
    let desk = Desk::new().await;
    let cache = &desk.cache;
    for (pass, bodies) in [(0, 0), (299, 0), (1, 1), (299, 1)] {
        desk.pass(pass);
        assert_eq!(classed(cache, 0).await.unwrap(), bodies, "300 s, unless set otherwise");
    }
    cache.set_lives(Lives { short: Ttl::new(Duration::from_secs(7)), ..cache.lives() });
    for (pass, bodies) in [(1, 2), (6, 2), (1, 3)] {
        desk.pass(pass);
        assert_eq!(classed(cache, 0).await.unwrap(), bodies);
    }
    classed_with_grace(cache, 1).await.unwrap();
    let found = cache.region::<u64>("graced").open().unwrap().lookup("1").await.unwrap();
    let days = |span: Duration| span.as_secs_f64() / 86_400.0;
    assert_eq!((days(found.fresh_for).round(), days(found.servable_for).round()), (1.0, 2.0));
}

#[tokio::test]
async fn a_value_is_fresh_for_its_life_and_no_longer() {
    let desk = Desk::new().await;
    desk.plain("AAPL").await;
    desk.pass(299);
    assert_eq!(desk.plain("AAPL").await.number, 1);
    desk.pass(1);
    assert_eq!(desk.plain("AAPL").await.number, 2);
    assert_eq!(desk.computed("AAPL", 10).await.number, 3);
    desk.pass(10);
    assert_eq!(desk.computed("AAPL", 20).await.number, 4);
    desk.pass(19);
    assert_eq!(desk.computed("AAPL", 5).await.number, 4, "the life was given when it was loaded");
}

#[tokio::test]
async fn absent_stays_absent_for_as_long_as_was_said() {
    let desk = Desk::new().await;
    assert_eq!(desk.optional("NONE").await, None);
    assert_eq!(desk.optional("NONE").await, None);
    assert_eq!(desk.asked(), 1);
    desk.pass(30);
    assert_eq!(desk.optional("NONE").await, None);
    assert_eq!(desk.asked(), 2);
    assert_eq!(desk.both("NONE").await.unwrap(), None);
    assert_eq!(desk.both("NONE").await.unwrap(), None);
    assert_eq!(desk.asked(), 4, "and not at all if nothing was said");
}

#[tokio::test]
async fn a_hundred_callers_at_once_share_one_run() {
    let mut desk = Desk::new().await;
    let gate = Arc::new(Notify::new());
    desk.gate = Some(Arc::clone(&gate));
    let callers: Vec<_> = (0..100)
        .map(|_| {
            let desk = desk.clone();
            tokio::spawn(async move { desk.plain("AAPL").await })
        })
        .collect();
    // The one who began it is dropped: the body goes on.
    while desk.asked() < 1 {
        tokio::task::yield_now().await;
    }
    let mut callers = callers.into_iter();
    callers.next().unwrap().abort();
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    gate.notify_waiters();
    for caller in callers {
        assert_eq!(caller.await.unwrap().number, 1);
    }
    assert_eq!(desk.asked(), 1);
}

#[tokio::test]
async fn what_is_in_grace_stands_in_while_it_is_refreshed() {
    let desk = Desk::new().await;
    assert_eq!(desk.both("AAPL").await.unwrap().unwrap().number, 1);
    desk.pass(301);
    assert_eq!(desk.both("AAPL").await.unwrap().unwrap().number, 1);
    while desk.asked() < 2 {
        tokio::task::yield_now().await;
    }
    desk.pass(3600);
    assert_eq!(desk.both("AAPL").await.unwrap().unwrap().number, 3, "and then it is dead");
}

#[tokio::test]
async fn tags_end_what_carries_them() {
    let desk = Desk::new().await;
    let other = Desk { venue: "XLON", ..desk.clone() };
    desk.both("AAPL").await.unwrap();
    other.both("MSFT").await.unwrap();
    desk.cache.invalidate(Tag::new("AAPL").unwrap()).await.unwrap();
    assert_eq!(desk.both("AAPL").await.unwrap().unwrap().number, 3);
    desk.cache.invalidate(Tag::new("venue:XLON").unwrap()).await.unwrap();
    assert_eq!(other.both("MSFT").await.unwrap().unwrap().number, 4);
    assert_eq!(desk.both("AAPL").await.unwrap().unwrap().number, 3);
}

#[tokio::test]
async fn ignored_arguments_reach_the_body_and_not_the_key() {
    let desk = Desk::new().await;
    assert_eq!(desk.ignoring("AAPL", 5, None).await.symbol, "AAPL@5");
    assert_eq!(desk.ignoring("AAPL", 6, Some("again")).await.symbol, "AAPL@5");
    assert_eq!(desk.ignoring("MSFT", 6, None).await.symbol, "MSFT@6");
}

#[tokio::test]
async fn a_shared_value_is_not_copied() {
    let desk = Desk::new().await;
    let one = desk.shared("AAPL").await.unwrap().unwrap();
    let two = desk.shared("AAPL").await.unwrap().unwrap();
    assert!(Arc::ptr_eq(&one, &two));
}

#[tokio::test]
async fn the_key_is_what_was_said_and_a_region_is_anyones() {
    let desk = Arc::new(Desk::new().await);
    let quote = Arc::clone(&desk).at_venue("A:B").await;
    let region = desk.cache.region::<Quote>(KIND).schema(3).open().unwrap();
    assert_eq!(region.peek("XNAS:A%3AB").as_deref(), Some(&quote));
    assert!(desk.cache.region::<Quote>(KIND).open().is_err(), "of another schema version");
    desk.cache.remove(KIND, "XNAS:A%3AB").await.unwrap();
    assert_eq!(Arc::clone(&desk).at_venue("A:B").await.number, 2);
}

#[tokio::test]
async fn all_arguments_are_in_the_key_whatever_serde_can_write() {
    let desk = Desk::new().await;
    let lists: [&[String]; 3] = [&[], &["a".into(), "b".into()], &["a,b".into()]];
    let mut answers = Vec::new();
    for list in lists {
        for perhaps in [None, Some("null".to_owned()), Some("1".to_owned()), Some(String::new())] {
            for on in [false, true] {
                for map in [HashMap::new(), HashMap::from([(1, 2)])] {
                    let first = desk.kinds(list, map.clone(), perhaps.clone(), on).await;
                    assert_eq!(desk.kinds(list, map, perhaps.clone(), on).await, first);
                    answers.push(first);
                }
            }
        }
    }
    assert_eq!(desk.asked(), answers.len(), "no two shared a key");
}

#[tokio::test]
async fn values_by_self_generics_and_associated_functions_work() {
    let desk = Desk::new().await;
    assert_eq!(desk.clone().consumed("A".to_owned()).await.unwrap().symbol, "A!");
    assert_eq!(desk.clone().consumed("A".to_owned()).await.unwrap().number, 1);
    assert_eq!(Desk::associated(&desk, "A").await.number, 2);
    assert_eq!(Desk::associated(&desk, "A").await.number, 2);
    for _ in 0..2 {
        assert_eq!(generic::<u64, 2>(&desk.cache, &desk, 7, 1).await.unwrap(), [7, 7, 7]);
        assert_eq!(of_global("four").await, 4);
    }
    assert_eq!(desk.asked(), 3);
    let other = generic::<String, 1>(&desk.cache, &desk, "7".to_owned(), 1).await;
    assert!(other.unwrap_err().to_string().contains("is open for"), "one kind, one type");
}

/// Counts how often it is cloned.
struct Heavy {
    cache: Cache,
    clones: Arc<AtomicUsize>,
}

impl Clone for Heavy {
    fn clone(&self) -> Self {
        self.clones.fetch_add(1, SeqCst);
        Self { cache: self.cache.clone(), clones: Arc::clone(&self.clones) }
    }
}

impl Heavy {
    #[cached(region = "heavy", ignore(other))]
    async fn weigh(&self, other: &Heavy) -> Result<usize, Error> {
        Ok(other.clones.load(SeqCst))
    }
}

#[tokio::test]
async fn a_hit_clones_neither_self_nor_arguments() {
    let heavy = Heavy { cache: Desk::new().await.cache, clones: Arc::default() };
    for _ in 0..5 {
        assert_eq!(heavy.weigh(&heavy).await.unwrap(), 2);
    }
    assert_eq!(heavy.clones.load(SeqCst), 2);
}

#[tokio::test]
async fn two_caches_have_a_region_each() {
    let (one, two) = (Desk::new().await, Desk::new().await);
    one.plain("AAPL").await;
    assert_eq!((one.asked(), two.asked()), (1, 0));
    two.plain("AAPL").await;
    assert_eq!((one.asked(), two.asked()), (1, 1));
}
