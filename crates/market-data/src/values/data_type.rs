//! The kinds of data, each a region of its own in a cache.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{Asset, AssetType, Invalid, Market};

macro_rules! data_types {
    ($($(#[$doc:meta])* $name:ident = $text:literal),+ $(,)?) => {
        /// A kind of data; each is a region of its own in a cache.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[non_exhaustive]
        pub enum DataType {
            $($(#[$doc])* #[serde(rename = $text)] $name,)+
        }

        impl DataType {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// Returns the name, which is the kind of its keys: `"price"`, `"ohlcv"`.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }
        }
    };
}

data_types! {
    /// The latest price of an asset.
    Price = "price",
    /// Open, high, low, close and volume by interval.
    Ohlcv = "ohlcv",
    /// Closes adjusted for splits and dividends.
    AdjustedClose = "adjusted_close",
    /// Dividends.
    Dividend = "dividend",
    /// A company's reported figures.
    Fundamentals = "fundamentals",
    /// Indicators computed from prices.
    Technical = "technical",
    /// News.
    News = "news",
    /// A macroeconomic series.
    Macro = "macro",
    /// Consumer prices: a macro series.
    CpiIndex = "cpi_index",
    /// Yields of treasury bills and bonds: a macro series.
    TreasuryYield = "treasury_yield",
    /// Total return, price changes and dividends together: computed.
    TotalReturn = "total_return",
    /// Inflation: computed.
    InflationRate = "inflation_rate",
    /// A text about an asset, written from other data.
    Narrative = "narrative",
    /// A trading signal.
    Signal = "signal",
    /// Data of a user.
    User = "user",
    /// A user's session.
    Session = "session",
    /// The response of an API endpoint.
    ApiResponse = "api",
    /// How an instrument is traded: sizes, margins, digits of its price.
    Instrument = "instrument",
    /// What the clients of a broker ordered or hold, by price.
    Book = "book",
}

impl DataType {
    /// Returns whether such data come as [`Document`](crate::Document)s about an asset, and are named by
    /// [`DocumentId`](crate::DocumentId)s.
    #[must_use]
    pub fn is_document(self) -> bool {
        !matches!(
            self,
            Self::Price | Self::Ohlcv | Self::Signal | Self::User | Self::Session | Self::ApiResponse
        )
    }

    /// Returns whether such data are about an economy and not about something that is traded.
    #[must_use]
    pub fn is_of_an_economy(self) -> bool {
        matches!(self, Self::Macro | Self::CpiIndex | Self::TreasuryYield | Self::InflationRate)
    }

    /// Reads what such data are about: an asset as its own text says, or a macroeconomic series, which is named
    /// like an index and need not say so. One that says no market is of the United States.
    ///
    /// ```
    /// use market_data::DataType;
    ///
    /// assert_eq!(DataType::CpiIndex.read_asset("cpi")?.to_string(), "CPI@US.index");
    /// assert_eq!(DataType::CpiIndex.read_asset("CPI@US.index")?.to_string(), "CPI@US.index");
    /// assert_eq!(DataType::Macro.read_asset("REAL_GDP")?.to_string(), "REAL_GDP@US.index");
    /// assert_eq!(DataType::Price.read_asset("cpi")?.to_string(), "CPI");
    /// # Ok::<(), market_data::Invalid>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the text is no asset.
    pub fn read_asset(self, text: &str) -> Result<Asset, Invalid> {
        match (self.is_of_an_economy(), text.contains('@')) {
            (false, _) => text.parse(),
            (true, true) => Ok(text.parse::<Asset>()?.of_type(AssetType::Index)),
            // Whatever its letters would say of a share: `TREASURY` has more than any ticker.
            (true, false) => format!("{text}@{}.{}", Market::US, AssetType::Index).parse(),
        }
    }
}

impl FromStr for DataType {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::ALL.iter().copied().find(|one| one.as_str() == text).ok_or_else(|| {
            let start: String = text.chars().take(32).collect();
            let known = Self::ALL.iter().map(|one| one.as_str()).collect::<Vec<_>>().join(", ");
            Invalid::new(format!("{start:?} is no data type: there are {known}"))
        })
    }
}

impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_of_an_economy_has_one_name_however_long_it_is() {
        for name in ["CPI", "TREASURY", "REAL_GDP", "CPIAUCSL", "treasury"] {
            let long = format!("{name}@US.index");
            assert_eq!(DataType::Macro.read_asset(name), long.parse(), "{name}");
            assert_eq!(DataType::Macro.read_asset(&long), long.parse(), "{name}");
        }
        assert!(DataType::Macro.read_asset("A B").is_err() && DataType::Macro.read_asset("").is_err());
    }

    #[test]
    fn each_is_read_by_its_name() {
        for one in DataType::ALL {
            assert_eq!(one.as_str().parse(), Ok(*one));
            assert_eq!(serde_json::to_string(one).unwrap(), format!("{:?}", one.as_str()));
        }
        for series in
            ["CPI", "TREASURY", "UNEMPLOYMENT", "FEDERAL_FUNDS_RATE", "REAL_GDP_PER_CAPITA", "DURABLES"]
        {
            let read = DataType::Macro.read_asset(series).unwrap();
            assert_eq!(read.to_string(), format!("{series}@US.index"));
            assert_eq!(DataType::Macro.read_asset(&read.to_string()).unwrap(), read);
        }
        assert_eq!(DataType::Macro.read_asset("CPI@XLON").unwrap().to_string(), "CPI@XLON.index");
        assert!("prices".parse::<DataType>().unwrap_err().to_string().contains("price, ohlcv"));
    }
}
