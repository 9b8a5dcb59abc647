//! What was given, where it was given, and what follows for each setting.

use std::{collections::BTreeMap, fmt, sync::Arc};

use serde::de::DeserializeOwned;

use crate::{
    deserialize::read,
    node::{Node, Place},
    profile::Profile,
    setting::{Setting, plain},
};

/// Some of the things that can be set, as a type.
pub trait Section: Sized {
    /// What there is to set.
    fn settings() -> Vec<Setting>;

    /// The section where `values` hold, which were checked when they were read.
    fn read(values: &Values) -> Self;
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody gave one.
    Default,
    /// A file, by its name, and the place in it.
    File(Arc<str>, Option<Place>),
    /// A variable of the environment.
    Variable(&'static str),
    /// A flag, without its `--`.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(name, Some(place)) => write!(f, "{name}:{place}"),
            Self::File(name, None) => f.write_str(name),
            Self::Variable(name) => f.write_str(name),
            Self::Flag(name) => write!(f, "--{name}"),
        }
    }
}

/// What is given for each setting that is given. Its `Debug` shows keys and origins, no values.
#[derive(Clone, Default)]
pub struct Values {
    pub(crate) profile: Profile,
    pub(crate) given: BTreeMap<&'static str, Given>,
}

/// A value, and where it comes from.
#[derive(Clone)]
pub(crate) struct Given {
    pub(crate) node: Node,
    pub(crate) origin: Origin,
}

impl Values {
    /// By which defaults are chosen.
    #[must_use]
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// The value of the setting, if one was given.
    #[must_use]
    pub fn get<T: DeserializeOwned>(&self, key: &'static str) -> Option<T> {
        // Each was checked to be a T when it was read.
        self.given.get(plain(key)).and_then(|given| read(&given.node).ok())
    }

    /// Where the value of a setting comes from.
    #[must_use]
    pub fn origin(&self, key: &str) -> Origin {
        self.given.get(key).map_or(Origin::Default, |given| given.origin.clone())
    }

    /// The settings whose values differ between the two, be they given or defaults.
    pub fn differing<'a>(&self, other: &Self, settings: &'a [Setting]) -> Vec<&'a Setting> {
        settings.iter().filter(|setting| self.node(setting) != other.node(setting)).collect()
    }

    /// These, with the values of `settings` as they are in `other`.
    #[must_use]
    pub fn with<'a>(&self, other: &Self, settings: impl IntoIterator<Item = &'a Setting>) -> Self {
        let mut with = self.clone();
        for setting in settings {
            // Given as it stands there, for a default may go by the other's profile.
            let origin = other.origin(setting.key);
            with.given.insert(setting.key, Given { node: other.node(setting).clone(), origin });
        }
        with
    }

    pub(crate) fn node<'a>(&'a self, setting: &'a Setting) -> &'a Node {
        self.given.get(setting.key).map_or_else(|| setting.default(self.profile), |given| &given.node)
    }
}

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.given.iter().map(|(key, given)| (key, given.origin.to_string()))).finish()
    }
}
