//! The lease by advisory locks: within a process, between nodes, and when one of them dies or hangs.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use cache_core::{Clock, Holder, Lease};
use cache_l2_pg::{PgConfig, PgLease, Postgres};
use tokio::{
    task::{JoinSet, block_in_place},
    time::sleep,
};

use crate::fixture::{self, client, key, keys, until};

const SPAN: Duration = Duration::from_secs(30);
const A: Holder = Holder(1);
const B: Holder = Holder(2);

/// The variable by which a child of this test is told what to hold.
const CHILD: &str = "CACHE_LEASE_TEST_URL";
const TABLE: &str = "lease_between_processes";

fn lease(table: &str, clock: &Clock) -> PgLease {
    Postgres::new(fixture::config().table(table), clock.clone()).unwrap().lease()
}

#[tokio::test]
async fn a_key_is_held_by_one_at_a_time_of_all_nodes_and_of_all_within_one() {
    let (clock, table) = (Clock::manual(), fixture::table());
    let (here, there) = (lease(&table, &clock), lease(&table, &clock));
    let k = keys(0..4);
    assert_eq!(here.acquire(&k[..2], A, SPAN).await.unwrap(), [true, true]);
    assert_eq!(here.acquire(&k[..3], A, SPAN).await.unwrap(), [true, true, true], "which may be from before");
    assert_eq!(
        here.acquire(&k, B, SPAN).await.unwrap(),
        [false, false, false, true],
        "another of this process"
    );
    assert_eq!(there.acquire(&k, B, SPAN).await.unwrap(), [false; 4], "of one name, on another node");
    assert_eq!(there.renew(&k, A, SPAN).await.unwrap(), [false; 4]);
    there.release(&k, A).await.unwrap();
    assert_eq!(here.renew(&k, A, SPAN).await.unwrap(), [true, true, true, false], "nobody else gave them up");

    here.release(&[k[0].clone(), k[3].clone()], A).await.unwrap();
    assert_eq!(here.renew(&k, B, SPAN).await.unwrap(), [false, false, false, true], "only what was A's");
    assert_eq!(there.acquire(&k, B, SPAN).await.unwrap(), [true, false, false, false]);
    assert_eq!(here.acquire(&[k[0].clone(), k[0].clone()], A, SPAN).await.unwrap(), [false, false]);
    let other_table = lease(&fixture::table(), &clock);
    assert_eq!(other_table.acquire(&k, A, SPAN).await.unwrap(), [true; 4], "of another cache");
    assert!(here.acquire(&[], A, SPAN).await.unwrap().is_empty());
}

#[tokio::test]
async fn rule_10_a_lease_lapses_when_its_span_is_over_and_is_prolonged_by_renewal() {
    let (clock, table) = (Clock::manual(), fixture::table());
    let (here, there) = (lease(&table, &clock), lease(&table, &clock));
    let k = keys(0..2);
    assert_eq!(here.acquire(&k, A, SPAN).await.unwrap(), [true, true]);
    clock.advance(SPAN / 2);
    assert_eq!(here.renew(&k[..1], A, SPAN).await.unwrap(), [true]);
    clock.advance(SPAN / 2);
    assert_eq!(here.renew(&k, A, SPAN).await.unwrap(), [true, false], "the second lapsed");
    until("the lock is given up", async || there.acquire(&k, B, SPAN).await.unwrap() == [false, true]).await;
    clock.advance(SPAN);
    // Within the process, too, a lapsed one can be had at once.
    assert_eq!(here.acquire(&k[..1], B, SPAN).await.unwrap(), [true]);
    assert_eq!(here.renew(&k[..1], A, SPAN).await.unwrap(), [false]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_9_of_many_that_ask_at_once_one_gets_each_key() {
    let (clock, table) = (Clock::manual(), fixture::table());
    let nodes = [lease(&table, &clock), lease(&table, &clock)];
    let mut tasks = JoinSet::new();
    for n in 0..16_u128 {
        let node = nodes[n as usize % 2].clone();
        tasks.spawn(async move { node.acquire(&keys(0..40), Holder(n), SPAN).await.unwrap() });
    }
    let granted = tasks.join_all().await;
    for at in 0..40 {
        assert_eq!(granted.iter().filter(|granted| granted[at]).count(), 1, "{at}");
    }
}

#[tokio::test]
async fn rule_60_an_acquisition_that_is_dropped_half_way_lapses() {
    let (clock, table) = (Clock::manual(), fixture::table());
    let (here, there) = (lease(&table, &clock), lease(&table, &clock));
    here.acquire(&keys(50..51), A, SPAN * 10).await.unwrap();
    let k = keys(0..5);
    for polls in 0..5 {
        let call = here.acquire(&k, A, SPAN);
        let _ = tokio::time::timeout(Duration::from_micros(200 * polls), call).await;
    }
    // Whatever came of them is over with the span, since nobody renews it.
    until("it is noted", async || here.renew(&k, A, SPAN).await.unwrap() == [true; 5]).await;
    clock.advance(SPAN);
    until("all can be had", async || there.acquire(&k, B, SPAN).await.unwrap() == [true; 5]).await;
    assert_eq!(here.renew(&keys(50..51), A, SPAN).await.unwrap(), [true]);
}

#[tokio::test]
async fn with_the_connection_all_is_lost_and_said_to_be() {
    let url = servers::env::postgres_database().unwrap();
    let (clock, table) = (Clock::manual(), fixture::table());
    let lease = || Postgres::new(fixture::config_at(&url).table(&table), clock.clone()).unwrap().lease();
    let (here, there) = (lease(), lease());
    let k = keys(0..3);
    assert_eq!(here.acquire(&k, A, SPAN).await.unwrap(), [true; 3]);
    let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'cache-l2-pg' AND datname = current_database()";
    client(&url).await.query(kill, &[]).await.unwrap();
    assert_eq!(here.renew(&k, A, SPAN).await.unwrap(), [false; 3]);
    until("another node has them", async || {
        there.acquire(&k, B, SPAN).await.is_ok_and(|got| got == [true; 3])
    })
    .await;
    assert_eq!(here.acquire(&k, A, SPAN).await.unwrap(), [false; 3]);
    here.release(&k, A).await.unwrap();
    drop(there);
    until("with the lease its locks end", async || here.acquire(&k, A, SPAN).await.unwrap() == [true; 3])
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_hangs_is_an_error_to_who_asks_and_an_end_to_who_holds() {
    let mut server = block_in_place(servers::Postgres::start).unwrap();
    let config = fixture::config_at(&server.url()).statement_timeout(Duration::from_millis(300));
    let lease =
        Postgres::new(config.connect_timeout(Duration::from_millis(500)), Clock::manual()).unwrap().lease();
    let k = keys(0..2);
    assert_eq!(lease.acquire(&k, A, SPAN).await.unwrap(), [true; 2]);
    block_in_place(|| server.pause());
    assert_eq!(lease.renew(&k, A, SPAN).await.unwrap(), [false; 2]);
    assert!(lease.acquire(&k, A, SPAN).await.unwrap_err().is_retryable());
    block_in_place(|| server.resume());
    until("it works again", async || lease.acquire(&k, A, SPAN).await.is_ok_and(|got| got == [true; 2]))
        .await;
}

/// Not a test of its own: what the child of the next one does.
#[tokio::test]
async fn as_a_child_of_another_test_a_lease_is_held_until_the_end() {
    let Ok(url) = std::env::var(CHILD) else { return };
    let config = PgConfig::new(&url).unwrap().table(TABLE);
    let lease = Postgres::new(config, Clock::system()).unwrap().lease();
    let span = Duration::from_millis(1500);
    assert_eq!(lease.acquire(&[key("a")], A, span).await.unwrap(), [true]);
    println!("held");
    loop {
        sleep(span / 4).await;
        assert_eq!(lease.renew(&[key("a")], A, span).await.unwrap(), [true]);
    }
}

/// Another process that holds the lease and renews it.
struct Node(Child);

impl Node {
    fn start(url: &str) -> Self {
        let name = "lease::as_a_child_of_another_test_a_lease_is_held_until_the_end";
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([name, "--exact", "--nocapture"])
            .env(CHILD, url)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(said.any(|line| line.unwrap().contains("held")), "the child got the lease");
        // Its pipe stays open, or it would end.
        std::mem::forget(said);
        Self(child)
    }

    fn signal(&self, name: &str) {
        let killed = Command::new("kill").args([name, &self.0.id().to_string()]).status().unwrap();
        assert!(killed.success());
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_10_a_process_that_dies_or_stands_still_holds_nothing_up() {
    let url = fixture::url();
    let config = PgConfig::new(url).unwrap().table(TABLE);
    let here = Postgres::new(config, Clock::system()).unwrap().lease();
    let k = [key("a")];
    for (signal, limit) in [("-KILL", Duration::from_secs(2)), ("-STOP", Duration::from_secs(5))] {
        let node = block_in_place(|| Node::start(url));
        for _ in 0..20 {
            assert_eq!(here.acquire(&k, B, SPAN).await.unwrap(), [false], "while it is renewed");
            sleep(Duration::from_millis(100)).await;
        }
        node.signal(signal);
        let begun = Instant::now();
        until("it is taken over", async || here.acquire(&k, B, SPAN).await.unwrap() == [true]).await;
        println!("{signal}: taken over after {:?}", begun.elapsed());
        assert!(begun.elapsed() < limit, "{signal}: {:?}", begun.elapsed());
        here.release(&k, B).await.unwrap();
    }
}
