//! All calls of a cache that write or end something, each to be cancelled wherever it waits.

use std::{
    pin::Pin,
    task::Poll,
    time::{Duration, Instant},
};

use cache_core::{Fetched, Key, Pattern, Tag, Ttl};
use cache_facade::{Cache, Op, Region};
use tokio::time::sleep;

use crate::ScriptedLoader;

/// The values of three keys, `a`, `b` and `c`.
pub type Values = [Option<u64>; 3];

/// A call under way.
pub type Call = Pin<Box<dyn Future<Output = ()> + Send>>;

const IDS: [&str; 3] = ["a", "b", "c"];

/// The life of all values that have one.
const LIFE: Duration = Duration::from_secs(1000);

/// How long nodes may take to hear of a change.
const PATIENCE: Duration = Duration::from_secs(20);

/// A cache, and its region of a kind of which the values carry one tag. The region has no loader.
#[derive(Clone, Debug)]
pub struct Node {
    /// The cache.
    pub cache: Cache,
    /// The region.
    pub region: Region<u64>,
    kind: String,
}

/// A call that changes something, and what is served once it has ended.
pub struct Mutation {
    /// What it is, for messages.
    pub name: &'static str,
    /// Makes the call. Nothing happens before it is polled.
    pub call: fn(Node) -> Call,
    /// What every node serves once it has ended, if it served 1, 2 and 3.
    pub then: Values,
}

impl Node {
    /// Opens the region of that kind.
    ///
    /// # Panics
    ///
    /// If it can't be opened.
    #[must_use]
    pub fn open(cache: &Cache, kind: &str) -> Self {
        let region = cache.region::<u64>(kind).ttl(Ttl::new(LIFE)).open().expect("a region");
        Self { cache: cache.clone(), region, kind: kind.to_owned() }
    }

    /// The tag of all values.
    ///
    /// # Panics
    ///
    /// If the kind is too long for a tag.
    #[must_use]
    pub fn tag(&self) -> Tag {
        Tag::new(&self.kind).expect("a tag")
    }

    /// Puts 1, 2 and 3.
    ///
    /// # Panics
    ///
    /// If that fails.
    pub async fn fill(&self) {
        for (id, value) in IDS.iter().zip(1..) {
            self.region.put(*id, Fetched::new(value).tag(self.tag())).await.expect("put");
        }
    }

    /// What it serves without a load.
    ///
    /// # Panics
    ///
    /// If a read fails.
    pub async fn served(&self) -> Values {
        let mut served = [None; 3];
        for (id, served) in IDS.iter().zip(&mut served) {
            *served = self.region.get(*id).await.expect("an answer").map(|value| *value);
        }
        served
    }

    /// Waits, in real time, until it serves these values.
    ///
    /// # Panics
    ///
    /// If it takes 20 s.
    pub async fn until_served(&self, values: Values, what: &str) {
        let begun = Instant::now();
        loop {
            let served = self.served().await;
            if served == values {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{what}: {served:?} instead of {values:?}");
            sleep(Duration::from_millis(2)).await;
        }
    }
}

/// Makes a call of a node.
macro_rules! call {
    (|$node:ident| $body:expr) => {
        |$node| {
            Box::pin(async move {
                $body.await.expect("it succeeds");
            })
        }
    };
}

/// All that a cache and a region offer to write or end something.
#[must_use]
pub fn mutations() -> Vec<Mutation> {
    const OLD: Values = [Some(1), Some(2), Some(3)];
    const NONE: Values = [None; 3];
    let mutation = |name, then, call| Mutation { name, call, then };
    vec![
        mutation("put", [Some(10), OLD[1], OLD[2]], call!(|node| node.region.put("a", 10))),
        mutation(
            "put of no life",
            [None, OLD[1], OLD[2]],
            call!(|node| node.region.put("a", Fetched::new(10).ttl(Ttl::NONE))),
        ),
        mutation(
            "put_many of mixed lives",
            [Some(10), None, Some(30)],
            call!(|node| node.region.put_many(vec![
                ("a", Fetched::new(10)),
                ("b", Fetched::new(20).ttl(Ttl::NONE)),
                ("c", Fetched::new(30)),
            ])),
        ),
        mutation("remove", [None, OLD[1], OLD[2]], call!(|node| node.region.remove("a"))),
        mutation("remove_many", [None, None, OLD[2]], call!(|node| node.region.remove_many(&["a", "b"]))),
        mutation("cache.remove", [OLD[0], None, OLD[2]], call!(|node| node.cache.remove(&node.kind, "b"))),
        mutation(
            "remove_matching",
            [None, OLD[1], OLD[2]],
            call!(|node| node.cache.remove_matching(Pattern::glob(&format!("{}:a*", node.kind)).unwrap())),
        ),
        mutation(
            "replace_if",
            [Some(10), OLD[1], OLD[2]],
            call!(|node| async {
                // Memory answers at once.
                let seen = node.region.lookup("a").await?;
                node.region.replace_if("a", seen.born, 10).await
            }),
        ),
        mutation(
            "compute",
            [Some(11), OLD[1], OLD[2]],
            call!(|node| node.region.compute("a", |seen| Op::put(seen.map_or(0, |seen| *seen) + 10))),
        ),
        mutation(
            "compute that removes",
            [None, OLD[1], OLD[2]],
            call!(|node| node.region.compute("a", |_| Op::Remove)),
        ),
        mutation(
            "set_life of none",
            [None, OLD[1], OLD[2]],
            call!(|node| node.region.set_life("a", Ttl::NONE)),
        ),
        mutation("invalidate", NONE, call!(|node| node.cache.invalidate(&node.tag()))),
        mutation(
            "invalidate_until",
            NONE,
            call!(|node| node.cache.invalidate_until(&node.tag(), node.cache.clock().now().after(LIFE))),
        ),
        mutation("region.clear", NONE, call!(|node| node.region.clear())),
        mutation("cache.clear", NONE, call!(|node| node.cache.clear())),
        mutation(
            "refresh",
            [Some(77), Some(77), OLD[2]],
            call!(|node| async {
                let loaded = ScriptedLoader::new(|_: &Key, _| 77_u64);
                let region = node.cache.region::<u64>(&node.kind).ttl(Ttl::new(LIFE)).loader(loaded);
                region.open()?.refresh(&["a", "b"]).await?.all()
            }),
        ),
    ]
}

/// Polls a call until it has been pending `most` times, or is over, and drops it. Returns whether it was over.
pub async fn cancelled_after<T>(call: impl Future<Output = T>, most: usize) -> bool {
    let (mut call, mut pending) = (Box::pin(call), 0);
    std::future::poll_fn(move |context| {
        if pending == most {
            return Poll::Ready(false);
        }
        match call.as_mut().poll(context) {
            Poll::Ready(_) => Poll::Ready(true),
            Poll::Pending => {
                pending += 1;
                if pending == most { Poll::Ready(false) } else { Poll::Pending }
            }
        }
    })
    .await
}

/// Cancels each mutation by the first of two nodes at each point where it waits, and sees, in real time, that both
/// nodes, and the first one opened anew, serve what they did if it never began, and all of it else. `open` opens a
/// cache, by its number, over the tiers that it had before; the one before it is dropped. Returns how many points
/// there were.
///
/// # Panics
///
/// If half of a mutation is left.
pub async fn cancel_everywhere(mut open: impl AsyncFnMut(usize) -> Cache) -> usize {
    let mut points = 0;
    let (mut first, second) = (open(0).await, open(1).await);
    for Mutation { name, call, then } in mutations() {
        for most in 0.. {
            // Of its own, since what other calls ended stays ended.
            let kind = format!("k{points}");
            let (here, there) = (Node::open(&first, &kind), Node::open(&second, &kind));
            let before = [Some(1), Some(2), Some(3)];
            here.fill().await;
            for node in [&here, &there] {
                node.until_served(before, "at first").await;
            }
            let over = cancelled_after(call(here.clone()), most).await;
            let expected = if most == 0 { before } else { then };
            here.until_served(expected, &format!("{name}, here, cancelled at {most}")).await;
            there.until_served(expected, &format!("{name}, on the other node, at {most}")).await;
            drop((here, first));
            first = open(0).await;
            let anew = Node::open(&first, &kind).served().await;
            assert_eq!(anew, expected, "{name}, after a restart, at {most}");
            points += 1;
            if over {
                break;
            }
        }
    }
    points
}
