//! What a tier holds is the same after it was closed and opened again.

mod fixture;

use cache_core::{Blob, Codec, Entry, ErrorKind, Meta, Prefix, Tag, Tier, TierExt, Timestamp, Ttl};
use cache_disk::DiskTier;
use fixture::{Fixture, LONG, entry, get, key, noise, put, remove, remove_matching};

#[tokio::test]
async fn rule_20_expiry_and_labels_are_unchanged_by_a_restart() {
    let fixture = Fixture::new();
    let meta = Meta::new(fixture.at(1), Ttl::new(LONG).grace(2 * LONG));
    let first = entry(b"x", meta.labelled(&[Tag::new("AAPL").unwrap()], Some("v7")));
    let absent = Entry::absent(Meta::new(fixture.at(2), Ttl::new(LONG)));
    let tier = fixture.open();
    put(&tier, &key(1), &first).await;
    put(&tier, &key(2), &absent).await;
    drop(tier);

    fixture.clock.advance(LONG + LONG / 2);
    let tier = fixture.open();
    assert_eq!(get(&tier, &key(1)).await, Some(first));
    assert_eq!(get(&tier, &key(2)).await, Some(absent), "dead, but as it was");
}

#[tokio::test]
async fn rule_54_codec_and_schema_survive_a_restart() {
    let fixture = Fixture::new();
    let tier = fixture.open();
    let cases = [(Codec::Bincode, 0), (Codec::Json, 7), (Codec::Bincode, u32::MAX)];
    let entries = cases.map(|(codec, schema)| {
        let blob = Blob { codec, schema, bytes: noise(1, 5000).into() };
        Entry::new(blob, Meta::new(fixture.at(1), Ttl::new(LONG)))
    });
    for (id, entry) in entries.iter().enumerate() {
        put(&tier, &key(id), entry).await;
    }
    drop(tier);
    let tier = fixture.open();
    for (id, entry) in entries.into_iter().enumerate() {
        assert_eq!(get(&tier, &key(id)).await, Some(entry));
    }
}

#[tokio::test]
async fn rule_29_removals_hold_after_a_restart() {
    let fixture = Fixture::new();
    let tier = fixture.open();
    put(&tier, &key("there"), &fixture.entry(b"old", 1)).await;
    assert_eq!(remove(&tier, &key("there"), fixture.tombstone(5)).await, 1);
    assert_eq!(remove(&tier, &key("not there"), fixture.tombstone(5)).await, 0);
    assert_eq!(remove_matching(&tier, "price:match*", fixture.tombstone(5)).await, 0);
    assert_eq!(tier.stats().tombstones, 2);
    drop(tier);

    let tier = fixture.open();
    assert_eq!(tier.stats().tombstones, 2);
    for id in ["there", "not there", "matching"] {
        put(&tier, &key(id), &fixture.entry(b"loaded before", 5)).await;
        assert_eq!(get(&tier, &key(id)).await, None, "{id}");
        put(&tier, &key(id), &fixture.entry(b"loaded after", 6)).await;
        assert_eq!(get(&tier, &key(id)).await, Some(fixture.entry(b"loaded after", 6)), "{id}");
    }
}

#[tokio::test]
async fn rule_29_the_cache_s_own_entries_outlast_patterns_and_restarts() {
    let fixture = Fixture::new();
    let stamp = Prefix::new(Some("md"), "tag").unwrap().reserved().key("AAPL").unwrap();
    let mut forever = fixture.entry(b"", 3);
    forever.meta.dead_at = Timestamp::MAX;
    let tier = fixture.open();
    put(&tier, &stamp, &forever).await;
    remove_matching(&tier, "*", fixture.tombstone(5)).await;
    assert_eq!(get(&tier, &stamp).await, Some(forever.clone()));
    // A stamp born before the removal is an invalidation that comes late, not a value.
    let late = Prefix::new(Some("md"), "tag").unwrap().reserved().key("MSFT").unwrap();
    put(&tier, &late, &forever).await;
    drop(tier);
    let tier = fixture.open();
    assert_eq!(get(&tier, &stamp).await, Some(forever.clone()));
    assert_eq!(get(&tier, &late).await, Some(forever));
}

#[tokio::test]
async fn what_is_held_is_counted_the_same_after_a_restart() {
    let fixture = Fixture::new();
    let tier = fixture.open();
    for id in 0..300 {
        put(&tier, &key(id), &fixture.entry(&noise(id, 5000), 1)).await;
    }
    put(&tier, &key(3), &fixture.entry(b"replaced", 2)).await;
    remove(&tier, &key(4), fixture.tombstone(2)).await;
    put(&tier, &key(5), &fixture.entry(b"late", 1)).await;
    let before = tier.stats();
    assert_eq!((before.entries, before.tombstones, before.outdated), (299, 1, 1));
    assert_eq!(before.evicted, 0);
    tier.flush().await.unwrap();
    drop(tier);

    let after = fixture.open().stats();
    assert_eq!((after.entries, after.tombstones, after.live_bytes), (299, 1, before.live_bytes));
    assert!(after.bytes_on_disk > 298 * 5000);
}

#[tokio::test]
async fn what_is_dead_is_swept_and_nothing_else() {
    let fixture = Fixture::new();
    let tier = fixture.open();
    let (short, long) = (Ttl::new(LONG), Ttl::new(LONG).grace(3 * LONG));
    put(&tier, &key("short"), &entry(b"x", Meta::new(fixture.at(1), short))).await;
    put(&tier, &key("in grace"), &entry(b"x", Meta::new(fixture.at(1), long))).await;
    remove(&tier, &key("removed"), fixture.tombstone(1)).await;
    remove_matching(&tier, "price:none", fixture.tombstone(1)).await;
    assert_eq!(tier.sweep().await.unwrap(), 0);

    fixture.clock.advance(2 * LONG);
    assert_eq!(tier.sweep().await.unwrap(), 2);
    let stats = tier.stats();
    assert_eq!((stats.entries, stats.tombstones, stats.swept), (1, 0, 2));
    assert_eq!(get(&tier, &key("short")).await, None);
    assert!(get(&tier, &key("in grace")).await.is_some());

    fixture.clock.advance(2 * LONG);
    drop(tier);
    let tier = fixture.open();
    assert_eq!(tier.sweep().await.unwrap(), 1);
    assert_eq!(tier.stats().live_bytes, 0);
}

#[tokio::test]
async fn a_directory_in_use_is_refused_by_name() {
    let fixture = Fixture::new();
    let _tier = fixture.open();
    let error = DiskTier::open(fixture.config()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains(fixture.path().to_str().unwrap()), "{error}");
}

#[tokio::test]
async fn a_later_format_is_refused_and_left_alone() {
    let fixture = Fixture::new();
    let tier = fixture.open();
    put(&tier, &key(1), &fixture.entry(b"x", 1)).await;
    drop(tier);
    let marker = fixture.path().join("format");
    let written = std::fs::read(&marker).unwrap();
    std::fs::write(&marker, "cache-disk format 2\n").unwrap();
    let error = DiskTier::open(fixture.config()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("format 2"), "{error}");

    std::fs::write(&marker, written).unwrap();
    assert!(get(&fixture.open(), &key(1)).await.is_some());
}

#[tokio::test]
async fn a_directory_of_something_else_is_refused_and_left_alone() {
    let fixture = Fixture::new();
    let theirs = fixture.path().join("db").join("theirs");
    std::fs::create_dir_all(theirs.parent().unwrap()).unwrap();
    std::fs::write(&theirs, "precious").unwrap();
    let error = DiskTier::open(fixture.config()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains(fixture.path().to_str().unwrap()), "{error}");
    assert_eq!(std::fs::read_to_string(theirs).unwrap(), "precious");
}

#[tokio::test]
async fn a_closed_tier_says_so() {
    let fixture = Fixture::new();
    let tier = fixture.open();
    put(&tier, &key(1), &fixture.entry(b"x", 1)).await;
    tier.close().await.unwrap();
    tier.close().await.unwrap();
    let put = tier.put_one(key(1), fixture.entry(b"y", 2)).await;
    let errors =
        [tier.get_one(&key(1)).await.unwrap_err(), put.unwrap_err(), tier.flush().await.unwrap_err()];
    assert!(errors.iter().all(|error| error.kind() == ErrorKind::Closed), "{errors:?}");
    assert!(get(&fixture.open(), &key(1)).await.is_some(), "and lets others in");
}

#[tokio::test]
async fn rule_63_a_record_that_does_not_fit_is_a_limit_error_and_the_others_are_stored() {
    let fixture = Fixture::new();
    let tier = fixture.open();
    let (small, large) = (fixture.entry(b"small", 1), fixture.entry(&noise(1, 2 << 20), 1));
    let batch = [(key("a"), small.clone()), (key("large"), large), (key("b"), small.clone())];
    let error = tier.put(&batch).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
    assert!(error.to_string().len() < 200, "{error}");
    let answers = tier.get(&[key("a"), key("large"), key("b")]).await.unwrap();
    assert_eq!(answers, [Some(small.clone()), None, Some(small)]);
}

#[test]
fn settings_out_of_range_are_refused() {
    let fixture = Fixture::new();
    let error = DiskTier::open(fixture.config().max_bytes(1 << 20)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(DiskTier::open(fixture.config().sweep_every(std::time::Duration::ZERO)).is_err());
}
