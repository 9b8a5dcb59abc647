//! Lives as people write them: as text, by class, with a span past the life.

use std::time::Duration;

use cache_core::{Clock, ErrorKind, Key, Timestamp};
use cache_facade::{Cache, Class, Fetched, Lives, Lookup, Region, RegionBuilder, Ttl};

const SECOND: Duration = Duration::from_secs(1);

/// A cache on a clock that the test moves, and a region of it.
async fn region(set: impl FnOnce(RegionBuilder<u64>) -> RegionBuilder<u64>) -> (Clock, Cache, Region<u64>) {
    let clock = Clock::manual();
    let cache = Cache::builder().clock(clock.clone()).build().await.unwrap();
    let region = set(cache.region::<u64>("k")).open().unwrap();
    (clock, cache, region)
}

/// Births on a clock that stands still are a microsecond apart, and that much of a life is over.
fn rounded(span: Duration) -> Duration {
    Duration::from_secs_f64(span.as_secs_f64().round())
}

/// For how long a value is fresh, and servable, right after it was put.
async fn spans(region: &Region<u64>, id: &str, value: impl Into<Fetched<u64>>) -> (Duration, Duration) {
    region.put(id, value).await.unwrap();
    let Lookup { fresh_for, servable_for, .. } = region.lookup(id).await.unwrap();
    (rounded(fresh_for), rounded(servable_for))
}

#[tokio::test]
async fn a_life_is_given_as_text_a_span_a_ttl_a_class_or_a_policy() {
    let policy = |_: &Key, value: Option<&u64>, _: Timestamp| Ttl::new(SECOND * *value.unwrap() as u32);
    let ttl = Ttl::new(90 * SECOND).grace(100 * SECOND);
    for (region, life, servable) in [
        (region(|region| region.ttl("1m 30s")).await, 90, 90),
        (region(|region| region.ttl(&"1h".to_owned())).await, 3600, 3600),
        (region(|region| region.ttl("very_long")).await, 86_400, 86_400),
        (region(|region| region.ttl(Class::Medium)).await, 1800, 1800),
        (region(|region| region.ttl(90 * SECOND)).await, 90, 90),
        (region(|region| region.ttl(ttl)).await, 90, 100),
        (region(move |region| region.ttl(policy)).await, 7, 7),
    ] {
        assert_eq!(spans(&region.2, "a", 7).await, (SECOND * life, SECOND * servable));
    }
}

#[tokio::test]
async fn a_value_is_served_for_that_long_past_whatever_life_it_has() {
    let by_value = |_: &Key, value: Option<&u64>, _: Timestamp| {
        Ttl::new(SECOND * *value.unwrap() as u32).grace(SECOND * 5000)
    };
    for (form, region) in [
        ("behind", region(move |region| region.ttl(by_value).stale_for("10m")).await.2),
        ("before", region(move |region| region.stale_for(600 * SECOND).ttl(by_value)).await.2),
        (
            "of a handle",
            region(move |region| region.ttl(by_value)).await.2.with(|policy| policy.stale_for(600 * SECOND)),
        ),
    ] {
        for life in [1, 10, 1000] {
            let wanted = (SECOND * life as u32, SECOND * (life as u32 + 600));
            assert_eq!(spans(&region, "a", life).await, wanted, "{form}");
        }
        assert_eq!(region.get("a").await.unwrap().as_deref(), Some(&1000));
        assert_eq!(
            spans(&region, "a", 0).await,
            (Duration::ZERO, Duration::ZERO),
            "none is never served: {form}"
        );
    }
    let (clock, _, region) = region(|region| region.ttl("1m").stale_for("1h")).await;
    region.put("a", 1).await.unwrap();
    clock.advance(3659 * SECOND);
    assert!(region.lookup("a").await.unwrap().stale);
    clock.advance(SECOND);
    assert_eq!(region.get("a").await.unwrap(), None);
    let own = Fetched::new(1).ttl(Ttl::new(SECOND).stale_for(SECOND));
    assert_eq!(spans(&region, "a", own).await, (SECOND, 2 * SECOND), "as its source says");
}

#[tokio::test]
async fn what_a_class_comes_to_is_the_caches_to_say_and_may_change() {
    let clock = Clock::manual();
    let short = Ttl::new(SECOND).stale_for(SECOND);
    let lives = Lives { short, ..Lives::default() };
    let cache = Cache::builder().clock(clock.clone()).lives(lives).build().await.unwrap();
    assert_eq!(cache.lives(), lives);
    let region = cache.region::<u64>("k").ttl(Class::Short).open().unwrap();
    assert_eq!(spans(&region, "a", 1).await, (SECOND, 2 * SECOND), "with the grace of the class");

    cache.set_lives(Lives { short: Ttl::new(7 * SECOND), ..lives });
    assert_eq!(rounded(region.lookup("a").await.unwrap().fresh_for), SECOND, "what is there keeps its life");
    assert_eq!(spans(&region, "a", 1).await, (7 * SECOND, 7 * SECOND));
    let long = Fetched::new(1).ttl(Class::Long);
    assert_eq!(spans(&region, "a", long).await, (3600 * SECOND, 3600 * SECOND), "as its source says");
    assert!(region.set_life("a", Class::Short).await.unwrap());
    assert_eq!(rounded(region.lookup("a").await.unwrap().fresh_for), 7 * SECOND);
    assert!(region.set_life("a", 9 * SECOND).await.unwrap());
    assert_eq!(rounded(region.lookup("a").await.unwrap().fresh_for), 9 * SECOND);
}

#[tokio::test]
async fn a_text_that_is_no_span_fails_the_opening_and_says_which_and_how_to_write_one() {
    let (_, cache, _) = region(|region| region).await;
    type Set = fn(RegionBuilder<u64>) -> RegionBuilder<u64>;
    let all: [(&str, Set); 8] = [
        ("ttl", |region| region.ttl("30 fortnights")),
        ("stale_for", |region| region.stale_for("30 fortnights")),
        ("negative", |region| region.negative("30 fortnights")),
        ("soft_timeout", |region| region.soft_timeout("30 fortnights")),
        ("hard_timeout", |region| region.hard_timeout("30 fortnights")),
        ("late", |region| region.late("30 fortnights")),
        ("throttle", |region| region.throttle("30 fortnights")),
        ("batch_window", |region| region.batch_window("30 fortnights")),
    ];
    for (setting, set) in all {
        // A later one that is right does not hide it.
        let error = set(cache.region::<u64>("price")).ttl("1m").late("1s").open().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        let text = error.to_string();
        assert!(
            text.starts_with(&format!("open: {setting} of the region \"price\": \"30 fortnights\"")),
            "{text}"
        );
        assert!(text.contains("write \"250ms\", \"30m\" or \"1h 30m\""), "{text}");
    }
    let error = cache.region::<u64>("price").ttl("shrt").open().unwrap_err();
    assert!(error.to_string().ends_with("or a class: short, medium, long, very_long"), "{error}");
    cache.region::<u64>("other").negative("250ms").throttle("1h 30m").batch_window("2ms").open().unwrap();
}
