//! The guide's tables of kinds are those that the code says: what each kind is, who offers it, how long it lives.
//!
//! `CACHE_WRITE_DOCUMENTS=1` writes them instead of comparing.

use std::{collections::BTreeMap, fs, sync::Arc};

use cache_core::{Clock, Secret};
use cache_market::{Life, Scope, StandardKey, TtlRules, asset_tag, data_tag};
use market_calendar::Phase;
use market_data::{
    Adapter, AlphaVantageConfig, CsvConfig, DataType, JsonConfig, JsonDocuments, OandaConfig, Provider,
    Replay, ReplayProvider, SecretSource, YahooConfig,
};
use serde_json::{Value, json};

use crate::{
    configuration::documents::{between_marks, document},
    fixture::{in_process::InProcess, upstream::market_kinds},
};

const GUIDE: &str = "docs/guide/data.md";
const OUT_OF_DATE: &str = "out of date: write it with CACHE_WRITE_DOCUMENTS=1";

/// Returns a provider of each adapter, with all that it can offer.
fn providers() -> Vec<(&'static str, Arc<dyn Provider>)> {
    let folder = tempfile::tempdir().unwrap();
    let bars = "date,open,high,low,close,volume\n2020-01-02,1,3,1,2,10\n";
    fs::write(folder.path().join("AAPL.csv"), bars).unwrap();
    for kind in ["macro", "cpi_index", "treasury_yield", "inflation_rate"] {
        fs::create_dir(folder.path().join(kind)).unwrap();
        fs::write(folder.path().join(kind).join("X.csv"), "date,value\n2020-01-01,1\n").unwrap();
    }
    let key = || SecretSource::Given(Secret::from("key"));
    let alpha_vantage = AlphaVantageConfig { full: true, adjusted: true, ..AlphaVantageConfig::new(key()) };
    let yahoo: YahooConfig = serde_json::from_value(json!({})).unwrap();
    let open = |adapter: Adapter| adapter.open(Clock::manual()).unwrap();
    let replay = ReplayProvider::new(Replay::default(), Clock::manual()).unwrap();
    vec![
        ("replay", Arc::new(replay)),
        ("yahoo", open(Adapter::Yahoo(yahoo))),
        ("oanda", open(Adapter::Oanda(OandaConfig::new("101-004-1234567-001", key())))),
        ("alpha_vantage", open(Adapter::AlphaVantage(alpha_vantage))),
        ("json", open(Adapter::Json(Box::new(json_of_all_kinds())))),
        ("csv", open(Adapter::Csv(CsvConfig::new(folder.path())))),
    ]
}

fn json_of_all_kinds() -> JsonConfig {
    let url = "https://api.acme.example/{symbol}";
    let config = json!({
        "name": "json",
        "markets": ["US"],
        "quotes": {"url": url, "price": "/p"},
        "series": {"url": url, "time": "/t", "open": "/o", "high": "/h", "low": "/l", "close": "/c"},
    });
    let documents = market_kinds().into_iter().filter(|data| data.is_document()).map(|data| {
        let config = serde_json::from_value::<JsonDocuments>(json!({ "url": url })).unwrap();
        (data, config)
    });
    JsonConfig { documents: documents.collect::<BTreeMap<_, _>>(), ..serde_json::from_value(config).unwrap() }
}

/// Returns the key of the example of a kind.
fn key(data: DataType, example: &str) -> StandardKey {
    let path = example.strip_prefix(&format!("/v1/{data}/")).expect(example);
    let (symbol, query) = path.split_once('?').unwrap_or((path, ""));
    let asset = data.read_asset(symbol).unwrap();
    let id = match data {
        DataType::Ohlcv => format!("{asset}:1d"),
        _ if query.is_empty() => asset.to_string(),
        _ => {
            let mut pairs: Vec<&str> = query.split('&').collect();
            pairs.sort_unstable();
            format!("{asset}:{}", pairs.join("&"))
        }
    };
    match StandardKey::read(data.as_str(), &id).unwrap() {
        StandardKey::Document { data, id } => StandardKey::Document { data, id: id.canonical(data).unwrap() },
        key => key,
    }
}

fn parameter(parameter: &Value) -> String {
    let text = |name: &str| parameter[name].as_str().unwrap_or_default();
    let default = match text("default") {
        "" => String::new(),
        default => format!(" (default `{default}`)"),
    };
    format!("`{}`: {}{default}", text("name"), text("values"))
}

/// Returns the table of what each kind is, by what the service says of itself.
async fn kinds_table() -> String {
    let providers = providers();
    let service = InProcess::open(&[]).await;
    let told = service.get("/v1/kinds").await.json();
    let mut table = "| kind | what | key of the example | tags | parameters | offered by | example |\n\
                     |---|---|---|---|---|---|---|\n"
        .to_owned();
    for kind in told["kinds"].as_array().unwrap() {
        let data: DataType = kind["kind"].as_str().unwrap().parse().unwrap();
        let example = kind["example"].as_str().unwrap();
        let key = key(data, example);
        let asset = key.asset().unwrap();
        let parameters: Vec<String> = kind["parameters"].as_array().unwrap().iter().map(parameter).collect();
        let offered = providers.iter().filter(|(_, provider)| provider.offer(data).is_some());
        let computed = service.app.config().settings.service.computed;
        let computed = computed.iter().any(|name| name == data.as_str()).then_some("computed");
        let offered = computed.into_iter().chain(offered.map(|(name, _)| *name));
        let offered: Vec<String> = offered.map(|name| format!("`{name}`")).collect();
        assert!(!offered.is_empty(), "no adapter offers {data}");
        table.push_str(&format!(
            "| `{data}` | {} | `{key}` | `{}`, `{}` | {} | {} | `GET {example}` |\n",
            kind["about"].as_str().unwrap(),
            asset_tag(asset).unwrap().as_str(),
            data_tag(data, asset).unwrap().as_str(),
            parameters.join("; "),
            offered.join(", "),
        ));
    }
    table
}

/// Returns the table of lives, by the default rules.
fn lives_table() -> String {
    let rules = TtlRules::default();
    let mut table = "| kind | may change | open | closed | weekend | holiday | stale for |\n\
                     |---|---|---|---|---|---|---|\n"
        .to_owned();
    for data in market_kinds() {
        let scopes: Vec<Scope> = rules.rows.keys().copied().filter(|scope| scope.data == data).collect();
        assert!(scopes.contains(&Scope::all(data)), "the rules have no row for {data}");
        for scope in scopes {
            let lives = [Phase::Open, Phase::Closed, Phase::Weekend, Phase::Holiday]
                .map(|phase| life(rules.life(scope, phase)));
            let changes = serde_json::to_value(rules.changes(scope)).unwrap();
            table.push_str(&format!(
                "| `{scope}` | {} | {} | {} |\n",
                changes.as_str().unwrap(),
                lives.join(" | "),
                span(rules.stale_for(scope).as_secs()),
            ));
        }
    }
    table
}

fn life(life: Life) -> String {
    match life {
        Life::For(life) => span(life.as_secs()),
        Life::Class(class) => class.as_str().to_owned(),
        Life::UntilChange => "until it can change".to_owned(),
    }
}

/// Writes a span in the largest unit that it is a whole number of.
fn span(seconds: u64) -> String {
    let units = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let (length, unit) =
        units.into_iter().find(|(length, _)| seconds.is_multiple_of(*length)).unwrap_or((1, "s"));
    format!("{} {unit}", seconds / length)
}

#[tokio::test]
async fn the_guide_has_each_kind_as_it_is() {
    let kinds = kinds_table().await;
    let fill = |text: &str| between_marks(text, "<!-- kinds -->\n", "<!-- end of kinds -->", &kinds);
    let text = document(GUIDE, fill);
    assert_eq!(text, fill(&text), "{OUT_OF_DATE}");
    for data in market_kinds() {
        assert!(text.contains(&format!("| `{data}` |")), "the guide lacks {data}");
    }
}

#[test]
fn the_guide_has_each_life_as_it_is() {
    let lives = lives_table();
    let fill = |text: &str| between_marks(text, "<!-- lives -->\n", "<!-- end of lives -->", &lives);
    let text = document(GUIDE, fill);
    assert_eq!(text, fill(&text), "{OUT_OF_DATE}");
    // What the guide says of the bound of a life until a report.
    assert!(text.contains("for 31 days at most"));
}
