//! Values: what was given for each setting, and its origin.

use std::{collections::BTreeMap, fmt, sync::Arc};

use serde::de::DeserializeOwned;

use crate::{
    profile::Profile,
    setting::{Setting, key_of_field},
    yaml::{LeftOut, Position, YamlNode, deserialize},
};

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// No source has one.
    Default,
    /// A file, by its name, and the position in it.
    File(Arc<str>, Option<Position>),
    /// An environment variable.
    Variable(&'static str),
    /// A flag, without its `--`.
    Flag(String),
}

impl Origin {
    /// Returns it with a position in its file, if there is one.
    pub(crate) fn at(&self, position: Option<Position>) -> Self {
        match self {
            Self::File(name, own) => Self::File(name.clone(), position.or(*own)),
            other => other.clone(),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(name, Some(position)) => write!(f, "{name}:{position}"),
            Self::File(name, None) => f.write_str(name),
            Self::Variable(name) => f.write_str(name),
            Self::Flag(name) => write!(f, "--{name}"),
        }
    }
}

/// The values of all settings that were given, with their origins. Its `Debug` shows keys and origins, no values.
#[derive(Clone, Default)]
pub struct Values {
    pub(crate) profile: Profile,
    pub(crate) given: BTreeMap<&'static str, GivenValue>,
    /// The settings whose values were refused, with the members that were left out of them.
    pub(crate) refused: BTreeMap<&'static str, Vec<LeftOut>>,
}

/// A value and its origin.
#[derive(Clone)]
pub(crate) struct GivenValue {
    pub(crate) node: YamlNode,
    pub(crate) origin: Origin,
}

impl Values {
    /// The profile, which selects defaults.
    #[must_use]
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// Returns the value of the setting `key`; `None` if none was given.
    #[must_use]
    pub fn get<T: DeserializeOwned>(&self, key: &'static str) -> Option<T> {
        // The reader checked that each is a T.
        self.given.get(key_of_field(key)).and_then(|given| deserialize(&given.node).ok())
    }

    /// Whether a value of a setting whose key begins with `prefix` was refused, so that it has its default, an
    /// earlier source's value, or what is left of it without what is wrong.
    #[must_use]
    pub fn is_refused(&self, prefix: &str) -> bool {
        self.refused.keys().any(|key| key.starts_with(prefix))
    }

    /// Whether the member `name` was left out of the map at a path of the setting `key`, because its value was
    /// refused: that it is missing is then no error of its own. The path is as for [`Values::origin_within`].
    #[must_use]
    pub fn is_left_out(&self, key: &str, path: &str, name: &str) -> bool {
        let (Some(left_out), Some(given)) = (self.refused.get(key), self.given.get(key)) else {
            return false;
        };
        let map = given.node.nearest_at(path).position;
        left_out.iter().any(|member| member.map == map && member.name == name)
    }

    /// Returns where the value of the setting `key` comes from.
    #[must_use]
    pub fn origin(&self, key: &str) -> Origin {
        self.given.get(key).map_or(Origin::Default, |given| given.origin.clone())
    }

    /// Returns where a part of the value of the setting `key` comes from: `0.timeout_ms` of a list of maps. For
    /// a part that was not given, that is where the part around it is.
    #[must_use]
    pub fn origin_within(&self, key: &str, path: &str) -> Origin {
        match (self.given.get(key), self.origin(key)) {
            (Some(given), Origin::File(name, position)) => {
                Origin::File(name, given.node.nearest_at(path).position.or(position))
            }
            (_, origin) => origin,
        }
    }

    /// Returns those of `settings` whose values differ between `self` and `other`, given or default, and however
    /// they are written.
    pub fn changed<'a>(&self, other: &Self, settings: &'a [Setting]) -> Vec<&'a Setting> {
        settings
            .iter()
            .filter(|setting| !setting.means_the_same(self.node(setting), other.node(setting)))
            .collect()
    }

    /// Returns a copy that has the values of `settings` from `other`.
    #[must_use]
    pub fn with_values_of<'a>(&self, other: &Self, settings: impl IntoIterator<Item = &'a Setting>) -> Self {
        let mut with = self.clone();
        for setting in settings {
            // Copied as a given value even if it is a default, which may depend on the other's profile.
            let origin = other.origin(setting.key);
            with.given.insert(setting.key, GivenValue { node: other.node(setting).clone(), origin });
        }
        with
    }

    pub(crate) fn node<'a>(&'a self, setting: &'a Setting) -> &'a YamlNode {
        self.given.get(setting.key).map_or_else(|| setting.default(self.profile), |given| &given.node)
    }
}

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.given.iter().map(|(key, given)| (key, given.origin.to_string()))).finish()
    }
}
