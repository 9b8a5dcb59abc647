//! The trace context of a caller goes along with what is loaded for it.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use cache_core::{Clock, Loaded, Loader, Request, Result, Ttl, trace::TraceContext};
use cache_facade::{Cache, Region, RegionBuilder};
use tests::{settle, soon};
use tokio::spawn;

const LIFE: Duration = Duration::from_secs(60);
const WINDOW: Duration = Duration::from_millis(2);

/// Notes the context of each of its calls.
#[derive(Clone, Default)]
struct Noting(Arc<Mutex<Vec<Option<u64>>>>);

#[async_trait]
impl Loader<u64> for Noting {
    fn max_batch(&self) -> usize {
        10
    }

    async fn load(&self, requests: &[Request<u64>]) -> Result<Vec<Loaded<u64>>> {
        self.0.lock().unwrap().push(TraceContext::current().map(|context| context.parent_id()));
        Ok(requests.iter().map(|_| Loaded::from(7)).collect())
    }
}

async fn region(
    set_up: impl FnOnce(RegionBuilder<u64>) -> RegionBuilder<u64>,
) -> (Clock, Noting, Region<u64>) {
    let (clock, noting) = (Clock::manual(), Noting::default());
    let cache = Cache::builder().clock(clock.clone()).build().await.unwrap();
    let region = cache.region("price").ttl(Ttl::new(LIFE).grace(10 * LIFE)).loader(noting.clone());
    (clock, noting, set_up(region).open().unwrap())
}

/// Reads within the context of a span of this id.
async fn get(region: &Region<u64>, id: &str, span: u64) {
    let read = TraceContext::around(TraceContext::new(1, span, true), region.get(id));
    assert!(soon(read).await.unwrap().is_some());
}

#[tokio::test]
async fn a_load_is_made_in_the_context_of_the_read_that_began_it() {
    let (_, noting, region) = region(|region| region).await;
    get(&region, "A", 5).await;
    assert!(soon(region.get("B")).await.unwrap().is_some());
    assert_eq!(*noting.0.lock().unwrap(), [Some(5), None]);
}

#[tokio::test]
async fn a_load_that_several_share_is_made_in_the_context_of_who_began_it() {
    let (clock, noting, region) = region(|region| region.batch_window(WINDOW)).await;
    let reads: Vec<_> = [("A", 5), ("B", 6), ("A", 7)]
        .into_iter()
        .map(|(id, span)| {
            let region = region.clone();
            spawn(async move { get(&region, id, span).await })
        })
        .collect();
    settle().await;
    clock.advance(WINDOW);
    for read in reads {
        read.await.unwrap();
    }
    assert_eq!(*noting.0.lock().unwrap(), [Some(5)]);
}

#[tokio::test]
async fn a_refresh_in_the_background_is_of_no_callers_trace() {
    let (clock, noting, region) = region(|region| region).await;
    get(&region, "A", 5).await;
    clock.advance(LIFE + WINDOW);
    get(&region, "A", 6).await;
    settle().await;
    assert_eq!(*noting.0.lock().unwrap(), [Some(5), None]);
}
