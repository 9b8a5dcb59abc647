//! JSON in which no object says two things of one key.

use std::fmt;

use serde::{Deserialize, Deserializer, de};
use serde_json::{Map, Value};

/// A value of JSON as [`Value`] has it, which would keep the last of two fields of one name. To say the same twice
/// is no contradiction.
///
/// ```
/// use market_data::Unambiguous;
///
/// assert!(serde_json::from_str::<Unambiguous>(r#"{"price": 1, "price": 1}"#).is_ok());
/// assert!(serde_json::from_str::<Unambiguous>(r#"{"price": 1, "price": 2}"#).is_err());
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Unambiguous(pub Value);

impl<'de> Deserialize<'de> for Unambiguous {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyVisitor).map(Self)
    }
}

struct AnyVisitor;

impl<'de> de::Visitor<'de> for AnyVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Unambiguous(value)) = items.next_element()? {
            values.push(value);
        }
        Ok(values.into())
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some((key, Unambiguous(value))) = map.next_entry::<String, _>()? {
            if fields.get(&key).is_some_and(|told| *told != value) {
                let key: String = key.chars().take(32).collect();
                return Err(de::Error::custom(format!(
                    "{key:?} stands twice in one object, with two values"
                )));
            }
            fields.insert(key, value);
        }
        Ok(fields.into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> serde_json::Result<Value> {
        serde_json::from_str(text).map(|Unambiguous(value)| value)
    }

    #[test]
    fn a_key_may_stand_twice_if_it_says_one_thing() {
        assert_eq!(read(r#"{"A": {"p": 1}, "A": {"p": 1}}"#).unwrap(), json!({"A": {"p": 1}}));
        for text in [r#"{"A": 1, "A": 2}"#, r#"[{"x": {"A": 1, "B": 1, "A": null}}]"#] {
            let message = read(text).unwrap_err().to_string();
            assert!(message.contains("\"A\" stands twice"), "{message}");
        }
    }

    proptest! {
        #[test]
        fn all_else_is_read_as_ever(number: f64, count: i64, large: u64, text in "\\PC{0,20}", key in "\\PC{0,5}") {
            let value = json!([{key: [number, count, large, text, null, true]}, {}, []]);
            let written = value.to_string();
            prop_assert_eq!(read(&written).unwrap(), serde_json::from_str::<Value>(&written).unwrap());
        }
    }
}
