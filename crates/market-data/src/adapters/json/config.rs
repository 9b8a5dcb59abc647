//! The description of a JSON API: its URLs, and where in its bodies each field is.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{JsonDocuments, JsonSymbols};
use crate::{AssetType, DataType, HttpSettings, Interval, Market, SecretSource};

/// A JSON API: URL templates, and JSON pointers (RFC 6901) to the fields of its bodies.
///
/// The placeholders of a template are `{symbol}`, `{symbols}` (those of a batch, separated by commas), `{market}`,
/// `{from}` and `{to}` (days), `{interval}`, and `{param:NAME}` for a parameter of a document; values are
/// percent-encoded. They may only stand after the host.
///
/// ```
/// use market_data::JsonConfig;
///
/// let config: JsonConfig = serde_json::from_str(r#"{
///     "name": "acme",
///     "headers": {"Accept": "application/json"},
///     "error": "/error/message",
///     "quotes": {
///         "url": "https://api.acme.example/v1/quotes?symbols={symbols}",
///         "max_batch": 50, "items": "/data", "symbol": "/ticker", "price": "/last", "time": "/at"
///     }
/// }"#)?;
/// assert_eq!(config.quotes.unwrap().max_batch, 50);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JsonConfig {
    /// Its name in statistics and values.
    pub name: String,
    /// Headers sent with each call. An API key belongs in `key`: these are shown in logs.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The key of the API, and how it is sent.
    #[serde(default)]
    pub key: Option<JsonKey>,
    /// Where a body has its error: any value there but `null`, `false` and `""` fails the call.
    #[serde(default)]
    pub error: Option<String>,
    /// The statuses by which it says that it doesn't know a symbol: `[404]`; in a batch, that it knows none of
    /// them. Any of 400 to 499 but 401, 403, 407, 408 and 429. Default: none, since a wrong URL gets a 404 too.
    #[serde(default)]
    pub unknown_status: Vec<u16>,
    /// The time zone by which a moment in a body is assigned to a day: `Europe/London`. Default: UTC.
    #[serde(default)]
    pub zone: Option<String>,
    /// The markets it knows. More than one needs `{market}` in each URL, since a symbol can mean different
    /// assets on different markets. Default: all.
    #[serde(default)]
    pub markets: Option<Vec<Market>>,
    /// The types of assets it knows. Default: those usual on its markets.
    #[serde(default)]
    pub asset_types: Option<Vec<AssetType>>,
    /// How it writes symbols, if not as they are written here.
    #[serde(default)]
    pub symbols: JsonSymbols,
    /// How to ask for quotes.
    #[serde(default)]
    pub quotes: Option<JsonQuotes>,
    /// How to ask for bars.
    #[serde(default)]
    pub series: Option<JsonSeries>,
    /// How to ask for anything else, by data type.
    #[serde(default)]
    pub documents: BTreeMap<DataType, JsonDocuments>,
    /// HTTP settings.
    #[serde(default)]
    pub http: HttpSettings,
}

/// An API key and how it is sent: `{"from": {"env": "ACME_KEY"}, "send": {"header": "X-Api-Key"}}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JsonKey {
    /// Where it is kept.
    pub from: SecretSource,
    /// How it is sent. Default: as a bearer token.
    #[serde(default)]
    pub send: KeyPlace,
}

/// How a key is sent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyPlace {
    /// As a bearer token.
    #[default]
    Bearer,
    /// In a header of this name.
    Header(String),
    /// In a parameter of this name.
    Query(String),
}

/// How an API is asked for quotes. All but `url` and `items` point into one item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "pointers to what a quote's fields are called")]
pub struct JsonQuotes {
    /// The URL; with `{symbols}` for a batch of several.
    pub url: String,
    /// How many symbols one call may ask for.
    #[serde(default = "one")]
    pub max_batch: usize,
    /// Where the items are: an array, an object by symbol, or the one item itself. Default: the whole body.
    #[serde(default)]
    pub items: String,
    /// The symbol in an item. Required for batches, unless the items are an object by symbol.
    #[serde(default)]
    pub symbol: Option<String>,
    pub price: String,
    #[serde(default)]
    pub previous_close: Option<String>,
    #[serde(default)]
    pub open: Option<String>,
    #[serde(default)]
    pub high: Option<String>,
    #[serde(default)]
    pub low: Option<String>,
    #[serde(default)]
    pub volume: Option<String>,
    /// The moment of the price: RFC 3339, a day, or seconds or milliseconds since 1970. Default: the moment of the
    /// call.
    #[serde(default)]
    pub time: Option<String>,
    #[serde(default)]
    pub currency: Option<String>,
    #[serde(default)]
    pub bid: Option<String>,
    #[serde(default)]
    pub ask: Option<String>,
}

/// How an API is asked for bars. All but `url`, `items` and `intervals` point into one item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "pointers to what a bar's fields are called")]
pub struct JsonSeries {
    /// The URL, for one asset.
    pub url: String,
    /// Where the items are: an array. Default: the whole body.
    #[serde(default)]
    pub items: String,
    /// The intervals it offers, each with the value of `{interval}` for it. Default: daily bars, as `1d`.
    #[serde(default = "daily")]
    pub intervals: BTreeMap<Interval, String>,
    pub time: String,
    pub open: String,
    pub high: String,
    pub low: String,
    pub close: String,
    #[serde(default)]
    pub adjusted_close: Option<String>,
    #[serde(default)]
    pub volume: Option<String>,
}

fn one() -> usize {
    1
}

fn daily() -> BTreeMap<Interval, String> {
    BTreeMap::from([(Interval::Day, "1d".to_owned())])
}
