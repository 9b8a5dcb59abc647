//! Single flight: one load per key, and no caller waits in vain.

use std::{
    collections::HashSet,
    future::poll_fn,
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::Poll,
    time::Duration,
};

use cache_core::{Error, ErrorKind, Key, Operation, Timestamp, Ttl};
use futures_util::future::join_all;
use tests::{Answer, Fixture, Gate, LIFE, Moment, settle};
use tokio::{spawn, task::JoinHandle};

/// The value or the kind of failure.
async fn outcome(task: JoinHandle<cache_core::Result<Option<String>>>) -> Result<Option<String>, ErrorKind> {
    task.await.expect("not panicked").map_err(|error| error.kind())
}

fn some(text: &str) -> Result<Option<String>, ErrorKind> {
    Ok(Some(text.to_owned()))
}

#[tokio::test]
async fn rule_01_ten_thousand_callers_make_one_load_and_one_read_of_the_tier() {
    ten_thousand_callers().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_01_ten_thousand_callers_on_several_threads() {
    ten_thousand_callers().await;
}

async fn ten_thousand_callers() {
    let fixture = Fixture::new().await;
    let gate = fixture.source.gate();
    let callers: Vec<_> = (0..10_000)
        .map(|_| {
            let region = fixture.region.clone();
            spawn(async move { region.get("AAPL").await })
        })
        .collect();
    gate.reached(1).await;
    gate.open();
    for caller in callers {
        assert_eq!(caller.await.unwrap().unwrap().as_deref().map(String::as_str), Some("AAPL@1"));
    }
    assert_eq!(fixture.source.calls(), 1);
    assert_eq!(fixture.tier.calls_for(Operation::Get, &fixture.key("AAPL")), [1]);
}

#[tokio::test]
async fn rule_02_the_load_goes_on_when_the_caller_who_began_it_is_dropped() {
    let fixture = Fixture::new().await;
    let gate = fixture.source.gate();
    let leads = fixture.ask("AAPL").await;
    let follows = fixture.ask("AAPL").await;
    leads.abort();
    settle().await;
    gate.open();
    assert_eq!(outcome(follows).await, some("AAPL@1"));
    assert_eq!(fixture.source.calls(), 1);
}

#[tokio::test]
async fn rule_02_the_load_goes_on_and_is_kept_when_every_caller_is_dropped() {
    let fixture = Fixture::new().await;
    let gate = fixture.source.gate();
    for _ in 0..3 {
        fixture.ask("AAPL").await.abort();
    }
    gate.open();
    settle().await;
    assert_eq!(fixture.peek("AAPL").as_deref(), Some("AAPL@1"));
    assert_eq!(fixture.held("AAPL").as_deref(), Some("AAPL@1"));
    assert_eq!(fixture.source.calls(), 1);
}

#[tokio::test]
async fn rule_02_a_caller_dropped_while_a_tier_is_asked_strands_nobody() {
    let fixture = Fixture::new().await;
    let gate = fixture.tier.gate(Operation::Get, Moment::After);
    let leads = fixture.ask("AAPL").await;
    let follows = fixture.ask("AAPL").await;
    leads.abort();
    settle().await;
    gate.open();
    assert_eq!(outcome(follows).await, some("AAPL@1"));
}

#[tokio::test]
async fn rule_03_the_load_goes_on_when_the_caller_who_began_it_is_no_longer_polled() {
    let fixture = Fixture::new().await;
    let mut stuck = Box::pin(fixture.region.get("AAPL"));
    poll_fn(|context| {
        assert!(stuck.as_mut().poll(context).is_pending());
        Poll::Ready(())
    })
    .await;
    let other = fixture.ask("AAPL").await;
    assert_eq!(outcome(other).await, some("AAPL@1"));
    assert_eq!(fixture.source.calls(), 1);
    assert_eq!(stuck.await.unwrap().as_deref().map(String::as_str), Some("AAPL@1"), "polled again at last");
}

#[tokio::test]
async fn rule_04_a_loader_that_panics_fails_all_who_wait_and_the_key_works_again() {
    let fixture = Fixture::new().await;
    fixture.source.panic();
    let gate = fixture.source.gate();
    let mut callers = Vec::new();
    for _ in 0..10 {
        callers.push(fixture.ask("AAPL").await);
    }
    gate.open();
    for caller in callers {
        assert_eq!(outcome(caller).await, Err(ErrorKind::Load));
    }
    assert_eq!(fixture.source.calls(), 1);
    fixture.source.recover();
    assert_eq!(fixture.get("AAPL").await.as_deref(), Some("AAPL@2"));
}

#[tokio::test]
async fn rule_04_a_policy_that_panics_strands_nobody() {
    let policy = |_: &Key, value: Option<&String>, _: Timestamp| {
        assert!(value.is_none_or(|value| value != "AAPL@1"), "the policy was told to panic");
        Ttl::new(LIFE)
    };
    let fixture = Fixture::with(|region| region.ttl(policy)).await;
    let gate = fixture.source.gate();
    let callers = [fixture.ask("AAPL").await, fixture.ask("AAPL").await];
    gate.open();
    for caller in callers {
        assert_eq!(outcome(caller).await, Err(ErrorKind::Load));
    }
    assert_eq!(fixture.get("AAPL").await.as_deref(), Some("AAPL@2"));
}

#[tokio::test]
async fn rule_05_one_failed_attempt_is_one_error_shared_by_all_who_wait() {
    let fixture = Fixture::new().await;
    fixture.source.fail(ErrorKind::Load);
    let gate = fixture.source.gate();
    let mut callers = Vec::new();
    for _ in 0..100 {
        callers.push(fixture.ask("AAPL").await);
    }
    gate.open();
    let mut errors = HashSet::new();
    for caller in callers {
        errors.insert(caller.await.unwrap().unwrap_err().to_string());
    }
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert_eq!(fixture.source.calls(), 1);
}

#[tokio::test]
async fn rule_06_past_the_soft_timeout_there_is_still_one_load() {
    let fixture = Fixture::with(|region| region.soft_timeout(Duration::from_secs(1))).await;
    fixture.get("AAPL").await;
    fixture.pass(61);
    let gate = fixture.source.gate();
    let first = fixture.ask("AAPL").await;
    fixture.pass(1);
    assert_eq!(outcome(first).await, some("AAPL@1"), "stale, since the fresh one takes too long");
    let more = [fixture.ask("AAPL").await, fixture.ask("AAPL").await];
    fixture.pass(1);
    for caller in more {
        assert_eq!(outcome(caller).await, some("AAPL@1"));
    }
    assert_eq!(fixture.source.calls(), 2, "the first load, and one more");
    gate.open();
    settle().await;
    assert_eq!(fixture.peek("AAPL").as_deref(), Some("AAPL@2"));
}

#[tokio::test]
async fn rule_07_callers_join_a_background_refresh_when_the_entry_dies_meanwhile() {
    let fixture = Fixture::with(|region| region.hard_timeout(Duration::from_secs(3600))).await;
    fixture.get("AAPL").await;
    fixture.pass(61);
    let gate = fixture.source.gate();
    assert_eq!(fixture.get("AAPL").await.as_deref(), Some("AAPL@1"), "stale, and refreshed behind");
    gate.reached(1).await;

    fixture.pass(600);
    let callers = [fixture.ask("AAPL").await, fixture.ask("AAPL").await];
    assert_eq!(fixture.source.calls(), 2, "they join the refresh");
    gate.open();
    for caller in callers {
        assert_eq!(outcome(caller).await, some("AAPL@2"));
    }
    assert_eq!(fixture.source.calls(), 2);
}

#[tokio::test]
async fn rule_08_past_the_hard_timeout_the_next_caller_leads_and_a_late_result_loses_to_a_newer_one() {
    let fixture = Fixture::with(|region| region.hard_timeout(Duration::from_secs(10))).await;
    let first = fixture.source.gate();
    let caller = fixture.ask("AAPL").await;
    fixture.pass(10);
    assert_eq!(outcome(caller).await, Err(ErrorKind::Timeout));

    fixture.source.ungate();
    assert_eq!(fixture.get("AAPL").await.as_deref(), Some("AAPL@2"), "a load of its own");
    first.open();
    settle().await;
    assert_eq!(fixture.peek("AAPL").as_deref(), Some("AAPL@2"));
    assert_eq!(fixture.held("AAPL").as_deref(), Some("AAPL@2"));
    assert_eq!(fixture.source.calls(), 2);
}

#[tokio::test]
async fn rule_08_a_load_that_outlives_its_patience_is_given_up() {
    let limit = Duration::from_secs(10);
    let fixture = Fixture::with(|region| region.hard_timeout(limit).late(limit)).await;
    let gate = fixture.source.gate();
    let caller = fixture.ask("AAPL").await;
    fixture.pass(10);
    assert_eq!(outcome(caller).await, Err(ErrorKind::Timeout));
    settle().await;
    fixture.pass(10);
    settle().await;
    gate.open();
    settle().await;
    assert_eq!((fixture.peek("AAPL"), fixture.held("AAPL")), (None, None));
    assert_eq!(fixture.cache.stats().flights, 0);
}

#[derive(Debug)]
struct Theirs;

impl std::fmt::Display for Theirs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("theirs")
    }
}

impl std::error::Error for Theirs {}

#[tokio::test]
async fn rule_11_loads_with_different_error_types_share_one_flight() {
    let fixture = Fixture::with(|region| region.negative(LIFE)).await;
    let (gate, calls) = (Gate::closed(), Arc::new(AtomicUsize::new(0)));
    let load = || {
        let (gate, calls) = (gate.clone(), calls.clone());
        async move {
            calls.fetch_add(1, SeqCst);
            gate.pass().await;
            "loaded".to_owned()
        }
    };
    let (one, two, three) = (load(), load(), load());
    let region = &fixture.region;
    let reads = async {
        tokio::join!(
            region.get_or_load("AAPL", || async { Ok::<_, io::Error>(one.await) }),
            region.get_or_load("AAPL", || async { Ok::<_, Theirs>(two.await) }),
            region.get_or_load("AAPL", || async { Ok::<_, Error>(three.await) }),
        )
    };
    let open = async {
        settle().await;
        gate.open();
    };
    let ((one, two, three), ()) = tokio::join!(reads, open);
    for answer in [one, two, three] {
        assert_eq!(*answer.unwrap(), "loaded");
    }
    assert_eq!(calls.load(SeqCst), 1);
}

#[tokio::test]
async fn rule_11_a_load_is_not_swallowed_by_a_read_that_has_no_loader() {
    let fixture = Fixture::new().await;
    let bare = fixture.cache.region::<String>("price").open().unwrap();
    let gate = fixture.tier.gate(Operation::Get, Moment::After);
    let reads = fixture.ask_of(&bare, "AAPL").await;
    let loads = fixture.ask("AAPL").await;
    gate.open();
    assert_eq!(outcome(reads).await.map(drop), Ok(()), "a value or none");
    assert_eq!(outcome(loads).await, some("AAPL@1"), "it has a loader, so it gets a value");
}

#[tokio::test]
async fn rule_12_get_many_loads_in_one_batch_what_nobody_else_is_loading() {
    let fixture = Fixture::new().await;
    let source = fixture.source.clone().batch(1000);
    let gate = source.gate();
    let ids: Vec<String> = (0..1000).map(|id| id.to_string()).collect();
    let mut others = Vec::new();
    for id in &ids[..10] {
        others.push(fixture.ask(id).await);
    }
    let many = spawn({
        let (region, ids) = (fixture.region.clone(), ids.clone());
        async move { region.get_many(&ids).await }
    });
    gate.reached(11).await;
    gate.open();
    let values = many.await.unwrap().unwrap();
    let expected: Vec<String> = ids.iter().map(|id| format!("{id}@1")).collect();
    assert_eq!(values.into_iter().map(|value| (*value.unwrap()).clone()).collect::<Vec<_>>(), expected);
    join_all(others).await;
    assert_eq!(source.batch_sizes(), [&[1; 10][..], &[990]].concat());
    assert_eq!(fixture.tier.calls_for(Operation::Get, &fixture.key("999")), [990]);
    settle().await;
    assert_eq!(fixture.tier.calls_for(Operation::Put, &fixture.key("999")), [990], "written in one call too");
}

#[tokio::test]
async fn rule_12_a_batch_is_no_larger_than_the_loader_takes() {
    let fixture = Fixture::new().await;
    let source = fixture.source.clone().batch(300);
    let ids: Vec<String> = (0..1000).map(|id| (id % 900).to_string()).collect();
    let values = fixture.region.get_many(&ids).await.unwrap();
    for (id, value) in ids.iter().zip(values) {
        assert_eq!(*value.unwrap(), format!("{id}@1"), "a key asked for twice is loaded once");
    }
    assert_eq!(source.batch_sizes(), [300, 300, 300]);
}

#[tokio::test]
async fn rule_12_a_key_that_fails_in_a_batch_fails_alone() {
    let fixture = Fixture::new().await;
    fixture.source.answer(&fixture.key("bad"), Answer::Fail(ErrorKind::Load));
    fixture.source.answer(&fixture.key("none"), Answer::Absent);
    let answers = fixture.region.lookup_many(&["good", "bad", "none", "fine"]).await;
    let told: Vec<_> = answers
        .into_iter()
        .map(|answer| {
            answer.map(|found| found.value.map(|value| (*value).clone())).map_err(|error| error.kind())
        })
        .collect();
    assert_eq!(told, [some("good@1"), Err(ErrorKind::Load), Ok(None), some("fine@1")]);
    assert_eq!(fixture.source.calls(), 1);
}

#[tokio::test]
async fn rule_12_a_loader_that_miscounts_fails_and_no_key_gets_the_value_of_another() {
    let fixture = Fixture::new().await;
    fixture.source.miscount();
    for answer in fixture.region.lookup_many(&["a", "b", "c"]).await {
        assert_eq!(answer.unwrap_err().kind(), ErrorKind::Load);
    }
    fixture.source.recover();
    assert_eq!(fixture.get("b").await.as_deref(), Some("b@2"));
}
