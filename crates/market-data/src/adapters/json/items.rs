//! The items of a body: each of one asset, and told apart by their symbols.

use std::sync::Arc;

use serde_json::Value;

use super::{JsonSymbols, endpoint::Endpoint, pointer::Pointer, setup::Setup, template::Placeholder};
use crate::{Asset, parse::ParseError};

/// Where the items of a body are, and where their symbols are in them.
#[derive(Debug)]
pub(super) struct Items {
    pub(super) items: Pointer,
    pub(super) symbol: Option<Pointer>,
    /// What the setting of the symbol is called.
    pub(super) name: Arc<str>,
}

/// The items of one body, each with its symbol if it has one.
#[derive(Debug)]
pub(super) struct SplitItems<'a> {
    pub(super) items: Vec<(Option<String>, &'a Value)>,
    name: Arc<str>,
    /// Whether the body has a `null` in their place.
    pub(super) is_null: bool,
}

impl Items {
    /// Takes apart what was found: an array, an object by symbol, or the one item itself.
    ///
    /// # Errors
    ///
    /// If a symbol is none.
    pub(super) fn split<'a>(&self, found: &'a Value, is_one: bool) -> Result<SplitItems<'a>, ParseError> {
        let told = |item| {
            let there = self.symbol.as_ref().filter(|symbol| symbol.find(item).is_some());
            there.map(|symbol| symbol.text(item)).transpose()
        };
        let items = match found {
            Value::Array(items) => {
                items.iter().map(|item| Ok((told(item)?, item))).collect::<Result<_, ParseError>>()?
            }
            Value::Object(by_symbol) if !is_one => {
                let item = |(symbol, item): (&String, _)| {
                    Ok((Some(told(item)?.unwrap_or_else(|| symbol.clone())), item))
                };
                by_symbol.iter().map(item).collect::<Result<_, ParseError>>()?
            }
            item => vec![(told(item)?, item)],
        };
        Ok(SplitItems { items, name: Arc::clone(&self.name), is_null: false })
    }

    /// Returns no items.
    pub(super) fn none<'a>(&self) -> SplitItems<'a> {
        SplitItems { items: Vec::new(), name: Arc::clone(&self.name), is_null: true }
    }
}

impl<'a> SplitItems<'a> {
    /// Returns the items of an asset, one of as many as were asked for.
    ///
    /// # Errors
    ///
    /// If there is none, and there are some of which nobody knows whose they are.
    pub(super) fn of(
        &self,
        asset: &Asset,
        asked: usize,
        symbols: &JsonSymbols,
    ) -> Result<Vec<&'a Value>, ParseError> {
        let is_it = |told: &Option<String>| match told {
            Some(told) => symbols.is(asset, told),
            // A single item without a symbol belongs to the one asset asked for.
            None => asked == 1 && self.items.len() == 1,
        };
        let its: Vec<&Value> =
            self.items.iter().filter(|(told, _)| is_it(told)).map(|(_, item)| *item).collect();
        if its.is_empty() && self.items.iter().any(|(told, _)| told.is_none()) {
            let name = &self.name;
            return Err(ParseError::new(format!("items without {name}, which may not be of {asset}")));
        }
        Ok(its)
    }
}

/// Checks that the limit of a batch and the placeholders of its URL fit; `field` is what they are settings of.
pub(super) fn check_batches(setup: &mut Setup<'_>, field: &str, max_batch: usize, endpoint: &Endpoint) {
    let several = endpoint.has(Placeholder::Symbols);
    let (limit, url) = (format!("{field}.max_batch"), format!("{field}.url"));
    if max_batch == 0 {
        let message = format!("{limit} is 0: a call must be able to ask for at least 1");
        setup.error(&limit, message);
    }
    if max_batch > 1 && !several {
        let message = format!("{limit} is above 1, and {url} has no placeholder {{symbols}} for several");
        setup.error(&limit, message);
    }
    if several && endpoint.has(Placeholder::Symbol) {
        setup.error(&url, format!("{url} has {{symbol}} and {{symbols}}: use one of them"));
    }
    if several && endpoint.has(Placeholder::Market) {
        let why = "a batch may be of several markets, use {symbol}";
        setup.error(&url, format!("{url} has {{symbols}} and {{market}}: {why}"));
    }
}
