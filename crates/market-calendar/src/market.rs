//! The code of a market.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{Error, ErrorKind, Result};

/// A market: an exchange by its ISO 10383 code (MIC), or one that has none, such as foreign exchange.
///
/// Any well-formed code is a market, whether or not it has a calendar.
///
/// ```
/// use market_calendar::Market;
///
/// assert_eq!("xlon".parse::<Market>()?, Market::XLON);
/// assert_eq!("XOSL".parse::<Market>()?.as_str(), "XOSL");
/// assert!("Oslo Børs".parse::<Market>().is_err());
/// # Ok::<(), market_calendar::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Market([u8; Self::MAX_LEN]);

impl Market {
    /// The longest code, in characters.
    pub const MAX_LEN: usize = 8;

    /// The consolidated market of the United States: all of its stock exchanges.
    pub const US: Self = Self::named("US");
    /// New York Stock Exchange.
    pub const XNYS: Self = Self::named("XNYS");
    /// Nasdaq.
    pub const XNAS: Self = Self::named("XNAS");
    /// London Stock Exchange.
    pub const XLON: Self = Self::named("XLON");
    /// Tokyo Stock Exchange.
    pub const XTKS: Self = Self::named("XTKS");
    /// Stock Exchange of Hong Kong.
    pub const XHKG: Self = Self::named("XHKG");
    /// Xetra, the electronic market of Frankfurt.
    pub const XETR: Self = Self::named("XETR");
    /// The floor of the Frankfurt Stock Exchange, which trades from eight to ten.
    pub const XFRA: Self = Self::named("XFRA");
    /// Euronext Paris.
    pub const XPAR: Self = Self::named("XPAR");
    /// Toronto Stock Exchange.
    pub const XTSE: Self = Self::named("XTSE");
    /// Australian Securities Exchange.
    pub const XASX: Self = Self::named("XASX");
    /// National Stock Exchange of India.
    pub const XNSE: Self = Self::named("XNSE");
    /// Bombay Stock Exchange.
    pub const XBOM: Self = Self::named("XBOM");
    /// Shanghai Stock Exchange.
    pub const XSHG: Self = Self::named("XSHG");
    /// CME Globex.
    pub const CMES: Self = Self::named("CMES");
    /// Foreign exchange, open from Sunday evening to Friday evening in New York.
    pub const FX: Self = Self::named("FX");
    /// Coins, which trade at all times.
    pub const CRYPTO: Self = Self::named("CRYPTO");
    /// No market that anybody stated, by the code that ISO 10383 has for "no market". It has no calendar.
    pub const UNSTATED: Self = Self::named("XXXX");

    pub(crate) const fn named(code: &str) -> Self {
        let (code, mut text, mut at) = (code.as_bytes(), [0; Self::MAX_LEN], 0);
        while at < code.len() {
            text[at] = code[at];
            at += 1;
        }
        Self(text)
    }

    /// Returns the code, in capitals.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let len = self.0.iter().position(|byte| *byte == 0).unwrap_or(Self::MAX_LEN);
        std::str::from_utf8(&self.0[..len]).unwrap_or_default()
    }
}

impl FromStr for Market {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let sound = (2..=Self::MAX_LEN).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if sound {
            return Ok(Self::named(&text.to_ascii_uppercase()));
        }
        let start: String = text.chars().take(2 * Self::MAX_LEN).collect();
        let wanted = "a market is a code of 2 to 8 of A-Z and 0-9, such as XNYS, XLON, FX or CRYPTO";
        Err(Error::new(ErrorKind::InvalidMarket, format!("{start:?} is no market: {wanted}")))
    }
}

impl TryFrom<String> for Market {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Market> for String {
    fn from(market: Market) -> Self {
        market.as_str().to_owned()
    }
}

impl fmt::Display for Market {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Market {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Market({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_in_capitals_and_nothing_else_is() {
        assert_eq!("crypto".parse::<Market>().unwrap(), Market::CRYPTO);
        assert_eq!("ABCDEFGH".parse::<Market>().unwrap().as_str(), "ABCDEFGH");
        for text in ["", "X", "ABCDEFGHI", "X-Y", "Ü1", "X\0", &"é".repeat(1000)] {
            let message = text.parse::<Market>().unwrap_err().to_string();
            assert!(message.contains("2 to 8") && message.len() < 200, "{message}");
        }
    }
}
