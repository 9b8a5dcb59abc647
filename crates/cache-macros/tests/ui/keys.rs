//! Keys that would be the same for calls which the body can tell apart.

#![allow(unused)]

use std::fmt::Display;

use cache_facade::{Cache, cached, invalidates};

trait Venue: Clone + Send + Sync + 'static {}

#[cached(region = "price", key = "{symbol}")]
async fn type_left_out<V: Venue>(cache: &Cache, symbol: &str) -> u8 {
    unreachable!()
}

#[cached(region = "price", key = "{symbol}:{V}")]
async fn constant_left_out<V: Venue, const N: usize>(cache: &Cache, symbol: &str) -> u8 {
    unreachable!()
}

#[cached(region = "price", key = "{symbol}")]
async fn anonymous(cache: &Cache, symbol: impl Display + Clone + Send + 'static) -> u8 {
    unreachable!()
}

#[cached(region = "price", key = "{symbol}", ignore(V, symbol))]
async fn no_anonymous_type(cache: &Cache, symbol: &str) -> u8 {
    unreachable!()
}

#[invalidates(region = "price", ignore(text))]
async fn undecided<T: Display>(cache: &Cache, id: u64, text: T) {}

fn main() {}
