//! The plans of the tier's own statements on a table of 50,000 rows: each finds its rows by an index.
//!
//! The server itself explains every statement that it ran, in its log.

use std::time::Duration;

use cache_core::{Clock, Key, Pattern, Target, Tier};
use servers::{Postgres, PostgresOptions};

use crate::fixture;

const ROWS: u32 = 50_000;

/// A server that explains in its log.
fn server() -> Postgres {
    let config = [
        "session_preload_libraries = 'auto_explain'",
        "auto_explain.log_min_duration = 0",
        "auto_explain.log_nested_statements = on",
        "autovacuum = off",
    ];
    let config = config.map(str::to_owned).to_vec();
    Postgres::start_with(&PostgresOptions { config, ..PostgresOptions::default() }).expect("a server")
}

/// The plans in a log, each as text of query and plan: every line but the first of an entry begins with a
/// tab.
fn plans(log: &str) -> Vec<String> {
    let mut plans: Vec<String> = Vec::new();
    for line in log.lines() {
        match line.strip_prefix('\t') {
            Some(more) => {
                if let Some(plan) = plans.last_mut() {
                    plan.push_str(more);
                    plan.push('\n');
                }
            }
            None => plans.push(String::new()),
        }
    }
    plans.retain(|plan| plan.starts_with("Query Text:"));
    plans
}

/// What the server explained while `work` ran.
async fn explained(server: &Postgres, work: impl Future) -> Vec<String> {
    let before = plans(&server.log()).len();
    work.await;
    plans(&server.log()).split_off(before)
}

/// Checks that statements with `mark` in them were run, and found rows by `index` without reading the table.
/// Prints their plans: `cargo test ... plans -- --nocapture` shows them.
fn uses(plans: &[String], mark: &str, index: &str) {
    let of_it: Vec<&String> = plans.iter().filter(|plan| plan.contains(mark)).collect();
    assert!(!of_it.is_empty(), "no statement with {mark:?} among {plans:#?}");
    println!("{}\n", without_arrays(of_it[0]));
    for plan in of_it {
        assert!(!plan.contains("Seq Scan on c ") && plan.contains(index), "not by {index}: {plan}");
    }
}

/// A plan with `'{...}'` in place of the keys that it was given.
fn without_arrays(plan: &str) -> String {
    let mut parts = plan.split("'{");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + "'{...}'" + part.split_once("}'").map_or("", |(_, rest)| rest))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_statement_finds_its_rows_by_an_index() {
    let server = server();
    let clock = Clock::manual();
    let config = fixture::config_at(&server.url()).table("c").max_rows(u64::from(ROWS));
    let tier = fixture::open(config, &clock).await;
    let keys = fixture::keys(0..ROWS);
    for (n, page) in keys.chunks(5000).enumerate() {
        let entry = |key: &Key| {
            let life = Duration::from_secs(1000 + key.hash() % 100_000);
            (key.clone(), fixture::living(&format!("{n} {key}").repeat(20), fixture::at(&clock, 1), life))
        };
        tier.put(&page.iter().map(entry).collect::<Vec<_>>()).await.unwrap();
    }
    server.sql("VACUUM ANALYZE c").unwrap();

    let some: Vec<Key> = keys.iter().step_by(500).cloned().collect();
    let seen = explained(&server, tier.get(&some)).await;
    uses(&seen, "WHERE key = ANY", "c_pkey");

    let put: Vec<_> =
        some.iter().map(|key| (key.clone(), fixture::entry("b", fixture::at(&clock, 2)))).collect();
    let seen = explained(&server, tier.put(&put)).await;
    uses(&seen, "ON CONFLICT (key) DO UPDATE", "Conflict Arbiter Indexes: c_pkey");
    uses(&seen, "WHERE held.born < excluded.born", "One-Time Filter");

    let seen =
        explained(&server, tier.remove(Target::Keys(&some), fixture::tombstone(fixture::at(&clock, 3))))
            .await;
    uses(&seen, "AS held (key, rest, born, dead_at)\n", "c_pkey");

    let by_prefix = Pattern::starting_with("quote:12");
    let tombstone = fixture::tombstone(fixture::at(&clock, 4));
    let seen = explained(&server, tier.remove(Target::Matching(&by_prefix), tombstone)).await;
    uses(&seen, "OFFSET $3 LIMIT 1", "c_pkey");
    uses(&seen, "DELETE FROM \"public\".\"c\" WHERE", "c_pkey");

    let by_glob = Pattern::glob("quote:3*7").unwrap();
    let seen = explained(&server, tier.remove(Target::Matching(&by_glob), tombstone)).await;
    uses(&seen, "SELECT key, rest FROM", "c_pkey");
    uses(&seen, "WHERE key = ANY", "c_pkey");

    clock.advance(Duration::from_secs(2000));
    let seen = explained(&server, tier.sweep(clock.now())).await;
    uses(&seen, "FOR UPDATE SKIP LOCKED", "c_by_death");

    let more: Vec<_> = fixture::keys(ROWS..ROWS + 8000)
        .into_iter()
        .map(|key| (key, fixture::entry("c", fixture::at(&clock, 5))))
        .collect();
    server.sql("VACUUM ANALYZE c").unwrap();
    let seen = explained(&server, async {
        tier.put(&more).await.unwrap();
        fixture::until("the keeper made room", async || tier.stats().evicted > 0).await;
    })
    .await;
    uses(&seen, "sum(size), 0)", "c_by_death");
    uses(&seen, "ORDER BY minute LIMIT 1000 FOR UPDATE SKIP LOCKED", "c_by_death");
}
