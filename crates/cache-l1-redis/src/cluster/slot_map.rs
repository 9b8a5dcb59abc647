//! Which node of a Cluster has which slots.

use std::sync::Arc;

use cache_core::{Error, ErrorKind, Result};
use redis::Value;

use crate::{cluster::slots::SLOTS, connection::address::Address, connection::node::Node};

const NO_OWNER: u16 = u16::MAX;

/// The masters of a Cluster, and whose each slot is.
#[derive(Debug)]
pub(crate) struct SlotMap {
    owners: Vec<u16>,
    nodes: Vec<Arc<Node>>,
}

impl SlotMap {
    /// Reads the answer to `CLUSTER SLOTS`, given by `from`. `node` finds or makes a node.
    pub(crate) fn read(
        answer: Value,
        from: &Address,
        mut node: impl FnMut(Address) -> Arc<Node>,
    ) -> Result<Self> {
        let mut map = Self { owners: vec![NO_OWNER; usize::from(SLOTS)], nodes: Vec::new() };
        let Value::Array(ranges) = answer else { return Err(unexpected_reply(from)) };
        for range in ranges {
            let (first, last, master) = parse_range(range, from).ok_or_else(|| unexpected_reply(from))?;
            let master = node(master);
            let known = map.nodes.iter().position(|node| Arc::ptr_eq(node, &master));
            let owner = known.unwrap_or_else(|| {
                map.nodes.push(master);
                map.nodes.len() - 1
            });
            let slots = map
                .owners
                .get_mut(usize::from(first)..=usize::from(last))
                .ok_or_else(|| unexpected_reply(from))?;
            slots.fill(owner as u16);
        }
        if map.nodes.is_empty() {
            let message = format!("{from} is of a Cluster without slots: none is served");
            return Err(Error::new(ErrorKind::Unavailable, "connect", message));
        }
        Ok(map)
    }

    /// Whose a slot is; `None` if it is nobody's.
    pub(crate) fn owner_of(&self, slot: u16) -> Option<&Arc<Node>> {
        self.nodes.get(usize::from(self.owners[usize::from(slot)]))
    }

    /// The masters.
    pub(crate) fn nodes(&self) -> &[Arc<Node>] {
        &self.nodes
    }

    /// Whether all slots are at the same nodes.
    pub(crate) fn has_same_owners(&self, other: &Self) -> bool {
        let at = |map: &Self, slot| map.owner_of(slot).map(Arc::as_ptr);
        (0..SLOTS).all(|slot| at(self, slot) == at(other, slot))
    }
}

/// First slot, last slot and master of one range: `[first, last, [host, port, …], replicas…]`.
fn parse_range(range: Value, from: &Address) -> Option<(u16, u16, Address)> {
    let Value::Array(parts) = range else { return None };
    let mut parts = parts.into_iter();
    let mut number = || redis::from_redis_value::<u16>(parts.next()?).ok();
    let (first, last) = (number()?, number()?);
    let Value::Array(master) = parts.next()? else { return None };
    let mut master = master.into_iter();
    // A node that does not know its own name says nothing, or "?".
    let host: Option<String> = redis::from_redis_value(master.next()?).ok()?;
    let port = redis::from_redis_value(master.next()?).ok()?;
    (first <= last).then(|| {
        (first, last, from.neighbour(host.as_deref().filter(|host| *host != "?").unwrap_or(""), port))
    })
}

fn unexpected_reply(from: &Address) -> Error {
    let message = format!("{from} answers CLUSTER SLOTS with something else");
    Error::new(ErrorKind::Unavailable, "connect", message)
}
