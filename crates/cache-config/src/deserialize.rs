//! From nodes to types: what does not fit is said where it stands, and without repeating what may be secret.

use std::fmt;

use serde::{
    Deserializer,
    de::{
        DeserializeOwned, Error as _, Expected, IntoDeserializer, Unexpected, Visitor,
        value::{MapAccessDeserializer, MapDeserializer, SeqDeserializer, StrDeserializer},
    },
    forward_to_deserialize_any,
};

use crate::{
    nearest::did_you_mean,
    node::{Meaning, Name, Node, Place, Said},
};

/// Why a node is not what it is to be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Misfit {
    pub(crate) why: String,
    pub(crate) place: Option<Place>,
}

/// Reads a `T`.
pub(crate) fn read<T: DeserializeOwned>(node: &Node) -> Result<T, Misfit> {
    T::deserialize(node)
}

/// Reads a `T` from a value, as from a file: what does not fit is said with the nearest name, and without
/// repeating what may be secret.
///
/// ```
/// use cache_config::read_value;
///
/// let why = read_value::<Vec<u32>>(&serde_json::json!([1, "hunter2"])).unwrap_err();
/// assert_eq!(why, "give a whole number, not a text");
/// ```
///
/// # Errors
///
/// Why it is no `T`.
pub fn read_value<T: DeserializeOwned>(value: &serde_json::Value) -> Result<T, String> {
    read(&Node::of(value)).map_err(|misfit| misfit.why)
}

impl Misfit {
    /// The same, known to be at `place` if it isn't known to be elsewhere.
    fn at(mut self, place: Option<Place>) -> Self {
        self.place = self.place.or(place);
        self
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

impl std::error::Error for Misfit {}

impl serde::de::Error for Misfit {
    fn custom<T: fmt::Display>(why: T) -> Self {
        Self { why: why.to_string(), place: None }
    }

    // Texts are not repeated: one may be a key that stands where its file's name should.
    fn invalid_type(found: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        let wanted = match wanted.to_string().as_str() {
            "u8" | "u16" | "u32" | "u64" | "usize" | "i32" | "i64" => "a whole number".to_owned(),
            "f32" | "f64" => "a number".to_owned(),
            "a boolean" => "true or false".to_owned(),
            "a string" => "a text".to_owned(),
            "a sequence" => "a list".to_owned(),
            other => other.to_owned(),
        };
        let found = match found {
            Unexpected::Bool(value) => value.to_string(),
            Unexpected::Unsigned(value) => value.to_string(),
            Unexpected::Signed(value) => value.to_string(),
            Unexpected::Float(value) => value.to_string(),
            Unexpected::Str(_) => "a text".to_owned(),
            Unexpected::Seq => "a list".to_owned(),
            Unexpected::Map => "a section".to_owned(),
            _ => "nothing".to_owned(),
        };
        Self::custom(format!("give {wanted}, not {found}"))
    }

    fn invalid_value(found: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        match found {
            Unexpected::Str(_) => Self::custom(format!("give {wanted}")),
            found => Self::invalid_type(found, wanted),
        }
    }

    fn unknown_variant(variant: &str, known: &'static [&'static str]) -> Self {
        Self::custom(format!("{}give {}", did_you_mean(variant, known), one_of(known)))
    }

    fn unknown_field(field: &str, known: &'static [&'static str]) -> Self {
        let guess = did_you_mean(field, known);
        Self::custom(format!("there is no {field:?}: {guess}there is {}", one_of(known)))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::custom(format!("{field} is missing: give it"))
    }
}

fn one_of(names: &[&str]) -> String {
    match names {
        [] => "nothing".to_owned(),
        [one] => (*one).to_owned(),
        [most @ .., last] => format!("{} or {last}", most.join(", ")),
    }
}

impl<'de> IntoDeserializer<'de, Misfit> for &'de Node {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> IntoDeserializer<'de, Misfit> for &'de Name {
    type Deserializer = StrDeserializer<'de, Misfit>;

    fn into_deserializer(self) -> Self::Deserializer {
        self.text.as_str().into_deserializer()
    }
}

/// What is plain is read as what is asked for: a text where a text is wanted, though it looks like a number.
impl<'de> Deserializer<'de> for &'de Node {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        let read = match &self.said {
            Said::Scalar { text, quoted: true } => visitor.visit_borrowed_str(text),
            Said::Scalar { text, quoted: false } => match Meaning::of(text) {
                Meaning::Null => visitor.visit_unit(),
                Meaning::Bool(value) => visitor.visit_bool(value),
                Meaning::Whole(value) => match (u64::try_from(value), i64::try_from(value)) {
                    (Ok(value), _) => visitor.visit_u64(value),
                    (_, Ok(value)) => visitor.visit_i64(value),
                    _ => visitor.visit_f64(value as f64),
                },
                Meaning::Number(value) => visitor.visit_f64(value),
                Meaning::Text => visitor.visit_borrowed_str(text),
            },
            Said::List(items) => visitor.visit_seq(SeqDeserializer::new(items.iter())),
            Said::Map(members) => {
                visitor.visit_map(MapDeserializer::new(members.iter().map(|(name, node)| (name, node))))
            }
        };
        read.map_err(|misfit| misfit.at(self.place))
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match &self.said {
            // Nothing at all is a text too, where a text is wanted.
            Said::Scalar { text, .. } if text.is_empty() || !self.is_null() => {
                visitor.visit_borrowed_str(text).map_err(|misfit: Misfit| misfit.at(self.place))
            }
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        if self.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        let read = match &self.said {
            Said::Scalar { text, .. } => visitor.visit_enum(text.as_str().into_deserializer()),
            Said::Map(members) if members.len() == 1 => {
                let member = MapDeserializer::new(members.iter().map(|(name, node)| (name, node)));
                MapAccessDeserializer::new(member).deserialize_enum(name, variants, visitor)
            }
            _ => Err(Misfit::custom("give one name")),
        };
        read.map_err(|misfit| misfit.at(self.place))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::yaml;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Source {
        name: String,
        kind: Kind,
        priority: Option<u32>,
        #[serde(default)]
        symbols: Vec<String>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        Replay,
        Csv { path: String },
    }

    fn sources(text: &str) -> Result<Vec<Source>, Misfit> {
        read(&yaml::read(text).unwrap().unwrap())
    }

    #[test]
    fn what_is_plain_is_read_as_what_is_asked_for() {
        let read = sources(
            "- {name: 7, kind: replay, symbols: [1, null text]}\n- {name: \"\", kind: {csv: {path: x}}, priority: 2}",
        );
        assert_eq!(
            read.unwrap(),
            [
                Source {
                    name: "7".into(),
                    kind: Kind::Replay,
                    priority: None,
                    symbols: vec!["1".into(), "null text".into()]
                },
                Source {
                    name: String::new(),
                    kind: Kind::Csv { path: "x".into() },
                    priority: Some(2),
                    symbols: vec![]
                },
            ]
        );
    }

    #[test]
    fn a_misfit_is_told_where_it_stands_with_the_nearest_name_and_without_the_text() {
        for (text, line, part) in [
            ("- name: a\n  kind: reply\n", 2, "did you mean replay?"),
            ("- name: a\n  kind: replay\n  priorty: 3\n", 1, "did you mean priority?"),
            ("- name: a\n  kind: replay\n  priority: hunter2\n", 3, "give a whole number, not a text"),
            ("- name: a\n", 1, "kind is missing"),
            ("- name: a\n  kind: replay\n  symbols: {}\n", 3, "give a list, not a section"),
        ] {
            let misfit = sources(text).unwrap_err();
            assert!(misfit.why.contains(part) && !misfit.why.contains("hunter2"), "{misfit:?}");
            assert_eq!(misfit.place.map(|place| place.line), Some(line), "{misfit:?}");
        }
    }
}
