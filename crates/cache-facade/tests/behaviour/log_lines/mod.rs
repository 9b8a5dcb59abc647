//! What the cache logs in an outage that touches many keys: a line per change of state and sums, not a line per
//! key.

use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use cache_core::{ErrorKind, LogSum, Pattern};
use cache_facade::{Eviction, Memory};
use tests::{Answer, Fixture, LocalLease, RecordedEvent, settle};
use tracing::subscriber::DefaultGuard;

/// The lines that this thread logs at info or above.
struct Lines {
    text: Arc<Mutex<Vec<u8>>>,
    _guard: DefaultGuard,
}

struct Sink(Arc<Mutex<Vec<u8>>>);

impl io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Lines {
    fn record() -> Self {
        let text = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&text);
        let subscriber =
            tracing_subscriber::fmt().with_ansi(false).with_writer(move || Sink(Arc::clone(&sink)));
        Self { text, _guard: tracing::subscriber::set_default(subscriber.finish()) }
    }

    fn with(&self, part: &str) -> Vec<String> {
        let text = String::from_utf8(self.text.lock().unwrap().clone()).unwrap();
        text.lines().filter(|line| line.contains(part)).map(str::to_owned).collect()
    }

    /// How many occurrences the lines stand for that have one of these parts.
    fn times(&self, single: &str, sum: &str) -> u64 {
        let field = |line: &String| -> Option<u64> {
            line.split_once("times=")?.1.split_whitespace().next()?.parse().ok()
        };
        let more =
            |line: &String| -> Option<u64> { line.split_once(sum)?.1.split_once(" more")?.0.parse().ok() };
        let singles: u64 = self.with(single).iter().filter_map(field).sum();
        singles + self.with(sum).iter().filter_map(more).sum::<u64>()
    }
}

/// Lets the sums of what was logged fall due, and what is over end.
async fn quiet(fixture: &Fixture) {
    for _ in 0..3 {
        fixture.clock.advance(LogSum::INTERVAL);
        settle().await;
    }
}

fn ids(range: std::ops::Range<u32>) -> Vec<String> {
    range.map(|id| format!("K{id}")).collect()
}

#[tokio::test]
async fn rule_72_a_provider_that_fails_for_100_000_keys_is_a_few_lines_that_add_up() {
    let fixture = Fixture::new().await;
    let lines = Lines::record();
    fixture.source.fail(ErrorKind::Unavailable);
    // 25 s long.
    for piece in 0..100 {
        assert!(fixture.region.get_many(&ids(piece * 1000..(piece + 1) * 1000)).await.is_err());
        fixture.clock.advance(Duration::from_millis(250));
    }
    quiet(&fixture).await;
    let written = lines.with("");
    assert!((3..=6).contains(&written.len()), "{written:#?}");
    assert_eq!(lines.times("a load failed", "no value to serve: "), 100_000, "{written:#?}");
    assert!(written.last().unwrap().contains("none for 10 s, 100000 in all"), "{written:#?}");

    fixture.source.recover();
    assert!(fixture.get("K1").await.is_some());
    fixture.source.fail(ErrorKind::Unavailable);
    assert!(fixture.region.get("another").await.is_err());
    assert!(lines.with("").last().unwrap().contains("price:another"), "the next outage is told at once");
}

#[tokio::test]
async fn rule_72_an_outage_bridged_by_stale_values_is_a_few_lines_and_an_event_each() {
    let fixture = Fixture::new().await;
    fixture.region.put_many(ids(0..5000).into_iter().map(|id| (id, "value".to_owned()))).await.unwrap();
    let lines = Lines::record();
    fixture.source.fail(ErrorKind::Unavailable);
    fixture.pass(120);
    fixture.region.get_many(&ids(0..5000)).await.unwrap();
    settle().await;
    quiet(&fixture).await;
    let written = lines.with("");
    assert!(written.len() <= 4, "{written:#?}");
    assert_eq!(lines.times("stale value in grace", "stale values served: "), 5000, "{written:#?}");
    let failed = fixture.cache.stats().load_failures;
    assert_eq!(failed, 5000);
}

#[tokio::test]
async fn rule_72_writes_that_a_tier_loses_are_a_few_lines_and_an_event_each() {
    let fixture = Fixture::new().await;
    let lines = Lines::record();
    fixture.tier.down();
    for piece in 0..30 {
        let values = ids(piece * 1000..(piece + 1) * 1000).into_iter().map(|id| (id, "value".to_owned()));
        fixture.region.put_many(values).await.unwrap();
    }
    let lost = fixture.events.count(|seen| matches!(seen, RecordedEvent::Lost { .. })) as u64;
    assert!(lost >= 20_000, "{lost}");
    for _ in 0..2 {
        fixture.clock.advance(LogSum::INTERVAL);
        settle().await;
    }
    let written = lines.with("");
    assert_eq!(lines.times("dropped a pending write", "that were dropped: "), lost, "{written:#?}");
    assert!(written.len() <= 5, "{written:#?}");
    assert!(lines.with("operation=Put").len() == 1, "{written:#?}");
}

#[tokio::test]
async fn rule_72_values_that_cannot_be_read_are_a_few_lines_and_an_event_each() {
    let fixture = Fixture::new().await;
    fixture.region.put_many(ids(0..3000).into_iter().map(|id| (id, "value".to_owned()))).await.unwrap();
    let other = fixture.another(|region| region).await;
    other.tier.distort(|_, entry| {
        if let Some(blob) = entry.as_mut().and_then(|entry| entry.value.as_mut()) {
            blob.bytes = vec![0xff; 3].into();
        }
    });
    let lines = Lines::record();
    other.region.get_many(&ids(0..3000)).await.unwrap();
    quiet(&other).await;
    let corrupt = other.events.count(|seen| matches!(seen, RecordedEvent::Corrupt { .. })) as u64;
    assert!(corrupt >= 3000);
    let written = lines.with("");
    assert!(written.len() <= 4, "{written:#?}");
    assert_eq!(lines.times("can't be read: it counts", "that can't be read: "), corrupt, "{written:#?}");
}

#[tokio::test]
async fn rule_72_a_tier_that_fails_and_works_a_thousand_times_a_second_is_a_few_lines() {
    let fixture = Fixture::new().await;
    let lines = Lines::record();
    for round in 0..1000 {
        if round % 2 == 0 {
            fixture.tier.down()
        } else {
            fixture.tier.up()
        }
        let _ = fixture.region.put("AAPL", round.to_string()).await;
        fixture.clock.advance(Duration::from_millis(1));
    }
    quiet(&fixture).await;
    let written = lines.with("");
    assert!((4..=12).contains(&written.len()), "{written:#?}");
    assert_eq!(lines.times("a tier failed", "writes began to fail: "), 500, "{written:#?}");
}

#[tokio::test]
async fn rule_72_a_tier_that_fails_once_is_told_when_it_does_and_when_it_works() {
    let fixture = Fixture::new().await;
    let lines = Lines::record();
    fixture.tier.down();
    fixture.region.put("AAPL", "1".to_owned()).await.unwrap();
    assert_eq!(lines.with("a tier failed").len(), 1);
    fixture.tier.up();
    fixture.pass(2);
    settle().await;
    assert_eq!(lines.with("a tier works again").len(), 1);
    quiet(&fixture).await;
    assert_eq!(lines.with("").len(), 2, "{:#?}", lines.with(""));
}

#[tokio::test]
async fn rule_72_protection_refused_for_many_is_a_few_lines_and_an_event_each() {
    let memory = Memory::builder().mib(1).eviction(Eviction::Lru).protected_share(0.1);
    let fixture = Fixture::built(|cache| cache.memory(memory), |region| region).await;
    fixture.cache.protect(Pattern::glob("price:*").unwrap()).unwrap();
    let lines = Lines::record();
    fixture.region.put_many(ids(0..2000).into_iter().map(|id| (id, "x".repeat(1000)))).await.unwrap();
    let refused = fixture.events.count(|seen| matches!(seen, RecordedEvent::ProtectionRefused { .. })) as u64;
    assert!(refused > 1000, "{refused}");
    quiet(&fixture).await;
    let written = lines.with("");
    assert!(written.len() <= 3, "{written:#?}");
    assert_eq!(lines.times("are not protected", "share for them is full: "), refused, "{written:#?}");
}

#[tokio::test]
async fn rule_72_a_lease_that_fails_for_each_load_is_a_line_and_another_when_it_works() {
    let first = Fixture::new().await;
    let lease = LocalLease::new(first.clock.clone());
    lease.down();
    let fixture = first.another_built(|cache| cache.lease(lease.clone()), |region| region).await;
    let lines = Lines::record();
    for id in ids(0..1000) {
        assert!(fixture.get(&id).await.is_some());
    }
    let failed = fixture.events.count(|seen| matches!(seen, RecordedEvent::LeaseFailed { .. }));
    assert_eq!((lines.with("the lease failed").len(), failed), (1, 1000), "{:#?}", lines.with(""));
    lease.up();
    for id in ids(1000..1010) {
        assert!(fixture.get(&id).await.is_some());
    }
    quiet(&fixture).await;
    assert_eq!(lines.with("the lease works again").len(), 1);
    assert_eq!(lines.with("").len(), 2, "{:#?}", lines.with(""));
    let recovered = RecordedEvent::LeaseRecovered { lease: "local" };
    assert_eq!(fixture.events.count(|seen| *seen == recovered), 1);
}

#[tokio::test]
async fn rule_72_a_lease_that_fails_and_works_by_turns_is_a_few_lines() {
    let first = Fixture::new().await;
    let lease = LocalLease::new(first.clock.clone());
    let fixture = first.another_built(|cache| cache.lease(lease.clone()), |region| region).await;
    let lines = Lines::record();
    for (round, id) in ids(0..1000).into_iter().enumerate() {
        if round % 2 == 0 {
            lease.down()
        } else {
            lease.up()
        }
        assert!(fixture.get(&id).await.is_some());
    }
    quiet(&fixture).await;
    let written = lines.with("");
    assert!((2..=6).contains(&written.len()), "{written:#?}");
    assert_eq!(lines.times("the lease failed", "lease began to fail: "), 500, "{written:#?}");
}

#[tokio::test]
async fn rule_72_what_has_had_no_line_is_told_at_the_end_of_the_cache() {
    let Fixture { source, region, cache, clock, .. } = Fixture::new().await;
    let lines = Lines::record();
    source.fail(ErrorKind::Unavailable);
    for id in ids(0..100) {
        assert!(region.get(&id).await.is_err());
    }
    drop((region, cache));
    settle().await;
    clock.advance(Duration::from_secs(1));
    settle().await;
    assert_eq!(lines.times("a load failed", "no value to serve: "), 100, "{:#?}", lines.with(""));
}

#[tokio::test]
async fn rule_72_what_a_tier_had_no_line_for_is_told_at_the_end_of_the_cache_too() {
    let Fixture { tier, region, cache, events, clock, .. } = Fixture::new().await;
    let lines = Lines::record();
    tier.down();
    for piece in 0..30 {
        let values = ids(piece * 1000..(piece + 1) * 1000).into_iter().map(|id| (id, "value".to_owned()));
        region.put_many(values).await.unwrap();
    }
    let lost = events.count(|seen| matches!(seen, RecordedEvent::Lost { .. })) as u64;
    assert!(lost >= 20_000 && lines.times("dropped a pending write", "that were dropped: ") < lost);
    drop((region, cache));
    settle().await;
    clock.advance(Duration::from_secs(1));
    settle().await;
    let told = lines.times("dropped a pending write", "that were dropped: ");
    assert_eq!(told, lost, "{:#?}", lines.with(""));
}

#[tokio::test]
async fn rule_72_a_thousand_regions_that_fail_have_no_line_each() {
    let fixture = Fixture::new().await;
    let lines = Lines::record();
    fixture.source.fail(ErrorKind::Unavailable);
    for region in 0..1000 {
        let region = fixture.cache.region::<String>(&format!("kind{region}")).loader(fixture.source.clone());
        assert!(region.open().unwrap().get("AAPL").await.is_err());
    }
    quiet(&fixture).await;
    assert!(lines.with("").len() <= 3, "{:#?}", lines.with(""));
}

/// The caches of a process count apart.
#[tokio::test]
async fn rule_72_each_cache_tells_its_own() {
    let lines = Lines::record();
    for _ in 0..3 {
        let fixture = Fixture::new().await;
        fixture.source.fail(ErrorKind::Unavailable);
        assert!(fixture.region.get("AAPL").await.is_err());
    }
    assert_eq!(lines.with("a load failed").len(), 3);
}

#[tokio::test]
async fn rule_72_keys_that_are_kept_fresh_are_a_line_when_they_fail_and_one_when_none_does() {
    let fixture = Fixture::new().await;
    let _ = fixture.source.clone().batch(4);
    let keys = ids(0..20);
    let every = Duration::from_secs(30);
    let _kept = fixture.region.keep_fresh(&keys, every).unwrap();
    settle().await;
    let lines = Lines::record();
    for failing in [5, 20, 3, 0, 0] {
        for (at, id) in keys.iter().enumerate() {
            let answer = if at < failing { Answer::Fail(ErrorKind::Load) } else { Answer::Made };
            fixture.source.answer(&fixture.key(id), answer);
        }
        fixture.clock.advance(every);
        settle().await;
    }
    assert_eq!(
        lines.with("keys that are to be kept fresh can't be loaded").len(),
        1,
        "{:#?}",
        lines.with("")
    );
    assert_eq!(lines.with("all keys that are to be kept fresh are loaded again").len(), 1);
}
