//! The ticker by which an instrument is known.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::Invalid;

/// A ticker: 1 to 32 of `A-Z`, `0-9`, `.`, `^`, `=`, `-`, `_`, `/`, `&` and `+`. Small letters are read as
/// capitals.
///
/// ```
/// use market_data::Symbol;
///
/// assert_eq!("brk-b".parse::<Symbol>()?.as_str(), "BRK-B");
/// assert!("AA PL".parse::<Symbol>().is_err());
/// # Ok::<(), market_data::Invalid>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Symbol(Arc<str>);

impl Symbol {
    /// The longest symbol, in characters.
    pub const MAX_LEN: usize = 32;

    /// Returns the text, in capitals.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Symbol {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let why = if text.is_empty() {
            "is empty".to_owned()
        } else if let Some(wrong) = text.chars().find(|&char| !is_allowed(char)) {
            format!("holds {wrong:?}")
        } else if text.len() > Self::MAX_LEN {
            format!("has {} characters", text.len())
        } else {
            return Ok(Self(text.to_ascii_uppercase().into()));
        };
        // A hostile text is not echoed at full length.
        let start: String = text.chars().take(2 * Self::MAX_LEN).collect();
        let more = if start.len() < text.len() { "..." } else { "" };
        let wanted = format!("a symbol has 1 to {} of A-Z, 0-9 and .^=-_/&+", Self::MAX_LEN);
        Err(Invalid::new(format!("the symbol {start:?}{more} {why}: {wanted}")))
    }
}

fn is_allowed(char: char) -> bool {
    char.is_ascii_alphanumeric() || matches!(char, '.' | '^' | '=' | '-' | '_' | '/' | '&' | '+')
}

impl TryFrom<String> for Symbol {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl From<Symbol> for String {
    fn from(symbol: Symbol) -> Self {
        symbol.as_str().to_owned()
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Symbol({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_symbol_is_read_in_capitals() {
        for (text, symbol) in
            [("aapl", "AAPL"), ("^GSPC", "^GSPC"), ("eurusd=x", "EURUSD=X"), ("0700.hk", "0700.HK")]
        {
            assert_eq!(text.parse::<Symbol>().unwrap().as_str(), symbol);
        }
    }

    #[test]
    fn what_is_no_symbol_is_refused_with_the_reason() {
        for (text, why) in [
            ("", "is empty"),
            ("AA PL", "holds ' '"),
            ("AAPL:US", "holds ':'"),
            ("ÄAPL", "holds 'Ä'"),
            ("A*", "holds '*'"),
            ("A\n", "holds '\\n'"),
            ("ABCDEFGHIJKLMNOPABCDEFGHIJKLMNOPQ", "has 33 characters"),
        ] {
            let message = text.parse::<Symbol>().unwrap_err().to_string();
            assert!(message.contains(why) && message.contains("1 to 32"), "{message}");
        }
    }

    #[test]
    fn a_hostile_symbol_is_not_echoed_in_full() {
        let message = "é".repeat(10_000).parse::<Symbol>().unwrap_err().to_string();
        assert!(message.len() < 300, "{message}");
    }

    #[test]
    fn a_stored_symbol_is_checked_when_it_is_read() {
        assert!(serde_json::from_str::<Symbol>(r#""A B""#).is_err());
        assert_eq!(serde_json::to_string(&"aapl".parse::<Symbol>().unwrap()).unwrap(), r#""AAPL""#);
    }
}
