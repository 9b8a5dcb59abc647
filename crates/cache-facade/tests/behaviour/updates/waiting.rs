//! Updates that wait for each other, and what they leave behind.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use cache_core::{ErrorKind, Operation, Ttl};
use cache_facade::{Cache, Memory, Op};
use futures_util::FutureExt;
use serde::{Deserialize, Serialize};
use tests::{Fixture, Moment, settle, soon};
use tokio::spawn;

/// Its turn would come to it, and nobody would drive it.
#[tokio::test]
async fn rule_121_an_update_whose_caller_does_not_wait_for_it_holds_up_no_other() {
    let fixture = Fixture::new().await;
    let gate = fixture.tier.gate(Operation::Put, Moment::Before);
    let region = fixture.region.clone();
    let first = spawn(async move { region.compute("m", |_| Op::put("first".to_owned())).await });
    gate.reached(1).await;
    let mut second = Box::pin(fixture.region.compute("m", |_| Op::put("second".to_owned())));
    assert!(second.as_mut().now_or_never().is_none(), "the first has its turn");
    gate.open();
    soon(first).await.unwrap().unwrap();
    let third = fixture.region.set_life("m", Ttl::new(Duration::from_secs(9)));
    assert!(soon(third).await.unwrap());
    assert_eq!(fixture.peek("m").as_deref(), Some("second"));
    assert!(soon(second).await.unwrap().changed);
}

#[tokio::test]
async fn rule_122_who_lost_to_another_node_reads_what_won_though_there_is_no_bus() {
    let first = Fixture::new().await;
    let second = first.another(|region| region).await;
    first.region.put("m", "1".to_owned()).await.unwrap();
    second.region.put("m", "2".to_owned()).await.unwrap();
    let mut tries = 0;
    loop {
        let seen = first.region.lookup("m").await.unwrap();
        tries += 1;
        if first.region.replace_if("m", seen.born, "3".to_owned()).await.unwrap().changed {
            break;
        }
        assert!(tries < 3, "it reads {:?} again and again", seen.value);
    }
    assert_eq!((tries, first.held("m").as_deref()), (2, Some("3")));
}

#[tokio::test]
async fn rule_121_where_nothing_is_kept_nothing_is_updated() {
    let cache = Cache::builder().memory(Memory::bytes(0)).build().await.unwrap();
    let region = cache.region::<u64>("k").open().unwrap();
    for error in [
        region.put_if_absent("a", 1).await.unwrap_err(),
        region.compute("a", |_| Op::put(1)).await.unwrap_err(),
        Fixture::new()
            .await
            .cache
            .region::<u64>("k")
            .skip("memory")
            .skip("far")
            .open()
            .unwrap()
            .put_if_absent("a", 1)
            .await
            .unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    }
}

/// Panics when it is dropped, once it is told to.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Bomb(#[serde(skip)] Arc<AtomicBool>);

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(!self.0.load(Ordering::Relaxed), "as a test");
    }
}

#[tokio::test]
async fn rule_107_the_drop_of_what_an_update_replaces_reaches_nobody() {
    let cache = Cache::builder().build().await.unwrap();
    let region = cache.region::<Bomb>("k").open().unwrap();
    for number in 0..4 {
        let live = Arc::new(AtomicBool::new(false));
        region.put("a", Bomb(Arc::clone(&live))).await.unwrap();
        let born = region.lookup("a").await.unwrap().born;
        live.store(true, Ordering::Relaxed);
        let before = cache.stats().memory.panicked_drops;
        let changed = match number {
            0 => region.compute("a", |_| Op::put(Bomb::default())).await.unwrap().changed,
            1 => region.compute("a", |_| Op::Remove).await.unwrap().changed,
            2 => region.replace_if("a", born, Bomb::default()).await.unwrap().changed,
            _ => region.set_life("a", Ttl::NONE).await.unwrap(),
        };
        settle().await;
        assert!(changed, "{number}");
        assert!(cache.stats().memory.panicked_drops > before, "{number}");
    }
}
