//! Which market an asset lives by: the one its name says, or none.

use std::time::Duration;

use cache_core::{Key, Timestamp};
use proptest::prelude::*;

use super::at;
use crate::{Life, MarketTime, Scope};
use market_calendar::{Market, Phase};
use market_data::{Asset, DataType, Interval};

const SATURDAY: &str = "2026-07-11T12:00:00Z";

/// Returns the life of a price whose key has a symbol as somebody wrote it.
fn of_price(symbol: &str, now: Timestamp) -> Duration {
    let key = Key::new("price", symbol).unwrap();
    MarketTime::default().ttl(DataType::Price).of(&key, false, now).life
}

#[test]
fn rule_70_a_provider_s_own_name_says_the_market_it_lives_by() {
    for (name, asset) in [
        ("BTC-USD", "BTC@CRYPTO"),
        ("BTCUSD", "BTC@CRYPTO"),
        ("7203.T", "7203@XTKS"),
        ("VOD.L", "VOD@XLON"),
        ("ES=F", "ES@CMES"),
        ("ESZ26.CME", "ES@CMES"),
        ("EURUSD=X", "EUR_USD@FX"),
        ("ETHUSD=X", "ETH@CRYPTO"),
        ("BAC.PR.L", "BAC"),
        ("JPM.PR.F", "JPM"),
        ("SAP.DE", "SAP@XETR"),
        ("EUR/USD", "EUR_USD@FX"),
        ("^N225", "N225@XTKS.index"),
        ("0700.HK", "0700@XHKG"),
        ("CBA.AX", "CBA@XASX"),
        ("INFY.NS", "INFY@XNSE"),
    ] {
        for hours in 0..7 * 24 {
            let now = at(SATURDAY).after(Duration::from_secs(hours * 3_600));
            assert_eq!(of_price(name, now), of_price(asset, now), "{name} {hours} h after Saturday noon");
        }
    }
    assert_eq!(of_price("BTC-USD", at(SATURDAY)), Duration::from_secs(60));
}

#[test]
fn rule_70_a_price_of_the_floor_of_frankfurt_is_never_kept_by_the_hours_of_xetra() {
    let evening = at("2026-03-02T18:00:00Z");
    assert_eq!(
        of_price("SAP.F", evening),
        of_price("SAP.F", at("2026-03-02T12:00:00Z")),
        "it trades until ten"
    );
    assert!(of_price("SAP.DE", evening) > of_price("SAP.F", evening));
    assert_eq!(of_price("SAP.F", at("2025-12-30T15:00:00Z")), of_price("SAP.F", evening));
    // Energy and metals trade while equities are shut.
    let (mourning, usual) = (at("2025-01-09T19:00:00Z"), at("2025-01-08T19:00:00Z"));
    assert_eq!(of_price("CL=F", mourning), of_price("CL=F", usual));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// However the text is read: what is of no stated market never lives longer than in an open one.
    #[test]
    fn rule_70_without_a_stated_market_no_life_reaches_until_it_can_change(
        text in "[A-Z]{1,5}\\.(WA|KQ|BK|IS|TWO|KL|QA)|[0-9]{4,6}|[A-Z0-9]{2,8}[_/-][A-Z0-9]{2,4}|\\^[A-Z0-9]{3,9}|[A-Z0-9.=_/-]{1,12}",
        seconds in 0..400 * 86_400_u64, interval in prop::sample::select(Interval::ALL.to_vec()), data in prop::sample::select(vec![DataType::Price, DataType::Ohlcv]),
    ) {
        let asset: Asset = text.parse().unwrap();
        prop_assume!(asset.market == Market::UNSTATED);
        let (time, now) = (MarketTime::default(), at("2026-01-01T00:00:00Z").after(Duration::from_secs(seconds)));
        let id = if data == DataType::Ohlcv { format!("{text}:{interval}") } else { text };
        let life = time.ttl(data).of(&Key::new(data.as_str(), &id).unwrap(), false, now).life;
        let rules = time.rules();
        let Life::For(open) = rules.life(Scope::of(data, asset.asset_type), Phase::Open) else { panic!("{data}") };
        let open = if data == DataType::Ohlcv { rules.frequency.scale(open, interval) } else { open };
        prop_assert!(life <= open, "{:?} of {}", life, asset);
    }
}
