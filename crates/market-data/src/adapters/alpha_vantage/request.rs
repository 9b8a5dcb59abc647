//! Builds requests; the API key is added where they are sent.

use super::body::Nothing;
use crate::{
    Asset, AssetType, Document, Interval, Market, asset::names::is_american, http::HttpRequest,
    parse::ParseError,
};

/// The intervals it offers, and their names in a query.
pub(super) const INTERVALS: &[(Interval, &str)] = &[
    (Interval::Minute, "1min"),
    (Interval::Minutes5, "5min"),
    (Interval::Minutes15, "15min"),
    (Interval::Minutes30, "30min"),
    (Interval::Hour, "60min"),
    (Interval::Day, "daily"),
];

/// The suffix of each market whose symbols have one.
const SUFFIXES: &[(Market, &str)] = &[
    (Market::XLON, "LON"),
    (Market::XTSE, "TRT"),
    (Market::XETR, "DEX"),
    (Market::XFRA, "FRK"),
    (Market::XPAR, "PAR"),
    (Market::XHKG, "HKG"),
    (Market::XBOM, "BSE"),
    (Market::XSHG, "SHH"),
];

/// The name of an asset at Alpha Vantage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Name {
    /// A share, fund or ETF by its symbol.
    Listed(String),
    /// A currency in another.
    Pair(String, String),
    /// A coin in a currency.
    Coin(String, String),
}

impl Name {
    /// The name of `asset`; `None` if it has none.
    pub(super) fn of(asset: &Asset) -> Option<Self> {
        let symbol = asset.symbol.as_str();
        match asset.asset_type {
            AssetType::Fx if symbol.len() == 6 && symbol.is_char_boundary(3) => {
                pair(&symbol[..3], &symbol[3..], Self::Pair)
            }
            AssetType::Fx => {
                symbol.split_once(['_', '/', '-']).and_then(|(from, to)| pair(from, to, Self::Pair))
            }
            AssetType::Crypto => {
                let (coin, currency) = symbol.split_once(['_', '/', '-']).unwrap_or((symbol, "USD"));
                pair(coin, currency, Self::Coin)
            }
            AssetType::Equity | AssetType::Etf | AssetType::Fund => Self::listed(asset),
            AssetType::Index | AssetType::Future | AssetType::Option => None,
        }
    }

    fn listed(asset: &Asset) -> Option<Self> {
        let (symbol, market) = (asset.symbol.as_str(), asset.market);
        match SUFFIXES.iter().find(|(known, _)| *known == market) {
            Some((_, suffix)) => Some(Self::Listed(format!("{}.{suffix}", symbol.replace('.', "-")))),
            None if is_american(market) || asset.is_of_unstated_market() => {
                Some(Self::Listed(symbol.to_owned()))
            }
            None => None,
        }
    }

    /// Returns whether `told` is this name. Share classes are written with a dot or a dash.
    pub(super) fn is(&self, told: &str) -> bool {
        match self {
            Self::Listed(symbol) => symbol.replace('-', ".").eq_ignore_ascii_case(&told.replace('-', ".")),
            Self::Pair(from, to) | Self::Coin(from, to) => format!("{from}/{to}").eq_ignore_ascii_case(told),
        }
    }

    /// Checks that `told` is this name.
    ///
    /// # Errors
    ///
    /// If it is another.
    pub(super) fn check(&self, told: &str) -> Result<(), ParseError> {
        if self.is(told) { Ok(()) } else { Err(ParseError::name("the name", told)) }
    }

    /// Returns the symbol, or the first of two.
    pub(super) fn symbol(&self) -> &str {
        match self {
            Self::Listed(symbol) | Self::Pair(symbol, _) | Self::Coin(symbol, _) => symbol,
        }
    }
}

fn pair(from: &str, to: &str, name: impl FnOnce(String, String) -> Name) -> Option<Name> {
    let sound = |code: &str| !code.is_empty() && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (sound(from) && sound(to)).then(|| name(from.to_owned(), to.to_owned()))
}

/// A request for a document, and how its answer is read.
pub(super) struct Inquiry {
    pub(super) call: HttpRequest,
    pub(super) read: BodyReader,
}

/// Makes a document of a body; `None` if there is none about the asset.
pub(super) type BodyReader = Box<dyn FnOnce(&[u8]) -> Result<Option<Document>, Nothing> + Send>;

impl Inquiry {
    pub(super) fn new(
        call: HttpRequest,
        read: impl FnOnce(&[u8]) -> Result<Option<Document>, Nothing> + Send + 'static,
    ) -> Self {
        Self { call, read: Box::new(read) }
    }
}

/// Returns the request that calls a function.
pub(super) fn call(function: &str) -> HttpRequest {
    HttpRequest::get(["query"]).query("function", function)
}

/// Returns the request for a quote.
pub(super) fn quote(name: &Name) -> HttpRequest {
    match name {
        Name::Listed(symbol) => call("GLOBAL_QUOTE").query("symbol", symbol),
        Name::Pair(from, to) | Name::Coin(from, to) => {
            call("CURRENCY_EXCHANGE_RATE").query("from_currency", from).query("to_currency", to)
        }
    }
}

/// Options of a request for a series.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Depth {
    /// The whole series, in place of the latest 100 bars.
    pub(super) full: bool,
    /// With adjusted closes.
    pub(super) adjusted: bool,
}

/// Returns the request for a series; `None` if there is none of such an interval.
pub(super) fn series(name: &Name, interval: Interval, depth: Depth) -> Option<HttpRequest> {
    let called = called(interval)?;
    let call = match (name, interval.is_intraday()) {
        (Name::Listed(symbol), false) if depth.adjusted => {
            call("TIME_SERIES_DAILY_ADJUSTED").query("symbol", symbol)
        }
        (Name::Listed(symbol), false) => call("TIME_SERIES_DAILY").query("symbol", symbol),
        (Name::Listed(symbol), true) => {
            call("TIME_SERIES_INTRADAY").query("symbol", symbol).query("interval", called)
        }
        (Name::Pair(from, to), false) => call("FX_DAILY").query("from_symbol", from).query("to_symbol", to),
        (Name::Pair(from, to), true) => {
            call("FX_INTRADAY").query("from_symbol", from).query("to_symbol", to).query("interval", called)
        }
        // It takes no size: it is as long as it is.
        (Name::Coin(coin, currency), false) => {
            return Some(call("DIGITAL_CURRENCY_DAILY").query("symbol", coin).query("market", currency));
        }
        (Name::Coin(coin, currency), true) => {
            call("CRYPTO_INTRADAY").query("symbol", coin).query("market", currency).query("interval", called)
        }
    };
    Some(call.query("outputsize", if depth.full { "full" } else { "compact" }))
}

/// Returns the name of an interval; `None` if it isn't offered.
pub(super) fn called(interval: Interval) -> Option<&'static str> {
    INTERVALS.iter().find(|(known, _)| *known == interval).map(|(_, called)| *called)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(asset: &str) -> Option<Name> {
        Name::of(&asset.parse().unwrap())
    }

    fn shown(call: Option<HttpRequest>) -> Option<String> {
        call.map(|call| format!("{call:?}").replace("%5F", "_"))
    }

    #[test]
    fn each_kind_of_asset_has_its_function() {
        for (asset, query) in [
            ("MSFT", "function=GLOBAL_QUOTE&symbol=MSFT"),
            ("TSCO@XLON", "function=GLOBAL_QUOTE&symbol=TSCO.LON"),
            ("6190@XHKG", "function=GLOBAL_QUOTE&symbol=6190.HKG"),
            ("M&M@XBOM", "function=GLOBAL_QUOTE&symbol=M%26M.BSE"),
            ("EUR_USD@FX", "function=CURRENCY_EXCHANGE_RATE&from_currency=EUR&to_currency=USD"),
            ("BTC@CRYPTO", "function=CURRENCY_EXCHANGE_RATE&from_currency=BTC&to_currency=USD"),
            ("BTC_CNY@CRYPTO", "function=CURRENCY_EXCHANGE_RATE&from_currency=BTC&to_currency=CNY"),
        ] {
            assert_eq!(shown(name(asset).as_ref().map(quote)), Some(format!("GET query?{query}")), "{asset}");
        }
        for asset in ["^GSPC@US.index", "GC@CMES", "7203@XTKS", "EUR@FX", "A&B_C@FX", "EUR_@FX"] {
            assert_eq!(name(asset), None, "{asset}");
        }
    }

    #[test]
    fn a_series_is_asked_for_by_its_interval() {
        let full = Depth { full: true, adjusted: true };
        for (asset, interval, depth, query) in [
            ("MSFT", Interval::Day, Depth::default(), "TIME_SERIES_DAILY&symbol=MSFT&outputsize=compact"),
            ("MSFT", Interval::Day, full, "TIME_SERIES_DAILY_ADJUSTED&symbol=MSFT&outputsize=full"),
            (
                "MSFT",
                Interval::Minutes5,
                full,
                "TIME_SERIES_INTRADAY&symbol=MSFT&interval=5min&outputsize=full",
            ),
            ("EUR_USD@FX", Interval::Day, full, "FX_DAILY&from_symbol=EUR&to_symbol=USD&outputsize=full"),
            ("BTC@CRYPTO", Interval::Day, full, "DIGITAL_CURRENCY_DAILY&symbol=BTC&market=USD"),
            (
                "BTC_EUR@CRYPTO",
                Interval::Hour,
                Depth::default(),
                "CRYPTO_INTRADAY&symbol=BTC&market=EUR&interval=60min&outputsize=compact",
            ),
        ] {
            let call = series(&name(asset).unwrap(), interval, depth);
            assert_eq!(shown(call), Some(format!("GET query?function={query}")), "{asset}");
        }
        assert!(series(&name("MSFT").unwrap(), Interval::Week, full).is_none());
    }

    #[test]
    fn an_answer_is_known_by_its_own_name() {
        let brk = name("BRK.B").unwrap();
        assert!(brk.is("BRK-B") && brk.is("brk.b") && !brk.is("BRKB"));
        assert!(name("EUR_USD@FX").unwrap().is("EUR/USD") && !name("EUR_USD@FX").unwrap().is("USD/EUR"));
    }
}
