//! The form in which keys are stored: bytes, and short enough for an index.

use std::{borrow::Cow, str};

use cache_core::{Key, MAX_KEY_LEN, Pattern};
use sha2::{Digest, Sha256};

/// How much of a key's text is stored as it is. An index takes rows of up to 2,704 bytes.
const MAX_PLAIN_BYTES: usize = 1000;

/// Greater than every key: no text begins with this byte.
const AFTER_ALL_KEYS: &[u8] = &[0xff];

/// A key as stored. A text of up to 1,000 bytes is stored as it is. Of a longer one the column `key` has
/// the first 1,000 bytes and the SHA-256 of all, and `rest` the bytes left out. So `key` sorts as the
/// text does in its first 1,000 bytes, and no two keys share one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct KeyBytes<'a> {
    pub(crate) key: Cow<'a, [u8]>,
    pub(crate) rest: Option<&'a [u8]>,
}

impl<'a> From<&'a Key> for KeyBytes<'a> {
    fn from(key: &'a Key) -> Self {
        let text = key.as_str().as_bytes();
        match text.split_at_checked(MAX_PLAIN_BYTES) {
            Some((head, rest)) if !rest.is_empty() => {
                Self { key: Cow::Owned([head, Sha256::digest(text).as_slice()].concat()), rest: Some(rest) }
            }
            _ => Self { key: Cow::Borrowed(text), rest: None },
        }
    }
}

/// The text of a stored key; `None` if it is no text.
pub(crate) fn key_text<'a>(key: &'a [u8], rest: Option<&[u8]>) -> Option<Cow<'a, str>> {
    match rest {
        None => str::from_utf8(key).ok().map(Cow::Borrowed),
        Some(rest) if rest.len() <= MAX_KEY_LEN => {
            String::from_utf8([key.get(..MAX_PLAIN_BYTES)?, rest].concat()).ok().map(Cow::Owned)
        }
        Some(_) => None,
    }
}

/// Among which stored keys those lie that a pattern may match: from the first, up to and without the
/// second.
pub(crate) fn key_range(pattern: &Pattern) -> (Vec<u8>, Vec<u8>) {
    let prefix = pattern.literal_prefix().as_bytes();
    let from = prefix[..prefix.len().min(MAX_PLAIN_BYTES)].to_vec();
    let mut end = from.clone();
    // No byte of a text is 255, so the last one can be raised.
    match end.last_mut() {
        Some(last) => *last += 1,
        None => end = AFTER_ALL_KEYS.to_vec(),
    }
    (from, end)
}

/// Whether a pattern matches all keys of its range that aren't the cache's own.
pub(crate) fn matches_whole_range(pattern: &Pattern) -> bool {
    let prefix = pattern.literal_prefix();
    prefix.len() <= MAX_PLAIN_BYTES && *pattern == Pattern::starting_with(prefix)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_key() -> impl Strategy<Value = Key> {
        let id =
            prop_oneof![".{0,20}", (950_usize..1040, ".{0,9}").prop_map(|(n, end)| "x".repeat(n) + &end)];
        ("[ab]{1,2}", id).prop_map(|(kind, id)| Key::new(&kind, &id).unwrap())
    }

    proptest! {
        #[test]
        fn a_stored_key_gives_its_text_back(key in any_key()) {
            let bytes = KeyBytes::from(&key);
            prop_assert!(bytes.key.len() <= MAX_PLAIN_BYTES + 32);
            let read = key_text(&bytes.key, bytes.rest);
            prop_assert_eq!(read.as_deref(), Some(key.as_str()));
        }

        #[test]
        fn rule_50_what_a_pattern_matches_lies_in_its_range(key in any_key(), cut in 0_usize..1200, whole: bool) {
            let text = key.as_str();
            let cut = (0..=cut.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap();
            let glob = Pattern::escape(&text[..cut]) + if whole { "*" } else { "?*" };
            let pattern = Pattern::glob(&glob).unwrap();
            let (from, end) = key_range(&pattern);
            let bytes = KeyBytes::from(&key);
            let within = from.as_slice() <= &*bytes.key && *bytes.key < *end.as_slice();
            prop_assert!(within || !pattern.matches(&key));
            prop_assert!(!within || !matches_whole_range(&pattern) || pattern.matches(&key));
        }
    }

    #[test]
    fn long_keys_that_differ_anywhere_are_stored_apart() {
        let keys = [("a", 4000, "x"), ("a", 4000, "y"), ("a", 3999, "x"), ("b", 4000, "x"), ("a", 993, "")];
        let keys = keys.map(|(kind, len, end)| Key::new(kind, &("n".repeat(len) + end)).unwrap());
        let bytes: Vec<_> = keys.iter().map(|key| KeyBytes::from(key).key).collect();
        assert!((0..keys.len()).all(|at| !bytes[..at].contains(&bytes[at])));
    }

    #[test]
    fn foreign_bytes_are_no_text() {
        assert_eq!(key_text(b"\xff\xfe", None), None);
        assert_eq!(key_text(b"short", Some(b"rest")), None);
    }
}
