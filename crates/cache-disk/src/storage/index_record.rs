//! What the index has for a key: where in the log its record is, or the record itself.
//!
//! | first byte | then |
//! |---|---|
//! | 0 | born, dead at (microseconds, 8 bytes each), number in the log (8), length there (4); little-endian |
//! | 1 | the record: of a tombstone, or of one of the cache's own entries |
//! | 2 | as 0, then until when a tombstone that the record replaced, or that was older, still refuses (8) |

use std::time::Duration;

use cache_core::{
    Key, Timestamp, Tombstone,
    envelope::{self, Record},
};

const IN_LOG: u8 = 0;
const INLINE: u8 = 1;
const IN_LOG_OVER_TOMBSTONE: u8 = 2;

/// How many bytes an item of either keyspace takes beside its key and value.
const ITEM_OVERHEAD_BYTES: usize = 24;

/// What the index has for a key.
#[derive(Clone, Debug)]
pub(crate) enum IndexRecord {
    InLog(LogPointer),
    Inline { record: Record, bytes: Vec<u8> },
}

/// Where in the log a record is, and what must be known of it without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LogPointer {
    pub(crate) born: Timestamp,
    pub(crate) dead_at: Timestamp,
    pub(crate) number: u64,
    pub(crate) len: u32,
    /// Until when a tombstone refuses that the record replaced, or that was older than it.
    pub(crate) refused_until: Option<Timestamp>,
}

impl IndexRecord {
    /// Decodes what [`IndexRecord::encode`] returned; `None` for anything else.
    pub(crate) fn decode(text: &[u8], bytes: &[u8]) -> Option<Self> {
        match bytes.split_first()? {
            (&IN_LOG, rest) => LogPointer::decode(rest).map(Self::InLog),
            (&IN_LOG_OVER_TOMBSTONE, rest) => {
                let (pointer, until) = rest.split_last_chunk()?;
                let refused_until = Some(Timestamp::from_micros(i64::from_le_bytes(*until)));
                Some(Self::InLog(LogPointer { refused_until, ..LogPointer::decode(pointer)? }))
            }
            (&INLINE, rest) => {
                let record = envelope::open(&key_from_text(text)?, rest).ok()?;
                Some(Self::Inline { record, bytes: rest.to_vec() })
            }
            _ => None,
        }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        match self {
            Self::InLog(pointer) => pointer.encode(),
            Self::Inline { bytes, .. } => [&[INLINE], bytes.as_slice()].concat(),
        }
    }

    pub(crate) fn tombstone(key: &Key, tombstone: Tombstone) -> Self {
        let bytes = envelope::seal_tombstone(key, &tombstone);
        Self::Inline { record: Record::Tombstone(tombstone), bytes }
    }

    pub(crate) fn born(&self) -> Timestamp {
        match self {
            Self::InLog(pointer) => pointer.born,
            Self::Inline { record, .. } => record.born(),
        }
    }

    pub(crate) fn dead_at(&self) -> Timestamp {
        match self {
            Self::InLog(pointer) => pointer.dead_at,
            Self::Inline { record, .. } => record.dead_at(),
        }
    }

    pub(crate) fn is_dead(&self, now: Timestamp) -> bool {
        now >= self.dead_at()
    }

    pub(crate) fn as_tombstone(&self) -> Option<Tombstone> {
        match self {
            Self::Inline { record: Record::Tombstone(tombstone), .. } => Some(*tombstone),
            _ => None,
        }
    }

    /// Returns until when a tombstone refuses that is here, or that an entry has replaced; `None` if it refuses
    /// nothing any more.
    pub(crate) fn refused_until(&self, now: Timestamp) -> Option<Timestamp> {
        let until = match self {
            Self::InLog(pointer) => pointer.refused_until,
            Self::Inline { .. } => self.as_tombstone().map(|tombstone| tombstone.dead_at),
        };
        until.filter(|until| now < *until)
    }

    /// Returns what takes the place of an entry that is dropped: the tombstone it replaced, while that refuses.
    pub(crate) fn left_behind(&self, text: &[u8], now: Timestamp) -> Option<Self> {
        let Self::InLog(pointer) = self else { return None };
        // Just older than the entry, which was born after all that it refuses, and may come back from another
        // tier.
        let born = pointer.born.before(Duration::from_micros(1));
        let tombstone = Tombstone { born, dead_at: self.refused_until(now)? };
        key_from_text(text).map(|key| Self::tombstone(&key, tombstone))
    }

    /// Returns whether this refuses a put born at `born`. A dead tombstone refuses nothing.
    pub(crate) fn refuses(&self, born: Timestamp, now: Timestamp) -> bool {
        born <= self.born() && !(self.as_tombstone().is_some() && self.is_dead(now))
    }

    /// Returns how many bytes of the index it takes, estimated high.
    pub(crate) fn index_bytes(&self, text: &[u8]) -> u64 {
        let value = match self {
            Self::InLog(pointer) => pointer.encoded_len(),
            Self::Inline { bytes, .. } => bytes.len(),
        };
        (text.len() + value + ITEM_OVERHEAD_BYTES) as u64
    }

    /// Returns roughly how many bytes of the log its record takes.
    pub(crate) fn log_bytes(&self, text: &[u8]) -> u64 {
        match self {
            Self::InLog(pointer) => u64::from(pointer.len) + (text.len() + ITEM_OVERHEAD_BYTES) as u64,
            Self::Inline { .. } => 0,
        }
    }
}

impl LogPointer {
    const LEN: usize = 28;

    fn encode(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(1 + self.encoded_len());
        bytes.push(if self.refused_until.is_some() { IN_LOG_OVER_TOMBSTONE } else { IN_LOG });
        bytes.extend(self.born.as_micros().to_le_bytes());
        bytes.extend(self.dead_at.as_micros().to_le_bytes());
        bytes.extend(self.number.to_le_bytes());
        bytes.extend(self.len.to_le_bytes());
        bytes.extend(self.refused_until.map(|until| until.as_micros().to_le_bytes()).iter().flatten());
        bytes
    }

    fn encoded_len(self) -> usize {
        Self::LEN + if self.refused_until.is_some() { size_of::<i64>() } else { 0 }
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (born, rest) = bytes.split_first_chunk()?;
        let (dead_at, rest) = rest.split_first_chunk()?;
        let (number, rest) = rest.split_first_chunk()?;
        Some(Self {
            born: Timestamp::from_micros(i64::from_le_bytes(*born)),
            dead_at: Timestamp::from_micros(i64::from_le_bytes(*dead_at)),
            number: u64::from_le_bytes(*number),
            len: u32::from_le_bytes(rest.try_into().ok()?),
            refused_until: None,
        })
    }
}

/// Returns a key of this text, if it is one.
pub(crate) fn key_from_text(text: &[u8]) -> Option<Key> {
    Key::from_text(str::from_utf8(text).ok()?)
}
