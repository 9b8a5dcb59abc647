//! What the index says about a key: where in the log its record lies, or the record itself.
//!
//! | first byte | then |
//! |---|---|
//! | 0 | born, dead at (microseconds, 8 bytes each), number in the log (8), length there (4); little-endian |
//! | 1 | the record: of a tombstone, or of one of the cache's own entries |

use cache_core::{
    Key, Prefix, Timestamp, Tombstone,
    envelope::{self, Record},
};

const IN_LOG: u8 = 0;
const INLINE: u8 = 1;

/// What an entry of either keyspace costs beside its key and value.
const ITEM_OVERHEAD_BYTES: usize = 24;

#[derive(Clone, Debug)]
pub(crate) enum IndexRecord {
    InLog(LogPointer),
    Inline { record: Record, bytes: Vec<u8> },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LogPointer {
    pub(crate) born: Timestamp,
    pub(crate) dead_at: Timestamp,
    pub(crate) number: u64,
    pub(crate) len: u32,
}

impl IndexRecord {
    /// Reads what [`IndexRecord::encode`] wrote; `None` for anything else.
    pub(crate) fn decode(text: &[u8], bytes: &[u8]) -> Option<Self> {
        match bytes.split_first()? {
            (&IN_LOG, rest) => LogPointer::decode(rest).map(Self::InLog),
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

    /// Whether a write born at `born` comes too late. A dead tombstone means nothing any more.
    pub(crate) fn refuses(&self, born: Timestamp, now: Timestamp) -> bool {
        born <= self.born() && !(self.as_tombstone().is_some() && self.is_dead(now))
    }

    /// How many bytes of the index it takes, roughly and rather too many.
    pub(crate) fn index_bytes(&self, text: &[u8]) -> u64 {
        let value = match self {
            Self::InLog(_) => LogPointer::LEN,
            Self::Inline { bytes, .. } => bytes.len(),
        };
        (text.len() + value + ITEM_OVERHEAD_BYTES) as u64
    }

    /// How many bytes of the log it takes, roughly.
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
        let mut bytes = Vec::with_capacity(1 + Self::LEN);
        bytes.push(IN_LOG);
        bytes.extend(self.born.as_micros().to_le_bytes());
        bytes.extend(self.dead_at.as_micros().to_le_bytes());
        bytes.extend(self.number.to_le_bytes());
        bytes.extend(self.len.to_le_bytes());
        bytes
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
        })
    }
}

/// A key of this text. Which part of it is the kind can't be told, so it serves to open and seal
/// records, and to match patterns.
pub(crate) fn key_from_text(text: &[u8]) -> Option<Key> {
    let text = str::from_utf8(text).ok()?;
    let (kind, id) = text.split_once(':')?;
    match kind.strip_prefix('!') {
        Some(kind) => Prefix::new(None, kind).ok()?.reserved().key(id).ok(),
        None => Key::new(kind, id).ok(),
    }
}
