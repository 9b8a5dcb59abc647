//! The contents of the table: keys of every sort, and bytes from elsewhere.

use cache_core::{Clock, ErrorKind, Key, Meta, Pattern, Prefix, Target, Tier, TierExt, Ttl, envelope};
use cache_l2_pg::PgTier;
use tokio_postgres::Client;

use crate::fixture::{self, at, client, entry, key, tombstone};

/// Keys that a database might trip over.
fn odd_keys() -> Vec<Key> {
    let long = |len: usize, end: &str| "x".repeat(len - "quote:".len() - end.len()) + end;
    let mut ids: Vec<String> = [
        "",
        "'",
        "''",
        "\"",
        "\\",
        "\\\\x41",
        "%",
        "_",
        "a%",
        "a_",
        "a\0",
        "\0",
        "\u{1}",
        "a;--",
        "$1",
        "{a,b}",
        "\u{10ffff}",
        "é",
        "e\u{301}",
        "\r\n",
        "\t",
        "NULL",
        "\\x00",
        "a?b",
        "a*b",
    ]
    .map(str::to_owned)
    .to_vec();
    // Around the length to which keys are stored whole, and the longest there are, differing only in the end.
    for len in [999, 1000, 1001, 1031, 1032, 1033, 2704, 4095, 4096] {
        ids.extend(["a", "b", "\0", "%"].map(|end| long(len, end)));
    }
    ids.iter().map(|id| key(id)).collect()
}

#[tokio::test]
async fn rule_50_keys_of_any_characters_and_length_are_kept_apart_and_removed_alone() {
    let clock = Clock::manual();
    let (tier, _) = fixture::tier(&clock).await;
    let keys = odd_keys();
    assert!(keys.iter().any(|key| key.as_str().len() == cache_core::MAX_KEY_LEN));
    let put: Vec<_> = keys.iter().map(|key| (key.clone(), entry(key.as_str(), at(&clock, 1)))).collect();
    tier.put(&put).await.unwrap();
    let answers = tier.get(&keys).await.unwrap();
    for ((key, entry), answer) in put.iter().zip(&answers) {
        assert_eq!(answer.as_ref(), Some(entry), "{key:.80}");
    }
    for (n, key) in keys.iter().enumerate() {
        // By its name, or by a pattern that only it matches.
        let exact = Pattern::glob(&Pattern::escape(key.as_str())).unwrap();
        let target =
            if n % 2 == 0 { Target::Keys(std::slice::from_ref(key)) } else { Target::Matching(&exact) };
        assert_eq!(tier.remove(target, tombstone(at(&clock, 2))).await.unwrap(), 1, "{key:.80}");
        let left = tier.get(&keys).await.unwrap();
        assert!(
            left[..=n].iter().all(Option::is_none) && left[n + 1..].iter().all(Option::is_some),
            "{key:.80}"
        );
    }
}

#[tokio::test]
async fn rule_50_patterns_reach_past_what_is_stored_whole() {
    let clock = Clock::manual();
    let (tier, _) = fixture::tier(&clock).await;
    let start = "n".repeat(1500);
    let keys = ["a1", "a2", "b1", "ä1"].map(|end| key(&format!("{start}{end}")));
    let put: Vec<_> = keys.iter().map(|key| (key.clone(), entry("v", at(&clock, 1)))).collect();
    for (glob, left) in [("a*", [false, false, true, true]), ("?1", [false, true, false, false])] {
        let (tier, _) = fixture::tier(&clock).await;
        tier.put(&put).await.unwrap();
        let pattern = Pattern::glob(&format!("quote:{start}{glob}")).unwrap();
        tier.remove(Target::Matching(&pattern), tombstone(at(&clock, 2))).await.unwrap();
        assert_eq!(tier.get(&keys).await.unwrap().iter().map(Option::is_some).collect::<Vec<_>>(), {
            // `?1` leaves a2 alone, and takes b1 and ä1 with a1.
            left
        });
    }
    drop(tier);
}

/// Puts bytes in place of the record of `key`.
async fn replace(client: &Client, table: &str, key: &Key, record: &[u8]) {
    let sql = format!("UPDATE {table} SET record = $2 WHERE key = $1");
    let text = key.as_str().as_bytes();
    assert_eq!(client.execute(&sql, &[&text, &record]).await.unwrap(), 1);
}

async fn is_a_miss_and_overwritten(tier: &PgTier, clock: &Clock, born: i64, what: &str) {
    let corrupt = tier.stats().corrupt;
    assert_eq!(tier.get(&[key("a"), key("b")]).await.unwrap()[0], None, "{what}");
    assert_eq!(tier.stats().corrupt, corrupt + 1, "{what}: counted");
    let newer = entry("newer", at(clock, born));
    tier.put_one(key("a"), newer.clone()).await.unwrap();
    assert_eq!(tier.get_one(&key("a")).await.unwrap(), Some(newer), "{what}: overwritten");
}

#[tokio::test]
async fn rule_53_hostile_bytes_are_a_miss_counted_and_overwritten() {
    let clock = Clock::manual();
    let (tier, table) = fixture::tier(&clock).await;
    let client = client(fixture::url()).await;
    let mut born = 0;
    let sealed = |micros| envelope::seal(&key("a"), &entry("a", at(&clock, micros)), usize::MAX).unwrap();
    let whole = sealed(1);
    let mut flipped = whole.clone();
    flipped[20] ^= 4;
    let other_key = envelope::seal(&key("b"), &entry("b", at(&clock, 1)), usize::MAX).unwrap();
    let other_birth = sealed(-5);
    let tombstone = envelope::seal_tombstone(&key("a"), &tombstone(at(&clock, 1)));
    let cases: [(&str, &[u8]); 7] = [
        ("empty", b""),
        ("truncated", &whole[..whole.len() - 3]),
        ("a bit flipped", &flipped),
        ("foreign", b"\xff\x00 not ours, and long enough to hold a header, whatever else it may be made of"),
        ("another key's", &other_key),
        ("of another birth", &other_birth),
        ("a tombstone", &tombstone),
    ];
    for (what, bytes) in cases {
        born += 2;
        tier.put_one(key("a"), entry("held", at(&clock, born))).await.unwrap();
        replace(&client, &table, &key("a"), bytes).await;
        is_a_miss_and_overwritten(&tier, &clock, born + 1, what).await;
    }
}

#[tokio::test]
async fn rule_47_an_unreadable_stamp_is_not_taken_for_none() {
    let clock = Clock::manual();
    let (tier, table) = fixture::tier(&clock).await;
    let client = client(fixture::url()).await;
    let stamp = Prefix::new(None, "tag").unwrap().reserved().key("AAPL").unwrap();
    let carried = cache_core::Entry::absent(Meta::new(at(&clock, 1), Ttl::new(fixture::LONG)));
    tier.put_one(stamp.clone(), carried).await.unwrap();
    replace(&client, &table, &stamp, b"damaged").await;
    assert_eq!(tier.get_one(&stamp).await.unwrap_err().kind(), ErrorKind::Corrupt);
}
