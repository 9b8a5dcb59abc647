//! The form of a response: its data with their source and age.

use cache_core::Timestamp;
use cache_facade::{Lookup, Source};
use cache_http::Problem;
use market_data::{DataType, moment::Moment};
use serde::Serialize;

/// The source of what was loaded.
const PROVIDER: &str = "provider";

/// The source and age of data, which are further members of them.
#[derive(Serialize)]
pub(super) struct Annotation {
    source: &'static str,
    age_ms: u64,
    stale: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<DataType>,
    #[serde(skip_serializing_if = "Option::is_none")]
    as_of: Option<Moment>,
}

impl Annotation {
    pub(super) fn of<V>(lookup: &Lookup<V>) -> Self {
        let source = source_name(lookup.source);
        let age_ms = u64::try_from(lookup.age.as_millis()).unwrap_or(u64::MAX);
        Self { source, age_ms, stale: lookup.stale, kind: None, as_of: None }
    }

    /// Says that the data were computed here, unless they come from a cache.
    pub(super) fn computed(self, is_computed: bool) -> Self {
        let source = if is_computed && self.source == PROVIDER { "computed" } else { self.source };
        Self { source, ..self }
    }

    /// Adds the moment as of which the data hold.
    pub(super) fn dated(self, moment: Timestamp) -> Self {
        Self { as_of: Some(Moment(moment)), ..self }
    }

    /// Adds the kind of the data.
    pub(super) fn of_kind(self, kind: DataType) -> Self {
        Self { kind: Some(kind), ..self }
    }

    /// Returns data with these members added.
    pub(super) fn added_to(&self, data: &[u8]) -> Result<Vec<u8>, Problem> {
        Ok(merged(&[data, &json(self)?]))
    }
}

/// Returns what a source is called in an answer.
pub(super) fn source_name(source: Source) -> &'static str {
    match source {
        Source::Loader => PROVIDER,
        other => other.as_str(),
    }
}

/// Returns one object that has the members of all of these, which are objects in JSON.
pub(super) fn merged(objects: &[&[u8]]) -> Vec<u8> {
    let mut text = Vec::with_capacity(objects.iter().map(|object| object.len()).sum());
    append_merged(&mut text, objects);
    text
}

/// Returns a part of an answer as JSON.
pub(super) fn json(part: &impl Serialize) -> Result<Vec<u8>, Problem> {
    serde_json::to_vec(part).map_err(|error| Problem::unwritable(&error))
}

/// Appends one object that has the members of all of these, which are objects in JSON.
fn append_merged(text: &mut Vec<u8>, objects: &[&[u8]]) {
    text.push(b'{');
    let begin = text.len();
    for object in objects {
        let members = object.strip_prefix(b"{").and_then(|object| object.strip_suffix(b"}"));
        match members {
            Some(members) if !members.is_empty() => {
                if text.len() > begin {
                    text.push(b',');
                }
                text.extend_from_slice(members);
            }
            _ => {}
        }
    }
    text.push(b'}');
}

/// The longest answer to a request for many values, in bytes.
const MAX_ANSWER: usize = 8 << 20;

/// A list of objects as JSON, of which an answer to a request for many values is made.
pub(super) struct ObjectList {
    text: Vec<u8>,
    begin: usize,
}

impl ObjectList {
    /// Begins a list, after what stands before it.
    pub(super) fn after(text: &str) -> Self {
        let text = [text.as_bytes(), b"["].concat();
        Self { begin: text.len(), text }
    }

    /// Appends an object with the members of these. Returns whether there is room for it: otherwise the list is
    /// as it was.
    pub(super) fn push(&mut self, objects: &[&[u8]]) -> bool {
        let before = self.text.len();
        self.push_at_any_rate(objects);
        let fits = self.text.len() - self.begin <= MAX_ANSWER;
        if !fits {
            self.text.truncate(before);
        }
        fits
    }

    /// Appends an object with the members of these, though the list is full.
    pub(super) fn push_at_any_rate(&mut self, objects: &[&[u8]]) {
        if self.text.len() > self.begin {
            self.text.push(b',');
        }
        append_merged(&mut self.text, objects);
    }

    /// Ends the list, and returns all that was written so far.
    pub(super) fn end(mut self) -> Vec<u8> {
        self.text.push(b']');
        self.text
    }

    /// What is told of an object for which there is no room.
    pub(super) fn full() -> String {
        format!(
            "the answer would be longer than {} MiB with it: ask for it in another request",
            MAX_ANSWER >> 20
        )
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    use super::*;

    fn written(value: &Value) -> Vec<u8> {
        serde_json::to_vec(value).unwrap()
    }

    proptest! {
        #[test]
        fn a_list_is_what_was_pushed_with_the_members_of_all(
            objects in prop::collection::vec(prop::collection::vec(0..3_usize, 0..4), 0..6),
        ) {
            let (mut list, mut expected) = (ObjectList::after(""), Vec::new());
            let mut number = 0;
            for parts in objects {
                let mut all = Map::new();
                let parts: Vec<Vec<u8>> = parts.iter().map(|members| {
                    let part: Map<String, Value> = (0..*members).map(|_| {
                        number += 1;
                        (format!("m{number}"), json!({ "a": "}{,", "n": number }))
                    }).collect();
                    all.extend(part.clone());
                    written(&Value::Object(part))
                }).collect();
                prop_assert!(list.push(&parts.iter().map(Vec::as_slice).collect::<Vec<_>>()));
                expected.push(Value::Object(all));
            }
            let read: Value = serde_json::from_slice(&list.end()).unwrap();
            prop_assert_eq!(read, Value::Array(expected));
        }
    }

    #[test]
    fn what_has_no_room_leaves_the_list_as_it_was() {
        let long = written(&json!({ "text": "a".repeat(MAX_ANSWER / 2) }));
        let mut list = ObjectList::after(r#"{"all":"#);
        assert!(list.push(&[&long]));
        assert!(!list.push(&[&long]));
        assert!(list.push(&[b"{}"]));
        list.push_at_any_rate(&[&long]);
        let read: Value = serde_json::from_slice(&[&list.end()[..], b"}"].concat()).unwrap();
        assert_eq!(read["all"].as_array().unwrap().len(), 3);
    }
}
