//! Functions that the attributes can't be put on.

#![allow(unused)]

use cache_facade::{Cache, cached, invalidates};

#[cached(region = "price")]
fn sync(cache: &Cache) -> u8 {}

#[invalidates(tags("a"))]
fn sync_too(cache: &Cache) {}

#[cached(region = "price")]
async fn no_answer(cache: &Cache) {}

#[cached(region = "price")]
async fn borrowed_answer(cache: &Cache) -> &'static str {}

#[cached(region = "price")]
async fn changes(cache: &Cache, list: &mut Vec<u8>) -> u8 {}

#[cached(region = "price")]
async fn borrows_within(cache: &Cache, symbol: Option<&str>) -> u8 {}

#[cached(region = "price")]
async fn takes_apart(cache: &Cache, (a, b): (u8, u8)) -> u8 {}

#[cached(region = "price")]
async fn waits_later(cache: &Cache) -> impl Future<Output = u8> {}

fn main() {}
