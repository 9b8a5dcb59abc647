//! Pending writes: one that the server always refuses, and more than the queue holds.

use std::time::Duration;

use nodes::Backend;
use servers::{Redis, RedisOptions};
use tokio::task::block_in_place;

use crate::fixture::{config, get, held, node, pending, shared, source, until, with_proxy};

/// Makes PostgreSQL refuse a key as if there were no room for it, which may pass.
const POISON: &str = "
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF position('poison'::bytea IN NEW.key) > 0 THEN
            RAISE EXCEPTION 'no room' USING ERRCODE = 'disk_full';
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON cache_entries FOR EACH ROW EXECUTE FUNCTION refuse()";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_42_an_item_that_postgres_always_refuses_holds_up_no_other_and_is_given_up_in_the_end() {
    let database = block_in_place(servers::env::postgres_database).unwrap();
    let config = config(Backend::Redis, &shared(Backend::Redis).redis, &database);
    let (proxy, behind) = with_proxy(&config, Backend::Postgres);
    let a = node(&behind, &source()).await;
    a.region.put("first", 1).await.unwrap();
    let (client, connection) = tokio_postgres::connect(&database, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute(POISON).await.unwrap();

    proxy.cut();
    for n in 0..20 {
        a.region.put(&n.to_string(), n).await.unwrap();
    }
    a.region.put("poison", 1).await.unwrap();
    for n in 20..40 {
        a.region.put(&n.to_string(), n).await.unwrap();
    }
    assert_eq!(pending(&a, Backend::Postgres), 41);
    proxy.restore();
    until("the others are told", async || pending(&a, Backend::Postgres) == 1).await;
    for n in 0..40 {
        assert_eq!(held(&a, Backend::Postgres, &n.to_string()).await, Some(n));
    }
    until("it is given up", async || pending(&a, Backend::Postgres) == 0).await;
    let lost: Vec<u64> = a.cache.stats().tiers.iter().map(|tier| tier.lost).collect();
    assert_eq!(lost, [0, 1]);
    assert_eq!(get(&a, "poison").await, Some(1), "memory and the other tier have it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_43_what_is_pending_to_a_killed_redis_is_bounded_and_told_once_it_is_back() {
    let mut server = block_in_place(|| Redis::start(&RedisOptions::default())).unwrap();
    let config = config(Backend::Postgres, &server.url(), &shared(Backend::Postgres).postgres);
    let a = node(&config, &source()).await;
    block_in_place(|| server.kill());
    for batch in 0..22 {
        a.region.put_many((0..500).map(|n| (format!("{batch}/{n}"), 1))).await.unwrap();
    }
    a.region.remove("removed").await.unwrap();
    assert_eq!(pending(&a, Backend::Redis), 10_000);
    assert_eq!(a.cache.stats().tiers[0].lost, 1001, "an entry goes before a removal does");
    block_in_place(|| server.restart()).unwrap();
    let took = until("it is told", async || pending(&a, Backend::Redis) == 0).await;
    println!("10,000 items were told to Redis {took:.1?} after its restart");
    assert!(took < Duration::from_secs(20), "{took:?}");
}
