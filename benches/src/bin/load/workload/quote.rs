//! What is read and written: quotes that tell by themselves whether they are the right ones.

use serde::{Deserialize, Serialize};

/// A quote, made of the number of its instrument and a version: no two have the same fields.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Quote {
    id: u64,
    version: u64,
    symbol: String,
    price: f64,
    volume: u64,
    provider: String,
}

impl Quote {
    /// Returns the quote of an instrument in this version.
    pub(crate) fn new(id: u64, version: u64) -> Self {
        Self {
            id,
            version,
            symbol: format!("SYM{id:07}"),
            price: price(id, version),
            volume: volume(id, version),
            provider: PROVIDER.to_owned(),
        }
    }

    /// Returns the number of its instrument.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// Returns its version, if it is wholly the quote of this instrument. Allocates nothing: it is done while
    /// times are taken.
    pub(crate) fn version_of(&self, id: u64) -> Option<u64> {
        let symbol = self.symbol.strip_prefix("SYM").and_then(|digits| digits.parse::<u64>().ok());
        let is_right = self.id == id
            && symbol == Some(id)
            && self.price == price(id, self.version)
            && self.volume == volume(id, self.version)
            && self.provider == PROVIDER;
        is_right.then_some(self.version)
    }
}

const PROVIDER: &str = "load";

/// A price in full cents: no text form of it rounds.
fn price(id: u64, version: u64) -> f64 {
    ((id * 7919 + version * 31) % 100_000) as f64 / 100.0
}

fn volume(id: u64, version: u64) -> u64 {
    id * 1000 + version
}

#[cfg(test)]
mod tests {
    use super::Quote;

    #[test]
    fn a_quote_of_another_instrument_or_with_another_field_is_noticed() {
        let quote = Quote::new(7, 3);
        assert_eq!(quote.version_of(7), Some(3));
        assert_eq!(quote.version_of(8), None);
        assert_eq!(Quote { price: 0.01, ..quote.clone() }.version_of(7), None);
        assert_eq!(Quote { symbol: "SYM0000008".to_owned(), ..quote.clone() }.version_of(7), None);
        assert_eq!(Quote { provider: String::new(), ..quote.clone() }.version_of(7), None);
        assert_eq!(Quote { version: 4, ..quote }.version_of(7), None);
    }
}
