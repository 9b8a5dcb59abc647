//! How an API writes the symbols of assets, on the way out and back.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Deserializer, Serialize, de};

use super::setup::Setup;
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
    /// The names of single assets, as the API writes them: they are sent letter by letter. Each asset has one,
    /// however it is spelled.
    #[serde(deserialize_with = "names")]
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

/// Reads names, of which each must be of another asset: a map would keep the last of two.
fn names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<Asset, String>, D::Error> {
    struct Names;

    impl<'de> de::Visitor<'de> for Names {
        type Value = BTreeMap<Asset, String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("names by asset")
        }

        fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut names = BTreeMap::new();
            let mut spelled = BTreeMap::<Asset, String>::new();
            while let Some((spelling, name)) = map.next_entry::<String, String>()? {
                let asset: Asset = spelling.parse().map_err(de::Error::custom)?;
                if let Some(other) = spelled.insert(asset.clone(), spelling.clone()) {
                    let message = format!("{other} and {spelling} are one asset, {asset}: keep one");
                    return Err(de::Error::custom(message));
                }
                names.insert(asset, name);
            }
            Ok(names)
        }
    }

    deserializer.deserialize_map(Names)
}

impl JsonSymbols {
    /// Checks that no two assets have one name, and that there is no empty one.
    pub(super) fn check(&self, setup: &mut Setup<'_>) {
        let mut seen = BTreeMap::new();
        for (asset, name) in &self.names {
            if name.is_empty() {
                let message = format!("symbols.names: the name of {asset} is empty: write one");
                setup.error("symbols.names", message);
            } else if let Some(other) = seen.insert(name, asset) {
                let start = start_of(name);
                let message =
                    format!("symbols.names: {other} and {asset} are both called {start:?}: keep one");
                setup.error("symbols.names", message);
            }
        }
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

    #[test]
    fn rule_69_one_asset_has_one_name_however_it_is_spelled() {
        for names in
            [r#"{"BRK.B": "first", "BRK-B": "second"}"#, r#"{"BTC-USD": "btc", "BTC@CRYPTO": "btc"}"#]
        {
            let told = serde_json::from_str::<JsonSymbols>(&format!(r#"{{"names": {names}}}"#));
            let message = told.unwrap_err().to_string();
            assert!(message.contains("are one asset"), "{message}");
        }
        assert_eq!(symbols(r#"{"names": {"BRK.B": "b", "BRK.A": "a"}}"#).names.len(), 2);
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
