//! Bounds what a body of JSON holds while it is read, before anything is made of it.

/// How deep values may be nested. No API of ours comes near; a parser that recurses would need a stack for it.
const MAX_DEPTH: usize = 64;

/// Counts the values of a body that comes in parts. Each value but the first follows a comma, a colon or a
/// bracket, so these are counted where they stand outside of texts. In a body that is no JSON the count says
/// nothing, and is bounded all the same.
#[derive(Debug)]
pub(super) struct JsonItems {
    left: usize,
    most: usize,
    depth: usize,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Outside,
    Text,
    /// Behind a backslash in a text.
    Escaped,
}

impl JsonItems {
    pub(super) fn new(most: usize) -> Self {
        Self { left: most, most, depth: 0, state: State::Outside }
    }

    /// Takes the next part of the body.
    ///
    /// # Errors
    ///
    /// What the body has too much of.
    pub(super) fn take(&mut self, part: &[u8]) -> Result<(), String> {
        for byte in part {
            self.state = match (self.state, byte) {
                (State::Text, b'\\') => State::Escaped,
                (State::Text, b'"') => State::Outside,
                (State::Text | State::Escaped, _) => State::Text,
                (State::Outside, b'"') => State::Text,
                (State::Outside, b',' | b':' | b'[' | b'{') => {
                    self.one_more(matches!(byte, b'[' | b'{'))?;
                    State::Outside
                }
                (State::Outside, b']' | b'}') => {
                    self.depth = self.depth.saturating_sub(1);
                    State::Outside
                }
                (State::Outside, _) => State::Outside,
            };
        }
        Ok(())
    }

    fn one_more(&mut self, opens: bool) -> Result<(), String> {
        let Some(left) = self.left.checked_sub(1) else {
            return Err(format!("more than {} values, the most that are read (http.max_items)", self.most));
        };
        self.left = left;
        self.depth += usize::from(opens);
        match self.depth > MAX_DEPTH {
            true => Err(format!("values nested more than {MAX_DEPTH} deep, the most that is read")),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn held(value: &Value) -> usize {
        match value {
            Value::Array(items) => 1 + items.iter().map(held).sum::<usize>(),
            Value::Object(fields) => 1 + fields.values().map(held).sum::<usize>(),
            _ => 1,
        }
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf =
            prop_oneof![any::<i32>().prop_map(Value::from), "[\\[\\]{}\",:\\\\a]{0,8}".prop_map(Value::from)];
        leaf.prop_recursive(5, 64, 6, |inner| {
            let fields = prop::collection::btree_map("[\",:\\\\a]{0,3}", inner.clone(), 0..6);
            prop_oneof![
                prop::collection::vec(inner, 0..6).prop_map(Value::from),
                fields.prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        /// However the body is cut into parts, as many values are counted as it holds, or up to three
        /// times that: a field of an object counts its colon and comma too.
        #[test]
        fn as_many_values_are_counted_as_there_are(value in value(), size in 1..9_usize) {
            let text = value.to_string();
            let fits = |most| {
                let mut items = JsonItems::new(most);
                text.as_bytes().chunks(size).all(|part| items.take(part).is_ok())
            };
            let least = (0..).find(|most| fits(*most)).unwrap();
            prop_assert!(held(&value) <= least + 1 && least <= 3 * held(&value), "{} values, {}", held(&value), least);
        }
    }

    #[test]
    fn depth_is_bounded_and_what_stands_in_a_text_is_none() {
        let nested = |depth| "[".repeat(depth) + &"]".repeat(depth);
        assert!(JsonItems::new(1_000).take(nested(MAX_DEPTH).as_bytes()).is_ok());
        assert!(JsonItems::new(1_000).take(nested(MAX_DEPTH + 1).as_bytes()).unwrap_err().contains("nested"));
        let text = format!("[{:?}]", nested(200));
        assert!(JsonItems::new(3).take(text.as_bytes()).is_ok());
    }
}
