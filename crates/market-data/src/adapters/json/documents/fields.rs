//! Dividends, closes and observations, out of documents of any shape.

use std::collections::BTreeMap;

use cache_core::Result;
use jiff::{civil::Date, tz::TimeZone};
use serde_json::Value;

use super::{
    super::{config::JsonConfig, endpoint::wrong, pointer::Pointer, reading::found},
    config::JsonFields,
};
use crate::{
    AdjustedClose, AdjustedCloses, Asset, DataType, Dividend, Dividends, Document, Observation, Observations,
    Split,
    parse::{LenientNumber, ParseError, bar_stamp},
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
}

const DATE: &str = "documents.fields.date";

impl Fields {
    /// The pointers as configured.
    ///
    /// # Errors
    ///
    /// `Config`, with the name of the field, for one that is no JSON pointer, that is missing, or that has no
    /// meaning for this kind of data.
    pub(super) fn new(config: &JsonConfig, data: DataType, fields: &JsonFields) -> Result<Self> {
        let wrong = |name: &str, why: &str| wrong(config, format!("documents.{data}.fields{name}{why}"));
        let meant: &[&str] = match data {
            DataType::Dividend => &["amount", "splits", "currency"],
            DataType::AdjustedClose => &["adjusted_close", "close", "currency"],
            _ if data.is_of_an_economy() => &["value", "name", "unit", "interval"],
            _ => return Err(wrong("", &format!(" has no meaning: {data} has no common shape, use value"))),
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
        if let Some((name, _)) = given.iter().find(|(name, given)| *given && !meant.contains(name)) {
            return Err(wrong(
                &format!(".{name}"),
                &format!(" has no meaning for {data}: there are {}", meant.join(", ")),
            ));
        }
        let needed = |name: &'static str, field, path: &Option<String>| match path {
            Some(path) => Pointer::new(field, path),
            None => Err(wrong(&format!(".{name}"), " is missing: point to it in an item of the list")),
        };
        let optional = |field, path: &Option<String>| Pointer::optional(field, path.as_ref());
        let list = List {
            list: Pointer::new("documents.fields.list", &fields.list)?,
            date: optional(DATE, &fields.date)?,
        };
        let currency = optional("documents.fields.currency", &fields.currency)?;
        Ok(match data {
            DataType::Dividend => Self::Dividends {
                list,
                amount: needed("amount", "documents.fields.amount", &fields.amount)?,
                currency,
                splits: match &fields.splits {
                    None => None,
                    Some(splits) => {
                        let list = Pointer::new("documents.fields.splits.list", &splits.list)?;
                        let date = optional("documents.fields.splits.date", &splits.date)?;
                        let ratio = Pointer::new("documents.fields.splits.ratio", &splits.ratio)?;
                        Some((List { list, date }, ratio))
                    }
                },
            },
            DataType::AdjustedClose => Self::AdjustedCloses {
                list,
                adjusted_close: needed(
                    "adjusted_close",
                    "documents.fields.adjusted_close",
                    &fields.adjusted_close,
                )?,
                close: optional("documents.fields.close", &fields.close)?,
                currency,
            },
            _ => Self::Observations {
                list,
                value: needed("value", "documents.fields.value", &fields.value)?,
                name: optional("documents.fields.name", &fields.name)?,
                unit: optional("documents.fields.unit", &fields.unit)?,
                interval: optional("documents.fields.interval", &fields.interval)?,
            },
        })
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
                let paid = list.by_day(told, zone, amount, |item| paid(amount, item))?;
                let splits = match splits {
                    Some((list, ratio)) if !list.list.is_missing(told) => {
                        list.by_day(told, zone, ratio, |item| split(ratio, item))?
                    }
                    _ => BTreeMap::new(),
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
        made.map(Some).map_err(|why| ParseError::new(why.to_string()))
    }
}

impl List {
    /// Returns what is told of each day; items without their figure are left out.
    fn by_day<T: PartialEq>(
        &self,
        told: &Value,
        zone: &TimeZone,
        wanted: &Pointer,
        read: impl Fn(&Value) -> Result<Option<T>, ParseError>,
    ) -> Result<BTreeMap<Date, T>, ParseError> {
        let items = self.items(told, zone)?;
        // Where no item has such a field, the pointer is wrong, or the API is another now.
        if !items.is_empty() && items.iter().all(|(_, item)| wanted.is_missing(item)) {
            return Err(wanted.missing());
        }
        let mut days = BTreeMap::new();
        for (day, item) in items {
            let Some(figure) = read(item)? else { continue };
            // To say it twice is no contradiction.
            if days.get(&day).is_some_and(|told| *told != figure) {
                return Err(ParseError::new(format!("two items of {day} contradict each other")));
            }
            days.insert(day, figure);
        }
        Ok(days)
    }

    fn items<'a>(&self, told: &'a Value, zone: &TimeZone) -> Result<Vec<(Date, &'a Value)>, ParseError> {
        let by_item = |date: &Pointer, item: &'a Value| Ok((date.time(item, bar_stamp)?.day(zone), item));
        match (found(&self.list, told)?, &self.date) {
            (None, _) => Ok(Vec::new()),
            (Some(Value::Array(items)), Some(date)) => items.iter().map(|item| by_item(date, item)).collect(),
            (Some(Value::Object(items)), Some(date)) => {
                items.values().map(|item| by_item(date, item)).collect()
            }
            (Some(Value::Object(items)), None) => {
                items.iter().map(|(name, item)| Ok((day_called(name, zone)?, item))).collect()
            }
            (Some(Value::Array(items)), None) if items.is_empty() => Ok(Vec::new()),
            (Some(Value::Array(_)), None) => {
                Err(ParseError::new(format!("{DATE} is not set, and the list is an array")))
            }
            _ => Err(ParseError::new("documents.fields.list is neither an array nor an object")),
        }
    }
}

/// Reads the day by which an item is called.
fn day_called(name: &str, zone: &TimeZone) -> Result<Date, ParseError> {
    let name = match name.parse::<i64>() {
        Ok(stamp) => Value::from(stamp),
        Err(_) => Value::from(name),
    };
    Ok(Pointer::whole(DATE).time(&name, bar_stamp)?.day(zone))
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
        _ => Err(ParseError::text("documents.fields.splits.ratio is no ratio", &format!("{new}:{old}"))),
    }
}

/// Returns the beginning of a foreign text: names of series and units are short.
fn shortened(text: &str) -> Box<str> {
    text.chars().take(200).collect::<String>().into()
}
