//! Runs of strategies: what they may cost, what costs nothing, and in which order they go.

use std::{collections::HashSet, sync::Arc};

use async_trait::async_trait;
use cache_core::{ErrorKind, Key, Result, Warm, sync::Mutex};
use cache_warming::{Coverage, KeysOf, Outlook, RunBudget, RunSchedule, RunTerms, Strategy, Warming};
use futures_util::FutureExt;
use proptest::{collection::vec, prelude::any, prop_assert, prop_assert_eq, proptest};

use crate::fixture::{Cache, Fixture, advance, by_hand, cases, ids, key, keys, numbered, seconds, settle};

/// Where a key is at the begin of a run; else nowhere.
const FRESH: u8 = 1;
const BELOW: u8 = 2;
const FAILS: u8 = 3;

proptest! {
    #![proptest_config(cases(128))]

    #[test]
    fn rule_86_no_run_goes_beyond_its_budget_or_its_quota(
        prices in vec((0..30_usize, 0..4_u8), 0..60), news in vec((0..30_usize, 0..4_u8), 0..60),
        (most_keys, most_calls, concurrency) in (0..50_usize, 0..8_usize, 1..4_usize),
        quota in proptest::option::of(0..12_usize), share in 0.0..1.0_f64,
    ) {
        let budget = RunBudget::default().keys(most_keys).calls(most_calls).concurrency(concurrency);
        let mut picked = Vec::new();
        let caches = [("price", &prices), ("news", &news)];
        for (kind, which) in caches {
            picked.extend(which.iter().map(|(index, _)| Key::new(kind, &format!("S{index}")).unwrap()));
        }
        let strategy = by_hand("warm", picked.clone(), budget.quota_share(share));
        let at = Fixture::with(4, Coverage::default(), |builder| {
            builder.strategy(strategy).calls_left(move |kind| quota.filter(|_| kind == "price"))
        });
        let other = Cache::new("news", 4, &at.clock);
        at.warming.cover(other.clone(), Coverage::default());
        for ((_, which), cache) in caches.iter().zip([&at.cache, &other]) {
            for (index, place) in which.iter() {
                let id = format!("S{index}");
                match *place {
                    FRESH => cache.set_fresh(&id, seconds(30)),
                    BELOW => cache.set_lower(&id, seconds(30)),
                    FAILS => drop(cache.script.lock().failing.insert(id)),
                    _ => {}
                }
            }
        }
        let result = at.warming.run("warm").now_or_never().unwrap().unwrap();
        let called: Vec<Vec<Vec<String>>> = vec![at.cache.calls(), other.calls()];
        let calls: usize = called.iter().map(Vec::len).sum();
        let asked: usize = called.iter().flatten().map(Vec::len).sum();
        prop_assert!(calls <= most_calls && asked + result.lifted <= most_keys, "{called:?}");
        prop_assert!(called.iter().flatten().all(|call| call.len() <= 4), "{called:?}");
        if let Some(quota) = quota {
            prop_assert!(called[0].len() <= (quota as f64 * share) as usize, "{called:?} of {quota}");
        }
        // Each key once, and none that was fresh, or that a lower tier had and that was looked for there.
        for (cache, (called, (kind, _))) in [&at.cache, &other].into_iter().zip(called.iter().zip(caches)) {
            let asked: Vec<&String> = called.iter().flatten().collect();
            prop_assert_eq!(asked.iter().collect::<HashSet<_>>().len(), asked.len(), "{} {:?}", kind, called);
            let lower = &cache.script.lock().lower;
            prop_assert!(asked.iter().all(|id| !lower.contains_key(*id)), "{called:?}");
        }
        // Of each picked key it is told what became of it.
        let all = picked.iter().collect::<HashSet<_>>().len();
        let told = result.fresh + result.lifted + result.fetched + result.failures + result.left_out;
        prop_assert_eq!((result.items, told), (all, all), "{:?}", result);
        prop_assert_eq!((result.calls, result.fetched + result.failures), (calls, asked));
        prop_assert_eq!(result.success, result.failures == 0);
    }

    #[test]
    fn what_is_asked_for_at_once_is_bounded(concurrency in 0..6_usize, many in 1..60_usize) {
        let budget = RunBudget::default().concurrency(concurrency);
        let at = Fixture::with(2, Coverage::default(), |builder| {
            builder.strategy(by_hand("warm", numbered("S", many), budget))
        });
        at.cache.script.lock().takes = seconds(1);
        let mut run = Box::pin(at.warming.run("warm"));
        let mut result = None;
        while result.is_none() {
            result = run.as_mut().now_or_never();
            at.clock.advance(seconds(1));
        }
        let calls = many.div_ceil(2);
        let at_most = at.cache.script.lock().most_under_way;
        prop_assert_eq!((at_most, at.cache.calls().len()), (concurrency.max(1).min(calls), calls));
        let waves = calls.div_ceil(concurrency.max(1)) as u64;
        prop_assert_eq!(result.unwrap().unwrap().duration_ms, 1000 * waves);
    }

    #[test]
    fn a_share_of_a_quota_is_from_nothing_to_all(share in any::<f64>(), left in 0..9_usize) {
        let at = Fixture::with(1, Coverage::default(), |builder| {
            let budget = RunBudget::default().quota_share(share);
            let strategy = by_hand("warm", numbered("S", 20), budget);
            builder.strategy(strategy).calls_left(move |_| Some(left))
        });
        at.warming.run("warm").now_or_never().unwrap().unwrap();
        let allowed = (left as f64 * share.clamp(0.0, 1.0)) as usize;
        prop_assert_eq!(at.cache.calls().len(), allowed);
    }
}

#[tokio::test]
async fn what_lower_tiers_have_costs_no_call() {
    let budget = RunBudget::default().calls(1);
    let at = Fixture::new(|builder| builder.strategy(by_hand("warm", numbered("S", 30), budget)));
    numbered("S", 21).iter().for_each(|key| at.cache.set_lower(key.id(), seconds(30)));
    at.cache.set_fresh("S0029", seconds(50));
    let result = at.run("warm").await;
    assert_eq!((result.fresh, result.lifted, result.fetched, result.calls), (1, 21, 8, 1));
    assert_eq!(at.cache.script.lock().lifts.len(), 1);
    assert!(at.cache.fresh_for(&key("S0000")).is_some());
    assert_eq!(at.cache.calls()[0], ids(&numbered("S", 29)[21..]));
}

#[tokio::test]
async fn a_lower_tier_that_fails_has_nothing() {
    let at = Fixture::new(|builder| builder.strategy(by_hand("warm", numbered("S", 5), Default::default())));
    at.cache.set_lower("S0000", seconds(30));
    at.cache.script.lock().lower_fails = true;
    let result = at.run("warm").await;
    assert_eq!((result.lifted, result.fetched, result.success), (0, 5, true));
}

#[tokio::test]
async fn what_dies_soon_is_fetched_as_if_it_were_dead_and_is_not_looked_for_below() {
    let at = Fixture::new(|builder| builder.strategy(by_hand("warm", numbered("S", 2), Default::default())));
    at.cache.set_fresh("S0000", seconds(3));
    at.cache.set_fresh("S0001", seconds(4));
    at.cache.set_lower("S0000", seconds(30));
    let result = at.run("warm").await;
    assert_eq!((result.fresh, result.fetched, at.cache.calls()), (1, 1, vec![vec!["S0000".to_owned()]]));
}

#[tokio::test]
async fn keys_that_fail_and_kinds_that_nobody_covers_are_told() {
    let mut picked = numbered("S", 5);
    picked.push(Key::new("unknown", "x").unwrap());
    let at = Fixture::new(|builder| builder.strategy(by_hand("warm", picked, Default::default())));
    at.cache.script.lock().failing.insert("S0003".to_owned());
    let result = at.run("warm").await;
    assert_eq!((result.success, result.items, result.fetched, result.failures), (false, 6, 4, 2));
    let error = result.error.clone().unwrap();
    assert!(error.contains("\"unknown\" is not warmed"), "the first is told: {error}");
    let strategy = at.strategy("warm");
    assert_eq!((strategy.runs, strategy.last, strategy.running), (1, Some(result), None));
    at.cache.script.lock().fresh.clear();
    let error = at.run("warm").await.error.unwrap();
    assert!(error.contains("not warmed"), "{error}");
}

#[tokio::test]
async fn who_runs_a_strategy_that_there_is_not_is_told_which_there_are() {
    let at = Fixture::new(|builder| {
        builder.strategy(by_hand("a", Vec::new(), Default::default())).strategy(by_hand(
            "b",
            Vec::new(),
            Default::default(),
        ))
    });
    let error = at.warming.run("c").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("\"c\"") && error.to_string().contains("a, b"), "{error}");
    assert_eq!(at.run("a").await.items, 0);
}

#[test]
fn more_strategies_than_are_told_apart_are_refused() {
    let with = |many: usize| {
        std::panic::catch_unwind(|| {
            let strategy = |at: usize| by_hand(&format!("s{at}"), keys(&["AAPL"]), Default::default());
            (0..many).fold(Warming::builder(), |builder, at| builder.strategy(strategy(at))).build()
        })
    };
    let warming = with(30).unwrap();
    let clock = cache_core::Clock::system();
    warming.cover(Cache::new("price", 10, &clock), Coverage::default());
    assert_eq!(warming.stats().strategies.len(), 31);
    assert!(with(31).is_err());
}

#[tokio::test]
async fn those_of_higher_priority_run_first_and_so_many_at_once() {
    for (at_once, expected) in [(1, 1), (0, 1), (2, 2), (4, 3)] {
        let strategy = |name: &'static str, priority| {
            KeysOf::new(name, RunSchedule::AtStart, move || std::future::ready(Ok(vec![key(name)])))
                .budget(RunBudget::default().priority(priority))
        };
        let at = Fixture::new(|builder| {
            let builder = builder.strategy(strategy("low", 1)).strategy(strategy("high", 200));
            builder.strategy(strategy("middle", 100)).concurrency(at_once)
        });
        at.cache.script.lock().takes = seconds(5);
        let _running = at.warming.start();
        settle().await;
        assert_eq!(at.cache.calls().concat(), ["high", "middle", "low"][..expected]);
        advance(&at.clock, seconds(15)).await;
        assert_eq!(at.cache.calls().concat(), ["high", "middle", "low"]);
    }
}

/// Picks what is hottest, as a strategy of an application may.
#[derive(Debug)]
struct Hottest(RunTerms, Arc<Mutex<Vec<String>>>);

#[async_trait]
impl Strategy for Hottest {
    fn terms(&self) -> &RunTerms {
        &self.0
    }

    async fn pick(&self, outlook: &Outlook<'_>) -> Result<Vec<Key>> {
        self.1.lock().extend(outlook.kinds().map(str::to_owned));
        assert!(outlook.hottest("unknown", 9).is_empty());
        let mut picked = outlook.hottest("price", 3);
        picked.extend(keys(&["S0000", "S0001"]));
        Ok(picked)
    }
}

#[tokio::test]
async fn a_strategy_sees_the_kinds_and_the_hottest_keys_and_says_what_is_soon() {
    let kinds = Arc::new(Mutex::default());
    let at = Fixture::new(|builder| {
        let terms = RunTerms::new("hottest", RunSchedule::ByHand).soon(seconds(20));
        builder.strategy(Hottest(terms, Arc::clone(&kinds)))
    });
    for (index, key) in numbered("S", 6).iter().enumerate() {
        at.hits(key, 60 - 9 * index);
    }
    at.warming.history().settle();
    at.cache.set_fresh("S0001", seconds(40));
    let result = at.run("hottest").await;
    assert_eq!((result.fresh, at.cache.calls()[0].join(" ")), (1, "S0000 S0002 S0003".to_owned()));
    assert_eq!(*kinds.lock(), ["price"]);
    // A kind that is covered anew is covered once.
    at.warming.cover(at.cache.clone(), Coverage::default());
    at.cache.script.lock().fresh.clear();
    at.run("hottest").await;
    assert_eq!(*kinds.lock(), ["price", "price"]);
    at.cache.set_fresh("S0000", seconds(19));
    at.cache.set_fresh("S0001", seconds(21));
    let result = at.run("hottest").await;
    assert_eq!((result.items, result.fetched, result.fresh), (5, 4, 1), "what dies within 20 s is soon dead");
}

/// What hangs while it picks costs the others nothing; what hangs in a call holds one of the places to fetch in.
#[tokio::test]
async fn however_many_strategies_hang_the_others_go_on() {
    let at = Fixture::new(|mut builder| {
        for index in 0..20 {
            let hangs = RunSchedule::Every(seconds(60 + index));
            builder = builder.strategy(KeysOf::new(format!("hangs{index}"), hangs, std::future::pending));
        }
        builder
            .strategy(KeysOf::new("fine", RunSchedule::Every(seconds(1)), || std::future::ready(Ok(vec![]))))
    });
    let _running = at.warming.start();
    advance(&at.clock, seconds(500)).await;
    assert!(at.strategy("fine").runs >= 500);
}

#[tokio::test]
async fn what_came_before_the_time_of_a_run_was_up_is_told() {
    let budget = RunBudget::default().time(seconds(5)).concurrency(1);
    let at = Fixture::new(|builder| builder.strategy(by_hand("warm", numbered("S", 40), budget)));
    at.cache.script.lock().takes = seconds(2);
    let (result, ()) = tokio::join!(at.run("warm"), advance(&at.clock, seconds(10)));
    assert_eq!((result.items, result.fetched, result.calls), (40, 20, 3), "{result:?}");
    assert!(!result.success && result.error.unwrap().contains("within 5s"));
    assert_eq!(at.warming.stats().kinds[0].calls, 3);
}

/// Of two kinds, too, those wanted most go first, in keys and in calls.
#[tokio::test]
async fn a_budget_goes_to_what_is_wanted_most_whatever_its_kind() {
    let prices = numbered("P", 9);
    let news: Vec<Key> = (0..8).map(|at| Key::new("news", &format!("N{at}")).unwrap()).collect();
    let picked: Vec<Key> = [&prices[..1], &news, &prices[1..]].concat();
    for (budget, fetched, of_news) in
        [(RunBudget::default().keys(6), 6, 5), (RunBudget::default().keys(6).calls(1), 1, 0)]
    {
        let at = Fixture::new(|builder| builder.strategy(by_hand("warm", picked.clone(), budget)));
        let other = Cache::new("news", 10, &at.clock);
        at.warming.cover(other.clone(), Coverage::default());
        assert_eq!(at.run("warm").await.fetched, fetched);
        assert_eq!(other.calls().concat().len(), of_news);
    }
}

/// The others of its call lived longer than the one that all waited for.
#[tokio::test]
async fn a_slow_call_holds_up_no_other_and_sets_nothing_aside() {
    let budget = RunBudget::default().concurrency(2);
    let at = Fixture::new(|builder| builder.strategy(by_hand("warm", numbered("S", 80), budget)));
    at.cache.script.lock().life = seconds(10);
    at.cache.script.lock().takes = seconds(20);
    let slow = tokio::spawn({
        let warming = at.warming.clone();
        async move { warming.run("warm").await }
    });
    settle().await;
    at.cache.script.lock().takes = seconds(1);
    advance(&at.clock, seconds(19)).await;
    assert_eq!(at.cache.calls().len(), 2, "both of the first calls are slow");
    advance(&at.clock, seconds(10)).await;
    assert_eq!(slow.await.unwrap().unwrap().fetched, 80);
    at.clock.advance(seconds(60));
    let (again, ()) = tokio::join!(at.run("warm"), advance(&at.clock, seconds(30)));
    assert_eq!((again.set_aside, again.fetched), (0, 80));
}
