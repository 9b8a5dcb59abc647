//! Calls whose caller goes away: once begun they go on to their end, in every tier and on every node.

use cache_facade::{Cache, ErrorKind, Memory, Ttl};
use tests::{
    mutations::{Mutation, cancelled_after, mutations},
    settle,
};

use super::{LIFE, World};

#[tokio::test]
async fn rule_105_a_call_cancelled_at_any_point_has_done_all_or_nothing() {
    let mut points = 0;
    for Mutation { name, call, then } in mutations() {
        for most in 0.. {
            let (world, [first, second]) = World::new().await;
            let before = World::served(&first).await;
            let over = cancelled_after(call(first.clone()), most).await;
            settle().await;
            let expected = if most == 0 { before } else { then };
            assert_eq!(World::served(&first).await, expected, "{name}, here, cancelled at {most}");
            assert_eq!(World::served(&second).await, expected, "{name}, on the other node, at {most}");
            drop(first);
            let again = world.node(0).await;
            assert_eq!(World::served(&again).await, expected, "{name}, after a restart, at {most}");
            points += 1;
            if over {
                break;
            }
        }
    }
    println!("{points} points of cancellation");
}

/// With memory alone, too, where long walks pause for the runtime.
#[tokio::test]
async fn rule_105_a_long_walk_over_memory_alone_goes_on_though_its_caller_goes_away() {
    const ENTRIES: u64 = 20_000;
    for what in ["removed", "marked", "cleared", "all cleared"] {
        let cache = Cache::builder().memory(Memory::entries(2 * ENTRIES)).build().await.unwrap();
        let region = cache.region::<u64>("n").ttl(LIFE).stale_for(LIFE).open().unwrap();
        region.put_many((0..ENTRIES).map(|id| (id, id))).await.unwrap();
        let call = async {
            match what {
                "removed" => cache.remove_matching("n:*").await.map(drop),
                "marked" => cache.mark_matching_stale("n:*").await,
                "cleared" => region.clear().await,
                _ => cache.clear().await,
            }
        };
        assert!(!cancelled_after(call, 1).await, "{what}: it pauses");
        settle().await;
        let held = cache.stats().memory.entries;
        assert_eq!(held, if what == "marked" { ENTRIES } else { 0 }, "{what}");
        for id in 0..ENTRIES {
            let fresh = region.peek_lookup(&id).is_some_and(|found| !found.stale);
            assert!(!fresh, "{what}: {id}");
        }
    }
}

/// A refresh is cancelled as any other change, and other nodes let go of what it replaced.
#[tokio::test]
async fn rule_109_a_refresh_reaches_every_node_wherever_its_caller_goes_away() {
    for most in 0.. {
        let (world, [first, second]) = World::new().await;
        let before = World::served(&first).await;
        let source = world.source.clone();
        let region = first.cache.region::<u64>("k").ttl(Ttl::new(LIFE)).loader(source).open().unwrap();
        let over = cancelled_after(async { region.refresh(&["a", "b"]).await.unwrap() }, most).await;
        settle().await;
        let served = World::served(&first).await;
        let changed = served.iter().zip(before).filter(|(now, before)| **now != *before).count();
        assert_eq!(changed, if most == 0 { 0 } else { 2 }, "{served:?}, cancelled at {most}");
        assert_eq!(World::served(&second).await, served, "on the other node, at {most}");
        drop(first);
        assert_eq!(World::served(&world.node(0).await).await, served, "after a restart, at {most}");
        if over {
            break;
        }
    }
}

#[tokio::test]
async fn rule_105_several_calls_run_to_their_end_as_one() {
    for most in 0.. {
        let (_world, [first, second]) = World::new().await;
        let before = World::served(&first).await;
        let region = first.region.clone();
        let work = first.cache.run_to_completion(async move {
            region.put("a", 10).await?;
            region.remove("b").await
        });
        let over = cancelled_after(work, most).await;
        settle().await;
        let expected = if most == 0 { before } else { [Some(10), None, Some(3)] };
        assert_eq!(World::served(&first).await, expected, "here, cancelled at {most}");
        assert_eq!(World::served(&second).await, expected, "on the other node, at {most}");
        if over {
            let error = first.cache.run_to_completion(async { panic!("as a test") }).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
            break;
        }
    }
}

/// What has begun goes on to its end while the cache shuts down, and nothing else begins.
#[tokio::test]
async fn rule_105_a_shutdown_lets_what_it_waits_for_write() {
    let (_world, [first, second]) = World::new().await;
    let (region, beside) = (first.region.clone(), second.region.clone());
    let (go, may_go) = tokio::sync::oneshot::channel::<()>();
    let cache = first.cache.clone();
    let work = async move {
        region.put("a", 10).await?;
        may_go.await.unwrap();
        region.put("b", 20).await?;
        let loaded = region.get_or_load("d", || async { Ok::<_, std::io::Error>(40) }).await?;
        assert_eq!(*loaded, 40);
        region.compute("c", |_| cache_facade::Op::put(30)).await
    };
    let work = tokio::spawn(async move { cache.run_to_completion(work).await });
    settle().await;
    let cache = first.cache.clone();
    let ending = tokio::spawn(async move { cache.shutdown(std::time::Duration::from_secs(60)).await });
    settle().await;
    assert_eq!(first.region.put("e", 1).await.unwrap_err().kind(), ErrorKind::Closed);
    assert!(beside.put("e", 1).await.is_ok(), "this is another cache");
    let closed = first.region.clone();
    let of_another = second.cache.run_to_completion(async move { closed.put("e", 1).await });
    assert_eq!(of_another.await.unwrap().unwrap_err().kind(), ErrorKind::Closed);
    go.send(()).unwrap();
    assert!(work.await.unwrap().unwrap().unwrap().changed);
    ending.await.unwrap().unwrap();
    assert_eq!(World::served(&second).await, [Some(10), Some(20), Some(30)]);
}
