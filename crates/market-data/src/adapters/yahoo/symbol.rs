//! Names of assets at Yahoo, and the assets of names.

use crate::{
    Asset, AssetType, Symbol,
    asset::{
        future::suffix_of_contract,
        names::{is_american, yahoo_suffix},
        share_class,
    },
};

/// Returns Yahoo's name of `asset`; `None` if it has none.
///
/// A symbol that is Yahoo's own, of a market that nobody stated, is kept. A name has only characters of a
/// [`Symbol`], and is never `.` or `..`, which would lead to a parent path in a URL.
pub(super) fn named(asset: &Asset) -> Option<String> {
    let symbol = asset.symbol.as_str();
    if !symbol.bytes().any(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    Some(match asset.asset_type {
        AssetType::Fx => format!("{}=X", symbol.replace(['_', '/', '-'], "")),
        AssetType::Crypto => coin(symbol),
        AssetType::Future if symbol.contains(['=', '.']) => symbol.to_owned(),
        AssetType::Future => match suffix_of_contract(symbol) {
            Some(suffix) => format!("{symbol}.{suffix}"),
            None => format!("{symbol}=F"),
        },
        AssetType::Index if !symbol.bytes().all(|byte| byte.is_ascii_digit()) => index(symbol),
        AssetType::Option => symbol.to_owned(),
        _ => listed(asset)?,
    })
}

/// Returns the asset of one of Yahoo's names. Shares, funds and ETFs have names alike: the asset is the share.
pub(super) fn asset(name: &str) -> Option<Asset> {
    name.parse::<Symbol>().ok().map(Asset::from)
}

/// Returns whether two names mean one asset: pairs with the dollar first have two names.
pub(super) fn same(one: &str, other: &str) -> bool {
    fn short(name: &str) -> &str {
        name.strip_prefix("USD").filter(|rest| rest.len() == 5 && rest.ends_with("=X")).unwrap_or(name)
    }
    short(one).eq_ignore_ascii_case(short(other))
}

fn coin(symbol: &str) -> String {
    match symbol.contains(['-', '_', '/']) {
        true => symbol.replace(['_', '/'], "-"),
        false => format!("{symbol}-USD"),
    }
}

fn index(symbol: &str) -> String {
    match symbol.starts_with('^') || symbol.contains('.') {
        true => symbol.to_owned(),
        false => format!("^{symbol}"),
    }
}

/// Returns the name of a share, fund or ETF: the class after a dash, the market after a dot.
fn listed(asset: &Asset) -> Option<String> {
    let (symbol, market) = (asset.symbol.as_str(), asset.market);
    let root = match share_class(symbol, market) {
        Some((root, class)) => format!("{root}-{}", class_name(&class, is_american(market))),
        None => symbol.to_owned(),
    };
    match yahoo_suffix(market) {
        Some(suffix) => Some(format!("{root}.{suffix}")),
        None if is_american(market) => Some(root),
        // Other markets have suffixes that are not known here, and are a part of the symbol.
        None if asset.is_of_unstated_market() => Some(symbol.to_owned()),
        None => None,
    }
}

/// Returns Yahoo's name of a class of shares: `PL` of the preferred shares `PRL`, `WTA` of warrants, `UN` of the
/// units of New York.
fn class_name(class: &str, american: bool) -> String {
    match (class.strip_prefix("PR"), class.strip_prefix("WS")) {
        (Some(series), _) => format!("P{series}"),
        (None, Some(series)) => format!("WT{}", series.trim_start_matches('.')),
        (None, None) if class == "U" && american => "UN".to_owned(),
        (None, None) => class.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::asset::names::{is_coin, is_currency};

    #[test]
    fn each_market_has_its_way_of_naming() {
        for (asset, name) in [
            ("AAPL", "AAPL"),
            ("BRK.B", "BRK-B"),
            ("BRK-B", "BRK-B"),
            ("VOD@XLON", "VOD.L"),
            ("VOD.L@XLON", "VOD.L"),
            ("VOD.L", "VOD.L"),
            ("BT.A@XLON", "BT-A.L"),
            ("NG.@XLON", "NG.L"),
            ("7203@XTKS", "7203.T"),
            ("5@XHKG", "0005.HK"),
            ("00700@XHKG", "0700.HK"),
            ("0700.HK", "0700.HK"),
            ("BBD.B@XTSE", "BBD-B.TO"),
            ("M&M@XNSE", "M&M.NS"),
            ("600519@XSHG", "600519.SS"),
            ("AZT.OL", "AZT.OL"),
            ("EUR_USD@FX", "EURUSD=X"),
            ("EUR/USD@FX", "EURUSD=X"),
            ("EURUSD=X@FX", "EURUSD=X"),
            ("EURUSD=X", "EURUSD=X"),
            ("BTC@CRYPTO", "BTC-USD"),
            ("ETH_EUR@CRYPTO", "ETH-EUR"),
            ("BAC.PR.L", "BAC-PL"),
            ("ENB.PF.A@XTSE", "ENB-PFA.TO"),
            ("IPOF.WS.A", "IPOF-WTA"),
            ("IPOF.U", "IPOF-UN"),
            ("ABC-WT.V", "ABC-WT.V"),
            ("DLR.U@XTSE", "DLR-U.TO"),
            ("BTC=X", "BTC=X"),
            ("ETHBTC@CRYPTO", "ETH-BTC"),
            ("ESZ24@CMES", "ESZ24.CME"),
            ("GCZ24.CMX", "GCZ24.CMX"),
            ("CLZ24@CMES", "CLZ24.NYM"),
            ("ZCZ24@CMES", "ZCZ24.CBT"),
            ("CC=F", "CC=F"),
            ("600519.SHG", "600519.SS"),
            ("GC@CMES", "GC=F"),
            ("GC=F@CMES", "GC=F"),
            ("GSPC@US.index", "^GSPC"),
            ("^VXAPL", "^VXAPL"),
            ("000001@XSHG.index", "000001.SS"),
            ("AAPL220121C00025000@US.option", "AAPL220121C00025000"),
        ] {
            assert_eq!(named(&asset.parse().unwrap()).as_deref(), Some(name), "{asset}");
        }
    }

    #[test]
    fn what_has_no_name_there_is_not_asked_for() {
        for asset in [
            "AAPL@XXXX",
            "PKO.WA@XWAR",
            ".",
            "..",
            "../..",
            "../..@XLON",
            "//@FX",
            "-@CRYPTO",
            "..@US.option",
        ] {
            assert_eq!(named(&asset.parse().unwrap()), None, "{asset}");
        }
    }

    #[test]
    fn a_share_and_a_coin_of_one_symbol_have_two_names() {
        let names = ["BTC", "BTC@CRYPTO"].map(|asset| named(&asset.parse().unwrap()));
        assert_ne!(names[0], names[1]);
    }

    #[test]
    fn the_pairs_from_the_dollar_have_two_names_and_others_one() {
        assert!(same("USDJPY=X", "JPY=X") && same("AAPL", "aapl"));
        assert!(!same("EURUSD=X", "USD=X") && !same("USDJPY=X", "EUR=X") && !same("USDX", "X"));
    }

    proptest! {
        #[test]
        fn a_name_read_back_is_named_the_same(
            name in "[A-Z]{1,5}(-[A-TV-Z]|-P[A-Z]|-WT|-WT[A-Z]|-UN)?|[A-Z]{3,5}\\.(WA|KQ|BK|IS|TWO)|[0-9]{6}\\.(KS|KQ|SS)|[A-Z0-9]{2,5}[A-Z][0-9]{2}\\.(CME|NYM)|[A-Z]{3}USD=X|[A-Z]{2}=F|\\^[A-Z]{2,6}|[A-Z]{3,4}-USD|[A-Z]{1,4}(-B)?\\.(L|PA|TO|AX|NS)|[0-9]{4}\\.(T|HK)"
        ) {
            // A pair of two currencies is no coin, and Yahoo sets it off by no dash; and a coin with one.
            prop_assume!(!name.strip_suffix("-USD").is_some_and(is_currency));
            prop_assume!(!name.strip_suffix("USD=X").is_some_and(is_coin));
            prop_assert_eq!(named(&asset(&name).unwrap()), Some(name));
        }

        #[test]
        fn no_symbol_makes_a_name_of_other_characters(
            symbol in "[A-Z0-9.^=_/&+-]{1,32}",
            kind in prop::sample::select(AssetType::ALL.to_vec()),
            market in "US|XLON|XHKG|FX|CRYPTO|CMES|XXXX",
        ) {
            let asset = Asset::new(symbol.parse().unwrap(), market.parse().unwrap()).of_type(kind);
            if let Some(name) = named(&asset) {
                prop_assert!(name.chars().all(|char| char.is_ascii_alphanumeric() || ".^=_/&+-".contains(char)));
                prop_assert!(name.chars().any(|char| char.is_ascii_alphanumeric()));
            }
        }
    }
}
