//! Keys are read as they were written, and different ones are written differently.

use proptest::prelude::*;

use super::*;
use market_data::{DateRange, Market, Symbol};

/// Parts made of what confuses: separators, escapes, globs, words that mean something in a key.
fn part() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a:%*?\\\\3A25!]{1,6}",
        prop::sample::select(vec!["session", "session:1", "any", "%3A", ":", "%25", "%", "1", "10", "yahoo"])
            .prop_map(str::to_owned),
        ".{1,12}",
    ]
}

fn asset() -> impl Strategy<Value = Asset> {
    let symbol = prop_oneof!["[A-Z]{3}_[A-Z]{3}", "[A-Z0-9.^=_/&+-]{1,8}"];
    let market = prop::sample::select(vec![Market::US, Market::FX, Market::CRYPTO, Market::XLON]);
    let types = prop::sample::select(market_data::AssetType::ALL.to_vec());
    (symbol, market, types).prop_map(|(symbol, market, asset_type)| {
        Asset::new(symbol.parse::<Symbol>().unwrap(), market).of_type(asset_type)
    })
}

fn key() -> impl Strategy<Value = StandardKey> {
    let interval = || prop::sample::select(Interval::ALL.to_vec());
    let documents: Vec<_> = DataType::ALL.iter().copied().filter(|data| data.is_document()).collect();
    let range = prop::option::of(Just("2020-01-01..2020-01-31".parse::<DateRange>().unwrap()));
    let parameters = prop::collection::btree_map(part(), part(), 0..3);
    prop_oneof![
        (asset(), prop::option::of(part()))
            .prop_map(|(asset, provider)| StandardKey::Price { asset, provider }),
        (asset(), interval(), range).prop_map(|(asset, interval, range)| StandardKey::Ohlcv(SeriesId {
            asset,
            interval,
            range
        })),
        (prop::sample::select(documents), asset(), parameters).prop_map(|(data, asset, parameters)| {
            // What an economy is observed by is an index.
            let asset = if data.is_of_an_economy() { asset.of_type(AssetType::Index) } else { asset };
            StandardKey::Document { data, id: DocumentId { asset, parameters } }
        }),
        (asset(), interval()).prop_map(|(asset, timeframe)| StandardKey::Market { asset, timeframe }),
        (part(), part()).prop_map(|(endpoint, value)| StandardKey::Api {
            endpoint,
            parameters: Digest::of([("x", value.as_str())])
        }),
        part().prop_map(StandardKey::User),
        part().prop_map(StandardKey::Session),
        part().prop_map(StandardKey::Signal),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_key_is_read_as_it_was_written(standard in key(), space in "[a-z]{1,4}") {
        let Ok(key) = standard.key() else {
            // Only a provider called any is refused.
            let StandardKey::Price { provider: Some(provider), .. } = &standard else { panic!("{standard:?}") };
            prop_assert!(provider.eq_ignore_ascii_case("any"));
            return Ok(());
        };
        prop_assert_eq!(StandardKey::of(&key).unwrap(), standard.clone());
        prop_assert_eq!(key.as_str().parse::<StandardKey>().unwrap(), standard.clone());
        prop_assert_eq!(StandardKey::of(&standard.within(&space).unwrap()).unwrap(), standard.clone());
        prop_assert_eq!(standard.to_string(), key.as_str());
    }

    #[test]
    fn different_keys_are_written_differently(one in key(), other in key()) {
        if let (Ok(first), Ok(second)) = (one.key(), other.key()) {
            prop_assert_eq!(one == other, first == second);
        }
    }

    #[test]
    fn a_keys_pattern_matches_it_alone(one in key(), other in key()) {
        if let (Ok(first), Ok(second)) = (one.key(), other.key()) {
            let pattern = one.pattern().unwrap();
            prop_assert!(pattern.matches(&first));
            prop_assert_eq!(pattern.matches(&second), one == other);
        }
    }

    #[test]
    fn no_text_makes_reading_panic(text in "(price|ohlcv|market|api|users|signals|news|.{0,4}):.{0,24}") {
        if let Ok(standard) = text.parse::<StandardKey>() {
            // What could be read can be written, and is then read the same.
            prop_assert_eq!(standard.key().unwrap().as_str().parse::<StandardKey>().unwrap(), standard);
        }
    }

    #[test]
    fn tags_are_of_one_asset_and_one_user_only(one in asset(), other in asset(), user in part(), another in part()) {
        prop_assert_eq!(one == other, asset_tag(&one).unwrap() == asset_tag(&other).unwrap());
        prop_assert_eq!(user == another, user_tag(&user).unwrap() == user_tag(&another).unwrap());
        for data in DataType::ALL {
            let tag = data_tag(*data, &one).unwrap();
            prop_assert_eq!(one == other, tag == data_tag(*data, &other).unwrap());
            prop_assert!(tag != asset_tag(&other).unwrap() && tag != user_tag(&user).unwrap());
        }
    }
}

#[test]
fn a_pair_of_currencies_is_foreign_exchange_in_a_market_key() {
    let key: StandardKey = "market:EUR_USD:M5".parse().unwrap();
    assert_eq!(key.asset(), Some(&"EUR_USD@FX".parse().unwrap()));
    assert_eq!(key.interval(), Some(Interval::Minutes5));
    let share = StandardKey::Market { asset: "EUR_USD@US".parse().unwrap(), timeframe: Interval::Day };
    assert_eq!(share.to_string(), "market:EUR_USD@US:D");
}

#[test]
fn what_is_no_standard_key_is_refused_with_the_reason() {
    for (text, why) in [
        ("price", "such as price:AAPL"),
        ("price:", "is empty"),
        ("price:AAPL:", "is empty"),
        ("price:AAPL:any", "leave it out"),
        ("price:AAPL:a:b", "%3A"),
        ("price:AAPL:%zz", "%25"),
        ("ohlcv:AAPL", "AAPL:1d"),
        ("market:EUR_USD", "market:EUR_USD:M5"),
        ("market:EUR_USD:5m", "M1, M2, M5"),
        ("api:quotes:1234", "32 digits"),
        ("users:a:b", "users:session:17"),
        ("user:17", "users:17"),
        ("prices:AAPL", "price, ohlcv"),
    ] {
        let message = text.parse::<StandardKey>().unwrap_err().to_string();
        assert!(message.contains(why), "{text}: {message}");
    }
    let empty = StandardKey::User(String::new()).key().unwrap_err();
    assert!(empty.to_string().contains("user of a key is empty"), "{empty}");
    let price = StandardKey::Document { data: DataType::Price, id: DocumentId::new("AAPL".parse().unwrap()) };
    assert!(price.key().is_err(), "it would be the key of another");
}
