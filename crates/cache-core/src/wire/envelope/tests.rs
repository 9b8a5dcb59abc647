//! The wire form against its golden bytes, and against bytes that nobody wrote.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

const NEVER: usize = usize::MAX;

fn key() -> Key {
    Key::new("price", "AAPL:yahoo").unwrap()
}

fn sample(payload: &[u8]) -> Entry {
    let ttl = Ttl::new(Duration::from_secs(60)).grace(Duration::from_secs(600));
    let mut meta = Meta::new(Timestamp::from_micros(1_577_836_800_000_000), ttl)
        .labelled(&[Tag::new("AAPL").unwrap(), Tag::new("equity").unwrap()], Some("v7"));
    meta.cost = 42;
    Entry::new(Blob { codec: Codec::Bincode, schema: 3, bytes: Bytes::copy_from_slice(payload) }, meta)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn golden_bytes_of_version_1() {
    let plain = seal(&key(), &sample(b"payload"), NEVER).unwrap();
    let absent = seal(&key(), &Entry::absent(sample(b"").meta), NEVER).unwrap();
    let removed = Tombstone { born: Timestamp::from_micros(7), dead_at: Timestamp::from_micros(9) };
    let packed = seal(&key(), &sample(&[b'a'; 100]), 16).unwrap();
    let golden = include_str!("../../../tests/golden/envelope-v1.txt");
    let written =
        [plain, absent, seal_tombstone(&key(), &removed), packed].map(|bytes| hex(&bytes)).join("\n");
    assert_eq!(written, golden.trim_end(), "the wire form changed: give it a new version");
}

#[test]
fn rule_53_a_record_under_another_key_is_corrupt() {
    let bytes = seal(&key(), &sample(b"payload"), NEVER).unwrap();
    assert!(open(&key(), &bytes).is_ok());
    let other = Key::new("price", "MSFT:yahoo").unwrap();
    assert_eq!(open(&other, &bytes).unwrap_err().kind(), ErrorKind::Corrupt);
}

#[test]
fn rule_53_every_truncation_and_every_flipped_bit_is_corrupt() {
    for bytes in
        [seal(&key(), &sample(b"payload"), NEVER).unwrap(), seal(&key(), &sample(&[7; 300]), 0).unwrap()]
    {
        for len in 0..bytes.len() {
            assert!(open(&key(), &bytes[..len]).is_err(), "cut to {len}");
        }
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(open(&key(), &flipped).is_err(), "bit {bit}");
        }
    }
}

/// Hostile, not just unlucky: the checksum is right.
#[test]
fn rule_62_a_signed_record_with_hostile_lengths_is_refused() {
    let honest = seal(&key(), &sample(&[7; 300]), 0).unwrap();
    for at in [36, 40, 44, 46, 48] {
        for hostile in [0xff_u8, 0x7f, 0x80] {
            let mut record = honest[..honest.len() - CHECKSUM_LEN].to_vec();
            let width = if at < 44 { 4 } else { 2 };
            record[at..at + width].fill(hostile);
            assert!(open(&key(), &sign(&key(), record)).is_err(), "length at {at}");
        }
    }
}

proptest! {
    #[test]
    fn what_is_sealed_is_opened(payload: Vec<u8>, json: bool, compress_above in 0..200_usize, tags in prop::collection::vec(".{1,20}", 0..4), etag in "[a-z]{0,8}") {
        let mut entry = sample(&payload);
        let tags: Vec<Tag> = tags.iter().map(|tag| Tag::new(tag).unwrap()).collect();
        entry.meta = entry.meta.labelled(&tags, Some(etag.as_str()).filter(|etag| !etag.is_empty()));
        if json && let Some(blob) = &mut entry.value {
            blob.codec = Codec::Json;
        }
        let bytes = seal(&key(), &entry, compress_above).unwrap();
        prop_assert_eq!(open(&key(), &bytes).unwrap(), Record::Entry(entry));
    }

    #[test]
    fn rule_53_bytes_of_nobody_are_corrupt(bytes: Vec<u8>) {
        prop_assert!(open(&key(), &bytes).is_err());
    }

    #[test]
    fn rule_62_signed_noise_never_panics(mut noise in prop::collection::vec(any::<u8>(), 48..200)) {
        noise[..3].copy_from_slice(b"tC\x01");
        let _ = open(&key(), &sign(&key(), noise));
    }
}

#[test]
fn rule_111_whose_life_it_is_is_written_and_read_back() {
    for own in [true, false] {
        let key = Key::new("k", "a").unwrap();
        let meta = Meta::new(Timestamp::from_micros(5), Ttl::new(Duration::from_secs(5)));
        let entry = Entry::absent(meta.with_own_life(own));
        let Ok(Record::Entry(read)) = open(&key, &seal(&key, &entry, 0).unwrap()) else { panic!("an entry") };
        assert_eq!(read.meta, entry.meta);
        assert_eq!(read.meta.own_life().is_some(), own);
    }
}

#[test]
fn a_head_tells_what_the_whole_record_says_once_it_is_all_there() {
    let entry = sample(b"payload");
    let bytes = seal(&key(), &entry, NEVER).unwrap();
    let payload_at = bytes.len() - b"payload".len() - CHECKSUM_LEN;
    for len in 0..=bytes.len() {
        let told = Some(Head::Entry { meta: entry.meta.clone(), absent: false });
        assert_eq!(head(&bytes[..len]), told.filter(|_| len >= payload_at), "of {len} bytes");
    }
    let absent = seal(&key(), &Entry::absent(entry.meta.clone()), NEVER).unwrap();
    assert_eq!(head(&absent), Some(Head::Entry { meta: entry.meta, absent: true }));
    let tombstone = Tombstone { born: Timestamp::from_micros(7), dead_at: Timestamp::from_micros(9) };
    assert_eq!(head(&seal_tombstone(&key(), &tombstone)), Some(Head::Tombstone(tombstone)));
}
