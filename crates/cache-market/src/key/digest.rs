//! Digests of parameters: short, independent of their order, and different for different parameters.

use std::{fmt, str::FromStr};

use sha2::{Digest as _, Sha256};

use market_data::Invalid;

/// The digest of an endpoint's parameters: 128 bits of SHA-256, written as 32 hexadecimal digits.
///
/// The order of parameters doesn't matter; the order of several values of one parameter does. The hash is
/// cryptographic, since parameters come from clients, who must not be able to make two requests share an
/// entry. It is the same in every process and version.
///
/// ```
/// use cache_market::Digest;
///
/// let one = Digest::of([("symbol", "AAPL"), ("limit", "10")]);
/// assert_eq!(one, Digest::of([("limit", "10"), ("symbol", "AAPL")]));
/// assert_ne!(one, Digest::of([("limit", "1"), ("symbol", "0AAPL")]));
/// assert_eq!(one.to_string().parse(), Ok(one));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(u128);

impl Digest {
    /// The digest of parameters, each a name and a value.
    #[must_use]
    pub fn of<'a>(parameters: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut parameters: Vec<_> = parameters.into_iter().collect();
        // A stable sort: several values of one name keep their order.
        parameters.sort_by_key(|(name, _)| *name);
        let mut hash = Sha256::new();
        for text in parameters.into_iter().flat_map(|(name, value)| [name, value]) {
            // Lengths separate the texts.
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text.as_bytes());
        }
        let bits = hash.finalize().iter().take(16).fold(0, |bits, byte| bits << 8 | u128::from(*byte));
        Self(bits)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl FromStr for Digest {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let digits = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() == 32
            && text.bytes().all(digits)
            && let Ok(bits) = u128::from_str_radix(text, 16)
        {
            return Ok(Self(bits));
        }
        let start: String = text.chars().take(40).collect();
        Err(Invalid::new(format!("{start:?} is no digest of parameters: it has 32 digits of 0-9 and a-f")))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn digest(parameters: &[(String, String)]) -> Digest {
        Digest::of(parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())))
    }

    proptest! {
        #[test]
        fn order_does_not_matter(parameters in prop::collection::btree_map("[a-c]{0,2}", ".{0,4}", 0..5), turn in 0..5_usize) {
            let mut turned: Vec<_> = parameters.into_iter().collect();
            let straight = digest(&turned);
            let by = turn.min(turned.len());
            turned.rotate_left(by);
            prop_assert_eq!(digest(&turned), straight);
        }

        #[test]
        fn parameters_that_differ_at_all_differ_in_digest(
            one in prop::collection::vec(("[a=&]{0,2}", "[a=&]{0,2}"), 0..3),
            other in prop::collection::vec(("[a=&]{0,2}", "[a=&]{0,2}"), 0..3),
        ) {
            let sorted = |parameters: &[(String, String)]| {
                let mut sorted = parameters.to_vec();
                sorted.sort_by(|one, other| one.0.cmp(&other.0));
                sorted
            };
            prop_assert_eq!(sorted(&one) == sorted(&other), digest(&one) == digest(&other));
        }
    }

    #[test]
    fn a_digest_is_the_same_in_every_version() {
        // `printf '\x06\0\0\0\0\0\0\0symbol\x04\0\0\0\0\0\0\0AAPL' | sha256sum | cut -c-32`
        assert_eq!(Digest::of([("symbol", "AAPL")]).to_string(), "ad003bbf476e7283acea68e4bf0a82b1");
    }
}
