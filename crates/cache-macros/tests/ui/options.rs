//! Options of the attributes that are missing, unknown or invalid.

#![allow(unused)]

use std::collections::HashMap;

use cache_facade::{Cache, cached, invalidates, updates};

#[cached(ttl = "5m")]
async fn no_region(cache: &Cache) -> u8 {
    unreachable!()
}

#[cached(region = "a:b")]
async fn no_name_of_a_region(cache: &Cache) -> u8 {
    unreachable!()
}

#[cached(region = "price", live = "5m")]
async fn unknown(cache: &Cache) -> u8 {
    unreachable!()
}

#[cached(region = "price", ttl = "5m", ttl = "6m")]
async fn twice(cache: &Cache) -> u8 {
    unreachable!()
}

#[cached(region = "price", ttl = "5 parsecs")]
async fn no_duration(cache: &Cache) -> u8 {
    unreachable!()
}

#[cached(region = "price", ttl = 300)]
async fn no_unit(cache: &Cache) -> u8 {
    unreachable!()
}

#[cached(region = "price", ttl = "1h", grace = "5m")]
async fn grace_within_life(cache: &Cache) -> u8 {
    unreachable!()
}

#[cached(region = "price", negative = "5m")]
async fn never_absent(cache: &Cache) -> u8 {
    unreachable!()
}

#[cached(region = "price", key = "{symbol}-{venue}")]
async fn parts_that_blur(cache: &Cache, symbol: &str, venue: &str) -> u8 {
    unreachable!()
}

#[cached(region = "price", key = "{symbol")]
async fn brace(cache: &Cache, symbol: &str) -> u8 {
    unreachable!()
}

#[cached(region = "price", ignore(stamp))]
async fn no_such_parameter(cache: &Cache, timestamp: u64) -> u8 {
    unreachable!()
}

#[cached(region = "price", key = "{symbol}", ignore(timestamp))]
async fn nothing_to_ignore(cache: &Cache, symbol: &str, timestamp: u64) -> u8 {
    unreachable!()
}

#[cached(region = "price")]
async fn no_cache(symbol: &str) -> u8 {
    unreachable!()
}

#[invalidates(before)]
async fn nothing_ended(cache: &Cache) {}

#[invalidates(key = "{id}")]
async fn of_which_region(cache: &Cache, id: u64) {}

#[updates(key = "{id}")]
async fn updates_which_region(cache: &Cache, id: u64) -> u8 {
    unreachable!()
}

#[cached(region = "price", max_batch = 5)]
async fn no_batch(cache: &Cache, ids: &[u64]) -> HashMap<u64, u8> {
    unreachable!()
}

#[cached(region = "price", batch, max_batch = 0)]
async fn empty_batches(cache: &Cache, ids: &[u64]) -> HashMap<u64, u8> {
    unreachable!()
}

#[cached(region = "price", batch)]
async fn no_elements(cache: &Cache, id: u64) -> HashMap<u64, u8> {
    unreachable!()
}

#[cached(region = "price", batch)]
async fn which_elements(cache: &Cache, ids: &[u64], others: Vec<u8>) -> HashMap<u64, u8> {
    unreachable!()
}

#[cached(region = "price", batch = cache)]
async fn not_these_elements(cache: &Cache, ids: &[u64], others: Vec<u8>) -> HashMap<u64, u8> {
    unreachable!()
}

#[cached(region = "price", batch, key = "{venue}")]
async fn one_entry_for_all(cache: &Cache, ids: &[u64], venue: &str) -> HashMap<u64, u8> {
    unreachable!()
}

#[cached(region = "price", batch, ignore(ids))]
async fn elements_left_out(cache: &Cache, ids: &[u64]) -> HashMap<u64, u8> {
    unreachable!()
}

#[cached(region = "price", batch)]
async fn elements_without_a_name(cache: &Cache, ids: &[impl std::fmt::Display]) -> HashMap<u64, u8> {
    unreachable!()
}

fn main() {}
