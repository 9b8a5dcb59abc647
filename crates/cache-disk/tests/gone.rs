//! A directory that is removed, moved away or replaced while the tier is open.

mod fixture;

use std::{fs, path::Path};

use cache_core::{ErrorKind, Tier};
use cache_disk::{DiskConfig, DiskTier};
use fixture::{Fixture, LONG, get, key, put};

fn open(fixture: &Fixture, root: &Path) -> DiskTier {
    let config = DiskConfig::new(root).max_bytes(fixture.max_bytes).clock(fixture.clock.clone());
    DiskTier::open(config.sweep_every(LONG)).unwrap()
}

#[tokio::test]
async fn rule_58_a_directory_that_is_gone_is_said_and_made_anew_empty() {
    let fixture = Fixture::new();
    let root = fixture.path().join("a/data");
    let tier = open(&fixture, &root);
    for round in 1..4 {
        put(&tier, &key("old"), &fixture.entry(b"old", round)).await;
        assert!(tier.check_directory().await.is_ok());
        fs::remove_dir_all(fixture.path().join("a")).unwrap();
        put(&tier, &key("new"), &fixture.entry(b"new", round)).await;
        assert!(tier.check_directory().await.is_ok() && root.join("db").exists());
        assert_eq!(get(&tier, &key("new")).await, Some(fixture.entry(b"new", round)));
        assert_eq!(get(&tier, &key("old")).await, None);
    }
    tier.close().await.unwrap();
    let tier = open(&fixture, &root);
    assert_eq!(get(&tier, &key("new")).await, Some(fixture.entry(b"new", 3)), "and it lasts");
}

#[tokio::test]
async fn rule_58_a_check_alone_makes_it_anew() {
    let fixture = Fixture::new();
    let root = fixture.path().join("data");
    let tier = open(&fixture, &root);
    fs::remove_dir_all(&root).unwrap();
    let error = tier.check_directory().await.unwrap_err();
    assert!(error.kind() == ErrorKind::Storage && error.to_string().contains("is gone"), "{error}");
    while tier.check_directory().await.is_err() {
        tokio::task::yield_now().await;
    }
    assert!(root.join("db").exists());
}

#[tokio::test]
async fn rule_58_one_that_cannot_be_made_anew_fails_writes_until_it_can() {
    let fixture = Fixture::new();
    let root = fixture.path().join("a/data");
    let tier = open(&fixture, &root);
    put(&tier, &key(1), &fixture.entry(b"old", 1)).await;
    fs::remove_dir_all(fixture.path().join("a")).unwrap();
    fs::write(fixture.path().join("a"), "a file in its way").unwrap();
    for _ in 0..3 {
        let error = tier.put(&[(key(2), fixture.entry(b"new", 2))]).await.unwrap_err();
        assert!(error.kind() == ErrorKind::Storage && error.to_string().contains("made anew"), "{error}");
        assert!(tier.check_directory().await.is_err());
        assert!(tier.get(&[key(1)]).await.is_err(), "what is lost is not served");
    }
    fs::remove_file(fixture.path().join("a")).unwrap();
    put(&tier, &key(2), &fixture.entry(b"new", 2)).await;
    assert_eq!(get(&tier, &key(2)).await, Some(fixture.entry(b"new", 2)));
    assert!(tier.stats().failed_writes >= 3);
}

#[tokio::test]
async fn rule_58_a_copy_from_before_in_its_place_is_not_served() {
    let fixture = Fixture::new();
    let root = fixture.path().join("data");
    let tier = open(&fixture, &root);
    put(&tier, &key(1), &fixture.entry(b"old", 1)).await;
    tier.close().await.unwrap();
    let copied =
        std::process::Command::new("cp").arg("-r").arg(&root).arg(fixture.path().join("copy")).status();
    assert!(copied.unwrap().success());

    let tier = open(&fixture, &root);
    fixture::remove(&tier, &key(1), fixture.tombstone(2)).await;
    fs::rename(&root, fixture.path().join("aside")).unwrap();
    fs::rename(fixture.path().join("copy"), &root).unwrap();
    assert!(tier.check_directory().await.is_err());
    put(&tier, &key(2), &fixture.entry(b"new", 3)).await;
    assert_eq!(get(&tier, &key(1)).await, None, "it was removed");
    assert_eq!(get(&tier, &key(2)).await, Some(fixture.entry(b"new", 3)));
}
