//! What a value was computed from: the births of its inputs, and until when the first of them ends.

use std::fmt::Write;

use cache_core::{Meta, Tag, Timestamp};

use crate::answer::{Found, Source};

/// How the version of a computed value begins, which no source writes.
const MARK: &str = "\u{1}computed";
/// The smallest end of a life that does not mean that a value was replaced.
const FIRST: Timestamp = Timestamp::from_micros(i64::MIN + 1);

/// What a value was computed from. It is stored as the version of the value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Provenance {
    /// When each input was born.
    births: Vec<Timestamp>,
    /// The first end of a life, and of a grace. `None` without inputs.
    ends: Option<(Timestamp, Timestamp)>,
    /// Whether an input was stale.
    stale: bool,
    tags: Vec<Tag>,
}

impl Provenance {
    /// That of a value computed from this input alone.
    pub(super) fn of<V>(input: &Found<V>, now: Timestamp) -> Self {
        let Meta { born, stale_at, dead_at, .. } = input.meta;
        // What was loaded and may not be kept is as new as can be, unless it was marked meanwhile.
        let loaded = input.source == Source::Loader
            && stale_at <= now
            && input.failure.is_none()
            && !input.meta.is_marked_stale();
        let is_computed = super::provenance(&input.meta).is_some_and(|from| from.stale);
        Self {
            births: vec![born],
            ends: Some((stale_at.max(FIRST), dead_at.max(FIRST))),
            stale: if loaded { is_computed } else { now >= stale_at },
            tags: input.meta.tags().to_vec(),
        }
    }

    /// That of a value computed from these inputs and those of `other`.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.births.extend(other.births);
        self.ends = match (self.ends, other.ends) {
            (Some((stale, dead)), Some((others_stale, others_dead))) => {
                Some((stale.min(others_stale), dead.min(others_dead)))
            }
            (one, other) => one.or(other),
        };
        self.stale |= other.stale;
        for tag in other.tags {
            if !self.tags.contains(&tag) {
                self.tags.push(tag);
            }
        }
        self
    }

    /// When the oldest input was born.
    pub(crate) fn born(&self) -> Option<Timestamp> {
        self.births.iter().copied().min()
    }

    /// Whether an input was stale when the value was computed.
    pub(crate) fn is_stale(&self) -> bool {
        self.stale
    }

    pub(super) fn births(&self) -> &[Timestamp] {
        &self.births
    }

    pub(super) fn tags(&self) -> &[Tag] {
        &self.tags
    }

    /// Returns the metadata of a value that lives no longer than any of its inputs.
    pub(crate) fn within_inputs(&self, meta: Meta) -> Meta {
        let Some((stale_at, dead_at)) = self.ends else { return meta };
        let mut meta = meta.stale_by(stale_at);
        meta.dead_at = meta.dead_at.min(dead_at);
        meta
    }

    /// Returns the text that is stored: `stale? stale_at dead_at birth birth ...`.
    pub(super) fn text(&self) -> String {
        let (stale_at, dead_at) = self.ends.unwrap_or((Timestamp::MAX, Timestamp::MAX));
        let mut text =
            format!("{MARK} {} {} {}", u8::from(self.stale), stale_at.as_micros(), dead_at.as_micros());
        for born in &self.births {
            // Writing to a text can't fail.
            let _ = write!(text, " {}", born.as_micros());
        }
        text
    }

    /// Reads a stored text; `None` if it is the version that a source gave.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix(MARK)?.strip_prefix(' ')?.split(' ');
        let stale = parts.next()? == "1";
        let mut moments = parts.map(|part| part.parse().ok().map(Timestamp::from_micros));
        let ends = Some((moments.next()??, moments.next()??));
        Some(Self { births: moments.collect::<Option<_>>()?, ends, stale, tags: Vec::new() })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_provenance_is_read_as_it_is_written(births: Vec<i64>, ends: (i64, i64), stale: bool) {
            let at = Timestamp::from_micros;
            let births = births.into_iter().map(at).collect();
            let known = Provenance { births, ends: Some((at(ends.0), at(ends.1))), stale, tags: Vec::new() };
            prop_assert_eq!(Provenance::read(&known.text()), Some(known));
        }

        #[test]
        fn no_version_of_a_source_is_taken_for_one(text in "\\PC{0,40}") {
            prop_assert_eq!(Provenance::read(&text), None);
        }
    }
}
