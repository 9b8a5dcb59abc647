//! Types of arguments and values that a cache can do nothing with.

#![allow(unused)]

use std::{collections::HashMap, rc::Rc};

use cache_facade::{Cache, Error, cached, updates};
use serde::{Deserialize, Serialize};

#[derive(Debug)]
struct OwnError;

struct Opaque;

#[derive(Clone)]
struct Unstorable;

#[derive(Serialize, Deserialize)]
struct NotClone;

#[cached(region = "price")]
async fn no_place_for_errors_of_the_cache(cache: &Cache, id: u64) -> Result<u8, OwnError> {
    unreachable!()
}

#[cached(region = "price")]
async fn no_part_of_a_key(cache: &Cache, id: u64, opaque: Opaque) -> Result<u8, Error> {
    unreachable!()
}

#[cached(region = "price")]
async fn no_value_of_a_tier(cache: &Cache, id: u64) -> Result<Unstorable, Error> {
    unreachable!()
}

#[cached(region = "price")]
async fn not_for_several_callers(cache: &Cache, id: u64) -> Result<NotClone, Error> {
    unreachable!()
}

#[cached(region = "price", batch)]
async fn no_elements_in_it(cache: &Cache, ids: &[u64]) -> Result<Vec<u8>, Error> {
    unreachable!()
}

#[cached(region = "price", batch)]
async fn other_elements_in_it(cache: &Cache, ids: &[u64]) -> HashMap<String, u8> {
    unreachable!()
}

#[updates(region = "price", key = "{id}")]
async fn no_value_to_put(cache: &Cache, id: u64) -> Result<Unstorable, Error> {
    unreachable!()
}

fn main() {}
