//! The parameters that documents of an API take.

use std::collections::BTreeMap;

use super::{super::setup::Setup, config::JsonParameter};
use crate::{Invalid, parse::start_of};

/// The parameters of one kind of document, by name.
#[derive(Debug)]
pub(super) struct Parameters(BTreeMap<String, JsonParameter>);

impl Parameters {
    /// The parameters that are described, and those that the URL has. One that the API isn't told and that can
    /// have several values is an error, and so is a default that is none of the values.
    pub(super) fn new(
        setup: &mut Setup<'_>,
        field: &str,
        described: &BTreeMap<String, JsonParameter>,
        in_url: &[&str],
    ) -> Self {
        let mut all = described.clone();
        for (name, parameter) in described {
            let values = parameter.values.as_ref();
            let unknown = |default: &&String| values.is_some_and(|values| !values.contains_key(*default));
            let why = if !in_url.contains(&name.as_str()) && values.is_none_or(|values| values.len() != 1) {
                format!(
                    "the URL has no {{param:{name}}}, so it has one value: give it alone in values, or put it into the URL"
                )
            } else if values.is_some_and(BTreeMap::is_empty) {
                "values is empty: leave it out for any value".to_owned()
            } else if let Some(default) = parameter.default.as_ref().filter(unknown) {
                format!("the default {:?} is none of its values", start_of(default))
            } else {
                continue;
            };
            let field = format!("{field}.parameters.{name}");
            setup.error(&field, format!("{field}: {why}"));
        }
        for name in in_url {
            all.entry((*name).to_owned()).or_default();
        }
        Self(all)
    }

    /// Returns what the API is told for each parameter.
    ///
    /// # Errors
    ///
    /// If one is given that isn't taken, one is missing, or a value can't be: the message says what can.
    pub(super) fn told(&self, given: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>, Invalid> {
        if let Some(other) = given.keys().find(|name| !self.0.contains_key(*name)) {
            let taken = self.0.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            let taken =
                if taken.is_empty() { "it takes none".to_owned() } else { format!("there are {taken}") };
            return Err(Invalid::new(format!("{:?} is no parameter of it: {taken}", start_of(other))));
        }
        let value = |(name, parameter): (&String, &JsonParameter)| {
            let single = parameter.values.as_ref().filter(|values| values.len() == 1);
            let single = single.and_then(|values| values.keys().next());
            let value = given.get(name).or(parameter.default.as_ref()).or(single);
            let value = value.ok_or_else(|| Invalid::new(format!("it needs the parameter {name}")))?;
            let told = match &parameter.values {
                None => value,
                Some(values) => values.get(value).ok_or_else(|| {
                    let known = values.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
                    Invalid::new(format!("{name} is {:?}: there are {known}", start_of(value)))
                })?,
            };
            Ok((name.clone(), told.clone()))
        };
        self.0.iter().map(value).collect()
    }
}
