//! The queue beside a list that is searched from end to end.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Insert(u16, Priority),
    /// Puts it back as one that failed, for so long, the first half of which its source asked for.
    Rest(u16, Priority, Millis),
    WakeEarly,
    Raise(u16, Priority),
    Take(usize),
    Displace(Priority),
    Promote(Millis),
    Advance(Millis),
    Clear,
}

fn priority() -> impl Strategy<Value = Priority> {
    prop::sample::select(Priority::ALL.to_vec())
}

fn step() -> impl Strategy<Value = Step> {
    let id = 0_u16..400;
    prop_oneof![
        60 => (id.clone(), priority()).prop_map(|(id, priority)| Step::Insert(id, priority)),
        20 => (id.clone(), priority(), 0_u64..50).prop_map(|(id, priority, span)| Step::Rest(id, priority, span)),
        20 => (id, priority()).prop_map(|(id, priority)| Step::Raise(id, priority)),
        5 => (1_usize..8).prop_map(Step::Take),
        1 => (100_usize..400).prop_map(Step::Take),
        5 => priority().prop_map(Step::Displace),
        2 => (0_u64..100).prop_map(Step::Promote),
        40 => (1_u64..20).prop_map(Step::Advance),
        2 => Just(Step::WakeEarly),
        1 => Just(Step::Clear),
    ]
}

/// One update of the list.
#[derive(Clone, Debug)]
struct Listed {
    key: Key,
    standing: Standing,
    rests_until: Option<Millis>,
    asked_until: Millis,
}

fn key(id: u16) -> Key {
    // Some are too long to be held in place.
    let tail = if id.is_multiple_of(3) { "-and-a-long-tail-beside" } else { "" };
    Key::new("price", &format!("{id}{tail}")).unwrap()
}

/// Returns the one of the list that goes first.
fn first(list: &[Listed]) -> Option<usize> {
    let ready = list.iter().enumerate().filter(|(_, one)| one.rests_until.is_none());
    ready.min_by_key(|(_, one)| (Reverse(one.standing.priority), one.standing.queued)).map(|(at, _)| at)
}

fn check(queue: &Queue, list: &[Listed]) -> Result<(), TestCaseError> {
    let ready = || list.iter().filter(|one| one.rests_until.is_none());
    prop_assert_eq!(queue.len(), list.len());
    prop_assert_eq!(queue.ready(), ready().count());
    prop_assert_eq!(queue.resting(), list.len() - ready().count());
    prop_assert_eq!(queue.oldest(), ready().map(|one| one.standing.queued).min());
    prop_assert_eq!(queue.next_rest(), list.iter().filter_map(|one| one.rests_until).min());
    let of_first = |at: usize| (list[at].standing.priority, list[at].standing.queued);
    prop_assert_eq!(queue.first(), first(list).map(of_first));
    for priority in Priority::ALL {
        let of = || ready().filter(|one| one.standing.priority == priority);
        prop_assert_eq!(queue.ready_of(priority), of().count());
        let retries = of().filter(|one| one.standing.tries > 0).count();
        prop_assert_eq!(queue.ready_retries_of(priority), retries);
        prop_assert_eq!(queue.oldest_of(priority), of().map(|one| one.standing.queued).min());
    }
    let places = 16 + SMALL.max(4 * queue.len());
    prop_assert!(queue.records.capacity() <= places, "{} for {}", queue.records.capacity(), queue.len());
    let places = 2 * SMALL.max(4 * queue.len());
    prop_assert!(queue.index.capacity() <= places, "{} for {}", queue.index.capacity(), queue.len());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_queue_is_a_list_in_order(steps in prop::collection::vec(step(), 0..400)) {
        let (mut queue, mut list, mut now) = (Queue::default(), Vec::<Listed>::new(), 1_000);
        for step in steps {
            // So that no two are of one age.
            now += 1;
            let listed = |list: &[Listed], id| list.iter().position(|one| one.key == key(id));
            match step {
                Step::Insert(id, priority) if listed(&list, id).is_none() => {
                    let standing = Standing { queued: now, priority, tries: 0 };
                    queue.insert(&key(id), standing).unwrap();
                    list.push(Listed { key: key(id), standing, rests_until: None, asked_until: 0 });
                }
                Step::Rest(id, priority, span) if listed(&list, id).is_none() => {
                    let standing = Standing { queued: now - 500, priority, tries: 1 };
                    if list.iter().any(|one| one.standing.queued == standing.queued) {
                        continue;
                    }
                    let (until, asked_until) = (now + span, now + span / 2);
                    queue.insert_resting(&key(id), standing, until, asked_until).unwrap();
                    list.push(Listed { key: key(id), standing, rests_until: Some(until), asked_until });
                }
                Step::Insert(id, priority) | Step::Rest(id, priority, _) | Step::Raise(id, priority) => {
                    let at = listed(&list, id);
                    prop_assert_eq!(queue.raise(&key(id), priority), at.is_some());
                    if let Some(at) = at {
                        list[at].standing.priority = list[at].standing.priority.max(priority);
                    }
                }
                Step::Take(times) => for _ in 0..times {
                    let taken = first(&list).map(|at| list.remove(at)).map(|one| (one.key, one.standing));
                    prop_assert_eq!(queue.take(), taken);
                    check(&queue, &list)?;
                },
                Step::Displace(priority) => {
                    let lower = |(_, one): &(usize, &Listed)| one.standing.priority < priority;
                    let lost = |one: &Listed| (one.standing.priority, Reverse(one.standing.queued));
                    let least = list.iter().enumerate().filter(lower).min_by_key(|(_, one)| lost(one));
                    let at = least.map(|(at, _)| at);
                    let least = at.map(|at| list.remove(at).standing);
                    let found = queue.least(priority);
                    let standing = found.map(|(_, priority, queued)| (priority, queued));
                    prop_assert_eq!(standing, least.map(|least| (least.priority, least.queued)));
                    if let Some((slot, _, _)) = found {
                        queue.displace(slot);
                    }
                }
                Step::Promote(span) => {
                    queue.promote(now - span);
                    for one in list.iter_mut().filter(|one| one.rests_until.is_none()) {
                        if one.standing.queued <= now - span {
                            one.standing.priority = Priority::Critical;
                        }
                    }
                }
                Step::Advance(span) => {
                    now += span;
                    queue.wake(now);
                    for one in &mut list {
                        one.rests_until = one.rests_until.filter(|until| *until > now);
                    }
                }
                Step::WakeEarly => {
                    queue.wake_early(now);
                    for one in &mut list {
                        one.rests_until = one.rests_until.filter(|_| one.asked_until > now);
                    }
                }
                Step::Clear => {
                    prop_assert_eq!(queue.clear(), list.len());
                    list.clear();
                }
            }
            check(&queue, &list)?;
        }
    }
}

#[test]
fn a_record_is_of_32_bytes() {
    assert_eq!(size_of::<KeyRecord>(), 32);
    assert_eq!(Slab::<KeyRecord>::with_capacity(16).capacity(), 16);
}
