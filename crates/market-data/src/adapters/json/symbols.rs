//! How an API writes the symbols of assets, on the way out and back.

use std::collections::BTreeMap;

use cache_core::Result;
use serde::{Deserialize, Serialize};

use super::{config::JsonConfig, endpoint::wrong};
use crate::{Asset, AssetType, asset::share_class, parse::start_of};

/// How an API writes the symbols of assets, where it isn't as they are written here: in capitals, `BRK.B`,
/// `EUR_USD`, and `BTC` for the coin in dollars.
///
/// ```
/// use market_data::JsonSymbols;
///
/// let coins: JsonSymbols = serde_json::from_str(r#"{"case": "lower", "names": {"BTC@CRYPTO": "bitcoin"}}"#)?;
/// assert_eq!(coins.names.len(), 1);
/// let pairs: JsonSymbols = serde_json::from_str(r#"{"pair": "-", "class": "-"}"#)?; // BTC-USD, BRK-B
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JsonSymbols {
    /// The case of their letters. Default: `upper`.
    pub case: SymbolCase,
    /// What stands between the two currencies of a pair, and between a coin and its currency, which is then always
    /// named. Default: `_`, and dollars left out behind a coin.
    pub pair: Option<String>,
    /// What stands before a class of shares. Default: `.`.
    pub class: Option<String>,
    /// The names of single assets, as the API writes them: they are sent letter by letter.
    pub names: BTreeMap<Asset, String>,
}

/// The case of a symbol's letters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SymbolCase {
    /// `AAPL`.
    #[default]
    Upper,
    /// `aapl`.
    Lower,
}

impl JsonSymbols {
    /// Checks that no two assets have one name, and that there is no empty one.
    pub(super) fn check(&self, config: &JsonConfig) -> Result<()> {
        let mut seen = BTreeMap::new();
        for (asset, name) in &self.names {
            if name.is_empty() {
                return Err(wrong(config, format!("symbols.names: the name of {asset} is empty: write one")));
            }
            if let Some(other) = seen.insert(name, asset) {
                let start = start_of(name);
                let message =
                    format!("symbols.names: {other} and {asset} are both called {start:?}: keep one");
                return Err(wrong(config, message));
            }
        }
        Ok(())
    }

    /// Returns the API's name of an asset.
    pub(super) fn name(&self, asset: &Asset) -> String {
        if let Some(name) = self.names.get(asset) {
            return name.clone();
        }
        let symbol = asset.symbol.as_str();
        let written = match (asset.asset_type, &self.pair, &self.class) {
            (AssetType::Fx, Some(between), _) => symbol.replace('_', between),
            (AssetType::Crypto, Some(between), _) => match symbol.split_once('_') {
                Some((coin, currency)) => format!("{coin}{between}{currency}"),
                None => format!("{symbol}{between}USD"),
            },
            (AssetType::Equity | AssetType::Etf | AssetType::Fund, _, Some(before)) => {
                match share_class(symbol, asset.market) {
                    Some((root, class)) => format!("{root}{before}{}", class.replace('.', before)),
                    None => symbol.to_owned(),
                }
            }
            _ => symbol.to_owned(),
        };
        match self.case {
            SymbolCase::Upper => written,
            SymbolCase::Lower => written.to_ascii_lowercase(),
        }
    }

    /// Returns whether a body means `asset` by `told`: it is the name that was sent, or another spelling of it.
    pub(super) fn is(&self, asset: &Asset, told: &str) -> bool {
        if let Some(name) = self.names.get(asset) {
            return name == told;
        }
        let of_another = || self.names.values().any(|name| name == told);
        let spelled = || told.parse::<Asset>().is_ok_and(|told| told == *asset);
        let known = self.name(asset).eq_ignore_ascii_case(told)
            || asset.symbol.as_str().eq_ignore_ascii_case(told)
            || asset.to_string().eq_ignore_ascii_case(told);
        (known || spelled()) && !of_another()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn symbols(json: &str) -> JsonSymbols {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn rule_69_an_identifier_is_sent_as_the_api_writes_it() {
        for (json, asset, name) in [
            ("{}", "brk-b", "BRK.B"),
            (r#"{"class": "-"}"#, "BRK.B", "BRK-B"),
            (r#"{"class": ""}"#, "BRK/B", "BRKB"),
            (r#"{"class": "-"}"#, "IPOF.WS.A", "IPOF-WS-A"),
            (r#"{"class": "/"}"#, "BAC.PR.L", "BAC/PRL"),
            (r#"{"case": "lower"}"#, "bitcoin", "bitcoin"),
            (r#"{"case": "lower", "pair": ""}"#, "BTC-USD", "btcusd"),
            (r#"{"pair": "-"}"#, "BTC@CRYPTO", "BTC-USD"),
            (r#"{"pair": "/"}"#, "ETH_EUR@CRYPTO", "ETH/EUR"),
            (r#"{"pair": "/"}"#, "EURUSD=X", "EUR/USD"),
            (r#"{"names": {"BTC-USD": "tBTCUSD"}}"#, "BTC@CRYPTO", "tBTCUSD"),
            (r#"{"names": {"USDC@CRYPTO": "usd-coin"}}"#, "USDC-USD", "usd-coin"),
            (r#"{"case": "lower"}"#, "PKO.WA", "pko.wa"),
        ] {
            let (symbols, asset) = (symbols(json), asset.parse().unwrap());
            assert_eq!(symbols.name(&asset), name, "{json} {asset}");
            assert!(symbols.is(&asset, name), "{json} {asset}");
        }
        let named = symbols(r#"{"names": {"USDC@CRYPTO": "usd-coin", "ABC": "Abc"}}"#);
        assert!(!named.is(&"ABC".parse().unwrap(), "ABC"), "a name is told letter by letter");
    }

    proptest! {
        #[test]
        fn rule_69_a_name_that_comes_back_is_its_asset(
            symbol in "[A-Z]{1,5}(\\.[AB])?|[A-Z]{3}_[A-Z]{3}@FX|[A-Z]{2,5}(_EUR)?@CRYPTO", pair in "[-_/]?", class in "[-./]", lower: bool,
        ) {
            let case = if lower { SymbolCase::Lower } else { SymbolCase::Upper };
            let symbols = JsonSymbols { case, pair: Some(pair), class: Some(class), names: BTreeMap::new() };
            let asset: Asset = symbol.parse().unwrap();
            prop_assert!(symbols.is(&asset, &symbols.name(&asset)));
        }
    }
}
