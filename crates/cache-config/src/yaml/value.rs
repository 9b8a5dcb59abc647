//! YamlValue: a value whose type is not known yet, kept as it is written.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{DeserializeOwned, Error, Visitor},
};
use serde_json::Value;

use super::{
    all_errors::all_errors,
    deserialize::deserialize,
    node::{Content, MapKey, YamlNode},
    path::Path,
};
use crate::{errors::ConfigErrors, unit::field_in_unit, values::Origin};

/// The name by which a [`YamlValue`] asks for a node as it is.
pub(super) const AS_WRITTEN: &str = "$cache_config::AsWritten";

/// A value whose type is known later, such as an option of a plugin. Its scalars are kept as they are written:
/// where a text is wanted, `1.10` is `1.10`.
///
/// ```
/// use cache_config::YamlValue;
///
/// let value = YamlValue::from(serde_json::json!({"retries": 3, "name": "mx"}));
/// #[derive(serde::Deserialize)]
/// struct Options { retries: u32, name: String }
/// let options: Options = value.read()?;
/// assert_eq!((options.retries, options.name.as_str()), (3, "mx"));
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct YamlValue(YamlNode);

impl YamlValue {
    /// Returns the map of these members, each with the position of its value.
    pub fn map(members: impl IntoIterator<Item = (String, Self)>) -> Self {
        let member = |(text, Self(node)): (String, Self)| (MapKey { text, position: node.position }, node);
        Self(YamlNode { content: Content::Map(members.into_iter().map(member).collect()), position: None })
    }

    /// Deserializes a `T`. All errors are added to `errors`, each with its line if `origin` is a file, behind
    /// `what`.
    pub fn read_into<T: DeserializeOwned>(
        &self,
        origin: &Origin,
        what: &str,
        errors: &mut ConfigErrors,
    ) -> Option<T> {
        match deserialize(&self.0) {
            Ok(value) => Some(value),
            Err(_) => {
                for error in all_errors(&self.0, |node| deserialize::<T>(node).map(drop)).errors {
                    let path = Path::to(&self.0, &error).to_string();
                    let (path, between) =
                        (path.trim_start_matches('.'), if path.is_empty() { "" } else { ": " });
                    let unit = field_in_unit(&self.0, &error);
                    let message = format_args!("{what}: {path}{between}{}{unit}", error.message);
                    errors.add(&origin.at(error.position), message);
                }
                None
            }
        }
    }

    /// Deserializes a `T`. Errors name the nearest known field, and repeat no text that may be secret.
    ///
    /// # Errors
    ///
    /// Why the value is no `T`, and what to give.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, String> {
        deserialize(&self.0).map_err(|error| error.message)
    }
}

impl From<Value> for YamlValue {
    fn from(value: Value) -> Self {
        Self(YamlNode::from_json(&value))
    }
}

impl Serialize for YamlValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.to_json().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for YamlValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(AS_WRITTEN, NodeVisitor).map(Self)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = YamlNode;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    /// Our own deserializer gives the node as it is.
    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<YamlNode, E> {
        serde_json::from_slice(bytes).map_err(E::custom)
    }

    /// Any other deserializer gives what it has.
    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<YamlNode, D::Error> {
        Value::deserialize(deserializer).map(|value| YamlNode::from_json(&value))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::yaml::parse;

    fn options(text: &str) -> BTreeMap<String, YamlValue> {
        deserialize(&parse(text).unwrap().unwrap()).unwrap()
    }

    #[test]
    fn a_text_is_what_is_written_and_a_number_is_still_a_number() {
        let headers = options(
            "headers: {a: 1.10, b: 0x1F, c: 1e3, d: 007, e: true, f: +5, g: 12345678901234567890123}",
        );
        let texts: BTreeMap<String, String> = headers["headers"].read().unwrap();
        let wanted = ["1.10", "0x1F", "1e3", "007", "true", "+5", "12345678901234567890123"];
        assert_eq!(texts.values().collect::<Vec<_>>(), wanted);
        assert_eq!(options("a: 1.10")["a"].read(), Ok(1.10));
        assert_eq!(options("a: {b: [1, 2]}")["a"].read(), Ok(BTreeMap::from([("b".to_owned(), vec![1, 2])])));
        assert!(options("a: '1'")["a"].read::<u32>().is_err());
    }

    proptest! {
        #[test]
        fn whatever_is_written_without_quotes_is_kept(text in "[A-Za-z0-9+.][A-Za-z0-9.+_-]{0,11}") {
            let read = options(&format!("a: {text}"))["a"].read::<Option<String>>().unwrap();
            let null = text == "null";
            prop_assert_eq!(read, (!null).then_some(text));
        }
    }
}
