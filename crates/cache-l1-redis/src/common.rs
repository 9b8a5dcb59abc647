//! What tier, bus and lease of one connection share.

use std::time::Duration;

use cache_core::Timestamp;
use redis::{RedisWrite, ToRedisArgs};

use crate::{
    names::{Name, Names},
    router::Router,
    server::Shared,
};

/// How much longer the server keeps what is dead: another node's clock may be a little behind, and what it
/// still goes by must not be gone before.
const SLACK: Duration = Duration::from_secs(10);

/// The longest span that a server is told; what lasts longer lasts without end.
const ENDLESS: Duration = Duration::from_secs(100 * 366 * 24 * 3600);

#[derive(Debug)]
pub(crate) struct Common {
    pub(crate) shared: std::sync::Arc<Shared>,
    pub(crate) router: Router,
    pub(crate) names: Names,
}

impl Common {
    pub(crate) fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }
}

/// For how many milliseconds the server is to keep what is dead at `dead_at`; 0 for no end. That only
/// reclaims space: age is judged by who reads.
pub(crate) fn span(dead_at: Timestamp, now: Timestamp) -> u64 {
    let left = dead_at.since(now);
    if dead_at == Timestamp::MAX || left > ENDLESS { 0 } else { (left + SLACK).as_millis() as u64 }
}

impl ToRedisArgs for Name<'_> {
    fn write_redis_args<W: ?Sized + RedisWrite>(&self, out: &mut W) {
        match self.whole() {
            Some(key) => out.write_arg(key.as_bytes()),
            None => out.write_arg_fmt(self),
        }
    }
}

/// Parts items by bucket, in the order in which the buckets come first.
pub(crate) fn by_bucket<T>(names: &Names, items: impl Iterator<Item = (u16, T)>) -> Vec<(u16, Vec<T>)> {
    if names.buckets() == 1 {
        let all: Vec<T> = items.map(|(_, item)| item).collect();
        return if all.is_empty() { Vec::new() } else { vec![(0, all)] };
    }
    let mut places = vec![usize::MAX; usize::from(names.buckets())];
    let mut groups: Vec<(u16, Vec<T>)> = Vec::new();
    for (bucket, item) in items {
        let place = &mut places[usize::from(bucket)];
        if *place == usize::MAX {
            *place = groups.len();
            groups.push((bucket, Vec::new()));
        }
        groups[*place].1.push(item);
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_end_late_and_never_early() {
        let at = Timestamp::from_micros;
        assert_eq!(span(at(5_000_000), at(4_000_000)), 11_000);
        assert_eq!(span(at(0), at(4_000_000)), 10_000, "dead already");
        assert_eq!(span(Timestamp::MAX, at(0)), 0);
        assert_eq!(span(at(i64::MAX - 1), Timestamp::MIN), 0);
        assert_eq!(span(Timestamp::MIN, at(0)), 10_000);
    }

    #[test]
    fn items_are_parted_by_bucket() {
        let items = [(3, 'a'), (1, 'b'), (3, 'c')];
        let groups = by_bucket(&Names::new("", true), items.into_iter());
        assert_eq!(groups, [(3, vec!['a', 'c']), (1, vec!['b'])]);
        assert_eq!(by_bucket(&Names::new("", false), items.into_iter()), [(0, vec!['a', 'b', 'c'])]);
    }
}
