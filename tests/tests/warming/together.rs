//! Next requests on a real cache: only what callers ask for has anything fetched after it.

use std::{sync::Arc, time::Duration};

use cache_core::{Clock, sync::Mutex};
use cache_facade::{Cache, Region};
use cache_warming::{Coverage, Together, Warming};

const SECOND: Duration = Duration::from_secs(1);
const LIFE: Duration = Duration::from_secs(30);

struct Fixture {
    clock: Clock,
    warming: Arc<Warming>,
    region: Region<usize>,
    _cache: Cache,
    loaded: Arc<Mutex<Vec<String>>>,
}

impl Fixture {
    async fn open() -> Self {
        let clock = Clock::manual();
        let together = Together::new("together");
        let warming = Warming::builder().clock(clock.clone()).co_access(100).strategy(together).build();
        let cache = Cache::builder().clock(clock.clone()).warming(&warming).build().await.unwrap();
        let loaded = Arc::<Mutex<Vec<String>>>::default();
        let asked = loaded.clone();
        let region = cache.region::<usize>("page").ttl(LIFE).load_many(1, move |ids: Vec<String>| {
            asked.lock().extend(ids.iter().cloned());
            std::future::ready(std::io::Result::Ok(ids.into_iter().map(|id| (id, 1)).collect::<Vec<_>>()))
        });
        let region = region.open().unwrap();
        warming.cover(Arc::new(region.clone()), Coverage::default().life(LIFE));
        Self { clock, warming, region, _cache: cache, loaded }
    }

    async fn pass(&self, seconds: u32) {
        for _ in 0..seconds {
            self.clock.advance(SECOND);
            self.warming.tick().await;
        }
    }

    async fn ask(&self, id: &str) {
        assert_eq!(self.region.get(id).await.unwrap().as_deref(), Some(&1));
    }

    fn take_loaded(&self) -> Vec<String> {
        std::mem::take(&mut self.loaded.lock())
    }
}

#[tokio::test]
async fn a_page_has_the_next_one_fetched_and_that_none_until_somebody_reads_it() {
    let at = Fixture::open().await;
    for _ in 0..9 {
        for page in ["list", "item", "order"] {
            at.ask(page).await;
            at.pass(3).await;
        }
        at.pass(5).await;
        for other in ["help", "terms", "press", "jobs"] {
            at.ask(other).await;
            at.pass(11).await;
        }
    }
    at.take_loaded();
    at.ask("list").await;
    at.pass(10).await;
    assert_eq!(at.take_loaded(), ["list", "item"]);
    at.ask("item").await;
    at.pass(10).await;
    assert_eq!(
        at.take_loaded(),
        ["order"],
        "what was fetched beforehand was a hit, and has the next one fetched"
    );
    at.pass(60).await;
    assert_eq!(at.take_loaded(), [""; 0], "and that is all");
}
