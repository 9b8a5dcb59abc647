//! Bytes that are none of ours, under our names.

use cache_core::{Clock, Key, Target, Tier, TierExt, Timestamp, envelope};
use redis::aio::MultiplexedConnection;
use servers::env;

use crate::fixture::{
    ask, connect, entry, get, key, keys, namespace, raw, remove_matching, shared, text, tombstone,
};

struct Scene {
    tier: cache_l1_redis::RedisTier,
    name: String,
    raw: MultiplexedConnection,
    clock: Clock,
}

impl Scene {
    async fn new() -> Self {
        let name = namespace();
        let tier = connect(shared().namespace(&name)).await.tier();
        Self { tier, name, raw: raw(&env::redis().unwrap()).await, clock: Clock::system() }
    }

    async fn set(&mut self, key: &Key, bytes: &[u8]) {
        let name = format!("{}:{key}", self.name);
        let () = ask(&mut self.raw, &[b"SET", name.as_bytes(), bytes]).await;
    }

    async fn command(&mut self, command: &str, suffix: &str, words: &[&str]) {
        let name = format!("{}:{suffix}", self.name);
        let mut all = vec![command.as_bytes(), name.as_bytes()];
        all.extend(words.iter().map(|word| word.as_bytes()));
        let _: redis::Value = ask(&mut self.raw, &all).await;
    }
}

#[tokio::test]
async fn rule_53_damaged_records_are_misses_counted_and_make_way() {
    let mut scene = Scene::new().await;
    let key = key("a");
    let whole = envelope::seal(&key, &entry("text", scene.clock.tick()), usize::MAX).unwrap();
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
    // Flag 128 is not the record's: it says how long something is kept.
    let kept = 3;
    cases.retain(|case| case.len() <= kept || case[kept] & 128 == 0 || case[..kept] != whole[..kept]);
    let damaged = cases.len() as u64;
    for case in cases {
        scene.set(&key, &case).await;
        assert_eq!(scene.tier.get_one(&key).await.unwrap(), None, "{case:?}");
        let put = entry("new", scene.clock.tick());
        scene.tier.put_one(key.clone(), put.clone()).await.unwrap();
        assert_eq!(scene.tier.get_one(&key).await.unwrap(), Some(put), "overwritten: {case:?}");
    }
    // One was empty, as good as nothing.
    assert!((damaged - 1..=damaged).contains(&scene.tier.stats().corrupt), "{:?}", scene.tier.stats());
}

#[tokio::test]
async fn rule_53_another_keys_record_is_a_miss() {
    let mut scene = Scene::new().await;
    let other = envelope::seal(&key("b"), &entry("b", scene.clock.tick()), usize::MAX).unwrap();
    scene.set(&key("a"), &other).await;
    assert_eq!(get(&scene.tier, "a").await.unwrap(), None);
}

#[tokio::test]
async fn rule_53_what_came_meanwhile_is_not_dropped_with_the_damaged() {
    let mut scene = Scene::new().await;
    let key = key("a");
    for _ in 0..50 {
        scene.set(&key, b"damaged").await;
        let put = [(key.clone(), entry("new", scene.clock.tick()))];
        let (read, put) = tokio::join!(scene.tier.get_one(&key), scene.tier.put(&put));
        read.unwrap();
        put.unwrap();
        assert_eq!(get(&scene.tier, "a").await.unwrap().as_deref(), Some("new"));
    }
}

#[tokio::test]
async fn rule_55_one_bad_key_of_a_batch_harms_no_other() {
    let mut scene = Scene::new().await;
    let keys = keys(6);
    let put: Vec<_> = keys.iter().map(|key| (key.clone(), entry(key.id(), scene.clock.tick()))).collect();
    let fill = async |scene: &mut Scene| {
        scene.set(&keys[1], b"garbage").await;
        for (id, command, words) in [(2, "RPUSH", &["x"][..]), (4, "HSET", &["a", "b"])] {
            scene.command("UNLINK", &keys[id].to_string(), &[]).await;
            scene.command(command, &keys[id].to_string(), words).await;
        }
    };
    scene.tier.put(&put).await.unwrap();
    fill(&mut scene).await;
    let read = scene.tier.get(&keys).await.unwrap();
    let texts: Vec<Option<String>> = read.iter().map(|entry| entry.as_ref().map(text)).collect();
    let there = |id: &str| Some(id.to_owned());
    assert_eq!(texts, [there("0"), None, None, there("3"), None, there("5")]);
    assert_eq!(scene.tier.get_one(&keys[2]).await.unwrap(), None, "asked for alone");

    fill(&mut scene).await;
    let put: Vec<_> = keys.iter().map(|key| (key.clone(), entry("new", scene.clock.tick()))).collect();
    scene.tier.put(&put).await.unwrap();
    assert!(scene.tier.get(&keys).await.unwrap().iter().all(Option::is_some), "all are overwritten");

    fill(&mut scene).await;
    let gone = scene.tier.remove(Target::Keys(&keys), tombstone(scene.clock.tick())).await.unwrap();
    assert_eq!(gone, 3, "what is no record of ours is no entry");
    assert!(scene.tier.get(&keys).await.unwrap().iter().all(Option::is_none));
}

#[tokio::test]
async fn rule_50_a_pattern_leaves_what_is_no_record_to_its_owner() {
    let mut scene = Scene::new().await;
    scene.set(&key("theirs"), b"not a record").await;
    scene.command("RPUSH", "k:list", &["x"]).await;
    scene.tier.put_one(key("ours"), entry("a", scene.clock.tick())).await.unwrap();
    assert_eq!(remove_matching(&scene.tier, "k:*", scene.clock.tick()).await.unwrap(), 1);
    let name = format!("{}:k:theirs", scene.name);
    let theirs: Vec<u8> = ask(&mut scene.raw, &[b"GET", name.as_bytes()]).await;
    assert_eq!(theirs, b"not a record");
}

#[tokio::test]
async fn rule_53_a_hostile_list_of_patterns_refuses_more_and_never_less() {
    let mut scene = Scene::new().await;
    for bad in ["garbage", "RPUSH", ""] {
        let born = scene.clock.tick();
        remove_matching(&scene.tier, "k:a*", scene.clock.tick()).await.unwrap();
        scene.command("UNLINK", "!!patterns", &[]).await;
        match bad {
            "RPUSH" => scene.command("RPUSH", "!!patterns", &["x"]).await,
            bad => scene.command("SET", "!!patterns", &[bad]).await,
        }
        let late = scene.tier.put_one(key("a"), entry("late", born)).await;
        assert!(bad.is_empty() || get(&scene.tier, "a").await.unwrap().is_none(), "{bad}: {late:?}");
        scene.tier.put_one(key("a"), entry("new", scene.clock.tick())).await.unwrap();
        assert_eq!(get(&scene.tier, "a").await.unwrap().as_deref(), Some("new"), "{bad}");
        scene.command("UNLINK", "!!patterns", &[]).await;
        scene.command("UNLINK", "k:a", &[]).await;
    }
}
