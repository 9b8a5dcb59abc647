//! Real files, really damaged: a miss or nothing at all, never a panic, a wrong value, or what was removed.

mod fixture;

use std::{fs, io::Write, path::Path};

use cache_core::{Entry, Prefix, Tier};
use cache_disk::DiskTier;
use fastrand::Rng;
use fixture::{Fixture, get, key, noise, put, remove};

const KEYS: u64 = 120;

fn is_removed(id: u64) -> bool {
    id.is_multiple_of(7)
}

fn last(fixture: &Fixture, id: u64) -> Entry {
    fixture.entry(&noise(id, 500 + (id as usize * 97) % 6000), 2)
}

fn stamp() -> cache_core::Key {
    Prefix::new(None, "tag").unwrap().reserved().key("AAPL").unwrap()
}

/// A folder with what was replaced, what was removed and what is there; in tables and in the journal.
async fn filled() -> Fixture {
    let fixture = Fixture::new();
    let tier = fixture.open();
    for round in [1, 2] {
        for id in 0..KEYS {
            let entry = if round == 1 { fixture.entry(&noise(!id, 4000), 1) } else { last(&fixture, id) };
            put(&tier, &key(id), &entry).await;
        }
    }
    for id in (0..KEYS).filter(|id| is_removed(*id)) {
        remove(&tier, &key(id), fixture.tombstone(3)).await;
    }
    put(&tier, &stamp(), &fixture.entry(b"stamp", 1)).await;
    drop(tier);
    fixture
}

/// Reads everything, puts over some of it, and answers how many keys were there at first.
async fn check(fixture: &Fixture, tier: &DiskTier, what: &str) -> usize {
    let keys: Vec<_> = (0..KEYS).map(key).collect();
    let found = tier.get(&keys).await.unwrap();
    for (id, found) in (0..KEYS).zip(&found) {
        let right = found.as_ref().is_none_or(|found| !is_removed(id) && *found == last(fixture, id));
        assert!(right, "{what}: key {id} holds {found:?}");
    }
    // The stamp may be unreadable once; then the tier has let go of all that it would have covered.
    let stamp = match tier.get(&[stamp()]).await {
        Ok(found) => found[0].clone(),
        Err(_) => tier.get(&[stamp()]).await.unwrap()[0].clone(),
    };
    let there = tier.get(&keys).await.unwrap().iter().flatten().count();
    assert!(stamp.is_some() || there == 0, "{what}: the stamp is lost and {there} entries are not");

    for id in (0..KEYS).step_by(5) {
        let newer = fixture.entry(&noise(id, 300), 10);
        put(tier, &key(id), &newer).await;
        assert_eq!(get(tier, &key(id)).await, Some(newer), "{what}: key {id} can't be put over");
    }
    found.iter().flatten().count()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in fs::read_dir(from).unwrap().flatten() {
        let to = to.join(file.file_name());
        if file.path().is_dir() {
            copy(&file.path(), &to);
        } else {
            fs::copy(file.path(), to).unwrap();
        }
    }
}

/// Does something to each file of a filled folder, opens what is left, and checks it.
async fn damage(each: usize, mut harm: impl FnMut(&mut Vec<u8>, usize) -> String) {
    let fixture = filled().await;
    let mut found = Vec::new();
    for file in fixture.files() {
        let name = file.strip_prefix(fixture.path()).unwrap();
        for time in 0..each {
            let harmed = Fixture::new();
            copy(fixture.path(), harmed.path());
            let mut bytes = fs::read(&file).unwrap();
            let what = format!("{} {}", name.display(), harm(&mut bytes, time));
            fs::write(harmed.path().join(name), bytes).unwrap();
            let tier = harmed.open();
            found.push(check(&fixture, &tier, &what).await);
            drop(tier);
            let again = harmed.open();
            assert!(again.stats().entries > 0, "{what}: opens again");
        }
    }
    // Else the harm is such that this says nothing about what can be saved.
    assert!(found.iter().any(|found| *found > 0), "{found:?}");
}

#[tokio::test]
async fn rule_53_flipped_bytes_are_misses() {
    let mut random = Rng::with_seed(53);
    damage(8, |bytes, _| {
        if bytes.is_empty() {
            return "is empty".into();
        }
        let at = random.usize(..bytes.len());
        bytes[at] ^= random.u8(1..);
        format!("flipped at {at}")
    })
    .await;
}

#[tokio::test]
async fn rule_53_truncated_files_are_misses() {
    let mut random = Rng::with_seed(54);
    damage(3, |bytes, time| {
        let len = if time == 0 || bytes.is_empty() { 0 } else { random.usize(..bytes.len()) };
        bytes.truncate(len);
        format!("cut to {len}")
    })
    .await;
}

#[tokio::test]
async fn rule_53_foreign_bytes_are_misses() {
    let mut random = Rng::with_seed(55);
    damage(3, |bytes, time| {
        let from = if time == 0 || bytes.is_empty() { 0 } else { random.usize(..bytes.len()) };
        let len = (bytes.len() - from).min(random.usize(1..5000));
        random.fill(&mut bytes[from..from + len]);
        format!("{len} foreign bytes at {from}")
    })
    .await;
}

#[tokio::test]
async fn rule_53_missing_files_are_misses() {
    let fixture = filled().await;
    for file in fixture.files() {
        let name = file.strip_prefix(fixture.path()).unwrap();
        let harmed = Fixture::new();
        copy(fixture.path(), harmed.path());
        fs::remove_file(harmed.path().join(name)).unwrap();
        let what = format!("{} is gone", name.display());
        check(&fixture, &harmed.open(), &what).await;
    }
}

#[tokio::test]
async fn rule_53_damage_done_while_the_tier_is_open_is_a_miss() {
    let fixture = filled().await;
    let mut random = Rng::with_seed(56);
    for file in fixture.files() {
        let name = file.strip_prefix(fixture.path()).unwrap();
        let harmed = Fixture::new();
        copy(fixture.path(), harmed.path());
        let tier = harmed.open();
        let path = harmed.path().join(name);
        let mut bytes = fs::read(&path).unwrap_or_default();
        for _ in 0..bytes.len().div_ceil(2000) {
            let at = random.usize(..bytes.len());
            bytes[at] ^= 0xff;
        }
        if let Ok(mut file) = fs::OpenOptions::new().write(true).open(&path) {
            file.write_all(&bytes).unwrap();
        }
        check(&fixture, &tier, &format!("{} flipped while open", name.display())).await;
        // Enough to have the journal emptied and everything flushed, over the damage.
        for id in 0..300 {
            put(&tier, &key(format!("more{id}")), &fixture.entry(&noise(id, 8000), 1)).await;
        }
        drop(tier);
        let tier = harmed.open();
        for id in 0..KEYS {
            let right = |found| found == fixture.entry(&noise(id, 300), 10) || found == last(&fixture, id);
            assert!(get(&tier, &key(id)).await.is_none_or(right), "{}", name.display());
        }
    }
}

#[tokio::test]
async fn rule_53_damage_beside_the_database_costs_no_more_than_what_is_stored() {
    let fixture = filled().await;
    for (name, bytes) in
        [("writes", &b"foreign"[..]), ("writes", b""), ("format", b"\xff\xfe"), ("format", b"")]
    {
        let harmed = Fixture::new();
        copy(fixture.path(), harmed.path());
        fs::write(harmed.path().join(name), bytes).unwrap();
        check(&fixture, &harmed.open(), name).await;
    }
}

#[tokio::test]
async fn rule_57_a_database_that_lost_a_removal_is_not_trusted() {
    let fixture = filled().await;
    let before = Fixture::new();
    copy(fixture.path(), before.path());
    let tier = fixture.open();
    assert_eq!(remove(&tier, &key(1), fixture.tombstone(5)).await, 1);
    drop(tier);
    // The database as it was before the removal, under the count that came with it.
    fs::remove_dir_all(fixture.path().join("db")).unwrap();
    copy(&before.path().join("db"), &fixture.path().join("db"));
    let tier = fixture.open();
    assert_eq!(get(&tier, &key(1)).await, None);
    assert_eq!(tier.stats().started_over, 1);
    assert!(fixture.path().join("quarantine").exists(), "moved aside");
}
