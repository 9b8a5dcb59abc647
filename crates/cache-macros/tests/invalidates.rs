//! What `#[invalidates]` promises: what a function changed is not served any more once it succeeded.

use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst},
};

use cache_facade::{Cache, Error, ErrorKind, cached, invalidates};
use futures_util::FutureExt;

#[derive(Clone)]
struct Names {
    cache: Cache,
    version: Arc<AtomicU64>,
}

impl Names {
    async fn new() -> Self {
        Self { cache: Cache::builder().build().await.unwrap(), version: Arc::default() }
    }

    #[cached(region = "name", tags("user:{id}"))]
    async fn name(&self, id: u64, locale: Option<String>) -> String {
        format!("{id} {locale:?} v{}", self.version.load(SeqCst))
    }

    #[invalidates(region = "name", ignore(fails))]
    async fn rename(&self, id: u64, locale: Option<String>, fails: bool) -> Result<u64, Error> {
        let version = self.version.fetch_add(1, SeqCst) + 1;
        if fails {
            Err(Error::new(ErrorKind::Load, "rename", format!("{id} {locale:?} is taken")))?;
        }
        Ok(version)
    }

    #[invalidates(region = "name", key = "{id}:null", before)]
    #[invalidates(tags("user:{other}"))]
    async fn swap(&mut self, id: u64, mut other: u64) {
        let cached = self.cache.region::<String>("name").open().unwrap();
        assert!(cached.peek(&format!("{id}:null")).is_none(), "it is ended before the body");
        assert!(cached.peek(&format!("{other}:null")).is_some(), "it is ended after the body");
        other += self.version.fetch_add(1, SeqCst);
        drop(other.to_string());
    }

    #[invalidates(tags("{empty}"))]
    async fn without_a_tag(&self, empty: &str) -> Result<(), Error> {
        unreachable!("{empty} is no tag, which is known before anything is done")
    }

    #[invalidates(tags("{empty}"))]
    async fn without_a_tag_or_a_word_for_it(&self, empty: &str) -> usize {
        empty.len()
    }
}

#[tokio::test]
async fn success_ends_the_entry_of_the_same_arguments_and_no_other() {
    let names = Names::new().await;
    names.name(1, None).await;
    names.name(2, None).await;
    names.name(1, Some("de".to_owned())).await;
    assert_eq!(names.rename(1, Some("de".to_owned()), false).await.unwrap(), 1);
    assert_eq!(names.name(1, Some("de".to_owned())).await, "1 Some(\"de\") v1");
    assert_eq!(names.name(1, None).await, "1 None v0");
    assert_eq!(names.name(2, None).await, "2 None v0");
}

#[tokio::test]
async fn failure_ends_nothing() {
    let names = Names::new().await;
    names.name(1, None).await;
    assert!(names.rename(1, None, true).await.is_err());
    assert_eq!(names.name(1, None).await, "1 None v0");
}

#[tokio::test]
async fn several_can_be_said_of_one_function_before_and_after() {
    let mut names = Names::new().await;
    names.name(1, None).await;
    names.name(2, None).await;
    names.swap(1, 2).await;
    assert_eq!(names.name(1, None).await, "1 None v1");
    assert_eq!(names.name(2, None).await, "2 None v1");
}

#[tokio::test]
async fn a_load_that_began_before_is_not_kept() {
    let names = Names::new().await;
    let region = names.cache.region::<String>("name").open().unwrap();
    let (begun, go) = (Arc::new(tokio::sync::Notify::new()), Arc::new(tokio::sync::Notify::new()));
    let (began, went) = (Arc::clone(&begun), Arc::clone(&go));
    let loading = tokio::spawn(async move {
        let load = || async move {
            began.notify_one();
            went.notified().await;
            Ok::<_, Error>("old".to_owned())
        };
        region.get_or_load("1:null", load).await
    });
    begun.notified().await;
    names.rename(1, None, false).await.unwrap();
    go.notify_one();
    assert_eq!(*loading.await.unwrap().unwrap(), "old");
    assert_eq!(names.name(1, None).await, "1 None v1");
}

#[tokio::test]
async fn what_cant_be_ended_is_known_before_anything_is_done() {
    let names = Names::new().await;
    assert_eq!(names.without_a_tag("").await.unwrap_err().kind(), ErrorKind::Limit);
    assert_eq!(names.without_a_tag_or_a_word_for_it("").await, 0);
}

#[tokio::test]
async fn rule_105_a_call_that_is_dropped_in_its_body_or_after_ends_what_it_names() {
    use futures_util::FutureExt;

    #[invalidates(tags("user:{id}"))]
    async fn write(cache: &Cache, id: u64, steps: usize) {
        for _ in 0..steps {
            tokio::task::yield_now().await;
        }
    }
    for steps in [1, 0] {
        let names = Names::new().await;
        names.name(1, None).await;
        names.version.store(7, SeqCst);
        // Polled once: it has begun, and its caller goes away.
        let _ = write(&names.cache, 1, steps).now_or_never();
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert_eq!(names.name(1, None).await, "1 None v7", "{steps}");
    }
}

#[cached(region = "absent", ttl = "1h", negative = "1h", key = "{id}", tags("absent:{id}"))]
async fn find(cache: &Cache, table: &Arc<AtomicUsize>, id: u64) -> Result<Option<usize>, Error> {
    Ok(Some(table.load(SeqCst)).filter(|found| *found as u64 > id))
}

#[invalidates(tags("absent:{id}"))]
async fn create(cache: &Cache, table: &Arc<AtomicUsize>, id: u64) -> Result<(), Error> {
    table.store(7, SeqCst);
    Ok(())
}

#[tokio::test]
async fn what_was_known_to_be_absent_ends_with_the_tags_of_its_function() {
    let (cache, table) = (Cache::builder().build().await.unwrap(), Arc::default());
    for _ in 0..2 {
        assert_eq!(find(&cache, &table, 1).await.unwrap(), None);
    }
    assert_eq!(cache.stats().loads, 1, "it is remembered");
    create(&cache, &table, 1).await.unwrap();
    assert_eq!(find(&cache, &table, 1).await.unwrap(), Some(7));
}

#[invalidates(region = "absent", key = "{id}", tags("absent:{id}"))]
async fn delete(cache: &Cache, id: u64) -> Result<(), Error> {
    std::future::pending::<()>().await;
    unreachable!("nobody waits for the deletion of {id}")
}

/// Whoever reads next, in whatever task, finds nothing from before.
#[tokio::test]
async fn a_call_that_is_dropped_has_ended_what_memory_holds() {
    let (cache, table) = (Cache::builder().build().await.unwrap(), Arc::new(AtomicUsize::new(7)));
    find(&cache, &table, 1).await.unwrap();
    let region = cache.region::<usize>("absent").open().unwrap();
    assert!(region.peek("1").is_some());
    assert!(delete(&cache, 1).now_or_never().is_none());
    assert!(region.peek("1").is_none());
}
