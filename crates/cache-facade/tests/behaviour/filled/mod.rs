//! Calls filled up: what a call carries in places that no caller needs.

mod lifted;
mod put_off;

use std::{sync::Arc, time::Duration};

use cache_core::{Error, ErrorKind, Fill, Key, OpenCall, Operation, sync::Mutex};
use proptest::{collection::vec, proptest};
use tests::{Answer, Fixture, Moment, settle, soon};
use tokio::runtime::Builder;

/// A filler that names the same keys each time, those that are not fresh, and records what it is told.
#[derive(Clone, Debug, Default)]
struct Named(Arc<Mutex<Told>>);

#[derive(Debug, Default)]
struct Told {
    names: Vec<Key>,
    panics: bool,
    /// How many places each call had free.
    places: Vec<usize>,
    /// The keys that came, how many there were in all, and whether the call failed.
    filled: Vec<(Vec<String>, usize, bool)>,
}

impl Named {
    fn name(&self, ids: &[&str]) {
        self.0.lock().names = ids.iter().map(|id| Key::new("price", id).unwrap()).collect();
    }
}

impl Fill for Named {
    fn fill(&self, call: &OpenCall<'_>) -> Vec<Key> {
        let mut told = self.0.lock();
        assert!(!told.panics, "told to panic");
        told.places.push(call.places);
        let dead = |key: &&Key| (call.fresh_for)(key).is_none() && !call.keys.contains(key);
        told.names.iter().filter(dead).cloned().collect()
    }

    fn filled(&self, _: &str, filled: &[Key], keys: usize, _: Duration, error: Option<&Error>) {
        let ids = filled.iter().map(|key| key.id().to_owned()).collect();
        self.0.lock().filled.push((ids, keys, error.is_some()));
    }
}

async fn fixture(max_batch: usize, names: &[&str]) -> (Fixture, Named) {
    let named = Named::default();
    named.name(names);
    let fixture = Fixture::built(|cache| cache.fill(named.clone()), |region| region).await;
    let _ = fixture.source.clone().batch(max_batch);
    (fixture, named)
}

#[tokio::test]
async fn rule_88_a_call_for_a_miss_carries_what_is_named_as_far_as_it_has_room() {
    let (fixture, named) = fixture(4, &["A", "B", "C", "D", "E"]).await;
    assert_eq!(fixture.get("X").await.as_deref(), Some("X@1"));
    settle().await;
    assert_eq!(fixture.source.batch_sizes(), [4]);
    for id in ["A", "B", "C"] {
        assert_eq!(fixture.peek(id), Some(format!("{id}@1")), "in memory");
        assert_eq!(fixture.held(id), Some(format!("{id}@1")), "in the tier");
    }
    assert_eq!(fixture.peek("D"), None, "the call was full");
    let told = named.0.lock();
    assert_eq!(told.places, [3]);
    assert_eq!(told.filled, [(vec!["A".to_owned(), "B".to_owned(), "C".to_owned()], 4, false)]);
}

#[tokio::test]
async fn rule_88_who_missed_waits_for_nothing_that_is_done_with_the_rest() {
    let (fixture, _) = fixture(4, &["A", "B"]).await;
    let gate = fixture.tier.gate(Operation::Put, Moment::Before);
    assert_eq!(fixture.get("X").await.as_deref(), Some("X@1"), "though no tier takes anything");
    gate.open();
}

#[tokio::test]
async fn a_full_call_and_one_without_a_filler_carry_what_was_asked_for() {
    let (fixture, named) = fixture(2, &["A"]).await;
    fixture.region.get_many(&["X", "Y"]).await.unwrap();
    assert_eq!(fixture.source.batch_sizes(), [2]);
    assert!(named.0.lock().places.is_empty(), "nothing is asked without a free place");
}

#[tokio::test]
async fn who_reads_a_key_on_its_way_in_a_free_place_waits_for_that_call() {
    let (fixture, _) = fixture(4, &["A"]).await;
    let gate = fixture.source.gate();
    let missing = fixture.ask("X").await;
    gate.reached(1).await;
    let rider = fixture.ask("A").await;
    gate.open();
    assert_eq!(missing.await.unwrap().unwrap().as_deref(), Some("X@1"));
    assert_eq!(rider.await.unwrap().unwrap().as_deref(), Some("A@1"));
    assert_eq!(fixture.source.calls(), 1);
}

#[tokio::test]
async fn a_key_that_is_removed_on_its_way_is_not_stored() {
    let (fixture, _) = fixture(4, &["A"]).await;
    let gate = fixture.source.gate();
    let missing = fixture.ask("X").await;
    gate.reached(1).await;
    fixture.region.remove("A").await.unwrap();
    gate.open();
    missing.await.unwrap().unwrap();
    settle().await;
    assert_eq!((fixture.peek("A"), fixture.held("A")), (None, None));
}

#[tokio::test]
async fn a_key_in_a_free_place_that_fails_harms_nobody() {
    let (fixture, named) = fixture(4, &["A", "B"]).await;
    fixture.source.answer(&fixture.key("A"), Answer::Fail(ErrorKind::Load));
    assert_eq!(fixture.get("X").await.as_deref(), Some("X@1"));
    settle().await;
    assert_eq!((fixture.peek("A"), fixture.peek("B").as_deref()), (None, Some("B@1")));
    assert_eq!(fixture.source.calls(), 1);
    assert_eq!(named.0.lock().filled.len(), 1);
}

/// A source may refuse a whole call for one key that it does not know, or hang over it.
#[tokio::test]
async fn rule_87_a_filled_call_that_fails_is_made_again_for_those_who_wait() {
    for kind in [ErrorKind::Load, ErrorKind::Timeout] {
        let (fixture, named) = fixture(4, &["A"]).await;
        let gate = fixture.source.gate();
        fixture.source.fail(kind);
        let missing = fixture.ask("X").await;
        gate.reached(1).await;
        gate.let_pass(1);
        gate.reached(2).await;
        fixture.source.recover();
        gate.open();
        assert_eq!(missing.await.unwrap().unwrap().as_deref(), Some("X@2"), "{kind:?}");
        assert_eq!(fixture.source.batch_sizes(), [2, 1]);
        assert_eq!(named.0.lock().filled, [(vec!["A".to_owned()], 2, true)]);
    }
}

/// Else whoever asks for what is none keeps others from being fetched beforehand.
#[tokio::test]
async fn rule_87_a_call_that_is_refused_for_what_was_asked_is_not_the_fault_of_what_it_carried() {
    let (fixture, named) = fixture(4, &["A"]).await;
    fixture.source.fail(ErrorKind::Config);
    fixture.region.get("BAD").await.unwrap_err();
    settle().await;
    assert_eq!((fixture.source.batch_sizes(), named.0.lock().filled.len()), (vec![2, 1], 0));
}

#[tokio::test]
async fn a_source_that_asks_for_a_pause_is_not_asked_again_at_once() {
    let (fixture, _) = fixture(4, &["A"]).await;
    let busy = Error::new(ErrorKind::Unavailable, "load", "429").with_retry_after(Duration::from_secs(9));
    fixture.source.fail_with(busy);
    assert!(soon(fixture.region.get("X")).await.is_err());
    assert_eq!(fixture.source.batch_sizes(), [2]);
}

#[tokio::test]
async fn a_filler_that_panics_or_names_foreign_keys_costs_nothing() {
    let (fixture, named) = fixture(4, &["A"]).await;
    named.0.lock().panics = true;
    assert_eq!(fixture.get("X").await.as_deref(), Some("X@1"));
    {
        let mut told = named.0.lock();
        told.panics = false;
        told.names = vec![Key::new("other", "A").unwrap()];
    }
    assert_eq!(fixture.get("Y").await.as_deref(), Some("Y@1"));
    assert_eq!(fixture.source.batch_sizes(), [1, 1]);
}

proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(64))]

    /// Whatever is named: who asks gets the answer, no call is larger than it may be, and none carries a key
    /// twice.
    #[test]
    fn rule_88_no_call_is_larger_than_it_may_be(
        max_batch in 1..8_usize,
        rounds in vec((vec(0..12_usize, 1..4), vec(0..12_usize, 0..12), 0..90_u64), 1..20),
    ) {
        Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let (fixture, named) = fixture(max_batch, &[]).await;
            for (asked, names, pause) in rounds {
                let names: Vec<String> = names.iter().map(ToString::to_string).collect();
                named.name(&names.iter().map(String::as_str).collect::<Vec<_>>());
                let asked: Vec<String> = asked.iter().map(ToString::to_string).collect();
                let answers = soon(fixture.region.get_many(&asked)).await.unwrap();
                for (id, answer) in asked.iter().zip(answers) {
                    assert!(answer.is_some_and(|answer| answer.starts_with(&format!("{id}@"))));
                }
                settle().await;
                fixture.pass(pause);
            }
            for call in fixture.source.batches() {
                let mut keys: Vec<_> = call.iter().map(|request| request.key.as_str()).collect();
                keys.sort_unstable();
                let all = keys.len();
                keys.dedup();
                assert!(all <= max_batch && keys.len() == all, "{keys:?} of {max_batch}");
            }
        });
    }
}
