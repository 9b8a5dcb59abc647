//! `cache-server get`: values as a client gets them, with where they came from and how old they are.

use std::str::FromStr;

use cache_market::MarketRegions;
use market_data::DataType;
use serde_json::{Map, Value, json};

use super::{
    client::{ConnectionArgs, ServiceClient},
    exit::{CommandError, CommandResult, Exit},
    key_names::{market_key, market_kind},
    output::{BAD, BOLD, Cell, DIM, GOOD, Printer, TextTable, WARN, count, duration_ms, printable, styled},
};

/// The most items in a request.
const MAX_ITEMS: usize = 500;
/// The longest value in a table, in characters.
const MAX_SHOWN: usize = 60;
/// The members of an answer that say how it came about.
const ABOUT: [&str; 10] =
    ["kind", "id", "status", "source", "age_ms", "stale", "key", "born", "fresh_for_ms", "tags"];

/// Gets values as a client does, with source, age and whether they are stale.
#[derive(Clone, Debug, clap::Args)]
pub struct GetArgs {
    /// Keys, such as `price:AAPL users:u1`; or a kind and symbols, such as `price AAPL MSFT`.
    #[arg(required = true, value_name = "KEY")]
    keys: Vec<String>,

    /// A parameter of the kind, which holds for all: `-p function=SMA -p period=20`, `-p interval=1d`.
    #[arg(short, long = "param", value_name = "NAME=VALUE", value_parser = pair)]
    params: Vec<(String, String)>,

    /// Take nothing older than this many seconds.
    #[arg(long, value_name = "SECONDS")]
    max_age: Option<u64>,

    /// Have it loaded anew.
    #[arg(long)]
    no_cache: bool,

    /// Take what the cache has, and load nothing.
    #[arg(long, conflicts_with = "no_cache")]
    only_cached: bool,

    #[command(flatten)]
    pub(super) connection: ConnectionArgs,
}

impl GetArgs {
    pub(super) async fn run(self) -> CommandResult {
        let client = ServiceClient::new(&self.connection)?;
        let mut output = Printer::new(self.connection.json);
        let keys = named(&self.keys)?;
        let mut items = Vec::with_capacity(keys.len());
        // What is of the market goes in one request.
        let market: Vec<Value> =
            keys.iter().filter(|(kind, _)| is_market(kind)).map(|(kind, id)| self.item(kind, id)).collect();
        let mut answered = if market.is_empty() {
            Vec::new()
        } else {
            let body = json!({ "items": market });
            let answer = client.post_with(&["v1", "batch"], &body, self.directives().as_deref()).await?;
            answer["items"].as_array().cloned().unwrap_or_default()
        }
        .into_iter();
        for (kind, id) in &keys {
            let item = if is_market(kind) {
                let mut item = answered.next().unwrap_or_default();
                if let Some(key) = market_key(kind, id, &self.params).filter(|_| item.is_object()) {
                    item["key"] = json!(key);
                }
                item
            } else {
                self.own(&client, kind, id).await?
            };
            items.push(item);
        }
        if output.is_json() {
            output.document(&json!({ "items": items }))?;
        } else {
            match &items[..] {
                [one] => show_one(&mut output, one)?,
                many => show_many(&mut output, many)?,
            }
        }
        output.flush()?;
        outcome(&items)
    }

    /// Returns an item of a batch.
    fn item(&self, kind: &str, id: &str) -> Value {
        let params: Map<String, Value> =
            self.params.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        let mut item = Map::from_iter([("kind".to_owned(), json!(kind)), ("id".to_owned(), json!(id))]);
        if kind == DataType::Ohlcv.as_str() {
            item.extend(params);
        } else if !params.is_empty() {
            item.insert("parameters".to_owned(), Value::Object(params));
        }
        Value::Object(item)
    }

    /// Gets a value of an application's own, as an item of a batch.
    async fn own(&self, client: &ServiceClient, kind: &str, id: &str) -> CommandResult<Value> {
        let found = client.get_with(&["v1", "cache", kind, id], self.directives().as_deref()).await;
        Ok(match found {
            Ok(mut found) => {
                found["status"] = json!("ok");
                found
            }
            Err(CommandError { exit: Exit::NotFound, .. }) => {
                json!({ "kind": kind, "id": id, "status": "unknown" })
            }
            Err(CommandError { exit: Exit::Usage, message, .. }) => {
                let market: Vec<&str> = MarketRegions::kinds().map(DataType::as_str).collect();
                let told = format!("{message}\n  here: kinds of market data are {}", market.join(", "));
                return Err(CommandError::usage(told));
            }
            Err(failure) => return Err(failure),
        })
    }

    /// Returns the directives of HTTP for caches.
    fn directives(&self) -> Option<String> {
        let age = self.max_age.map(|seconds| format!("max-age={seconds}"));
        let flags = [(self.no_cache, "no-cache"), (self.only_cached, "only-if-cached")];
        let flags = flags.iter().filter(|(given, _)| *given).map(|(_, text)| (*text).to_owned());
        let all: Vec<String> = age.into_iter().chain(flags).collect();
        (!all.is_empty()).then(|| all.join(", "))
    }
}

/// Reads keys: each `kind:id`, or a kind and ids.
fn named(words: &[String]) -> CommandResult<Vec<(String, String)>> {
    let refused = |why: String| {
        CommandError::usage(format!(
            "{why}: give keys, as in price:AAPL, or a kind and symbols, as in price AAPL MSFT"
        ))
    };
    let whole = |key: &String| match key.split_once(':') {
        Some((kind, id)) if !kind.is_empty() && !id.is_empty() => Ok((kind.to_owned(), id.to_owned())),
        _ => Err(refused(format!("{key:?} is no key"))),
    };
    let keys: Vec<_> = match words {
        [kind, ids @ ..] if !kind.contains(':') => {
            if ids.is_empty() {
                return Err(refused(format!("{kind:?} is no key, and no symbol follows it")));
            }
            ids.iter().map(|id| (kind.clone(), id.clone())).collect()
        }
        keys => keys.iter().map(whole).collect::<CommandResult<_>>()?,
    };
    if keys.len() > MAX_ITEMS {
        return Err(CommandError::usage(format!(
            "{} keys are named, the limit is {MAX_ITEMS}: ask in parts",
            keys.len()
        )));
    }
    let kind = |name: String| market_kind(&name).map_or(name, str::to_owned);
    Ok(keys.into_iter().map(|(name, id)| (kind(name), id)).collect())
}

fn is_market(kind: &str) -> bool {
    DataType::from_str(kind).is_ok_and(MarketRegions::has)
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("it has no =: give NAME=VALUE, such as period=20")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Shows one value in full.
fn show_one(output: &mut Printer, item: &Value) -> CommandResult {
    let key = key_of(item);
    if item["status"] != "ok" {
        let why = printable(item["error"].as_str().unwrap_or("there is no such value")).into_owned();
        return output.line(format_args!("{}  {}  {why}", styled(BOLD, key), state(item).1));
    }
    let (style, state) = state(item);
    let (source, age) = (source(item), age(item));
    output.line(format_args!("{}  from {source}, {age} old, {}", styled(BOLD, key), styled(style, state)))?;
    let value = value_of(item);
    match value.as_object() {
        Some(members) if members.values().all(|member| !member.is_object() && !member.is_array()) => {
            let mut table = TextTable::new(&["", ""]);
            for (name, member) in members.iter().filter(|(_, member)| !member.is_null()) {
                let text = member.as_str().map_or_else(|| member.to_string(), str::to_owned);
                table.row([Cell::new(DIM, format!("  {name}")), text.into()]);
            }
            output.line(table.to_string().split_once('\n').map_or("", |(_, rows)| rows).trim_end())
        }
        _ => output.line(printable_json(&value)),
    }
}

/// Shows many values, a line each.
fn show_many(output: &mut Printer, items: &[Value]) -> CommandResult {
    let mut table = TextTable::new(&["key", "value", "source", ">age", "state"]);
    for item in items {
        let (style, state) = state(item);
        let error = item["error"].as_str().map(|error| Cell::new(BAD, shortened(error)));
        let value = error.unwrap_or_else(|| summary(item).into());
        let is_there = item["status"] == "ok";
        let (source, age) = if is_there { (source(item), age(item)) } else { ("-".into(), "-".into()) };
        table.row([key_of(item).into(), value, source.into(), age.into(), Cell::new(style, state)]);
    }
    output.table(&table)
}

/// Returns the outcome that the exit code tells: what failed weighs more than what there is not.
fn outcome(items: &[Value]) -> CommandResult {
    let status = |name: &str| items.iter().any(|item| item["status"] == name);
    let has_failed = |item: &Value| !matches!(item["status"].as_str(), Some("ok" | "unknown" | "invalid"));
    let exits = [
        (items.iter().any(has_failed), Exit::Failed),
        (status("invalid"), Exit::Usage),
        (status("unknown"), Exit::NotFound),
    ];
    let exit = exits.into_iter().find_map(|(is_so, exit)| is_so.then_some(exit));
    exit.map_or(Ok(()), |exit| Err(CommandError::silent(exit)))
}

/// Returns the key under which a value is held, as other commands take it; else what was asked for.
fn key_of(item: &Value) -> String {
    if let Some(key) = item["key"].as_str() {
        return printable(key).into_owned();
    }
    let text = |member: &str| printable(item[member].as_str().unwrap_or_default()).into_owned();
    format!("{}:{}", text("kind"), text("id"))
}

fn source(item: &Value) -> String {
    printable(item["source"].as_str().unwrap_or("-")).into_owned()
}

fn age(item: &Value) -> String {
    item["age_ms"].as_u64().map_or_else(|| "-".to_owned(), duration_ms)
}

fn state(item: &Value) -> (anstyle::Style, String) {
    match item["status"].as_str() {
        Some("ok") if item["stale"] == true => (WARN, "stale".to_owned()),
        Some("ok") => (GOOD, "fresh".to_owned()),
        Some("unknown") => (BAD, "unknown".to_owned()),
        other => (BAD, printable(other.unwrap_or("failed")).into_owned()),
    }
}

/// Returns what an item holds besides what says how it came about.
fn value_of(item: &Value) -> Value {
    let Some(members) = item.as_object() else { return item.clone() };
    let mut rest: Map<String, Value> = members
        .iter()
        .filter(|(name, _)| !ABOUT.contains(&name.as_str()))
        .map(|(name, member)| (name.clone(), member.clone()))
        .collect();
    match rest.len() {
        1 => rest.remove("value").unwrap_or(Value::Object(rest)),
        _ => Value::Object(rest),
    }
}

/// Returns a value in a few words.
fn summary(item: &Value) -> String {
    if item["status"] != "ok" {
        return "-".to_owned();
    }
    if let Some(price) = item["price"].as_f64() {
        let change = item["change_percent"].as_f64().map(|change| format!(" ({change:+.2} %)"));
        return format!("{price}{}", change.unwrap_or_default());
    }
    if let Some(bars) = item["bars"].as_array() {
        let last = bars.last().map(|bar| format!(", the last closed at {}", bar["close"]));
        return format!("{} bars{}", count(bars.len() as u64), last.unwrap_or_default());
    }
    shortened(&value_of(item).to_string())
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Returns a document as a text that does nothing to a terminal. Its lines are broken by the writer of JSON, and
/// control characters within texts are escaped by it; others aren't.
fn printable_json(value: &Value) -> String {
    let text = format!("{value:#}");
    text.lines().map(printable).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_whole_or_a_kind_and_ids() {
        let named = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            named(&words).map(|keys| keys.iter().map(|(kind, id)| format!("{kind}:{id}")).collect::<Vec<_>>())
        };
        assert_eq!(named(&["price:AAPL", "users:a:b"]).unwrap(), ["price:AAPL", "users:a:b"]);
        assert_eq!(named(&["quotes", "AAPL", "BTC@CRYPTO"]).unwrap(), ["price:AAPL", "price:BTC@CRYPTO"]);
        for wrong in [&["price"][..], &["price:", "x"], &["price:AAPL", "MSFT"], &[":AAPL"]] {
            let failure = named(wrong).unwrap_err();
            assert_eq!(failure.exit, Exit::Usage, "{wrong:?}");
        }
    }
}
