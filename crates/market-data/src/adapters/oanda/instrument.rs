//! Names of assets at OANDA: `EUR_USD`, `XAU_USD`, `DE30_EUR`.

use crate::{Asset, AssetType};

/// Returns the name of `asset` at OANDA, made of capitals, digits and one underscore; `None` if it has none.
pub(super) fn named(asset: &Asset) -> Option<String> {
    let symbol = asset.symbol.as_str();
    let name = match asset.asset_type {
        AssetType::Fx => symbol.replace(['/', '-'], "_"),
        // A coin without a currency is priced in dollars.
        AssetType::Crypto if !symbol.contains('_') => format!("{symbol}_USD"),
        _ => symbol.to_owned(),
    };
    let part = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let sound = name.split_once('_').is_some_and(|(base, quote)| part(base) && part(quote));
    sound.then_some(name)
}

/// Returns whether two names mean one instrument: the documentation writes some with a slash.
pub(super) fn same(one: &str, other: &str) -> bool {
    one.replace('/', "_").eq_ignore_ascii_case(&other.replace('/', "_"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_pair_is_named_with_an_underscore_and_a_share_not_at_all() {
        for (asset, name) in [
            ("EUR_USD@FX", Some("EUR_USD")),
            ("EUR/USD@FX", Some("EUR_USD")),
            ("EURUSD@FX", Some("EUR_USD")),
            ("XAU_USD@FX", Some("XAU_USD")),
            ("DE30_EUR@FX.index", Some("DE30_EUR")),
            ("BTC_USD@CRYPTO", Some("BTC_USD")),
            ("AAPL", None),
            ("_@FX", None),
            ("A_B_C@FX", None),
            ("..@FX", None),
            ("EUR_../X@FX", None),
        ] {
            assert_eq!(named(&asset.parse().unwrap()).as_deref(), name, "{asset}");
        }
    }

    proptest! {
        #[test]
        fn a_name_can_stand_in_a_url_as_it_is(symbol in "[A-Z0-9.^=_/&+-]{1,32}", market in "FX|US|CRYPTO") {
            if let Some(name) = named(&format!("{symbol}@{market}").parse().unwrap()) {
                prop_assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'));
            }
        }
    }
}
