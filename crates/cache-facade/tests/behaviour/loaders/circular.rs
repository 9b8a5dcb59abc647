//! A loader that reads, within a load, what that load brings: it is told so instead of waiting for itself.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use cache_core::{Clock, Error, ErrorKind, Fetched, Loaded, Loader, Request, Result, Ttl};
use cache_facade::{Cache, Region};
use tests::{Gate, settle, soon};
use tokio::{spawn, task::JoinHandle};

use super::SECOND;

const WINDOW: Duration = Duration::from_millis(2);

/// Each key is loaded by a read of the key beside it, or by none.
const READS: [(&str, &str); 9] = [
    ("itself", "k:itself"),
    ("sibling", "k:plain"),
    ("a", "k:b"),
    ("b", "k:c"),
    ("c", "k:a"),
    ("there", "other:back"),
    ("back", "k:there"),
    ("waits", "k:slow"),
    ("stale", "k:own"),
];

type Regions = Arc<OnceLock<[Region<String>; 2]>>;

/// Reads as [`READS`] says. `slow` waits at the gate.
struct Reads {
    regions: Regions,
    gate: Gate,
    max_batch: usize,
}

impl Reads {
    async fn one(&self, id: &str) -> Result<String> {
        if id == "slow" {
            self.gate.pass().await;
        }
        let Some((_, read)) = READS.iter().find(|(of, _)| *of == id) else { return Ok(id.to_owned()) };
        let (kind, read) = read.split_once(':').expect("a kind");
        let region = &self.regions.get().expect("regions")[usize::from(kind == "other")];
        Ok(format!("{id}({})", region.get(read).await?.expect("it exists")))
    }
}

#[async_trait::async_trait]
impl Loader<String> for Reads {
    fn max_batch(&self) -> usize {
        self.max_batch
    }

    async fn load(&self, requests: &[Request<String>]) -> Result<Vec<Loaded<String>>> {
        let mut loaded = Vec::new();
        for request in requests {
            loaded.push(self.one(request.key.id()).await.map_or_else(Loaded::Failed, Into::into));
        }
        Ok(loaded)
    }
}

struct World {
    clock: Clock,
    region: Region<String>,
    gate: Gate,
}

impl World {
    async fn new(window: Duration, max_batch: usize) -> Self {
        let (clock, gate, regions) = (Clock::manual(), Gate::closed(), Regions::default());
        let cache = Cache::builder().clock(clock.clone()).build().await.unwrap();
        let open = |kind| {
            let loader = Reads { regions: Arc::clone(&regions), gate: gate.clone(), max_batch };
            cache.region(kind).batch_window(window).soft_timeout(10 * SECOND).loader(loader).open().unwrap()
        };
        let both = [open("k"), open("other")];
        let region = both[0].clone();
        regions.set(both).expect("once");
        Self { clock, region, gate }
    }

    /// Puts a value that is stale from now on.
    async fn put_stale(&self, id: &str) {
        let life = Ttl::new(SECOND).grace(100 * SECOND);
        self.region.put(id, Fetched::new("old".to_owned()).ttl(life)).await.unwrap();
        self.clock.advance(2 * SECOND);
    }

    /// Reads keys in one call, and lets as much time pass as gathering takes.
    async fn ask(&self, ids: &'static [&'static str]) -> JoinHandle<Result<Vec<Option<Arc<String>>>>> {
        let region = self.region.clone();
        let asking = spawn(async move { soon(region.get_many(ids)).await });
        for _ in 0..4 {
            settle().await;
            self.clock.advance(WINDOW);
        }
        settle().await;
        asking
    }
}

fn is_told(error: &Error, key: &str) {
    assert_eq!(error.kind(), ErrorKind::Load);
    let told = format!("{key} can't be read here: the load that needs it is the one that loads it");
    assert!(error.to_string().contains(&told), "{error}");
}

#[tokio::test]
async fn a_read_of_what_the_load_itself_brings_fails_at_once() {
    for window in [Duration::ZERO, WINDOW] {
        for (ids, refused) in [
            (&["itself"][..], "k:itself"),
            (&["sibling", "plain"], "k:plain"),
            (&["a"], "k:a"),
            (&["there"], "k:there"),
        ] {
            let world = World::new(window, 50).await;
            let asking = world.ask(ids).await;
            assert!(asking.is_finished(), "{ids:?} with {window:?}");
            is_told(&asking.await.unwrap().unwrap_err(), refused);
        }
    }
}

#[tokio::test]
async fn keys_of_several_callers_that_one_call_loads_cant_be_read_within_it() {
    let world = World::new(WINDOW, 50).await;
    let region = world.region.clone();
    let other = spawn(async move { soon(region.get("plain")).await });
    let asking = world.ask(&["sibling"]).await;
    is_told(&asking.await.unwrap().unwrap_err(), "k:plain");
    assert_eq!(other.await.unwrap().unwrap().unwrap().as_str(), "plain", "the caller who needs it gets it");
}

#[tokio::test]
async fn a_read_of_what_another_call_loads_waits_for_it() {
    for window in [Duration::ZERO, WINDOW] {
        let world = World::new(window, 1).await;
        let slow = world.ask(&["slow"]).await;
        let (within, outside) = (world.ask(&["waits"]).await, world.ask(&["slow"]).await);
        assert!(!slow.is_finished() && !within.is_finished() && !outside.is_finished());
        world.gate.open();
        for (asking, value) in [(slow, "slow"), (within, "waits(slow)"), (outside, "slow")] {
            assert_eq!(asking.await.unwrap().unwrap()[0].as_deref().unwrap(), value);
        }
    }
}

#[tokio::test]
async fn a_closure_that_reads_its_own_key_fails_at_once_and_others_wait_for_it() {
    let world = World::new(WINDOW, 50).await;
    let (region, gate, inner) = (world.region.clone(), world.gate.clone(), world.region.clone());
    let own = spawn(async move {
        let load = || async move {
            gate.pass().await;
            let refused = inner.get_or_load("own", || async { Ok::<_, Error>(String::new()) }).await;
            is_told(&refused.unwrap_err(), "k:own");
            is_told(&inner.refresh(&["own"]).await.unwrap().failed[0].1, "k:own");
            Ok::<_, Error>("loaded".to_owned())
        };
        soon(region.get_or_load("own", load)).await
    });
    settle().await;
    let other = world.ask(&["own"]).await;
    assert!(!other.is_finished());
    world.gate.open();
    assert_eq!(own.await.unwrap().unwrap().as_str(), "loaded");
    assert_eq!(other.await.unwrap().unwrap()[0].as_deref().unwrap(), "loaded");
}

#[tokio::test]
async fn a_stale_value_is_served_at_once_in_place_of_the_error() {
    for window in [Duration::ZERO, WINDOW] {
        let world = World::new(window, 50).await;
        world.put_stale("itself").await;
        let asking = world.ask(&["itself"]).await;
        assert!(asking.is_finished(), "no soft timeout has passed");
        assert_eq!(asking.await.unwrap().unwrap()[0].as_deref().unwrap(), "itself(old)");
    }
}

#[tokio::test]
async fn a_refresh_behind_a_read_within_a_load_may_wait_for_that_load() {
    let world = World::new(Duration::ZERO, 50).await;
    world.put_stale("stale").await;
    let (gate, inner) = (world.gate.clone(), world.region.with(|policy| policy.soft_timeout(Duration::ZERO)));
    let load = || async move {
        assert_eq!(inner.get("stale").await?.as_deref().map(String::as_str), Some("old"));
        gate.pass().await;
        Ok::<_, Error>("loaded".to_owned())
    };
    let region = world.region.clone();
    let own = spawn(async move { soon(region.get_or_load("own", load)).await });
    settle().await;
    world.gate.open();
    own.await.unwrap().unwrap();
    settle().await;
    assert_eq!(world.region.peek("stale").as_deref().map(String::as_str), Some("stale(loaded)"));
}
