//! What a tier holds under a key: a value and what is promised about it.

pub(crate) mod tombstone;

use std::{fmt, sync::Arc, time::Duration};

use crate::{Blob, Error, ErrorKind, Result, Timestamp, Ttl};

/// A value, or the knowledge that there is none, with what is promised about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry<T = Blob> {
    /// `None`: the source said that the key does not exist.
    pub value: Option<T>,
    /// When the value was born and until when it may be served.
    pub meta: Meta,
}

impl<T> Entry<T> {
    /// An entry holding `value`.
    pub fn new(value: T, meta: Meta) -> Self {
        Self { value: Some(value), meta }
    }

    /// An entry that says: the source has no such key.
    #[must_use]
    pub fn absent(meta: Meta) -> Self {
        Self { value: None, meta }
    }
}

/// What is promised about a value. Small and, without tags and etag, copied without allocating.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    /// When the load that brought the value began: of two values the later born wins.
    pub born: Timestamp,
    /// Until when the value is fresh.
    pub stale_at: Timestamp,
    /// From when on the value may not be served at all.
    pub dead_at: Timestamp,
    /// What the value weighs in a memory budget, in bytes.
    pub cost: u32,
    labels: Option<Arc<Labels>>,
}

#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Labels {
    tags: Box<[Tag]>,
    etag: Option<Box<str>>,
}

impl Meta {
    /// Born at `born`, promised as `ttl` says.
    #[must_use]
    pub fn new(born: Timestamp, ttl: Ttl) -> Self {
        let ttl = ttl.normalised();
        // A life of zero is over before it begins: births are unique, and may lie a little ahead.
        let until = |span: Duration| if span.is_zero() { Timestamp::MIN } else { born.after(span) };
        Self { born, stale_at: until(ttl.life), dead_at: until(ttl.grace), cost: 0, labels: None }
    }

    /// The same with both spans counted from `now`, if it was born ahead of it: births are unique, and
    /// run ahead of a clock that was set back, which must not stretch a promise.
    #[must_use]
    pub fn counted_from(mut self, now: Timestamp) -> Self {
        let ahead = self.born.since(now);
        if !ahead.is_zero() {
            for end in [&mut self.stale_at, &mut self.dead_at] {
                *end = if *end == Timestamp::MAX { *end } else { end.before(ahead) };
            }
        }
        self
    }

    /// The same with tags, by which the entry can be invalidated, and the source's version of it.
    #[must_use]
    pub fn labelled(mut self, tags: &[Tag], etag: Option<&str>) -> Self {
        self.labels = (!tags.is_empty() || etag.is_some())
            .then(|| Arc::new(Labels { tags: tags.into(), etag: etag.map(Into::into) }));
        self
    }

    /// The tags.
    #[must_use]
    #[inline]
    pub fn tags(&self) -> &[Tag] {
        self.labels.as_ref().map_or(&[], |labels| &labels.tags)
    }

    /// The source's own version of the value, to ask "modified since?" with.
    #[must_use]
    pub fn etag(&self) -> Option<&str> {
        self.labels.as_ref().and_then(|labels| labels.etag.as_deref())
    }

    /// The one function that judges age.
    #[must_use]
    #[inline]
    pub fn freshness(&self, now: Timestamp) -> Freshness {
        if now < self.stale_at {
            Freshness::Fresh
        } else if now < self.dead_at {
            Freshness::Stale
        } else {
            Freshness::Dead
        }
    }
}

/// What an entry is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Freshness {
    /// May be served as it is.
    Fresh,
    /// In grace: may be served while a new value is fetched or can't be had.
    Stale,
    /// May not be served.
    Dead,
}

/// A label on entries, by which all of them are invalidated at once.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(Arc<str>);

impl Tag {
    /// The longest tag, in bytes.
    pub const MAX_LEN: usize = 512;

    /// The tag `text`, taken as it is.
    ///
    /// # Errors
    ///
    /// `Limit` if it is empty or longer than [`Tag::MAX_LEN`].
    pub fn new(text: &str) -> Result<Self> {
        if text.is_empty() || text.len() > Self::MAX_LEN {
            let message = format!("a tag has 1 to {} bytes, this one {}", Self::MAX_LEN, text.len());
            return Err(Error::new(ErrorKind::Limit, "tag", message));
        }
        Ok(Self(text.into()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tag({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_18_a_life_of_zero_is_dead_at_birth() {
        let born = Timestamp::from_micros(1);
        let meta = Meta::new(born, Ttl::NONE.grace(Duration::from_secs(60)));
        assert_eq!(meta.freshness(born), Freshness::Dead);
        assert_eq!(meta.freshness(Timestamp::MIN), Freshness::Dead, "even by a clock that is behind");
    }

    #[test]
    fn rule_19_a_life_without_end_neither_overflows_nor_ends() {
        let meta = Meta::new(Timestamp::from_micros(1), Ttl::new(Duration::MAX));
        assert_eq!(meta.freshness(Timestamp::from_micros(i64::MAX - 1)), Freshness::Fresh);
    }
}
