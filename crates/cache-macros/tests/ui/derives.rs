//! What can't name an entry, and why.

use cache_facade::{FromId, ToKey};

#[derive(ToKey)]
struct Nothing;

#[derive(ToKey, FromId)]
enum Never {}

#[derive(ToKey)]
struct Price(f64);

#[derive(ToKey, FromId)]
struct Bars {
    symbol: String,
    days: Vec<u16>,
}

fn named(_: impl ToKey) {}

fn read<T: FromId>() {}

fn by_what_has_an_error_already(never: Never, bars: Bars) {
    named(Nothing);
    named(never);
    named(Price(190.5));
    named(bars);
    read::<Never>();
    read::<Bars>();
}

fn by_a_price() {
    named(190.5_f64);
}

fn main() {}
