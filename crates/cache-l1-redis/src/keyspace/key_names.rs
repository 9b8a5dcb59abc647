//! The names of keys on the server.
//!
//! A key is named `[{tag}][namespace:]key`, with the tag in a Cluster only. A lease's name has `!!lease:` before
//! the key, a count of calls `!!quota:`, and a bucket's pattern log is named `!!patterns`: no key begins with two
//! exclamation marks.

use std::fmt;

use redis::{RedisWrite, ToRedisArgs};

use crate::cluster::slots;

/// Makes names, and reads keys from them.
#[derive(Clone, Debug)]
pub(crate) struct KeyNames {
    namespace: String,
    cluster: bool,
}

/// A name, which is only put together where it is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyName<'a> {
    tag: Option<u32>,
    namespace: &'a str,
    infix: &'static str,
    key: &'a str,
}

impl<'a> KeyName<'a> {
    /// Returns the key, if the name is nothing else.
    pub(crate) fn bare_key(&self) -> Option<&'a str> {
        (self.tag.is_none() && self.namespace.is_empty() && self.infix.is_empty()).then_some(self.key)
    }
}

impl fmt::Display for KeyName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(tag) = self.tag {
            write!(f, "{{{tag}}}")?;
        }
        [self.namespace, self.infix, self.key].into_iter().try_for_each(|part| f.write_str(part))
    }
}

impl KeyNames {
    pub(crate) fn new(namespace: &str, cluster: bool) -> Self {
        let namespace = if namespace.is_empty() { String::new() } else { format!("{namespace}:") };
        Self { namespace, cluster }
    }

    /// Returns how many buckets there are.
    pub(crate) fn bucket_count(&self) -> u16 {
        if self.cluster { slots::BUCKETS } else { 1 }
    }

    /// Returns the bucket of a key. All names of a bucket lie in one slot.
    pub(crate) fn bucket(&self, key: &str) -> u16 {
        if self.cluster { slots::bucket_of(key.as_bytes()) } else { 0 }
    }

    pub(crate) fn key<'a>(&'a self, key: &'a str) -> KeyName<'a> {
        self.name(self.bucket(key), "", key)
    }

    pub(crate) fn lease<'a>(&'a self, key: &'a str) -> KeyName<'a> {
        self.name(self.bucket(key), "!!lease:", key)
    }

    pub(crate) fn quota<'a>(&'a self, name: &'a str) -> KeyName<'a> {
        self.name(self.bucket(name), "!!quota:", name)
    }

    pub(crate) fn patterns(&self, bucket: u16) -> KeyName<'_> {
        self.name(bucket, "!!patterns", "")
    }

    /// Returns the name of a channel, which has no bucket.
    pub(crate) fn channel(&self, channel: &str) -> String {
        format!("{}{channel}", self.namespace)
    }

    fn name<'a>(&'a self, bucket: u16, infix: &'static str, key: &'a str) -> KeyName<'a> {
        KeyName {
            tag: self.cluster.then(|| slots::tag_of_bucket(bucket)),
            namespace: &self.namespace,
            infix,
            key,
        }
    }

    /// Returns the key that has this name, if any has.
    pub(crate) fn parse_key<'a>(&self, name: &'a [u8]) -> Option<&'a str> {
        let mut text = str::from_utf8(name).ok()?;
        if self.cluster {
            let (tag, rest) = text.strip_prefix('{')?.split_once('}')?;
            let key = rest.strip_prefix(self.namespace.as_str())?;
            let expected = slots::tag_of_bucket(slots::bucket_of(key.as_bytes()));
            return (tag.parse() == Ok(expected)).then_some(key);
        }
        text = text.strip_prefix(self.namespace.as_str())?;
        Some(text)
    }

    /// Translates a [`Pattern`](cache_core::Pattern)'s glob into one of Redis that matches the names of the same
    /// keys, and of some more: Redis takes `?` for a byte, and a character may have several.
    pub(crate) fn glob(&self, glob: &str) -> Vec<u8> {
        let mut text = if self.cluster { "{*}".to_owned() } else { String::new() };
        escape(&mut text, self.namespace.chars());
        let mut chars = glob.chars();
        while let Some(char) = chars.next() {
            match char {
                '*' => text.push('*'),
                '?' => text.push_str("?*"),
                '\\' => escape(&mut text, chars.next().into_iter()),
                char => escape(&mut text, [char].into_iter()),
            }
        }
        text.into_bytes()
    }
}

fn escape(text: &mut String, chars: impl Iterator<Item = char>) {
    for char in chars {
        if matches!(char, '*' | '?' | '[' | ']' | '\\') {
            text.push('\\');
        }
        text.push(char);
    }
}

impl ToRedisArgs for KeyName<'_> {
    fn write_redis_args<W: ?Sized + RedisWrite>(&self, out: &mut W) {
        match self.bare_key() {
            Some(key) => out.write_arg(key.as_bytes()),
            None => out.write_arg_fmt(self),
        }
    }
}

/// Groups items by bucket. Buckets and items keep the order in which they first come.
pub(crate) fn group_by_bucket<T>(
    names: &KeyNames,
    items: impl Iterator<Item = (u16, T)>,
) -> Vec<(u16, Vec<T>)> {
    if names.bucket_count() == 1 {
        let all: Vec<T> = items.map(|(_, item)| item).collect();
        return if all.is_empty() { Vec::new() } else { vec![(0, all)] };
    }
    let mut positions = vec![usize::MAX; usize::from(names.bucket_count())];
    let mut groups: Vec<(u16, Vec<T>)> = Vec::new();
    for (bucket, item) in items {
        let position = &mut positions[usize::from(bucket)];
        if *position == usize::MAX {
            *position = groups.len();
            groups.push((bucket, Vec::new()));
        }
        groups[*position].1.push(item);
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_back_from_their_names() {
        for names in [
            KeyNames::new("", false),
            KeyNames::new("md", false),
            KeyNames::new("", true),
            KeyNames::new("md", true),
        ] {
            for key in ["price:AAPL", "price:{AAPL}:x", "{}", "a}b{c", "é"] {
                let name = names.key(key).to_string();
                assert_eq!(names.parse_key(name.as_bytes()), Some(key), "{name}");
            }
            for name in [&b"\xff"[..], b"{"] {
                assert!(names.parse_key(name).is_none_or(|key| key == "{"), "{names:?}");
            }
        }
        assert_eq!(KeyNames::new("md", false).parse_key(b"price:AAPL"), None);
        assert_eq!(KeyNames::new("", true).parse_key(b"{7}price:AAPL"), None, "of another bucket");
    }

    #[test]
    fn all_names_of_a_bucket_lie_in_one_slot() {
        let names = KeyNames::new("md", true);
        for key in ["price:AAPL", "price:{AAPL}:x", "news:{AAPL}"] {
            let slot = |name: KeyName<'_>| slots::slot(name.to_string().as_bytes());
            let bucket = names.bucket(key);
            assert_eq!(slot(names.key(key)), slots::slot_of_bucket(bucket));
            assert_eq!(slot(names.lease(key)), slots::slot_of_bucket(bucket));
            assert_eq!(slot(names.patterns(bucket)), slots::slot_of_bucket(bucket));
        }
    }

    #[test]
    fn rule_50_globs_are_translated() {
        let names = KeyNames::new("m[d", false);
        assert_eq!(names.glob("a\\*[x]^?*"), br"m\[d:a\*\[x\]^?**");
        assert_eq!(KeyNames::new("", true).glob("a*"), b"{*}a*");
    }

    #[test]
    fn items_are_grouped_by_bucket() {
        let items = [(3, 'a'), (1, 'b'), (3, 'c')];
        let groups = group_by_bucket(&KeyNames::new("", true), items.into_iter());
        assert_eq!(groups, [(3, vec!['a', 'c']), (1, vec!['b'])]);
        assert_eq!(group_by_bucket(&KeyNames::new("", false), items.into_iter()), [(0, vec!['a', 'b', 'c'])]);
    }
}
