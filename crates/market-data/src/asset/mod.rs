//! Assets: a symbol, its type and its market.

pub(crate) mod symbol;

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{Invalid, Market, Symbol};

/// The type of an asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "named for what they are")]
pub enum AssetType {
    Equity,
    Etf,
    Fund,
    Index,
    Fx,
    Crypto,
    Future,
    Option,
}

impl AssetType {
    /// All types.
    pub const ALL: [Self; 8] = [
        Self::Equity,
        Self::Etf,
        Self::Fund,
        Self::Index,
        Self::Fx,
        Self::Crypto,
        Self::Future,
        Self::Option,
    ];

    /// The type of what is usually traded on a market.
    #[must_use]
    pub fn usual_on(market: Market) -> Self {
        match market {
            Market::FX => Self::Fx,
            Market::CRYPTO => Self::Crypto,
            Market::CMES => Self::Future,
            _ => Self::Equity,
        }
    }

    /// Returns the name: `"equity"`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Equity => "equity",
            Self::Etf => "etf",
            Self::Fund => "fund",
            Self::Index => "index",
            Self::Fx => "fx",
            Self::Crypto => "crypto",
            Self::Future => "future",
            Self::Option => "option",
        }
    }
}

impl FromStr for AssetType {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::ALL.into_iter().find(|one| one.as_str().eq_ignore_ascii_case(text)).ok_or_else(|| {
            let start: String = text.chars().take(16).collect();
            let known = Self::ALL.map(Self::as_str).join(", ");
            Invalid::new(format!("{start:?} is no asset type: there are {known}"))
        })
    }
}

impl fmt::Display for AssetType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An asset, identified by symbol, type and market together: an equity BTC is not the coin, AAPL in London
/// not AAPL in New York.
///
/// Written `SYMBOL[@MARKET][.type]`. The market [`Market::US`] and the type that is usual on a market are
/// left out, so that each asset has one text only, and the usual ones are their symbols.
///
/// ```
/// use market_data::{Asset, AssetType, Market};
///
/// let apple: Asset = "AAPL".parse()?;
/// assert_eq!((apple.market, apple.asset_type), (Market::US, AssetType::Equity));
/// assert_eq!("spy@us.etf".parse::<Asset>()?.to_string(), "SPY@US.etf");
/// assert_eq!("BTC@CRYPTO.crypto".parse::<Asset>()?.to_string(), "BTC@CRYPTO");
/// assert_ne!("BTC".parse::<Asset>()?, "BTC@CRYPTO".parse::<Asset>()?);
/// # Ok::<(), market_data::Invalid>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Asset {
    /// The ticker.
    pub symbol: Symbol,
    /// Its type.
    pub asset_type: AssetType,
    /// The market it is traded on.
    pub market: Market,
}

impl Asset {
    /// The asset of this symbol on that market, of the type that is usual there.
    #[must_use]
    pub fn new(symbol: Symbol, market: Market) -> Self {
        Self { symbol, asset_type: AssetType::usual_on(market), market }
    }

    /// Sets the type.
    #[must_use]
    pub fn of_type(self, asset_type: AssetType) -> Self {
        Self { asset_type, ..self }
    }
}

impl From<Symbol> for Asset {
    fn from(symbol: Symbol) -> Self {
        Self::new(symbol, Market::US)
    }
}

impl FromStr for Asset {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        // A symbol holds no '@', and a market no '.'.
        let Some((symbol, place)) = text.split_once('@') else {
            return Ok(Self::from(text.parse::<Symbol>()?));
        };
        let (market, asset_type) = match place.split_once('.') {
            Some((market, asset_type)) => (market.parse::<Market>()?, Some(asset_type.parse()?)),
            None => (place.parse::<Market>()?, None),
        };
        let asset = Self::new(symbol.parse()?, market);
        Ok(asset_type.map_or_else(|| asset.clone(), |asset_type| asset.clone().of_type(asset_type)))
    }
}

impl TryFrom<String> for Asset {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl From<Asset> for String {
    fn from(asset: Asset) -> Self {
        asset.to_string()
    }
}

impl fmt::Display for Asset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { symbol, asset_type, market } = self;
        match (*market == Market::US, *asset_type == AssetType::usual_on(*market)) {
            (true, true) => write!(f, "{symbol}"),
            (false, true) => write!(f, "{symbol}@{market}"),
            (_, false) => write!(f, "{symbol}@{market}.{asset_type}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn asset() -> impl Strategy<Value = Asset> {
        let types = prop::sample::select(AssetType::ALL.to_vec());
        ("[A-Z0-9.^=_/&+-]{1,32}", types, "[A-Z0-9]{2,8}").prop_map(|(symbol, asset_type, market)| Asset {
            symbol: symbol.parse().unwrap(),
            asset_type,
            market: market.parse().unwrap(),
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_as_it_was(asset in asset()) {
            prop_assert_eq!(asset.to_string().parse::<Asset>().unwrap(), asset);
        }

        #[test]
        fn other_assets_are_written_otherwise(one in asset(), other in asset()) {
            prop_assert_eq!(one == other, one.to_string() == other.to_string());
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
}
