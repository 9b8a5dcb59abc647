//! Names of assets at Yahoo, and the assets of names.

use crate::{Asset, AssetType, Market, Symbol};

/// The suffix of each market in Yahoo's names, from its help page on exchanges and data providers.
const SUFFIXES: &[(&str, &str)] = &[
    ("XLON", "L"),
    ("XTKS", "T"),
    ("XHKG", "HK"),
    ("XFRA", "F"),
    ("XETR", "DE"),
    ("XPAR", "PA"),
    ("XAMS", "AS"),
    ("XBRU", "BR"),
    ("XLIS", "LS"),
    ("XMIL", "MI"),
    ("XMAD", "MC"),
    ("XSWX", "SW"),
    ("XWBO", "VI"),
    ("XSTO", "ST"),
    ("XOSL", "OL"),
    ("XCSE", "CO"),
    ("XHEL", "HE"),
    ("XTSE", "TO"),
    ("XTSX", "V"),
    ("XASX", "AX"),
    ("XNZE", "NZ"),
    ("XNSE", "NS"),
    ("XBOM", "BO"),
    ("XSHG", "SS"),
    ("XSHE", "SZ"),
    ("XKRX", "KS"),
    ("XTAI", "TW"),
    ("XSES", "SI"),
    ("XIDX", "JK"),
    ("XTAE", "TA"),
    ("XJSE", "JO"),
    ("BVMF", "SA"),
    ("XMEX", "MX"),
];

/// Returns Yahoo's name of `asset`; `None` if it has none.
///
/// A symbol that is Yahoo's own is kept. A name has only characters of a [`Symbol`], and is never `.` or
/// `..`, which would lead to a parent path in a URL.
pub(super) fn named(asset: &Asset) -> Option<String> {
    let symbol = asset.symbol.as_str();
    if !symbol.bytes().any(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    Some(match asset.asset_type {
        AssetType::Fx => currency_pair(symbol),
        AssetType::Crypto => coin(symbol),
        AssetType::Future if symbol.contains(['=', '.']) => symbol.to_owned(),
        AssetType::Future => format!("{symbol}=F"),
        AssetType::Index if !symbol.bytes().all(|byte| byte.is_ascii_digit()) => index(symbol),
        AssetType::Option => symbol.to_owned(),
        _ => listed(symbol, asset.market)?,
    })
}

/// Returns the asset of one of Yahoo's names. Shares, funds and ETFs have names alike: the asset is the share.
pub(super) fn asset(name: &str) -> Option<Asset> {
    let of = |symbol: &str, market, asset_type| {
        Some(Asset { symbol: symbol.parse::<Symbol>().ok()?, market, asset_type })
    };
    if let Some(pair) = name.strip_suffix("=X") {
        let (base, quote) =
            pair.split_at_checked(3).filter(|(_, quote)| !quote.is_empty()).unwrap_or(("USD", pair));
        return of(&format!("{base}_{quote}"), Market::FX, AssetType::Fx);
    }
    if let Some(root) = name.strip_suffix("=F") {
        return of(root, Market::CMES, AssetType::Future);
    }
    if let Some(index) = name.strip_prefix('^') {
        return of(index, Market::US, AssetType::Index);
    }
    if let Some((coin, "USD" | "EUR" | "GBP" | "JPY")) = name.rsplit_once('-') {
        let symbol = if name.ends_with("-USD") { coin } else { name };
        return of(symbol, Market::CRYPTO, AssetType::Crypto);
    }
    let (root, market) = match name.rsplit_once('.') {
        Some((root, suffix)) => (root, market_of(suffix)?),
        None => (name, Market::US),
    };
    of(&root.replace('-', "."), market, AssetType::Equity)
}

/// Returns whether two names mean one asset: pairs with the dollar first have two names.
pub(super) fn same(one: &str, other: &str) -> bool {
    fn short(name: &str) -> &str {
        name.strip_prefix("USD").filter(|rest| rest.len() == 5 && rest.ends_with("=X")).unwrap_or(name)
    }
    short(one).eq_ignore_ascii_case(short(other))
}

fn currency_pair(symbol: &str) -> String {
    match symbol.ends_with("=X") {
        true => symbol.to_owned(),
        false => format!("{}=X", symbol.replace(['_', '/', '-'], "")),
    }
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

/// Returns the name of a share, fund or ETF: classes after a dash, the market after a dot.
fn listed(symbol: &str, market: Market) -> Option<String> {
    if symbol.starts_with('^') || symbol.contains('=') {
        return Some(symbol.to_owned());
    }
    let suffix = SUFFIXES.iter().find(|(code, _)| *code == market.as_str()).map(|(_, suffix)| *suffix);
    let ending = symbol.rsplit_once('.').map(|(_, ending)| ending);
    match suffix {
        Some(suffix) if ending == Some(suffix) => Some(symbol.to_owned()),
        Some(suffix) => {
            let root = if market == Market::XHKG { four_digits(symbol) } else { symbol.to_owned() };
            Some(format!("{}.{suffix}", root.trim_end_matches('.').replace('.', "-")))
        }
        None if ending.is_some_and(|ending| market_of(ending).is_some()) => Some(symbol.to_owned()),
        None if is_american(market) => Some(symbol.replace('.', "-")),
        None => None,
    }
}

/// Pads a number of Hong Kong: `5` and `00005` become `0005`.
fn four_digits(symbol: &str) -> String {
    match symbol.parse::<u32>() {
        Ok(number) => format!("{number:04}"),
        Err(_) => symbol.to_owned(),
    }
}

fn is_american(market: Market) -> bool {
    matches!(market.as_str(), "US" | "XNYS" | "XNAS" | "XASE" | "ARCX" | "BATS" | "OTCM")
}

fn market_of(suffix: &str) -> Option<Market> {
    let (code, _) = SUFFIXES.iter().find(|(_, known)| *known == suffix)?;
    code.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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
        for asset in ["AAPL@XXXX", ".", "..", "../..", "../..@XLON", "//@FX", "-@CRYPTO", "..@US.option"] {
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
            name in "[A-Z]{1,5}(-[AB])?|[A-Z]{3}USD=X|[A-Z]{2}=F|\\^[A-Z]{2,6}|[A-Z]{3,4}-USD|[A-Z]{1,4}(-B)?\\.(L|PA|TO|AX|NS)|[0-9]{4}\\.(T|HK)"
        ) {
            prop_assert_eq!(named(&asset(&name).unwrap()), Some(name));
        }

        #[test]
        fn no_symbol_makes_a_name_of_other_characters(
            symbol in "[A-Z0-9.^=_/&+-]{1,32}",
            kind in prop::sample::select(AssetType::ALL.to_vec()),
            market in "US|XLON|XHKG|FX|CRYPTO|CMES|XXXX",
        ) {
            let asset = Asset { symbol: symbol.parse().unwrap(), asset_type: kind, market: market.parse().unwrap() };
            if let Some(name) = named(&asset) {
                prop_assert!(name.chars().all(|char| char.is_ascii_alphanumeric() || ".^=_/&+-".contains(char)));
                prop_assert!(name.chars().any(|char| char.is_ascii_alphanumeric()));
            }
        }
    }
}
