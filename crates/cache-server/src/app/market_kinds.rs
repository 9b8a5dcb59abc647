//! The market kinds: those whose values come from providers. What each is, and which parameters it takes.

use cache_market::{MarketRegions, StandardKey};
use market_data::DataType;
use serde::Serialize;

/// Whether a key, written without the namespace, is one of market data, which all may see. Of one that an
/// application owns nobody else knows what it names: the id of a session may be all that opens it.
pub(crate) fn is_market_key(key: &str) -> bool {
    key.parse::<StandardKey>().is_ok_and(|key| MarketRegions::has(key.data()))
}

/// What is known of a market kind before any provider is asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MarketKind {
    pub(crate) data: DataType,
    /// What it is, for a list.
    pub(crate) about: &'static str,
    /// The parameters that its documents usually take. A provider may take others.
    pub(crate) parameters: &'static [KindParameter],
    /// What to ask for, as an example.
    pub(crate) example: &'static str,
}

/// A parameter of a request.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct KindParameter {
    pub(crate) name: &'static str,
    /// What it may be.
    pub(crate) values: &'static str,
    /// What it is if it is not given, where that doesn't go by the provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) default: Option<&'static str>,
}

/// All of them that a request needs no provider to understand.
const KINDS: &[MarketKind] = &[
    kind(DataType::Price, "the latest price of an asset", &[], "/v1/price/AAPL"),
    kind(
        DataType::Ohlcv,
        "bars: open, high, low, close and volume",
        &[
            with_default("interval", "1m, 5m, 1h, 1d and others that a provider offers", "1d"),
            optional("from", "the first day"),
            optional("to", "the last day"),
            optional("explain", "1, to be told where each part of the answer was"),
        ],
        "/v1/ohlcv/AAPL?interval=1d",
    ),
    kind(
        DataType::AdjustedClose,
        "closes adjusted for splits and dividends",
        DAYS,
        "/v1/adjusted_close/AAPL",
    ),
    kind(DataType::Dividend, "dividends and splits", DAYS, "/v1/dividend/EWG?from=2023-01-01"),
    kind(
        DataType::Fundamentals,
        "what a company reports",
        &[with_default("statement", "overview, income, balance, cash_flow, earnings", "overview")],
        "/v1/fundamentals/AAPL?statement=income",
    ),
    kind(
        DataType::Technical,
        "indicators computed from bars",
        TECHNICAL,
        "/v1/technical/AAPL?function=SMA&period=20",
    ),
    kind(DataType::News, "news of an asset, or of a market with ?market=US", &[], "/v1/news/AAPL"),
    kind(DataType::Macro, "a macroeconomic series", &[], "/v1/macro/REAL_GDP@US"),
    kind(
        DataType::CpiIndex,
        "consumer prices",
        &[optional("interval", "monthly, semiannual")],
        "/v1/cpi_index/CPI@US",
    ),
    kind(
        DataType::TreasuryYield,
        "yields of treasury bills and bonds",
        &[
            with_default("maturity", "3month, 2year, 5year, 7year, 10year, 30year", "10year"),
            with_default("interval", "daily, weekly, monthly", "monthly"),
        ],
        "/v1/treasury_yield/TREASURY@US?maturity=3month",
    ),
    kind(
        DataType::TotalReturn,
        "total return by adjusted closes, and the dividends in it",
        DAYS,
        "/v1/total_return/AAPL",
    ),
    kind(DataType::InflationRate, "inflation, from consumer prices", &[], "/v1/inflation_rate/CPI@US"),
    kind(DataType::Instrument, "how an instrument is traded", &[], "/v1/instrument/EUR_USD@FX"),
    kind(
        DataType::Book,
        "what a broker's clients ordered or hold, by price",
        &[with_default("of", "orders, positions", "orders")],
        "/v1/book/EUR_USD@FX?of=positions",
    ),
];

const DAYS: &[KindParameter] = &[optional("from", "the first day"), optional("to", "the last day")];

const TECHNICAL: &[KindParameter] = &[
    optional("function", "SMA, EMA, RSI, MACD"),
    with_default("interval", "an interval of bars", "1d"),
    optional("period", "a number of bars: 20 for SMA and EMA, 14 for RSI unless given"),
    with_default("of", "open, high, low, close, adjusted_close", "close"),
    with_default("fast", "a number of bars, for MACD", "12"),
    with_default("slow", "a number of bars, for MACD", "26"),
    with_default("signal", "a number of bars, for MACD", "9"),
];

const fn kind(
    data: DataType,
    about: &'static str,
    parameters: &'static [KindParameter],
    example: &'static str,
) -> MarketKind {
    MarketKind { data, about, parameters, example }
}

const fn optional(name: &'static str, values: &'static str) -> KindParameter {
    KindParameter { name, values, default: None }
}

const fn with_default(name: &'static str, values: &'static str, default: &'static str) -> KindParameter {
    KindParameter { default: Some(default), ..optional(name, values) }
}

/// Returns what is known of a kind. `None` if it is served but not described here.
pub(crate) fn describe(data: DataType) -> Option<&'static MarketKind> {
    KINDS.iter().find(|kind| kind.data == data)
}

#[cfg(test)]
mod tests {
    use cache_market::MarketRegions;

    use super::*;

    #[test]
    fn each_market_kind_is_described_once_and_its_example_asks_for_it() {
        let described: Vec<DataType> = KINDS.iter().map(|kind| kind.data).collect();
        let all: Vec<DataType> = MarketRegions::kinds().collect();
        assert_eq!(described, all, "a kind of market data has no row in KINDS, or they are in another order");
        for kind in KINDS {
            let wanted = format!("/v1/{}/", kind.data);
            assert!(kind.example.starts_with(&wanted), "{}", kind.example);
            let query = kind.example.split_once('?').map_or("", |(_, query)| query);
            for (name, _) in query.split('&').filter_map(|pair| pair.split_once('=')) {
                assert!(kind.parameters.iter().any(|parameter| parameter.name == name), "{}", kind.example);
            }
        }
    }
}
