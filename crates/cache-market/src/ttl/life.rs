//! Lives as rules give them: a duration, a class, or until the next change.

use std::{fmt, str::FromStr, time::Duration};

use cache_core::{Class, Lives};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::human_duration::{self, TextOrSeconds};
use market_data::Invalid;

/// How long a value is fresh, by a rule.
///
/// Written as seconds (`300`), as a duration (`"5m"`), as a class (`"short"`) or as `"until_change"`. A
/// value with a life of zero is never kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// For this long.
    For(Duration),
    /// For the duration of a class.
    Class(Class),
    /// Until the next moment at which the value can change.
    UntilChange,
}

impl Life {
    /// For this many seconds.
    #[must_use]
    pub const fn seconds(seconds: u64) -> Self {
        Self::For(Duration::from_secs(seconds))
    }
}

impl FromStr for Life {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text == "until_change" {
            return Ok(Self::UntilChange);
        }
        if let Some(class) = Class::ALL.into_iter().find(|class| class.as_str() == text) {
            return Ok(Self::Class(class));
        }
        let or = "or short, medium, long, very_long, or until_change";
        human_duration::parse(text).map(Self::For).map_err(|invalid| Invalid::new(format!("{invalid}, {or}")))
    }
}

impl fmt::Display for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::For(span) => write!(f, "{}", span.as_secs_f64()),
            Self::Class(class) => f.write_str(class.as_str()),
            Self::UntilChange => f.write_str("until_change"),
        }
    }
}

impl Serialize for Life {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::For(span) => human_duration::serialize(span, serializer),
            Self::Class(_) | Self::UntilChange => serializer.collect_str(self),
        }
    }
}

impl<'de> Deserialize<'de> for Life {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wanted = "seconds, a length such as \"5m\", a class such as \"short\", or \"until_change\"";
        deserializer.deserialize_any(TextOrSeconds(wanted, str::parse))
    }
}

/// The duration of each class: 300, 1,800, 3,600 and 86,400 s unless something else is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "named for what they are")]
pub struct LifeClasses {
    #[serde(with = "human_duration")]
    pub short: Duration,
    #[serde(with = "human_duration")]
    pub medium: Duration,
    #[serde(with = "human_duration")]
    pub long: Duration,
    #[serde(with = "human_duration")]
    pub very_long: Duration,
}

impl LifeClasses {
    /// Returns the duration of a class.
    #[must_use]
    pub fn of(&self, class: Class) -> Duration {
        match class {
            Class::Short => self.short,
            Class::Medium => self.medium,
            Class::Long => self.long,
            Class::VeryLong => self.very_long,
        }
    }
}

impl Default for LifeClasses {
    fn default() -> Self {
        let Lives { short, medium, long, very_long } = Lives::default();
        Self { short: short.life, medium: medium.life, long: long.life, very_long: very_long.life }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_is_read_as_it_is_written() {
        for (text, life) in [
            ("300", Life::seconds(300)),
            (r#""5m""#, Life::seconds(300)),
            ("0.25", Life::For(Duration::from_millis(250))),
            (r#""very_long""#, Life::Class(Class::VeryLong)),
            (r#""until_change""#, Life::UntilChange),
        ] {
            assert_eq!(serde_json::from_str::<Life>(text).unwrap(), life);
            let written = serde_json::to_string(&life).unwrap();
            assert_eq!(serde_json::from_str::<Life>(&written).unwrap(), life, "{written}");
            assert_eq!(life.to_string().parse::<Life>().unwrap(), life);
        }
    }

    #[test]
    fn what_is_no_life_is_refused_with_what_is_wanted() {
        for text in [r#""forever""#, "-1", "[]", r#""Short""#] {
            let message = serde_json::from_str::<Life>(text).unwrap_err().to_string();
            assert!(message.contains("short") && message.contains("until_change"), "{message}");
        }
    }
}
