//! What a tier stores under a key: a value and its metadata.

pub(crate) mod tombstone;

use std::{fmt, sync::Arc, time::Duration};

use crate::{Blob, Error, ErrorKind, Result, Timestamp, Ttl};

/// A value, or the knowledge that there is none, with its metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry<T = Blob> {
    /// The value; `None` if the source said that the key does not exist.
    pub value: Option<T>,
    /// When the value was born, until when it may be served, and its tags.
    pub meta: Meta,
}

impl<T> Entry<T> {
    /// Returns an entry of `value`.
    pub fn new(value: T, meta: Meta) -> Self {
        Self { value: Some(value), meta }
    }

    /// Returns an entry that says that the source has no such key.
    #[must_use]
    pub fn absent(meta: Meta) -> Self {
        Self { value: None, meta }
    }
}

/// The metadata of an entry. It is small, and cloning it does not allocate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    /// When the load that brought the value began, or when it was put. Of two values the later born wins.
    pub born: Timestamp,
    /// Until when the value is fresh.
    pub stale_at: Timestamp,
    /// From this moment the value may not be served at all.
    pub dead_at: Timestamp,
    /// The weight of the value in a memory budget, in bytes.
    pub cost: u32,
    own_life: bool,
    labels: Option<Arc<Labels>>,
}

#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Labels {
    tags: Box<[Tag]>,
    etag: Option<Box<str>>,
    /// Until when it would be fresh, had it not been marked stale.
    promised: Option<Timestamp>,
}

impl Meta {
    /// Returns the metadata of a value born at `born` with this TTL.
    #[must_use]
    pub fn new(born: Timestamp, ttl: Ttl) -> Self {
        let ttl = ttl.normalised();
        // With a life of zero the value is dead even by a clock that is behind its birth.
        let until = |span: Duration| if span.is_zero() { Timestamp::MIN } else { born.after(span) };
        Self {
            born,
            stale_at: until(ttl.life),
            dead_at: until(ttl.grace),
            cost: 0,
            own_life: false,
            labels: None,
        }
    }

    /// Returns the same with life and grace counted from `now`, if it was born later than `now`. Births are
    /// unique and run ahead of a clock that was set back, which must not lengthen a life.
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

    /// Returns the same, fresh until `at` at the latest. What it may be served past its life stays as long as it
    /// was, counted from there. Of what is marked stale it bounds the life that was promised, as if the mark had
    /// come after.
    #[must_use]
    pub fn stale_by(self, at: Timestamp) -> Self {
        let promised = self.promised();
        if promised <= at {
            return self;
        }
        let dead_at = match self.dead_at {
            Timestamp::MAX => Timestamp::MAX,
            dead_at => at.after(dead_at.since(promised)),
        };
        let bounded = Self { dead_at, ..self };
        match bounded.stale_at < at {
            // It is stale by its mark before.
            true if bounded.is_marked_stale() => bounded.promising(Some(at)),
            _ => Self { stale_at: at.min(bounded.stale_at), ..bounded.promising(None) },
        }
    }

    /// Returns the same, marked stale: fresh until `at` at the latest, and to be served as long as it was. What is
    /// stale by then is not changed.
    #[must_use]
    pub fn marked_stale(self, at: Timestamp) -> Self {
        if self.stale_at <= at {
            return self;
        }
        let promised = self.promised();
        Self { stale_at: at, ..self.promising(Some(promised)) }
    }

    /// Returns until when it is fresh, or would be, had it not been marked stale.
    #[must_use]
    pub fn promised(&self) -> Timestamp {
        self.labels.as_ref().and_then(|labels| labels.promised).unwrap_or(self.stale_at)
    }

    /// Returns the same with what it is remembered to have been promised.
    fn promising(mut self, promised: Option<Timestamp>) -> Self {
        if self.labels.as_ref().and_then(|labels| labels.promised) != promised {
            let labels = Labels { promised, ..self.labels.as_deref().cloned().unwrap_or_default() };
            self.labels = (labels != Labels::default()).then(|| Arc::new(labels));
        }
        self
    }

    /// Returns whether it was marked stale before its life was over.
    #[must_use]
    pub fn is_marked_stale(&self) -> bool {
        self.labels.as_ref().is_some_and(|labels| labels.promised.is_some())
    }

    /// Returns the same, replaced by a newer value that is elsewhere. It is stale, until its life and grace would
    /// have been over.
    #[must_use]
    pub fn replaced(self) -> Self {
        Self { stale_at: Timestamp::MIN, ..self }
    }

    /// Returns whether a newer value elsewhere replaced it, so that it may only bridge an outage.
    #[must_use]
    pub fn is_replaced(&self) -> bool {
        self.stale_at == Timestamp::MIN && self.dead_at > Timestamp::MIN
    }

    /// Returns the same, whose life was given by its source and not by a policy.
    #[must_use]
    pub fn with_own_life(mut self, own: bool) -> Self {
        self.own_life = own;
        self
    }

    /// Returns its life and grace if its source gave them: they hold again if the source says that the value
    /// was not modified.
    #[must_use]
    pub fn own_life(&self) -> Option<Ttl> {
        let ttl = || Ttl { life: self.promised().since(self.born), grace: self.dead_at.since(self.born) };
        (self.own_life && !self.is_replaced()).then(ttl)
    }

    /// Returns the same with these tags, by which the entry can be invalidated, and the source's version of
    /// the value.
    #[must_use]
    pub fn labelled(mut self, tags: &[Tag], etag: Option<&str>) -> Self {
        let promised = self.labels.as_ref().and_then(|labels| labels.promised);
        self.labels = (!tags.is_empty() || etag.is_some() || promised.is_some())
            .then(|| Arc::new(Labels { tags: tags.into(), etag: etag.map(Into::into), promised }));
        self
    }

    /// Returns the tags.
    #[must_use]
    #[inline]
    pub fn tags(&self) -> &[Tag] {
        self.labels.as_ref().map_or(&[], |labels| &labels.tags)
    }

    /// Returns the source's version of the value, with which a loader can ask whether it was modified.
    #[must_use]
    pub fn etag(&self) -> Option<&str> {
        self.labels.as_ref().and_then(|labels| labels.etag.as_deref())
    }

    /// Returns whether the entry is fresh, stale or dead at `now`. No other function judges age.
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

/// Whether an entry may be served, by its age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Freshness {
    /// May be served as it is.
    Fresh,
    /// In grace: may be served while a new value is loaded or can't be loaded.
    Stale,
    /// May not be served.
    Dead,
}

/// A label on entries, by which all that carry it are invalidated at once.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(Arc<str>);

impl Tag {
    /// The most bytes that a tag may have.
    pub const MAX_LEN: usize = 512;

    /// Returns the tag `text`, as it is.
    ///
    /// # Errors
    ///
    /// `Limit` if it is empty or longer than [`Tag::MAX_LEN`].
    pub fn new(text: &str) -> Result<Self> {
        if text.is_empty() || text.len() > Self::MAX_LEN {
            let message =
                format!("a tag must have 1 to {} bytes, this one has {}", Self::MAX_LEN, text.len());
            return Err(Error::new(ErrorKind::Limit, "tag", message));
        }
        Ok(Self(text.into()))
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<&str> for Tag {
    type Error = Error;

    /// As [`Tag::new`].
    fn try_from(text: &str) -> Result<Self> {
        Self::new(text)
    }
}

impl TryFrom<&String> for Tag {
    type Error = Error;

    /// As [`Tag::new`].
    fn try_from(text: &String) -> Result<Self> {
        Self::new(text)
    }
}

impl TryFrom<String> for Tag {
    type Error = Error;

    /// As [`Tag::new`].
    fn try_from(text: String) -> Result<Self> {
        Self::new(&text)
    }
}

impl From<&Self> for Tag {
    fn from(tag: &Self) -> Self {
        tag.clone()
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tag({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rule_18_a_life_of_zero_is_dead_at_birth() {
        let born = Timestamp::from_micros(1);
        let meta = Meta::new(born, Ttl::NONE.grace(Duration::from_secs(60)));
        assert_eq!(meta.freshness(born), Freshness::Dead);
        assert_eq!(meta.freshness(Timestamp::MIN), Freshness::Dead, "even by a clock that is behind");
    }

    #[test]
    fn rule_112_what_was_replaced_is_stale_for_as_long_as_it_would_have_been_served() {
        let ttl = Ttl::new(Duration::from_micros(10)).grace(Duration::from_micros(20));
        let meta = Meta::new(Timestamp::from_micros(1), ttl).with_own_life(true).replaced();
        assert!(meta.is_replaced() && !Meta::new(Timestamp::from_micros(1), ttl).is_replaced());
        assert_eq!(meta.freshness(Timestamp::from_micros(1)), Freshness::Stale);
        assert_eq!(meta.freshness(Timestamp::from_micros(20)), Freshness::Stale);
        assert_eq!(meta.freshness(Timestamp::from_micros(21)), Freshness::Dead);
        assert_eq!(meta.own_life(), None, "its life is no longer known");
        let lifeless = Meta::new(Timestamp::from_micros(1), Ttl::NONE);
        assert!(!lifeless.clone().is_replaced() && !lifeless.replaced().is_replaced());
    }

    #[test]
    fn rule_84_what_is_marked_is_stale_from_then_on_for_as_long_as_it_was_promised() {
        let at = Timestamp::from_micros;
        for (life, grace) in [(10, 10), (10, 20)] {
            let ttl = Ttl::new(Duration::from_micros(life)).grace(Duration::from_micros(grace));
            let meta = Meta::new(at(1), ttl).with_own_life(true);
            let marked = meta.clone().labelled(&[], Some("v1")).marked_stale(at(5));
            assert!(marked.is_marked_stale() && !meta.is_marked_stale());
            assert_eq!(marked.freshness(at(4)), Freshness::Fresh);
            assert_eq!(marked.freshness(at(5)), Freshness::Stale);
            assert_eq!(marked.dead_at, meta.dead_at);
            assert_eq!((marked.own_life(), marked.etag()), (Some(ttl), Some("v1")));
            assert_eq!(marked.clone().marked_stale(at(3)).own_life(), Some(ttl), "marked again");
            let late = meta.clone().marked_stale(at(11));
            assert_eq!(late, meta, "it is stale by itself by then");
        }
        assert!(!Meta::new(at(1), Ttl::NONE).marked_stale(at(1)).is_marked_stale());
    }

    proptest! {
        #[test]
        fn rule_84_marks_and_bounds_come_to_the_same_in_any_order(
            life in 1_i64..30,
            grace in 0_i64..30,
            endless: bool,
            own: bool,
            mut steps in prop::collection::vec((prop::bool::ANY, 0_i64..70), 0..5),
        ) {
            let (at, micros) = (Timestamp::from_micros, |span: i64| Duration::from_micros(span.unsigned_abs()));
            let until = if endless { Duration::MAX } else { micros(life + grace) };
            let ttl = Ttl { life: micros(life), grace: until };
            let meta = Meta::new(at(1), ttl).with_own_life(own);
            let after = |steps: &[(bool, i64)]| {
                steps.iter().fold(meta.clone(), |meta, (marks, moment)| match marks {
                    true => meta.marked_stale(at(*moment)),
                    false => meta.stale_by(at(*moment)),
                })
            };
            let given = after(&steps);
            steps.reverse();
            prop_assert_eq!(&given, &after(&steps));
            // Against a life and a mark apart.
            let first = |marks| steps.iter().filter(|step| step.0 == marks).map(|step| at(step.1)).min();
            let (bound, mark) = (first(false), first(true));
            let promised = meta.stale_at.min(bound.unwrap_or(Timestamp::MAX));
            prop_assert_eq!(given.promised(), promised);
            prop_assert_eq!(given.stale_at, promised.min(mark.unwrap_or(Timestamp::MAX)));
            prop_assert_eq!(given.is_marked_stale(), mark.is_some_and(|mark| mark < promised));
            let graced = if endless { Timestamp::MAX } else { promised.after(micros(grace)) };
            prop_assert_eq!(given.dead_at, graced);
        }
    }

    #[test]
    fn rule_19_a_life_without_end_neither_overflows_nor_ends() {
        let meta = Meta::new(Timestamp::from_micros(1), Ttl::new(Duration::MAX));
        assert_eq!(meta.freshness(Timestamp::from_micros(i64::MAX - 1)), Freshness::Fresh);
    }
}
