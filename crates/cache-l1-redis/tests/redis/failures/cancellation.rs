//! Cancelled calls: many tasks share one connection, and some drop their calls midway.

use std::{sync::Arc, time::Duration};

use cache_core::{Clock, Tier, TierExt};
use futures_util::future::join_all;
use tokio::time::timeout;

use crate::fixture::{connect, entry, keys, raw, run, server, shared, text};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_60_calls_dropped_at_any_moment_mix_up_no_replies() {
    let tier = connect(shared()).await.tier();
    let clock = Clock::system();
    let keys = Arc::new(keys(200));
    let put: Vec<_> = keys.iter().map(|key| (key.clone(), entry(key.id(), clock.tick()))).collect();
    tier.put(&put).await.unwrap();
    let tasks = (0..8_u64).map(|seed| {
        let (tier, keys, clock) = (tier.clone(), keys.clone(), clock.clone());
        tokio::spawn(async move {
            let mut random = fastrand::Rng::with_seed(seed);
            let mut answered = 0;
            for _ in 0..1500 {
                let at = random.usize(..keys.len() - 10);
                let limit = Duration::from_micros(random.u64(0..400));
                match random.u8(..3) {
                    0 => {
                        let call = tier.get_one(&keys[at]);
                        if let Ok(answer) = timeout(limit, call).await {
                            assert_eq!(text(&answer.unwrap().unwrap()), keys[at].id());
                            answered += 1;
                        }
                    }
                    1 => {
                        let call = tier.get(&keys[at..at + 10]);
                        if let Ok(answers) = timeout(limit, call).await {
                            let texts: Vec<String> = answers.unwrap().iter().flatten().map(text).collect();
                            assert!(
                                texts.iter().eq(keys[at..at + 10].iter().map(|key| key.id())),
                                "{texts:?}"
                            );
                            answered += 1;
                        }
                    }
                    _ => {
                        let entries = [(keys[at].clone(), entry(keys[at].id(), clock.tick()))];
                        let _ = timeout(limit, tier.put(&entries)).await;
                    }
                }
            }
            answered
        })
    });
    let answered: i32 = join_all(tasks).await.into_iter().map(Result::unwrap).sum();
    assert!(answered > 0, "some were not dropped");
    let all = tier.get(&keys).await.unwrap();
    assert!(all.iter().zip(&*keys).all(|(answer, key)| text(answer.as_ref().unwrap()) == key.id()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_61_a_thousand_reads_at_once_share_one_connection() {
    let server = server();
    let config = cache_l1_redis::RedisConfig::single(&server.url()).unwrap();
    let tier = connect(config.response_timeout(Duration::from_secs(5))).await.tier();
    let clock = Clock::system();
    let keys = keys(1000);
    let put: Vec<_> = keys.iter().map(|key| (key.clone(), entry(key.id(), clock.tick()))).collect();
    tier.put(&put).await.unwrap();
    let reads = keys.into_iter().map(|key| {
        let tier = tier.clone();
        tokio::spawn(async move { (key.clone(), tier.get_one(&key).await.unwrap().unwrap()) })
    });
    for read in join_all(reads).await {
        let (key, entry) = read.unwrap();
        assert_eq!(text(&entry), key.id());
    }
    let mut raw = raw(&server.url()).await;
    let clients: String = run(&mut raw, &[b"CLIENT", b"LIST"]).await;
    assert_eq!(clients.lines().count(), 2, "the tier's and this one: {clients}");
}
