//! A disk that takes no more: the test runs itself again in a process whose files may not grow.

mod fixture;

use std::{env, process::Command};

use cache_core::{Entry, ErrorKind, TierExt};
use cache_disk::DiskTier;
use fixture::{Fixture, get, key, noise, put, remove};
use rlimit::Resource;

const TEST: &str = "rule_58_a_full_disk_fails_writes_and_nothing_else";
const CHILD: &str = "CACHE_DISK_LIMITED";

/// Files of this process may be this long, until told otherwise.
fn limit_files(bytes: u64) {
    let (_, hard) = rlimit::getrlimit(Resource::FSIZE).unwrap();
    rlimit::setrlimit(Resource::FSIZE, bytes.min(hard), hard).unwrap();
}

/// The entry of the number `id`, `len` bytes long.
fn numbered(fixture: &Fixture, id: usize, len: usize) -> Entry {
    fixture.entry(&noise(id as u64, len), 1)
}

/// Puts until the disk is full; `lens` says what was stored so far.
async fn fill(tier: &DiskTier, fixture: &Fixture, lens: &mut Vec<usize>, len: usize) {
    for id in lens.len()..10_000 {
        if let Err(error) = tier.put_one(key(id), numbered(fixture, id, len)).await {
            assert_eq!(error.kind(), ErrorKind::Storage, "{error}");
            assert!(error.is_retryable());
            return;
        }
        lens.push(len);
    }
    panic!("10,000 puts found room");
}

async fn check(tier: &DiskTier, fixture: &Fixture, lens: &[usize]) {
    for (id, len) in lens.iter().enumerate() {
        assert_eq!(get(tier, &key(id)).await, Some(numbered(fixture, id, *len)), "{id}");
    }
    assert_eq!(get(tier, &key("removed")).await, None);
}

#[tokio::main]
async fn with_limited_files() {
    let fixture = Fixture::new();
    let tier = fixture.open();
    put(&tier, &key("removed"), &fixture.entry(b"old", 1)).await;
    remove(&tier, &key("removed"), fixture.tombstone(5)).await;
    let mut lens = Vec::new();
    // Where nothing can be written, the database is left as it is. Where only something large can't,
    // it is opened again, and fails again.
    for (limit, len) in [(100 << 10, 3000), (600 << 10, 900_000), (200 << 10, 3000)] {
        limit_files(limit);
        fill(&tier, &fixture, &mut lens, len).await;
        check(&tier, &fixture, &lens).await;
        for _ in 0..3 {
            assert!(tier.put_one(key("more"), numbered(&fixture, 0, 900_000)).await.is_err());
        }
        check(&tier, &fixture, &lens).await;

        limit_files(u64::MAX);
        put(&tier, &key(lens.len()), &numbered(&fixture, lens.len(), 3000)).await;
        lens.push(3000);
        put(&tier, &key("removed"), &fixture.entry(b"loaded before", 5)).await;
        check(&tier, &fixture, &lens).await;
    }
    let stats = tier.stats();
    assert!(stats.reopened >= 3 && stats.failed_writes >= 12, "{stats:?}");
    drop(tier);
    let tier = fixture.open();
    check(&tier, &fixture, &lens).await;
    assert_eq!(tier.stats().started_over, 0);
}

#[test]
fn rule_58_a_full_disk_fails_writes_and_nothing_else() {
    if env::var_os(CHILD).is_some() {
        return with_limited_files();
    }
    // Past the limit a write raises SIGXFSZ; ignored, it fails, as on a full disk.
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
        .arg(env::current_exe().unwrap())
        .args([TEST, "--exact", "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
