//! JsonText: a value of an application's own, as the JSON text that it was put as.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// How deep arrays and objects may lie in each other: many readers of JSON take 128, with the answer around a
/// value.
const MAX_DEPTH: usize = 120;

/// A JSON value as its text. Nothing of it is read, so whatever its numbers and the order of its members are, they
/// stay; and it takes as much memory as it weighs in a budget, which a tree of its parts would not.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct JsonText(Box<RawValue>);

impl JsonText {
    /// Returns the value of a body, unless it is nested too deep for those who are to read it.
    pub(crate) fn of(raw: &RawValue) -> Result<Self, String> {
        let depth = depth(raw.get());
        if depth > MAX_DEPTH {
            return Err(format!(
                "the value is nested {depth} levels deep, the limit is {MAX_DEPTH}: flatten it"
            ));
        }
        Ok(Self(raw.to_owned()))
    }

    /// Returns the text.
    pub(crate) fn as_str(&self) -> &str {
        self.0.get()
    }
}

/// Returns how deep arrays and objects lie in each other in a JSON text.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut in_string, mut is_escaped) = (false, false);
    for byte in text.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_string => is_escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use cache_core::{Blob, Codec};
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn depth_of(value: &Value) -> usize {
        match value {
            Value::Array(items) => 1 + items.iter().map(depth_of).max().unwrap_or(0),
            Value::Object(members) => 1 + members.values().map(depth_of).max().unwrap_or(0),
            _ => 0,
        }
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<i64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from)
        ];
        leaf.prop_recursive(6, 40, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[\\[\\]{}\"\\\\a]{0,4}", inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_depth_is_that_of_the_value_whatever_its_strings_hold(value in value()) {
            prop_assert_eq!(depth(&value.to_string()), depth_of(&value));
        }

        #[test]
        fn a_text_is_encoded_as_itself_and_read_back(value in value()) {
            let text = value.to_string();
            let own: JsonText = serde_json::from_str(&text).unwrap();
            let blob = Blob::encode_readable(Codec::Json, 0, &own).unwrap();
            prop_assert_eq!(&*blob.bytes, text.as_bytes());
            let again: JsonText = blob.decode(0).unwrap();
            prop_assert_eq!(again.as_str(), text);
        }
    }
}
