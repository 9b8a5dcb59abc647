//! A life as a setting: `300` or `5m`.

use std::{fmt, time::Duration};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, Visitor},
};

use crate::settings::span::IntoSpan;

/// A life in a configuration: a number of seconds, or a text with units such as `5m` or `1h 30m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LifeSetting(pub Duration);

impl Serialize for LifeSetting {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.subsec_nanos() == 0 {
            serializer.serialize_u64(self.0.as_secs())
        } else {
            serializer.serialize_f64(self.0.as_secs_f64())
        }
    }
}

impl<'de> Deserialize<'de> for LifeSetting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SecondsOrText)
    }
}

struct SecondsOrText;

impl Visitor<'_> for SecondsOrText {
    type Value = LifeSetting;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("seconds, or such as \"5m\" or \"1h 30m\"")
    }

    fn visit_u64<E: Error>(self, seconds: u64) -> Result<LifeSetting, E> {
        Ok(LifeSetting(Duration::from_secs(seconds)))
    }

    fn visit_i64<E: Error>(self, seconds: i64) -> Result<LifeSetting, E> {
        let seconds = u64::try_from(seconds).map_err(|_| E::custom("a life is not below 0"))?;
        self.visit_u64(seconds)
    }

    fn visit_f64<E: Error>(self, seconds: f64) -> Result<LifeSetting, E> {
        Duration::try_from_secs_f64(seconds).map(LifeSetting).map_err(E::custom)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<LifeSetting, E> {
        match text.trim().parse::<f64>() {
            Ok(seconds) => self.visit_f64(seconds),
            Err(_) => text.trim().into_span().map(LifeSetting).map_err(E::custom),
        }
    }
}

#[cfg(test)]
mod tests {
    use cache_config::Section;
    use cache_core::{ErrorKind, Lives, Ttl};

    use super::*;
    use crate::config::{CacheConfig, reader};

    fn lives(seconds: [u64; 4]) -> Lives {
        let [short, medium, long, very_long] = seconds.map(|seconds| Ttl::new(Duration::from_secs(seconds)));
        Lives { short, medium, long, very_long }
    }

    #[test]
    fn lives_are_read_in_seconds_or_with_units_from_the_file_and_the_environment() {
        assert_eq!(CacheConfig::default().lives(), Lives::default());
        let yaml = "lives: {short: 5m, medium: 60, long: '90', very_long: 1h 30m}";
        let config = CacheConfig::from_yaml(yaml).unwrap();
        assert_eq!(config.lives(), lives([300, 60, 90, 5400]));

        let mut reader = reader(CacheConfig::settings());
        reader.yaml("file", yaml);
        reader.env([("CACHE_TTL_SHORT", "7"), ("CACHE_TTL_VERY_LONG", "2d")]);
        let (values, _) = reader.finish().unwrap();
        assert_eq!(CacheConfig::from_values(&values).lives(), lives([7, 60, 90, 172_800]));
    }

    #[test]
    fn what_is_no_life_is_refused() {
        for (text, why) in [("soon", "is no span of time"), ("-1", "not below 0"), ("[]", "such as \"5m\"")] {
            let error = CacheConfig::from_yaml(&format!("lives: {{short: {text}}}")).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.to_string().contains("lives.short") && error.to_string().contains(why), "{error}");
        }
    }
}
