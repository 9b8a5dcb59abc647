//! Documents about companies and markets: fundamentals, news, dividends.

use jiff::civil::Date;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    body::{Body, Nothing},
    refusal::{Reason, Refusal},
    request::{Inquiry, Name, call},
};
use crate::{
    Asset, AssetType, DataType, Dividend, Dividends, Document, DocumentId, Invalid, Market,
    adapters::parameters::GivenParameters,
    formulas::DocumentDays,
    parse::{LenientNumber, ParseError, amounts_by_day},
};

/// The statements, and the function of each. The first is the default.
const STATEMENTS: &[(&str, &str)] = &[
    ("overview", "OVERVIEW"),
    ("income", "INCOME_STATEMENT"),
    ("balance", "BALANCE_SHEET"),
    ("cash_flow", "CASH_FLOW"),
    ("earnings", "EARNINGS"),
];

/// The topic of news about a market.
const TOPICS: &[(Market, &str)] =
    &[(Market::US, "financial_markets"), (Market::CRYPTO, "blockchain"), (Market::FX, "economy_monetary")];

/// The most articles that one call may ask for.
const MAX_ARTICLES: u32 = 1_000;

/// Returns the request for a document, and how its answer is read; `None` if the asset has none.
///
/// # Errors
///
/// If a parameter is unknown or wrong.
pub(super) fn inquiry(data: DataType, id: &DocumentId) -> Result<Option<Inquiry>, Invalid> {
    match data {
        DataType::News => news(id),
        DataType::Dividend => dividends(id),
        _ => fundamentals(id),
    }
}

fn fundamentals(id: &DocumentId) -> Result<Option<Inquiry>, Invalid> {
    let mut parameters = GivenParameters::of(id);
    let statement = parameters.one_of("statement", STATEMENTS.iter().map(|(statement, _)| *statement))?;
    parameters.end()?;
    let Some(name @ Name::Listed(_)) = Name::of(&id.asset) else { return Ok(None) };
    let wanted = |(known, _): &&(&str, &str)| statement.is_none_or(|statement| statement == *known);
    let function = STATEMENTS.iter().find(wanted).map_or("OVERVIEW", |(_, function)| function);
    let asset = id.asset.clone();
    Ok(Some(Inquiry::new(call(function).query("symbol", name.symbol()), move |body| {
        let told = read_statement(body, &name)?;
        Ok(told.map(|told| Document::new(asset, Value::Object(told))))
    })))
}

/// Parses a statement of a company; `None` if the symbol is unknown, or nothing is reported of it.
///
/// # Errors
///
/// If it is a refusal, is no object, or of another company.
pub(super) fn read_statement(body: &[u8], name: &Name) -> Result<Option<Map<String, Value>>, Nothing> {
    let body = Body::read(body)?;
    if body.is_empty() {
        return Ok(None);
    }
    let whole = body.whole()?;
    let told = whole.get("Symbol").or_else(|| whole.get("symbol")).and_then(Value::as_str);
    name.check(told.ok_or_else(|| ParseError::new("the statement doesn't say whose it is"))?)?;
    Ok(Some(whole))
}

fn news(id: &DocumentId) -> Result<Option<Inquiry>, Invalid> {
    let mut parameters = GivenParameters::of(id);
    let limit = parameters.number("limit", 1..=MAX_ARTICLES)?;
    parameters.end()?;
    let call = call("NEWS_SENTIMENT");
    let call = match (topic(&id.asset), tickers(&id.asset)) {
        (Some(topic), _) => call.query("topics", topic),
        (None, Some(tickers)) => call.query("tickers", tickers),
        (None, None) => return Ok(None),
    };
    let call = call.query("sort", "LATEST");
    let call = limit.map_or(call.clone(), |limit| call.query("limit", limit.to_string()));
    let asset = id.asset.clone();
    Ok(Some(Inquiry::new(call, move |body| {
        Ok(read_news(body)?.map(|told| Document::new(asset, Value::Object(told))))
    })))
}

/// Returns the topic of a market's news, if the asset is the index that is called like the market.
fn topic(asset: &Asset) -> Option<&'static str> {
    let is_market = asset.asset_type == AssetType::Index && asset.symbol.as_str() == asset.market.as_str();
    TOPICS.iter().find(|(market, _)| is_market && *market == asset.market).map(|(_, topic)| *topic)
}

/// Returns how news name an asset: `AAPL`, `CRYPTO:BTC`, and both currencies of a pair, which articles have to
/// mention together: `FOREX:EUR,FOREX:USD`.
fn tickers(asset: &Asset) -> Option<String> {
    Some(match Name::of(asset)? {
        Name::Listed(symbol) => symbol,
        Name::Coin(coin, _) => format!("CRYPTO:{coin}"),
        Name::Pair(from, to) => format!("FOREX:{from},FOREX:{to}"),
    })
}

/// Parses news: a list of articles, `feed`, and what their scores mean. Where there are no articles the list is
/// empty.
///
/// # Errors
///
/// If it is a refusal, or holds no list of articles.
pub(super) fn read_news(body: &[u8]) -> Result<Option<Map<String, Value>>, Nothing> {
    let body = match Body::read(body) {
        Err(Nothing::Refused(Refusal { reason: Reason::NoArticles, .. })) => {
            return Ok(Some(Map::from_iter([("feed".to_owned(), json!([]))])));
        }
        body => body?,
    };
    if body.is_empty() {
        return Ok(None);
    }
    let whole = body.whole()?;
    match whole.get("feed").and_then(Value::as_array) {
        Some(feed) if feed.iter().all(Value::is_object) => Ok(Some(whole)),
        _ => Err(ParseError::new("the news hold no list of articles").into()),
    }
}

/// Dividends alone: splits would be a second call, of the few that a key allows.
fn dividends(id: &DocumentId) -> Result<Option<Inquiry>, Invalid> {
    let days = DocumentDays::of(id)?;
    let Some(name @ Name::Listed(_)) = Name::of(&id.asset) else { return Ok(None) };
    let asset = id.asset.clone();
    Ok(Some(Inquiry::new(call("DIVIDENDS").query("symbol", name.symbol()), move |body| {
        let Some(told) = read_dividends(body, &name, days)? else { return Ok(None) };
        Ok(Some(Document::of(asset, &told)?))
    })))
}

#[derive(Deserialize)]
struct WireDividend {
    ex_dividend_date: Option<String>,
    amount: Value,
}

/// Parses dividends; `None` if the symbol is unknown. What has no first day without it yet is left out.
///
/// # Errors
///
/// If it is a refusal, can't be parsed, or is of another company.
pub(super) fn read_dividends(
    body: &[u8],
    name: &Name,
    days: DocumentDays,
) -> Result<Option<Dividends>, Nothing> {
    let body = Body::read(body)?;
    if body.is_empty() {
        return Ok(None);
    }
    name.check(&body.section::<String>("symbol")?.1)?;
    let (_, told) = body.section::<Vec<WireDividend>>("data")?;
    let mut amounts = Vec::with_capacity(told.len());
    for WireDividend { ex_dividend_date, amount } in told {
        let Some(day) = ex_dividend_date.filter(|day| day != "None") else { continue };
        let day: Date = day.parse().map_err(|_| ParseError::text("is no day", &day))?;
        if !days.contains(day) {
            continue;
        }
        let LenientNumber(amount) = LenientNumber::deserialize(&amount)
            .map_err(|error| ParseError::json(&format!("the dividend of {day}"), &error))?;
        amounts.push((day, amount));
    }
    let paid = amounts_by_day(amounts).into_iter();
    let dividends = paid.map(|(date, amount)| Dividend { date, amount }).collect();
    Ok(Some(Dividends { dividends, ..Dividends::default() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(data: DataType, id: &str) -> Result<Option<String>, String> {
        let inquiry = inquiry(data, &id.parse().unwrap()).map_err(|why| why.to_string())?;
        let shown = |inquiry: Inquiry| format!("{:?}", inquiry.call).replace("%5F", "_").replace("%3A", ":");
        Ok(inquiry.map(shown))
    }

    #[test]
    fn each_document_has_its_function_and_what_has_none_is_unknown() {
        use DataType::{Dividend, Fundamentals, News};
        for (data, id, asked) in [
            (Fundamentals, "MSFT", "OVERVIEW&symbol=MSFT"),
            (Fundamentals, "MSFT:statement=cash_flow", "CASH_FLOW&symbol=MSFT"),
            (Fundamentals, "TSCO@XLON:statement=EARNINGS", "EARNINGS&symbol=TSCO.LON"),
            (Dividend, "MSFT:from=2020-01-02", "DIVIDENDS&symbol=MSFT"),
            (News, "MSFT:limit=7", "NEWS_SENTIMENT&tickers=MSFT&sort=LATEST&limit=7"),
            (News, "BTC@CRYPTO", "NEWS_SENTIMENT&tickers=CRYPTO:BTC&sort=LATEST"),
            (News, "EUR_USD@FX", "NEWS_SENTIMENT&tickers=FOREX:EUR%2CFOREX:USD&sort=LATEST"),
            (News, "US@US.index", "NEWS_SENTIMENT&topics=financial_markets&sort=LATEST"),
            (News, "CRYPTO@CRYPTO.index", "NEWS_SENTIMENT&topics=blockchain&sort=LATEST"),
            (News, "FX@FX.index", "NEWS_SENTIMENT&topics=economy_monetary&sort=LATEST"),
        ] {
            assert_eq!(query(data, id), Ok(Some(format!("GET query?function={asked}"))), "{id}");
        }
        for (data, id) in [
            (News, "XLON@XLON.index"),
            (News, "GSPC@US.index"),
            (Fundamentals, "EUR_USD@FX"),
            (Dividend, "BTC@CRYPTO"),
        ] {
            assert_eq!(query(data, id), Ok(None), "{id}");
        }
        for (data, id, why) in [
            (Fundamentals, "MSFT:statement=profit", "one of overview, income, balance, cash_flow, earnings"),
            (Fundamentals, "EUR_USD@FX:statement=x", "one of overview"),
            (News, "MSFT:limit=1001", "it is 1 to 1000"),
            (News, "MSFT:topics=x", "it takes limit"),
            (Dividend, "MSFT:to=x", "which is no day"),
        ] {
            let told = query(data, id).unwrap_err();
            assert!(told.contains(why), "{told}");
        }
    }
}
