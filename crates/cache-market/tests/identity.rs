//! One instrument by several spellings is one entry, one call of its provider and one event.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use async_trait::async_trait;
use cache_core::{Clock, Ttl};
use cache_facade::Cache;
use cache_market::{CachedProvider, Effect, EventKind, EventRules, MarketEvent, StandardKey};
use market_data::{Answer, Answers, Asset, DataType, Date, Offer, Provider, Quote};

/// Counts the assets it is asked for.
#[derive(Debug, Default)]
struct Counting(AtomicUsize);

#[async_trait]
impl Provider for Counting {
    fn name(&self) -> &str {
        "counting"
    }

    fn offer(&self, data: DataType) -> Option<Offer> {
        (data == DataType::Price).then(|| Offer::new(50))
    }

    async fn quotes(&self, assets: &[Asset]) -> Answers<Quote> {
        self.0.fetch_add(assets.len(), SeqCst);
        let quote = |asset: &Asset| Quote::new(asset.clone(), 1.0, Date::constant(2020, 1, 2));
        Ok(assets.iter().map(|asset| Answer::Value(quote(asset))).collect())
    }
}

const SPELLINGS: [&[&str]; 6] = [
    &["BRK.B", "BRK-B", "brk.b", "BRK/B"],
    &["BTC@CRYPTO", "BTC-USD", "BTCUSD@CRYPTO", "btc/usd"],
    &["VOD@XLON", "VOD.L", "vod.l@xlon"],
    &["7203@XTKS", "7203.T"],
    &["ES@CMES", "ES=F"],
    &["EUR_USD@FX", "EURUSD=X", "EUR_USD", "EUR/USD"],
];

#[tokio::test]
async fn rule_69_one_instrument_is_one_entry_and_one_call_however_it_is_spelled() {
    for spellings in SPELLINGS {
        let provider = Arc::new(Counting::default());
        let cache = Cache::builder().clock(Clock::manual()).build().await.unwrap();
        let cached =
            CachedProvider::open(&cache, provider.clone(), |_| Ttl::new(Duration::from_secs(300))).unwrap();
        for spelling in spellings {
            let asset: Asset = spelling.parse().unwrap();
            let price = cached.get_prices_batch(std::slice::from_ref(&asset)).await.unwrap().remove(0);
            assert_eq!(price.unwrap().asset, asset);
        }
        assert_eq!(provider.0.load(SeqCst), 1, "{spellings:?}");
        // Any spelling ends the entry for all.
        cached.invalidate_asset(&spellings[spellings.len() - 1].parse().unwrap()).await.unwrap();
        cached.get_prices_batch(&[spellings[0].parse().unwrap()]).await.unwrap();
        assert_eq!(provider.0.load(SeqCst), 2, "{spellings:?}");
    }
}

#[test]
fn rule_69_an_event_on_one_spelling_is_an_event_on_all() {
    let effects = |spelling: &str| {
        let text = format!(r#"{{"asset": "{spelling}", "event": "corporate_action"}}"#);
        EventRules::default().effects(&serde_json::from_str::<MarketEvent>(&text).unwrap()).unwrap()
    };
    for spellings in SPELLINGS {
        for spelling in spellings {
            assert_eq!(effects(spelling), effects(spellings[0]), "{spelling}");
            let key =
                |kind: &str| format!("{kind}:{spelling}").parse::<StandardKey>().unwrap().key().unwrap();
            assert_eq!(key("price").id(), spellings[0]);
        }
    }
    let news = MarketEvent::announced("BRK-B".parse().unwrap(), EventKind::News);
    let refreshed = EventRules::default().effects(&news).unwrap();
    assert!(refreshed.contains(&Effect::Refresh("price:BRK.B".parse().unwrap())));
}
