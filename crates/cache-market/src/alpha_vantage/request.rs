//! What is asked for, as the query that asks for it; the key is added where it is sent.

use crate::{Asset, AssetType, DocumentId, Interval, Market, SeriesId, escape::escaped};

/// The intervals there are, and what they are called within a query.
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
    (Market::XFRA, "FRK"),
    (Market::XPAR, "PAR"),
    (Market::XHKG, "HKG"),
    (Market::XBOM, "BSE"),
    (Market::XSHG, "SHH"),
];

/// What an asset is called there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Name {
    /// A share, fund or ETF by its symbol.
    Listed(String),
    /// A currency or coin in another currency.
    Pair(String, String),
}

impl Name {
    /// What `asset` is called; `None` if it has no name there.
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
            AssetType::Equity | AssetType::Etf | AssetType::Fund => Self::listed(symbol, asset.market),
            AssetType::Index | AssetType::Future | AssetType::Option => None,
        }
    }

    fn pair(from: &str, to: &str) -> Option<Self> {
        let sound = |code: &str| !code.is_empty() && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
        (sound(from) && sound(to)).then(|| Self::Pair(from.to_owned(), to.to_owned()))
    }

    fn listed(symbol: &str, market: Market) -> Option<Self> {
        let american = matches!(market.as_str(), "US" | "XNYS" | "XNAS" | "XASE" | "ARCX" | "BATS");
        match SUFFIXES.iter().find(|(known, _)| *known == market) {
            Some((_, suffix)) if symbol.ends_with(&format!(".{suffix}")) => {
                Some(Self::Listed(symbol.to_owned()))
            }
            Some((_, suffix)) => Some(Self::Listed(format!("{}.{suffix}", symbol.replace('.', "-")))),
            None if american => Some(Self::Listed(symbol.to_owned())),
            None => None,
        }
    }

    /// Whether an answer about `told` is about this. Classes of a share are told with a dot or a dash.
    pub(super) fn is(&self, told: &str) -> bool {
        match self {
            Self::Listed(symbol) => symbol.replace('-', ".").eq_ignore_ascii_case(&told.replace('-', ".")),
            Self::Pair(from, to) => format!("{from}/{to}").eq_ignore_ascii_case(told),
        }
    }
}

/// The query for a quote.
pub(super) fn quote(name: &Name) -> String {
    match name {
        Name::Listed(symbol) => format!("function=GLOBAL_QUOTE&symbol={}", escaped(symbol)),
        Name::Pair(from, to) => {
            format!(
                "function=CURRENCY_EXCHANGE_RATE&from_currency={}&to_currency={}",
                escaped(from),
                escaped(to)
            )
        }
    }
}

/// How a series is asked for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Depth {
    /// All there is, in place of the latest 100 bars.
    pub(super) full: bool,
    /// With adjusted closes.
    pub(super) adjusted: bool,
}

/// The query for a series; `None` if there is none of such an interval.
pub(super) fn series(name: &Name, id: &SeriesId, depth: Depth) -> Option<String> {
    let (_, called) = INTERVALS.iter().find(|(known, _)| *known == id.interval)?;
    let what = match (name, id.interval.is_intraday()) {
        (Name::Listed(symbol), false) => {
            let adjusted = if depth.adjusted { "_ADJUSTED" } else { "" };
            format!("function=TIME_SERIES_DAILY{adjusted}&symbol={}", escaped(symbol))
        }
        (Name::Listed(symbol), true) => {
            format!("function=TIME_SERIES_INTRADAY&symbol={}&interval={called}", escaped(symbol))
        }
        (Name::Pair(from, to), intraday) => {
            let (function, interval) = if intraday {
                ("FX_INTRADAY", format!("&interval={called}"))
            } else {
                ("FX_DAILY", String::new())
            };
            format!("function={function}&from_symbol={}&to_symbol={}{interval}", escaped(from), escaped(to))
        }
    };
    Some(format!("{what}&outputsize={}", if depth.full { "full" } else { "compact" }))
}

/// The query for an indicator: `function` (SMA if not said) and `interval` (1d), and what else the parameters
/// of `id` hold. `None` if they hold what would change what is asked for, or whose key it is asked with.
pub(super) fn indicator(name: &Name, id: &DocumentId) -> Option<String> {
    let Name::Listed(symbol) = name else { return None };
    let parameter = |name: &str, or: &'static str| id.parameters.get(name).map_or(or, String::as_str);
    let function = parameter("function", "SMA");
    let sound = |text: &str| {
        (1..=32).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    // A series or an account is no indicator.
    let price =
        ["TIME_SERIES", "FX_", "GLOBAL_", "CURRENCY_"].iter().any(|start| function.starts_with(start));
    let interval: Interval = parameter("interval", "1d").parse().ok()?;
    let (_, interval) = INTERVALS.iter().find(|(known, _)| *known == interval)?;
    let mut query = format!("function={function}&symbol={}&interval={interval}", escaped(symbol));
    let others = id.parameters.iter().filter(|(name, _)| !matches!(name.as_str(), "function" | "interval"));
    for (name, value) in others {
        let reserved =
            ["apikey", "symbol", "datatype"].iter().any(|reserved| name.eq_ignore_ascii_case(reserved));
        if reserved || !sound(name) {
            return None;
        }
        query.push_str(&format!("&{name}={}", escaped(value)));
    }
    (sound(function) && !price).then_some(query)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(asset: &str) -> Option<Name> {
        Name::of(&asset.parse().unwrap())
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
            assert_eq!(quote(&name(asset).unwrap()), query, "{asset}");
        }
        for asset in ["^GSPC@US.index", "GC@CMES", "7203@XTKS", "EUR@FX", "A&B_C@FX", "EUR_@FX"] {
            assert_eq!(name(asset), None, "{asset}");
        }
    }

    #[test]
    fn a_series_is_asked_for_by_its_interval() {
        let query = |id: &str, depth| {
            let id: SeriesId = id.parse().unwrap();
            series(&Name::of(&id.asset).unwrap(), &id, depth)
        };
        let full = Depth { full: true, adjusted: true };
        assert_eq!(
            query("MSFT:1d", Depth::default()).unwrap(),
            "function=TIME_SERIES_DAILY&symbol=MSFT&outputsize=compact"
        );
        assert_eq!(
            query("MSFT:1d", full).unwrap(),
            "function=TIME_SERIES_DAILY_ADJUSTED&symbol=MSFT&outputsize=full"
        );
        assert!(
            query("MSFT:5m", full)
                .unwrap()
                .starts_with("function=TIME_SERIES_INTRADAY&symbol=MSFT&interval=5min&")
        );
        assert!(
            query("EUR_USD@FX:1d", full)
                .unwrap()
                .starts_with("function=FX_DAILY&from_symbol=EUR&to_symbol=USD&")
        );
        assert_eq!(query("MSFT:1w", full), None);
    }

    #[test]
    fn an_indicator_takes_parameters_but_no_other_symbol_or_key() {
        let query = |id: &str| indicator(&name("MSFT").unwrap(), &id.parse().unwrap());
        assert_eq!(
            query("MSFT:interval=15m&time_period=10&series_type=close").unwrap(),
            "function=SMA&symbol=MSFT&interval=15min&series_type=close&time_period=10"
        );
        for id in [
            "MSFT:apikey=x",
            "MSFT:ApiKey=x",
            "MSFT:symbol=A",
            "MSFT:function=SMA%26apikey=x",
            "MSFT:a%26b=1",
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

    proptest! {
        #[test]
        fn no_symbol_adds_a_parameter(symbol in "[A-Z0-9.^=_/&+-]{1,32}", market in "US|XLON|FX|CRYPTO") {
            if let Some(name) = name(&format!("{symbol}@{market}")) {
                let wanted = if matches!(name, Name::Listed(_)) { 1 } else { 2 };
                prop_assert_eq!(quote(&name).matches('&').count(), wanted);
                prop_assert_eq!(quote(&name).matches('=').count(), wanted + 1);
            }
        }
    }
}
