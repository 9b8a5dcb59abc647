//! Keys, entries and tombstones for the rules to store.

use std::time::Duration;

use cache_core::{Blob, Bytes, Clock, Codec, Entry, Key, Meta, Timestamp, Tombstone, Ttl};

/// A life longer than any rule takes.
pub(crate) const LONG: Duration = Duration::from_secs(3600);

pub(crate) fn key(id: &str) -> Key {
    Key::new("suite", id).expect("a valid key")
}

/// The moment `micros` after the clock's present.
pub(crate) fn at(clock: &Clock, micros: i64) -> Timestamp {
    Timestamp::from_micros(clock.now().as_micros() + micros)
}

/// An entry that holds `text` and lives for [`LONG`].
pub(crate) fn entry(text: &str, born: Timestamp) -> Entry {
    let bytes = Bytes::copy_from_slice(text.as_bytes());
    let blob = Blob { codec: Codec::Bincode, schema: 0, bytes };
    Entry::new(blob, Meta::new(born, Ttl::new(LONG)))
}

/// Returns the text of an entry made by [`entry`].
pub(crate) fn text(entry: &Entry) -> String {
    let bytes = entry.value.as_ref().map(|blob| blob.bytes.to_vec()).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A tombstone that lasts for [`LONG`].
pub(crate) fn tombstone(born: Timestamp) -> Tombstone {
    Tombstone { born, dead_at: born.after(LONG) }
}
