//! Functions that the attributes can't be put on.

#![allow(unused)]

use cache_facade::{Cache, cached, invalidates, updates};

#[cached(region = "price")]
fn sync(cache: &Cache) -> u8 {
    unreachable!()
}

#[invalidates(tags("a"))]
fn sync_too(cache: &Cache) {}

#[cached(region = "price")]
async fn no_answer(cache: &Cache) {}

#[cached(region = "price")]
async fn borrowed_answer(cache: &Cache) -> &'static str {
    unreachable!()
}

#[cached(region = "price")]
async fn changes(cache: &Cache, list: &mut Vec<u8>) -> u8 {
    unreachable!()
}

#[cached(region = "price")]
async fn borrows_within(cache: &Cache, symbol: Option<&str>) -> u8 {
    unreachable!()
}

#[cached(region = "price")]
async fn takes_apart(cache: &Cache, (a, b): (u8, u8)) -> u8 {
    unreachable!()
}

#[cached(region = "price")]
async fn waits_later(cache: &Cache) -> impl Future<Output = u8> {
    std::future::ready(1)
}

#[updates(region = "price")]
async fn nothing_to_put(cache: &Cache) {}

#[updates(region = "price")]
async fn borrowed_value(cache: &Cache) -> &'static str {
    unreachable!()
}

async fn calls_them(cache: &Cache) {
    // Each has one error, and none is that there is no such function.
    sync(cache);
    nothing_to_put(cache).await;
}

fn main() {}
