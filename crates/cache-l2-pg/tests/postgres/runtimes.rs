//! One client, used by one runtime after the other: each ends with the connections that were opened on it.

use std::time::Duration;

use cache_core::{Bus, Clock, Holder, Lease, Listener, Pattern, Target, Tier, TierExt};
use cache_l2_pg::{PgBus, PgLease, PgTier, Postgres, Writes};
use tokio::{
    runtime::{Builder, Runtime},
    time::timeout,
};

use crate::fixture::{self, at, entry, key, keys, tombstone, until};

const PATIENCE: Duration = Duration::from_secs(10);
const SPAN: Duration = Duration::from_secs(30);

fn one_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn two_threads() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// The parts of a client.
struct Client {
    clock: Clock,
    tier: PgTier,
    bus: PgBus,
    lease: PgLease,
}

impl Client {
    fn of(postgres: &Postgres, clock: &Clock) -> Self {
        let bus = postgres.bus("runtimes").unwrap();
        Self { clock: clock.clone(), tier: postgres.tier(), bus, lease: postgres.lease() }
    }

    /// Uses all that a client offers. The first call of all must succeed.
    async fn use_all(&self, round: u64) -> Box<dyn Listener> {
        let text = format!("round {round}");
        self.clock.advance(Duration::from_millis(1));
        self.tier.put_one(key("a"), entry(&text, at(&self.clock, 0))).await.unwrap();
        self.tier.flush().await.unwrap();
        let found = self.tier.get_one(&key("a")).await.unwrap().unwrap().value.unwrap();
        assert_eq!(*found.bytes, *text.as_bytes());
        self.clock.advance(Duration::from_millis(1));
        let pattern = Pattern::glob("quote:a*").unwrap();
        let removed = self.tier.remove(Target::Matching(&pattern), tombstone(at(&self.clock, 0))).await;
        assert_eq!(removed.unwrap(), 1);
        let k = keys(0..1);
        assert_eq!(self.lease.acquire(&k, Holder(round.into()), SPAN).await.unwrap(), [true]);
        self.lease.release(&k, Holder(round.into())).await.unwrap();
        let mut listener = self.bus.listen().await.unwrap();
        self.bus.publish(text.clone().into()).await.unwrap();
        while listener.next().await.unwrap() != text {}
        listener
    }
}

fn serves_each_runtime(writes: Writes, runtime: impl Fn() -> Runtime) {
    let (first, clock) = (runtime(), Clock::manual());
    let config = fixture::config().writes(writes);
    let postgres = first.block_on(Postgres::connect(config, clock.clone())).unwrap();
    // Built outside a runtime, too.
    let client = Client::of(&postgres, &clock);
    let mut before = first.block_on(client.use_all(0));
    drop(first);
    for round in 1..=3 {
        let runtime = runtime();
        runtime.block_on(async {
            // What other tests publish is there first.
            let ended = async { while before.next().await.is_ok() {} };
            timeout(PATIENCE, ended).await.expect("it does not hang");
            before = timeout(PATIENCE, client.use_all(round)).await.expect("within seconds");
        });
        drop(runtime);
    }
}

#[test]
fn rule_106_a_client_serves_one_runtime_after_the_other() {
    serves_each_runtime(Writes::Through, one_thread);
    serves_each_runtime(Writes::Through, two_threads);
    serves_each_runtime(Writes::Behind { rows: 1000, bytes: 1 << 20 }, one_thread);
}

#[test]
fn rule_106_puts_that_are_queued_when_their_runtime_ends_are_written_from_the_next() {
    let (clock, table) = (Clock::manual(), fixture::table());
    let config = fixture::config().table(&table).writes(Writes::Behind { rows: 1000, bytes: 1 << 20 });
    let first = one_thread();
    let tier = first.block_on(fixture::open(config, &clock));
    let put: Vec<_> = keys(0..300).into_iter().map(|key| (key, entry("v", at(&clock, 1)))).collect();
    // The writer has the batch in hand when its runtime ends, or not even that.
    first.block_on(async {
        tier.put(&put[..200]).await.unwrap();
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
        tier.put(&put[200..]).await.unwrap();
    });
    drop(first);
    let queued = tier.stats().queued;
    one_thread().block_on(async {
        // Any call will do.
        tier.get(&[]).await.unwrap();
        until("all are written", async || tier.stats().queued == 0).await;
        let through = fixture::open(fixture::config().table(&table), &clock).await;
        let found = through.get(&keys(0..300)).await.unwrap();
        assert_eq!(found.iter().flatten().count(), 300, "{queued} were queued");
    });
}

#[test]
fn rule_106_a_flush_ends_though_the_runtime_of_the_writer_ends_meanwhile() {
    let clock = Clock::manual();
    let config = fixture::config().writes(Writes::Behind { rows: 1000, bytes: 1 << 20 });
    let (writes, flushes) = (one_thread(), one_thread());
    let tier = writes.block_on(fixture::open(config, &clock));
    writes.block_on(tier.put_one(key("a"), entry("v", at(&clock, 1)))).unwrap();
    flushes.block_on(async {
        let flushing = tokio::spawn({
            let tier = tier.clone();
            async move { tier.flush().await }
        });
        tokio::task::yield_now().await;
        assert!(!flushing.is_finished(), "nobody drives the writer");
        writes.shutdown_background();
        timeout(PATIENCE, flushing).await.expect("it does not hang").unwrap().unwrap();
    });
}

#[test]
fn rule_106_a_table_is_swept_from_each_runtime() {
    let clock = Clock::manual();
    let config = fixture::config().sweep_every(Duration::from_millis(10));
    let tier = one_thread().block_on(fixture::open(config, &clock));
    for round in 1..=2 {
        one_thread().block_on(async {
            tier.put_one(key("a"), fixture::living("v", at(&clock, 1), SPAN)).await.unwrap();
            clock.advance(2 * SPAN);
            until("it is swept", async || tier.stats().swept == round).await;
        });
    }
}

#[test]
fn rule_106_leases_of_a_runtime_that_ended_can_be_had_and_lapse_from_the_next() {
    let (clock, k) = (Clock::manual(), keys(0..2));
    let lease =
        || Postgres::new(fixture::config().table("lease_of_runtimes"), clock.clone()).unwrap().lease();
    let (here, there) = (lease(), lease());
    let first = one_thread();
    assert_eq!(first.block_on(here.acquire(&k, Holder(1), SPAN)).unwrap(), [true, true]);
    drop(first);
    one_thread().block_on(async {
        until("the locks end with the session", async || {
            there.acquire(&k[..1], Holder(2), SPAN).await.unwrap() == [true]
        })
        .await;
        assert_eq!(here.renew(&k, Holder(1), SPAN).await.unwrap(), [false, false], "it has lost them");
        assert_eq!(here.acquire(&k, Holder(1), SPAN).await.unwrap(), [false, true]);
        clock.advance(SPAN);
        until("it lapses", async || there.acquire(&k, Holder(2), SPAN).await.unwrap() == [true, true]).await;
    });
}

/// A task that is cut short by the end of its runtime, while the server is asked for a lock, leaves no lock.
#[test]
fn rule_106_a_lease_that_was_cut_short_by_the_end_of_its_runtime_is_not_held() {
    let (clock, k) = (Clock::manual(), keys(0..1));
    let lease = || Postgres::new(fixture::config().table("lease_cut_short"), clock.clone()).unwrap().lease();
    let (here, there) = (lease(), lease());
    let lasting = two_threads();
    // The session is driven by a runtime that lasts.
    lasting.block_on(here.acquire(&keys(5..6), Holder(1), SPAN)).unwrap();
    for steps in 0..8 {
        let ends = one_thread();
        let _ = ends.block_on(async {
            timeout(Duration::from_micros(200 * steps), here.acquire(&k, Holder(1), SPAN)).await
        });
        drop(ends);
        lasting.block_on(async {
            // Whatever became of it, who asks again has it, and who gives it up leaves it to others.
            assert_eq!(here.acquire(&k, Holder(1), SPAN).await.unwrap(), [true], "{steps}");
            here.release(&k, Holder(1)).await.unwrap();
            until("it can be had", async || there.acquire(&k, Holder(2), SPAN).await.unwrap() == [true])
                .await;
            there.release(&k, Holder(2)).await.unwrap();
        });
    }
}
