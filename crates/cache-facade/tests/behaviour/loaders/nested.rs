//! A coalesced loader that reads keys of its own region within a load: it waits for no batch window, and never
//! for itself.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use cache_core::{Clock, Loaded, Loader, Request, Result, sync::Mutex};
use cache_facade::{Cache, Region};
use tests::{Gate, settle, soon};
use tokio::{spawn, task::JoinHandle};

const WINDOW: Duration = Duration::from_millis(2);

/// Loads `a>b` by a read of `b`, and `x+y` by one read of both. `a` in `slow:a` waits at a gate before it reads,
/// and in `late:a` after that.
struct Composed {
    region: Arc<OnceLock<Region<String>>>,
    calls: Arc<Mutex<Vec<Vec<String>>>>,
    gate: Gate,
    max_batch: usize,
}

impl Composed {
    async fn compose(&self, id: &str) -> Result<String> {
        let region = self.region.get().expect("a region");
        let (when, id) = id.split_once(':').unwrap_or(("", id));
        if when == "slow" {
            self.gate.pass().await;
        }
        let value = match (id.split_once('>'), id.split_once('+')) {
            (Some((head, rest)), _) => {
                format!("{head}({})", region.get(rest).await?.expect("it exists"))
            }
            (_, Some((one, other))) => {
                let both = region.get_many(&[one, other]).await?;
                both.iter().flatten().map(|value| value.as_str()).collect::<Vec<_>>().join("&")
            }
            _ => id.to_owned(),
        };
        if when == "late" {
            self.gate.pass().await;
        }
        Ok(value)
    }
}

#[async_trait::async_trait]
impl Loader<String> for Composed {
    fn max_batch(&self) -> usize {
        self.max_batch
    }

    async fn load(&self, requests: &[Request<String>]) -> Result<Vec<Loaded<String>>> {
        let ids: Vec<String> = requests.iter().map(|request| request.key.id().to_owned()).collect();
        self.calls.lock().push(ids.clone());
        let mut loaded = Vec::new();
        for id in ids {
            loaded.push(self.compose(&id).await?.into());
        }
        Ok(loaded)
    }
}

struct World {
    clock: Clock,
    region: Region<String>,
    calls: Arc<Mutex<Vec<Vec<String>>>>,
    gate: Gate,
}

impl World {
    async fn new(max_batch: usize) -> Self {
        let (clock, gate) = (Clock::manual(), Gate::closed());
        let (own, calls) = (Arc::new(OnceLock::new()), Arc::default());
        let loader =
            Composed { region: Arc::clone(&own), calls: Arc::clone(&calls), gate: gate.clone(), max_batch };
        let cache = Cache::builder().clock(clock.clone()).build().await.unwrap();
        let region = cache.region("k").batch_window(WINDOW).loader(loader).open().unwrap();
        own.set(region.clone()).expect("once");
        Self { clock, region, calls, gate }
    }

    async fn ask(&self, id: &'static str) -> JoinHandle<Result<Option<Arc<String>>>> {
        let region = self.region.clone();
        let asking = spawn(async move { soon(region.get(id)).await });
        settle().await;
        asking
    }

    async fn windows(&self, windows: u32) {
        for _ in 0..windows {
            self.clock.advance(WINDOW);
            settle().await;
        }
    }

    fn calls(&self) -> Vec<Vec<String>> {
        self.calls
            .lock()
            .iter()
            .map(|call| {
                let mut call = call.clone();
                call.sort();
                call
            })
            .collect()
    }
}

#[tokio::test]
async fn reads_within_a_load_wait_for_no_window_whatever_a_call_may_ask_for() {
    for max_batch in [1, 2, 50] {
        let world = World::new(max_batch).await;
        let caller = world.ask("a>b>c>d").await;
        world.windows(if max_batch == 1 { 0 } else { 1 }).await;
        assert!(caller.is_finished(), "{max_batch}: one window for the first, and none for those within");
        assert_eq!(caller.await.unwrap().unwrap().unwrap().as_str(), "a(b(c(d)))");
        assert_eq!(world.calls().len(), 4);
    }
}

#[tokio::test]
async fn the_keys_of_one_read_within_a_load_are_one_call() {
    let world = World::new(50).await;
    let caller = world.ask("x+y").await;
    world.windows(1).await;
    assert_eq!(caller.await.unwrap().unwrap().unwrap().as_str(), "x&y");
    assert_eq!(world.calls(), [vec!["x+y"], vec!["x", "y"]]);
}

#[tokio::test]
async fn a_read_within_a_load_that_needs_a_key_which_others_gather_waits_for_one_window() {
    let world = World::new(50).await;
    let caller = world.ask("slow:a>b").await;
    world.windows(1).await;
    let gathering = world.ask("b").await;
    world.windows(3).await;
    assert_eq!(world.calls().len(), 1, "while a call is under way others are gathered");
    world.gate.open();
    settle().await;
    world.windows(2).await;
    assert!(
        caller.is_finished() && gathering.is_finished(),
        "the call that waits for it does not hold it up"
    );
    assert_eq!(world.calls(), [["slow:a>b"], ["b"]]);
    assert_eq!(caller.await.unwrap().unwrap().unwrap().as_str(), "a(b)");
}

#[tokio::test]
async fn a_call_whose_read_has_ended_is_under_way_again() {
    let world = World::new(50).await;
    let caller = world.ask("late:a>b").await;
    world.windows(1).await;
    assert_eq!(world.calls(), [["late:a>b"], ["b"]]);
    let gathering = world.ask("z").await;
    world.windows(3).await;
    assert_eq!(world.calls().len(), 2, "z waits for others while the call goes on");
    world.gate.open();
    settle().await;
    world.windows(1).await;
    assert!(caller.is_finished() && gathering.is_finished());
    let next = world.ask("next").await;
    world.windows(1).await;
    assert!(next.is_finished(), "no call is under way any more");
}
