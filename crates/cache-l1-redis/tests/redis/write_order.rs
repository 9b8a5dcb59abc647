//! Which of two writes wins: the server decides it exactly, for all possible births.

use cache_core::{
    Clock, Entry, Key, Meta, Target, Tier, Timestamp, Tombstone, Ttl,
    envelope::{self, Record},
};
use cache_l1_redis::RedisTier;
use proptest::{collection::vec, prelude::*, test_runner::TestRunner};
use redis::aio::MultiplexedConnection;
use servers::env;
use tokio::{runtime::Handle, task::block_in_place};

use crate::fixture::{connect, entry_of, key, namespace, raw, run, shared};

#[derive(Clone, Debug)]
enum Step {
    Put { key: usize, born: i64, life: i64 },
    Remove { key: usize, born: i64, lasts: i64 },
}

const KEYS: usize = 3;

/// Births at the edges of 32-bit halves, signs and doubles, and any others.
fn births() -> impl Strategy<Value = i64> {
    let edges = vec![i64::MIN, -(1 << 53), -(1 << 32), -(1 << 31), 0, 1 << 31, 1 << 32, 1 << 53, i64::MAX];
    let near = (prop::sample::select(edges), -2_i64..=2).prop_map(|(edge, by)| edge.saturating_add(by));
    prop_oneof![near, any::<i64>(), 1_577_836_800_000_000_i64..1_577_836_800_000_010]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // In seconds; the last means for ever.
    let spans = prop_oneof![Just(0), Just(100), Just(1000), Just(i64::MAX)];
    let put = (0..KEYS, births(), spans.clone()).prop_map(|(key, born, life)| Step::Put { key, born, life });
    let remove = (0..KEYS, births(), spans).prop_map(|(key, born, lasts)| Step::Remove { key, born, lasts });
    vec(prop_oneof![put, remove], 1..30)
}

/// Returns the time so many seconds from now.
fn from_now(clock: &Clock, seconds: i64) -> Timestamp {
    let micros = seconds.saturating_mul(1_000_000);
    Timestamp::from_micros(if seconds == i64::MAX { i64::MAX } else { clock.now().as_micros() + micros })
}

/// What must be stored under a key by the rules.
#[derive(Debug, Default)]
struct Expected {
    held: Option<Record>,
    tombstones: Vec<Tombstone>,
}

impl Expected {
    fn put(&mut self, entry: Entry) {
        if self.held.as_ref().is_none_or(|held| entry.meta.born > held.born()) {
            self.held = Some(Record::Entry(entry));
        }
    }

    fn remove(&mut self, tombstone: Tombstone) {
        self.tombstones.push(tombstone);
        if self.held.as_ref().is_none_or(|held| tombstone.born >= held.born()) {
            self.held = Some(Record::Tombstone(tombstone));
        }
    }
}

struct Fixture {
    tier: RedisTier,
    clock: Clock,
    raw: MultiplexedConnection,
    namespace: String,
}

impl Fixture {
    async fn run(&mut self, case: u64, steps: &[Step]) {
        let keys: Vec<Key> = (0..KEYS).map(|n| key(&format!("{case}/{n}"))).collect();
        let mut expected: [Expected; KEYS] = Default::default();
        for (n, step) in steps.iter().enumerate() {
            match *step {
                Step::Put { key, born, life } => {
                    let born = Timestamp::from_micros(born);
                    let mut entry = entry_of(n.to_string().as_bytes(), born, std::time::Duration::ZERO);
                    entry.meta = Meta::new(born, Ttl::NONE);
                    entry.meta.dead_at = from_now(&self.clock, life);
                    self.tier.put(&[(keys[key].clone(), entry.clone())]).await.unwrap();
                    expected[key].put(entry);
                }
                Step::Remove { key, born, lasts } => {
                    let born = Timestamp::from_micros(born);
                    let tombstone = Tombstone { born, dead_at: from_now(&self.clock, lasts) };
                    self.tier.remove(Target::Keys(&keys[key..=key]), tombstone).await.unwrap();
                    expected[key].remove(tombstone);
                }
            }
            for (key, expected) in keys.iter().zip(&expected) {
                self.check(key, expected, n).await;
            }
        }
    }

    async fn check(&mut self, key: &Key, expected: &Expected, step: usize) {
        let name = format!("{}:{key}", self.namespace);
        let bytes: Option<Vec<u8>> = run(&mut self.raw, &[b"GET", name.as_bytes()]).await;
        let held = bytes.map(|mut bytes| {
            bytes[3] &= 127;
            envelope::open(key, &bytes).unwrap()
        });
        assert_eq!(held, expected.held, "after step {step}");
        let left: i64 = run(&mut self.raw, &[b"PTTL", name.as_bytes()]).await;
        for tombstone in &expected.tombstones {
            // Something no older stays under the key for as long as any tombstone refuses.
            let wanted = tombstone.dead_at.since(self.clock.now()).as_millis() as i64;
            let endless = tombstone.dead_at == Timestamp::MAX;
            assert!(left == -1 || !endless && left >= wanted, "{left} ms left, {tombstone:?}, step {step}");
        }
        if let (Some(Record::Entry(entry)), []) = (&expected.held, &*expected.tombstones)
            && entry.meta.dead_at != Timestamp::MAX
        {
            assert!(
                (0..=entry.meta.dead_at.since(self.clock.now()).as_millis() as i64 + 12_000).contains(&left)
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_30_births_are_compared_exactly_by_the_server() {
    let (clock, namespace) = (Clock::manual(), namespace());
    let config = shared().namespace(&namespace);
    let tier = cache_l1_redis::Redis::connect(config, clock.clone()).await.unwrap().tier();
    let raw = raw(&env::redis().unwrap()).await;
    let fixture = std::cell::RefCell::new(Fixture { tier, clock, raw, namespace });
    let cases = std::cell::Cell::new(0);
    let mut runner =
        TestRunner::new(ProptestConfig { failure_persistence: None, cases: 150, ..Default::default() });
    let outcome = block_in_place(|| {
        runner.run(&steps(), |steps| {
            cases.set(cases.get() + 1);
            Handle::current().block_on(fixture.borrow_mut().run(cases.get(), &steps));
            Ok(())
        })
    });
    outcome.unwrap();
}

#[tokio::test]
async fn rule_30_of_a_page_each_record_keeps_its_own_expiry() {
    let (config, name) = (shared(), namespace());
    let tier = connect(config.namespace(&name)).await.tier();
    let clock = Clock::system();
    let mut entries: Vec<(Key, Entry)> = Vec::new();
    for (id, seconds) in [("a", 100), ("b", 100), ("c", 5000), ("d", 0)] {
        let mut entry = entry_of(b"x", clock.tick(), std::time::Duration::from_secs(seconds));
        if seconds == 0 {
            entry.meta.dead_at = Timestamp::MAX;
        }
        entries.push((key(id), entry));
    }
    tier.put(&entries).await.unwrap();
    let mut raw = raw(&env::redis().unwrap()).await;
    let mut left =
        async |id: &str| -> i64 { run(&mut raw, &[b"PTTL", format!("{name}:k:{id}").as_bytes()]).await };
    for (id, expected) in [("a", 110_000), ("b", 110_000), ("c", 5_010_000)] {
        let left = left(id).await;
        assert!((expected - 5_000..=expected + 2_000).contains(&left), "{id}: {left}");
    }
    assert_eq!(left("d").await, -1);
}

#[tokio::test]
async fn rule_29_a_tombstone_refuses_after_what_replaced_it_has_died() {
    let name = namespace();
    let tier = connect(shared().namespace(&name)).await.tier();
    let now = Clock::system().now();
    let second = std::time::Duration::from_secs(1);
    let keys = [key("a")];
    let tombstone = Tombstone { born: now, dead_at: now.after(1000 * second) };
    tier.remove(Target::Keys(&keys), tombstone).await.unwrap();
    // Two entries, one after the other, that die at once.
    for micros in [1, 2] {
        let born = Timestamp::from_micros(now.as_micros() + micros);
        tier.put(&[(keys[0].clone(), entry_of(b"short", born, second / 1000))]).await.unwrap();
    }
    let mut raw = raw(&env::redis().unwrap()).await;
    let left: i64 = run(&mut raw, &[b"PTTL", format!("{name}:k:a").as_bytes()]).await;
    assert!(left > 900_000, "{left}");
    let read = tier.get(&keys).await.unwrap();
    assert_eq!(read[0].as_ref().map(|entry| entry.meta.born.as_micros()), Some(now.as_micros() + 2));
}
