//! Lists what is held: a SCAN of one server after another, and the beginning of each record that it finds.

use std::{collections::BTreeSet, sync::Arc};

use cache_core::{
    Error, ErrorKind, Key, ListCursor, ListItem, ListPage, Pattern, Result,
    envelope::{self, Head},
};
use redis::{Value, pipe};

use crate::{
    RedisTier,
    cluster::command::Command,
    connection::node::Node,
    error::unexpected_reply,
    get::{FLAGS_AT, KEPT_LONGER},
    remove::parse_scan,
};

/// The greatest COUNT of one SCAN: a server does nothing else meanwhile.
const MAX_KEYS_PER_SCAN: usize = 256;

/// How many times a page scans at most, if little of what is found matches.
const MAX_SCANS_PER_PAGE: usize = 16;

/// How many bytes of a record are read first. Most heads are shorter; of another the whole record is read.
const HEAD_BYTES: usize = 1024;

/// Where a listing goes on: at a server, by its own cursor. As text that is the cursor, a space, and the server.
struct Place {
    cursor: String,
    server: String,
}

impl Place {
    fn parse(cursor: &ListCursor) -> Option<Self> {
        let (cursor, server) = str::from_utf8(cursor.as_bytes()).ok()?.split_once(' ')?;
        let is_number = !cursor.is_empty() && cursor.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| Self { cursor: cursor.to_owned(), server: server.to_owned() })
    }

    fn cursor(&self) -> ListCursor {
        ListCursor::new(format!("{} {}", self.cursor, self.server).into_bytes())
    }
}

impl RedisTier {
    pub(crate) async fn list_page(
        &self,
        pattern: &Pattern,
        after: Option<&ListCursor>,
        limit: usize,
    ) -> Result<ListPage> {
        let mut nodes = self.context.router.nodes("list").await?;
        nodes.sort_by_cached_key(|node| node.server.label());
        let begins = |at: usize| {
            let server = nodes.get(at)?.server.label();
            Some(Place { cursor: "0".to_owned(), server })
        };
        let mut place = match after {
            None => begins(0),
            Some(after) => Some(Place::parse(after).ok_or_else(|| {
                Error::new(ErrorKind::Config, "list", "the cursor is not one of this tier: begin anew")
            })?),
        };
        let mut keys = BTreeSet::new();
        for _ in 0..MAX_SCANS_PER_PAGE {
            let Some(at) = &place else { break };
            let is_there = |node: &Arc<Node>| node.server.label() == at.server;
            let Some(index) = nodes.iter().position(is_there) else {
                let message =
                    format!("{} is no master any more, where the listing was: begin anew", at.server);
                return Err(Error::new(ErrorKind::Config, "list", message));
            };
            let next = self.scan_step(&nodes[index], &at.cursor, pattern, limit, &mut keys).await?;
            place = match next {
                Some(cursor) => Some(Place { cursor, server: at.server.clone() }),
                None => begins(index + 1),
            };
            if keys.len() >= limit {
                break;
            }
        }
        let items = self.heads(keys.into_iter().collect()).await?;
        Ok(ListPage::new(items, place.map(|place| place.cursor())))
    }

    /// Scans once, and adds the keys that match. Returns the server's next cursor; `None` at its end.
    async fn scan_step(
        &self,
        node: &Arc<Node>,
        cursor: &str,
        pattern: &Pattern,
        limit: usize,
        keys: &mut BTreeSet<String>,
    ) -> Result<Option<String>> {
        let glob = self.context.names.glob(&pattern.to_string());
        let count = limit.clamp(1, MAX_KEYS_PER_SCAN);
        let mut step = pipe();
        step.cmd("SCAN").arg(cursor).arg("MATCH").arg(&glob).arg("COUNT").arg(count);
        let reply = node.send("list", &step).await?.pop();
        let (next, names) = parse_scan(reply).ok_or_else(|| unexpected_reply("list"))?;
        let texts = names.iter().filter_map(|name| self.context.names.parse_key(name));
        keys.extend(texts.filter(|text| pattern.matches_text(text)).map(str::to_owned));
        let next = String::from_utf8(next).map_err(|_| unexpected_reply("list"))?;
        Ok((next != "0").then_some(next))
    }

    /// Returns what the beginnings of records tell. What is no entry, or has gone since, is left out.
    async fn heads(&self, texts: Vec<String>) -> Result<Vec<ListItem>> {
        let names = &self.context.names;
        let commands = texts.iter().flat_map(|text| {
            let mut head = redis::cmd("GETRANGE");
            head.arg(names.key(text)).arg(0).arg(HEAD_BYTES - 1);
            let mut len = redis::cmd("STRLEN");
            len.arg(names.key(text));
            [head, len].map(|cmd| Command::new(names.bucket(text), cmd))
        });
        let replies = self.context.router.send("list", commands.collect()).await;
        let (mut items, mut longer) = (Vec::with_capacity(texts.len()), Vec::new());
        for (text, reply) in texts.into_iter().zip(replies.chunks_exact(2)) {
            let (head, len) = match reply {
                [Ok(Value::BulkString(head)), Ok(Value::Int(len))] => (head, len.unsigned_abs()),
                // A value of another type, such as a hash.
                [Err(error), _] | [_, Err(error)] if error.kind() == ErrorKind::Corrupt => continue,
                [Err(error), _] | [_, Err(error)] => return Err(error.clone()),
                _ => return Err(unexpected_reply("list")),
            };
            let mut head = head.clone();
            if let Some(flags) = head.get_mut(FLAGS_AT) {
                *flags &= !KEPT_LONGER;
            }
            match envelope::head(&head) {
                Some(Head::Entry { meta, absent }) => items.push(ListItem::new(text, meta, absent, len)),
                Some(Head::Tombstone(_)) => {}
                None if len > HEAD_BYTES as u64 => longer.extend(Key::from_text(&text).map(|key| (key, len))),
                None => {}
            }
        }
        if !longer.is_empty() {
            let keys: Vec<Key> = longer.iter().map(|(key, _)| key.clone()).collect();
            let entries = self.get_keys(&keys).await?;
            let found = longer.into_iter().zip(entries).filter_map(|((key, len), entry)| {
                let entry = entry?;
                Some(ListItem::new(key.as_str(), entry.meta, entry.value.is_none(), len))
            });
            items.extend(found);
        }
        Ok(items)
    }
}
