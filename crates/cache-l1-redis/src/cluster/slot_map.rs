//! The slot map: which node of a Cluster has which slots.

use std::sync::Arc;

use cache_core::{Error, ErrorKind, Result};
use redis::Value;

use crate::{
    cluster::slots::SLOTS,
    connection::{address::Address, node::Node},
};

const NO_OWNER: u16 = u16::MAX;

/// The masters of a Cluster, and the slots of each.
#[derive(Debug)]
pub(crate) struct SlotMap {
    owners: Vec<u16>,
    nodes: Vec<Arc<Node>>,
}

impl SlotMap {
    /// Reads the reply of `from` to `CLUSTER SLOTS`. `node` finds or creates the node at an address.
    ///
    /// # Errors
    ///
    /// `Unavailable` if it is no such reply, or if no node has any slot.
    pub(crate) fn read(
        reply: Value,
        from: &Address,
        mut node: impl FnMut(Address) -> Arc<Node>,
    ) -> Result<Self> {
        let mut map = Self { owners: vec![NO_OWNER; usize::from(SLOTS)], nodes: Vec::new() };
        let Value::Array(ranges) = reply else { return Err(unexpected_reply(from)) };
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
            let message = format!("{from} is a node of a Redis Cluster in which no node has any slot");
            return Err(Error::new(ErrorKind::Unavailable, "connect", message));
        }
        Ok(map)
    }

    /// Returns the node that has a slot, or `None` if no node has.
    pub(crate) fn owner_of(&self, slot: u16) -> Option<&Arc<Node>> {
        self.nodes.get(usize::from(self.owners[usize::from(slot)]))
    }

    /// Returns the masters.
    pub(crate) fn nodes(&self) -> &[Arc<Node>] {
        &self.nodes
    }

    /// Returns whether every slot is at the same node in both.
    pub(crate) fn has_same_owners(&self, other: &Self) -> bool {
        let at = |map: &Self, slot| map.owner_of(slot).map(Arc::as_ptr);
        (0..SLOTS).all(|slot| at(self, slot) == at(other, slot))
    }
}

/// Reads one range, `[first, last, [host, port, …], replicas…]`: its first slot, last slot and master.
fn parse_range(range: Value, from: &Address) -> Option<(u16, u16, Address)> {
    let Value::Array(parts) = range else { return None };
    let mut parts = parts.into_iter();
    let mut number = || redis::from_redis_value::<u16>(parts.next()?).ok();
    let (first, last) = (number()?, number()?);
    let Value::Array(master) = parts.next()? else { return None };
    let mut master = master.into_iter();
    // A node that doesn't know its own address sends nil, an empty text or "?".
    let host: Option<String> = redis::from_redis_value(master.next()?).ok()?;
    let port = redis::from_redis_value(master.next()?).ok()?;
    (first <= last).then(|| {
        (first, last, from.neighbour(host.as_deref().filter(|host| *host != "?").unwrap_or(""), port))
    })
}

fn unexpected_reply(from: &Address) -> Error {
    let message = format!("{from} returned an unexpected reply to CLUSTER SLOTS");
    Error::new(ErrorKind::Unavailable, "connect", message)
}
