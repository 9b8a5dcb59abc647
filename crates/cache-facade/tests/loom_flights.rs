//! Flights under the model checker loom: in every interleaving of a few threads, no caller waits in vain.
//!
//! The source of the flights is that of the engine, with loom's mutex in place of the standard one.

#[allow(dead_code, reason = "the engine uses more of it than the scenarios do")]
#[path = "../src/load/flight.rs"]
mod flight;

/// The locks of the flights: loom's.
mod loom_shim {
    pub(crate) use std::sync::Arc;

    use loom::sync::MutexGuard;

    /// The checker's mutex, whose lock never fails, as that of the engine.
    #[derive(Debug)]
    pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(loom::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().expect("no thread panicked")
        }
    }
}

use std::{future::poll_fn, pin::Pin, task::Poll};

use cache_core::Key;
use loom::{
    future::block_on,
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
    thread,
};

use self::{
    flight::{Flight, Flights, Joined, Leader},
    loom_shim::Arc,
};

type Answer = u32;

fn key() -> Key {
    Key::new("price", "AAPL").expect("a valid key")
}

fn flights() -> Arc<Flights<Answer>> {
    Arc::new(Flights::new())
}

fn join(flights: &Arc<Flights<Answer>>) -> Joined<Answer> {
    flights.join(&key(), 0, |_| true)
}

fn lead(flights: &Arc<Flights<Answer>>) -> Leader<Answer> {
    match join(flights) {
        Joined::Leads(leader) => leader,
        Joined::Follows(_) => panic!("nobody else leads"),
    }
}

/// Reads as a caller does: leads and lands `answer`, or waits for somebody else's. `leading` counts
/// those who lead at this moment.
fn read(flights: &Arc<Flights<Answer>>, answer: Answer, leading: &AtomicUsize) -> Option<Answer> {
    match join(flights) {
        Joined::Leads(leader) => {
            assert_eq!(leading.fetch_add(1, SeqCst), 0, "only one leads");
            leader.land(answer);
            leading.fetch_sub(1, SeqCst);
            Some(answer)
        }
        Joined::Follows(flight) => block_on(flight.landed()),
    }
}

/// Polls a wait once, so that it is counted on to be woken, and hands it back.
fn begin<F: Future + Unpin>(mut wait: F) -> F {
    block_on(poll_fn(|context| {
        let _ = Pin::new(&mut wait).poll(context);
        Poll::Ready(())
    }));
    wait
}

/// Checks every interleaving with at most three preemptions, which is where such faults show.
fn check(scenario: impl Fn() + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(scenario);
}

#[test]
fn rule_01_of_callers_at_once_each_leads_or_is_answered_and_only_one_leads() {
    check(|| {
        let (flights, leading) = (flights(), Arc::new(AtomicUsize::new(0)));
        let other = thread::spawn({
            let (flights, leading) = (flights.clone(), leading.clone());
            move || read(&flights, 1, &leading)
        });
        assert!(read(&flights, 2, &leading).is_some());
        assert!(other.join().unwrap().is_some());
        assert_eq!(flights.len(), 0, "nothing is left over");
    });
}

#[test]
fn rule_01_two_followers_are_both_answered_by_the_one_who_leads() {
    check(|| {
        let flights = flights();
        let leader = lead(&flights);
        let followers: Vec<_> = (0..2)
            .map(|_| {
                let Joined::Follows(flight) = join(&flights) else { panic!("someone leads already") };
                thread::spawn(move || block_on(flight.landed()))
            })
            .collect();
        leader.land(7);
        drop(leader);
        for follower in followers {
            assert_eq!(follower.join().unwrap(), Some(7));
        }
    });
}

#[test]
fn rule_02_a_waiter_that_goes_takes_nobody_with_it() {
    check(|| {
        let flights = flights();
        let leader = lead(&flights);
        let flight = leader.flight().clone();
        let stays = thread::spawn({
            let flight = flight.clone();
            move || block_on(flight.landed())
        });
        let goes = thread::spawn(move || drop(begin(flight.landed())));
        leader.land(7);
        assert_eq!(stays.join().unwrap(), Some(7));
        goes.join().unwrap();
    });
}

#[test]
fn rule_02_waiters_who_come_after_one_went_are_each_woken() {
    check(|| {
        let flights = flights();
        let leader = lead(&flights);
        let flight = leader.flight().clone();
        drop(begin(flight.landed()));
        let first = begin(flight.landed());
        let second = begin(flight.landed());
        let first = thread::spawn(move || block_on(first));
        let second = thread::spawn(move || block_on(second));
        leader.land(7);
        assert_eq!([first.join().unwrap(), second.join().unwrap()], [Some(7), Some(7)]);
    });
}

#[test]
fn rule_04_a_leader_that_is_lost_strands_nobody() {
    check(|| {
        let flights = flights();
        let leader = lead(&flights);
        let Joined::Follows(flight) = join(&flights) else { panic!("someone leads already") };
        let follower = thread::spawn(move || block_on(flight.landed()));
        drop(leader);
        assert_eq!(follower.join().unwrap(), None);
        lead(&flights).land(1);
        assert_eq!(flights.len(), 0);
    });
}

#[test]
fn rule_08_a_leader_that_was_abandoned_does_not_end_the_flight_of_the_next() {
    check(|| {
        let flights = flights();
        let first = lead(&flights);
        first.abandon();
        let second = lead(&flights);
        let late = thread::spawn(move || {
            first.land(1);
            drop(first);
        });
        let Joined::Follows(flight) = join(&flights) else { panic!("the second leads still") };
        let follower = thread::spawn(move || block_on(flight.landed()));
        second.land(2);
        drop(second);
        assert_eq!(follower.join().unwrap(), Some(2));
        late.join().unwrap();
        assert_eq!(flights.len(), 0);
    });
}

#[test]
fn rule_25_who_waits_for_an_offer_gets_it_or_the_answer() {
    check(|| {
        let flights = flights();
        let leader = lead(&flights);
        let flight = leader.flight().clone();
        let content = thread::spawn({
            let flight = flight.clone();
            move || block_on(flight.offered())
        });
        let demanding = thread::spawn(move || block_on(flight.landed()));
        leader.flight().offer(1);
        leader.land(2);
        assert!(matches!(content.join().unwrap(), Some(1 | 2)));
        assert_eq!(demanding.join().unwrap(), Some(2), "an offer is not an answer");
    });
}

#[test]
fn rule_29_after_a_removal_nobody_joins_the_load_from_before_it() {
    check(|| {
        let flights = flights();
        let leader = lead(&flights);
        let before = leader.flight().clone();
        let remover = thread::spawn({
            let flights = flights.clone();
            move || {
                flights.overtake(&key());
                match join(&flights) {
                    Joined::Leads(leader) => leader.land(2),
                    Joined::Follows(_) => panic!("joined a load from before the removal"),
                }
            }
        });
        // The waiter from before is answered all the same.
        leader.land(1);
        assert_eq!(block_on(before.landed()), Some(1));
        remover.join().unwrap();
        drop(leader);
        assert_eq!(flights.len(), 0);
    });
}

#[test]
fn rule_29_a_leader_sees_that_it_was_overtaken_before_the_removal_is_done() {
    check(|| {
        let flights = flights();
        let leader = lead(&flights);
        let removed = Arc::new(AtomicUsize::new(0));
        let remover = thread::spawn({
            let (flights, removed) = (flights.clone(), removed.clone());
            move || {
                flights.overtake_matching(|doomed| *doomed == key());
                removed.store(1, SeqCst);
            }
        });
        leader.land(1);
        let done = removed.load(SeqCst) == 1;
        assert!(!done || leader.overtaken(), "a removal that is done is not overlooked");
        remover.join().unwrap();
        assert!(leader.overtaken());
    });
}

#[test]
fn rule_30_a_flight_that_landed_is_joined_only_for_a_good_answer() {
    check(|| {
        let flights = flights();
        let leader = lead(&flights);
        leader.land(1);
        let read = |flights: &Arc<Flights<Answer>>| match flights.join(&key(), 0, |answer| *answer > 5) {
            Joined::Leads(leader) => leader.land(9),
            Joined::Follows(flight) => assert_eq!(block_on(flight.landed()), Some(9), "1 is not good"),
        };
        let other = thread::spawn({
            let flights = flights.clone();
            move || read(&flights)
        });
        read(&flights);
        other.join().unwrap();
        drop(leader);
        assert_eq!(flights.len(), 0);
    });
}

/// Waits as a caller does who takes over from a leader that is gone: leads, or waits for whoever does.
fn take_over(flights: &Arc<Flights<Answer>>, flight: Arc<Flight<Answer>>, leading: &AtomicUsize) -> Answer {
    let mut flight = flight;
    loop {
        if let Some(answer) = block_on(flight.landed()) {
            return answer;
        }
        flights.leave(&key(), &flight);
        match join(flights) {
            Joined::Follows(next) => flight = next,
            Joined::Leads(leader) => {
                assert_eq!(leading.fetch_add(1, SeqCst), 0, "one of them leads at a time");
                leader.land(9);
                leading.fetch_sub(1, SeqCst);
                return 9;
            }
        }
    }
}

#[test]
fn rule_106_of_waiters_whose_leader_is_gone_one_leads_and_all_are_answered() {
    check(|| {
        let (flights, leading) = (flights(), Arc::new(AtomicUsize::new(0)));
        let leader = lead(&flights);
        let waiters: Vec<_> = (0..2)
            .map(|_| {
                let Joined::Follows(flight) = join(&flights) else { panic!("someone leads already") };
                let (flights, leading) = (flights.clone(), leading.clone());
                thread::spawn(move || take_over(&flights, flight, &leading))
            })
            .collect();
        drop(leader);
        for waiter in waiters {
            assert_eq!(waiter.join().unwrap(), 9);
        }
        assert_eq!(flights.len(), 0, "nothing is left over");
    });
}

/// Who finds a flight too old takes it out of the table; the one who led it may land, or be lost, meanwhile.
#[test]
fn rule_106_a_flight_that_is_given_up_while_it_lands_strands_nobody() {
    check(|| {
        let (flights, leading) = (flights(), Arc::new(AtomicUsize::new(0)));
        let leader = lead(&flights);
        let Joined::Follows(flight) = join(&flights) else { panic!("someone leads already") };
        let impatient = thread::spawn({
            let (flights, leading) = (flights.clone(), leading.clone());
            move || {
                flights.leave(&key(), &flight);
                read(&flights, 9, &leading)
            }
        });
        leader.land(7);
        drop(leader);
        assert_eq!(impatient.join().unwrap(), Some(9), "the next one is its own");
        assert_eq!(flights.len(), 0, "nothing is left over");
    });
}
