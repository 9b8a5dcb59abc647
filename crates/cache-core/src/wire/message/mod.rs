//! The wire form of messages between nodes: versioned, numbered, checksummed.
//!
//! Numbers are little-endian.
//!
//! | at | bytes | what |
//! |---|---|---|
//! | 0 | 2 | `tB` |
//! | 2 | 1 | message version, 1 |
//! | 3 | 1 | the oldest version whose readers understand the message, 1 |
//! | 4 | 16 | the node, by a number that it chose when it started |
//! | 20 | 8 | the number of the message among those of this node, from 1 |
//! | 28 | 2 | length of the namespace |
//! | 30 | 2 | length of what later versions add to the header, 0 |
//! | 32 | 2 | number of changes |
//! | 34 | | namespace; additions; each change: kind (1), length (2), body |
//! | end | 8 | xxh3-64 of all before it |
//!
//! A body begins with `born` (8). Then come: of a put (1) the length of the key's prefix (2) and its
//! text; of a removal (2) `dead_at` (8) and the same; of a removal by pattern (3) `dead_at` (8) and the
//! pattern; of an ended tag (4) or kind (5) its name; of an ended cache (6) nothing; of a replacement (7) the same
//! as of a removal; of a tag (8) or kind (9) marked stale its name, of a cache (10) nothing, of a key (11) the
//! same as of a put, of a pattern (12) the pattern.
//!
//! A reader skips additions that it does not know. A change of an unknown kind is read as
//! [`Change::Unknown`]: something changed, and the reader can't tell what.

use std::mem;

use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_64;

use crate::{Error, ErrorKind, Key, Result, Timestamp, Tombstone, wire::reader::Reader};

const MAGIC: [u8; 2] = *b"tB";
const VERSION: u8 = 1;
const HEADER_LEN: usize = 34;
const CHECKSUM_LEN: usize = 8;

/// The length of what precedes the body of a change: its kind and its length.
const CHANGE_HEADER_LEN: usize = 3;

/// The most changes that a message can have, and the most bytes in the body of one.
const MAX_CHANGES: usize = u16::MAX as usize;

/// A change that one node made and the others must know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A key got a value born at `born`.
    Put {
        /// The key.
        key: KeyText,
        /// The birth of the value.
        born: Timestamp,
    },
    /// A key was removed.
    Removed {
        /// The key.
        key: KeyText,
        /// The tombstone in its place.
        tombstone: Tombstone,
    },
    /// A key got a newer value, which not every tier has: what is older is refused.
    Replaced {
        /// The key.
        key: KeyText,
        /// What is refused of the key, and until when.
        tombstone: Tombstone,
    },
    /// All keys that match were removed.
    RemovedMatching {
        /// The pattern, as [`Pattern::glob`](crate::Pattern::glob) reads it.
        pattern: String,
        /// The tombstone in their place.
        tombstone: Tombstone,
    },
    /// Every entry that carries the tag and was born no later than the stamp is dead.
    TagEnded {
        /// The tag.
        tag: String,
        /// The stamp.
        at: Timestamp,
    },
    /// Every entry of the kind that was born no later than the stamp is dead.
    KindEnded {
        /// The kind.
        kind: String,
        /// The stamp.
        at: Timestamp,
    },
    /// Every entry that was born no later than the stamp is dead.
    AllEnded {
        /// The stamp.
        at: Timestamp,
    },
    /// Every entry that carries the tag and was born no later than the mark is stale.
    TagStale {
        /// The tag.
        tag: String,
        /// The mark.
        at: Timestamp,
    },
    /// Every entry of the kind that was born no later than the mark is stale.
    KindStale {
        /// The kind.
        kind: String,
        /// The mark.
        at: Timestamp,
    },
    /// Every entry that was born no later than the mark is stale.
    AllStale {
        /// The mark.
        at: Timestamp,
    },
    /// What a key has is stale, if it was born no later than the mark.
    KeyStale {
        /// The key.
        key: KeyText,
        /// The mark.
        at: Timestamp,
    },
    /// Every entry whose key matches and that was born no later than the mark is stale.
    MatchingStale {
        /// The pattern, as [`Pattern::glob`](crate::Pattern::glob) reads it.
        pattern: String,
        /// The mark.
        at: Timestamp,
    },
    /// A change that only later versions know. It is never sent.
    Unknown,
}

/// The text of a key, split into the prefix of its region and the id.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyText {
    /// The namespace and kind with their closing `:`.
    pub prefix: String,
    /// The text after the prefix.
    pub id: String,
}

impl From<&Key> for KeyText {
    fn from(key: &Key) -> Self {
        Self { prefix: key.prefix().to_owned(), id: key.id().to_owned() }
    }
}

impl KeyText {
    fn parse(rest: &mut Reader<'_>) -> Option<Self> {
        let prefix_len = rest.u16()?;
        let prefix = rest.text(prefix_len)?.to_owned();
        Some(Self { prefix, id: rest.remaining_text()?.to_owned() })
    }
}

/// The changes that one node announces to the others together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The sender: a number that the node chose when it started.
    pub node: u128,
    /// The number of the message among those of its sender, from 1. A missing number is a lost message.
    pub number: u64,
    /// The namespace of the keys; empty for none.
    pub namespace: String,
    /// The changes; none if the message only says that the node is alive.
    pub changes: Vec<Change>,
}

impl Message {
    /// Returns the bytes to send.
    ///
    /// # Errors
    ///
    /// `Limit` for more than 65,535 changes, or a change or namespace longer than that.
    pub fn seal(&self) -> Result<Bytes> {
        let too_long = |what: &str, len: usize| {
            let message = format!("{what} of {len} does not fit into a message, the limit is {MAX_CHANGES}");
            Error::new(ErrorKind::Limit, "publish", message)
        };
        let namespace_len =
            u16::try_from(self.namespace.len()).map_err(|_| too_long("a namespace", self.namespace.len()))?;
        let count = u16::try_from(self.changes.len())
            .map_err(|_| too_long("a list of changes", self.changes.len()))?;
        let mut bytes = Vec::with_capacity(HEADER_LEN + CHECKSUM_LEN + 64 * self.changes.len());
        bytes.extend(MAGIC);
        bytes.extend([VERSION, VERSION]);
        bytes.extend(self.node.to_le_bytes());
        bytes.extend(self.number.to_le_bytes());
        bytes.extend(namespace_len.to_le_bytes());
        bytes.extend(0_u16.to_le_bytes());
        bytes.extend(count.to_le_bytes());
        bytes.extend(self.namespace.as_bytes());
        for change in &self.changes {
            let (kind, body) = change.body();
            let len = u16::try_from(body.len()).map_err(|_| too_long("a change", body.len()))?;
            bytes.push(kind);
            bytes.extend(len.to_le_bytes());
            bytes.extend(body);
        }
        let sum = xxh3_64(&bytes);
        bytes.extend(sum.to_le_bytes());
        Ok(bytes.into())
    }

    /// Reads a message. What is allocated is bounded by the length of the message.
    ///
    /// # Errors
    ///
    /// `Corrupt` for bytes that are not a whole message, or one that only later versions understand.
    pub fn open(bytes: &[u8]) -> Result<Self> {
        parse(bytes).ok_or_else(|| {
            let message = format!("{} bytes are not a message that this version understands", bytes.len());
            Error::new(ErrorKind::Corrupt, "listen", message)
        })
    }

    /// Splits changes into parts, each of which fits into a message of at most `limit` bytes. Returns the
    /// parts, and the changes that are too long for any message.
    #[must_use]
    pub fn split(namespace: &str, changes: Vec<Change>, limit: usize) -> (Vec<Vec<Change>>, Vec<Change>) {
        let room = limit.saturating_sub(HEADER_LEN + CHECKSUM_LEN + namespace.len());
        let (mut parts, mut part, mut used, mut left_out) = (Vec::new(), Vec::new(), 0, Vec::new());
        for change in changes {
            let len = CHANGE_HEADER_LEN + change.body().1.len();
            if len > room || len - CHANGE_HEADER_LEN > MAX_CHANGES {
                left_out.push(change);
                continue;
            }
            if used + len > room || part.len() == MAX_CHANGES {
                parts.push(mem::take(&mut part));
                used = 0;
            }
            used += len;
            part.push(change);
        }
        if !part.is_empty() {
            parts.push(part);
        }
        (parts, left_out)
    }
}

impl Change {
    fn body(&self) -> (u8, Vec<u8>) {
        let micros = |at: &Timestamp| at.as_micros().to_le_bytes();
        let key_text = |key: &KeyText| {
            let prefix_len = (key.prefix.len() as u16).to_le_bytes();
            [&prefix_len[..], key.prefix.as_bytes(), key.id.as_bytes()].concat()
        };
        let removal = |tombstone: &Tombstone, text: &[u8]| {
            [&micros(&tombstone.born)[..], &micros(&tombstone.dead_at), text].concat()
        };
        match self {
            Self::Put { key, born } => (1, [&micros(born)[..], &key_text(key)].concat()),
            Self::Removed { key, tombstone } => (2, removal(tombstone, &key_text(key))),
            Self::RemovedMatching { pattern, tombstone } => (3, removal(tombstone, pattern.as_bytes())),
            Self::TagEnded { tag, at } => (4, [&micros(at)[..], tag.as_bytes()].concat()),
            Self::KindEnded { kind, at } => (5, [&micros(at)[..], kind.as_bytes()].concat()),
            Self::AllEnded { at } => (6, micros(at).to_vec()),
            Self::Replaced { key, tombstone } => (7, removal(tombstone, &key_text(key))),
            Self::TagStale { tag, at } => (8, [&micros(at)[..], tag.as_bytes()].concat()),
            Self::KindStale { kind, at } => (9, [&micros(at)[..], kind.as_bytes()].concat()),
            Self::AllStale { at } => (10, micros(at).to_vec()),
            Self::KeyStale { key, at } => (11, [&micros(at)[..], &key_text(key)].concat()),
            Self::MatchingStale { pattern, at } => (12, [&micros(at)[..], pattern.as_bytes()].concat()),
            Self::Unknown => (0, Vec::new()),
        }
    }

    fn parse(kind: u8, body: &[u8]) -> Option<Self> {
        let mut rest = Reader(body);
        if !(1..=12).contains(&kind) {
            return Some(Self::Unknown);
        }
        let at = rest.timestamp()?;
        Some(match kind {
            1 => Self::Put { key: KeyText::parse(&mut rest)?, born: at },
            2 | 3 | 7 => {
                let tombstone = Tombstone { born: at, dead_at: rest.timestamp()? };
                match kind {
                    2 => Self::Removed { key: KeyText::parse(&mut rest)?, tombstone },
                    3 => Self::RemovedMatching { pattern: rest.remaining_text()?.to_owned(), tombstone },
                    _ => Self::Replaced { key: KeyText::parse(&mut rest)?, tombstone },
                }
            }
            4 => Self::TagEnded { tag: rest.remaining_text()?.to_owned(), at },
            5 => Self::KindEnded { kind: rest.remaining_text()?.to_owned(), at },
            6 => Self::AllEnded { at },
            8 => Self::TagStale { tag: rest.remaining_text()?.to_owned(), at },
            9 => Self::KindStale { kind: rest.remaining_text()?.to_owned(), at },
            10 => Self::AllStale { at },
            11 => Self::KeyStale { key: KeyText::parse(&mut rest)?, at },
            _ => Self::MatchingStale { pattern: rest.remaining_text()?.to_owned(), at },
        })
    }
}

fn parse(bytes: &[u8]) -> Option<Message> {
    let (message, sum) = bytes.split_last_chunk::<CHECKSUM_LEN>()?;
    if xxh3_64(message) != u64::from_le_bytes(*sum) {
        return None;
    }
    let mut rest = Reader(message);
    if rest.take::<2>()? != MAGIC {
        return None;
    }
    let [_, oldest] = rest.take::<2>()?;
    if oldest > VERSION {
        return None;
    }
    let node = rest.take().map(u128::from_le_bytes)?;
    let number = rest.take().map(u64::from_le_bytes)?;
    let (namespace_len, added_len, count) = (rest.u16()?, rest.u16()?, rest.u16()?);
    let namespace = rest.text(namespace_len)?.to_owned();
    rest.bytes(added_len.into())?;
    let changes = (0..count)
        .map(|_| {
            let [kind] = rest.take::<1>()?;
            let len = rest.u16()?;
            Change::parse(kind, rest.bytes(len.into())?)
        })
        .collect::<Option<Vec<Change>>>()?;
    rest.is_empty().then_some(Message { node, number, namespace, changes })
}

#[cfg(test)]
mod tests;
