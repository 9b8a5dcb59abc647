//! What `#[updates]` promises: what a function wrote and returned is what is read next.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use cache_facade::{Cache, Clock, Error, ErrorKind, Tag, cached, invalidates, updates};
use futures_util::FutureExt;
use tokio::sync::Notify;

/// An error that can't be cloned.
#[derive(Debug)]
struct Taken;

impl From<Error> for Taken {
    fn from(_: Error) -> Self {
        Self
    }
}

impl std::fmt::Display for Taken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("it is taken")
    }
}

/// Names in a database, and how often it was asked for one.
#[derive(Clone)]
struct Names {
    cache: Cache,
    stored: Arc<std::sync::Mutex<Option<String>>>,
    asked: Arc<AtomicU64>,
}

type Saved = Result<Option<Arc<String>>, Taken>;

impl Names {
    async fn new() -> Self {
        let cache = Cache::builder().clock(Clock::manual()).build().await.unwrap();
        Self { cache, stored: Arc::default(), asked: Arc::default() }
    }

    #[cached(region = "name", ttl = "5m", grace = "1h", key = "{id}", tags("user:{id}"), negative = "1m")]
    async fn name(&self, id: u64) -> Result<Option<String>, Error> {
        let _ = id;
        self.asked.fetch_add(1, SeqCst);
        Ok(self.stored.lock().unwrap().clone())
    }

    fn store(&self, name: Option<&str>) {
        *self.stored.lock().unwrap() = name.map(str::to_owned);
    }

    #[updates(region = "name", ttl = "5m", grace = "1h", key = "{id}", tags("user:{id}"))]
    async fn rename(&self, id: u64, name: String) -> Result<String, Taken> {
        let _ = id;
        if name == "taken" {
            return Err(Taken);
        }
        self.store(Some(&name));
        Ok(name)
    }

    /// An alias, an `Arc`, and a body that takes its arguments.
    #[updates(region = "name", ttl = Duration::from_secs(seconds), key = "{id}")]
    #[invalidates(tags("names"))]
    async fn save(&mut self, id: u64, mut name: Option<String>, seconds: u64) -> Saved {
        let _ = (id, seconds);
        self.store(name.as_deref());
        Ok(name.take().map(Arc::new))
    }

    #[updates(region = "name", key = "{id}")]
    async fn infallible(&self, id: &str) -> String {
        self.store(Some("ran"));
        format!("ran {}", id.len())
    }

    #[updates(region = "name", key = "{id}")]
    async fn refused(&self, id: &str) -> Result<String, Error> {
        unreachable!("{} is no id, which is known before anything is done", id.len())
    }

    #[updates(region = "name", key = "{id}")]
    async fn waits(&self, id: u64, steps: usize, panics: bool) -> Result<String, Taken> {
        let _ = id;
        self.store(Some("written"));
        for _ in 0..steps {
            tokio::task::yield_now().await;
        }
        assert!(!panics, "it panicked after it had written");
        Ok("returned".to_owned())
    }

    async fn read(&self, id: u64) -> (Option<String>, u64) {
        let name = self.name(id).await.unwrap();
        (name, self.asked.swap(0, SeqCst))
    }
}

fn name(name: &str) -> Option<String> {
    Some(name.to_owned())
}

async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_was_written_is_read_without_a_load() {
    let names = Names::new().await;
    assert_eq!(names.read(1).await, (None, 1));
    let writer = names.clone();
    let write = tokio::spawn(async move { writer.rename(1, "Ada".to_owned()).await });
    assert_eq!(write.await.unwrap().unwrap(), "Ada");
    assert_eq!(names.read(1).await, (name("Ada"), 0));
    names.cache.clock().advance(Duration::from_secs(299));
    assert_eq!(names.read(1).await, (name("Ada"), 0), "it has its own life");
    names.cache.clock().advance(Duration::from_secs(1));
    names.store(Some("Bea"));
    assert_eq!(names.read(1).await.0, name("Ada"), "and its grace");
    names.rename(1, "Cleo".to_owned()).await.unwrap();
    names.cache.invalidate(&Tag::new("user:1").unwrap()).await.unwrap();
    settle().await;
    names.asked.store(0, SeqCst);
    assert_eq!(names.read(1).await, (name("Cleo"), 1), "and its tags");
    assert_eq!(names.read(2).await, (name("Cleo"), 1), "and no other key is written");
}

#[tokio::test]
async fn none_removes_and_an_error_changes_nothing() {
    let mut names = Names::new().await;
    names.save(1, name("Ada"), 60).await.unwrap();
    assert_eq!(names.read(1).await, (name("Ada"), 0));
    assert!(matches!(names.rename(1, "taken".to_owned()).await, Err(Taken)));
    assert_eq!(names.read(1).await, (name("Ada"), 0));
    assert_eq!(names.save(1, None, 60).await.unwrap(), None);
    assert_eq!(names.read(1).await, (None, 1));
    names.save(1, name("Bea"), 60).await.unwrap();
    names.cache.clock().advance(Duration::from_secs(60));
    assert_eq!(names.read(1).await, (name("Bea"), 1), "the life was computed of an argument");
}

#[tokio::test]
async fn rule_105_a_call_that_is_dropped_or_panics_in_its_body_removes_what_it_names() {
    let names = Names::new().await;
    for panics in [false, true] {
        names.rename(1, "Ada".to_owned()).await.unwrap();
        let call = std::panic::AssertUnwindSafe(names.waits(1, 1, panics)).catch_unwind();
        match panics {
            true => assert!(call.await.is_err()),
            // Polled once: it has begun, and its caller goes away.
            false => assert!(call.now_or_never().is_none()),
        }
        settle().await;
        assert_eq!(names.read(1).await, (name("written"), 1), "{panics}");
    }
    // Its body is over at once, and its caller goes away while the value is put.
    let _ = names.waits(1, 0, false).now_or_never();
    settle().await;
    assert_eq!(names.read(1).await, (name("returned"), 0));
}

#[tokio::test]
async fn a_load_that_began_before_does_not_replace_what_was_written() {
    let names = Names::new().await;
    let region = names.cache.region::<String>("name").open().unwrap();
    let (begun, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (began, went) = (Arc::clone(&begun), Arc::clone(&go));
    let loading = tokio::spawn(async move {
        let load = || async move {
            began.notify_one();
            went.notified().await;
            "old".to_owned()
        };
        region.get_or_load(&1, load).await
    });
    begun.notified().await;
    names.rename(1, "new".to_owned()).await.unwrap();
    go.notify_one();
    loading.await.unwrap().unwrap();
    assert_eq!(names.read(1).await, (name("new"), 0));
}

#[tokio::test]
async fn what_cant_be_put_is_removed_or_known_before_anything_is_done() {
    let names = Names::new().await;
    names.rename(1, "Ada".to_owned()).await.unwrap();
    let large = "x".repeat((32 << 20) + 1);
    assert_eq!(names.rename(1, large.clone()).await.unwrap().len(), large.len());
    names.store(Some("small"));
    assert_eq!(names.read(1).await, (name("small"), 1));
    // No kind may be open for two types.
    let cache = Cache::builder().build().await.unwrap();
    cache.region::<u8>("name").open().unwrap();
    let names = Names { cache, ..names };
    assert_eq!(names.refused("").await.unwrap_err().kind(), ErrorKind::Config);
    assert_eq!(names.infallible("abc").await, "ran 3");
    assert_eq!(names.stored.lock().unwrap().as_deref(), Some("ran"));
}

#[updates(region = "checked", key = "{id}", cache_if = |value| *value % 2 == 0)]
async fn check(cache: &Cache, id: u64, value: u64) -> Result<u64, Error> {
    Ok(value + id - id)
}

#[tokio::test]
async fn a_value_that_is_not_to_be_cached_removes_the_key() {
    let cache = Cache::builder().build().await.unwrap();
    let checked = cache.region::<u64>("checked").open().unwrap();
    for (value, held) in [(2, Some(2)), (3, None), (4, Some(4))] {
        assert_eq!(check(&cache, 1, value).await.unwrap(), value);
        assert_eq!(checked.peek("1").as_deref().copied(), held);
    }
}
