//! Coalescing: the misses of many callers within a window become one call, and each caller gets its own
//! answer.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use cache_core::{Error, ErrorKind, Result};
use futures_util::future::join_all;
use proptest::prelude::*;
use tests::{Answer, Fixture, settle, soon};
use tokio::{runtime::Builder, spawn, task::JoinHandle};

const WINDOW: Duration = Duration::from_millis(2);

async fn fixture(max_batch: usize) -> Fixture {
    let fixture = Fixture::with(|region| region.batch_window(WINDOW)).await;
    let _ = fixture.source.clone().batch(max_batch);
    fixture
}

async fn wait_out(fixture: &Fixture) {
    fixture.clock.advance(WINDOW);
    settle().await;
}

/// The value that each caller got, or the kind of its error.
async fn outcomes(callers: Vec<JoinHandle<Result<Option<String>>>>) -> Vec<Result<String, ErrorKind>> {
    let outcome = |answer: Result<Option<String>>| {
        answer.map(|value| value.expect("it exists")).map_err(|error| error.kind())
    };
    join_all(callers).await.into_iter().map(|answer| outcome(answer.expect("not panicked"))).collect()
}

#[tokio::test]
async fn misses_of_hundreds_of_callers_take_as_few_calls_as_their_keys_fill() {
    let fixture = fixture(50).await;
    let callers: Vec<_> = (0..300)
        .map(|n| {
            let region = fixture.region.clone();
            spawn(async move { soon(region.get(&format!("K{n}"))).await })
        })
        .collect();
    settle().await;
    assert_eq!(fixture.source.batch_sizes(), [50; 6], "full calls wait for no clock");
    for (n, caller) in callers.into_iter().enumerate() {
        assert_eq!(caller.await.unwrap().unwrap().as_deref(), Some(&format!("K{n}@1")));
    }
    let stats = fixture.cache.stats();
    assert_eq!((stats.loads, stats.loaded_keys), (6, 300), "what is counted are calls");
}

#[tokio::test]
async fn a_load_given_up_leaves_its_room_in_the_call_to_another() {
    let fixture = fixture(2).await;
    let hasty = fixture.region.with(|policy| policy.hard_timeout(WINDOW / 2).late(Duration::ZERO));
    let given_up = fixture.ask_of(&hasty, "A").await;
    fixture.clock.advance(WINDOW / 2);
    settle().await;
    let callers = vec![given_up, fixture.ask("B").await, fixture.ask("C").await];
    assert_eq!(fixture.source.batch_sizes(), [2]);
    let expected = [Err(ErrorKind::Timeout), Ok("B@1".to_owned()), Ok("C@1".to_owned())];
    assert_eq!(outcomes(callers).await, expected);
}

#[tokio::test]
async fn a_lone_miss_waits_for_the_window_and_no_longer() {
    let fixture = fixture(50).await;
    let caller = fixture.ask("AAPL").await;
    fixture.clock.advance(WINDOW - Duration::from_micros(1));
    settle().await;
    assert_eq!(fixture.source.calls(), 0);
    fixture.clock.advance(Duration::from_micros(1));
    assert_eq!(outcomes(vec![caller]).await, [Ok("AAPL@1".to_owned())]);
}

#[tokio::test]
async fn a_crowd_is_waited_for_while_it_comes_but_not_for_ever() {
    let fixture = fixture(1000).await;
    let mut callers = vec![fixture.ask("A0").await];
    for more in 1..100 {
        fixture.clock.advance(WINDOW / 2);
        settle().await;
        callers.push(fixture.ask(&format!("A{more}")).await);
    }
    assert_eq!(fixture.source.calls(), 0);
    fixture.clock.advance(WINDOW / 2);
    settle().await;
    assert_eq!(fixture.source.batch_sizes(), [100], "after fifty windows");
    callers.push(fixture.ask("LATE").await);
    wait_out(&fixture).await;
    assert_eq!(fixture.source.batch_sizes(), [100, 1]);
    assert!(outcomes(callers).await.iter().all(Result::is_ok));
}

#[tokio::test]
async fn while_a_call_is_under_way_others_wait_for_each_other_but_not_for_ever() {
    let fixture = fixture(3).await;
    let gate = fixture.source.gate();
    let mut callers = vec![fixture.ask("FIRST").await];
    wait_out(&fixture).await;
    callers.push(fixture.ask("A").await);
    wait_out(&fixture).await;
    assert_eq!(fixture.source.batch_sizes(), [1], "the second waits for the first call");
    callers.push(fixture.ask("B").await);
    callers.push(fixture.ask("C").await);
    assert_eq!(fixture.source.batch_sizes(), [1, 3], "a full one does not");
    callers.push(fixture.ask("LAST").await);
    for _ in 0..49 {
        wait_out(&fixture).await;
    }
    assert_eq!(fixture.source.calls(), 2);
    wait_out(&fixture).await;
    assert_eq!(fixture.source.batch_sizes(), [1, 3, 1], "nor does any for more than fifty windows");
    gate.open();
    assert!(outcomes(callers).await.iter().all(Result::is_ok));
}

#[tokio::test]
async fn without_a_window_nobody_waits() {
    let fixture = Fixture::new().await;
    let callers = vec![fixture.ask("AAPL").await, fixture.ask("MSFT").await];
    assert_eq!(fixture.source.batch_sizes(), [1, 1]);
    outcomes(callers).await;
}

#[tokio::test]
async fn a_failed_call_fails_all_who_were_in_it_and_no_others() {
    let fixture = fixture(2).await;
    fixture.source.fail(ErrorKind::Unavailable);
    let failing = vec![fixture.ask("A").await, fixture.ask("B").await];
    fixture.source.recover();
    let well = vec![fixture.ask("C").await, fixture.ask("D").await];
    assert_eq!(outcomes(failing).await, [Err(ErrorKind::Unavailable), Err(ErrorKind::Unavailable)]);
    assert_eq!(outcomes(well).await, [Ok("C@1".to_owned()), Ok("D@1".to_owned())]);
}

#[tokio::test]
async fn a_key_that_fails_fails_alone() {
    let fixture = fixture(50).await;
    fixture.source.answer(&fixture.key("B"), Answer::Fail(ErrorKind::Timeout));
    let callers = vec![fixture.ask("A").await, fixture.ask("B").await, fixture.ask("C").await];
    wait_out(&fixture).await;
    let expected = [Ok("A@1".to_owned()), Err(ErrorKind::Timeout), Ok("C@1".to_owned())];
    assert_eq!(outcomes(callers).await, expected);
    assert_eq!(fixture.source.batch_sizes(), [3]);
}

#[tokio::test]
async fn a_loader_that_panics_or_miscounts_fails_its_call_and_the_next_one_is_well() {
    let fixture = fixture(50).await;
    for spoil in [tests::ScriptedLoader::panic, tests::ScriptedLoader::miscount] {
        spoil(&fixture.source);
        let callers = vec![fixture.ask("A").await, fixture.ask("B").await];
        wait_out(&fixture).await;
        assert_eq!(outcomes(callers).await, [Err(ErrorKind::Load), Err(ErrorKind::Load)]);
    }
    fixture.source.recover();
    let caller = fixture.ask("A").await;
    wait_out(&fixture).await;
    assert_eq!(outcomes(vec![caller]).await, [Ok("A@3".to_owned())]);
}

#[tokio::test]
async fn a_load_given_up_before_its_call_is_not_asked_for_and_one_given_up_later_costs_no_other_its_answer() {
    let fixture = fixture(50).await;
    let brief = |limit| fixture.region.with(|policy| policy.hard_timeout(limit).late(Duration::ZERO));
    let (impatient, hasty) = (brief(WINDOW / 2), brief(2 * WINDOW));
    let early = fixture.ask_of(&impatient, "EARLY").await;
    let late = fixture.ask_of(&hasty, "LATE").await;
    let patient = fixture.ask("PATIENT").await;
    let gate = fixture.source.gate();
    for _ in 0..4 {
        fixture.clock.advance(WINDOW / 2);
        settle().await;
    }
    let asked: Vec<_> =
        fixture.source.batches().concat().into_iter().map(|r| r.key.id().to_owned()).collect();
    assert_eq!(BTreeSet::from_iter(asked), BTreeSet::from(["LATE".to_owned(), "PATIENT".to_owned()]));
    gate.open();
    let expected = [Err(ErrorKind::Timeout), Err(ErrorKind::Timeout), Ok("PATIENT@1".to_owned())];
    assert_eq!(outcomes(vec![early, late, patient]).await, expected);
}

#[tokio::test]
async fn a_call_that_every_load_gave_up_ends() {
    let fixture = fixture(50).await;
    let brief = fixture.region.with(|policy| policy.hard_timeout(2 * WINDOW).late(WINDOW));
    let gate = fixture.source.gate();
    let caller = fixture.ask_of(&brief, "A").await;
    wait_out(&fixture).await;
    gate.reached(1).await;
    wait_out(&fixture).await;
    assert_eq!(outcomes(vec![caller]).await, [Err(ErrorKind::Timeout)]);
    assert!(fixture.cache.shutdown(Duration::from_millis(50)).await.is_err(), "it may still come late");
    wait_out(&fixture).await;
    soon(fixture.cache.shutdown(Duration::from_millis(50))).await.expect("nothing is under way any more");
}

#[tokio::test]
async fn versions_at_hand_that_differ_are_not_compared() {
    let fixture = fixture(50).await;
    let fresh = |text: &str| cache_core::Fetched::new(text.to_owned()).etag("v1");
    fixture.region.put("A", fresh("old")).await.unwrap();
    fixture.pass(61);
    let refreshing = {
        let region = fixture.region.clone();
        spawn(async move { soon(region.refresh(&["A"])).await })
    };
    settle().await;
    fixture.region.remove("A").await.unwrap();
    let caller = fixture.ask("A").await;
    wait_out(&fixture).await;
    let asked = fixture.source.batches();
    assert_eq!((asked.len(), asked[0].len()), (1, 1), "once for both");
    assert_eq!(asked[0][0].etag, None, "one of them has nothing to compare with");
    assert_eq!(outcomes(vec![caller]).await, [Ok("A@1".to_owned())]);
    assert_eq!(refreshing.await.unwrap().unwrap().loaded, 1);
}

/// What callers do, one step after the other.
#[derive(Clone, Debug)]
enum Step {
    Ask(Vec<u8>),
    Remove(u8),
    Wait(u8),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => prop::collection::btree_set(0..12_u8, 1..8).prop_map(|ids| Step::Ask(ids.into_iter().collect())),
        1 => (0..12_u8).prop_map(Step::Remove),
        2 => (0..4_u8).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 1..24)
}

/// A key on its way to the loader.
#[derive(Default)]
struct Gathered {
    callers: Vec<usize>,
    /// Whether the result may be stored: the key was not removed meanwhile.
    kept: bool,
}

/// A model of coalescing, without tasks, locks or timers.
#[derive(Default)]
struct Model {
    now: u32,
    /// When the call goes out if no more keys come, and when at the latest, in half windows.
    goes_at: u32,
    latest: u32,
    gathered: BTreeMap<u8, Gathered>,
    known: BTreeMap<u8, String>,
    loads: BTreeMap<u8, u32>,
    calls: Vec<BTreeSet<String>>,
    /// For each caller and key: the answer, once it is there.
    answers: Vec<BTreeMap<u8, Option<String>>>,
}

impl Model {
    fn ask(&mut self, ids: &[u8], most: usize) {
        let caller = self.answers.len();
        self.answers.push(ids.iter().map(|id| (*id, self.known.get(id).cloned())).collect());
        let mut new = Vec::new();
        for id in ids.iter().filter(|id| !self.known.contains_key(id)) {
            match self.gathered.get_mut(id) {
                Some(gathered) if gathered.kept => gathered.callers.push(caller),
                _ => new.push(*id),
            }
        }
        for id in new {
            if self.gathered.is_empty() {
                self.latest = self.now + 2 * 50;
            }
            self.goes_at = (self.now + 2).min(self.latest);
            let gathered = self.gathered.entry(id).or_default();
            gathered.kept = true;
            gathered.callers.push(caller);
            if self.gathered.len() == most {
                self.go();
            }
        }
    }

    fn remove(&mut self, id: u8) {
        self.known.remove(&id);
        self.gathered.entry(id).and_modify(|gathered| gathered.kept = false);
    }

    fn wait(&mut self) {
        self.now += 1;
        if self.now >= self.goes_at && !self.gathered.is_empty() {
            self.go();
        }
    }

    fn go(&mut self) {
        let gathered = std::mem::take(&mut self.gathered);
        self.calls.push(gathered.keys().map(|id| format!("K{id}")).collect());
        for (id, Gathered { callers, kept }) in gathered {
            let load = self.loads.entry(id).or_default();
            *load += 1;
            let value = format!("K{id}@{load}");
            for caller in callers {
                let waiting = self.answers[caller].insert(id, Some(value.clone()));
                assert_eq!(waiting, Some(None), "answered once");
            }
            if kept {
                self.known.insert(id, value);
            }
        }
    }
}

async fn follows_the_model(steps: Vec<Step>, most: usize) {
    let fixture = fixture(most).await;
    let mut model = Model::default();
    let mut callers = Vec::new();
    for step in steps.into_iter().chain([Step::Wait(2)]) {
        match step {
            Step::Ask(ids) => {
                model.ask(&ids, most);
                let region = fixture.region.clone();
                let ids: Vec<String> = ids.iter().map(|id| format!("K{id}")).collect();
                callers.push(spawn(async move { soon(region.get_many(&ids)).await }));
            }
            Step::Remove(id) => {
                model.remove(id);
                fixture.region.remove(&format!("K{id}")).await.unwrap();
            }
            Step::Wait(half_windows) => {
                for _ in 0..half_windows {
                    model.wait();
                    fixture.clock.advance(WINDOW / 2);
                    settle().await;
                }
            }
        }
        settle().await;
    }
    let keys = |batch: &[cache_core::Request<String>]| batch.iter().map(|r| r.key.id().to_owned()).collect();
    let calls: Vec<BTreeSet<String>> = fixture.source.batches().iter().map(|batch| keys(batch)).collect();
    assert_eq!(calls, model.calls);
    assert_eq!(
        calls.iter().map(BTreeSet::len).collect::<Vec<_>>(),
        fixture.source.batch_sizes(),
        "no key twice in a call"
    );
    for (caller, expected) in callers.into_iter().zip(model.answers) {
        let answers = caller.await.unwrap().unwrap_or_else(|error: Error| panic!("{error}"));
        let answers: Vec<_> = answers.into_iter().map(|value| value.map(|value| (*value).clone())).collect();
        assert_eq!(answers, expected.into_values().collect::<Vec<_>>());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn each_is_answered_once_with_its_own_and_calls_are_as_few_and_as_full_as_can_be(steps in steps(), most in 1..6_usize) {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(follows_the_model(steps, most));
    }
}
