//! A process killed in the middle of its writes: the test runs itself again as that process.

mod fixture;

use std::{
    collections::BTreeMap,
    env,
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use cache_core::{Clock, Entry, Meta, Timestamp, Tombstone, Ttl};
use cache_disk::{DiskConfig, DiskTier};
use fixture::{Fixture, entry, get, key, noise, put, remove};

const TEST: &str = "rule_57_what_was_acknowledged_survives_kill_9_whole";
const FOLDER: &str = "CACHE_DISK_KILLED_IN";
const ROUND: &str = "CACHE_DISK_ROUND";
const ROUNDS: u64 = 8;
const WRITERS: u64 = 3;
const KEYS: u64 = 40;

/// A removal now and then; else a value that its birth gives.
fn is_removal(born: u64) -> bool {
    born.is_multiple_of(5)
}

fn value(born: u64) -> Vec<u8> {
    noise(born, 200 + (born * 7919 % 16_000) as usize)
}

fn at(born: u64) -> Timestamp {
    Timestamp::from_micros(born.cast_signed())
}

fn written(born: u64) -> Entry {
    entry(&value(born), Meta::new(at(born), Ttl::new(std::time::Duration::MAX)))
}

/// Each writer has its own keys, and says before and after each write what it is about.
async fn write(tier: DiskTier, round: u64, writer: u64) {
    for step in 0.. {
        let born = (round * 1_000_000 + step) * WRITERS + writer + 1;
        let id = writer + WRITERS * (step * 31 % KEYS);
        println!("begin {id} {born}");
        if is_removal(born) {
            let tombstone = Tombstone { born: at(born), dead_at: Timestamp::MAX };
            remove(&tier, &key(id), tombstone).await;
        } else {
            put(&tier, &key(id), &written(born)).await;
        }
        println!("end {id} {born}");
    }
}

#[tokio::main]
async fn write_until_killed(folder: &str) {
    let round = env::var(ROUND).unwrap().parse().unwrap();
    let config = DiskConfig::new(folder).max_bytes(DiskConfig::MIN_BYTES).clock(Clock::manual());
    let tier = DiskTier::open(config).unwrap();
    let writers: Vec<_> =
        (0..WRITERS).map(|writer| tokio::spawn(write(tier.clone(), round, writer))).collect();
    for writer in writers {
        writer.await.unwrap();
    }
}

/// What may be found under a key: what was acknowledged last, or what was begun after that.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    ended: Option<u64>,
    begun: Option<u64>,
}

fn kill_a_writer(fixture: &Fixture, round: u64, known: &mut BTreeMap<u64, Known>) {
    let mut child = Command::new(env::current_exe().unwrap())
        .args([TEST, "--exact", "--nocapture"])
        .env(FOLDER, fixture.path())
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let limit = 60 + fastrand::u64(0..1500);
    let mut ended = 0;
    // What the pipe still holds when the writer is dead was said by it and counts.
    for line in lines {
        let words: Vec<&str> = line.split(' ').collect();
        // The test harness of the process has its say too.
        let ["begin" | "end", id, born] = words[..] else { continue };
        let (id, born) = (id.parse().unwrap(), born.parse().unwrap());
        let known: &mut Known = known.entry(id).or_default();
        if words[0] == "begin" {
            known.begun = Some(born);
        } else {
            known.ended = Some(born);
            ended += 1;
            if ended == limit {
                child.kill().unwrap();
            }
        }
    }
    child.wait().unwrap();
    assert!(ended >= limit, "the writer ended by itself after {ended} writes");
}

#[tokio::main]
async fn check(fixture: &Fixture, round: u64, known: &BTreeMap<u64, Known>) {
    let tier = fixture.open();
    for (id, known) in known {
        let found = get(&tier, &key(id)).await;
        let may_be = |born: Option<u64>| match (born, &found) {
            (None, found) => found.is_none(),
            (Some(born), None) => is_removal(born),
            (Some(born), Some(found)) => !is_removal(born) && *found == written(born),
        };
        assert!(may_be(known.ended) || may_be(known.begun), "round {round}, key {id}: {known:?}, {found:?}");
        // A removal that was acknowledged, and not followed by anything, still refuses older values.
        if let Some(born) = known.ended.filter(|born| is_removal(*born) && known.begun == known.ended) {
            put(&tier, &key(id), &written(born - 1)).await;
            assert_eq!(get(&tier, &key(id)).await, None, "round {round}, key {id} came back");
        }
    }
    let stats = tier.stats();
    assert_eq!((stats.corrupt, stats.started_over, stats.evicted), (0, 0, 0), "round {round}");
}

#[test]
fn rule_57_what_was_acknowledged_survives_kill_9_whole() {
    if let Ok(folder) = env::var(FOLDER) {
        return write_until_killed(&folder);
    }
    let fixture = Fixture::new();
    let mut known = BTreeMap::new();
    for round in 0..ROUNDS {
        kill_a_writer(&fixture, round, &mut known);
        check(&fixture, round, &known);
    }
    assert!(known.len() as u64 > WRITERS * KEYS / 2);
}
