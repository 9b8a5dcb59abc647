//! The names of entries: `kind:id`, optionally within a namespace, hashed once.

pub(crate) mod from_id;
pub(crate) mod id;
pub(crate) mod lookup;
pub(crate) mod pattern;
pub(crate) mod prefix;

use std::{
    borrow::Cow,
    fmt,
    hash::{BuildHasherDefault, Hash, Hasher},
    sync::Arc,
};

use self::prefix::Prefix;
use crate::Result;

/// The most bytes that the text of a key may have, namespace and kind included.
pub const MAX_KEY_LEN: usize = 4096;

/// The name of an entry: `price:AAPL:yahoo`, or `md:price:AAPL:yahoo` in the namespace `md`.
///
/// Cloning is cheap. The hash is computed when the key is built and never again.
///
/// ```
/// use cache_core::Key;
///
/// let key = Key::new("price", "AAPL:yahoo")?;
/// assert_eq!(key.as_str(), "price:AAPL:yahoo");
/// assert_eq!(key.id(), "AAPL:yahoo");
///
/// // Parts stay apart whatever they contain.
/// assert_eq!(Key::from_parts("price", ["A:B", "C"])?.as_str(), "price:A%3AB:C");
/// # Ok::<(), cache_core::Error>(())
/// ```
#[derive(Clone)]
pub struct Key {
    pub(crate) text: Arc<str>,
    pub(crate) hash: u64,
    pub(crate) id_at: u32,
    /// The low half of the prefix's hash, which tells prefixes apart without reading the text.
    pub(crate) mark: u32,
}

impl Key {
    /// Returns the key `kind:id`, with `id` as it is.
    ///
    /// # Errors
    ///
    /// `Config` if the kind is empty, starts with `!`, or contains a `:` or a control character; `Limit`
    /// past [`MAX_KEY_LEN`].
    pub fn new(kind: &str, id: &str) -> Result<Self> {
        Prefix::new(None, kind)?.key(id)
    }

    /// Returns the key whose id is `parts` joined by `:`. A `:` or `%` inside a part is percent-encoded, so
    /// that different parts never make the same key.
    ///
    /// # Errors
    ///
    /// As [`Key::new`].
    pub fn from_parts<'a>(kind: &str, parts: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        let parts: Vec<Cow<'_, str>> = parts.into_iter().map(quote).collect();
        Self::new(kind, &parts.join(":"))
    }

    /// Returns a key of this text, as [`Key::as_str`] returns it, reserved ones included; `None` for what is none.
    /// Its namespace can't be told from its kind, so it may be split elsewhere than the key was that has this
    /// text: it serves to look up, to open and seal records, and to match patterns.
    ///
    /// ```
    /// use cache_core::{Key, Prefix};
    ///
    /// let key = Prefix::new(Some("md"), "price")?.key("AAPL")?;
    /// let again = Key::from_text(key.as_str()).unwrap();
    /// assert_eq!((again.as_str(), again.kind()), ("md:price:AAPL", "md"));
    /// assert!(Key::from_text("AAPL").is_none());
    /// # Ok::<(), cache_core::Error>(())
    /// ```
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let (kind, id) = text.split_once(':')?;
        match kind.strip_prefix('!') {
            Some(kind) => Prefix::new(None, kind).ok()?.reserved().key(id).ok(),
            None => Self::new(kind, id).ok(),
        }
    }

    /// Returns the text of a key without the namespace, as it is written in patterns: `kind:id`. `None` for a key
    /// of another namespace.
    ///
    /// ```
    /// use cache_core::Key;
    ///
    /// assert_eq!(Key::bare_text("md:price:AAPL", Some("md")), Some("price:AAPL"));
    /// assert_eq!(Key::bare_text("price:AAPL", None), Some("price:AAPL"));
    /// assert_eq!(Key::bare_text("price:AAPL", Some("md")), None);
    /// ```
    #[must_use]
    pub fn bare_text<'a>(text: &'a str, namespace: Option<&str>) -> Option<&'a str> {
        match namespace {
            Some(space) => text.strip_prefix(space)?.strip_prefix(':'),
            None => Some(text),
        }
    }

    /// Returns the whole text, which is the name of the key on every tier.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the kind alone: `price` of `md:price:AAPL`.
    #[must_use]
    pub fn kind(&self) -> &str {
        let prefix = self.prefix();
        let named = prefix.strip_suffix(':').unwrap_or(prefix);
        named.rsplit_once(':').map_or(named, |(_, kind)| kind).trim_start_matches('!')
    }

    /// Returns the text after the kind and its `:`.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.text[self.id_at as usize..]
    }

    /// As [`Key::id`], in bytes, which spares the check for a character boundary.
    #[inline]
    pub(crate) fn id_bytes(&self) -> &[u8] {
        &self.text.as_bytes()[self.id_at as usize..]
    }

    /// Returns the namespace and kind with their closing `:`.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.text[..self.id_at as usize]
    }

    /// Returns the hash. Equal keys have equal hashes within a process, and other hashes in the next.
    #[must_use]
    #[inline]
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// Whether the key names one of the cache's own entries: see [`Prefix::reserved`].
    #[must_use]
    pub fn is_reserved(&self) -> bool {
        self.text.starts_with('!')
    }
}

fn quote(part: &str) -> Cow<'_, str> {
    if part.contains([':', '%']) {
        Cow::Owned(part.replace('%', "%25").replace(':', "%3A"))
    } else {
        Cow::Borrowed(part)
    }
}

impl PartialEq for Key {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        // Clones share their text, so it need not be read.
        let same = || Arc::ptr_eq(&self.text, &other.text) || self.text == other.text;
        self.hash == other.hash && self.id_at == other.id_at && same()
    }
}

impl Eq for Key {}

impl Hash for Key {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.text)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The hasher for maps keyed by [`Key`], and for nothing else: it passes the hash of the key on.
#[derive(Clone, Copy, Debug, Default)]
pub struct KeyHasher(u64);

impl KeyHasher {
    /// Returns the builder to give to a map.
    #[must_use]
    pub fn builder() -> BuildHasherDefault<Self> {
        BuildHasherDefault::new()
    }
}

impl Hasher for KeyHasher {
    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("a KeyHasher hashes keys only");
    }

    #[inline]
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[cfg(test)]
mod tests {
    use equivalent::Equivalent;
    use proptest::prelude::*;

    use super::{lookup::LookupKey, *};
    use crate::ErrorKind;

    proptest! {
        #[test]
        fn a_borrowed_key_equals_the_owned_one(kind in "[a-z]{1,8}", id in ".{0,64}", space in "[a-z]{0,4}") {
            let prefix = Prefix::new(Some(space.as_str()).filter(|s| !s.is_empty()), &kind).unwrap();
            let key = prefix.key(&id).unwrap();
            prop_assert!(prefix.borrow(&id).equivalent(&key));
            prop_assert_eq!(prefix.borrow(&id).hashed(), key.hash());
            prop_assert_eq!(prefix.kind(), kind.as_str());
            prop_assert_eq!(key.kind(), kind.as_str());
            let reserved = prefix.reserved().key(&id).unwrap();
            prop_assert_eq!(reserved.kind(), kind);
            prop_assert_eq!(&prefix.parse(key.as_str()).unwrap(), &key);
            let foreign = format!("x{key}");
            prop_assert!(prefix.parse(&foreign).is_err());
            prop_assert_eq!(key.id(), id);
        }

        #[test]
        fn rule_50_different_parts_never_make_the_same_key(a in prop::collection::vec("[a:%3A]{1,4}", 1..4), b in prop::collection::vec("[a:%3A]{1,4}", 1..4)) {
            let key = |parts: &[String]| Key::from_parts("k", parts.iter().map(String::as_str)).unwrap();
            prop_assert_eq!(a == b, key(&a) == key(&b));
        }
    }

    #[test]
    fn rule_63_a_key_of_64_kib_is_a_limit_error() {
        let error = Key::new("price", &"x".repeat(64 << 10)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit);
        assert!(error.to_string().len() < 200, "{error}");
    }

    #[test]
    fn kinds_that_would_blur_the_key_are_refused() {
        for kind in ["", "a:b", "a\n", "!stamp"] {
            assert_eq!(Key::new(kind, "x").unwrap_err().kind(), ErrorKind::Config, "{kind:?}");
        }
    }
}
