//! Descriptions of JSON APIs that can't be: all that is wrong is told at once, each by its field.

use cache_core::Clock;
use market_data::{DataType, JsonConfig, JsonProvider};
use serde_json::{Value, json};

fn read(config: Value) -> JsonConfig {
    serde_json::from_value(config).unwrap()
}

fn open(config: Value) -> cache_core::Result<JsonProvider> {
    JsonProvider::new(&read(config), Clock::manual())
}

fn fields(config: Value) -> Vec<String> {
    read(config).errors().into_iter().map(|error| error.field).collect()
}

#[test]
fn all_that_is_wrong_is_told_at_once_each_by_its_field() {
    let config = json!({
        "name": "acme",
        "zone": "Mars/Olympus",
        "headers": {"a b": "c", "d": "e\nf"},
        "error": "error",
        "unknown_status": [200, 404, 429],
        "quotes": {"url": "https://x.example/", "max_batch": 0, "price": "p", "bid": "b"},
        "series": {
            "url": "ftp://x.example/{symbol}", "intervals": {},
            "time": "t", "open": "/o", "high": "h", "low": "/l", "close": "/c", "volume": "v",
        },
        "documents": {
            "dividend": {
                "url": "https://x.example/{param:n}?i={interval}", "items": "i", "symbol": "s", "time": "at",
                "parameters": {"of": {}, "n": {"values": {}}},
                "fields": {
                    "list": "l", "date": "d", "value": "/v", "currency": "c",
                    "splits": {"list": "sl", "date": "sd", "ratio": "r"},
                },
            },
            "macro": {"url": "nowhere", "asset": "A B", "value": "v", "fields": {"unit": "u"}},
            "news": {"url": "https://x.example/{symbol}/{market}", "fields": {}},
            "user": {"url": "https://x.example/{symbol}"},
        },
    });
    let mut found = fields(config.clone());
    let mut expected: Vec<&str> = vec![
        "zone",
        "headers",
        "headers",
        "error",
        "unknown_status",
        "unknown_status",
        "quotes.url",
        "quotes.max_batch",
        "quotes.price",
        "quotes.bid",
        "series.url",
        "series.intervals",
        "series.time",
        "series.high",
        "series.volume",
        "documents.dividend.url",
        "documents.dividend.url",
        "documents.dividend.items",
        "documents.dividend.symbol",
        "documents.dividend.time",
        "documents.dividend.parameters.n",
        "documents.dividend.parameters.of",
        "documents.dividend.fields.list",
        "documents.dividend.fields.date",
        "documents.dividend.fields.value",
        "documents.dividend.fields.currency",
        "documents.dividend.fields.amount",
        "documents.dividend.fields.splits.list",
        "documents.dividend.fields.splits.date",
        "documents.dividend.fields.splits.ratio",
        "documents.macro.url",
        "documents.macro.asset",
        "documents.macro.value",
        "documents.macro.fields.unit",
        "documents.macro.fields.value",
        "documents.news.fields",
        "documents.user",
        "markets",
    ];
    found.sort();
    expected.sort_unstable();
    assert_eq!(found, expected);
    let message = open(config.clone()).unwrap_err().to_string();
    for error in read(config).errors() {
        assert!(error.message.contains(&error.field) && message.contains(&error.message), "{error:?}");
    }
}

#[test]
fn a_description_without_errors_makes_a_provider() {
    let config = json!({
        "name": "acme", "unknown_status": [404, 422],
        "documents": {
            "cpi_index": {"url": "https://x.example/cpi", "asset": "CPI"},
            "narrative": {"url": "https://x.example/{symbol}/{market}"},
        },
    });
    assert_eq!(fields(config.clone()), Vec::<String>::new());
    assert!(open(config).is_ok());
}

/// A URL without a symbol may be meant: for one series, or one asset.
#[test]
fn a_url_without_a_symbol_is_refused_with_both_remedies() {
    for (kind, remedy) in [("macro", "asset: REAL_GDP"), ("fundamentals", "asset: AAPL")] {
        let documents = json!({(kind): {"url": "https://x.example/all"}});
        let config = json!({"name": "acme", "markets": ["US"], "documents": documents});
        let message = open(config).unwrap_err().to_string();
        assert!(message.contains("no placeholder {symbol} or {symbols}"), "{message}");
        assert!(message.contains(remedy), "{message}");
    }
    let quotes =
        json!({"name": "acme", "markets": ["US"], "quotes": {"url": "https://x.example/", "price": "/p"}});
    let message = open(quotes).unwrap_err().to_string();
    assert!(!message.contains("asset:"), "quotes have no such setting: {message}");
}

#[test]
fn only_kinds_of_documents_about_assets_are_documents() {
    for data in DataType::ALL {
        let documents = json!({(data.as_str()): {"url": "https://x.example/{symbol}"}});
        let config = json!({"name": "acme", "markets": ["US"], "documents": documents});
        match open(config) {
            Ok(_) => assert!(data.is_document(), "{data}"),
            Err(why) => {
                let message = why.to_string();
                assert!(!data.is_document(), "{data}: {message}");
                let wanted =
                    format!("documents.{data}: {data} is no kind of document about an asset: there are");
                assert!(message.contains(&wanted) && message.contains("dividend, fundamentals"), "{message}");
            }
        }
    }
}

#[test]
fn what_can_not_be_is_refused_by_the_name_of_its_field() {
    let url = "https://x.example/{symbol}";
    let documents = |kind: &str, documents: Value| json!({"name": "acme", "markets": ["US"], "documents": {kind: documents}});
    let parameters =
        |parameters: Value| documents("technical", json!({"url": url, "parameters": parameters}));
    let dividend = |fields: Value| documents("dividend", json!({"url": url, "fields": fields}));
    for (config, why) in [
        (parameters(json!({"of": {}})), "documents.technical.parameters.of: the URL has no {param:of}"),
        (parameters(json!({"of": {"values": {}}})), "parameters.of: the URL has no {param:of}"),
        (
            documents(
                "technical",
                json!({"url": "https://x.example/{symbol}/{param:n}", "parameters": {"n": {"values": {}}}}),
            ),
            "parameters.n: values is empty",
        ),
        (
            documents(
                "technical",
                json!({"url": "https://x.example/{symbol}/{param:n}", "parameters": {"n": {"default": "1", "values": {"2": "b"}}}}),
            ),
            "parameters.n: the default \"1\" is none of its values",
        ),
        (documents("news", json!({"url": url, "max_batch": 2})), "documents.news.max_batch is above 1"),
        (documents("news", json!({"url": url, "max_batch": 0})), "documents.news.max_batch is 0"),
        (documents("news", json!({"url": "https://x.example/{symbols}/{symbol}"})), "use one of them"),
        (documents("news", json!({"url": "https://x.example/"})), "documents.news.url: the URL"),
        (documents("news", json!({"url": "https://x.example/{symbol}/{from}"})), "{from} has no meaning"),
        (
            documents("dividend", json!({"url": "https://x.example/{symbol}/{param:from}"})),
            "write {from} and {to}",
        ),
        (documents("news", json!({"url": url, "time": "at"})), "documents.news.time: \"at\""),
        (documents("news", json!({"url": url, "fields": {}})), "documents.news.fields has no meaning"),
        (
            documents("cpi_index", json!({"url": "https://x.example/", "asset": "C P"})),
            "documents.cpi_index.asset",
        ),
        (
            documents("news", json!({"url": url, "asset": "A"})),
            "documents.news.asset is for a URL of one asset",
        ),
        (dividend(json!({"date": "/d"})), "documents.dividend.fields.amount is missing"),
        (dividend(json!({"amount": "a"})), "documents.dividend.fields.amount: \"a\" is no JSON pointer"),
        (
            dividend(json!({"amount": "/a", "value": "/v"})),
            "fields.value has no meaning for dividend: there are amount",
        ),
    ] {
        let error = open(config).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
    let quotes = json!({"name": "acme", "markets": ["US"], "quotes": {"url": "https://x.example/{symbol}/{param:n}", "price": "/p"}});
    let error = open(quotes).unwrap_err().to_string();
    assert!(error.contains("quotes.url: the placeholder {param:n} has no meaning here"), "{error}");
}
