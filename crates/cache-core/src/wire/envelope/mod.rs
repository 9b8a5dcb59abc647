//! The wire form of an entry: versioned, checksummed, decoded within bounds.
//!
//! Numbers are little-endian.
//!
//! | at | bytes | what |
//! |---|---|---|
//! | 0 | 2 | `tC` |
//! | 2 | 1 | envelope version, 1 |
//! | 3 | 1 | flags: 1 absent, 2 tombstone, 4 compressed, 8 its life is its source's, 16 JSON (else bincode) |
//! | 4 | 4 | schema version of the value's type |
//! | 8, 16, 24 | 8 each | born, stale at, dead at, in microseconds since the epoch |
//! | 32 | 4 | cost |
//! | 36 | 4 | length of the payload before compression |
//! | 40 | 4 | length of the payload as stored |
//! | 44 | 2 | number of tags |
//! | 46 | 2 | length of the etag, 0 for none |
//! | 48 | | each tag: length (2), text; then etag, payload (an LZ4 block if compressed) |
//! | end | 8 | xxh3-64 of all before it, seeded with the xxh3-64 of the key's text |
//!
//! The seed ties a record to its key: a record under another key counts as corrupt.

use bytes::Bytes;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use crate::{
    Blob, Codec, Entry, Error, ErrorKind, Key, MAX_VALUE_LEN, Meta, Result, Tag, Timestamp, Tombstone, Ttl,
    wire::reader::Reader,
};

const MAGIC: [u8; 2] = *b"tC";
const VERSION: u8 = 1;
const HEADER_LEN: usize = 48;
const CHECKSUM_LEN: usize = 8;

const ABSENT: u8 = 1;
const TOMBSTONE: u8 = 2;
const COMPRESSED: u8 = 4;
const OWN_LIFE: u8 = 8;
const JSON: u8 = 16;
const KNOWN_FLAGS: u8 = ABSENT | TOMBSTONE | COMPRESSED | OWN_LIFE | JSON;

/// An LZ4 block can't expand to more than this many times its length.
const LZ4_MAX_RATIO: usize = 255;

/// A stored record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// The key has an entry.
    Entry(Entry),
    /// The key was removed.
    Tombstone(Tombstone),
}

impl Record {
    /// Returns the birth, by which the later of two records of one key wins.
    #[must_use]
    pub fn born(&self) -> Timestamp {
        match self {
            Self::Entry(entry) => entry.meta.born,
            Self::Tombstone(tombstone) => tombstone.born,
        }
    }

    /// Returns the moment from which the record is dead and its space can be reclaimed.
    #[must_use]
    pub fn dead_at(&self) -> Timestamp {
        match self {
            Self::Entry(entry) => entry.meta.dead_at,
            Self::Tombstone(tombstone) => tombstone.dead_at,
        }
    }
}

/// Returns the record of an entry. A payload longer than `compress_above` bytes is compressed if that makes
/// it shorter.
///
/// # Errors
///
/// `Limit` for a payload past [`MAX_VALUE_LEN`], more than 65,535 tags, or an etag longer than 65,535 bytes.
pub fn seal(key: &Key, entry: &Entry, compress_above: usize) -> Result<Vec<u8>> {
    let (mut flags, schema, raw) = match &entry.value {
        None => (ABSENT, 0, &[][..]),
        Some(blob) => (if blob.codec == Codec::Json { JSON } else { 0 }, blob.schema, &blob.bytes[..]),
    };
    if raw.len() > MAX_VALUE_LEN {
        let message = format!("the value of {key} has {} bytes, the limit is {MAX_VALUE_LEN}", raw.len());
        return Err(Error::new(ErrorKind::Limit, "seal", message));
    }
    let compressed = (raw.len() > compress_above).then(|| lz4_flex::block::compress(raw));
    let payload = match &compressed {
        Some(smaller) if smaller.len() < raw.len() => {
            flags |= COMPRESSED;
            smaller
        }
        _ => raw,
    };
    let meta = &entry.meta;
    flags |= if meta.own_life().is_some() { OWN_LIFE } else { 0 };
    let etag = meta.etag().unwrap_or_default();
    let (Ok(tags), Ok(etag_len)) = (u16::try_from(meta.tags().len()), u16::try_from(etag.len())) else {
        let message = format!("{key} has {} tags and an etag of {} bytes", meta.tags().len(), etag.len());
        return Err(Error::new(ErrorKind::Limit, "seal", format!("{message}, the limit of both is 65535")));
    };
    let mut record = header(flags, schema, [meta.born, meta.stale_at, meta.dead_at]);
    record.reserve(etag.len() + payload.len() + CHECKSUM_LEN + meta.tags().len() * 16);
    record.extend(meta.cost.to_le_bytes());
    record.extend((raw.len() as u32).to_le_bytes());
    record.extend((payload.len() as u32).to_le_bytes());
    record.extend(tags.to_le_bytes());
    record.extend(etag_len.to_le_bytes());
    for tag in meta.tags() {
        record.extend((tag.as_str().len() as u16).to_le_bytes());
        record.extend(tag.as_str().as_bytes());
    }
    record.extend(etag.as_bytes());
    record.extend(payload);
    Ok(sign(key, record))
}

/// Returns the record of a tombstone.
#[must_use]
pub fn seal_tombstone(key: &Key, tombstone: &Tombstone) -> Vec<u8> {
    let mut record = header(TOMBSTONE, 0, [tombstone.born, tombstone.dead_at, tombstone.dead_at]);
    record.resize(HEADER_LEN, 0);
    sign(key, record)
}

/// Whether a record says that its key has no value, as far as its flags tell. They are not checked.
#[must_use]
pub fn is_absent(record: &[u8]) -> bool {
    record.get(MAGIC.len() + 1).is_some_and(|flags| flags & ABSENT != 0)
}

/// What the beginning of a record tells, without its payload and unchecked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Head {
    /// The key has an entry.
    Entry {
        /// Its metadata.
        meta: Meta,
        /// Whether it is the knowledge that there is no value.
        absent: bool,
    },
    /// The key was removed.
    Tombstone(Tombstone),
}

/// Reads the beginning of a record, up to its payload. `None` if these bytes don't have all of that: a longer part
/// of the record may, if it is one.
#[must_use]
pub fn head(bytes: &[u8]) -> Option<Head> {
    parse_head(&mut Reader(bytes)).map(|(head, _)| head)
}

/// What a head tells of the payload behind it.
struct Payload {
    flags: u8,
    schema: u32,
    raw_len: usize,
    len: usize,
}

/// Reads a head, and leaves the payload.
fn parse_head(rest: &mut Reader<'_>) -> Option<(Head, Payload)> {
    if rest.take::<2>()? != MAGIC || rest.take::<1>()? != [VERSION] {
        return None;
    }
    let [flags] = rest.take::<1>()?;
    if flags & !KNOWN_FLAGS != 0 {
        return None;
    }
    let schema = rest.u32()?;
    let (born, stale_at, dead_at) = (rest.timestamp()?, rest.timestamp()?, rest.timestamp()?);
    let (cost, raw_len, len) = (rest.u32()?, rest.u32()? as usize, rest.u32()? as usize);
    let (tag_count, etag_len) = (rest.u16()?, rest.u16()?);
    let payload = Payload { flags, schema, raw_len, len };
    if flags & TOMBSTONE != 0 {
        return Some((Head::Tombstone(Tombstone { born, dead_at }), payload));
    }
    let tags = (0..tag_count)
        .map(|_| {
            let len = rest.u16()?;
            Tag::new(rest.text(len)?).ok()
        })
        .collect::<Option<Vec<Tag>>>()?;
    let etag = rest.text(etag_len)?;
    let mut meta = Meta::new(born, Ttl::NONE).labelled(&tags, Some(etag).filter(|etag| !etag.is_empty()));
    (meta.stale_at, meta.dead_at, meta.cost) = (stale_at, dead_at, cost);
    let meta = meta.with_own_life(flags & OWN_LIFE != 0);
    Some((Head::Entry { meta, absent: flags & ABSENT != 0 }, payload))
}

fn header(flags: u8, schema: u32, times: [Timestamp; 3]) -> Vec<u8> {
    let mut record = Vec::with_capacity(HEADER_LEN + CHECKSUM_LEN);
    record.extend(MAGIC);
    record.extend([VERSION, flags]);
    record.extend(schema.to_le_bytes());
    times.iter().for_each(|time| record.extend(time.as_micros().to_le_bytes()));
    record
}

fn sign(key: &Key, mut record: Vec<u8>) -> Vec<u8> {
    let sum = checksum(key, &record);
    record.extend(sum.to_le_bytes());
    record
}

fn checksum(key: &Key, record: &[u8]) -> u64 {
    xxh3_64_with_seed(record, xxh3_64(key.as_str().as_bytes()))
}

/// Reads a record stored under `key`. What is allocated is bounded by the length of the record and by
/// [`MAX_VALUE_LEN`].
///
/// # Errors
///
/// `Corrupt` for bytes that [`seal`] or [`seal_tombstone`] did not write for this key.
pub fn open(key: &Key, bytes: &[u8]) -> Result<Record> {
    parse(key, bytes).ok_or_else(|| {
        let message =
            format!("the {} bytes stored under {key} are not a whole record of that key", bytes.len());
        Error::new(ErrorKind::Corrupt, "open", message)
    })
}

fn parse(key: &Key, bytes: &[u8]) -> Option<Record> {
    let (record, sum) = bytes.split_last_chunk::<CHECKSUM_LEN>()?;
    if record.len() < HEADER_LEN || checksum(key, record) != u64::from_le_bytes(*sum) {
        return None;
    }
    let mut rest = Reader(record);
    let (head, Payload { flags, schema, raw_len, len }) = parse_head(&mut rest)?;
    let (meta, absent) = match head {
        Head::Entry { meta, absent } => (meta, absent),
        Head::Tombstone(tombstone) => return Some(Record::Tombstone(tombstone)),
    };
    let payload = rest.bytes(len)?;
    if !rest.is_empty() || raw_len > MAX_VALUE_LEN {
        return None;
    }
    if absent {
        return Some(Record::Entry(Entry::absent(meta)));
    }
    let bytes = if flags & COMPRESSED != 0 {
        if raw_len > payload.len().saturating_mul(LZ4_MAX_RATIO) {
            return None;
        }
        lz4_flex::block::decompress(payload, raw_len).ok().filter(|raw| raw.len() == raw_len)?.into()
    } else {
        Bytes::copy_from_slice(payload)
    };
    let codec = if flags & JSON != 0 { Codec::Json } else { Codec::Bincode };
    Some(Record::Entry(Entry::new(Blob { codec, schema, bytes }, meta)))
}

#[cfg(test)]
mod tests;
