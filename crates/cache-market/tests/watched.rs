//! Prices that a loader brings are watched, and what it brings can be found by its tags.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use cache_core::{Clock, Error, ErrorKind, Key, Loaded, Loader, Request, Result};
use cache_market::{
    Effect, EventKind, MarketEvent, MarketTime, QuoteLoader, StandardKey, WatchedLoader, asset_tag, data_tag,
};
use market_data::{Asset, Date, Quote, Replay, ReplayProvider};

/// Tells the prices it was given, one a load.
struct Told(Mutex<Vec<f64>>);

#[async_trait]
impl Loader<Quote> for Told {
    fn max_batch(&self) -> usize {
        7
    }

    async fn load(&self, requests: &[Request<Quote>]) -> Result<Vec<Loaded<Quote>>> {
        let Some(price) = self.0.lock().unwrap().pop() else {
            return Err(Error::new(ErrorKind::Load, "load", "no more prices"));
        };
        let quote = |request: &Request<Quote>| {
            let asset = request.key.id().parse().unwrap();
            Loaded::from(Quote::new(asset, price, Date::constant(2024, 7, 2)))
        };
        Ok(requests.iter().map(quote).collect())
    }
}

fn request(text: &str) -> Request<Quote> {
    Request::new(Key::new("price", text).unwrap())
}

#[tokio::test]
async fn a_move_among_the_prices_that_are_loaded_is_told() {
    let (clock, time) = (Clock::manual(), MarketTime::default());
    let moves = Arc::new(Mutex::new(Vec::<MarketEvent>::new()));
    let told = Told(Mutex::new(vec![97.0, 102.0, 100.0]));
    let heard = moves.clone();
    let watched =
        WatchedLoader::new(told, time.clone(), clock.clone(), move |event| heard.lock().unwrap().push(event));
    assert_eq!(watched.max_batch(), 7);

    let apple: Asset = "AAPL".parse().unwrap();
    for (count, swing) in [(0, 0.0), (0, 2.0), (1, 100.0 * 5.0 / 97.0)] {
        watched.load(&[request("AAPL")]).await.unwrap();
        clock.advance(Duration::from_micros(1));
        assert_eq!(moves.lock().unwrap().len(), count);
        let seen = time.swing(&apple, clock.now()).unwrap().percent;
        assert!((seen - swing).abs() < 1e-6, "{seen}, not {swing}");
    }
    let event = moves.lock().unwrap().remove(0);
    assert_eq!((event.event, &event.asset), (EventKind::Move, &apple));
    let effects = time.announce(&event, clock.now()).unwrap();
    assert!(
        effects
            .iter()
            .all(|effect| matches!(effect, Effect::Invalidate(tag) if tag.as_str().ends_with(":AAPL")))
    );
    assert!(watched.load(&[request("AAPL")]).await.is_err(), "a failure is passed on");
}

#[tokio::test]
async fn what_is_loaded_is_found_by_its_asset_and_by_its_kind() {
    let replay = Replay { latency: Duration::ZERO, ..Replay::default() };
    let loader = QuoteLoader::new(Arc::new(ReplayProvider::new(replay, Clock::system()).unwrap()));
    let key: StandardKey = "price:AAPL".parse().unwrap();
    let request = Request::new(key.within("md").unwrap());
    let Loaded::Value(fetched) = loader.load(&[request]).await.unwrap().remove(0) else {
        panic!("it is recorded")
    };
    let apple = "AAPL".parse().unwrap();
    assert_eq!(fetched.tags, [asset_tag(&apple).unwrap(), data_tag(key.data(), &apple).unwrap()]);
}
