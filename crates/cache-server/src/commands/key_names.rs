//! What keys are called. `get` takes the kinds and ids of the API; some are held under others, which these name.

use std::str::FromStr;

use cache_core::{Key, Pattern};
use cache_market::{MarketRegions, StandardKey};
use market_data::{DataType, DocumentId, Interval, SeriesId};
use serde_json::Value;

use super::{client::ServiceClient, output::printable};

/// For how many keys that are held nowhere a walk is made to find others.
pub(super) const MAX_SUGGESTED: usize = 3;
/// How many keys are named beside one that is held nowhere.
const NAMED: usize = 3;

/// Returns the kind of market data that paths of the API call by another word.
pub(super) fn market_kind(word: &str) -> Option<&'static str> {
    match word {
        "quotes" | "quote" => Some(DataType::Price.as_str()),
        "bars" => Some(DataType::Ohlcv.as_str()),
        _ => None,
    }
}

/// Returns the kind that keys have of what `get` calls otherwise.
pub(super) fn real_kind(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "sessions" => "users",
        "narratives" => DataType::Narrative.as_str(),
        "api" => DataType::ApiResponse.as_str(),
        _ => return market_kind(kind),
    })
    .filter(|real| *real != kind)
}

/// Returns the key under which market data is held, if what names it is enough to tell.
pub(super) fn market_key(kind: &str, id: &str, params: &[(String, String)]) -> Option<String> {
    let data = DataType::from_str(kind).ok()?;
    let asset = data.read_asset(id).ok()?;
    let key = match data {
        DataType::Price => StandardKey::Price { asset, provider: None },
        DataType::Ohlcv => {
            let interval = params.iter().find(|(name, _)| name == "interval").map(|(_, value)| &**value);
            StandardKey::Ohlcv(SeriesId::new(asset, Interval::from_str(interval.unwrap_or("1d")).ok()?))
        }
        data => {
            let mut id = DocumentId::new(asset);
            id.parameters.extend(params.iter().cloned());
            StandardKey::Document { data, id: id.canonical(data).ok()? }
        }
    };
    key.key().ok().map(|key| key.as_str().to_owned())
}

/// Returns the pattern of the keys that begin like this one, however `get` would spell it.
fn pattern_like(key: &str) -> String {
    let (kind, id) = key.split_once(':').unwrap_or((key, ""));
    let kind = real_kind(kind).filter(|_| kind != "sessions").unwrap_or(kind);
    let named = DataType::from_str(kind)
        .ok()
        .filter(|data| *data == DataType::Narrative || MarketRegions::has(*data));
    let begins = match named.and_then(|data| data.read_asset(id).ok()) {
        Some(asset) => format!("{kind}:{asset}"),
        None if kind == "sessions" => StandardKey::Session(id.to_owned()).to_string(),
        None if kind == DataType::ApiResponse.as_str() => {
            Key::from_parts(kind, [id]).map_or_else(|_| format!("{kind}:{id}"), |key| key.as_str().to_owned())
        }
        None => format!("{kind}:{id}"),
    };
    format!("{}*", Pattern::escape(&begins))
}

/// Returns where to look for a key that is held nowhere: keys that begin like it, if some are held.
pub(super) async fn suggestion(client: &ServiceClient, key: &str) -> String {
    let pattern = pattern_like(key);
    let limit = NAMED.to_string();
    let page = client.get(&["cache", "keys"], &[("pattern", &pattern), ("limit", &limit)]).await;
    let page = page.unwrap_or_default();
    let held = page["keys"].as_array().into_iter().flatten().filter_map(|held| held["key"].as_str());
    let held: Vec<_> = held.map(printable).collect();
    if held.is_empty() {
        let kind = pattern.split_once(':').map_or("*", |(kind, _)| kind);
        return format!("no key begins like it: cache-server keys '{kind}:*' lists those of its kind");
    }
    let more = match page["next"] {
        Value::Null => "",
        _ => " and others",
    };
    format!("held are {}{more}: cache-server keys '{}'", held.join(", "), printable(&pattern))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_named_as_they_are_held() {
        let params = [("function".to_owned(), "sma".to_owned()), ("period".to_owned(), "020".to_owned())];
        let bars = [("interval".to_owned(), "1w".to_owned())];
        for (kind, id, params, key) in [
            ("price", "aapl", &[][..], Some("price:AAPL")),
            ("ohlcv", "AAPL", &bars, Some("ohlcv:AAPL:1w")),
            ("ohlcv", "AAPL", &[], Some("ohlcv:AAPL:1d")),
            (
                "technical",
                "AAPL",
                &params,
                Some("technical:AAPL:function=SMA&interval=1d&of=close&period=20"),
            ),
            ("price", "A B", &[], None),
        ] {
            assert_eq!(market_key(kind, id, params).as_deref(), key, "{kind}:{id}");
        }
    }

    #[test]
    fn what_get_takes_is_looked_for_where_it_is_held() {
        for (asked, pattern) in [
            ("price:aapl", "price:AAPL*"),
            ("bars:AAPL", "ohlcv:AAPL*"),
            ("technical:AAPL", "technical:AAPL*"),
            ("sessions:abc", "users:session:abc*"),
            ("narratives:n1", "narrative:N1*"),
            ("users:a*", "users:a\\**"),
        ] {
            assert_eq!(pattern_like(asked), pattern, "{asked}");
        }
        assert_eq!(pattern_like("api:a1"), format!("{}:a1*", DataType::ApiResponse.as_str()));
    }
}
