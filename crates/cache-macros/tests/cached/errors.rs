//! Errors: never kept, and of the function's own type where that can be.

use std::{sync::Arc, time::Duration};

use cache_facade::{Error, ErrorKind, macro_support};
use futures_util::future::join_all;
use tokio::sync::Notify;

use crate::desk::{CloneTrouble, Desk, Quote, Trouble, Unwritable};

#[tokio::test]
async fn an_error_keeps_its_type_and_is_not_cached() {
    let desk = Desk::new().await;
    for _ in 0..2 {
        let error = desk.fallible("BAD").await.unwrap_err();
        assert!(matches!(&error, Trouble::NoSuch(symbol) if symbol == "BAD"), "{error:?}");
    }
    assert_eq!(desk.asked(), 2);
    assert_eq!(desk.fallible("AAPL").await.unwrap().number, 3);
    let error = desk.own_error().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Storage, "the cache's own error is passed on");
}

#[tokio::test]
async fn the_caches_own_error_is_its_own_for_whoever_shares_the_load() {
    let region = Desk::new().await.cache.region::<u8>("any").open().unwrap();
    let full = || async { Err(Error::new(ErrorKind::Storage, "ask", "it is full")) };
    let error = macro_support::load(&region, "id", true, full).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Storage);
}

#[tokio::test]
async fn who_waits_for_a_body_that_fails_gets_its_error() {
    let mut desk = Desk::new().await;
    let gate = Arc::new(Notify::new());
    desk.gate = Some(Arc::clone(&gate));
    let open = async {
        while desk.asked() < 2 {
            tokio::task::yield_now().await;
        }
        gate.notify_waiters();
    };
    let cloned = join_all((0..20).map(|_| desk.cloned_error("BAD".to_owned())));
    let taken = join_all((0..20).map(|_| desk.fallible("BAD")));
    let (cloned, taken, ()) = tokio::join!(cloned, taken, open);
    assert_eq!(desk.asked(), 2, "one run each");
    assert!(cloned.iter().all(|error| *error == Err(CloneTrouble::NoSuch("BAD".to_owned()))));
    let own = taken.iter().filter(|error| matches!(error, Err(Trouble::NoSuch(_)))).count();
    let told = |error: &&Result<Quote, Trouble>| matches!(error, Err(Trouble::Cache(text)) if text.contains("no such symbol: BAD"));
    assert_eq!((own, taken.iter().filter(told).count()), (1, 19));
}

#[tokio::test]
async fn what_the_cache_cant_do_is_the_functions_error_or_done_without_it() {
    let desk = Desk::new().await;
    let lock = Unwritable(1);
    let error = desk.unwritable(lock.clone()).await.unwrap_err();
    assert!(matches!(&error, Trouble::Cache(text) if text.contains("ignore it")), "{error}");
    assert_eq!(desk.asked(), 0);
    assert_eq!(desk.unwritable_but_infallible(lock.clone()).await, 1);
    assert_eq!(desk.unwritable_but_infallible(lock).await, 1);
    assert_eq!(desk.asked(), 2);
    desk.cache.shutdown(Duration::from_secs(1)).await.unwrap();
    assert_eq!(desk.plain("AAPL").await.number, 3, "called past a cache that is closed");
    assert!(matches!(desk.fallible("AAPL").await, Err(Trouble::Cache(_))));
}
