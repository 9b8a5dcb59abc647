//! The log of entries that leave memory.

mod fixture;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use cache_memory::{Eviction, Memory};
use fixture::{at, costly, glob, key, living, put, remove, tombstone};
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span,
    subscriber::with_default,
};

/// The fields of an event, the message among them.
type Fields = BTreeMap<&'static str, String>;

/// Keeps the events of memory at the level of debug.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<Fields>>>);

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("cache_memory") && *metadata.level() == Level::DEBUG
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(Fields::new());
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

struct Line(Fields);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }
}

/// What was logged while this was done: key, cause and weight of each, in order.
fn logged(policy: Eviction, done: impl FnOnce()) -> Vec<(String, String, String)> {
    let log = Log::default();
    with_default(log.clone(), done);
    let lines = log.0.lock().unwrap();
    let told = |line: &Fields| {
        let names: Vec<&str> = line.keys().copied().collect();
        assert_eq!(names, ["cause", "key", "message", "policy", "weight"], "{line:?}");
        assert_eq!(
            (line["policy"].as_str(), line["message"].as_str()),
            (policy.as_str(), "evicted from memory")
        );
        (line["key"].clone(), line["cause"].clone(), line["weight"].clone())
    };
    lines.iter().map(told).collect()
}

/// What an entry of this cost weighs beside its id. Whatever leaves is logged here, too: a thread that
/// doesn't listen would have tracing take it that nobody does.
fn weight(memory: &Memory, cost: u32) -> u64 {
    let mut weight = 0;
    with_default(Log::default(), || {
        memory.put(key("scale"), costly(0, cost), at(0));
        weight = memory.stats().weight - "scale".len() as u64;
        memory.clear();
    });
    weight
}

fn line(key: &str, cause: &str, weight: u64) -> (String, String, String) {
    (key.to_owned(), cause.to_owned(), weight.to_string())
}

#[test]
fn an_entry_that_is_removed_dies_or_is_too_heavy_is_logged_with_its_weight() {
    for policy in Eviction::ALL {
        let memory = Memory::builder().bytes(20_000).eviction(policy).protected_share(0.5).build();
        let (light, heavy) = (weight(&memory, 0), weight(&memory, 700));
        let lines = logged(policy, || {
            memory.put(key("one"), costly(1, 700), at(1));
            remove(&memory, "one", 2);
            put(&memory, "two", 1);
            memory.remove_matching(&glob("k:t*"), tombstone(2), at(2));
            memory.put(key("dying"), living(1, Duration::from_secs(1)), at(1));
            memory.sweep(at(2_000_000));
            memory.put(key("huge"), costly(1, 30_000), at(1));
            put(&memory, "last", 1);
            memory.clear();
        });
        let wanted = [
            line("k:one", "removed", heavy + 3),
            line("k:two", "removed", light + 3),
            line("k:dying", "expired", light + 5),
            line("k:huge", "oversized", light + 30_000 + 4),
            line("k:last", "removed", light + 4),
        ];
        assert_eq!(lines, wanted, "{policy}");
    }
}

#[test]
fn an_entry_evicted_for_space_is_logged_once() {
    for policy in Eviction::ALL {
        let memory = Memory::builder().entries(5).shards(1).eviction(policy).build();
        let lines = logged(policy, || {
            (0..12).for_each(|n| assert!(put(&memory, &n.to_string(), n)));
        });
        let gone = (0..12).map(|n| key(&n.to_string())).filter(|key| memory.peek(key).is_none());
        let mut gone: Vec<_> = gone.map(|key| line(key.as_str(), "size", 1)).collect();
        gone.sort();
        let mut told = lines;
        told.sort();
        assert_eq!(told, gone, "{policy}");
        assert_eq!((told.len(), memory.stats().evictions.size), (7, 7), "{policy}");
    }
}

#[test]
fn a_replaced_or_protected_entry_is_still_held_and_not_logged() {
    for policy in Eviction::ALL {
        let memory = Memory::builder().entries(20).eviction(policy).protected_share(0.5).build();
        let lines = logged(policy, || {
            put(&memory, "a", 1);
            put(&memory, "a", 2);
            fixture::protect(&memory, "a");
            put(&memory, "a", 3);
            fixture::unprotect(&memory, "a");
            put(&memory, "a", 4);
            put(&memory, "a", 2);
        });
        assert_eq!(lines, [], "{policy}");
        let stats = memory.stats();
        assert_eq!((stats.evictions.replaced, stats.entries), (3, 1), "{policy}");
    }
}
