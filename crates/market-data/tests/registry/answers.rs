//! Who is asked, in which order, and what becomes of what they say.

use std::sync::Arc;

use cache_core::{Clock, Error, ErrorKind};
use market_data::{
    Answer as Told, DataType, DocumentId, Interval, Market, Offer, Provider, ProviderErrorKind,
    ProviderSettings, Registry, RegistryBuilder, SeriesId,
};

use crate::{
    flat::{self, Flat, Forgetful, prices},
    scene::{Scene, assets, settings, short},
    upstream::{Answer, Upstream},
};

#[tokio::test]
async fn the_first_answers_and_nobody_else_is_asked() {
    let scene = Scene::first_saying([Answer::new(200, r#"{"A": 1, "B": 2}"#)], settings(1)).await;
    assert_eq!(scene.ask(&["A", "B"]).await, "first first");
    assert_eq!(scene.calls(), (1, 0));
    let names: Vec<String> = scene.registry.reports().into_iter().map(|report| report.name).collect();
    assert_eq!(names, ["first", "second"], "by priority, not as they were added");
}

#[tokio::test]
async fn whatever_way_the_first_fails_the_second_answers_and_both_are_counted() {
    for (failing, fault) in [
        (Answer::new(500, "oops"), ProviderErrorKind::Broken),
        (Answer::new(429, "Too Many Requests"), ProviderErrorKind::Throttled { retry_after: None }),
        (Answer::new(401, "no"), ProviderErrorKind::Refused),
        (Answer::new(404, "what"), ProviderErrorKind::BadRequest),
        (Answer::new(200, "<html>"), ProviderErrorKind::BadAnswer),
        (Answer::new(200, r#"{"A": 1}"#).cut(3), ProviderErrorKind::Unreachable),
        (Answer::dropped(), ProviderErrorKind::Unreachable),
    ] {
        let scene = Scene::first_saying([failing], settings(1)).await;
        assert_eq!(scene.ask(&["A", "B"]).await, "second second", "{fault:?}");
        let [first, second] = &scene.registry.reports()[..] else { panic!("two providers") };
        assert_eq!((first.usage.calls, first.usage.keys, first.usage.failures), (1, 2, 1));
        assert_eq!((second.usage.answered, second.usage.failures), (2, 0));
        let (at, error) = first.last_error.clone().unwrap();
        assert_eq!((at, error.kind()), (scene.clock.now(), fault));
        assert_eq!(second.last_error, None);
    }
}

#[tokio::test]
async fn keys_that_fail_alone_are_asked_of_the_next_and_the_others_are_not() {
    let scene = Scene::first_saying([Answer::new(200, r#"{"A": 1, "B": "bad", "C": 3}"#)], settings(1)).await;
    assert_eq!(scene.ask(&["A", "B", "C"]).await, "first second first");
    assert_eq!(scene.second.asked()[0].query("symbols").as_deref(), Some("B"));
    let usage = scene.usage(0);
    assert_eq!((usage.keys, usage.answered, usage.failed_keys, usage.failures), (3, 2, 1, 0));
}

#[tokio::test]
async fn what_the_first_leaves_out_is_unknown_unless_the_next_is_to_be_asked() {
    let partial = || [Answer::new(200, r#"{"A": 1}"#)];
    let scene = Scene::first_saying(partial(), settings(1)).await;
    assert_eq!(scene.ask(&["A", "B"]).await, "first -");
    assert_eq!((scene.calls(), scene.usage(0).unknown, scene.usage(0).answered), ((1, 0), 1, 1));

    let asking_on = ProviderSettings { next_if_unknown: true, ..settings(1) };
    let scene = Scene::first_saying(partial(), asking_on).await;
    assert_eq!(scene.ask(&["A", "B"]).await, "first second");
}

#[tokio::test]
async fn a_failure_is_never_told_as_an_unknown_key() {
    let nobody_knows = || Upstream::answering(prices(|_| None));
    let broken = Upstream::saying([Answer::new(500, "oops")]).await;
    let scene = Scene::of(broken, nobody_knows().await, settings(1)).await;
    assert!(scene.ask(&["A"]).await.starts_with("all: first answered 500: oops"));

    let error = scene.registry.quotes(&assets(&["A"])).await.unwrap_err();
    assert_eq!(Error::from(error).kind(), ErrorKind::Load);

    let asking_on = ProviderSettings { next_if_unknown: true, ..settings(1) };
    let scene = Scene::of(nobody_knows().await, nobody_knows().await, asking_on).await;
    assert_eq!(scene.ask(&["A"]).await, "-", "all were asked, and none knows it");
}

#[tokio::test]
async fn when_all_fail_the_error_says_what_each_said() {
    let says = async |answer| Upstream::saying([answer]).await;
    let scene =
        Scene::of(says(Answer::new(500, "oops")).await, says(Answer::new(401, "no key")).await, settings(1))
            .await;
    let error = scene.registry.quotes(&assets(&["A", "B"])).await.unwrap_err();
    assert_eq!(error.to_string(), "first answered 500: oops; second answered 401: no key");
    assert_eq!(error.kind(), ProviderErrorKind::Broken);
}

#[tokio::test]
async fn each_is_asked_only_for_what_it_offers_and_is_set_up_for() {
    let clock = Clock::manual();
    let upstream = Upstream::answering(prices(|_| Some(1.0))).await;
    let flat = |name, offer| Arc::new(Flat::at(name, &upstream.url(), &clock).offering(offer));
    let london = ProviderSettings { markets: Some(vec![Market::XLON]), ..settings(3) };
    let no_prices = ProviderSettings { data: Some(vec![DataType::News]), ..settings(0) };
    let registry = Registry::builder(clock.clone())
        .provider(flat("newsman", Offer::new(9)), no_prices)
        .provider(flat("coins", Offer::new(9).markets([Market::CRYPTO])), settings(1))
        .provider(flat("london", Offer::new(9)), london)
        .build()
        .unwrap();
    let told = registry.quotes(&assets(&["BTC@CRYPTO", "VOD@XLON", "AAPL"])).await.unwrap();
    assert_eq!(told.iter().map(short).collect::<Vec<_>>(), ["coins", "london", "!"]);
    let Told::Failed(error) = &told[2] else { panic!("{told:?}") };
    assert!(
        error.kind() == ProviderErrorKind::NotOffered && error.message().contains("offers price"),
        "{error}"
    );

    let daily = SeriesId::new(assets(&["BTC@CRYPTO"]).remove(0), Interval::Day);
    assert_eq!(registry.series(&[daily]).await.unwrap_err().kind(), ProviderErrorKind::NotOffered);
    let news = registry.documents(DataType::News, &[DocumentId::new(assets(&["VOD@XLON"]).remove(0))]).await;
    assert_eq!(news.unwrap_err().kind(), ProviderErrorKind::NotOffered);
    assert_eq!(registry.offer(DataType::Price), Some(Offer::new(9)));
    assert_eq!(registry.offer(DataType::News), None);
}

#[tokio::test]
async fn a_batch_is_cut_to_what_each_takes_and_comes_back_in_order() {
    let clock = Clock::manual();
    let first = Upstream::answering(prices(|symbol| symbol.contains('7').then_some(1.0))).await;
    let second = Upstream::answering(prices(|_| Some(2.0))).await;
    let flat = |name, upstream: &Upstream, batch| {
        Arc::new(Flat::at(name, &upstream.url(), &clock).offering(Offer::new(batch)))
    };
    let asking_on = ProviderSettings { next_if_unknown: true, ..settings(1) };
    let registry = Registry::builder(clock.clone())
        .provider(flat("first", &first, 50), asking_on)
        .provider(flat("second", &second, 30), settings(2))
        .build()
        .unwrap();
    let names: Vec<String> = (0..120).map(|id| format!("X{id}")).collect();
    let asked = assets(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let told = registry.quotes(&asked).await.unwrap();
    for (asset, answer) in asked.iter().zip(&told) {
        let Told::Value(quote) = answer else { panic!("{answer:?}") };
        let expected = if asset.symbol.as_str().contains('7') { "first" } else { "second" };
        assert_eq!((&quote.asset, quote.provider.as_deref()), (asset, Some(expected)));
    }
    let sevens = names.iter().filter(|name| name.contains('7')).count();
    assert_eq!((first.calls(), second.calls()), (3, (120 - sevens).div_ceil(30)));
    let usage = registry.reports()[0].usage;
    assert_eq!((usage.keys, usage.answered, usage.keys_per_call()), (120, sevens as u64, 40.0));
}

#[tokio::test]
async fn a_call_that_is_dropped_leaves_its_provider_usable() {
    let scene = Scene::first_saying([Answer::silent()], settings(1)).await;
    for _ in 0..20 {
        let asked = assets(&["A"]);
        let mut asking = std::pin::pin!(scene.registry.quotes(&asked));
        let before = scene.first.calls();
        // Until the call is out; then it is dropped.
        tokio::select! {
            _ = &mut asking => panic!("nothing was said"),
            () = flat::until(|| scene.first.calls() > before) => {}
        }
    }
    let report = scene.registry.reports().remove(0);
    assert_eq!((report.usage.calls, report.usage.failures, report.unhealthy_reason), (20, 0, None));
}

#[test]
fn what_makes_no_registry_is_refused_with_the_reason() {
    let clock = Clock::manual();
    let flat = || Arc::new(Flat::at("flat", "http://127.0.0.1:1", &clock));
    let build = |settings: &[ProviderSettings]| {
        let add = |builder: RegistryBuilder, one: &ProviderSettings| builder.provider(flat(), one.clone());
        let error = settings.iter().fold(Registry::builder(clock.clone()), add).build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        error.to_string()
    };
    let good = ProviderSettings::default;
    assert!(build(&[]).contains("there is no provider"));
    assert!(build(&[good(), good()]).contains("two providers called flat"));
    assert!(
        build(&[ProviderSettings { timeout_ms: 0, ..good() }])
            .contains("timeout_ms of the provider flat is 0")
    );
    assert!(build(&[ProviderSettings { breaker_failures: 0, ..good() }]).contains("breaker_failures"));
    assert!(build(&[ProviderSettings { breaker_pause_ms: 0, ..good() }]).contains("breaker_pause_ms"));
    let swapped = ProviderSettings { backoff_ms: 5, backoff_max_ms: 4, ..good() };
    assert!(build(&[swapped]).contains("backoff_ms of the provider flat is 5"));
}

#[tokio::test]
async fn too_few_answers_are_nobodys_for_none_can_tell_whose_they_are() {
    let clock = Clock::manual();
    let upstream = Upstream::answering(prices(|_| Some(1.0))).await;
    let flat = |name| Flat::at(name, &upstream.url(), &clock);
    let forgetful = Arc::new(Forgetful(flat("forgetful")));
    let registry = Registry::builder(clock.clone())
        .provider(forgetful, settings(1))
        .provider(Arc::new(flat("second")), settings(2))
        .build()
        .unwrap();
    let told = registry.quotes(&assets(&["A", "B"])).await.unwrap();
    assert_eq!(told.iter().map(short).collect::<Vec<_>>(), ["second", "second"]);
    let report = registry.reports().remove(0);
    assert_eq!((report.usage.failures, report.usage.answered), (1, 0));
    assert_eq!(report.last_error.unwrap().1.kind(), ProviderErrorKind::BadAnswer);
}
