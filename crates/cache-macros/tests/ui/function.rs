//! The function under the attribute.

use cache_facade::cached;

#[cached]
fn not_async(cache: &cache_facade::Cache, id: u64) -> u64 {
    id
}

#[cached]
async fn no_cache(id: u64) -> u64 {
    id
}

#[cached]
async fn no_answer(cache: &cache_facade::Cache, id: u64) {}

#[cached]
async fn no_name(cache: &cache_facade::Cache, (a, b): (u64, u64)) -> u64 {
    a + b
}

struct Counter(cache_facade::Cache);

impl Counter {
    #[cached(cache = self.0)]
    async fn changes(&mut self) -> u64 {
        1
    }
}

fn main() {}
