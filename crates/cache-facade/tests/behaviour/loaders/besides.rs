//! What a load brings under other keys, and what is kept for loaders alone.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use cache_core::{Clock, Fetched, Loaded, Loader, Request, Result, Ttl, sync::Mutex};
use cache_facade::{Cache, Region};
use tests::{FaultyTier, ModelTier, soon};
use tokio::sync::Semaphore;

/// What a loader saw, and when it may answer.
#[derive(Default)]
struct Script {
    /// The ids that it was asked for, each with what was at hand.
    asked: Mutex<Vec<(String, Option<u64>)>>,
    fails: Mutex<bool>,
}

/// A loader that brings `part` beside whatever it is asked for, once it is let.
struct WithPart {
    script: Arc<Script>,
    gate: Arc<Semaphore>,
}

#[async_trait]
impl Loader<u64> for WithPart {
    fn max_batch(&self) -> usize {
        1
    }

    async fn load(&self, requests: &[Request<u64>]) -> Result<Vec<Loaded<u64>>> {
        let number = {
            let mut asked = self.script.asked.lock();
            let request = &requests[0];
            asked.push((request.key.id().to_owned(), request.previous.as_deref().copied()));
            asked.len() as u64
        };
        self.gate.acquire().await.unwrap().forget();
        if *self.script.fails.lock() {
            return Err(cache_core::Error::new(cache_core::ErrorKind::Unavailable, "load", "away"));
        }
        let part = Fetched::new(number * 10).tag("tag").ttl(Duration::from_secs(86_400));
        Ok(vec![Fetched::new(number).tag("tag").beside("part", part).into()])
    }
}

struct Scene {
    clock: Clock,
    cache: Cache,
    region: Region<u64>,
    script: Arc<Script>,
    gate: Arc<Semaphore>,
    tier: Arc<ModelTier>,
}

async fn scene() -> Scene {
    let (clock, tier) = (Clock::manual(), Arc::new(ModelTier::new("far")));
    on(clock, tier).await
}

async fn on(clock: Clock, tier: Arc<ModelTier>) -> Scene {
    let cache = Cache::builder()
        .clock(clock.clone())
        .tier(FaultyTier::over(Arc::clone(&tier)))
        .build()
        .await
        .unwrap();
    let (script, gate) = (Arc::<Script>::default(), Arc::new(Semaphore::new(0)));
    let loader = WithPart { script: Arc::clone(&script), gate: Arc::clone(&gate) };
    let life = Ttl::new(Duration::from_secs(60)).grace(Duration::from_secs(90));
    let region = cache.region::<u64>("sum").ttl(life).kept_for("1h").throttle("0s").loader(loader).open();
    Scene { clock, cache, region: region.unwrap(), script, gate, tier }
}

impl Scene {
    /// Begins to read the whole, and does `meanwhile` while it loads.
    async fn load_while(&self, meanwhile: impl AsyncFnOnce()) -> u64 {
        let region = self.region.clone();
        let read = tokio::spawn(async move { *region.get("whole").await.unwrap().unwrap() });
        let before = self.script.asked.lock().len();
        tests::eventually("the load begins", || self.script.asked.lock().len() > before).await;
        meanwhile().await;
        self.gate.add_permits(1);
        soon(read).await.unwrap()
    }

    fn asked(&self) -> usize {
        self.script.asked.lock().len()
    }
}

#[tokio::test]
async fn rule_77_what_a_load_brings_besides_is_there_with_its_answer_and_in_the_tiers() {
    let scene = scene().await;
    assert_eq!(scene.load_while(async || ()).await, 1);
    assert_eq!(scene.region.peek("part").as_deref(), Some(&10));
    scene.cache.shutdown(Duration::from_secs(5)).await.unwrap();
    let other = on(scene.clock.clone(), Arc::clone(&scene.tier)).await;
    assert_eq!(other.region.get("part").await.unwrap().as_deref(), Some(&10));
    assert_eq!(other.asked(), 0);
}

#[tokio::test]
async fn rule_77_what_is_ended_while_a_load_brings_it_besides_is_not_stored() {
    for how in 0..5 {
        let scene = scene().await;
        let meanwhile = async || match how {
            0 => drop(scene.region.remove("part").await.unwrap()),
            1 => drop(scene.region.remove("whole").await.unwrap()),
            2 => scene.cache.invalidate("tag").await.unwrap(),
            3 => drop(scene.cache.remove_matching("sum:p*").await.unwrap()),
            _ => scene.region.clear().await.unwrap(),
        };
        scene.load_while(meanwhile).await;
        assert_eq!(scene.region.peek("part"), None, "{how}");
        let other = on(scene.clock.clone(), Arc::clone(&scene.tier)).await;
        let cached = other.region.with(|policy| policy.only_cached());
        assert_eq!(cached.get("part").await.unwrap(), None, "{how}");
    }
    let scene = scene().await;
    scene.load_while(async || scene.region.put("part", 7).await.unwrap()).await;
    assert_eq!(scene.region.peek("part").as_deref(), Some(&7), "what was put since is newer");
}

#[tokio::test]
async fn rule_77_what_is_past_its_grace_is_kept_for_its_loader_and_served_to_nobody() {
    let scene = scene().await;
    scene.load_while(async || ()).await;
    let told = scene.region.lookup("whole").await.unwrap();
    assert!(told.servable_for <= Duration::from_secs(90), "no longer than its grace");
    scene.clock.advance(Duration::from_secs(91));
    assert_eq!(scene.region.peek("whole"), None);
    *scene.script.fails.lock() = true;
    scene.gate.add_permits(1);
    assert_eq!(scene.region.get("whole").await.unwrap_err().kind(), cache_core::ErrorKind::Unavailable);
    assert_eq!(scene.script.asked.lock()[1], ("whole".to_owned(), Some(1)), "at hand of its loader");
    *scene.script.fails.lock() = false;
    // In another process, from the tier.
    let other = on(scene.clock.clone(), Arc::clone(&scene.tier)).await;
    assert_eq!(other.load_while(async || ()).await, 1);
    assert_eq!(other.script.asked.lock()[0], ("whole".to_owned(), Some(1)));
    let cached = other.region.with(|policy| policy.only_cached());
    scene.clock.advance(Duration::from_secs(91));
    assert_eq!(cached.get("whole").await.unwrap(), None);
    scene.clock.advance(Duration::from_secs(3600));
    other.load_while(async || ()).await;
    assert_eq!(other.script.asked.lock()[1], ("whole".to_owned(), None), "it is dead");
}
