//! Market data from any provider: what an asset, a quote and a series of bars are, and where they come from.
//!
//! A [`Provider`] is an upstream, asked in batches. [`ReplayProvider`] is an upstream that needs no network: it
//! replays recorded daily bars of real symbols, as slowly and as unreliably as it is told to. Real upstreams are
//! [`YahooProvider`], [`OandaProvider`], [`AlphaVantageProvider`], any JSON API by [`JsonProvider`] and folders of
//! files by [`CsvProvider`]; an [`Adapter`] is one of them as it is configured.

/// The target of all spans of this crate.
pub(crate) const SPANS: &str = "market_data::spans";

mod adapters;
mod asset;
pub mod formulas;
pub mod http;
mod invalid;
mod monotonic_clock;
mod parse;
mod provider;
mod registry;
mod replay;
mod values;

pub use adapters::{
    Adapter,
    alpha_vantage::{AlphaVantageConfig, AlphaVantageProvider},
    csv_folder::{CsvConfig, CsvProvider, OnBadRow},
    json::{
        JsonConfig, JsonConfigError, JsonDocuments, JsonFields, JsonKey, JsonParameter, JsonProvider,
        JsonQuotes, JsonSeries, JsonSplits, JsonSymbols, KeyPlace, SymbolCase, Unambiguous,
    },
    oanda::{CandlePrice, OandaConfig, OandaProvider},
    yahoo::{YahooConfig, YahooProvider},
};
pub use asset::{Asset, AssetType, symbol::Symbol};
pub use http::{HttpSettings, SecretSource};
pub use invalid::Invalid;
pub use jiff::civil::Date;
pub use market_calendar::Market;
pub use provider::{Answer, Answers, Offer, Provider, ProviderError, ProviderErrorKind, one_answer_per_key};
pub use registry::{
    ProviderReport, ProviderSettings, ProviderUsage, Quota, QuotaCounter, QuotaReport, Registry,
    RegistryBuilder,
};
pub use replay::{FaultInjector, Replay, ReplayProvider, ReplayUsage};
pub use values::{
    AdjustedClose, AdjustedCloses, Bar, BarDays, BarTime, DataType, DateRange, Dividend, Dividends, Document,
    DocumentBody, DocumentId, Extent, Interval, MarketRecord, Observation, Observations, Quote, SCHEMA,
    Series, SeriesId, Split, moment,
};
