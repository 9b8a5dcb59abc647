//! Documents of one name: dividends, splits and adjusted closes out of its chart, and fundamentals.

use jiff::{Timestamp, civil::Date};
use serde_json::Value;

use super::{Found, YahooProvider, chart::Chart, events, fundamentals, history, symbol};
use crate::{
    AdjustedCloses, Answer, DataType, DateRange, Dividend, Dividends, Document, DocumentBody, DocumentId,
    Interval, Invalid, ProviderError, ProviderErrorKind, SeriesId, Split,
    formulas::{DocumentDays, adjusted_closes},
    parse::{ParseError, amounts_by_day, values_by_day},
};

impl YahooProvider {
    /// Returns dividends or adjusted closes, of all days or of those from `from` to `to`.
    pub(super) async fn one_of_chart(
        &self,
        data: DataType,
        id: &DocumentId,
    ) -> Result<Answer<Document>, ProviderError> {
        let days = DocumentDays::of(id).map_err(|why| self.bad_request(&why))?;
        let range = days.range();
        let (chart, reply) = match self.chart(&id.asset, Interval::Day, range).await? {
            Found::Chart(chart, reply) => (Some(chart), Some(reply)),
            Found::Nothing => (None, None),
            Found::Unknown => return Ok(Answer::Unknown),
        };
        let chart = chart.as_deref();
        let document = match data {
            DataType::Dividend => dividends(chart, days).and_then(|body| document(id, &body)),
            _ => self.adjusted_closes(chart, id, range).and_then(|body| document(id, &body)),
        };
        let bad = |why: ParseError| match reply {
            Some(reply) => reply.error(ProviderErrorKind::BadAnswer, &why.to_string()),
            None => ProviderError::new(ProviderErrorKind::BadAnswer, format!("{}: {why}", self.name)),
        };
        Ok(document.map_or_else(|why| Answer::Failed(bad(why)), Answer::Value))
    }

    /// Returns the figures that a company reported: the modules of Yahoo's summary that belong to a statement.
    pub(super) async fn one_of_summary(&self, id: &DocumentId) -> Result<Answer<Document>, ProviderError> {
        let modules = fundamentals::modules(id).map_err(|why| self.bad_request(&why))?;
        let Some(name) = symbol::named(&id.asset) else { return Ok(Answer::Unknown) };
        let reply = self.send_with_pass(&fundamentals::call(&name, modules)).await?;
        if !reply.is_success() && reply.status != 404 {
            return Err(reply.failure());
        }
        match reply.parse(fundamentals::read).await? {
            Ok(None) => Ok(Answer::Unknown),
            Ok(Some(summary)) => match fundamentals::checked(&summary, &name, modules) {
                Ok(()) => Ok(Answer::Value(Document::new(id.asset.clone(), Value::Object(summary)))),
                Err(why) => Err(reply.error(ProviderErrorKind::BadAnswer, &why.to_string())),
            },
            Err(why) if reply.is_success() => {
                Err(reply.error(ProviderErrorKind::BadAnswer, &why.to_string()))
            }
            Err(_) => Err(reply.failure()),
        }
    }

    /// Returns the adjusted closes in a chart; none if there is no chart.
    fn adjusted_closes(
        &self,
        chart: Option<&Chart>,
        id: &DocumentId,
        range: Option<DateRange>,
    ) -> Result<AdjustedCloses, ParseError> {
        let Some(chart) = chart else { return Ok(AdjustedCloses::default()) };
        let days = SeriesId { asset: id.asset.clone(), interval: Interval::Day, range };
        let series = history::series(&days, chart, &self.judge)?;
        let closes = adjusted_closes(&series, DocumentDays::default());
        Ok(AdjustedCloses { currency: currency(chart), ..closes })
    }

    fn bad_request(&self, why: &Invalid) -> ProviderError {
        ProviderError::new(ProviderErrorKind::BadRequest, format!("{}: {why}", self.name))
    }
}

fn document<B: DocumentBody>(id: &DocumentId, body: &B) -> Result<Document, ParseError> {
    Ok(Document::of(id.asset.clone(), body)?)
}

/// Returns the dividends and splits in a chart, each by the first day on which the share traded so; none if there
/// is no chart.
///
/// # Errors
///
/// If they can't be parsed, or contradict each other.
pub(super) fn dividends(chart: Option<&Chart>, days: DocumentDays) -> Result<Dividends, ParseError> {
    let Some(chart) = chart else { return Ok(Dividends::default()) };
    let events = events::read(&chart.events)?;
    let by_day = |told: Vec<(Timestamp, f64)>| -> Vec<(Date, f64)> {
        let told = told.into_iter().map(|(at, number)| (chart.zone.to_datetime(at).date(), number));
        told.filter(|(day, _)| days.contains(*day)).collect()
    };
    let paid = amounts_by_day(by_day(events.dividends));
    let splits = values_by_day("the split", by_day(events.splits))?;
    Ok(Dividends {
        currency: currency(chart),
        dividends: paid.into_iter().map(|(date, amount)| Dividend { date, amount }).collect(),
        splits: splits.into_iter().map(|(date, ratio)| Split { date, ratio }).collect(),
    })
}

/// Returns the currency, as Yahoo writes it: `USD`, `GBp`.
fn currency(chart: &Chart) -> Option<Box<str>> {
    chart.currency.as_deref().map(|currency| currency.chars().take(8).collect::<String>().into())
}
