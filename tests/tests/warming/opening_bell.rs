//! The opening bell: five thousand values end at one instant, and the source takes 120 calls a second.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use async_trait::async_trait;
use cache_core::{Clock, Event, Key, Loaded, Loader, Observer, Request, Result, Timestamp, Ttl, sync::Mutex};
use cache_facade::{Cache, Region};
use cache_warming::{Coverage, OpeningBell, Warming};
use tests::settle;

const SYMBOLS: usize = 5000;
const CALLS_A_SECOND: usize = 120;
const SECOND: Duration = Duration::from_secs(1);
const STEP: Duration = Duration::from_millis(10);

/// A source of one key a call that waits until its quota has a call left, as a provider's limiter does.
#[derive(Clone, Debug)]
struct Limited {
    clock: Clock,
    /// When the calls of the last second were made.
    made: Arc<Mutex<VecDeque<Timestamp>>>,
    most_in_a_second: Arc<Mutex<usize>>,
}

impl Limited {
    fn new(clock: &Clock) -> Self {
        Self { clock: clock.clone(), made: Arc::default(), most_in_a_second: Arc::default() }
    }

    fn left(&self) -> usize {
        let now = self.clock.now();
        let mut made = self.made.lock();
        while made.front().is_some_and(|at| now.since(*at) >= SECOND) {
            made.pop_front();
        }
        CALLS_A_SECOND - made.len()
    }
}

#[async_trait]
impl Loader<usize> for Limited {
    fn max_batch(&self) -> usize {
        1
    }

    async fn load(&self, requests: &[Request<usize>]) -> Result<Vec<Loaded<usize>>> {
        while self.left() == 0 {
            let wait = self.clock.manual_sleep(self.clock.now().after(STEP)).expect("a manual clock");
            wait.await;
        }
        let mut made = self.made.lock();
        made.push_back(self.clock.now());
        let mut most = self.most_in_a_second.lock();
        *most = (*most).max(made.len());
        Ok(requests.iter().map(|_| 1.into()).collect())
    }
}

/// The key of a symbol, of which those of low numbers are asked for more.
fn id(symbol: usize) -> String {
    format!("S{symbol}")
}

async fn open(clock: &Clock, source: &Limited, warming: &Arc<Warming>) -> (Cache, Region<usize>) {
    let builder =
        Cache::builder().clock(clock.clone()).observer(Arc::clone(warming)).fill(Arc::clone(warming));
    let cache = builder.build().await.unwrap();
    let ttl = Ttl::new(Duration::from_secs(3600)).grace(Duration::from_secs(7200));
    let region = cache.region::<usize>("quote").ttl(ttl).loader(source.clone()).open().unwrap();
    (cache, region)
}

#[tokio::test]
async fn the_refill_after_the_bell_is_by_demand_and_within_the_quota() {
    let clock = Clock::manual();
    let source = Limited::new(&clock);
    let bell_at = clock.now().after(Duration::from_secs(3600));
    let left = source.clone();
    let bell = OpeningBell::new("bell", move |now| (now >= bell_at).then_some(bell_at));
    let warming =
        Warming::builder().clock(clock.clone()).strategy(bell).calls_left(move |_| Some(left.left())).build();
    let (_cache, region) = open(&clock, &source, &warming).await;
    warming.cover(Arc::new(region.clone()), Coverage::default().life(Duration::from_secs(3600)));
    for symbol in 0..SYMBOLS {
        region.put(id(symbol).as_str(), 0).await.unwrap();
    }
    // Before the bell they are asked for, those of low numbers more often.
    for round in 0..20_usize {
        for symbol in 0..SYMBOLS / (round + 1) {
            let key = Key::new("quote", &id(symbol)).unwrap();
            warming.on(&Event::Hit { key: &key, source: "memory", stale: false });
        }
        warming.history().settle();
        clock.advance(Duration::from_secs(170));
    }
    let running = warming.start();
    settle().await;
    clock.advance(bell_at.since(clock.now()));
    settle().await;
    let mut random = fastrand::Rng::with_seed(7);
    let (mut reads, mut failed) = (0, 0);
    for _ in 0..200 {
        clock.advance(STEP);
        settle().await;
        // The hottest are read more, and all are read.
        let symbol = (random.f64().powi(6) * SYMBOLS as f64) as usize;
        reads += 1;
        failed += usize::from(!matches!(region.get(id(symbol).as_str()).await, Ok(Some(_))));
    }
    settle().await;
    let fresh =
        (0..200).filter(|symbol| region.key(&id(*symbol)).is_ok_and(|key| is_fresh(&region, &key))).count();
    assert_eq!(fresh, 200, "the hottest are fresh after two seconds");
    assert_eq!((reads, failed), (200, 0));
    assert!(*source.most_in_a_second.lock() <= CALLS_A_SECOND, "{:?}", source.most_in_a_second);
    drop(running);
}

fn is_fresh(region: &Region<usize>, key: &Key) -> bool {
    cache_core::Warm::fresh_for(region, key).is_some()
}
