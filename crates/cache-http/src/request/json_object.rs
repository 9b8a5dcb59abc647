//! Bodies that are JSON objects. serde reads an array as a struct too, whose items then mean fields by their
//! order.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::{Map, Value};

/// Deserializes a JSON object.
///
/// # Errors
///
/// If `bytes` are no JSON object, or not one of a `T`.
pub fn json_object<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> serde_json::Result<T> {
    match bytes.trim_ascii_start().first() {
        Some(b'{') | None => serde_json::from_slice(bytes),
        Some(_) => Err(serde_json::Error::custom("it is no JSON object")),
    }
}

/// The members of a JSON object, whatever their names, of which none is given twice: of two that differ nobody
/// knows which is meant.
#[derive(Clone, Debug)]
pub struct DistinctMembers(pub Map<String, Value>);

impl<'a> Deserialize<'a> for DistinctMembers {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'a> Visitor<'a> for Members {
            type Value = DistinctMembers;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'a>>(self, mut members: A) -> Result<Self::Value, A::Error> {
                let mut map = Map::new();
                while let Some((name, value)) = members.next_entry::<String, Value>()? {
                    if map.contains_key(&name) {
                        return Err(A::Error::custom(format!("the member {name:?} is given more than once")));
                    }
                    map.insert(name, value);
                }
                Ok(DistinctMembers(map))
            }
        }

        deserializer.deserialize_map(Members)
    }
}
