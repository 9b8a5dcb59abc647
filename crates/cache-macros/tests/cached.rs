//! What `#[cached]` and `#[invalidates]` promise, by what a caller sees.

use std::{
    collections::HashMap,
    fmt::{self, Display},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use cache_facade::{Cache, Clock, Codec, Tag, cached, invalidates};

/// Counts how often a function itself ran.
#[derive(Clone, Debug, Default)]
struct Runs(Arc<AtomicU64>);

impl Runs {
    fn one_more(&self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }

    fn so_far(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

async fn cache() -> (Cache, Clock) {
    let clock = Clock::manual();
    (Cache::builder().clock(clock.clone()).build().await.unwrap(), clock)
}

#[cached(ttl = "1m", ignore(runs, trace))]
async fn price(cache: &Cache, runs: &Runs, symbol: &str, venue: String, trace: u64) -> u64 {
    let _ = (cache, symbol, venue, trace);
    runs.one_more()
}

#[tokio::test]
async fn a_call_is_answered_from_the_cache_for_as_long_as_it_may() {
    let ((cache, clock), runs) = (cache().await, Runs::default());
    let ask =
        |symbol: &'static str, venue: &str, trace| price(&cache, &runs, symbol, venue.to_owned(), trace);
    assert_eq!(ask("AAPL", "US", 1).await, 1);
    assert_eq!(ask("AAPL", "US", 2).await, 1, "what is ignored makes no difference");
    assert_eq!(ask("AAPL", "LON", 3).await, 2, "every other argument does");
    assert_eq!(ask("AAPL:U", "S", 4).await, 3);
    assert_eq!(ask("AAPL", "U:S", 5).await, 4);
    clock.advance(Duration::from_secs(59));
    assert_eq!(ask("AAPL", "US", 6).await, 1);
    clock.advance(Duration::from_secs(1));
    assert_eq!(ask("AAPL", "US", 7).await, 5);
}

#[derive(Clone, Debug, PartialEq)]
enum Trouble {
    Own(u64),
    Cache(String),
}

impl Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl From<cache_facade::Error> for Trouble {
    fn from(error: cache_facade::Error) -> Self {
        Self::Cache(error.to_string())
    }
}

#[cached(region = "fails", ttl = "1m", ignore(runs, well))]
async fn fails(cache: &Cache, runs: &Runs, well: bool) -> Result<u64, Trouble> {
    let _ = cache;
    let run = runs.one_more();
    if well { Ok(run) } else { Err(Trouble::Own(run)) }
}

#[tokio::test]
async fn an_error_is_the_functions_own_and_is_not_kept() {
    let ((cache, _), runs) = (cache().await, Runs::default());
    assert_eq!(fails(&cache, &runs, false).await, Err(Trouble::Own(1)));
    assert_eq!(fails(&cache, &runs, false).await, Err(Trouble::Own(2)));
    assert_eq!(fails(&cache, &runs, true).await, Ok(3));
    assert_eq!(fails(&cache, &runs, false).await, Ok(3));
}

#[cached(ttl = "1m", absent = "10s", ignore(runs))]
async fn nickname(cache: &Cache, runs: &Runs, id: u64) -> Option<Arc<String>> {
    let _ = cache;
    runs.one_more();
    id.is_multiple_of(2).then(|| Arc::new(format!("user {id}")))
}

#[cached(ttl = "1m", ignore(runs))]
async fn both(cache: &Cache, runs: &Runs, id: u64) -> Result<Option<u64>, Trouble> {
    let _ = cache;
    runs.one_more();
    Ok(id.is_multiple_of(2).then_some(id))
}

#[tokio::test]
async fn that_there_is_nothing_is_remembered_too() {
    let ((cache, clock), runs) = (cache().await, Runs::default());
    for _ in 0..2 {
        assert_eq!(nickname(&cache, &runs, 2).await.as_deref().map(String::as_str), Some("user 2"));
        assert_eq!(nickname(&cache, &runs, 3).await, None);
    }
    assert_eq!(runs.so_far(), 2);
    clock.advance(Duration::from_secs(10));
    assert_eq!(nickname(&cache, &runs, 3).await, None);
    assert_eq!(runs.so_far(), 3);
    assert_eq!((both(&cache, &runs, 3).await, both(&cache, &runs, 4).await), (Ok(None), Ok(Some(4))));
    let first = nickname(&cache, &runs, 2).await.unwrap();
    assert!(Arc::ptr_eq(&first, &nickname(&cache, &runs, 2).await.unwrap()), "what is shared is not copied");
}

/// Methods, of a service that holds its cache.
#[derive(Clone)]
struct Users {
    cache: Cache,
    runs: Runs,
}

impl Users {
    /// With a part of an argument in the key.
    #[cached(cache = self.cache, region = "user", key = "{user.id}", ttl = "1h", tags("user:{user.id}"))]
    async fn name(&self, user: &User) -> String {
        self.runs.one_more();
        format!("{} the {}th", user.name, user.id)
    }

    #[invalidates(cache = self.cache, region = "user", key = "{id}")]
    async fn rename(&self, id: u64, to: &str) -> Result<(), &'static str> {
        if to.is_empty() { Err("no name") } else { Ok(()) }
    }

    #[invalidates(cache = self.cache, tags("user:{id}"), before)]
    async fn forget(&self, id: u64) {
        let _ = id;
    }
}

#[derive(Clone)]
struct User {
    id: u64,
    name: &'static str,
}

#[tokio::test]
async fn a_write_ends_what_it_changed_once_it_succeeded() {
    let ((cache, _), runs) = (cache().await, Runs::default());
    let users = Users { cache, runs };
    let (one, ten) = (User { id: 1, name: "Ada" }, User { id: 10, name: "Alan" });
    users.name(&one).await;
    users.name(&ten).await;
    assert_eq!(users.rename(1, "").await, Err("no name"));
    users.name(&one).await;
    assert_eq!(users.runs.so_far(), 2, "a failure ends nothing");
    assert_eq!(users.rename(1, "Grace").await, Ok(()));
    users.name(&one).await;
    users.name(&ten).await;
    assert_eq!(users.runs.so_far(), 3, "user 1 alone");
    users.forget(1).await;
    users.name(&ten).await;
    users.name(&one).await;
    assert_eq!(users.runs.so_far(), 4, "user 1 alone");
    users.cache.invalidate(&Tag::new("user:10").unwrap()).await.unwrap();
    users.name(&ten).await;
    assert_eq!(users.runs.so_far(), 5);
}

/// Type parameters, bounds, constants and `mut` stay as they are.
#[cached(region = "sum", ttl = "1m", codec = Codec::Json, schema = 3, ignore(runs))]
pub async fn sum<T, const N: usize>(
    cache: &Cache,
    runs: &Runs,
    what: T,
    mut start: u64,
) -> Result<HashMap<String, u64>, Trouble>
where
    T: Display + Clone + Send + Sync + 'static,
{
    let _ = cache;
    runs.one_more();
    start += N as u64;
    Ok(HashMap::from([(what.to_string(), start)]))
}

#[tokio::test]
async fn a_generic_function_stays_one() {
    let ((cache, _), runs) = (cache().await, Runs::default());
    for _ in 0..2 {
        let summed = sum::<_, 4>(&cache, &runs, "x", 2).await.unwrap();
        assert_eq!(summed, HashMap::from([("x".to_owned(), 6)]));
    }
    assert_eq!(runs.so_far(), 1);
}

#[cached(ttl = "1m", ignore(runs))]
async fn slow(cache: Cache, runs: Runs, id: u64) -> u64 {
    let _ = cache;
    tokio::task::yield_now().await;
    id + runs.one_more()
}

#[tokio::test]
async fn calls_at_once_run_the_function_once() {
    let ((cache, _), runs) = (cache().await, Runs::default());
    let calls = (0..100).map(|_| tokio::spawn(slow(cache.clone(), runs.clone(), 7)));
    for call in calls.collect::<Vec<_>>() {
        assert_eq!(call.await.unwrap(), 8);
    }
    assert_eq!(runs.so_far(), 1);
}

#[cached(region = "price", ttl = "1m", ignore(runs))]
async fn another_type(cache: &Cache, runs: &Runs, symbol: &str) -> String {
    let _ = cache;
    format!("{symbol} {}", runs.one_more())
}

#[tokio::test]
async fn where_the_cache_cannot_answer_the_function_does() {
    let ((cache, _), runs) = (cache().await, Runs::default());
    price(&cache, &runs, "AAPL", String::new(), 0).await;
    assert_eq!(another_type(&cache, &runs, "AAPL").await, "AAPL 2", "its kind is of another type");
    let long = "x".repeat(1 << 17);
    assert_eq!(price(&cache, &runs, &long, String::new(), 0).await, 3, "no key is as long as that");
}

#[test]
fn what_cannot_be_cached_is_refused_where_it_stands() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
