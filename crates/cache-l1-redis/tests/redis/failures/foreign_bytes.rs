//! Foreign and damaged bytes under the cache's names.

use cache_core::{Clock, Key, Target, Tier, TierExt, Timestamp, envelope};
use redis::aio::MultiplexedConnection;
use servers::env;

use crate::fixture::{
    connect, entry, get, key, keys, namespace, raw, remove_matching, run, shared, text, tombstone,
};

struct Fixture {
    tier: cache_l1_redis::RedisTier,
    name: String,
    raw: MultiplexedConnection,
    clock: Clock,
}

impl Fixture {
    async fn new() -> Self {
        let name = namespace();
        let tier = connect(shared().namespace(&name)).await.tier();
        Self { tier, name, raw: raw(&env::redis().unwrap()).await, clock: Clock::system() }
    }

    async fn set(&mut self, key: &Key, bytes: &[u8]) {
        let name = format!("{}:{key}", self.name);
        let () = run(&mut self.raw, &[b"SET", name.as_bytes(), bytes]).await;
    }

    async fn command(&mut self, command: &str, suffix: &str, words: &[&str]) {
        let name = format!("{}:{suffix}", self.name);
        let mut all = vec![command.as_bytes(), name.as_bytes()];
        all.extend(words.iter().map(|word| word.as_bytes()));
        let _: redis::Value = run(&mut self.raw, &all).await;
    }
}

#[tokio::test]
async fn rule_53_damaged_records_are_counted_misses_and_are_unlinked() {
    let mut fixture = Fixture::new().await;
    let key = key("a");
    let whole = envelope::seal(&key, &entry("text", fixture.clock.tick()), usize::MAX).unwrap();
    let flag = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        bytes
    };
    let later = envelope::seal(&key, &entry("x", Timestamp::MAX), usize::MAX).unwrap();
    let mut cases: Vec<Vec<u8>> = (0..whole.len()).map(flag).collect();
    cases.extend((0..whole.len()).map(|len| whole[..len].to_vec()));
    cases.push([later.as_slice(), b"!"].concat());
    cases.push(vec![0xff; 100]);
    cases.push(b"tC\x01\xff".to_vec());
    // Flag 128 is no part of the envelope: the scripts mark with it what is kept for longer.
    let kept = 3;
    cases.retain(|case| case.len() <= kept || case[kept] & 128 == 0 || case[..kept] != whole[..kept]);
    let damaged = cases.len() as u64;
    for case in cases {
        fixture.set(&key, &case).await;
        assert_eq!(fixture.tier.get_one(&key).await.unwrap(), None, "{case:?}");
        let put = entry("new", fixture.clock.tick());
        fixture.tier.put_one(key.clone(), put.clone()).await.unwrap();
        assert_eq!(fixture.tier.get_one(&key).await.unwrap(), Some(put), "overwritten: {case:?}");
    }
    // One of the cases is empty, which counts as absent.
    assert!((damaged - 1..=damaged).contains(&fixture.tier.stats().corrupt), "{:?}", fixture.tier.stats());
}

#[tokio::test]
async fn rule_53_another_keys_record_is_a_miss() {
    let mut fixture = Fixture::new().await;
    let other = envelope::seal(&key("b"), &entry("b", fixture.clock.tick()), usize::MAX).unwrap();
    fixture.set(&key("a"), &other).await;
    assert_eq!(get(&fixture.tier, "a").await.unwrap(), None);
}

#[tokio::test]
async fn rule_53_what_was_put_meanwhile_is_not_unlinked_with_the_damaged() {
    let mut fixture = Fixture::new().await;
    let key = key("a");
    for _ in 0..50 {
        fixture.set(&key, b"damaged").await;
        let put = [(key.clone(), entry("new", fixture.clock.tick()))];
        let (read, put) = tokio::join!(fixture.tier.get_one(&key), fixture.tier.put(&put));
        read.unwrap();
        put.unwrap();
        assert_eq!(get(&fixture.tier, "a").await.unwrap().as_deref(), Some("new"));
    }
}

#[tokio::test]
async fn rule_55_one_bad_key_of_a_batch_harms_no_other() {
    let mut fixture = Fixture::new().await;
    let keys = keys(6);
    let put: Vec<_> = keys.iter().map(|key| (key.clone(), entry(key.id(), fixture.clock.tick()))).collect();
    let fill = async |fixture: &mut Fixture| {
        fixture.set(&keys[1], b"garbage").await;
        for (id, command, words) in [(2, "RPUSH", &["x"][..]), (4, "HSET", &["a", "b"])] {
            fixture.command("UNLINK", &keys[id].to_string(), &[]).await;
            fixture.command(command, &keys[id].to_string(), words).await;
        }
    };
    fixture.tier.put(&put).await.unwrap();
    fill(&mut fixture).await;
    let read = fixture.tier.get(&keys).await.unwrap();
    let texts: Vec<Option<String>> = read.iter().map(|entry| entry.as_ref().map(text)).collect();
    let there = |id: &str| Some(id.to_owned());
    assert_eq!(texts, [there("0"), None, None, there("3"), None, there("5")]);
    assert_eq!(fixture.tier.get_one(&keys[2]).await.unwrap(), None, "asked for alone");

    fill(&mut fixture).await;
    let put: Vec<_> = keys.iter().map(|key| (key.clone(), entry("new", fixture.clock.tick()))).collect();
    fixture.tier.put(&put).await.unwrap();
    assert!(fixture.tier.get(&keys).await.unwrap().iter().all(Option::is_some), "all are overwritten");

    fill(&mut fixture).await;
    let gone = fixture.tier.remove(Target::Keys(&keys), tombstone(fixture.clock.tick())).await.unwrap();
    assert_eq!(gone, 3, "a value that is no record is no entry");
    assert!(fixture.tier.get(&keys).await.unwrap().iter().all(Option::is_none));
}

#[tokio::test]
async fn rule_50_a_pattern_leaves_values_that_are_no_records_alone() {
    let mut fixture = Fixture::new().await;
    fixture.set(&key("theirs"), b"not a record").await;
    fixture.command("RPUSH", "k:list", &["x"]).await;
    fixture.tier.put_one(key("ours"), entry("a", fixture.clock.tick())).await.unwrap();
    assert_eq!(remove_matching(&fixture.tier, "k:*", fixture.clock.tick()).await.unwrap(), 1);
    let name = format!("{}:k:theirs", fixture.name);
    let theirs: Vec<u8> = run(&mut fixture.raw, &[b"GET", name.as_bytes()]).await;
    assert_eq!(theirs, b"not a record");
}

#[tokio::test]
async fn rule_53_a_damaged_pattern_log_refuses_more_and_never_less() {
    let mut fixture = Fixture::new().await;
    for bad in ["garbage", "RPUSH", ""] {
        let born = fixture.clock.tick();
        remove_matching(&fixture.tier, "k:a*", fixture.clock.tick()).await.unwrap();
        fixture.command("UNLINK", "!!patterns", &[]).await;
        match bad {
            "RPUSH" => fixture.command("RPUSH", "!!patterns", &["x"]).await,
            bad => fixture.command("SET", "!!patterns", &[bad]).await,
        }
        let late = fixture.tier.put_one(key("a"), entry("late", born)).await;
        assert!(bad.is_empty() || get(&fixture.tier, "a").await.unwrap().is_none(), "{bad}: {late:?}");
        fixture.tier.put_one(key("a"), entry("new", fixture.clock.tick())).await.unwrap();
        assert_eq!(get(&fixture.tier, "a").await.unwrap().as_deref(), Some("new"), "{bad}");
        fixture.command("UNLINK", "!!patterns", &[]).await;
        fixture.command("UNLINK", "k:a", &[]).await;
    }
}
