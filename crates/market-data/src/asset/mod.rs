//! Assets: a symbol, its type and its market.

pub(crate) mod future;
pub(crate) mod names;
mod share_class;
mod spelling;
pub(crate) mod symbol;

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

pub(crate) use self::share_class::share_class;
use self::spelling::Spelled;
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
/// However it is spelled, an instrument is one asset: as an exchange, a provider or a person writes it. A symbol
/// alone may say its market by its form: `VOD.L`, `7203.T`, `ES=F`, `EURUSD=X`, `BTC-USD`, `^N225`. One to six
/// letters, with or without a class of shares, are an American share. Where the form says nothing (`PKO.WA`,
/// `7203`), the market is [`Market::UNSTATED`], and the symbol is kept as it is.
///
/// ```
/// use market_data::{Asset, AssetType, Market};
///
/// let apple: Asset = "AAPL".parse()?;
/// assert_eq!((apple.market, apple.asset_type), (Market::US, AssetType::Equity));
/// assert_eq!("spy@us.etf".parse::<Asset>()?.to_string(), "SPY@US.etf");
/// assert_eq!("BTC@CRYPTO.crypto".parse::<Asset>()?.to_string(), "BTC@CRYPTO");
/// assert_ne!("BTC".parse::<Asset>()?, "BTC@CRYPTO".parse::<Asset>()?);
///
/// for (spelling, asset) in [
///     ("brk-b", "BRK.B"),
///     ("BRK/B", "BRK.B"),
///     ("VOD.L", "VOD@XLON"),
///     ("ES=F", "ES@CMES"),
///     ("EURUSD=X", "EUR_USD@FX"),
///     ("BTC-USD", "BTC@CRYPTO"),
/// ] {
///     assert_eq!(spelling.parse::<Asset>()?.to_string(), asset);
/// }
/// # Ok::<(), market_data::Invalid>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[non_exhaustive]
pub struct Asset {
    /// The ticker, in its one spelling.
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
        Self::on(symbol, market, None)
    }

    /// Sets the type.
    #[must_use]
    pub fn of_type(self, asset_type: AssetType) -> Self {
        Self::on(self.symbol, self.market, Some(asset_type))
    }

    fn on(symbol: Symbol, market: Market, asset_type: Option<AssetType>) -> Self {
        if spelling::is_plain(symbol.as_str()) && AssetType::usual_on(market) == AssetType::Equity {
            return Self { symbol, asset_type: asset_type.unwrap_or(AssetType::Equity), market };
        }
        let spelled = spelling::on(symbol.as_str(), market, asset_type);
        Self::spelled(symbol, spelled)
    }

    /// The asset as it was read from `symbol`, whose text is kept if it is the one already.
    fn spelled(symbol: Symbol, Spelled { symbol: text, market, asset_type }: Spelled) -> Self {
        // What is made of a symbol has its characters, and no more of them than "USD_" adds.
        let symbol = if symbol.as_str() == text { symbol } else { text.parse().unwrap_or(symbol) };
        Self { symbol, asset_type, market }
    }

    /// Returns whether this is what its symbol alone is read as.
    fn is_told_by_its_symbol(&self) -> bool {
        if spelling::is_plain(self.symbol.as_str()) {
            return (self.market, self.asset_type) == (Market::US, AssetType::Equity);
        }
        let spelled = spelling::alone(self.symbol.as_str());
        let same = (spelled.market, spelled.asset_type) == (self.market, self.asset_type);
        same && spelled.symbol == self.symbol.as_str()
    }

    /// Returns whether nobody stated a market, and the symbol doesn't say one.
    #[must_use]
    pub(crate) fn is_of_unstated_market(&self) -> bool {
        self.market == Market::UNSTATED && self.is_told_by_its_symbol()
    }
}

impl From<Symbol> for Asset {
    /// The asset that is written as a symbol alone.
    fn from(symbol: Symbol) -> Self {
        if spelling::is_plain(symbol.as_str()) {
            return Self { symbol, asset_type: AssetType::Equity, market: Market::US };
        }
        let spelled = spelling::alone(symbol.as_str());
        Self::spelled(symbol, spelled)
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
        Ok(Self::on(symbol.parse()?, market, asset_type))
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
        let usual = *asset_type == spelling::usual_type(symbol.as_str(), *market);
        if usual && matches!(*market, Market::US | Market::UNSTATED) && self.is_told_by_its_symbol() {
            return write!(f, "{symbol}");
        }
        match usual {
            true => write!(f, "{symbol}@{market}"),
            false => write!(f, "{symbol}@{market}.{asset_type}"),
        }
    }
}

#[cfg(test)]
mod tests;
