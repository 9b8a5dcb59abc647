//! Leases have one holder at a time.

use std::time::Duration;

use cache_core::{Holder, Key, Lease};
use cache_l1_redis::{RedisConfig, RedisLease};
use futures_util::future::join_all;
use servers::env;

use crate::fixture::{connect, eventually, key, keys, namespace, raw, run, shared, shared_cluster};

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(150);
const A: Holder = Holder(1);
const B: Holder = Holder(u128::MAX);

async fn holds(lease: &RedisLease, keys: &[Key], holder: Holder) -> Vec<bool> {
    lease.acquire(keys, holder, LONG).await.unwrap()
}

async fn one_holder_at_a_time(config: RedisConfig) {
    let (lease, other) = (connect(config.clone()).await.lease(), connect(config).await.lease());
    let keys = keys(100);
    assert!(holds(&lease, &[], A).await.is_empty());
    assert_eq!(holds(&lease, &keys[..50], A).await, vec![true; 50]);
    let expected: Vec<bool> = (0..100).map(|n| n >= 50).collect();
    assert_eq!(holds(&other, &keys, B).await, expected, "flags follow the keys");
    assert_eq!(holds(&lease, &keys[..50], A).await, vec![true; 50], "one's own again");

    assert_eq!(lease.renew(&keys[..50], A, LONG).await.unwrap(), vec![true; 50]);
    assert_eq!(other.renew(&keys[..50], B, LONG).await.unwrap(), vec![false; 50]);
    other.release(&keys, B).await.unwrap();
    assert_eq!(holds(&other, &keys[..50], B).await, vec![false; 50], "what others hold is not released");
    lease.release(&keys, A).await.unwrap();
    assert_eq!(holds(&other, &keys, B).await, vec![true; 100]);
}

#[tokio::test]
async fn rule_9_each_key_has_one_holder() {
    one_holder_at_a_time(shared()).await;
}

#[tokio::test]
async fn rule_9_each_key_has_one_holder_in_a_cluster() {
    one_holder_at_a_time(shared_cluster()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_9_of_many_at_once_one_gets_it() {
    let lease = connect(shared()).await.lease();
    for round in 0..20 {
        let asked = (0..50).map(|holder| {
            let lease = lease.clone();
            tokio::spawn(async move { holds(&lease, &[key(&round.to_string())], Holder(holder)).await[0] })
        });
        let got = join_all(asked).await.into_iter().filter(|got| *got.as_ref().unwrap()).count();
        assert_eq!(got, 1);
    }
}

#[tokio::test]
async fn rule_10_a_lease_lapses_and_is_not_renewed_after_that() {
    let lease = connect(shared()).await.lease();
    let keys = [key("a")];
    assert_eq!(lease.acquire(&keys, A, SHORT).await.unwrap(), [true]);
    assert_eq!(holds(&lease, &keys, B).await, [false]);
    eventually("it lapses", async || holds(&lease, &keys, B).await == [true]).await;
    assert_eq!(lease.renew(&keys, A, LONG).await.unwrap(), [false]);
    lease.release(&keys, A).await.unwrap();
    assert_eq!(lease.renew(&keys, B, LONG).await.unwrap(), [true], "it is another's now");
}

#[tokio::test]
async fn rule_10_renewing_extends() {
    let lease = connect(shared()).await.lease();
    let keys = [key("a")];
    lease.acquire(&keys, A, SHORT).await.unwrap();
    assert_eq!(lease.renew(&keys, A, LONG).await.unwrap(), [true]);
    tokio::time::sleep(2 * SHORT).await;
    assert_eq!(holds(&lease, &keys, B).await, [false]);
}

#[tokio::test]
async fn rule_53_a_value_without_expiry_is_no_lease() {
    let name = namespace();
    let lease = connect(shared().namespace(&name)).await.lease();
    let mut raw = raw(&env::redis().unwrap()).await;
    let called = |id: &str| format!("{name}:!!lease:k:{id}");
    let () = run(&mut raw, &[b"SET", called("a").as_bytes(), b"theirs"]).await;
    let _: i64 = run(&mut raw, &[b"RPUSH", called("b").as_bytes(), b"theirs"]).await;
    let keys = [key("a"), key("b")];
    assert_eq!(lease.renew(&keys, A, LONG).await.unwrap(), [false, false]);
    assert_eq!(holds(&lease, &keys, A).await, [true, true]);
    assert_eq!(holds(&lease, &keys, B).await, [false, false]);
}
