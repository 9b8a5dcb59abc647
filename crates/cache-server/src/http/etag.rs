//! Entity tags, and the conditional requests that name them.

use std::io;

use axum::http::{HeaderMap, HeaderValue, header};
use serde::Serialize;
use xxhash_rust::xxh3::Xxh3Default;

/// A weak entity tag over the data of a response: equal for equal data, whatever their age and source, which
/// are in the body too. So bodies of one tag differ in their bytes (RFC 9110, 8.8.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ETag(
    /// The digest in quotes, without the `W/`.
    String,
);

impl ETag {
    /// Returns the tag of `data`, a digest of their JSON.
    pub(crate) fn of(data: &impl Serialize) -> serde_json::Result<Self> {
        let mut digest = Digest(Xxh3Default::new());
        serde_json::to_writer(&mut digest, data)?;
        Ok(Self(format!("\"{:032x}\"", digest.0.digest128())))
    }

    /// Returns the value of the header `ETag`.
    pub(crate) fn value(&self) -> Option<HeaderValue> {
        HeaderValue::from_str(&format!("W/{}", self.0)).ok()
    }

    /// Whether the client has this version: `If-None-Match` names it, as a weak tag or a strong one, or has `*`.
    pub(crate) fn is_known_to(&self, headers: &HeaderMap) -> bool {
        headers
            .get_all(header::IF_NONE_MATCH)
            .iter()
            // A tag may have bytes that aren't ASCII. Ours has none, but may be listed beside one that does.
            .map(|value| String::from_utf8_lossy(value.as_bytes()))
            .any(|list| list.trim() == "*" || tags(&list).any(|tag| tag == self.0))
    }
}

/// Returns the quoted tags of a list, without their `W/`. A tag may contain a comma.
pub(crate) fn tags(list: &str) -> impl Iterator<Item = &str> {
    let mut rest = list;
    std::iter::from_fn(move || {
        let start = rest.find('"')?;
        let len = rest[start + 1..].find('"')? + 2;
        let tag = &rest[start..start + len];
        rest = &rest[start + len..];
        Some(tag)
    })
}

struct Digest(Xxh3Default);

impl io::Write for Digest {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn knows(tag: &ETag, lists: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        for list in lists {
            headers.append(header::IF_NONE_MATCH, HeaderValue::from_bytes(list.as_bytes()).unwrap());
        }
        tag.is_known_to(&headers)
    }

    #[test]
    fn a_tag_follows_the_data() {
        assert_eq!(ETag::of(&[1, 2]).unwrap(), ETag::of(&[1, 2]).unwrap());
        assert_ne!(ETag::of(&[1, 2]).unwrap(), ETag::of(&[1, 3]).unwrap());
    }

    #[test]
    fn a_client_may_name_many_versions_weakly_or_any() {
        let tag = ETag::of(&1).unwrap();
        let text = tag.0.clone();
        assert!(knows(&tag, &[&text]));
        assert!(knows(&tag, &[&format!("W/{text}")]));
        assert!(knows(&tag, &[&format!("\"a,b\" , W/\"x\",{text}")]));
        assert!(knows(&tag, &["\"x\"", &text]));
        assert!(knows(&tag, &[&format!("\"ä\", {text}")]));
        assert!(knows(&tag, &[" * "]));
        for other in ["", "\"x\"", "W/\"*\"", "\"", text.trim_matches('"')] {
            assert!(!knows(&tag, &[other]), "{other}");
        }
        assert!(!knows(&tag, &[]));
    }
}
