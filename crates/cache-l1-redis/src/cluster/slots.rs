//! The slots of a Redis Cluster, and the buckets of 16 slots that group keys.
//!
//! A Cluster spreads keys over 16,384 slots by a checksum of their name, or of the part of it in braces, and
//! a script may only touch keys of one slot. So whatever keys share, such as the pattern log, would have to
//! be in every slot. Keys are therefore grouped into 1,024 buckets of 16 slots. All names of a bucket begin
//! with the bucket's tag in braces and so lie in one slot, which is among those 16.

use std::sync::LazyLock;

pub(crate) const SLOTS: u16 = 16_384;
pub(crate) const BUCKETS: u16 = 1_024;
const SLOTS_PER_BUCKET: u16 = SLOTS / BUCKETS;

/// Returns the slot of a name: by what is between its first `{` and the next `}`, if that is not empty.
pub(crate) fn slot(key: &[u8]) -> u16 {
    checksum(hashed_part(key)) % SLOTS
}

/// Returns the bucket of a key.
pub(crate) fn bucket_of(key: &[u8]) -> u16 {
    slot(key) / SLOTS_PER_BUCKET
}

/// Returns the number that the names of a bucket have in braces: the least whose slot is one of the bucket's.
pub(crate) fn tag_of_bucket(bucket: u16) -> u32 {
    TAGS[usize::from(bucket)].0
}

/// Returns the slot in which all names of a bucket lie.
pub(crate) fn slot_of_bucket(bucket: u16) -> u16 {
    TAGS[usize::from(bucket)].1
}

/// The tag of each bucket, and the slot of that tag.
static TAGS: LazyLock<Vec<(u32, u16)>> = LazyLock::new(|| {
    let mut tags = vec![None; usize::from(BUCKETS)];
    let mut missing = tags.len();
    for number in 0_u32.. {
        let slot = slot(number.to_string().as_bytes());
        let entry = &mut tags[usize::from(slot / SLOTS_PER_BUCKET)];
        if entry.is_none() {
            *entry = Some((number, slot));
            missing -= 1;
        }
        if missing == 0 {
            break;
        }
    }
    tags.into_iter().flatten().collect()
});

/// Returns the part of a name that its slot is computed from.
fn hashed_part(key: &[u8]) -> &[u8] {
    let Some(open) = key.iter().position(|byte| *byte == b'{') else { return key };
    let rest = &key[open + 1..];
    match rest.iter().position(|byte| *byte == b'}') {
        Some(close) if close > 0 => &rest[..close],
        _ => key,
    }
}

/// Returns the CRC16 that Redis uses: polynomial 0x1021, starting from 0.
fn checksum(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |sum, byte| (sum << 8) ^ CHECKSUM_TABLE[usize::from((sum >> 8) as u8 ^ byte)])
}

const CHECKSUM_TABLE: [u16; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut sum = (byte as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            sum = if sum & 0x8000 == 0 { sum << 1 } else { (sum << 1) ^ 0x1021 };
            bit += 1;
        }
        table[byte] = sum;
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_redis() {
        // From the specification of Redis Cluster, and asked of a server.
        assert_eq!(checksum(b"123456789"), 0x31c3);
        for (key, expected) in
            [("foo", 12_182), ("{user1000}.following", 3_443), ("", 0), ("foo{}{bar}", 8_363)]
        {
            assert_eq!(slot(key.as_bytes()), expected, "{key}");
        }
        assert_eq!(slot(b"foo{{bar}}zap"), slot(b"{bar"));
        assert_eq!(slot(b"foo{bar}{zap}"), slot(b"bar"));
    }

    #[test]
    fn a_bucket_lies_among_its_own_slots() {
        for bucket in 0..BUCKETS {
            assert_eq!(slot_of_bucket(bucket) / SLOTS_PER_BUCKET, bucket);
        }
        assert_eq!(bucket_of(b"price:{AAPL}:a"), bucket_of(b"news:{AAPL}"));
    }
}
