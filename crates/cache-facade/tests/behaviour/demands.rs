//! What a call asks of the age of its answer: how old, how stale, how long still fresh, and nothing loaded.

use std::time::Duration;

use cache_core::{ErrorKind, MissReason};
use cache_facade::Source;
use proptest::prelude::*;
use tests::{Fixture, GRACE, LIFE, settle};

const LIVES: u64 = LIFE.as_secs();
const STALE: u64 = GRACE.as_secs();

/// Whether a value of this age is what is asked for, condition by condition.
fn will_do(age: u64, max_age: Option<u64>, max_stale: Option<u64>, min_fresh: u64) -> bool {
    let is_stale = age >= LIVES;
    max_age.is_none_or(|most| age <= most)
        && max_stale.is_none_or(|most| !is_stale || most > 0 && age - LIVES <= most)
        && (min_fresh == 0 || age + min_fresh <= LIVES)
}

/// Reads a value of this age from memory, or from the tier alone, by such a demand. Returns where the answer came
/// from, its age in seconds, and the calls that it took.
async fn read(
    age: u64,
    demand: (Option<u64>, Option<u64>, u64),
    from_tier: bool,
    only_cached: bool,
) -> (Source, u64, usize) {
    let fixture = Fixture::new().await;
    fixture.get("AAPL").await;
    fixture.pass(age);
    let reader = if from_tier { fixture.another(|region| region).await } else { fixture };
    let before = reader.source.calls();
    let (max_age, max_stale, min_fresh) = demand;
    let asking = reader.region.with(|policy| {
        let policy = policy.min_fresh(Duration::from_secs(min_fresh));
        let policy =
            max_age.into_iter().fold(policy, |policy, most| policy.max_age(Duration::from_secs(most)));
        let policy =
            max_stale.into_iter().fold(policy, |policy, most| policy.max_stale(Duration::from_secs(most)));
        if only_cached { policy.only_cached() } else { policy }
    });
    let answer = asking.lookup("AAPL").await.unwrap();
    let waited_for = reader.source.calls() - before;
    (answer.source, answer.age.as_secs(), waited_for)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    /// In memory and in a tier, and whether or not something may be loaded.
    #[test]
    fn what_is_older_than_the_call_asks_for_is_loaded_anew_or_not_there(
        age in 0..LIVES + STALE / 2,
        max_age in prop::option::of(0..LIVES + STALE),
        max_stale in prop::option::of(0..STALE),
        min_fresh in 0..LIVES,
        from_tier: bool,
        only_cached: bool,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (source, old, calls) =
            runtime.block_on(read(age, (max_age, max_stale, min_fresh), from_tier, only_cached));
        let is_met = will_do(age, max_age, max_stale, min_fresh);
        let held = if from_tier { Source::Tier("far") } else { Source::Memory };
        // What a tier holds stale is served in place of a load that fails, and not before.
        if is_met && (!from_tier || age < LIVES) {
            prop_assert_eq!((source, old, calls), (held, age, 0));
        } else if !only_cached {
            prop_assert_eq!((source, old), (Source::Loader, 0));
        } else {
            // What a tier holds stale is all there is, if it will do.
            let there = if is_met { held } else { Source::Nowhere };
            prop_assert_eq!((source, calls), (there, 0));
        }
    }
}

#[tokio::test]
async fn what_is_too_old_does_not_stand_in_for_a_load_that_fails() {
    let fixture = Fixture::new().await;
    fixture.get("AAPL").await;
    fixture.pass(30);
    fixture.source.fail(ErrorKind::Load);
    let asking = fixture.region.with(|policy| policy.max_age(Duration::from_secs(29)));
    assert_eq!(asking.get("AAPL").await.unwrap_err().kind(), ErrorKind::Load);
    assert_eq!(fixture.get("AAPL").await.as_deref(), Some("AAPL@1"), "others are served as before");
}

#[tokio::test]
async fn what_was_loaded_for_a_demanding_call_is_there_for_all() {
    let fixture = Fixture::new().await;
    fixture.get("AAPL").await;
    fixture.pass(30);
    let asking = fixture.region.with(|policy| policy.max_age(Duration::ZERO));
    let answers = futures(&asking, 20).await;
    assert!(
        answers.iter().all(|answer| answer == "AAPL@2"),
        "one load answers all that ask at once: {answers:?}"
    );
    assert_eq!(fixture.get("AAPL").await.as_deref(), Some("AAPL@2"));
    assert_eq!(fixture.source.calls(), 2);
}

async fn futures(region: &cache_facade::Region<String>, count: usize) -> Vec<String> {
    let reads: Vec<_> = (0..count)
        .map(|_| {
            let region = region.clone();
            tokio::spawn(async move { region.get("AAPL").await.unwrap().unwrap().to_string() })
        })
        .collect();
    let mut answers = Vec::new();
    for read in reads {
        answers.push(read.await.unwrap());
    }
    answers
}

/// Loads take time, in which what they bring grows older than was asked for.
#[tokio::test]
async fn what_is_loaded_for_a_demanding_call_is_kept_however_long_it_took() {
    let fixture = Fixture::new().await;
    fixture.get("AAPL").await;
    fixture.pass(30);
    let gate = fixture.source.gate();
    let asking = fixture.region.with(|policy| policy.max_age(Duration::ZERO).min_fresh(LIFE * 2));
    let asked = fixture.ask_of(&asking, "AAPL").await;
    fixture.pass(5);
    gate.open();
    assert_eq!(asked.await.unwrap().unwrap().as_deref(), Some("AAPL@2"));
    settle().await;
    assert_eq!(fixture.peek("AAPL").as_deref(), Some("AAPL@2"), "in memory");
    let elsewhere = fixture.another(|region| region).await;
    let found = elsewhere.region.lookup("AAPL").await.unwrap();
    assert_eq!((found.source, found.age), (Source::Tier("far"), Duration::from_secs(5)), "and in the tier");
}

/// What one call asks for is no business of those who wait for the same load.
#[tokio::test]
async fn who_joins_the_flight_of_a_demanding_call_is_served_as_if_it_had_asked_alone() {
    for error in [None, Some(ErrorKind::Load)] {
        let fixture = Fixture::with(|region| region.soft_timeout(Duration::from_secs(2))).await;
        fixture.get("AAPL").await;
        fixture.pass(LIVES + 10);
        let elsewhere = fixture.another(|region| region.soft_timeout(Duration::from_secs(2))).await;
        let gate = elsewhere.source.gate();
        if let Some(error) = error {
            elsewhere.source.fail(error);
        }
        let asking = elsewhere.region.with(|policy| policy.max_age(Duration::ZERO));
        let demanding = elsewhere.ask_of(&asking, "AAPL").await;
        let other = elsewhere.ask("AAPL").await;
        settle().await;
        if error.is_none() {
            elsewhere.pass(3);
            assert_eq!(
                other.await.unwrap().unwrap().as_deref(),
                Some("AAPL@1"),
                "stale, after the soft timeout"
            );
            gate.open();
            assert!(demanding.await.unwrap().unwrap().is_some_and(|value| value != "AAPL@1"));
        } else {
            gate.open();
            assert_eq!(other.await.unwrap().unwrap().as_deref(), Some("AAPL@1"), "it stands in");
            assert!(demanding.await.unwrap().is_err(), "and does not for who asked for a younger one");
        }
    }
}

#[tokio::test]
async fn a_closure_that_may_not_be_called_is_an_error_at_once() {
    let fixture = Fixture::new().await;
    let asking = fixture.region.with(|policy| policy.only_cached());
    let error = asking.get_or_load("AAPL", || async { "never".to_owned() }).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Load);
    assert!(error.to_string().contains("is not cached"), "{error}");
    let none = asking.get_or_load("AAPL", || async { Some("never".to_owned()) }).await.unwrap();
    assert_eq!((none, fixture.source.calls()), (None, 0));
}

#[tokio::test]
async fn an_answer_says_why_memory_had_none() {
    let fixture = Fixture::new().await;
    let reason = async |fixture: &Fixture| fixture.region.lookup("AAPL").await.unwrap().missed;
    assert_eq!(reason(&fixture).await, Some(MissReason::Absent));
    assert_eq!(reason(&fixture).await, None);
    fixture.region.remove("AAPL").await.unwrap();
    assert_eq!(reason(&fixture).await, Some(MissReason::Absent), "memory has forgotten it");
    fixture.pass(LIVES + STALE);
    settle().await;
    let expired = reason(&fixture).await;
    assert!(matches!(expired, Some(MissReason::Expired | MissReason::Absent)), "{expired:?}");
    let asking = fixture.region.with(|policy| policy.min_fresh(LIFE));
    fixture.pass(1);
    assert_eq!(asking.lookup("AAPL").await.unwrap().missed, Some(MissReason::TooOld));
}

/// A load's answer stays at hand while it is written to the tiers, and ages there as it does elsewhere.
#[tokio::test]
async fn what_was_loaded_before_is_not_joined_by_a_call_that_asks_for_a_younger_one() {
    let fixture = Fixture::new().await;
    fixture.get("AAPL").await;
    fixture.pass(30);
    let asking = fixture.region.with(|policy| policy.max_age(Duration::from_secs(10)).only_cached());
    assert_eq!(asking.lookup("AAPL").await.unwrap().source, Source::Nowhere);
    let asking = fixture.region.with(|policy| policy.max_age(Duration::from_secs(10)));
    assert_eq!(asking.get("AAPL").await.unwrap().as_deref().map(String::as_str), Some("AAPL@2"));
}
