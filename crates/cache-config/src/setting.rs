//! Setting: its key, its meaning, its defaults, and the variables and flag that set it.

use std::{borrow::Cow, fmt, ops::RangeInclusive};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    errors::shortened,
    profile::Profile,
    unit::{field_in_unit, told_in_unit},
    yaml::{Content, Refused, ValueError, YamlNode, all_errors, deserialize},
};

/// The mark of a setting that is read and checked, but that no code uses yet.
const WITHOUT_EFFECT: &str = "Has no effect yet.";

/// Returns `Err` with the reason and the remedy if a text is not valid for a setting.
pub type Validator = fn(&str) -> Result<(), String>;

/// One setting. A [`section!`](crate::section) has one for each of its fields.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The name in a file, behind those of its sections: `memory.mib`.
    pub key: &'static str,
    /// What is known of it besides its type and meaning.
    pub spec: SettingSpec,
    about: &'static str,
    development: YamlNode,
    production: YamlNode,
    check_type: fn(&YamlNode) -> Result<(), ValueError>,
    canonical: fn(&YamlNode) -> Option<Value>,
}

/// What is known of a setting besides its type and meaning. Made by [`setting()`].
#[derive(Clone, Default)]
pub struct SettingSpec {
    /// The unit: `"s"`, `"MiB"`. Empty if there is none.
    pub unit: &'static str,
    /// The environment variables that set it; the first that is set is used.
    pub variables: &'static [&'static str],
    /// The flag that sets it, without its `--`.
    pub flag: Option<&'static str>,
    /// The smallest and the largest valid number.
    pub range: Option<RangeInclusive<f64>>,
    /// Whether it may hold a password, and is masked in all output.
    pub secret: bool,
    /// Whether a change takes effect at run time, without a restart.
    pub reloadable: bool,
    /// Whether it is a list, whose items a variable or flag separates by commas.
    pub list: bool,
    /// Whether it is read and checked, but no code uses it yet. [`Setting::about`] says so.
    pub without_effect: bool,
    /// An example for a file, if the default doesn't show the form.
    pub sample: &'static str,
    /// Checks the text, or each text of the list.
    pub(crate) validator: Option<Validator>,
}

/// Returns the spec of a setting of which only the type is known.
///
/// ```
/// let spec = cache_config::setting().unit("s").env(&["APP_TIMEOUT"]).flag("timeout").reloadable();
/// assert!(spec.reloadable && !spec.secret);
/// ```
#[must_use]
pub fn setting() -> SettingSpec {
    SettingSpec::default()
}

impl SettingSpec {
    /// Sets the unit.
    #[must_use]
    pub fn unit(self, unit: &'static str) -> Self {
        Self { unit, ..self }
    }

    /// Sets the environment variables that set it; the first that is set is used.
    #[must_use]
    pub fn env(self, variables: &'static [&'static str]) -> Self {
        Self { variables, ..self }
    }

    /// Sets the flag that sets it, without its `--`.
    #[must_use]
    pub fn flag(self, flag: &'static str) -> Self {
        Self { flag: Some(flag), ..self }
    }

    /// Sets the smallest and the largest valid number.
    #[must_use]
    pub fn range(self, range: RangeInclusive<f64>) -> Self {
        Self { range: Some(range), ..self }
    }

    /// Sets the check of its text, or of each text of its list.
    #[must_use]
    pub fn validate(self, validator: Validator) -> Self {
        Self { validator: Some(validator), ..self }
    }

    /// Sets an example for a file, if the default doesn't show the form.
    #[must_use]
    pub fn sample(self, sample: &'static str) -> Self {
        Self { sample, ..self }
    }

    /// Marks it as one that may hold a password: it is masked in all output.
    #[must_use]
    pub fn secret(self) -> Self {
        Self { secret: true, ..self }
    }

    /// Marks it as one whose change takes effect at run time.
    #[must_use]
    pub fn reloadable(self) -> Self {
        Self { reloadable: true, ..self }
    }

    /// Marks it as a list, whose items a variable or flag separates by commas.
    #[must_use]
    pub fn list(self) -> Self {
        Self { list: true, ..self }
    }

    /// Marks it as one that is read and checked, but that no code uses yet.
    #[must_use]
    pub fn without_effect(self) -> Self {
        Self { without_effect: true, ..self }
    }
}

impl fmt::Debug for SettingSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SettingSpec").field("variables", &self.variables).finish_non_exhaustive()
    }
}

impl Setting {
    pub(crate) fn new<T: Serialize + DeserializeOwned>(
        key: &'static str,
        about: &'static str,
        default: fn(Profile) -> T,
        spec: SettingSpec,
    ) -> Self {
        // Only a map whose keys are no strings can't be written as JSON.
        let node = |profile| YamlNode::from_json(&serde_json::to_value(default(profile)).unwrap_or_default());
        Self {
            key: key_of_field(key),
            about: about.trim(),
            spec,
            development: node(Profile::Development),
            production: node(Profile::Production),
            check_type: |node| deserialize::<T>(node).map(drop),
            canonical: |node| serde_json::to_value(deserialize::<T>(node).ok()?).ok(),
        }
    }

    /// Returns what it means, in a sentence or two, with a mark if it has no effect yet.
    #[must_use]
    pub fn about(&self) -> Cow<'static, str> {
        match self.spec.without_effect {
            true => format!("{} {WITHOUT_EFFECT}", self.about).into(),
            false => self.about.into(),
        }
    }

    /// Returns its unit and its range: `In MiB, 1..=1048576`.
    #[must_use]
    pub fn unit_and_range(&self) -> String {
        let unit = (!self.spec.unit.is_empty()).then(|| format!("In {}", self.spec.unit));
        let range = self.spec.range.as_ref().map(|range| format!("{}..={}", range.start(), range.end()));
        [unit, range].into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    /// Returns the variables that set it, and its flag with the `--`.
    #[must_use]
    pub fn variables_and_flag(&self) -> Vec<String> {
        let variables = self.spec.variables.iter().map(|name| (*name).to_owned());
        variables.chain(self.spec.flag.map(|flag| format!("--{flag}"))).collect()
    }

    pub(crate) fn default(&self, profile: Profile) -> &YamlNode {
        profile.choose(&self.development, &self.production)
    }

    /// Whether two nodes mean the same value, however each is written.
    pub(crate) fn means_the_same(&self, a: &YamlNode, b: &YamlNode) -> bool {
        a == b || matches!(((self.canonical)(a), (self.canonical)(b)), (Some(a), Some(b)) if a == b)
    }

    /// Checks type, range and validator.
    pub(crate) fn check(&self, node: &YamlNode) -> Result<(), Refused> {
        let one = |message| {
            let error = ValueError { message, position: None, of_key: false };
            Refused { errors: vec![error], rest: None, left_out: Vec::new() }
        };
        if let Some(range) = self.spec.range.as_ref().filter(|_| !self.is_in_range(node)) {
            return Err(one(format!("{}{}", range_remedy(range), self.unit_remedy(node))));
        }
        if (self.check_type)(node).is_ok() {
            let errors = self.invalid_texts(node);
            let refused = Refused { errors, rest: None, left_out: Vec::new() };
            return if refused.errors.is_empty() { Ok(()) } else { Err(refused) };
        }
        let mut refused = all_errors(node, self.check_type);
        for error in &mut refused.errors {
            let of_setting = error.position.is_none() || error.position == node.position;
            let unit = if of_setting { self.unit_remedy(node) } else { field_in_unit(node, error) };
            error.message.push_str(&unit);
        }
        if let Some(rest) = &refused.rest {
            refused.errors.extend(self.invalid_texts(rest));
        }
        Err(refused)
    }

    /// Whether a node is of the type, and its number, if it has one, in the range.
    fn is_in_range(&self, node: &YamlNode) -> bool {
        let in_range = |range: &RangeInclusive<f64>| match deserialize::<Option<f64>>(node) {
            Ok(Some(number)) => range.contains(&number),
            found => found.is_ok(),
        };
        (self.check_type)(node).is_ok() && self.spec.range.as_ref().is_none_or(in_range)
    }

    /// Returns what the number is in the unit of the setting, if a text is a number with a unit; the unit alone,
    /// if it would not be valid.
    fn unit_remedy(&self, node: &YamlNode) -> String {
        told_in_unit(node, self.spec.unit, |number| self.is_in_range(number))
    }

    /// Returns the errors that the validator finds.
    fn invalid_texts(&self, node: &YamlNode) -> Vec<ValueError> {
        let Some(validator) = self.spec.validator else { return Vec::new() };
        let error = |message, position| ValueError { message, position, of_key: false };
        match &node.content {
            Content::List(items) => {
                let check = |item: &YamlNode| {
                    let text = item.text().unwrap_or_default();
                    let why = validator(text).err()?;
                    Some(error(format!("'{}' {why}", shortened(text)), item.position))
                };
                items.iter().filter_map(check).collect()
            }
            _ => validator(node.text().unwrap_or_default())
                .err()
                .map(|why| error(why, None))
                .into_iter()
                .collect(),
        }
    }
}

/// The key of a field, without the `_` that tells the field's name from a keyword.
pub(crate) fn key_of_field(key: &'static str) -> &'static str {
    key.trim_end_matches('_')
}

fn range_remedy(range: &RangeInclusive<f64>) -> String {
    if *range == (0.0..=1.0) {
        return "give a share from 0 to 1, such as 0.2".to_owned();
    }
    format!("give a number in {}..={}", range.start(), range.end())
}
