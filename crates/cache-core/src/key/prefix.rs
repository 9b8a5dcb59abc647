//! What the keys of one region have in common.

use std::{
    fmt,
    hash::{BuildHasher, Hasher},
    sync::{Arc, LazyLock},
};

use foldhash::{
    SharedSeed,
    quality::{RandomState, SeedableRandomState},
};

use super::{
    id::{IdText, ToId},
    lookup::{BorrowedKey, WrittenKey},
};
use crate::{Error, ErrorKind, Key, MAX_KEY_LEN, Result};

/// The random state of the process, so that nobody can choose keys that collide.
static STATE: LazyLock<RandomState> = LazyLock::new(RandomState::default);

/// A kind, within a namespace or none: what the keys of one region have in common.
#[derive(Clone)]
pub struct Prefix {
    text: Arc<str>,
    kind_at: usize,
    pub(super) mark: u32,
    /// Hashes ids, differently under each prefix.
    state: SeedableRandomState,
}

impl Prefix {
    /// Returns the prefix `kind:` or `namespace:kind:`.
    ///
    /// # Errors
    ///
    /// `Config` if either is empty, starts with a `!`, or contains a `:` or a control character.
    pub fn new(namespace: Option<&str>, kind: &str) -> Result<Self> {
        for (what, text) in namespace.map(|text| ("namespace", text)).into_iter().chain([("kind", kind)]) {
            if text.is_empty() || text.starts_with('!') || text.contains(|c: char| c == ':' || c.is_control())
            {
                let message = format!(
                    "the {what} {text:?} must not be empty, start with '!', or hold ':' or control characters"
                );
                return Err(Error::new(ErrorKind::Config, "key", message));
            }
        }
        Ok(match namespace {
            Some(space) => Self::of(format!("{space}:{kind}:"), space.len() + 1),
            None => Self::of(format!("{kind}:"), 0),
        })
    }

    /// Returns the prefix with a `!` in front, for the cache's own entries: no user's kind or namespace
    /// starts with `!`, no [`Pattern`](crate::Pattern) matches such keys, and no tier evicts them for space.
    #[must_use]
    pub fn reserved(&self) -> Self {
        Self::of(format!("!{}", self.text), self.kind_at + 1)
    }

    fn of(text: String, kind_at: usize) -> Self {
        let mut hasher = STATE.build_hasher();
        hasher.write(text.as_bytes());
        let seed = hasher.finish();
        let state = SeedableRandomState::with_seed(seed, SharedSeed::global_random());
        Self { text: text.into(), kind_at, mark: seed as u32, state }
    }

    /// Returns the key of `id` under this prefix.
    ///
    /// # Errors
    ///
    /// `Limit` if the text would be longer than [`MAX_KEY_LEN`].
    pub fn key(&self, id: &str) -> Result<Key> {
        let len = self.text.len() + id.len();
        if len > MAX_KEY_LEN {
            let start: String = id.chars().take(32).collect();
            let message = format!(
                "the key {}{start}... is {len} bytes long, the limit is {MAX_KEY_LEN}: hash what is long in it",
                self.text
            );
            return Err(Error::new(ErrorKind::Limit, "key", message));
        }
        let mut text = String::with_capacity(len);
        text.push_str(&self.text);
        text.push_str(id);
        Ok(Key { text: text.into(), hash: self.hash(id), id_at: self.text.len() as u32, mark: self.mark })
    }

    /// Returns what to look the entry of `id` up with. Nothing is allocated.
    #[must_use]
    #[inline]
    pub fn borrow<'a>(&'a self, id: &'a str) -> BorrowedKey<'a> {
        BorrowedKey { prefix: self, id, hash: self.hash(id) }
    }

    /// Returns the key of an id that is not a text, under this prefix.
    ///
    /// # Errors
    ///
    /// As [`Prefix::key`].
    pub fn key_of(&self, id: &(impl ToId + ?Sized)) -> Result<Key> {
        self.key(IdText::of(id).as_str())
    }

    /// Returns what to look the entry of an id up with that is not a text. An id of up to 64 bytes takes no
    /// allocation.
    #[must_use]
    #[inline]
    pub fn write(&self, id: &(impl ToId + ?Sized)) -> WrittenKey<'_> {
        WrittenKey::new(self, id)
    }

    /// Returns the key whose whole text is given, as [`Key::as_str`] returns it.
    ///
    /// # Errors
    ///
    /// `Config` if the text is not of this prefix; `Limit` if it is too long.
    pub fn parse(&self, text: &str) -> Result<Key> {
        let Some(id) = text.strip_prefix(self.as_str()) else {
            let start: String = text.chars().take(64).collect();
            let message = format!(
                "the key {start:?} does not begin with {:?}, as keys of this region do",
                self.as_str()
            );
            return Err(Error::new(ErrorKind::Config, "key", message));
        };
        self.key(id)
    }

    /// Returns the text, with its closing `:`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the kind alone.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.text[self.kind_at..self.text.len() - 1]
    }

    #[inline]
    fn hash(&self, id: &str) -> u64 {
        let mut hasher = self.state.build_hasher();
        hasher.write(id.as_bytes());
        hasher.finish()
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Prefix({})", self.text)
    }
}
