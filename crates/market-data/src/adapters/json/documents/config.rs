//! The description of documents of a JSON API: their URL, their parameters, and where their fields are.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How an API is asked for the documents of one kind.
///
/// The URL may have `{param:NAME}` for a parameter of a document, and, for dividends and adjusted closes, `{from}`
/// and `{to}`. Documents of a kind whose shape is common to all providers are made of `fields`; without these, the
/// API must have that shape itself.
///
/// ```
/// use market_data::JsonDocuments;
///
/// let averages: JsonDocuments = serde_json::from_str(r#"{
///     "url": "https://api.acme.example/v1/{param:function}/{symbol}?n={param:period}", "value": "/result",
///     "parameters": {
///         "function": {"values": {"SMA": "simple", "EMA": "exponential"}},
///         "period": {"default": "20"},
///         "of": {"values": {"close": "close"}}
///     }
/// }"#)?;
/// let dividends: JsonDocuments = serde_json::from_str(r#"{
///     "url": "https://api.acme.example/v1/dividends?tickers={symbols}", "max_batch": 20,
///     "items": "/data", "symbol": "/ticker",
///     "fields": {"list": "/paid", "date": "/ex_day", "amount": "/cash", "currency": "/currency"}
/// }"#)?;
/// # assert_eq!((averages.parameters.len(), dividends.max_batch), (3, 20));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JsonDocuments {
    /// The URL, for one asset; with `{symbols}` for a batch of several.
    pub url: String,
    /// The one asset or series that the URL is about, if it has no `{symbol}`: `CPI`.
    #[serde(default)]
    pub asset: Option<String>,
    /// The parameters of a document, by name. One in the URL that isn't listed is required, and may have any
    /// value; one that isn't in the URL must have a single value.
    #[serde(default)]
    pub parameters: BTreeMap<String, JsonParameter>,
    /// How many symbols one call may ask for.
    #[serde(default = "one")]
    pub max_batch: usize,
    /// Where the items are, each of one asset: an array, or an object by symbol. Default: the whole body is the
    /// item.
    #[serde(default)]
    pub items: Option<String>,
    /// The symbol in an item. Required for batches, unless the items are an object by symbol.
    #[serde(default)]
    pub symbol: Option<String>,
    /// Where the document is in the item; `null` there means that there is none. Default: the whole item.
    #[serde(default)]
    pub value: String,
    /// The moment as of which the document holds, in the document: RFC 3339, a day, or seconds or milliseconds
    /// since 1970.
    #[serde(default)]
    pub time: Option<String>,
    /// Where dividends, closes or observations are in the document.
    #[serde(default)]
    pub fields: Option<JsonFields>,
}

/// A parameter of documents.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JsonParameter {
    /// The value where none is given. Without a default the parameter is required, unless it has a single value.
    #[serde(default)]
    pub default: Option<String>,
    /// The values that it may have, each with what the API calls it. Default: any, as it is.
    #[serde(default)]
    pub values: Option<BTreeMap<String, String>>,
}

/// Where the fields of a document are whose shape is common to all providers: dividends, adjusted closes, and
/// macro series.
///
/// An item of `list` without its figure (it is missing, `null`, `""`, `"."` or `"None"`) is left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JsonFields {
    /// Where the list is in the document: an array, or an object. Default: the whole document.
    #[serde(default)]
    pub list: String,
    /// The day, in an item: a day, RFC 3339, or seconds or milliseconds since 1970. Default: what an object calls
    /// its items.
    #[serde(default)]
    pub date: Option<String>,
    /// What a dividend pays for one share, in an item.
    #[serde(default)]
    pub amount: Option<String>,
    /// Splits, beside dividends.
    #[serde(default)]
    pub splits: Option<JsonSplits>,
    /// The adjusted close, in an item.
    #[serde(default)]
    pub adjusted_close: Option<String>,
    /// The close, in an item of adjusted closes.
    #[serde(default)]
    pub close: Option<String>,
    /// The value of an observation, in an item.
    #[serde(default)]
    pub value: Option<String>,
    /// The currency, in the document of dividends or adjusted closes.
    #[serde(default)]
    pub currency: Option<String>,
    /// The name of a macro series, in its document.
    #[serde(default)]
    pub name: Option<String>,
    /// The unit of a macro series, in its document.
    #[serde(default)]
    pub unit: Option<String>,
    /// How far apart observations are, in the document.
    #[serde(default)]
    pub interval: Option<String>,
}

/// Where the splits are in a document of dividends.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JsonSplits {
    /// Where the list is in the document, if it has one: an array, or an object.
    pub list: String,
    /// As [`JsonFields::date`].
    #[serde(default)]
    pub date: Option<String>,
    /// How many shares one became, in an item: 4, `"4"`, `"4:1"` or `"4/1"`.
    pub ratio: String,
}

fn one() -> usize {
    1
}
