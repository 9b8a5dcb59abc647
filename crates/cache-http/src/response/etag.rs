//! Entity tags, and the conditional requests that name them.

use axum::http::{HeaderMap, HeaderValue, header};
use xxhash_rust::xxh3::xxh3_128;

/// A weak entity tag over the data of a response: equal for equal data, whatever their age and source, which
/// are in the body too. So bodies of one tag differ in their bytes (RFC 9110, 8.8.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ETag(
    /// The digest of the data.
    u128,
);

impl ETag {
    /// Returns the tag of data, given as they are written, such as their JSON.
    #[must_use]
    pub fn of(written: impl AsRef<[u8]>) -> Self {
        Self(xxh3_128(written.as_ref()))
    }

    /// Returns the tag of the data of both, in this order.
    #[must_use]
    pub fn and(self, next: Self) -> Self {
        let mut both = [0; 32];
        both[..16].copy_from_slice(&self.0.to_le_bytes());
        both[16..].copy_from_slice(&next.0.to_le_bytes());
        Self(xxh3_128(&both))
    }

    /// Returns the value of the header `ETag`.
    pub fn value(self) -> Option<HeaderValue> {
        HeaderValue::try_from(format!("W/\"{:032x}\"", self.0)).ok()
    }

    /// Whether the client has this version: `If-None-Match` names it, as a weak tag or a strong one, or has `*`.
    pub fn is_known_to(self, headers: &HeaderMap) -> bool {
        let mut lists = headers.get_all(header::IF_NONE_MATCH).iter().peekable();
        if lists.peek().is_none() {
            return false;
        }
        let own = self.quoted();
        // A tag may have bytes that aren't ASCII. Ours has none, but may be listed beside one that does.
        lists
            .map(|value| String::from_utf8_lossy(value.as_bytes()))
            .any(|list| list.trim() == "*" || tags(&list).any(|tag| tag == own))
    }

    /// Returns the digest in quotes, without the `W/`.
    fn quoted(self) -> String {
        format!("\"{:032x}\"", self.0)
    }
}

/// Returns the quoted tags of a list, without their `W/`. A tag may contain a comma.
pub fn tags(list: &str) -> impl Iterator<Item = &str> {
    let mut rest = list;
    std::iter::from_fn(move || {
        let start = rest.find('"')?;
        let len = rest[start + 1..].find('"')? + 2;
        let tag = &rest[start..start + len];
        rest = &rest[start + len..];
        Some(tag)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn knows(tag: ETag, lists: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        for list in lists {
            headers.append(header::IF_NONE_MATCH, HeaderValue::from_bytes(list.as_bytes()).unwrap());
        }
        tag.is_known_to(&headers)
    }

    #[test]
    fn a_tag_follows_the_data_and_their_order() {
        let [one, other] = ["[1,2]", "[1,3]"].map(ETag::of);
        assert_eq!(one, ETag::of("[1,2]"));
        assert_ne!(one, other);
        assert_eq!(one.and(other), ETag::of("[1,2]").and(other));
        assert_ne!(one.and(other), other.and(one));
        assert_ne!(one.and(other), one);
    }

    #[test]
    fn a_client_may_name_many_versions_weakly_or_any() {
        let tag = ETag::of("1");
        let text = tag.quoted();
        assert!(knows(tag, &[&text]));
        assert!(knows(tag, &[&format!("W/{text}")]));
        assert!(knows(tag, &[&format!("\"a,b\" , W/\"x\",{text}")]));
        assert!(knows(tag, &["\"x\"", &text]));
        assert!(knows(tag, &[&format!("\"ä\", {text}")]));
        assert!(knows(tag, &[" * "]));
        for other in ["", "\"x\"", "W/\"*\"", "\"", text.trim_matches('"')] {
            assert!(!knows(tag, &[other]), "{other}");
        }
        assert!(!knows(tag, &[]));
    }
}
