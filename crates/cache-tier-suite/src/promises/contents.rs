//! A read returns what was put: value, moments, tags and etag.

use std::time::Duration;

use cache_core::{
    Blob, Bytes, Clock, Codec, Entry, ErrorKind, Key, MAX_VALUE_LEN, Meta, Tag, Tier, TierExt, Timestamp, Ttl,
};
use proptest::{
    collection::vec,
    option,
    prelude::{Just, Strategy, any, prop_oneof},
};

use crate::{
    entries::{LONG, at, entry, key},
    properties::for_all,
};

/// Entries of every kind, alive at `now`.
fn any_entry(now: Timestamp) -> impl Strategy<Value = Entry> {
    let codec = prop_oneof![Just(Codec::Bincode), Just(Codec::Json)];
    let blob = (codec, any::<u32>(), vec(any::<u8>(), 0..3000), 1_usize..4);
    let blob = blob.prop_map(|(codec, schema, bytes, times)| Blob {
        codec,
        schema,
        bytes: bytes.repeat(times).into(),
    });
    // No cost that would fill a tier's budget: what is evicted for space is no fault.
    let times =
        (0..=now.as_micros(), any::<u32>(), prop_oneof![1_i64..1 << 40, Just(i64::MAX)], 0_u32..10_000);
    let labels = (vec("\\PC{1,40}", 0..5), option::of("\\PC{1,60}"));
    (option::of(blob), times, labels).prop_map(move |(value, (born, stale, dead, cost), (tags, etag))| {
        let tags: Vec<Tag> = tags.iter().map(|tag| Tag::new(tag).expect("a valid tag")).collect();
        let mut meta = Meta::new(Timestamp::from_micros(born), Ttl::NONE).labelled(&tags, etag.as_deref());
        meta.stale_at = Timestamp::from_micros(now.as_micros() + i64::from(stale));
        meta.dead_at = Timestamp::from_micros(now.as_micros().saturating_add(dead));
        meta.cost = cost;
        Entry { value, meta }
    })
}

pub(crate) async fn rule_20_an_entry_comes_back_as_it_was_put(tier: &dyn Tier, clock: &Clock) {
    let input = vec((".{0,40}", any_entry(clock.now())), 1..6);
    for_all(48, input, async |case, entries| {
        let entries = (0_u32..).zip(entries);
        let entries: Vec<_> =
            entries.map(|(n, (id, entry))| (key(&format!("{case}/{n}/{id}")), entry)).collect();
        tier.put(&entries).await.unwrap();
        let keys: Vec<Key> = entries.iter().map(|(key, _)| key.clone()).collect();
        let answers = tier.get(&keys).await.unwrap();
        assert_eq!(answers, entries.into_iter().map(|(_, entry)| Some(entry)).collect::<Vec<_>>());
    })
    .await;
}

pub(crate) async fn rule_20_an_absence_comes_back_as_an_absence(tier: &dyn Tier, clock: &Clock) {
    let tag = Tag::new("unknown").unwrap();
    let absent = Entry::absent(Meta::new(at(clock, 1), Ttl::new(LONG)).labelled(&[tag], Some("v1")));
    tier.put_one(key("a"), absent.clone()).await.unwrap();
    assert_eq!(tier.get(&[key("a"), key("b")]).await.unwrap(), [Some(absent), None]);
}

pub(crate) async fn rule_20_stale_is_answered_and_dead_is_answered_unchanged_or_not_at_all(
    tier: &dyn Tier,
    clock: &Clock,
) {
    let ttl = Ttl::new(Duration::from_secs(10)).grace(Duration::from_secs(60));
    let mut put = entry("a", clock.now());
    put.meta = Meta::new(clock.now(), ttl);
    tier.put_one(key("a"), put.clone()).await.unwrap();

    clock.advance(Duration::from_secs(59));
    assert_eq!(tier.get_one(&key("a")).await.unwrap(), Some(put.clone()), "stale, in grace");

    clock.advance(Duration::from_secs(3600));
    let answer = tier.get_one(&key("a")).await.unwrap();
    assert!(answer.is_none() || answer == Some(put), "{answer:?}");
}

pub(crate) async fn rule_20_similar_keys_are_different_keys(tier: &dyn Tier, clock: &Clock) {
    let ids =
        ["", "a", "A", "a:", ":a", "a ", "a\0", "a\0b", "ab", "ä", "a\u{308}", "%61", "a*", "a?", "a\\"];
    let long: Vec<String> = ["x", "y"].iter().map(|end| format!("{}{end}", "long".repeat(1000))).collect();
    let ids: Vec<&str> = ids.into_iter().chain(long.iter().map(String::as_str)).collect();
    let entries: Vec<_> = ids.iter().map(|id| (key(id), entry(id, at(clock, 1)))).collect();
    tier.put(&entries).await.unwrap();
    for (key, entry) in entries {
        assert_eq!(tier.get_one(&key).await.unwrap(), Some(entry), "{key}");
    }
}

pub(crate) async fn rule_54_codec_and_schema_come_back_as_stored(tier: &dyn Tier, clock: &Clock) {
    for (n, (codec, schema)) in [Codec::Bincode, Codec::Json]
        .into_iter()
        .flat_map(|codec| [0, 1, u32::MAX].map(|s| (codec, s)))
        .enumerate()
    {
        let blob = Blob { codec, schema, bytes: Bytes::from_static(b"same bytes") };
        let put = Entry::new(blob, Meta::new(at(clock, n as i64), Ttl::new(LONG)));
        tier.put_one(key("a"), put.clone()).await.unwrap();
        assert_eq!(tier.get_one(&key("a")).await.unwrap(), Some(put));
    }
}

pub(crate) async fn rule_57_a_flush_loses_nothing(tier: &dyn Tier, clock: &Clock) {
    tier.flush().await.unwrap();
    let put = entry("a", at(clock, 1));
    tier.put_one(key("a"), put.clone()).await.unwrap();
    tier.flush().await.unwrap();
    assert_eq!(tier.get_one(&key("a")).await.unwrap(), Some(put));
}

/// Bytes that don't compress: what repeats does so farther apart than a compressor looks back.
fn noise(len: usize) -> Bytes {
    let mut word = 0x9e37_79b9_7f4a_7c15_u64;
    let words = (0..1 << 17).flat_map(|_| {
        word ^= word << 13;
        word ^= word >> 7;
        word ^= word << 17;
        word.to_le_bytes()
    });
    let block: Vec<u8> = words.collect();
    let mut bytes = block.repeat(len.div_ceil(block.len()));
    bytes.truncate(len);
    bytes.into()
}

fn big(len: usize, born: Timestamp) -> Entry {
    let blob = Blob { codec: Codec::Bincode, schema: 0, bytes: noise(len) };
    Entry::new(blob, Meta::new(born, Ttl::new(LONG)))
}

pub(crate) async fn rule_63_the_largest_value_is_kept_whole(tier: &dyn Tier, clock: &Clock) {
    let put = big(MAX_VALUE_LEN, at(clock, 1));
    tier.put_one(key("big"), put.clone()).await.unwrap();
    let answer = tier.get_one(&key("big")).await.unwrap();
    assert!(answer.is_some(), "kept");
    assert!(answer == Some(put), "whole");
}

pub(crate) async fn rule_63_a_value_past_the_limit_is_refused_and_nothing_half_written(
    tier: &dyn Tier,
    clock: &Clock,
) {
    let (small, before) = (entry("small", at(clock, 2)), entry("before", at(clock, 1)));
    tier.put_one(key("had"), before.clone()).await.unwrap();
    let too_big = big(MAX_VALUE_LEN + 1, at(clock, 2));
    let batch = [(key("small"), small.clone()), (key("had"), too_big.clone()), (key("had not"), too_big)];
    let error = tier.put(&batch).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit, "{error}");

    let answers = tier.get(&[key("small"), key("had"), key("had not")]).await.unwrap();
    assert!(answers[0].is_none() || answers[0] == Some(small.clone()), "each is whole or not at all");
    assert!(answers[1] == Some(before), "what was there stays");
    assert!(answers[2].is_none(), "what was refused isn't there");

    tier.put_one(key("small"), small.clone()).await.unwrap();
    assert_eq!(tier.get_one(&key("small")).await.unwrap(), Some(small), "the tier works on");
}
