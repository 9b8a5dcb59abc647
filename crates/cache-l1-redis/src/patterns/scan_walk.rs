//! A step of a removal by pattern: a few SCANs of each server, and tombstones over what they find.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use cache_core::{Error, ErrorKind, Key, ListCursor, Pattern, RemovalStep, Result, Tombstone};
use futures_util::future::join_all;
use redis::pipe;

use crate::{
    RedisTier,
    cluster::{slot_map::SlotMap, slots::SLOTS},
    connection::node::Node,
    error::unexpected_reply,
    remove::{MAX_KEYS_PER_STEP, Replace, parse_scan},
};

/// How often all servers are scanned at most because slots moved meanwhile.
const MAX_SCANS: u8 = 3;

/// What stands for the run id of a server that doesn't tell it.
const UNKNOWN_RUN: &str = "-";

/// Where a walk over all servers is. As text: a line of how often slots have moved and a number that tells which
/// server has which of them, then a line for each server that is not at its end.
struct ScanWalk {
    scans: u8,
    owners: u64,
    places: Vec<Place>,
}

/// Where a server's own SCAN goes on: its cursor, its run id and its label, with spaces between.
struct Place {
    cursor: String,
    run: String,
    server: String,
}

impl ScanWalk {
    fn begin(nodes: &[Arc<Node>], owners: u64, scans: u8) -> Self {
        let place =
            |node: &Arc<Node>| Place { cursor: "0".to_owned(), run: run(node), server: node.server.label() };
        Self { scans, owners, places: nodes.iter().map(place).collect() }
    }

    fn parse(cursor: &ListCursor) -> Option<Self> {
        let mut lines = str::from_utf8(cursor.as_bytes()).ok()?.lines();
        let (scans, owners) = lines.next()?.split_once(' ')?;
        let place = |line: &str| {
            let mut words = line.splitn(3, ' ');
            let (cursor, run, server) = (words.next()?, words.next()?, words.next()?);
            let is_number = !cursor.is_empty() && cursor.bytes().all(|byte| byte.is_ascii_digit());
            let [cursor, run, server] = [cursor, run, server].map(str::to_owned);
            is_number.then_some(Place { cursor, run, server })
        };
        let places: Vec<Place> = lines.map(place).collect::<Option<_>>()?;
        let walk = Self { scans: scans.parse().ok()?, owners: owners.parse().ok()?, places };
        (!walk.places.is_empty()).then_some(walk)
    }

    fn cursor(&self) -> ListCursor {
        let place = |Place { cursor, run, server }: &Place| format!("\n{cursor} {run} {server}");
        let places: String = self.places.iter().map(place).collect();
        ListCursor::new(format!("{} {}{places}", self.scans, self.owners).into_bytes())
    }

    /// Returns the server of each place; `None` if one is gone, or another runs there now: its cursor means
    /// nothing there.
    fn servers<'a>(&self, nodes: &'a [Arc<Node>]) -> Option<Vec<&'a Arc<Node>>> {
        let server = |place: &Place| {
            nodes.iter().find(|node| node.server.label() == place.server && run(node) == place.run)
        };
        self.places.iter().map(server).collect()
    }
}

impl RedisTier {
    /// Does a step of a removal by pattern, on all servers at once.
    pub(crate) async fn remove_step_matching(
        &self,
        pattern: &Pattern,
        tombstone: Tombstone,
        after: Option<&ListCursor>,
        limit: usize,
    ) -> Result<RemovalStep> {
        // First, so that no older entry can be put where the scan has already passed. Where a server of several
        // doesn't take it, the others are scanned all the same.
        let added = match after {
            None => self.patterns.add(&self.context, pattern, tombstone).await,
            Some(_) => Ok(()),
        };
        let nodes = self.context.router.nodes("remove").await?;
        let owners = self.context.router.slot_map().map_or(0, |map| owners(&map));
        let mut walk = match after {
            None => ScanWalk::begin(&nodes, owners, 1),
            Some(after) => ScanWalk::parse(after).ok_or_else(|| {
                Error::new(ErrorKind::Config, "remove", "the cursor is not one of this tier: begin anew")
            })?,
        };
        let servers = match walk.servers(&nodes) {
            Some(servers) => servers,
            None => {
                walk = ScanWalk::begin(&nodes, owners, walk.scans);
                nodes.iter().collect()
            }
        };
        let places = walk.places.iter().zip(servers);
        let scans =
            places.map(|(place, node)| self.scan_node(node, &place.cursor, pattern, tombstone, limit));
        let (mut removed, mut places) = (0, Vec::new());
        let scans = join_all(scans).await;
        for (place, scan) in walk.places.drain(..).zip(scans) {
            let (count, cursor) = scan?;
            removed += count;
            places.extend(cursor.map(|cursor| Place { cursor, ..place }));
        }
        added?;
        walk.places = places;
        if walk.places.is_empty() {
            let owners = self.context.router.slot_map().map_or(0, |map| self::owners(&map));
            if owners == walk.owners || walk.scans >= MAX_SCANS {
                return Ok(RemovalStep::new(removed, None));
            }
            // The walk may have missed keys that moved meanwhile.
            let nodes = self.context.router.nodes("remove").await?;
            walk = ScanWalk::begin(&nodes, owners, walk.scans + 1);
        }
        Ok(RemovalStep::new(removed, Some(walk.cursor())))
    }

    /// Scans about `limit` keys of a server, and writes tombstones over those that match. Returns how many live
    /// values that removed, and from where to go on; `None` at the end.
    async fn scan_node(
        &self,
        node: &Arc<Node>,
        cursor: &str,
        pattern: &Pattern,
        tombstone: Tombstone,
        limit: usize,
    ) -> Result<(u64, Option<String>)> {
        let glob = self.context.names.glob(&pattern.to_string());
        let (mut cursor, mut removed) = (cursor.to_owned(), 0);
        for _ in 0..limit.div_ceil(MAX_KEYS_PER_STEP).max(1) {
            let mut scan = pipe();
            let count = limit.clamp(1, MAX_KEYS_PER_STEP);
            scan.cmd("SCAN").arg(&cursor).arg("MATCH").arg(&glob).arg("COUNT").arg(count);
            let reply = node.send("remove", &scan).await?.pop();
            let (next, names) = parse_scan(reply).ok_or_else(|| unexpected_reply("remove"))?;
            let texts = names.iter().filter_map(|name| self.context.names.parse_key(name));
            let keys: Vec<Key> =
                texts.filter(|text| pattern.matches_text(text)).filter_map(Key::from_text).collect();
            removed += self.write_equal_tombstones(&keys, tombstone, Replace::RecordsOnly).await?;
            cursor = String::from_utf8(next).map_err(|_| unexpected_reply("remove"))?;
            if cursor == "0" {
                return Ok((removed, None));
            }
        }
        Ok((removed, Some(cursor)))
    }
}

/// Returns the run id of a server, as a word.
fn run(node: &Node) -> String {
    let run = node.server.info().as_ref().and_then(|info| info.run_id.clone());
    run.filter(|run| !run.is_empty() && !run.contains(char::is_whitespace))
        .unwrap_or_else(|| UNKNOWN_RUN.to_owned())
}

/// Returns a number that tells which server has which slots.
fn owners(map: &SlotMap) -> u64 {
    let mut hasher = DefaultHasher::new();
    let mut last = (None, String::new());
    for slot in 0..SLOTS {
        let node = map.owner_of(slot);
        let at = node.map(Arc::as_ptr);
        if slot == 0 || at != last.0 {
            last = (at, node.map_or_else(String::new, |node| node.server.label()));
            (slot, &last.1).hash(&mut hasher);
        }
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_98_a_walk_goes_on_from_its_cursor_and_from_no_other() {
        let place = |cursor: &str, server: &str| Place {
            cursor: cursor.to_owned(),
            run: "4f2a".to_owned(),
            server: server.to_owned(),
        };
        let walk = ScanWalk {
            scans: 2,
            owners: u64::MAX,
            places: vec![place("0", "a:1"), place("17", "my master")],
        };
        let read = ScanWalk::parse(&walk.cursor()).unwrap();
        assert_eq!(read.cursor(), walk.cursor());
        let places: Vec<_> = read.places.iter().map(|at| (&*at.cursor, &*at.run, &*at.server)).collect();
        assert_eq!(places, [("0", "4f2a", "a:1"), ("17", "4f2a", "my master")]);
        for wrong in ["", "1", "1 x", "x 1", "1 1\n", "1 1\n7", "1 1\n-7 a b", "1 1\n7 a", "300 1"] {
            assert!(ScanWalk::parse(&ListCursor::new(wrong.as_bytes())).is_none(), "{wrong:?}");
        }
    }
}
