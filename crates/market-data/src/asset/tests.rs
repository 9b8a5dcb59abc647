//! One instrument has one text however it is spelled, and different ones have different texts.

use proptest::prelude::*;

use super::*;

fn symbol() -> impl Strategy<Value = String> {
    prop_oneof![
        "[A-Z0-9.^=_/&+-]{1,32}",
        "[A-Z0-9]{1,6}[.^=_/-][A-Z0-9]{1,4}",
        "\\^?[A-Z]{1,6}(=F|=X)?",
        "[0-9]{1,6}(\\.(HK|T|KS|KQ))?",
        "(BTC|ETH|EUR|USD|ABC|DE30)[_/-]?(USD|EUR|USDT|BTC)",
        spelled_by_parts(),
    ]
}

/// What providers' spellings are made of, put together in any way.
fn spelled_by_parts() -> impl Strategy<Value = String> {
    let parts = [
        ".", "^", "=", "-", "_", "/", "&", "+", "=X", "=F", ".L", ".T", ".HK", ".CME", ".V", ".PR", "-WT",
        "WS", "PF", "P", "A", "B", "UN", "USD", "EUR", "GBP", "JPY", "USDT", "BTC", "XBT", "ETH", "CRV",
        "ES", "Z26", "7", "000",
    ];
    let parts = prop::collection::vec(prop::sample::select(parts.to_vec()), 1..8);
    parts
        .prop_map(|parts| parts.concat())
        .prop_filter("a symbol has 32 characters at most", |text| text.len() <= 32)
}

fn asset() -> impl Strategy<Value = Asset> {
    let types = prop::sample::select(AssetType::ALL.to_vec());
    let market = "[A-Z0-9]{2,8}|US|XXXX|FX|CRYPTO|CMES|XLON|XHKG|XTSE";
    (symbol(), types, market).prop_map(|(symbol, asset_type, market)| {
        Asset::new(symbol.parse().unwrap(), market.parse().unwrap()).of_type(asset_type)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn what_is_written_is_read_as_it_was(asset in asset()) {
        prop_assert_eq!(asset.to_string().parse::<Asset>().unwrap(), asset);
    }

    #[test]
    fn other_assets_are_written_otherwise(one in asset(), other in asset()) {
        prop_assert_eq!(one == other, one.to_string() == other.to_string());
    }

    #[test]
    fn rule_69_reading_what_was_read_changes_nothing(text in symbol(), market in "|@US|@XLON|@FX|@CRYPTO|@CMES|@XHKG|@XWAR") {
        let asset: Asset = format!("{text}{market}").parse().unwrap();
        prop_assert_eq!(asset.to_string().parse::<Asset>().unwrap(), asset.clone());
        prop_assert_eq!(asset.clone().of_type(asset.asset_type), asset);
    }

    #[test]
    fn rule_69_capitals_make_no_difference(text in symbol()) {
        prop_assert_eq!(text.to_lowercase().parse::<Asset>().unwrap(), text.parse::<Asset>().unwrap());
    }

    /// However a class is set off, it is the same share; and never the share whose symbol is the letters alone.
    #[test]
    fn rule_69_a_class_of_shares_is_one_however_it_is_set_off(root in "[A-Z]{2,4}", class in "[ABCGK]") {
        let share: Asset = format!("{root}.{class}").parse().unwrap();
        for separator in ['-', '/', '_'] {
            prop_assert_eq!(&format!("{root}{separator}{class}").parse::<Asset>().unwrap(), &share);
        }
        prop_assert_eq!(share.market, Market::US);
        prop_assert_ne!(format!("{root}{class}").parse::<Asset>().unwrap(), share);
    }

    #[test]
    fn rule_69_a_suffix_that_is_not_known_stays(root in "[A-Z0-9]{1,6}", suffix in "WA|KQ|BK|IS|TWO|KL|PR|AT|CA|SR|BA|SN|IR") {
        let text = format!("{root}.{suffix}");
        let asset: Asset = text.parse().unwrap();
        prop_assert_eq!((asset.symbol.as_str(), asset.market), (text.as_str(), Market::UNSTATED));
    }
}

fn all_one(spellings: &[&str], text: &str) {
    let asset: Asset = text.parse().unwrap();
    assert_eq!(asset.to_string(), text, "it is the canonical text");
    for spelling in spellings {
        let read: Asset = spelling.parse().unwrap();
        assert_eq!(read, asset, "{spelling} is {read}, not {text}");
    }
}

#[test]
fn rule_69_one_instrument_is_one_asset_however_it_is_spelled() {
    all_one(&["BRK.B", "BRK-B", "brk.b", "BRK/B", "BRK_B", "brk-b@us", "BRK.B.US"], "BRK.B");
    all_one(
        &[
            "BTC-USD",
            "BTCUSD@CRYPTO",
            "BTC/USD",
            "BTC_USD",
            "btc@crypto",
            "XBT/USD",
            "XBT@CRYPTO",
            "BTCUSD",
            "BTC/USD@CRYPTO",
        ],
        "BTC@CRYPTO",
    );
    all_one(&["ETH-EUR", "ETHEUR@CRYPTO", "eth/eur", "ETH-EUR@CRYPTO"], "ETH_EUR@CRYPTO");
    all_one(&["SHIB-USDT", "SHIBUSDT", "SHIB/USDT"], "SHIB_USDT@CRYPTO");
    all_one(&["VOD.L", "vod.l", "VOD.L@XLON", "VOD.LON", "VOD.@XLON"], "VOD@XLON");
    all_one(&["BT-A.L", "BT.A@XLON", "BT-A@XLON", "BT.A.L"], "BT.A@XLON");
    all_one(&["7203.T", "7203.T@XTKS"], "7203@XTKS");
    all_one(&["5.HK", "0005.HK", "00005@XHKG", "5@XHKG"], "0005@XHKG");
    all_one(&["ES=F", "es=f", "ES=F@CMES"], "ES@CMES");
    all_one(
        &["EURUSD=X", "EUR_USD", "EUR/USD", "EUR-USD", "EURUSD", "eurusd@fx", "EURUSD=X@FX"],
        "EUR_USD@FX",
    );
    all_one(&["JPY=X", "USDJPY=X", "USD/JPY", "JPY=X@FX"], "USD_JPY@FX");
    all_one(&["^GSPC", "^gspc@us", "^GSPC@US.index"], "GSPC@US.index");
    all_one(&["^N225"], "N225@XTKS.index");
    all_one(&["BAC-PL", "BAC.PRL", "BAC/PRL", "BAC-PRL", "BAC^L"], "BAC.PRL");
    all_one(&["BAC.PR.L", "BAC-PR-L", "BAC/PR/L", "BAC.PR.L@US", "BAC.PR.L.US", "BAC-PL"], "BAC.PRL");
    all_one(&["BCE.PR.A@XTSE", "BCE-PA.TO", "BCE.PR.A.TO", "BCE.PRA.TO"], "BCE.PRA@XTSE");
    all_one(&["ENB.PF.A@XTSE", "ENB-PFA.TO", "ENB.PF.A.TO"], "ENB.PFA@XTSE");
    all_one(&["IPOF.U", "IPOF/U", "IPOF-UN", "IPOF.UN", "IPOF-UN@US"], "IPOF.U");
    all_one(&["IPOF.WS.A", "IPOF-WTA", "IPOF.WT.A", "IPOF/WS/A"], "IPOF.WS.A");
    all_one(&["IPOF-RT", "IPOF.RT", "IPOF/RT"], "IPOF.RT");
    all_one(&["BTCUSD=X", "BTC/USD=X", "BTCUSD=X@CRYPTO", "BTC.USD"], "BTC@CRYPTO");
    all_one(&["DOGEUSD=X", "DOGE-USD"], "DOGE@CRYPTO");
    all_one(&["EUR.USD@FX", "EUR.USD", "EURUSD=X"], "EUR_USD@FX");
    all_one(&["ETHBTC@CRYPTO", "ETHBTC", "ETH-BTC", "ETH/BTC"], "ETH_BTC@CRYPTO");
    all_one(&["SOLUSDC", "SOLUSDC@CRYPTO", "SOL-USDC"], "SOL_USDC@CRYPTO");
    all_one(&["ESZ24.CME", "ESZ24.CME@CMES", "ESZ24=F"], "ESZ24@CMES");
    all_one(&["GCZ24.CMX"], "GCZ24@CMES");
    all_one(&["CLZ24.NYM"], "CLZ24@CMES");
    all_one(&["ZCZ24.CBT"], "ZCZ24@CMES");
    all_one(&["600519.SHG", "600519.SS", "600519.SHH"], "600519@XSHG");
    all_one(&["000001.SHE", "000001.SZ"], "000001@XSHE");
    all_one(&["BHP.AU", "BHP.AX"], "BHP@XASX");
    all_one(&["005930.KO", "005930.KS"], "005930@XKRX");
    all_one(&["NPN.JSE", "NPN.JO"], "NPN@XJSE");
    all_one(&["AAPL220121C00025000@US.option", "aapl220121c00025000@us"], "AAPL220121C00025000");
    all_one(&["VOLV-B.ST", "VOLV.B@XSTO"], "VOLV.B@XSTO");
    all_one(&["REI-UN.TO", "REI.UN.TO", "REI.UN@XTSE"], "REI.UN@XTSE");
}

#[test]
fn rule_69_different_instruments_are_never_merged() {
    let different = [
        "BRK.B",
        "BRK.A",
        "BRKB",
        "BRK",
        "BRK.B@XLON",
        "BTC",
        "BTC@CRYPTO",
        "BTC_EUR@CRYPTO",
        "BTC_USDT@CRYPTO",
        "TUSD@CRYPTO",
        "T@CRYPTO",
        "CRVUSD@CRYPTO",
        "CRV@CRYPTO",
        "VOD",
        "VOD@XLON",
        "7203",
        "7203.T",
        "7203.KQ",
        "EURUSD",
        "EURUSD@US",
        "USDEUR",
        "EUR",
        "ES",
        "ES=F",
        "GSPC",
        "^GSPC",
        "MKC.V",
        "MKC.V@US",
        "PKO",
        "PKO.WA",
        "PKO-WA",
        "BAJAJ-AUTO.NS",
        "BAJAJ.NS",
        "0005.HK",
        "0005",
        "BAC-PL",
        "BAC.PR.L@XTSE",
        "BAC.PF.L@XTSE",
        "IPOF.WS",
        "IPOF.WS.A",
        "DLR.U@XTSE",
        "DLR.UN@XTSE",
        "WBTC@CRYPTO",
        "STETH@CRYPTO",
        "BTC=X",
        "BAC.PL",
        "BAC.L",
        "DE30_EUR",
        "DE30_EUR@FX",
    ];
    let assets: Vec<Asset> = different.iter().map(|text| text.parse().unwrap()).collect();
    for (at, one) in assets.iter().enumerate() {
        for (other, text) in assets[at + 1..].iter().zip(&different[at + 1..]) {
            assert_ne!(one, other, "{} and {text}", different[at]);
            assert_ne!(one.to_string(), other.to_string());
        }
    }
}

#[test]
fn rule_70_a_name_says_its_market_or_none_is_stated() {
    for (text, market) in [
        ("AAPL", "US"),
        ("BRK-B", "US"),
        ("BTC-USD", "CRYPTO"),
        ("7203.T", "XTKS"),
        ("VOD.L", "XLON"),
        ("ES=F", "CMES"),
        ("ESZ26.CME", "CMES"),
        ("BAC.PR.L", "US"),
        ("BAC.PR.T", "US"),
        ("JPM.PR.F", "US"),
        ("IPOF.WS.T", "US"),
        ("ENB.PF.A", "XXXX"),
        ("ENB.PF.F", "XXXX"),
        ("ABC.WT.V", "XXXX"),
        ("ABC-WT.V", "XTSX"),
        ("ABCDEF.PR.T", "XXXX"),
        ("ETHUSD=X", "CRYPTO"),
        ("BTC=X", "XXXX"),
        ("EURBTC=X", "XXXX"),
        ("CC=F", "XXXX"),
        ("KC=F", "XXXX"),
        ("SB=F", "XXXX"),
        ("CT=F", "XXXX"),
        ("OJ=F", "XXXX"),
        ("DX=F", "XXXX"),
        ("DXZ24=F", "XXXX"),
        ("SAP.F", "XFRA"),
        ("^GDAXI", "XETR"),
        ("EURUSD=X", "FX"),
        ("^N225", "XTKS"),
        ("SAP.DE", "XETR"),
        ("^GSPC", "US"),
        ("^STOXX50E", "XXXX"),
        ("PKO.WA", "XXXX"),
        ("035720.KQ", "XXXX"),
        ("PTT.BK", "XXXX"),
        ("7203", "XXXX"),
        ("DX-Y.NYB", "XXXX"),
        ("NATGAS_USD", "XXXX"),
        ("ABCDEFG", "XXXX"),
        ("A1", "XXXX"),
    ] {
        assert_eq!(text.parse::<Asset>().unwrap().market.as_str(), market, "{text}");
    }
}

#[test]
fn what_is_no_asset_is_refused_with_the_reason() {
    for (text, why) in [
        ("", "is empty"),
        ("@XLON", "is empty"),
        ("AAPL@", "is no market"),
        ("AAPL@XLON.", "is no asset type"),
        ("AAPL@XLON.stock", "equity, etf"),
        ("A@B@C", "is no market"),
    ] {
        let message = text.parse::<Asset>().unwrap_err().to_string();
        assert!(message.contains(why), "{message}");
    }
}
