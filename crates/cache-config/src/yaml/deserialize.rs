//! Deserializes nodes into types. An error has its position, and repeats no text that may be secret.

use std::fmt;

use serde::{
    Deserializer,
    de::{
        DeserializeOwned, DeserializeSeed, Error as _, Expected, IntoDeserializer, MapAccess, Unexpected,
        Visitor,
        value::{MapAccessDeserializer, SeqDeserializer, StrDeserializer},
    },
    forward_to_deserialize_any,
};

use super::{
    node::{Content, MapKey, Position, Scalar, YamlNode},
    value::AS_WRITTEN,
};
use crate::nearest::did_you_mean;

/// Why a node is no valid value, and the position of the invalid part.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ValueError {
    pub(crate) message: String,
    pub(crate) position: Option<Position>,
    /// Whether the key at the position is invalid, and not the value there: a map begins where its first key does.
    pub(crate) of_key: bool,
}

/// Deserializes a `T`.
pub(crate) fn deserialize<T: DeserializeOwned>(node: &YamlNode) -> Result<T, ValueError> {
    T::deserialize(node)
}

/// Deserializes a `T` from a JSON value as from a file: errors name the nearest known field, and repeat no text
/// that may be secret.
///
/// ```
/// use cache_config::read_value;
///
/// let error = read_value::<Vec<u32>>(&serde_json::json!([1, "hunter2"])).unwrap_err();
/// assert_eq!(error, "give a whole number, not a text");
/// ```
///
/// # Errors
///
/// Why the value is no `T`, and what to give.
pub fn read_value<T: DeserializeOwned>(value: &serde_json::Value) -> Result<T, String> {
    deserialize(&YamlNode::from_json(value)).map_err(|error| error.message)
}

impl ValueError {
    /// Sets the position, if it has none yet.
    fn at(mut self, position: Option<Position>) -> Self {
        self.position = self.position.or(position);
        self
    }

    /// Sets the position to that of a key, if it has none yet.
    fn at_key(mut self, position: Option<Position>) -> Self {
        self.of_key |= self.position.is_none();
        self.at(position)
    }
}

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ValueError {}

impl serde::de::Error for ValueError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { message: message.to_string(), position: None, of_key: false }
    }

    // Texts are not repeated: one may be an API key in the place of the name of its file.
    fn invalid_type(found: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        let wanted = match wanted.to_string().as_str() {
            "u8" | "u16" | "u32" | "u64" | "usize" if matches!(found, Unexpected::Signed(_)) => {
                "a whole number, at least 0".to_owned()
            }
            "u8" | "u16" | "u32" | "u64" | "usize" | "i32" | "i64" => "a whole number".to_owned(),
            "f32" | "f64" => "a number".to_owned(),
            "a boolean" => "true or false".to_owned(),
            "a string" => "a text".to_owned(),
            "a sequence" => "a list".to_owned(),
            map if map == "a map" || map.starts_with("struct ") => "a section".to_owned(),
            positive if positive.starts_with("a nonzero u") => "a whole number, at least 1".to_owned(),
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
        Self::custom(format!("{}give {}", did_you_mean(variant, known), or_list(known)))
    }

    fn unknown_field(field: &str, known: &'static [&'static str]) -> Self {
        let guess = did_you_mean(field, known);
        Self::custom(format!("unknown field {field:?}: {guess}known fields are {}", and_list(known)))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::custom(format!("{field} is missing: give it"))
    }
}

/// `a, b or c`
fn or_list(names: &[&str]) -> String {
    list(names, "or")
}

/// `a, b and c`
fn and_list(names: &[&str]) -> String {
    list(names, "and")
}

fn list(names: &[&str], conjunction: &str) -> String {
    match names {
        [] => "nothing".to_owned(),
        [one] => (*one).to_owned(),
        [most @ .., last] => format!("{} {conjunction} {last}", most.join(", ")),
    }
}

impl<'de> IntoDeserializer<'de, ValueError> for &'de YamlNode {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> IntoDeserializer<'de, ValueError> for &'de MapKey {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// A key is a text.
impl<'de> Deserializer<'de> for &'de MapKey {
    type Error = ValueError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        visitor.visit_borrowed_str(&self.text)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        let text: StrDeserializer<'de, ValueError> = self.text.as_str().into_deserializer();
        text.deserialize_enum(name, variants, visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct seq
        tuple tuple_struct map struct identifier ignored_any
    }
}

/// The members of a map. The error of a key has the key's position, that of a value the value's.
struct Members<'de> {
    rest: &'de [(MapKey, YamlNode)],
    value: Option<&'de YamlNode>,
}

impl<'de> MapAccess<'de> for Members<'de> {
    type Error = ValueError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, ValueError> {
        let Some(((key, value), rest)) = self.rest.split_first() else { return Ok(None) };
        (self.rest, self.value) = (rest, Some(value));
        seed.deserialize(key).map(Some).map_err(|error| error.at_key(key.position))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, ValueError> {
        let value =
            self.value.take().ok_or_else(|| ValueError::custom("a value is asked for before its key"))?;
        seed.deserialize(value).map_err(|error| error.at(value.position))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}

/// The requested type decides what an unquoted scalar is: `7` is a string where a string is wanted.
impl<'de> Deserializer<'de> for &'de YamlNode {
    type Error = ValueError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        let result = match &self.content {
            Content::Scalar { text, quoted: true } => visitor.visit_borrowed_str(text),
            Content::Scalar { text, quoted: false } => match Scalar::resolve(text) {
                Scalar::Null => visitor.visit_unit(),
                Scalar::Bool(value) => visitor.visit_bool(value),
                Scalar::Integer(value) => match (u64::try_from(value), i64::try_from(value)) {
                    (Ok(value), _) => visitor.visit_u64(value),
                    (_, Ok(value)) => visitor.visit_i64(value),
                    _ => visitor.visit_f64(value as f64),
                },
                Scalar::Float(value) => visitor.visit_f64(value),
                Scalar::String => visitor.visit_borrowed_str(text),
            },
            Content::List(items) => visitor.visit_seq(SeqDeserializer::new(items.iter())),
            Content::Map(members) => visitor.visit_map(Members { rest: members, value: None }),
        };
        result.map_err(|error| error.at(self.position))
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match &self.content {
            // An empty scalar is an empty string, where a string is wanted.
            Content::Scalar { text, .. } if text.is_empty() || !self.is_null() => {
                visitor.visit_borrowed_str(text).map_err(|error: ValueError| error.at(self.position))
            }
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        if self.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        if name == AS_WRITTEN {
            return visitor.visit_bytes(&serde_json::to_vec(self).map_err(ValueError::custom)?);
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        let result = match &self.content {
            Content::Scalar { text, .. } => visitor.visit_enum(text.as_str().into_deserializer()),
            Content::Map(members) if members.len() == 1 => {
                let member = Members { rest: members, value: None };
                MapAccessDeserializer::new(member).deserialize_enum(name, variants, visitor)
            }
            _ => Err(ValueError::custom("give one name")),
        };
        result.map_err(|error| error.at(self.position))
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
    use crate::yaml::parse;

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

    fn sources(text: &str) -> Result<Vec<Source>, ValueError> {
        deserialize(&parse(text).unwrap().unwrap())
    }

    #[test]
    fn an_unquoted_scalar_is_what_the_requested_type_makes_of_it() {
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
    fn an_error_has_its_position_and_the_nearest_name_and_not_the_text() {
        for (text, line, part) in [
            ("- name: a\n  kind: reply\n", 2, "did you mean replay?"),
            ("- name: a\n  kind: replay\n  priorty: 3\n", 3, "did you mean priority?"),
            ("- name: a\n  kind: replay\n  priority: hunter2\n", 3, "give a whole number, not a text"),
            ("- name: a\n", 1, "kind is missing"),
            ("- name: a\n  kind: replay\n  symbols: {}\n", 3, "give a list, not a section"),
        ] {
            let error = sources(text).unwrap_err();
            assert!(error.message.contains(part) && !error.message.contains("hunter2"), "{error:?}");
            assert_eq!(error.position.map(|position| position.line), Some(line), "{error:?}");
        }
    }
}
