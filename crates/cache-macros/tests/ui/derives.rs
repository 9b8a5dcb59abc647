//! What can't name an entry, and why.

use cache_facade::ToKey;

#[derive(ToKey)]
struct Nothing;

#[derive(ToKey)]
enum Never {}

#[derive(ToKey)]
struct Price(f64);

fn named(_: impl ToKey) {}

fn by_a_price() {
    named(Price(190.5));
    named(190.5_f64);
}

fn main() {}
