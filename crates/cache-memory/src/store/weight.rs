//! The weight of an entry in the budget.

use cache_core::{Blob, Entry, Key, Meta};

use crate::store::stored::Stored;

/// What a tag takes beside its text: a reference, two counts, and what its allocation is rounded up by.
const TAG_OVERHEAD: usize = 40;

/// How entries are weighed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Weigher {
    /// Each entry weighs one.
    Entries,
    /// An entry weighs its bytes: its value's cost (the length of its encoding, or the cost the user set),
    /// the key's text, the text of each tag, which most sources make anew for each value, and `overhead`.
    Bytes {
        /// Resident bytes that an entry takes beside its key's text and its value.
        overhead: usize,
    },
}

impl Weigher {
    pub(crate) fn weigh(self, key: &Key, entry: &Entry<Stored>) -> u32 {
        let blob = entry.value.as_ref().and_then(|value| value.get()?.downcast_ref::<Blob>());
        self.weigh_parts(key, &entry.meta, blob.map_or(0, |blob| blob.bytes.len()))
    }

    /// Weighs an entry whose value is not encoded.
    pub(crate) fn weigh_meta(self, key: &Key, meta: &Meta) -> u32 {
        self.weigh_parts(key, meta, 0)
    }

    fn weigh_parts(self, key: &Key, meta: &Meta, encoded: usize) -> u32 {
        let Self::Bytes { overhead } = self else { return 1 };
        let cost = encoded.max(meta.cost as usize);
        let tags: usize = meta.tags().iter().map(|tag| tag.as_str().len() + TAG_OVERHEAD).sum();
        let bytes = cost + key.as_str().len() + overhead + tags;
        u32::try_from(bytes).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use cache_core::{Tag, Timestamp, Ttl};

    use super::*;

    #[test]
    fn each_tag_weighs_its_text_and_its_place() {
        let key = Key::new("price", "AAPL").unwrap();
        let meta = Meta::new(Timestamp::from_micros(0), Ttl::new(Duration::from_secs(1)));
        let bytes = Weigher::Bytes { overhead: 100 };
        let bare = bytes.weigh_meta(&key, &meta);
        let tags = ["a".repeat(500), "b".repeat(20)].map(|text| Tag::new(&text).unwrap());
        let tagged = bytes.weigh_meta(&key, &meta.clone().labelled(&tags, None));
        assert_eq!(tagged - bare, (520 + 2 * TAG_OVERHEAD) as u32);
        assert_eq!(Weigher::Entries.weigh_meta(&key, &meta), 1);
    }
}
