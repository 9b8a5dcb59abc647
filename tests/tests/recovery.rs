//! Recovery: what a cache over disk still holds after it was stopped, killed or damaged.

use std::{
    collections::BTreeMap,
    env, fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use cache_core::{Clock, ErrorKind, Fetched, Tag, Ttl};
use cache_disk::{DiskConfig, DiskTier};
use cache_facade::{Cache, Region, Source};
use tempfile::TempDir;
use tests::{ScriptedLoader, settle, soon};
use tokio::runtime::Builder;

async fn open(folder: &Path, clock: &Clock) -> (Cache, Region<String>, ScriptedLoader<String>) {
    let tier = DiskTier::open(DiskConfig::new(folder).clock(clock.clone())).expect("it opens");
    let cache = Cache::builder().clock(clock.clone()).tier(tier).build().await.unwrap();
    let source = ScriptedLoader::versions();
    let region = cache.region::<String>("price").ttl(Ttl::new(Duration::from_secs(3600)));
    let region = region.loader(source.clone()).open().unwrap();
    (cache, region, source)
}

/// Stops a cache as a service does, and lets go of its folder.
async fn stop(cache: Cache, region: Region<String>) {
    cache.shutdown(Duration::from_secs(30)).await.unwrap();
    drop((cache, region));
}

#[tokio::test]
async fn rule_84_after_a_restart_what_was_marked_is_stale_and_nothing_else_is() {
    for way in 0..5 {
        let (folder, clock) = (TempDir::new().unwrap(), Clock::manual());
        let (cache, region, _) = open(folder.path(), &clock).await;
        region.put("marked", Fetched::new("old".to_owned()).tag("tech")).await.unwrap();
        match way {
            0 => region.mark_stale("marked").await,
            1 => cache.mark_stale("tech").await,
            2 => cache.mark_matching_stale("price:ma*").await,
            3 => region.mark_all_stale().await,
            _ => cache.mark_all_stale().await,
        }
        .unwrap();
        region.put("later", Fetched::new("later".to_owned()).tag("tech")).await.unwrap();
        stop(cache, region).await;

        let (cache, region, source) = open(folder.path(), &clock).await;
        source.fail(ErrorKind::Unavailable);
        for (id, value, stale) in [("marked", "old", true), ("later", "later", false)] {
            let found = region.lookup(id).await.unwrap();
            assert_eq!((found.value.unwrap().as_str(), found.stale), (value, stale), "{way}");
            assert_eq!(found.source, Source::Tier("disk"), "{way}");
        }
        source.recover();
        clock.advance(Duration::from_secs(6));
        for _ in 0..3 {
            region.get("marked").await.unwrap();
            clock.advance(Duration::from_millis(200));
            settle().await;
        }
        assert!(!region.lookup("marked").await.unwrap().stale, "{way}: loaded");
        stop(cache, region).await;
    }
}

#[tokio::test]
async fn rule_57_after_a_restart_disk_answers_and_what_was_ended_stays_so() {
    let (folder, clock) = (TempDir::new().unwrap(), Clock::manual());
    let (cache, region, source) = open(folder.path(), &clock).await;
    let tag = Tag::new("tech").unwrap();
    for id in ["kept", "removed"] {
        region.get(id).await.unwrap();
    }
    region.put("tagged", Fetched::new("tagged".to_owned()).tag(tag.clone())).await.unwrap();
    region.put("put", "put".to_owned()).await.unwrap();
    region.remove("removed").await.unwrap();
    cache.invalidate(&tag).await.unwrap();
    let other = cache.region::<String>("other").open().unwrap();
    other.put("cleared", "cleared".to_owned()).await.unwrap();
    other.clear().await.unwrap();
    assert_eq!(source.calls(), 2);
    drop(other);
    stop(cache, region).await;

    let (cache, region, source) = open(folder.path(), &clock).await;
    for (id, value) in [("kept", "kept@1"), ("put", "put")] {
        let found = region.lookup(id).await.unwrap();
        assert_eq!((found.value.unwrap().as_str(), found.source), (value, Source::Tier("disk")));
    }
    assert_eq!(source.calls(), 0);
    for id in ["removed", "tagged"] {
        assert_eq!(*region.get(id).await.unwrap().unwrap(), format!("{id}@1"), "loaded anew");
    }
    let other = cache.region::<String>("other").open().unwrap();
    assert_eq!(soon(other.get("cleared")).await.unwrap(), None);
}

#[tokio::test]
async fn rule_57_a_shutdown_waits_for_loads_under_way_and_their_writes() {
    let (folder, clock) = (TempDir::new().unwrap(), Clock::manual());
    let (cache, region, source) = open(folder.path(), &clock).await;
    let gate = source.gate();
    let caller = tokio::spawn({
        let region = region.clone();
        async move { region.get("AAPL").await.unwrap() }
    });
    gate.reached(1).await;
    let shutdown = tokio::spawn({
        let cache = cache.clone();
        async move { cache.shutdown(Duration::from_secs(30)).await }
    });
    settle().await;
    assert!(!shutdown.is_finished());
    assert!(region.get("MSFT").await.is_err(), "no new load begins");
    gate.open();
    assert_eq!(caller.await.unwrap().as_deref().map(String::as_str), Some("AAPL@1"));
    shutdown.await.unwrap().unwrap();
    drop((cache, region));

    let (_cache, region, source) = open(folder.path(), &clock).await;
    assert_eq!(region.get("AAPL").await.unwrap().as_deref().map(String::as_str), Some("AAPL@1"));
    assert_eq!(source.calls(), 0);
}

const CHILD: &str = "TESTS_RECOVERY_FOLDER";
const KEYS: u64 = 40;

/// A value that says which it is, all over: half of one and half of another can't pass for whole.
fn whole(key: u64, version: u64) -> String {
    format!("{key}:{version};").repeat(200)
}

/// The child's work until it is killed: rounds of puts and removals, each reported once it is done.
#[test]
fn rule_57_child_that_writes_until_it_is_killed() {
    let Some(folder) = env::var_os(CHILD).map(PathBuf::from) else { return };
    Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(async {
        let (_cache, region, _) = open(&folder, &Clock::system()).await;
        let begin = fs::read_dir(&folder).map_or(0, |_| u64::from(std::process::id())) * 1_000_000;
        for version in begin.. {
            let key = (version * 7) % KEYS;
            let said = if version % 5 == 4 {
                region.remove(&key.to_string()).await.unwrap();
                format!("removed {key} {version}")
            } else {
                region.put(&key.to_string(), whole(key, version)).await.unwrap();
                format!("put {key} {version}")
            };
            let mut out = std::io::stdout().lock();
            writeln!(out, "{said}").and_then(|()| out.flush()).unwrap();
        }
    });
}

fn child(folder: &Path) -> Child {
    let name = "rule_57_child_that_writes_until_it_is_killed";
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", name, "--nocapture"]).env(CHILD, folder);
    command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("a child")
}

#[tokio::test]
async fn rule_57_killed_in_the_middle_of_writes_it_opens_and_serves_only_what_is_whole() {
    let folder = TempDir::new().unwrap();
    // Of each key: what was done last, and whether that was a put.
    let mut last: BTreeMap<u64, (u64, bool)> = BTreeMap::new();
    for round in 0..4 {
        let mut child = child(folder.path());
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut done = 0;
        for line in lines {
            let Ok(line) = line else { break };
            let words: Vec<&str> = line.split(' ').collect();
            let [what @ ("put" | "removed"), key, version] = words[..] else { continue };
            last.insert(key.parse().unwrap(), (version.parse().unwrap(), what == "put"));
            done += 1;
            if done == 150 + 37 * round {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(done >= 150, "the child did something: {done}");

        let (cache, region, source) = open(folder.path(), &Clock::system()).await;
        source.fail(cache_core::ErrorKind::Load);
        for (key, (version, put)) in &last {
            let found = region.get(&key.to_string()).await.ok().flatten();
            // One more step may have been done and not said.
            let next = last.values().map(|(version, _)| *version).max().unwrap() + 1;
            let could_be_next = (next * 7) % KEYS == *key;
            match found {
                Some(value) if could_be_next && *value == whole(*key, next) => {}
                None if could_be_next && next % 5 == 4 => {}
                Some(value) => {
                    assert!(*put && *value == whole(*key, *version), "{key}: {value:.40}, last {version}")
                }
                None => assert!(!*put, "{key}: version {version} was put and is lost"),
            }
        }
        drop((cache, region));
    }
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[tokio::test]
async fn rule_53_whatever_file_is_damaged_it_opens_and_serves_no_wrong_value() {
    let clock = Clock::manual();
    for damage in ["flip", "truncate", "zero"] {
        let folder = TempDir::new().unwrap();
        let (cache, region, _) = open(folder.path(), &clock).await;
        region.put_many((0..KEYS).map(|key| (key.to_string(), whole(key, 1)))).await.unwrap();
        stop(cache, region).await;
        let intact: Vec<(PathBuf, Vec<u8>)> =
            files(folder.path()).into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect();
        for (path, bytes) in intact.iter().filter(|(_, bytes)| !bytes.is_empty()) {
            // From the intact state, one file damaged at a time.
            fs::remove_dir_all(folder.path()).unwrap();
            for (path, bytes) in &intact {
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, bytes).unwrap();
            }
            let mut damaged = bytes.clone();
            let middle = damaged.len() / 2;
            match damage {
                "flip" => damaged[middle] ^= 0x10,
                "truncate" => damaged.truncate(middle),
                _ => damaged.fill(0),
            }
            fs::write(path, damaged).unwrap();
            let what = format!("{damage} of {}", path.strip_prefix(folder.path()).unwrap().display());

            let (cache, region, _) = open(folder.path(), &clock).await;
            for key in 0..KEYS {
                let value = region.get(&key.to_string()).await.unwrap().unwrap();
                let known = [whole(key, 1), format!("{key}@1")];
                assert!(known.contains(&value), "{what}: {key} is {value:.40}");
            }
            region.put("after", "after".to_owned()).await.unwrap();
            stop(cache, region).await;
            let (cache, region, _) = open(folder.path(), &clock).await;
            assert_eq!(*region.get("after").await.unwrap().unwrap(), "after", "{what}: it works on");
            stop(cache, region).await;
        }
    }
}
