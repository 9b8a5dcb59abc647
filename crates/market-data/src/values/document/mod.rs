//! Documents: data about an asset that have no type of their own here, as JSON.

mod adjusted_closes;
mod body;
mod dividends;
mod observations;

use std::{collections::BTreeMap, fmt, str::FromStr, sync::Arc};

use cache_core::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::{
    adjusted_closes::{AdjustedClose, AdjustedCloses},
    body::DocumentBody,
    dividends::{Dividend, Dividends, Split},
    observations::{Observation, Observations},
};
use crate::{Asset, Invalid, values::version_hasher::VersionHasher};

/// Fundamentals, dividends, news, an indicator or a macro series, as JSON.
///
/// Bincode can't read back what describes itself, as JSON does: a region of documents uses the JSON codec.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// The asset it is about, called `symbol` in JSON.
    #[serde(rename = "symbol")]
    pub asset: Asset,
    /// The moment as of which it holds, if the source gives one.
    #[serde(with = "crate::moment::option")]
    pub time: Option<Timestamp>,
    /// The name of the provider that gave it, once known.
    pub provider: Option<Arc<str>>,
    /// The provider's data.
    pub body: Value,
}

impl Document {
    /// A document about an asset.
    #[must_use]
    pub fn new(asset: Asset, body: Value) -> Self {
        Self { asset, time: None, provider: None, body }
    }

    /// Returns about how many bytes it takes in memory, which is several times its text.
    #[must_use]
    pub fn weight(&self) -> usize {
        weight(&self.body)
    }

    /// Returns a text that changes whenever the body, the time or the provider does.
    #[must_use]
    pub fn version(&self) -> String {
        VersionHasher::default()
            .text(&self.body.to_string())
            .moment(self.time.unwrap_or(Timestamp::MIN))
            .text(self.provider.as_deref().unwrap_or_default())
            .finish()
    }
}

/// Returns what a value of JSON takes in memory: a place of its own, texts with their allocations, and the
/// nodes of maps, which are seldom full.
fn weight(value: &Value) -> usize {
    const PLACE: usize = 32;
    const ALLOCATION: usize = 16;
    const MEMBER: usize = 24 + ALLOCATION + PLACE;
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => PLACE,
        Value::String(text) => PLACE + ALLOCATION + text.len(),
        Value::Array(items) => PLACE + ALLOCATION + items.iter().map(weight).sum::<usize>(),
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| MEMBER + name.len() + weight(value);
            PLACE + ALLOCATION + members.iter().map(member).sum::<usize>()
        }
    }
}

/// Names one document of a kind: an asset, and the parameters that the kind takes. A macro series is named like an
/// index: `CPIAUCSL@US.index`.
///
/// Its text, `AAPL` or `AAPL:function=SMA&period=20`, is its id in a cache; parameters are sorted by name and
/// percent-encoded.
///
/// ```
/// use market_data::DocumentId;
///
/// let id: DocumentId = "aapl:period=20&function=S%26A".parse()?;
/// assert_eq!(id.parameters["function"], "S&A");
/// assert_eq!(id.to_string(), "AAPL:function=S%26A&period=20");
/// # Ok::<(), market_data::Invalid>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DocumentId {
    /// The asset it is about.
    pub asset: Asset,
    /// The parameters by name.
    pub parameters: BTreeMap<String, String>,
}

impl DocumentId {
    /// The document about an asset, without parameters.
    #[must_use]
    pub fn new(asset: Asset) -> Self {
        Self { asset, parameters: BTreeMap::new() }
    }

    /// Adds a parameter.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.parameters.insert(name.into(), value.into());
        self
    }
}

/// The characters that are encoded in parameters: all but those that RFC 3986 calls unreserved.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

impl fmt::Display for DocumentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.asset)?;
        for (at, (name, value)) in self.parameters.iter().enumerate() {
            let encoded = |text| utf8_percent_encode(text, ENCODED);
            write!(f, "{}{}={}", if at == 0 { ':' } else { '&' }, encoded(name), encoded(value))?;
        }
        Ok(())
    }
}

impl FromStr for DocumentId {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let (asset, rest) = text.split_once(':').map_or((text, None), |(asset, rest)| (asset, Some(rest)));
        let mut id = Self::new(asset.parse()?);
        for pair in rest.into_iter().flat_map(|rest| rest.split('&')) {
            let known = pair.split_once('=').and_then(|(name, value)| Some((decode(name)?, decode(value)?)));
            let Some((name, value)) = known else { return Err(wanted(pair)) };
            if id.parameters.insert(name, value).is_some() {
                return Err(wanted(pair));
            }
        }
        Ok(id)
    }
}

fn decode(text: &str) -> Option<String> {
    percent_decode_str(text).decode_utf8().ok().map(Into::into)
}

fn wanted(pair: &str) -> Invalid {
    let start: String = pair.chars().take(32).collect();
    Invalid::new(format!(
        "{start:?} is no parameter of a document: write each once, as in period=20&of=close"
    ))
}

#[cfg(test)]
mod tests {
    use cache_core::{Blob, Codec};
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    proptest! {
        #[test]
        fn an_id_is_read_as_it_is_written(
            asset in "[A-Z0-9.^=_/&+-]{1,32}(@[A-Z0-9]{2,8})?",
            parameters in prop::collection::btree_map(".{0,9}", ".{0,9}", 0..4),
        ) {
            let id = DocumentId { asset: asset.parse().unwrap(), parameters };
            prop_assert_eq!(id.to_string().parse::<DocumentId>().unwrap(), id);
        }

        #[test]
        fn other_ids_are_written_otherwise(
            one in prop::collection::btree_map("[=&:%a]{0,3}", "[=&:%a]{0,3}", 0..3),
            other in prop::collection::btree_map("[=&:%a]{0,3}", "[=&:%a]{0,3}", 0..3),
        ) {
            let id = |parameters| DocumentId { asset: "AAPL".parse().unwrap(), parameters };
            let (one, other) = (id(one), id(other));
            prop_assert_eq!(one == other, one.to_string() == other.to_string());
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,40}") {
            let _ = text.parse::<DocumentId>();
        }
    }

    #[test]
    fn what_names_no_document_is_refused_with_the_reason() {
        for (text, why) in [
            ("A B", "holds ' '"),
            ("AAPL:", "is no parameter"),
            ("AAPL:period", "is no parameter"),
            ("AAPL:a=1&a=2", "write each once"),
            ("AAPL:a=%ff", "is no parameter"),
        ] {
            let message = text.parse::<DocumentId>().unwrap_err().to_string();
            assert!(message.contains(why), "{message}");
        }
    }

    #[test]
    fn a_document_survives_json_and_is_found_out_in_bincode() {
        let document = Document::new("AAPL".parse().unwrap(), json!({"pe": 31.5, "tags": ["a", null]}));
        let blob = Blob::encode(Codec::Json, 1, &document).unwrap();
        assert_eq!(blob.decode::<Document>(1).unwrap(), document);
        let blob = Blob::encode(Codec::Bincode, 1, &document).unwrap();
        assert!(blob.check_round_trip(&document).unwrap_err().to_string().contains("Codec::Json"));
    }
}
