//! What an entry is looked up with: a key, or an id with its region's prefix, without allocating.

use std::hash::{Hash, Hasher};

use equivalent::Equivalent;

use super::{
    Key,
    id::{IdText, ToId},
    prefix::Prefix,
};
use crate::{Error, ErrorKind, Result};

/// What names an entry of a region: a ready [`Key`], or a [`ToId`] that follows the region's prefix.
///
/// An own type derives it (`#[derive(ToKey)]`, by `cache_facade`), or is wrapped in
/// [`ByDisplay`](crate::ByDisplay).
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not name an entry of a region",
    note = "derive `ToKey` for it, or give what it displays: `ByDisplay(&id)`",
    note = "keys are texts, integers, `bool`, `char`, `Uuid` (feature `uuid`), `Key`, and tuples, arrays and `Option`s of ids"
)]
pub trait ToKey {
    /// What the entry is looked up with.
    type Lookup<'a>: LookupKey
    where
        Self: 'a;

    /// Returns what to look the entry up with, without allocating.
    fn to_lookup<'a>(&'a self, prefix: &'a Prefix) -> Self::Lookup<'a>;

    /// Returns the key to store the entry under.
    ///
    /// # Errors
    ///
    /// `Limit` for a key that is too long; `Config` for a ready key of another prefix.
    fn to_key(&self, prefix: &Prefix) -> Result<Key>;
}

impl ToKey for Key {
    type Lookup<'a> = &'a Self;

    #[inline]
    fn to_lookup<'a>(&'a self, _: &'a Prefix) -> &'a Self {
        self
    }

    fn to_key(&self, prefix: &Prefix) -> Result<Key> {
        if self.prefix() == prefix.as_str() {
            return Ok(self.clone());
        }
        let message = format!(
            "the key {self} is not of the region {:?}: build it with the region's key()",
            prefix.as_str()
        );
        Err(Error::new(ErrorKind::Config, "key", message))
    }
}

impl<K: ToKey + ?Sized> ToKey for &K {
    type Lookup<'a>
        = K::Lookup<'a>
    where
        Self: 'a;

    #[inline]
    fn to_lookup<'a>(&'a self, prefix: &'a Prefix) -> K::Lookup<'a> {
        (**self).to_lookup(prefix)
    }

    fn to_key(&self, prefix: &Prefix) -> Result<Key> {
        (**self).to_key(prefix)
    }
}

/// A form of a key that finds its entry in a map of [`Key`]s: it equals that key and hashes as it does.
pub trait LookupKey: Equivalent<Key> + Hash {
    /// Returns the hash of the key.
    fn hashed(&self) -> u64;

    /// Whether the key has this prefix.
    ///
    /// Compares hashes of prefixes and never reads the key's text. Two prefixes of one process are
    /// mistaken for each other with a chance of one in four billion.
    fn has_prefix(&self, prefix: &Prefix) -> bool;

    /// Returns the key to store an entry under.
    ///
    /// # Errors
    ///
    /// `Limit` if it is too long to be a key.
    fn key(&self) -> Result<Key>;
}

impl LookupKey for Key {
    #[inline]
    fn hashed(&self) -> u64 {
        self.hash
    }

    #[inline]
    fn has_prefix(&self, prefix: &Prefix) -> bool {
        self.mark == prefix.mark
    }

    fn key(&self) -> Result<Key> {
        Ok(self.clone())
    }
}

impl LookupKey for &Key {
    #[inline]
    fn hashed(&self) -> u64 {
        (**self).hashed()
    }

    #[inline]
    fn has_prefix(&self, prefix: &Prefix) -> bool {
        (**self).has_prefix(prefix)
    }

    fn key(&self) -> Result<Key> {
        (**self).key()
    }
}

impl Equivalent<Key> for &Key {
    #[inline]
    fn equivalent(&self, other: &Key) -> bool {
        *self == other
    }
}

/// A key that is not built: its id, its prefix and its hash. Made by [`Prefix::borrow`].
#[derive(Clone, Copy, Debug)]
pub struct BorrowedKey<'a> {
    pub(super) prefix: &'a Prefix,
    pub(super) id: &'a str,
    pub(super) hash: u64,
}

impl LookupKey for BorrowedKey<'_> {
    #[inline]
    fn hashed(&self) -> u64 {
        self.hash
    }

    #[inline]
    fn has_prefix(&self, prefix: &Prefix) -> bool {
        self.prefix.mark == prefix.mark
    }

    fn key(&self) -> Result<Key> {
        self.prefix.key(self.id)
    }
}

impl Hash for BorrowedKey<'_> {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl Equivalent<Key> for BorrowedKey<'_> {
    #[inline]
    fn equivalent(&self, other: &Key) -> bool {
        // The mark stands for the prefix, which also seeds the hash.
        self.hash == other.hash && self.prefix.mark == other.mark && *self.id.as_bytes() == *other.id_bytes()
    }
}

/// A key that is not built, by an id that was written: its text, its prefix and its hash. Made by
/// [`Prefix::write`].
#[derive(Clone, Debug)]
pub struct WrittenKey<'a> {
    prefix: &'a Prefix,
    id: IdText,
    hash: u64,
}

impl<'a> WrittenKey<'a> {
    #[inline]
    pub(super) fn new(prefix: &'a Prefix, id: &(impl ToId + ?Sized)) -> Self {
        let id = IdText::of(id);
        let hash = prefix.borrow(id.as_str()).hash;
        Self { prefix, id, hash }
    }

    #[inline]
    fn borrowed(&self) -> BorrowedKey<'_> {
        BorrowedKey { prefix: self.prefix, id: self.id.as_str(), hash: self.hash }
    }
}

impl LookupKey for WrittenKey<'_> {
    #[inline]
    fn hashed(&self) -> u64 {
        self.hash
    }

    #[inline]
    fn has_prefix(&self, prefix: &Prefix) -> bool {
        self.borrowed().has_prefix(prefix)
    }

    fn key(&self) -> Result<Key> {
        self.borrowed().key()
    }
}

impl Hash for WrittenKey<'_> {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl Equivalent<Key> for WrittenKey<'_> {
    #[inline]
    fn equivalent(&self, other: &Key) -> bool {
        self.borrowed().equivalent(other)
    }
}
