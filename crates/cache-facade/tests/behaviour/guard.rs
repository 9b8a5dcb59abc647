//! A guarded tier: calls that hang time out, failures in a row open the breaker, and one call at a time
//! probes whether the tier is back.

use std::{sync::Arc, time::Duration};

use cache_core::{Clock, ErrorKind, Key, Operation, Tier, TierExt};
use cache_facade::{Cache, Guard, GuardSettings};
use tests::{FaultyTier, ModelTier, Moment, ScriptedLoader, settle};
use tokio::{spawn, task::JoinHandle};

const TIMEOUT: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_secs(5);

struct Fixture {
    clock: Clock,
    inner: FaultyTier,
    guard: Arc<Guard<FaultyTier>>,
}

fn fixture(retries: u32, failures: u32) -> Fixture {
    let clock = Clock::manual();
    let inner = FaultyTier::over(ModelTier::new("far"));
    let settings = GuardSettings { timeout: TIMEOUT, retries, failures, pause: PAUSE, clock: clock.clone() };
    Fixture { clock, guard: Arc::new(Guard::new(inner.clone(), settings)), inner }
}

impl Fixture {
    fn key(&self) -> Key {
        Key::new("k", "1").expect("a valid key")
    }

    fn tried(&self) -> usize {
        self.inner.calls(Operation::Get).len()
    }

    async fn ask(&self) -> JoinHandle<Result<(), ErrorKind>> {
        let (guard, key) = (self.guard.clone(), self.key());
        let task = spawn(async move { guard.get_one(&key).await.map(drop).map_err(|error| error.kind()) });
        settle().await;
        task
    }
}

#[tokio::test]
async fn rule_52_a_tier_that_hangs_is_given_up_after_its_timeout() {
    let fixture = fixture(0, 5);
    let _gate = fixture.inner.gate(Operation::Get, Moment::Before);
    let call = fixture.ask().await;
    fixture.clock.advance(TIMEOUT / 2);
    settle().await;
    assert!(!call.is_finished());
    fixture.clock.advance(TIMEOUT / 2);
    assert_eq!(call.await.unwrap(), Err(ErrorKind::Timeout));
}

#[tokio::test]
async fn rule_52_a_read_is_served_within_the_timeout_of_a_hanging_tier() {
    let fixture = fixture(0, 5);
    let cache =
        Cache::builder().clock(fixture.clock.clone()).tier(fixture.guard.clone()).build().await.unwrap();
    let region = cache.region::<String>("price").loader(ScriptedLoader::versions()).open().unwrap();
    let _gate = fixture.inner.gate(Operation::Get, Moment::Before);
    let caller = spawn(async move { region.get("AAPL").await });
    for _ in 0..3 {
        settle().await;
        fixture.clock.advance(TIMEOUT);
    }
    settle().await;
    assert!(caller.is_finished());
    assert_eq!(caller.await.unwrap().unwrap().as_deref().map(String::as_str), Some("AAPL@1"));
}

#[tokio::test]
async fn rule_52_what_is_worth_it_is_tried_again_and_what_is_not_is_not() {
    let fixture = fixture(2, 10);
    fixture.inner.fail(Operation::Get, ErrorKind::Unavailable);
    assert_eq!(fixture.ask().await.await.unwrap(), Err(ErrorKind::Unavailable));
    assert_eq!(fixture.tried(), 3);
    fixture.inner.fail(Operation::Get, ErrorKind::Corrupt);
    assert_eq!(fixture.ask().await.await.unwrap(), Err(ErrorKind::Corrupt));
    assert_eq!(fixture.tried(), 4);
}

#[tokio::test]
async fn rule_52_the_breaker_opens_and_one_probe_at_a_time_half_opens_it() {
    let fixture = fixture(0, 3);
    fixture.inner.fail(Operation::Get, ErrorKind::Unavailable);
    for _ in 0..10 {
        assert_eq!(fixture.ask().await.await.unwrap(), Err(ErrorKind::Unavailable));
    }
    assert_eq!(fixture.tried(), 3, "left alone after the third failure");
    assert!(fixture.guard.is_open());

    fixture.clock.advance(PAUSE);
    let gate = fixture.inner.gate(Operation::Get, Moment::Before);
    let probe = fixture.ask().await;
    for _ in 0..5 {
        assert_eq!(
            fixture.ask().await.await.unwrap(),
            Err(ErrorKind::Unavailable),
            "held off while one probes"
        );
    }
    assert_eq!(fixture.tried(), 4);
    gate.let_pass(1);
    assert_eq!(probe.await.unwrap(), Err(ErrorKind::Unavailable));
    assert_eq!(fixture.ask().await.await.unwrap(), Err(ErrorKind::Unavailable));
    assert_eq!(fixture.tried(), 4, "left alone for another pause");

    fixture.clock.advance(PAUSE);
    fixture.inner.up();
    gate.open();
    for _ in 0..5 {
        assert_eq!(fixture.ask().await.await.unwrap(), Ok(()));
    }
    assert_eq!(fixture.tried(), 9, "closed again");
    assert!(!fixture.guard.is_open());
}

#[tokio::test]
async fn rule_52_a_probe_that_is_dropped_does_not_keep_the_breaker_open_for_ever() {
    let fixture = fixture(0, 1);
    fixture.inner.fail(Operation::Get, ErrorKind::Unavailable);
    fixture.ask().await.await.unwrap().unwrap_err();
    fixture.clock.advance(PAUSE);
    let gate = fixture.inner.gate(Operation::Get, Moment::Before);
    fixture.ask().await.abort();
    settle().await;
    gate.open();
    fixture.inner.up();
    fixture.clock.advance(PAUSE);
    assert_eq!(fixture.ask().await.await.unwrap(), Ok(()));
}

#[tokio::test]
async fn rule_52_a_value_that_is_too_large_says_nothing_about_the_tier() {
    let fixture = fixture(0, 1);
    fixture.inner.fail(Operation::Put, ErrorKind::Limit);
    for _ in 0..3 {
        assert_eq!(fixture.guard.put(&[]).await.unwrap_err().kind(), ErrorKind::Limit);
    }
    assert!(!fixture.guard.is_open());
}
