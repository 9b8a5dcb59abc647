//! OwnKindEntry: one entry of the setting `own_kinds`, a kind of values that an application keeps here by itself.

use std::{collections::HashSet, time::Duration};

use cache_config::{ConfigErrors, Values, shortened};
use cache_core::Class;
use cache_market::{Life, LifeClasses};
use market_data::DataType;
use serde::{Deserialize, Deserializer, Serialize, de::Error};

use super::LimitsSection;

/// An example of the setting `own_kinds`.
pub(crate) const OWN_KINDS_SAMPLE: &str = "\
own_kinds:
  - name: reports
    ttl: 2h
    stale_for: 1d
    max_value_bytes: 65536
  - name: feature-flags
    ttl: short
";

/// The kinds that are there without being configured.
pub(crate) const BUILT_IN_KINDS: [&str; 5] = ["users", "sessions", "signals", "api", "narratives"];
/// Names that mean something else in keys or in paths of the service.
const TAKEN_NAMES: [&str; 13] = [
    "market",
    "announced_events",
    "warming_history",
    "quotes",
    "bars",
    "stats",
    "events",
    "config",
    "cache",
    "health",
    "batch",
    "kinds",
    "invalidate",
];
/// The longest name of a kind, in bytes.
const MAX_NAME: usize = 64;

/// A kind of values of an application's own.
///
/// ```
/// use cache_server::OwnKindEntry;
///
/// let entry: OwnKindEntry = serde_json::from_str(r#"{"name": "reports", "ttl": "2h", "stale_for": 60}"#)?;
/// assert_eq!(entry.name, "reports");
/// assert!(serde_json::from_str::<OwnKindEntry>(r#"{"name": "reports", "ttl": "soon"}"#).is_err());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnKindEntry {
    /// The name in paths and keys: lower case letters, digits, `-` and `_`.
    pub name: String,
    /// How long a value is fresh that is put without a life of its own. Default: the class `medium`.
    #[serde(default)]
    pub ttl: OwnLife,
    /// For how long past its life a value may still be served, stale. Default: 0.
    #[serde(default)]
    pub stale_for: OwnSpan,
    /// How long the JSON text of a value may be, in bytes. Default: `limits.max_value_kib`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_value_bytes: Option<usize>,
}

/// How long a value is fresh: a length of time, or a class.
///
/// Written as seconds (`300`), as a text (`"5m"`), or as a class (`"short"`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct OwnLife(Life);

impl OwnLife {
    /// Returns the length of time, given what classes come to.
    #[must_use]
    pub fn span(self, classes: &LifeClasses) -> Duration {
        match self.0 {
            Life::For(span) => span,
            Life::Class(class) => classes.of(class),
            Life::UntilChange => unreachable!("it is not read"),
        }
    }
}

impl Default for OwnLife {
    fn default() -> Self {
        Self(Life::Class(Class::Medium))
    }
}

impl<'de> Deserialize<'de> for OwnLife {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wanted = "seconds, a length of time such as \"5m\", or short, medium, long or very_long";
        read_life(deserializer, wanted, |life| life != Life::UntilChange).map(Self)
    }
}

/// A shorter life is none.
const SHORTEST_LIFE: Duration = Duration::from_millis(1);
/// The longest life of any value: the cache keeps none for longer.
const LONGEST_LIFE: Duration = Duration::from_secs(366 * 86_400);

/// A length of time, written as seconds (`300`) or as a text (`"5m"`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct OwnSpan(Life);

impl OwnSpan {
    /// Returns the length of time.
    #[must_use]
    pub fn span(self) -> Duration {
        match self.0 {
            Life::For(span) => span,
            _ => unreachable!("nothing else is read"),
        }
    }
}

impl Default for OwnSpan {
    fn default() -> Self {
        Self(Life::seconds(0))
    }
}

impl<'de> Deserialize<'de> for OwnSpan {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wanted = "seconds, or a length of time such as \"5m\"";
        read_life(deserializer, wanted, |life| matches!(life, Life::For(_))).map(Self)
    }
}

/// Reads a life that a value of an application's own can have.
fn read_life<'de, D: Deserializer<'de>>(
    deserializer: D,
    wanted: &str,
    can_be: impl Fn(Life) -> bool,
) -> Result<Life, D::Error> {
    let text = match Written::deserialize(deserializer)? {
        Written::Seconds(seconds) => seconds.to_string(),
        Written::Text(text) => text,
    };
    let is_short = |life: &Life| !matches!(life, Life::For(span) if *span > LONGEST_LIFE);
    let life = text.parse().ok().filter(|life| is_short(life) && can_be(*life));
    life.ok_or_else(|| {
        let given = shortened(&text);
        D::Error::custom(format!("{given:?} is no life of at most 366 days: give {wanted}"))
    })
}

/// A life as it is written.
#[derive(Deserialize)]
#[serde(untagged, expecting = "a life is seconds, or a text such as \"5m\"")]
enum Written {
    Seconds(serde_json::Number),
    Text(String),
}

impl LimitsSection {
    /// Returns how many bytes the text of a value may have.
    pub(crate) fn max_value(&self) -> usize {
        self.max_value_kib as usize * 1024
    }
}

/// Adds to `errors` what can't be a kind. No value may be longer than `max_value` bytes.
pub(super) fn check(entries: &[OwnKindEntry], max_value: usize, values: &Values, errors: &mut ConfigErrors) {
    let mut names: HashSet<&str> = HashSet::new();
    for (number, entry) in entries.iter().enumerate() {
        let is_left_out = |field: &str| values.is_left_out("own_kinds", &number.to_string(), field);
        let mut add = |field: &str, what: String| {
            let origin = values.origin_within("own_kinds", &format!("{number}.{field}"));
            errors.add(&origin, format_args!("own_kinds, {}: {what}", shortened(&entry.name)));
        };
        if !is_left_out("name") {
            if let Err(why) = check_name(&entry.name) {
                add("name", why);
            } else if !names.insert(&entry.name) {
                add("name", "two kinds have this name: give each its own".to_owned());
            }
        }
        if !is_left_out("ttl") && entry.ttl.span(&LifeClasses::default()) < SHORTEST_LIFE {
            add("ttl", "ttl is 0, with which nothing is kept: give a life such as 5m".to_owned());
        }
        if let Some(len) = entry.max_value_bytes.filter(|len| !(1..=max_value).contains(len)) {
            let what = format!(
                "max_value_bytes is {len}: give 1 to {max_value}, the bytes of limits.max_value_kib, or raise that"
            );
            add("max_value_bytes", what);
        }
    }
}

fn check_name(name: &str) -> Result<(), String> {
    let is_letter =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_';
    if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(is_letter) {
        let name = shortened(name);
        return Err(format!(
            "name is {name:?}: give 1 to {MAX_NAME} lower case letters, digits, '-' and '_', such as reports"
        ));
    }
    let other = "choose another name";
    if BUILT_IN_KINDS.contains(&name) {
        return Err(format!("the kind {name} is built in, its lives are set in ttl.rules: {other}"));
    }
    if name.parse::<DataType>().is_ok() {
        return Err(format!("{name} is a kind of market data: {other}"));
    }
    if TAKEN_NAMES.contains(&name) {
        return Err(format!("{name} means something else in paths or keys of the service: {other}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    fn errors(yaml: &str) -> String {
        let mut reader = Settings::reader();
        reader.yaml("cache.yaml", yaml);
        let (values, _) = match reader.finish() {
            Ok(read) => read,
            Err(errors) => return errors.to_string(),
        };
        let settings: Settings = cache_config::Section::from_values(&values);
        let mut errors = ConfigErrors::default();
        settings.check(&values, &mut errors);
        errors.to_string()
    }

    #[test]
    fn the_sample_is_sound_and_what_can_be_no_kind_is_refused_with_its_line_and_a_remedy() {
        assert_eq!(errors(OWN_KINDS_SAMPLE), "");
        for (entry, why) in [
            ("name: Reports", "name is \"Reports\": give 1 to 64 lower case letters"),
            ("name: a:b", "lower case letters"),
            ("name: ''", "lower case letters"),
            ("name: users", "the kind users is built in"),
            ("name: narratives", "the kind narratives is built in"),
            ("name: price", "price is a kind of market data"),
            ("name: session", "session is a kind of market data"),
            ("name: market", "market means something else"),
            ("name: quotes", "quotes means something else"),
            ("name: announced_events", "announced_events means something else"),
            ("name: ok, ttl: 0", "ttl is 0, with which nothing is kept"),
            ("name: ok, ttl: soon", "short, medium, long or very_long"),
            ("name: ok, ttl: until_change", "short, medium, long or very_long"),
            ("name: ok, stale_for: short", "such as \"5m\""),
            ("name: ok, ttl: -1", "short, medium, long or very_long"),
            ("name: ok, max_value_bytes: 0", "give 1 to 262144"),
            ("name: ok, max_value_bytes: 262145", "or raise that"),
            ("name: ok, codec: json", "codec"),
            ("ttl: 1m", "name"),
        ] {
            let told = errors(&format!("own_kinds: [{{{entry}}}]"));
            assert!(told.starts_with("cache.yaml:1:") && told.contains(why), "{entry}: {told}");
        }
        let twice = errors("own_kinds: [{name: a}, {name: a}]");
        assert!(twice.contains("two kinds have this name"), "{twice}");
    }

    #[test]
    fn a_life_is_written_as_it_is_read() {
        for text in ["300", "0.5", "\"short\""] {
            let life: OwnLife = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&life).unwrap(), text);
        }
        let life: OwnLife = serde_json::from_str("\"1h 30m\"").unwrap();
        assert_eq!(life.span(&LifeClasses::default()), Duration::from_secs(5400));
    }
}
