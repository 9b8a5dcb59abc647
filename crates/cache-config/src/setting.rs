//! One thing that can be set: its key, what it means, and where else than in a file it may be given.

use std::{fmt, ops::RangeInclusive};

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    deserialize::{Misfit, read},
    node::{Node, Said},
    profile::Profile,
};

/// Whether a text can be what it is given for: if not, why, and what to give.
pub type Check = fn(&str) -> Result<(), String>;

/// One thing that can be set. A [`section!`](crate::section) has one for each of its fields.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Its name in a file, its sections in front: `memory.mib`.
    pub key: &'static str,
    /// What it means, in a sentence or two.
    pub about: &'static str,
    /// What else is known of it.
    pub traits: Traits,
    development: Node,
    production: Node,
    fits: fn(&Node) -> Result<(), Misfit>,
}

/// A setting of type `T`; what [`section!`](crate::section) expands to.
#[doc(hidden)]
pub fn declared<T: Serialize + DeserializeOwned>(
    key: &'static str,
    about: &'static str,
    default: fn(Profile) -> T,
    traits: Traits,
) -> Setting {
    // What can't be written as JSON would be a map whose names are no texts.
    let node = |profile| Node::of(&serde_json::to_value(default(profile)).unwrap_or_default());
    Setting {
        key: plain(key),
        about: about.trim(),
        traits,
        development: node(Profile::Development),
        production: node(Profile::Production),
        fits: |node| read::<T>(node).map(drop),
    }
}

/// A key without the `_` that keeps a field's name from being a word of the language.
pub(crate) fn plain(key: &'static str) -> &'static str {
    key.trim_end_matches('_')
}

/// What is known of a setting besides its type. Made by [`setting()`].
#[derive(Clone, Default)]
pub struct Traits {
    /// In what it is counted: `"s"`, `"MiB"`. Empty for what isn't.
    pub unit: &'static str,
    /// The environment's variables that give it; the first that is there counts.
    pub variables: &'static [&'static str],
    /// The flag that gives it, without its `--`.
    pub flag: Option<&'static str>,
    /// The least and the most, if it is a number.
    pub range: Option<RangeInclusive<f64>>,
    /// Whether it may hold a password, and is neither shown nor repeated.
    pub secret: bool,
    /// Whether a change takes effect while the service runs.
    pub live: bool,
    /// Whether it is a list, which a variable or flag gives parted by commas.
    pub list: bool,
    /// Whether it is read and checked, but nothing goes by it yet.
    pub idle: bool,
    /// What it may look like in a file, if its default doesn't show it.
    pub sample: &'static str,
    /// What else must hold of its text, or of each text in its list.
    pub(crate) holds: Option<Check>,
}

/// A setting of which nothing is known yet but its type.
///
/// ```
/// let traits = cache_config::setting().unit("s").env(&["CACHE_TTL_PRICE"]).flag("ttl-price").live();
/// assert!(traits.live && !traits.secret);
/// ```
#[must_use]
pub fn setting() -> Traits {
    Traits::default()
}

impl Traits {
    /// In what it is counted.
    #[must_use]
    pub fn unit(self, unit: &'static str) -> Self {
        Self { unit, ..self }
    }

    /// The environment's variables that give it; the first that is there counts.
    #[must_use]
    pub fn env(self, variables: &'static [&'static str]) -> Self {
        Self { variables, ..self }
    }

    /// The flag that gives it, without its `--`.
    #[must_use]
    pub fn flag(self, flag: &'static str) -> Self {
        Self { flag: Some(flag), ..self }
    }

    /// The least and the most that a number may be.
    #[must_use]
    pub fn within(self, range: RangeInclusive<f64>) -> Self {
        Self { range: Some(range), ..self }
    }

    /// What else must hold of its text, or of each text in its list: if not, why, and what to give.
    #[must_use]
    pub fn holds(self, check: Check) -> Self {
        Self { holds: Some(check), ..self }
    }

    /// What it may look like in a file, if its default doesn't show it.
    #[must_use]
    pub fn sample(self, sample: &'static str) -> Self {
        Self { sample, ..self }
    }

    /// It may hold a password: it is neither shown nor repeated.
    #[must_use]
    pub fn secret(self) -> Self {
        Self { secret: true, ..self }
    }

    /// A change takes effect while the service runs.
    #[must_use]
    pub fn live(self) -> Self {
        Self { live: true, ..self }
    }

    /// It is a list, which a variable or flag gives parted by commas.
    #[must_use]
    pub fn list(self) -> Self {
        Self { list: true, ..self }
    }

    /// It is read and checked, but nothing goes by it yet.
    #[must_use]
    pub fn idle(self) -> Self {
        Self { idle: true, ..self }
    }
}

impl fmt::Debug for Traits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Traits").field("variables", &self.variables).finish_non_exhaustive()
    }
}

impl Setting {
    /// What holds if nothing is given.
    pub(crate) fn default(&self, profile: Profile) -> &Node {
        profile.choose(&self.development, &self.production)
    }

    /// Whether the node can be what is set; otherwise why not, and what to give.
    pub(crate) fn check(&self, node: &Node) -> Result<(), Misfit> {
        let range = self.traits.range.as_ref();
        let within = |range: &RangeInclusive<f64>| match read::<Option<f64>>(node) {
            Ok(Some(number)) => range.contains(&number),
            found => found.is_ok(),
        };
        let fits = (self.fits)(node);
        if let Some(range) = range.filter(|range| fits.is_err() || !within(range)) {
            return Err(Misfit { why: advice(range), place: None });
        }
        fits?;
        let Some(holds) = self.traits.holds else { return Ok(()) };
        match &node.said {
            Said::List(items) => items.iter().try_for_each(|item| {
                let text = item.text().unwrap_or_default();
                holds(text).map_err(|why| Misfit { why: format!("'{text}' {why}"), place: item.place })
            }),
            _ => holds(node.text().unwrap_or_default()).map_err(|why| Misfit { why, place: None }),
        }
    }
}

fn advice(range: &RangeInclusive<f64>) -> String {
    if *range == (0.0..=1.0) {
        return "give a share from 0 to 1, such as 0.2".to_owned();
    }
    format!("give a number in {}..={}", range.start(), range.end())
}

/// Declares a section of a configuration: a struct with its defaults, and the [`Setting`] of each field.
///
/// Each field says its type, its default (which may go by the profile), and what else is known of it.
///
/// ```
/// use cache_config::{Reading, Section, section, setting};
///
/// section! {
///     /// What clients may ask for.
///     pub struct Limits("limits.", profile) {
///         /// How many connections are served at once.
///         connections: u32 = profile.choose(2048, 8192),
///             setting().within(1.0..=1e6).env(&["CACHE_MAX_CONNECTIONS"]),
///     }
/// }
///
/// let mut reading = Reading::of(Limits::settings());
/// reading.file("cache.yaml", "limits: {connections: 0}");
/// let error = reading.finish().unwrap_err().to_string();
/// assert!(error.contains("cache.yaml:1:23: limits.connections is '0': give a number in 1..=1000000"), "{error}");
/// ```
#[macro_export]
macro_rules! section {
    (
        $(#[doc = $section:literal])+
        pub struct $name:ident($prefix:literal, $profile:ident) {
            $($(#[doc = $about:literal])+ $field:ident: $type:ty = $default:expr, $traits:expr,)+
        }
    ) => {
        $(#[doc = $section])+
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name {
            $($(#[doc = $about])+ pub $field: $type,)+
        }

        impl $crate::Section for $name {
            fn settings() -> ::std::vec::Vec<$crate::Setting> {
                ::std::vec![$($crate::declared::<$type>(
                    ::std::concat!($prefix, ::std::stringify!($field)),
                    ::std::concat!($($about),+),
                    |$profile| {
                        let _ = &$profile;
                        $default
                    },
                    $traits,
                )),+]
            }

            fn read(values: &$crate::Values) -> Self {
                let $profile = values.profile();
                let _ = &$profile;
                Self {
                    $($field: values
                        .get(::std::concat!($prefix, ::std::stringify!($field)))
                        .unwrap_or_else(|| $default),)+
                }
            }
        }

        impl ::std::default::Default for $name {
            fn default() -> Self {
                <Self as $crate::Section>::read(&$crate::Values::default())
            }
        }
    };
}
