//! What is said in the brackets.

use cache_facade::{cached, invalidates};

#[cached(lifetime = "5m")]
async fn unknown(cache: &cache_facade::Cache, id: u64) -> u64 {
    id
}

#[cached(ttl = "5 minutes")]
async fn no_span(cache: &cache_facade::Cache, id: u64) -> u64 {
    id
}

#[cached(ttl = "5m", ttl = "6m")]
async fn twice(cache: &cache_facade::Cache, id: u64) -> u64 {
    id
}

#[cached(grace = "5m")]
async fn grace_alone(cache: &cache_facade::Cache, id: u64) -> u64 {
    id
}

#[cached(key = "{symbol}")]
async fn no_such_argument(cache: &cache_facade::Cache, id: u64) -> u64 {
    id
}

#[cached(key = "{id")]
async fn open_brace(cache: &cache_facade::Cache, id: u64) -> u64 {
    id
}

#[cached(ignore(timestamp))]
async fn nothing_to_ignore(cache: &cache_facade::Cache, id: u64) -> u64 {
    id
}

#[invalidates(key = "{id}")]
async fn nothing_to_end(cache: &cache_facade::Cache, id: u64) {}

#[invalidates(region = "name", ttl = "5m")]
async fn no_life_to_end(cache: &cache_facade::Cache, id: u64) {}

fn main() {}
