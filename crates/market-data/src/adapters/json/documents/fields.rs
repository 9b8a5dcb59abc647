//! Dividends, closes and observations, out of documents of any shape.

use std::sync::Arc;

use jiff::{civil::Date, tz::TimeZone};
use serde_json::Value;

use super::{
    super::{pointer::Pointer, reading::found, setup::Setup},
    config::JsonFields,
};
use crate::{
    AdjustedClose, AdjustedCloses, Asset, DataType, Dividend, Dividends, Document, Observation, Observations,
    Split,
    parse::{LenientNumber, ParseError, amounts_by_day, bar_stamp, one_a_day},
};

/// The pointers of documents of one kind.
#[derive(Debug)]
pub(super) enum Fields {
    Dividends {
        list: List,
        amount: Pointer,
        currency: Option<Pointer>,
        splits: Option<(List, Pointer)>,
    },
    AdjustedCloses {
        list: List,
        adjusted_close: Pointer,
        close: Option<Pointer>,
        currency: Option<Pointer>,
    },
    Observations {
        list: List,
        value: Pointer,
        name: Option<Pointer>,
        unit: Option<Pointer>,
        interval: Option<Pointer>,
    },
}

/// Where a list is, and where in its items the day is; without that, its items are called by their days.
#[derive(Debug)]
pub(super) struct List {
    list: Pointer,
    date: Option<Pointer>,
    /// What the setting of the day is called.
    date_field: Arc<str>,
}

impl Fields {
    /// The pointers as configured; `None` if one that is needed is missing, or none has a meaning for this kind.
    pub(super) fn new(setup: &mut Setup<'_>, data: DataType, fields: &JsonFields) -> Option<Self> {
        let at = format!("documents.{data}.fields");
        let meant: &[&str] = match data {
            DataType::Dividend => &["amount", "splits", "currency"],
            DataType::AdjustedClose => &["adjusted_close", "close", "currency"],
            _ if data.is_of_an_economy() => &["value", "name", "unit", "interval"],
            _ => {
                let message = format!("{at} has no meaning: {data} has no common shape, use value");
                setup.error(at, message);
                return None;
            }
        };
        let given = [
            ("amount", fields.amount.is_some()),
            ("splits", fields.splits.is_some()),
            ("adjusted_close", fields.adjusted_close.is_some()),
            ("close", fields.close.is_some()),
            ("value", fields.value.is_some()),
            ("currency", fields.currency.is_some()),
            ("name", fields.name.is_some()),
            ("unit", fields.unit.is_some()),
            ("interval", fields.interval.is_some()),
        ];
        for (name, _) in given.iter().filter(|(name, given)| *given && !meant.contains(name)) {
            let there = meant.join(", ");
            let message = format!("{at}.{name} has no meaning for {data}: there are {there}");
            setup.error(format!("{at}.{name}"), message);
        }
        let list = List::new(setup, &at, &fields.list, fields.date.as_ref());
        let mut optional =
            |name: &str, path: &Option<String>| setup.optional(format!("{at}.{name}"), path.as_ref());
        match data {
            DataType::Dividend => {
                let currency = optional("currency", &fields.currency);
                let splits = fields.splits.as_ref().map(|splits| {
                    let at = format!("{at}.splits");
                    let list = List::new(setup, &at, &splits.list, splits.date.as_ref());
                    (list, setup.pointer(format!("{at}.ratio"), &splits.ratio))
                });
                let amount = needed(setup, &at, "amount", fields.amount.as_ref())?;
                Some(Self::Dividends { list, amount, currency, splits })
            }
            DataType::AdjustedClose => {
                let close = optional("close", &fields.close);
                let currency = optional("currency", &fields.currency);
                let adjusted_close = needed(setup, &at, "adjusted_close", fields.adjusted_close.as_ref())?;
                Some(Self::AdjustedCloses { list, adjusted_close, close, currency })
            }
            _ => {
                let (name, unit) = (optional("name", &fields.name), optional("unit", &fields.unit));
                let interval = optional("interval", &fields.interval);
                let value = needed(setup, &at, "value", fields.value.as_ref())?;
                Some(Self::Observations { list, value, name, unit, interval })
            }
        }
    }

    /// Returns the document made of a part of a body; `None` if that has no closes or observations at all. A list
    /// of dividends may be empty: many shares pay none.
    ///
    /// # Errors
    ///
    /// If there is no such list, no item has the figure, a day or a figure can't be read, or two figures of one
    /// day differ.
    pub(super) fn document(
        &self,
        asset: Asset,
        told: &Value,
        zone: &TimeZone,
    ) -> Result<Option<Document>, ParseError> {
        let text = |pointer: &Option<Pointer>| {
            let there = pointer.as_ref().filter(|pointer| pointer.find(told).is_some());
            there.map(|pointer| pointer.text(told).map(|text| shortened(&text))).transpose()
        };
        let made = match self {
            Self::Dividends { list, amount, currency, splits } => {
                // A usual and a special dividend of one day are two items.
                let paid = amounts_by_day(list.figures(told, zone, amount, |item| paid(amount, item))?);
                let splits = match splits {
                    Some((list, ratio)) if !list.list.is_missing(told) => {
                        list.by_day(told, zone, ratio, |item| split(ratio, item))?
                    }
                    _ => Vec::new(),
                };
                let body = Dividends {
                    currency: text(currency)?,
                    dividends: paid.into_iter().map(|(date, amount)| Dividend { date, amount }).collect(),
                    splits: splits.into_iter().map(|(date, ratio)| Split { date, ratio }).collect(),
                };
                Document::of(asset, &body)
            }
            Self::AdjustedCloses { list, adjusted_close, close, currency } => {
                let closes = list.by_day(told, zone, adjusted_close, |item| {
                    let adjusted = figure(adjusted_close, item)?;
                    let close = close.as_ref().map_or(Ok(None), |close| figure(close, item))?;
                    Ok(adjusted.map(|adjusted| (adjusted, close)))
                })?;
                if closes.is_empty() {
                    return Ok(None);
                }
                let one = |(date, (adjusted_close, close))| AdjustedClose { date, close, adjusted_close };
                let body = AdjustedCloses {
                    currency: text(currency)?,
                    closes: closes.into_iter().map(one).collect(),
                };
                Document::of(asset, &body)
            }
            Self::Observations { list, value, name, unit, interval } => {
                let values = list.by_day(told, zone, value, |item| figure(value, item))?;
                if values.is_empty() {
                    return Ok(None);
                }
                let body = Observations {
                    name: text(name)?,
                    unit: text(unit)?,
                    interval: text(interval)?,
                    observations: values
                        .into_iter()
                        .map(|(date, value)| Observation { date, value })
                        .collect(),
                };
                Document::of(asset, &body)
            }
        };
        Ok(Some(made?))
    }
}

/// Reads the pointer of a field that can't be left out.
fn needed(setup: &mut Setup<'_>, at: &str, name: &str, path: Option<&String>) -> Option<Pointer> {
    if path.is_none() {
        let wanted = "point to it in an item of the list";
        setup.error(format!("{at}.{name}"), format!("{at}.{name} is missing: {wanted}"));
    }
    setup.optional(format!("{at}.{name}"), path)
}

impl List {
    /// The pointers of a list whose settings are those below `at`.
    fn new(setup: &mut Setup<'_>, at: &str, list: &str, date: Option<&String>) -> Self {
        let date_field: Arc<str> = format!("{at}.date").into();
        Self {
            list: setup.pointer(format!("{at}.list"), list),
            date: setup.optional(Arc::clone(&date_field), date),
            date_field,
        }
    }

    /// Returns what is told of each day; items without their figure are left out.
    fn by_day<T: PartialEq>(
        &self,
        told: &Value,
        zone: &TimeZone,
        wanted: &Pointer,
        read: impl Fn(&Value) -> Result<Option<T>, ParseError>,
    ) -> Result<Vec<(Date, T)>, ParseError> {
        one_a_day(self.figures(told, zone, wanted, read)?)
            .map_err(|(day, _)| ParseError::new(format!("two items of {day} contradict each other")))
    }

    /// Returns the figure of each item with its day, but of items without one.
    fn figures<T>(
        &self,
        told: &Value,
        zone: &TimeZone,
        wanted: &Pointer,
        read: impl Fn(&Value) -> Result<Option<T>, ParseError>,
    ) -> Result<Vec<(Date, T)>, ParseError> {
        let items = self.items(told, zone)?;
        // Where no item has such a field, the pointer is wrong, or the API is another now.
        if !items.is_empty() && items.iter().all(|(_, item)| wanted.is_missing(item)) {
            return Err(wanted.missing());
        }
        let figure = |(day, item): (Date, &Value)| Ok(read(item)?.map(|figure| (day, figure)));
        items.into_iter().filter_map(|item| figure(item).transpose()).collect()
    }

    fn items<'a>(&self, told: &'a Value, zone: &TimeZone) -> Result<Vec<(Date, &'a Value)>, ParseError> {
        let by_item = |date: &Pointer, item: &'a Value| Ok((date.time(item, bar_stamp)?.day_in(zone), item));
        match (found(&self.list, told)?, &self.date) {
            (None, _) => Ok(Vec::new()),
            (Some(Value::Array(items)), Some(date)) => items.iter().map(|item| by_item(date, item)).collect(),
            (Some(Value::Object(items)), Some(date)) => {
                items.values().map(|item| by_item(date, item)).collect()
            }
            (Some(Value::Object(items)), None) => {
                items.iter().map(|(name, item)| Ok((self.day_called(name, zone)?, item))).collect()
            }
            (Some(Value::Array(items)), None) if items.is_empty() => Ok(Vec::new()),
            (Some(Value::Array(_)), None) => {
                let field = &self.date_field;
                Err(ParseError::new(format!("{field} is not set, and the list is an array")))
            }
            _ => {
                let field = self.list.field();
                Err(ParseError::new(format!("{field} is neither an array nor an object")))
            }
        }
    }

    /// Reads the day by which an item is called.
    fn day_called(&self, name: &str, zone: &TimeZone) -> Result<Date, ParseError> {
        let name = match name.parse::<i64>() {
            Ok(stamp) => Value::from(stamp),
            Err(_) => Value::from(name),
        };
        Ok(Pointer::whole(Arc::clone(&self.date_field)).time(&name, bar_stamp)?.day_in(zone))
    }
}

/// Returns a figure of an item; `None` if it isn't told.
fn figure(pointer: &Pointer, item: &Value) -> Result<Option<f64>, ParseError> {
    match pointer.find(item) {
        None => Ok(None),
        Some(Value::String(text)) if matches!(text.trim(), "" | "." | "-" | "None" | "null" | "N/A") => {
            Ok(None)
        }
        Some(_) => pointer.number(item).map(Some),
    }
}

/// Returns what a dividend pays; `None` for 0, which some write on the days without one.
fn paid(pointer: &Pointer, item: &Value) -> Result<Option<f64>, ParseError> {
    Ok(figure(pointer, item)?.filter(|amount| *amount != 0.0))
}

/// Returns how many shares one became: a number, or two of them.
fn split(pointer: &Pointer, item: &Value) -> Result<Option<f64>, ParseError> {
    let pair = match pointer.find(item) {
        Some(Value::String(text)) => text.split_once([':', '/']),
        _ => None,
    };
    let Some((new, old)) = pair else { return paid(pointer, item) };
    let number = |text: &str| LenientNumber::read(text.trim()).map(|number| number.0);
    match (number(new), number(old)) {
        (Some(new), Some(old)) if new / old > 0.0 && (new / old).is_finite() => Ok(Some(new / old)),
        _ => Err(ParseError::text(&format!("{} is no ratio", pointer.field()), &format!("{new}:{old}"))),
    }
}

/// Returns the beginning of a foreign text: names of series and units are short.
fn shortened(text: &str) -> Box<str> {
    text.chars().take(200).collect::<String>().into()
}
