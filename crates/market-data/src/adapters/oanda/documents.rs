//! Documents: how instruments are traded, and books of what OANDA's clients ordered or hold.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::{
    OandaProvider,
    error_body::{failure, is_not_found, is_unknown_instrument},
    instrument,
};
use crate::{
    Answer, Answers, Document, DocumentId, Invalid, ProviderError, ProviderErrorKind,
    adapters::parameters::GivenParameters,
    http::HttpRequest,
    moment::from_jiff,
    parse::{LenientNumber, ParseError},
};

impl OandaProvider {
    /// Returns how each asset is traded, as the account's list of instruments has it: one call for all.
    pub(super) async fn instruments(&self, ids: &[DocumentId]) -> Answers<Document> {
        let names: Vec<Result<Option<String>, ProviderError>> = ids
            .iter()
            .map(|id| {
                let checked = GivenParameters::of(id).end().map_err(|why| self.bad_request(&why));
                checked.map(|()| instrument::named(&id.asset))
            })
            .collect();
        if !names.iter().any(|name| matches!(name, Ok(Some(_)))) {
            let answers = names.into_iter().map(|name| name.map_or_else(Answer::Failed, |_| Answer::Unknown));
            return Ok(answers.collect());
        }
        let reply = self.ask_instruments().await?;
        let told = reply
            .parse(read_instruments)
            .await?
            .map_err(|why| reply.error(ProviderErrorKind::BadAnswer, &why.to_string()))?;
        let answer = |(id, name): (&DocumentId, Result<Option<String>, ProviderError>)| {
            let name = match name {
                Ok(Some(name)) => name,
                Ok(None) => return Answer::Unknown,
                Err(error) => return Answer::Failed(error),
            };
            let mut its = told.iter().filter(|(told, _)| instrument::same(told, &name)).map(|(_, its)| its);
            let Some(first) = its.next() else { return Answer::Unknown };
            match its.all(|other| other == first) {
                true => Answer::Value(Document::new(id.asset.clone(), first.clone())),
                false => {
                    let what = format!("the instrument {name} is told in two ways");
                    Answer::Failed(reply.error(ProviderErrorKind::BadAnswer, &what))
                }
            }
        };
        Ok(ids.iter().zip(names).map(answer).collect())
    }

    /// Returns the latest book of one instrument.
    pub(super) async fn one_book(&self, id: &DocumentId) -> Result<Answer<Document>, ProviderError> {
        let book = book(id).map_err(|why| self.bad_request(&why))?;
        let Some(name) = instrument::named(&id.asset) else { return Ok(Answer::Unknown) };
        let reply = self.send(HttpRequest::get(["v3", "instruments", &name, book])).await?;
        // It has books of few instruments, and says so as of one that doesn't exist.
        if is_not_found(&reply) || is_unknown_instrument(&reply) {
            return Ok(Answer::Unknown);
        }
        if !reply.is_success() {
            return Err(failure(&reply));
        }
        let bad = |why: String| reply.error(ProviderErrorKind::BadAnswer, &why);
        let told =
            reply.parse(move |body| read_book(body, book)).await?.map_err(|why| bad(why.to_string()))?;
        if !instrument::same(&told.instrument, &name) {
            return Err(bad(format!("the book of {:?} in place of {name}", told.instrument)));
        }
        self.judge.can_be_moment(told.time).map_err(|why| bad(why.to_string()))?;
        let time = Some(from_jiff(told.time));
        Ok(Answer::Value(Document { time, ..Document::new(id.asset.clone(), told.body) }))
    }

    fn bad_request(&self, why: &Invalid) -> ProviderError {
        ProviderError::new(ProviderErrorKind::BadRequest, format!("{}: {why}", self.config.name))
    }
}

/// Returns OANDA's name of the book that a document's parameters ask for: of `orders`, the default, or of
/// `positions`.
///
/// # Errors
///
/// If a parameter is unknown or wrong.
fn book(id: &DocumentId) -> Result<&'static str, Invalid> {
    let mut parameters = GivenParameters::of(id);
    let of = parameters.one_of("of", ["orders", "positions"])?;
    parameters.end()?;
    Ok(if of == Some("positions") { "positionBook" } else { "orderBook" })
}

/// Returns each instrument in the body of `/v3/accounts/{id}/instruments`, by its name.
///
/// # Errors
///
/// If it can't be parsed.
pub(super) fn read_instruments(body: &[u8]) -> Result<Vec<(String, Value)>, ParseError> {
    #[derive(Deserialize)]
    struct Body {
        instruments: Vec<Value>,
    }
    let body: Body =
        serde_json::from_slice(body).map_err(|error| ParseError::json("the instruments", &error))?;
    let named = |instrument: Value| match instrument.get("name").and_then(Value::as_str) {
        Some(name) => Ok((name.to_owned(), instrument)),
        None => Err(ParseError::new("an instrument without a name")),
    };
    body.instruments.into_iter().map(named).collect()
}

/// A book as it was told.
#[derive(Debug)]
pub(super) struct ToldBook {
    instrument: String,
    time: Timestamp,
    body: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    instrument: String,
    time: Timestamp,
    price: LenientNumber,
    bucket_width: LenientNumber,
    buckets: Vec<WireBucket>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireBucket {
    price: LenientNumber,
    long_count_percent: LenientNumber,
    short_count_percent: LenientNumber,
}

/// Parses a body that holds the book called `book`.
///
/// # Errors
///
/// If it can't be parsed, or holds a price or a share that can't be one.
pub(super) fn read_book(body: &[u8], book: &str) -> Result<ToldBook, ParseError> {
    let mut body: BTreeMap<String, Value> =
        serde_json::from_slice(body).map_err(|error| ParseError::json("the book", &error))?;
    let body = body.remove(book).ok_or_else(|| ParseError::new(format!("the answer holds no {book}")))?;
    let wire = Wire::deserialize(&body).map_err(|error| ParseError::json("the book", &error))?;
    let prices = wire.buckets.iter().map(|bucket| bucket.price).chain([wire.price, wire.bucket_width]);
    if let Some(LenientNumber(price)) = prices.into_iter().find(|price| price.0 <= 0.0) {
        return Err(ParseError::new(format!("a price of {price} in the book")));
    }
    let shares = |bucket: &WireBucket| [bucket.long_count_percent.0, bucket.short_count_percent.0];
    if let Some(share) = wire.buckets.iter().flat_map(shares).find(|share| !(0.0..=100.0).contains(share)) {
        return Err(ParseError::new(format!("a share of {share} % in the book")));
    }
    Ok(ToldBook { instrument: wire.instrument, time: wire.time, body })
}
