//! Fundamentals in a cache with announced events: what was stored to last until a report ends with the report, and
//! is looked at again when the report is withdrawn.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use cache_core::{Clock, Fetched, Key, Timestamp};
use cache_facade::{Cache, Region};
use cache_market::{AnnouncedEvents, EventId, EventKind, MarketEvent, MarketTime, StandardKey, data_tag};
use market_data::DataType;
use proptest::prelude::*;

const DAY: Duration = Duration::from_secs(86_400);
const HOUR: Duration = Duration::from_secs(3_600);
const KEY: &str = "AAPL";

fn key() -> Key {
    format!("fundamentals:{KEY}").parse::<StandardKey>().unwrap().key().unwrap()
}

fn noon() -> Timestamp {
    let moment: jiff::Timestamp = "2024-07-02T12:00:00-04:00".parse().unwrap();
    Timestamp::from_micros(moment.as_microsecond())
}

struct Scene {
    clock: Clock,
    fundamentals: Region<u64>,
    events: AnnouncedEvents,
}

impl Scene {
    async fn new() -> Self {
        let clock = Clock::manual();
        clock.advance(noon().since(clock.now()));
        let cache = Cache::builder().clock(clock.clone()).build().await.unwrap();
        let time = MarketTime::default();
        let ttl = time.ttl(DataType::Fundamentals);
        let fundamentals = cache.region::<u64>("fundamentals").ttl(ttl).open().unwrap();
        let events = AnnouncedEvents::open(&cache, time).await.unwrap();
        Self { clock, fundamentals, events }
    }

    async fn report_in(&self, span: Duration) -> EventId {
        let at = self.clock.now().after(span);
        let event = MarketEvent::announced(KEY.parse().unwrap(), EventKind::Earnings).at(at);
        self.events.announce(&event).await.unwrap().id
    }

    async fn store(&self, key: &str, value: u64) {
        let tag = data_tag(DataType::Fundamentals, &key.parse().unwrap()).unwrap();
        self.fundamentals.put(key, Fetched::new(value).tag(tag)).await.unwrap();
    }

    /// How long the value is still fresh, rounded to seconds: births differ by microseconds.
    async fn fresh_for(&self) -> Option<u64> {
        let left = self.fundamentals.time_to_live(KEY).await.unwrap();
        left.map(|left| left.as_secs_f64().round() as u64)
    }
}

#[tokio::test]
async fn a_fundamental_is_fresh_until_its_report_and_not_after() {
    let scene = Scene::new().await;
    scene.report_in(10 * DAY).await;
    scene.store(KEY, 1).await;
    assert_eq!(scene.fresh_for().await, Some(10 * 86_400));
    scene.clock.advance(10 * DAY);
    scene.events.poll().await.unwrap();
    let old = scene.fundamentals.lookup(KEY).await.unwrap();
    assert_eq!((old.value.as_deref(), old.stale), (Some(&1), true), "for want of the new one");
    scene.store(KEY, 2).await;
    assert!(!scene.fundamentals.lookup(KEY).await.unwrap().stale);
}

#[tokio::test]
async fn when_its_report_is_withdrawn_it_is_stale_and_the_next_lives_by_the_table() {
    let scene = Scene::new().await;
    let id = scene.report_in(10 * DAY).await;
    scene.store(KEY, 1).await;
    scene.clock.advance(Duration::from_secs(60));
    scene.events.withdraw(id).await.unwrap().unwrap();
    let found = scene.fundamentals.lookup(KEY).await.unwrap();
    assert!(found.stale && found.value == Some(Arc::new(1)), "{found:?}");
    scene.store(KEY, 2).await;
    assert_eq!(scene.fresh_for().await, Some(86_400));
}

#[tokio::test]
async fn a_report_that_is_moved_ahead_moves_the_end() {
    let scene = Scene::new().await;
    let id = scene.report_in(10 * DAY).await;
    scene.store(KEY, 1).await;
    scene.report_in(3 * DAY).await;
    assert_eq!(scene.fresh_for().await, Some(3 * 86_400));
    scene.clock.advance(Duration::from_secs(1));
    scene.events.withdraw(id).await.unwrap().unwrap();
    scene.store(KEY, 2).await;
    assert_eq!(scene.fresh_for().await, Some(3 * 86_400 - 1), "by the report that is left");
}

#[tokio::test]
async fn of_a_report_far_ahead_no_more_than_the_bound_is_taken_on_trust() {
    let scene = Scene::new().await;
    scene.report_in(80 * DAY).await;
    scene.store(KEY, 1).await;
    assert_eq!(scene.fresh_for().await, Some(31 * 86_400));
}

#[tokio::test]
async fn a_withdrawn_report_concerns_neither_what_is_newer_nor_other_kinds_nor_other_assets() {
    let scene = Scene::new().await;
    let id = scene.report_in(10 * DAY).await;
    scene.store("MSFT", 1).await;
    scene.clock.advance(Duration::from_secs(60));
    scene.events.withdraw(id).await.unwrap().unwrap();
    scene.clock.advance(Duration::from_secs(60));
    scene.store(KEY, 2).await;
    for key in [KEY, "MSFT"] {
        assert!(!scene.fundamentals.lookup(key).await.unwrap().stale, "{key}");
    }
}

#[derive(Clone, Debug)]
enum Step {
    /// Announces a report so many hours ahead.
    Announce(u32),
    /// Withdraws one of the reports ahead.
    Withdraw(usize),
    Store,
    /// Lets hours pass.
    Pass(u32),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (1..1_500_u32).prop_map(Step::Announce),
        2 => (0..8_usize).prop_map(Step::Withdraw),
        3 => Just(Step::Store),
        3 => (1..400_u32).prop_map(Step::Pass),
    ]
}

/// Runs steps, and compares after each how long the value is fresh with what the steps say.
async fn run(steps: Vec<Step>) {
    let scene = Scene::new().await;
    let mut ahead: BTreeMap<Timestamp, EventId> = BTreeMap::new();
    // When the value was stored, and when it ends.
    let mut stored: Option<(Timestamp, Timestamp)> = None;
    for step in steps {
        // So that no two things happen at one moment.
        scene.clock.advance(Duration::from_millis(10));
        let now = scene.clock.now();
        match &step {
            Step::Announce(hours) => {
                let at = now.after(HOUR * *hours);
                ahead.insert(at, scene.report_in(HOUR * *hours).await);
                stored = stored.map(|(born, end)| (born, end.min(at)));
            }
            Step::Withdraw(number) => {
                let Some((at, id)) = ahead.iter().nth(*number).map(|(at, id)| (*at, *id)) else { continue };
                ahead.remove(&at);
                scene.events.withdraw(id).await.unwrap().unwrap();
                stored = stored.map(|(born, end)| (born, if at > born { end.min(now) } else { end }));
            }
            Step::Store => {
                let table = MarketTime::default().ttl(DataType::Fundamentals).of(&key(), false, now).life;
                let first = ahead.keys().next();
                let life = first.map_or(table, |report| report.since(now).min(31 * DAY));
                scene.store(KEY, 1).await;
                stored = Some((now, now.after(life)));
            }
            Step::Pass(hours) => {
                scene.clock.advance(HOUR * *hours);
                scene.events.poll().await.unwrap();
                ahead = ahead.split_off(&scene.clock.now().after(Duration::from_micros(1)));
            }
        }
        let left = stored.map_or(0, |(_, end)| end.since(scene.clock.now()).as_secs());
        let told = scene.fresh_for().await.unwrap_or(0);
        assert!(told.abs_diff(left) <= 1, "{told} and not {left} s after {step:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// The oracle: until the first report that was announced when it was stored, or 31 days, or as the table says;
    /// not past a report that is announced later, and not past the withdrawal of one that lay ahead.
    #[test]
    fn whatever_is_announced_and_withdrawn_a_fundamental_is_fresh_until_the_first_of_it(
        steps in prop::collection::vec(step(), 1..25),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(run(steps));
    }
}
