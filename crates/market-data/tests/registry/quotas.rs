//! No provider is ever called more often than its quota allows.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use cache_core::{Clock, Timestamp};
use market_data::{Answer as Told, DataType, Provider, ProviderErrorKind, ProviderSettings, Quota, Registry};
use proptest::prelude::*;

use crate::{
    flat::{Flat, prices},
    scene::{assets, settings},
    upstream::{Answer, Upstream},
};

fn quota(per_second: u32, per_minute: u32, per_day: u32) -> Quota {
    let limit = |calls: u32| calls.try_into().ok();
    Quota { per_second: limit(per_second), per_minute: limit(per_minute), per_day: limit(per_day) }
}

/// Asks at these moments, several at once, and says when the upstream was called.
async fn calls_under(quota: Quota, asks: &[(u64, usize)]) -> Vec<Timestamp> {
    let clock = Clock::manual();
    let made = Arc::new(Mutex::new(Vec::new()));
    let (log, at) = (made.clone(), clock.clone());
    let first = Upstream::answering(move |asked| {
        log.lock().unwrap().push(at.now());
        // Some calls fail, and count all the same.
        if log.lock().unwrap().len() % 5 == 0 {
            Answer::new(500, "oops")
        } else {
            prices(|_| Some(1.0))(asked)
        }
    })
    .await;
    let second = Upstream::answering(prices(|_| Some(2.0))).await;
    let one = ProviderSettings { quota, retries: 1, backoff_ms: 0, ..settings(1) };
    let flat = |name, upstream: &Upstream| Arc::new(Flat::at(name, &upstream.url(), &clock));
    let registry = Registry::builder(clock.clone())
        .provider(flat("first", &first), one)
        .provider(flat("second", &second), settings(2))
        .build()
        .unwrap();
    let asked = assets(&["A"]);
    for (pause, crowd) in asks {
        clock.advance(Duration::from_millis(*pause));
        let answers = futures_util::future::join_all((0..*crowd).map(|_| registry.quotes(&asked))).await;
        assert!(
            answers.iter().all(|answer| matches!(answer.as_deref(), Ok([Told::Value(_)]))),
            "{answers:?}"
        );
    }
    let usage = registry.reports()[0].usage;
    assert_eq!(usage.calls, first.calls() as u64, "every call is counted");
    made.lock().unwrap().clone()
}

/// A call may fall to each of them.
#[tokio::test]
async fn calls_left_are_those_of_whoever_has_the_least() {
    let clock = Clock::manual();
    let upstream = Upstream::answering(prices(|_| Some(1.0))).await;
    let flat = |name| Arc::new(Flat::at(name, &upstream.url(), &clock));
    let registry = Registry::builder(clock.clone())
        .provider(flat("without"), settings(1))
        .provider(flat("more"), ProviderSettings { quota: quota(5, 100, 0), ..settings(2) })
        .provider(flat("less"), ProviderSettings { quota: quota(0, 50, 10), ..settings(3) })
        .build()
        .unwrap();
    assert_eq!(registry.calls_left(DataType::Price), Some(10));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn no_quota_is_ever_exceeded_and_everybody_is_answered(
        limits in (1..6_u32, 4..12_u32, 8..20_u32),
        asks in prop::collection::vec((prop_oneof![0..300_u64, 0..90_000_u64, 0..90_000_000_u64], 1..8_usize), 1..25),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let made = runtime.block_on(calls_under(quota(limits.0, limits.1, limits.2), &asks));
        for (limit, seconds) in [(limits.0, 1), (limits.1, 60), (limits.2, 86_400)] {
            for (at, began) in made.iter().enumerate() {
                let span = Duration::from_secs(seconds);
                let within = made[at..].iter().take_while(|call| call.since(*began) < span).count();
                prop_assert!(within <= limit as usize, "{within} calls in {seconds} s, the limit is {limit}");
            }
        }
    }
}

#[tokio::test]
async fn a_quota_that_is_used_up_is_no_illness_and_says_when_it_is_back() {
    let clock = Clock::manual();
    let upstream = Upstream::answering(prices(|_| Some(1.0))).await;
    let one = ProviderSettings { quota: quota(0, 5, 0), ..settings(1) };
    let registry = Registry::builder(clock.clone())
        .provider(Arc::new(Flat::at("only", &upstream.url(), &clock)), one)
        .build()
        .unwrap();
    let asked = assets(&["A"]);
    for _ in 0..5 {
        registry.quotes(&asked).await.unwrap();
    }
    clock.advance(Duration::from_secs(20));
    let error = registry.quotes(&asked).await.unwrap_err();
    assert!(matches!(error.kind(), ProviderErrorKind::HeldBack { wait: Some(_) }), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("only is held back, its quota of 5 calls a minute is used up"), "{text}");
    assert!(text.contains("the next call goes out in 41 s"), "{text}");
    let report = registry.reports().remove(0);
    assert_eq!((report.usage.calls, report.usage.refused, report.unhealthy_reason), (5, 1, None));
}
