//! How long, how often and how soon again a provider is asked.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use cache_core::Clock;
use market_data::{Provider, ProviderSettings, Registry};

use crate::{
    flat::{self, Flat, prices},
    scene::{Scene, assets, settings, short, under_way},
    upstream::{Answer, Upstream},
};

#[tokio::test]
async fn a_provider_that_hangs_costs_its_time_and_no_more() {
    let slow = ProviderSettings { timeout_ms: 700, retries: 3, ..settings(1) };
    let scene = Scene::first_saying([Answer::silent()], slow).await;
    let began = scene.clock.now();
    let waiting = || scene.first.calls() == 1 && scene.usage(0).failures == 0;
    assert_eq!(flat::with_time(&scene.clock, waiting, scene.ask(&["A"])).await, "second");
    assert_eq!(scene.clock.now().since(began), Duration::from_millis(700));
    assert_eq!(scene.first.calls(), 1, "what took all its time is not tried again");
}

#[tokio::test]
async fn a_failure_in_passing_is_tried_again_after_a_pause_and_a_refusal_is_not() {
    let trying = || ProviderSettings { retries: 2, backoff_ms: 100, ..settings(1) };
    let oops = || Answer::new(500, "oops");
    let scene = Scene::first_saying([oops(), oops(), Answer::new(200, r#"{"A": 1}"#)], trying()).await;
    let began = scene.clock.now();
    let waiting = || under_way(&scene.registry) == 0;
    let answered = flat::with_time(&scene.clock, waiting, scene.ask(&["A"])).await;
    let took = scene.clock.now().since(began);
    assert_eq!((answered.as_str(), scene.first.calls(), scene.usage(0).retries), ("first", 3, 2));
    // 50 to 100 ms, then 100 to 200.
    assert!((150..=301).contains(&took.as_millis()), "{took:?}");

    for refusal in [Answer::new(401, ""), Answer::new(400, ""), Answer::new(200, "<html>")] {
        let scene = Scene::first_saying([refusal], trying()).await;
        assert_eq!((scene.ask(&["A"]).await.as_str(), scene.calls()), ("second", (1, 1)));
    }
}

#[tokio::test]
async fn no_call_goes_out_before_retry_after_and_one_does_then() {
    let busy = Answer::new(429, "Too Many Requests").header("retry-after", "30");
    let patient = ProviderSettings { retries: 5, ..settings(1) };
    let scene = Scene::first_saying([busy, Answer::new(200, r#"{"A": 1}"#)], patient).await;
    for second in 0..30 {
        assert_eq!(scene.ask(&["A"]).await, "second", "{second} s");
        assert_eq!(scene.first.calls(), 1, "{second} s");
        assert!(scene.registry.reports()[0].unhealthy_reason.is_some());
        scene.clock.advance(Duration::from_secs(1));
    }
    assert_eq!((scene.ask(&["A"]).await.as_str(), scene.first.calls()), ("first", 2));
    assert!(scene.registry.reports()[0].is_healthy());
    assert_eq!(scene.usage(0).refused, 29);
}

#[tokio::test]
async fn where_nobody_else_can_be_asked_a_short_pause_is_waited_out() {
    let busy = |pause: &str| Answer::new(429, "slow down").header("retry-after", pause);
    for (pause, max_wait, outcome) in [("2", 3, "only"), ("4", 3, "all: only answered 429: slow down")] {
        let upstream = Upstream::saying([busy(pause), Answer::new(200, r#"{"A": 1}"#)]).await;
        let clock = Clock::manual();
        let one = ProviderSettings { retries: 1, ..settings(1) };
        let registry = Registry::builder(clock.clone())
            .provider(Arc::new(Flat::at("only", &upstream.url(), &clock)), one)
            .max_wait(Duration::from_secs(max_wait))
            .build()
            .unwrap();
        let began = clock.now();
        let asked = assets(&["A"]);
        let waiting = || registry.reports()[0].usage.calls > 0 && under_way(&registry) == 0;
        let told = match flat::with_time(&clock, waiting, registry.quotes(&asked)).await {
            Ok(answers) => short(&answers[0]),
            Err(error) => format!("all: {error}"),
        };
        assert!(told.starts_with(outcome), "{told}");
        let took = clock.now().since(began);
        assert_eq!(took, if outcome == "only" { Duration::from_secs(2) } else { Duration::ZERO });
    }
}

#[tokio::test]
async fn who_fails_time_and_again_is_left_alone_and_then_tried_by_one_call() {
    let breaking = ProviderSettings { breaker_failures: 3, breaker_pause_ms: 10_000, ..settings(1) };
    let healed = Arc::new(AtomicUsize::new(0));
    let state = healed.clone();
    let first = Upstream::answering(move |asked| match state.load(SeqCst) {
        0 => Answer::new(500, "oops"),
        _ => prices(|_| Some(1.0))(asked),
    });
    let second = Upstream::answering(prices(|_| Some(2.0))).await;
    let scene = Scene::of(first.await, second, breaking).await;
    for _ in 0..20 {
        assert_eq!(scene.ask(&["A"]).await, "second");
    }
    assert_eq!((scene.first.calls(), scene.usage(0).refused), (3, 17));
    assert!(scene.registry.reports()[0].unhealthy_reason.as_deref().unwrap().contains("left alone"));

    scene.clock.advance(Duration::from_secs(10));
    for _ in 0..5 {
        assert_eq!(scene.ask(&["A"]).await, "second");
    }
    assert_eq!(scene.first.calls(), 4, "one call tried");

    healed.store(1, SeqCst);
    scene.clock.advance(Duration::from_secs(10));
    assert_eq!(scene.ask(&["A"]).await, "first");
    assert!(scene.registry.reports()[0].is_healthy());
}

#[tokio::test]
async fn what_is_asked_wrongly_opens_no_breaker() {
    let breaking = ProviderSettings { breaker_failures: 2, ..settings(1) };
    let scene = Scene::first_saying([Answer::new(400, "what?")], breaking).await;
    for calls in 1..10 {
        assert_eq!((scene.ask(&["A"]).await.as_str(), scene.first.calls()), ("second", calls));
    }
}

#[tokio::test]
async fn a_probe_that_is_dropped_does_not_keep_its_provider_shut_for_ever() {
    let breaking = ProviderSettings { breaker_failures: 1, breaker_pause_ms: 1000, ..settings(1) };
    let turn = AtomicUsize::new(0);
    let first = Upstream::answering(move |asked| match turn.fetch_add(1, SeqCst) {
        0 => Answer::new(500, "oops"),
        1 => Answer::silent(),
        _ => prices(|_| Some(1.0))(asked),
    });
    let second = Upstream::answering(prices(|_| Some(2.0))).await;
    let scene = Scene::of(first.await, second, breaking).await;
    assert_eq!(scene.ask(&["A"]).await, "second");
    scene.clock.advance(Duration::from_secs(1));
    tokio::select! {
        _ = scene.ask(&["A"]) => panic!("nothing was said"),
        () = flat::until(|| scene.first.calls() == 2) => {}
    }
    assert_eq!(scene.ask(&["A"]).await, "second");
    scene.clock.advance(Duration::from_secs(1));
    assert_eq!(scene.ask(&["A"]).await, "first");
}

#[tokio::test]
async fn a_huge_retry_after_silences_a_provider_for_no_longer_than_its_bound_and_is_reported() {
    for asked in ["86400", "999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"] {
        let busy = Answer::new(429, "slow down").header("retry-after", asked);
        let bound = ProviderSettings { retry_after_max_ms: 60_000, ..settings(1) };
        let scene = Scene::first_saying([busy, Answer::new(200, r#"{"A": 1}"#)], bound).await;
        assert_eq!(scene.ask(&["A"]).await, "second");
        let minute = Duration::from_secs(60);
        assert_eq!(
            scene.registry.reports()[0].silent_until,
            Some(scene.clock.now().after(minute)),
            "{asked}"
        );
        scene.clock.advance(minute - Duration::from_millis(1));
        assert_eq!((scene.ask(&["A"]).await.as_str(), scene.first.calls()), ("second", 1), "{asked}");
        scene.clock.advance(Duration::from_millis(1));
        assert_eq!(scene.registry.reports()[0].silent_until, None);
        assert_eq!((scene.ask(&["A"]).await.as_str(), scene.first.calls()), ("first", 2), "{asked}");
    }
}
