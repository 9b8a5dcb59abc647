//! The wire form of what a node tells the others: versioned, numbered, checksummed.
//!
//! Numbers are little-endian.
//!
//! | at | bytes | what |
//! |---|---|---|
//! | 0 | 2 | `tB` |
//! | 2 | 1 | frame version, 1 |
//! | 3 | 1 | the oldest version whose reader understands it, 1 |
//! | 4 | 16 | the node, a number of its own since it started |
//! | 20 | 8 | the frame's number among this node's, from 1 |
//! | 28 | 2 | length of the namespace |
//! | 30 | 2 | length of what later versions add to the head, 0 |
//! | 32 | 2 | number of changes |
//! | 34 | | namespace; additions; each change: kind (1), length (2), body |
//! | end | 8 | xxh3-64 of all before it |
//!
//! A body begins with `born` (8). Then come: of a put (1) the length of the key's prefix (2) and its
//! text; of a removal (2) `dead_at` (8) and the same; of a removal by pattern (3) `dead_at` (8) and the
//! pattern; of an ended tag (4) or kind (5) its name; of an ended cache (6) nothing.
//!
//! A reader skips additions it doesn't know, and takes a change of an unknown kind for
//! [`Change::Unknown`]: something happened, and it can't tell what.

use std::mem;

use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_64;

use crate::{Error, ErrorKind, Key, Result, Timestamp, Tombstone, wire::reader::Reader};

const MAGIC: [u8; 2] = *b"tB";
const VERSION: u8 = 1;
const HEAD: usize = 34;
const CHECKSUM: usize = 8;

/// What a change takes beside its body: kind and length.
const CHANGE: usize = 3;

/// The most changes a frame can have.
const MOST: usize = u16::MAX as usize;

/// Something that one node did and the others should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A key got a value born at `born`.
    Put {
        /// Which key.
        key: KeyText,
        /// The value's birth.
        born: Timestamp,
    },
    /// A key was removed.
    Removed {
        /// Which key.
        key: KeyText,
        /// What is left of it.
        tombstone: Tombstone,
    },
    /// All keys that match were removed.
    RemovedMatching {
        /// The pattern, as [`Pattern::glob`](crate::Pattern::glob) reads it.
        pattern: String,
        /// What is left of them.
        tombstone: Tombstone,
    },
    /// What carries the tag and was born no later is dead.
    TagEnded {
        /// The tag.
        tag: String,
        /// The stamp.
        at: Timestamp,
    },
    /// What is of the kind and was born no later is dead.
    KindEnded {
        /// The kind.
        kind: String,
        /// The stamp.
        at: Timestamp,
    },
    /// Whatever was born no later is dead.
    AllEnded {
        /// The stamp.
        at: Timestamp,
    },
    /// A change of a kind that later versions know. Never sent.
    Unknown,
}

/// The text of a key, apart into what it shares with its region and the rest.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyText {
    /// The namespace and kind with their closing `:`.
    pub prefix: String,
    /// What follows.
    pub id: String,
}

impl From<&Key> for KeyText {
    fn from(key: &Key) -> Self {
        Self { prefix: key.prefix().to_owned(), id: key.id().to_owned() }
    }
}

/// What one node tells the others at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Who says so: a number of the node's own since it started.
    pub node: u128,
    /// Which of its frames this is, from 1: a number left out is a frame that was lost.
    pub number: u64,
    /// The namespace of the keys; empty for none.
    pub namespace: String,
    /// What it did; nothing, if all it says is that it is there.
    pub changes: Vec<Change>,
}

impl Message {
    /// The bytes to send.
    ///
    /// # Errors
    ///
    /// `Limit` for more than 65,535 changes, or a change or namespace longer than that.
    pub fn seal(&self) -> Result<Bytes> {
        let too_long = |what: &str, len: usize| {
            let message = format!("{what} of {len} does not fit a frame, the limit is {MOST}");
            Error::new(ErrorKind::Limit, "publish", message)
        };
        let namespace_len =
            u16::try_from(self.namespace.len()).map_err(|_| too_long("a namespace", self.namespace.len()))?;
        let count = u16::try_from(self.changes.len())
            .map_err(|_| too_long("a list of changes", self.changes.len()))?;
        let mut frame = Vec::with_capacity(HEAD + CHECKSUM + 64 * self.changes.len());
        frame.extend(MAGIC);
        frame.extend([VERSION, VERSION]);
        frame.extend(self.node.to_le_bytes());
        frame.extend(self.number.to_le_bytes());
        frame.extend(namespace_len.to_le_bytes());
        frame.extend(0_u16.to_le_bytes());
        frame.extend(count.to_le_bytes());
        frame.extend(self.namespace.as_bytes());
        for change in &self.changes {
            let (kind, body) = change.body();
            let len = u16::try_from(body.len()).map_err(|_| too_long("a change", body.len()))?;
            frame.push(kind);
            frame.extend(len.to_le_bytes());
            frame.extend(body);
        }
        let sum = xxh3_64(&frame);
        frame.extend(sum.to_le_bytes());
        Ok(frame.into())
    }

    /// Reads a frame. Nothing is allocated that the frame's own length doesn't bound.
    ///
    /// # Errors
    ///
    /// `Corrupt` for bytes that are no whole frame, or one that only later versions understand.
    pub fn open(bytes: &[u8]) -> Result<Self> {
        parse(bytes).ok_or_else(|| {
            let message = format!("{} bytes are not a frame this version understands", bytes.len());
            Error::new(ErrorKind::Corrupt, "listen", message)
        })
    }

    /// Parts changes so that each part, sealed, has at most `limit` bytes. A change that is longer all by
    /// itself is left out, and answered as the second.
    #[must_use]
    pub fn split(namespace: &str, changes: Vec<Change>, limit: usize) -> (Vec<Vec<Change>>, Vec<Change>) {
        let room = limit.saturating_sub(HEAD + CHECKSUM + namespace.len());
        let (mut parts, mut part, mut used, mut left_out) = (Vec::new(), Vec::new(), 0, Vec::new());
        for change in changes {
            let len = CHANGE + change.body().1.len();
            if len > room || len - CHANGE > MOST {
                left_out.push(change);
                continue;
            }
            if used + len > room || part.len() == MOST {
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
        let stone = |tombstone: &Tombstone, text: &[u8]| {
            [&micros(&tombstone.born)[..], &micros(&tombstone.dead_at), text].concat()
        };
        match self {
            Self::Put { key, born } => (1, [&micros(born)[..], &key_text(key)].concat()),
            Self::Removed { key, tombstone } => (2, stone(tombstone, &key_text(key))),
            Self::RemovedMatching { pattern, tombstone } => (3, stone(tombstone, pattern.as_bytes())),
            Self::TagEnded { tag, at } => (4, [&micros(at)[..], tag.as_bytes()].concat()),
            Self::KindEnded { kind, at } => (5, [&micros(at)[..], kind.as_bytes()].concat()),
            Self::AllEnded { at } => (6, micros(at).to_vec()),
            Self::Unknown => (0, Vec::new()),
        }
    }

    fn parse(kind: u8, body: &[u8]) -> Option<Self> {
        let mut rest = Reader(body);
        if !(1..=6).contains(&kind) {
            return Some(Self::Unknown);
        }
        let born = rest.timestamp()?;
        if kind == 6 {
            return Some(Self::AllEnded { at: born });
        }
        let tombstone = match kind {
            2 | 3 => Some(Tombstone { born, dead_at: rest.timestamp()? }),
            _ => None,
        };
        let key = match kind {
            1 | 2 => {
                let prefix_len = rest.u16()?;
                let prefix = rest.text(prefix_len)?.to_owned();
                Some(KeyText { prefix, id: rest.remaining_text()?.to_owned() })
            }
            _ => None,
        };
        Some(match (key, tombstone) {
            (Some(key), Some(tombstone)) => Self::Removed { key, tombstone },
            (Some(key), None) => Self::Put { key, born },
            (None, Some(tombstone)) => {
                Self::RemovedMatching { pattern: rest.remaining_text()?.to_owned(), tombstone }
            }
            (None, None) => {
                let name = rest.remaining_text()?.to_owned();
                if kind == 4 {
                    Self::TagEnded { tag: name, at: born }
                } else {
                    Self::KindEnded { kind: name, at: born }
                }
            }
        })
    }
}

fn parse(bytes: &[u8]) -> Option<Message> {
    let (frame, sum) = bytes.split_last_chunk::<CHECKSUM>()?;
    if xxh3_64(frame) != u64::from_le_bytes(*sum) {
        return None;
    }
    let mut rest = Reader(frame);
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
