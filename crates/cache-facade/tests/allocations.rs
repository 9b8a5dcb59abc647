//! What a hit allocates: nothing, whatever names the entry.

use allocation_counter::measure;
use cache_facade::{ByDisplay, Cache, ToKey};
use futures_util::FutureExt;

#[derive(ToKey)]
struct UserId(u64);

#[tokio::test]
async fn a_hit_allocates_nothing() {
    async fn hit(name: &str, key: impl ToKey) {
        let cache = Cache::builder().build().await.unwrap();
        let users = cache.region::<u64>("user").open().unwrap();
        users.put(&key, 1).await.unwrap();
        // The first read of a thread makes its counters.
        users.get(&key).await.unwrap().unwrap();
        let mut answer = None;
        let allocated = measure(|| answer = users.get(&key).now_or_never());
        assert_eq!(answer.unwrap().unwrap().as_deref(), Some(&1));
        assert_eq!(allocated.count_total, 0, "{name}");
    }
    assert!(measure(|| drop(Box::new(1_u64))).count_total > 0, "allocations are counted");
    hit("text", "7").await;
    hit("u64", 7_u64).await;
    hit("own type", UserId(7)).await;
    hit("tuple", ("AAPL", 20_u16, -1_i64)).await;
    hit("displayed", ByDisplay(std::net::Ipv4Addr::LOCALHOST)).await;
}
