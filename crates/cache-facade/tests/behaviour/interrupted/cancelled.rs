//! Calls whose caller goes away: once begun they go on to their end, in every tier and on every node.

use std::{future::Future, pin::Pin, task::Poll};

use cache_core::{Fetched, Pattern};
use cache_facade::{Op, Ttl};
use tests::settle;

use super::{LIFE, Node, World, tag};

type Call = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A call that changes something, and what is served once it has ended.
struct Change {
    name: &'static str,
    call: fn(&World, &Node) -> Call,
    then: [Option<u64>; 3],
}

/// Makes a call of clones of a cache and a region.
macro_rules! call {
    (|$world:ident, $cache:ident, $region:ident| $body:expr) => {
        |$world, (cache, region)| {
            let ($cache, $region, _source) = (cache.clone(), region.clone(), $world.source.clone());
            Box::pin(async move {
                $body.await.unwrap();
                let _ = (&$cache, &$region, &_source);
            })
        }
    };
}

/// All that a cache and a region offer to write or end something.
fn changes() -> Vec<Change> {
    const OLD: [Option<u64>; 3] = [Some(1), Some(2), Some(3)];
    const NONE: [Option<u64>; 3] = [None; 3];
    let change = |name, then, call| Change { name, call, then };
    vec![
        change("put", [Some(10), OLD[1], OLD[2]], call!(|world, cache, region| region.put("a", 10))),
        change(
            "put of no life",
            [None, OLD[1], OLD[2]],
            call!(|world, cache, region| region.put("a", Fetched::new(10).ttl(Ttl::NONE))),
        ),
        change(
            "put_many of mixed lives",
            [Some(10), None, Some(30)],
            call!(|world, cache, region| region.put_many(vec![
                ("a", Fetched::new(10)),
                ("b", Fetched::new(20).ttl(Ttl::NONE)),
                ("c", Fetched::new(30)),
            ])),
        ),
        change("remove", [None, OLD[1], OLD[2]], call!(|world, cache, region| region.remove("a"))),
        change(
            "remove_many",
            [None, None, OLD[2]],
            call!(|world, cache, region| region.remove_many(&["a", "b"])),
        ),
        change("cache.remove", [OLD[0], None, OLD[2]], call!(|world, cache, region| cache.remove("k", "b"))),
        change(
            "remove_matching",
            [None, OLD[1], OLD[2]],
            call!(|world, cache, region| cache.remove_matching(&Pattern::glob("k:a*").unwrap())),
        ),
        change(
            "replace_if",
            [Some(10), OLD[1], OLD[2]],
            call!(|world, cache, region| async {
                // Memory answers at once.
                let seen = region.lookup("a").await?;
                region.replace_if("a", seen.born, 10).await
            }),
        ),
        change(
            "compute",
            [Some(11), OLD[1], OLD[2]],
            call!(
                |world, cache, region| region.compute("a", |seen| Op::put(seen.map_or(0, |seen| *seen) + 10))
            ),
        ),
        change(
            "set_life of none",
            [None, OLD[1], OLD[2]],
            call!(|world, cache, region| region.set_life("a", Ttl::NONE)),
        ),
        change(
            "compute that removes",
            [None, OLD[1], OLD[2]],
            call!(|world, cache, region| region.compute("a", |_| Op::Remove)),
        ),
        change("invalidate", NONE, call!(|world, cache, region| cache.invalidate(&tag()))),
        change(
            "invalidate_until",
            NONE,
            call!(|world, cache, region| cache.invalidate_until(&tag(), cache.clock().now().after(LIFE))),
        ),
        change("region.clear", NONE, call!(|world, cache, region| region.clear())),
        change("cache.clear", NONE, call!(|world, cache, region| cache.clear())),
    ]
}

/// Polls a call until it has been pending `most` times, or is over. Returns whether it is.
async fn cancelled_after(mut call: Call, most: usize) -> bool {
    let mut pending = 0;
    std::future::poll_fn(move |context| {
        if pending == most {
            return Poll::Ready(false);
        }
        match call.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(true),
            Poll::Pending => {
                pending += 1;
                if pending == most { Poll::Ready(false) } else { Poll::Pending }
            }
        }
    })
    .await
}

#[tokio::test]
async fn rule_105_a_call_cancelled_at_any_point_has_done_all_or_nothing() {
    let mut points = 0;
    for Change { name, call, then } in changes() {
        for most in 0.. {
            let (world, [first, second]) = World::new().await;
            let before = World::served(&first).await;
            let over = cancelled_after(call(&world, &first), most).await;
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

/// A refresh is cancelled as any other change, and other nodes let go of what it replaced.
#[tokio::test]
async fn rule_109_a_refresh_reaches_every_node_wherever_its_caller_goes_away() {
    for most in 0.. {
        let (world, [first, second]) = World::new().await;
        let before = World::served(&first).await;
        let source = world.source.clone();
        let region = first.0.region::<u64>("k").ttl(Ttl::new(LIFE)).loader(source).open().unwrap();
        let refresh = async move { assert_eq!(region.refresh(&["a", "b"]).await.unwrap().loaded, 2) };
        let over = cancelled_after(Box::pin(refresh), most).await;
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
