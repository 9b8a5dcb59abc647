//! Making the tables: by many nodes at once, again, of another kind, and without the permission.

use cache_core::{Clock, ErrorKind, Tier, TierExt};
use cache_l2_pg::{PgConfig, Postgres};
use tokio::task::JoinSet;

use crate::fixture::{self, at, client, entry, key};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_that_start_at_once_make_the_tables_once() {
    for round in 0..3 {
        let (table, clock) = (fixture::table(), Clock::manual());
        // In a schema that isn't there yet, either.
        let config = fixture::config().table(&table).schema(&format!("s{round}_{table}"));
        let mut nodes = JoinSet::new();
        for n in 0..8 {
            let (config, clock) = (config.clone(), clock.clone());
            nodes.spawn(async move {
                let tier = Postgres::connect(config, clock.clone()).await?.tier();
                tier.put_one(key(&n.to_string()), entry("v", at(&clock, 1))).await?;
                Ok::<_, cache_core::Error>(tier)
            });
        }
        let tiers = nodes.join_all().await;
        let tier = tiers.into_iter().map(|tier| tier.expect("started")).next().unwrap();
        let keys: Vec<_> = (0..8).map(|n| key(&n.to_string())).collect();
        assert!(tier.get(&keys).await.unwrap().iter().all(Option::is_some));
        let sql = format!("SELECT count(*), max(version) FROM s{round}_{table}.{table}_version");
        let row = client(fixture::url()).await.query_one(&sql, &[]).await.unwrap();
        assert_eq!((row.get::<_, i64>(0), row.get::<_, i32>(1)), (3, 3));
    }
}

#[tokio::test]
async fn a_table_of_an_earlier_version_is_brought_up_to_date_with_what_is_in_it() {
    let (table, clock) = (fixture::table(), Clock::manual());
    let put = entry("v", at(&clock, 1));
    let tier = fixture::open(fixture::config().table(&table), &clock).await;
    tier.put_one(key("a"), put.clone()).await.unwrap();
    drop(tier);
    let first = format!(
        "DELETE FROM {table}_version WHERE version > 1;
         ALTER TABLE {table} DROP COLUMN refused_until;
         DROP FUNCTION {table}_evict(bigint, bigint, bigint, bigint, bigint);
         DROP TABLE {table}_quotas"
    );
    client(fixture::url()).await.batch_execute(&first).await.unwrap();

    let tier = fixture::open(fixture::config().table(&table), &clock).await;
    assert_eq!(tier.get_one(&key("a")).await.unwrap(), Some(put));
    let newer = entry("w", at(&clock, 2));
    tier.put_one(key("a"), newer.clone()).await.unwrap();
    assert_eq!(tier.get_one(&key("a")).await.unwrap(), Some(newer));
}

async fn persistence(table: &str) -> i8 {
    let sql = "SELECT relpersistence FROM pg_class WHERE relname = $1";
    client(fixture::url()).await.query_one(sql, &[&table]).await.unwrap().get(0)
}

#[tokio::test]
async fn a_later_change_between_logged_and_unlogged_is_honoured() {
    let (table, clock) = (fixture::table(), Clock::manual());
    let put = entry("v", at(&clock, 1));
    for (n, logged) in [true, false, true, true].into_iter().enumerate() {
        let config = fixture::config().table(&table);
        let config = if logged { config } else { config.unlogged() };
        let tier = fixture::open(config, &clock).await;
        tier.put_one(key(&n.to_string()), put.clone()).await.unwrap();
        assert_eq!(tier.get_one(&key("0")).await.unwrap(), Some(put.clone()), "what was there is kept");
        assert_eq!(persistence(&table).await as u8, if logged { b'p' } else { b'u' });
        // A number of a pattern used twice would hide a removal.
        for of_patterns in ["patterns", "numbers"] {
            assert_eq!(persistence(&format!("{table}_{of_patterns}")).await as u8, b'p');
        }
    }
}

#[tokio::test]
async fn a_table_of_a_later_version_is_refused() {
    let (table, clock) = (fixture::table(), Clock::manual());
    fixture::open(fixture::config().table(&table), &clock).await;
    let client = client(fixture::url()).await;
    client.batch_execute(&format!("INSERT INTO {table}_version VALUES (99)")).await.unwrap();
    let error = Postgres::connect(fixture::config().table(&table), clock).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    assert!(error.to_string().contains("version 99"), "{error}");
}

#[tokio::test]
async fn a_role_that_may_only_read_and_write_is_enough_once_the_tables_are_there() {
    let (table, clock) = (fixture::table(), Clock::manual());
    let role = format!("role_{table}_{}", std::process::id());
    let admin = client(fixture::url()).await;
    admin.batch_execute(&format!("CREATE ROLE {role} LOGIN PASSWORD 'pw'")).await.unwrap();
    let (_, place) = fixture::url().split_once('@').unwrap();
    let config = || PgConfig::new(&format!("postgres://{role}:pw@{place}")).unwrap().table(&table);

    let error = Postgres::connect(config(), clock.clone()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "it may not make them: {error}");
    assert!(!format!("{error} {error:?}").contains("pw@"), "{error}");

    fixture::open(fixture::config().table(&table), &clock).await;
    let grant = format!(
        "GRANT SELECT, INSERT, UPDATE, DELETE ON {table}, {table}_patterns TO {role};
         GRANT USAGE ON SEQUENCE {table}_numbers TO {role}; GRANT SELECT ON {table}_version TO {role}"
    );
    admin.batch_execute(&grant).await.unwrap();
    let tier = fixture::open(config(), &clock).await;
    let put = entry("v", at(&clock, 1));
    tier.put_one(key("a"), put.clone()).await.unwrap();
    assert_eq!(tier.get_one(&key("a")).await.unwrap(), Some(put));
    let pattern = cache_core::Pattern::kind("quote");
    let removed =
        tier.remove(cache_core::Target::Matching(&pattern), fixture::tombstone(at(&clock, 2))).await;
    assert_eq!(removed.unwrap(), 1);
    drop(tier);
    admin.batch_execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await.unwrap();
}

#[tokio::test]
async fn names_and_settings_out_of_range_are_refused_before_anything_is_connected() {
    let config = || PgConfig::new("postgres://me:secret@203.0.113.1/nowhere").unwrap();
    let wrong = [
        config().table("a b"),
        config().schema("Public"),
        config().pool_size(0),
        config().statement_timeout(std::time::Duration::ZERO),
        config().ca_file("/nowhere.pem"),
        config().max_rows(0),
    ];
    for config in wrong {
        let error = Postgres::new(config.clone(), Clock::manual()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
        assert!(!format!("{error} {config:?}").contains("secret"));
    }
    let postgres = Postgres::new(config(), Clock::manual()).unwrap();
    assert_eq!(postgres.bus("a;b").unwrap_err().kind(), ErrorKind::Config);
    assert!(!format!("{postgres:?}").contains("secret"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_finds_no_tables_has_the_next_one_make_them() {
    let (table, clock) = (fixture::table(), Clock::manual());
    let config = fixture::config().table(&table).schema(&table);
    let tier = fixture::open(config.sweep_every(std::time::Duration::from_secs(100_000)), &clock).await;
    tier.put_one(key("a"), entry("v", at(&clock, 1))).await.unwrap();
    let admin = client(fixture::url()).await;
    admin.batch_execute(&format!("DROP SCHEMA {table} CASCADE")).await.unwrap();
    let put = entry("w", at(&clock, 2));
    assert!(tier.put_one(key("a"), put.clone()).await.is_err());
    tier.put_one(key("a"), put.clone()).await.unwrap();
    assert_eq!(tier.get_one(&key("a")).await.unwrap(), Some(put));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_that_are_dropped_under_a_tier_are_made_again() {
    let (table, clock) = (fixture::table(), Clock::manual());
    let config = fixture::config().table(&table).schema(&table);
    let tier = fixture::open(config.sweep_every(std::time::Duration::from_millis(50)), &clock).await;
    tier.put_one(key("a"), entry("v", at(&clock, 1))).await.unwrap();
    let admin = client(fixture::url()).await;
    admin.batch_execute(&format!("DROP SCHEMA {table} CASCADE")).await.unwrap();
    let put = entry("w", at(&clock, 2));
    fixture::until("the keeper notices", async || tier.put_one(key("a"), put.clone()).await.is_ok()).await;
    assert_eq!(tier.get_one(&key("a")).await.unwrap(), Some(put));

    admin.batch_execute(&format!("DROP TABLE {table}.{table}")).await.unwrap();
    let error = Postgres::connect(fixture::config().table(&table).schema(&table), clock).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "half of it is somebody's mistake: {error}");
}
