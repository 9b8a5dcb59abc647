//! Builds requests; the API key is added where they are sent.

use crate::{Asset, AssetType, DocumentId, Interval, Market, asset::names::is_american, http::HttpRequest};

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
    /// A currency or coin in another currency.
    Pair(String, String),
}

impl Name {
    /// The name of `asset`; `None` if it has none.
    pub(super) fn of(asset: &Asset) -> Option<Self> {
        let symbol = asset.symbol.as_str();
        match asset.asset_type {
            AssetType::Fx if symbol.len() == 6 && symbol.is_char_boundary(3) => {
                Self::pair(&symbol[..3], &symbol[3..])
            }
            AssetType::Fx => symbol.split_once(['_', '/', '-']).and_then(|(from, to)| Self::pair(from, to)),
            AssetType::Crypto => {
                let (coin, currency) = symbol.split_once(['_', '/', '-']).unwrap_or((symbol, "USD"));
                Self::pair(coin, currency)
            }
            AssetType::Equity | AssetType::Etf | AssetType::Fund => Self::listed(asset),
            AssetType::Index | AssetType::Future | AssetType::Option => None,
        }
    }

    fn pair(from: &str, to: &str) -> Option<Self> {
        let sound = |code: &str| !code.is_empty() && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
        (sound(from) && sound(to)).then(|| Self::Pair(from.to_owned(), to.to_owned()))
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
            Self::Pair(from, to) => format!("{from}/{to}").eq_ignore_ascii_case(told),
        }
    }
}

fn call(function: &str) -> HttpRequest {
    HttpRequest::get(["query"]).query("function", function)
}

/// Returns the request for a quote.
pub(super) fn quote(name: &Name) -> HttpRequest {
    match name {
        Name::Listed(symbol) => call("GLOBAL_QUOTE").query("symbol", symbol),
        Name::Pair(from, to) => {
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
    };
    Some(call.query("outputsize", if depth.full { "full" } else { "compact" }))
}

fn called(interval: Interval) -> Option<&'static str> {
    INTERVALS.iter().find(|(known, _)| *known == interval).map(|(_, called)| *called)
}

/// Returns the request for an indicator: `function` (default `SMA`), `interval` (default `1d`), and the other
/// parameters of `id`. `None` if a parameter would replace the symbol or the API key.
pub(super) fn indicator(name: &Name, id: &DocumentId) -> Option<HttpRequest> {
    let Name::Listed(symbol) = name else { return None };
    let parameter = |name: &str, or: &'static str| id.parameters.get(name).map_or(or, String::as_str);
    let function = parameter("function", "SMA");
    // Functions that return prices, listings or news are no indicators: those are other kinds of data.
    let sound =
        (2..=16).contains(&function.len()) && function.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let interval = called(parameter("interval", "1d").parse().ok()?)?;
    let call = call(function).query("symbol", symbol).query("interval", interval);
    let reserved =
        |name: &str| ["apikey", "symbol", "datatype"].iter().any(|one| one.eq_ignore_ascii_case(name));
    if !sound || id.parameters.keys().any(|name| reserved(name)) {
        return None;
    }
    let others = id.parameters.iter().filter(|(name, _)| !matches!(name.as_str(), "function" | "interval"));
    Some(others.fold(call, |call, (name, value)| call.query(name, value)))
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
        ] {
            let call = series(&name(asset).unwrap(), interval, depth);
            assert_eq!(shown(call), Some(format!("GET query?function={query}")), "{asset}");
        }
        assert!(series(&name("MSFT").unwrap(), Interval::Week, full).is_none());
    }

    #[test]
    fn an_indicator_takes_parameters_but_no_other_symbol_or_key() {
        let query = |id: &str| shown(indicator(&name("MSFT").unwrap(), &id.parse().unwrap()));
        assert_eq!(
            query("MSFT:interval=15m&time_period=10&series_type=close").unwrap(),
            "GET query?function=SMA&symbol=MSFT&interval=15min&series_type=close&time_period=10"
        );
        for id in [
            "MSFT:apikey=x",
            "MSFT:ApiKey=x",
            "MSFT:symbol=A",
            "MSFT:function=SMA%26apikey=x",
            "MSFT:interval=7m",
            "MSFT:function=TIME_SERIES_DAILY",
        ] {
            assert_eq!(query(id), None, "{id}");
        }
    }

    #[test]
    fn an_answer_is_known_by_its_own_name() {
        let brk = name("BRK.B").unwrap();
        assert!(brk.is("BRK-B") && brk.is("brk.b") && !brk.is("BRKB"));
        assert!(name("EUR_USD@FX").unwrap().is("EUR/USD") && !name("EUR_USD@FX").unwrap().is("USD/EUR"));
    }
}
