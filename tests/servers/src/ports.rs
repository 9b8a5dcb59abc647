//! Free ports of 127.0.0.1.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::Mutex;

use anyhow::{Result, bail};

use crate::random;

/// By how much the port of a Redis Cluster node's bus exceeds the node's own port.
pub(crate) const CLUSTER_BUS_OFFSET: u16 = 10_000;

/// Below the ports that systems give to outgoing connections (32,768 and up), as are the bus ports, so that
/// no connection takes the port of a server that is down for a moment.
const FIRST_PORT: u16 = 12_000;
const PORT_COUNT: u16 = 10_000;

/// On how many ports a server is tried, each found taken.
pub(crate) const MAX_ATTEMPTS: usize = 10;

/// What every server prints when its port is taken.
pub(crate) const ADDRESS_IN_USE: &str = "Address already in use";

/// A port on which nobody listens, nor on the one [`CLUSTER_BUS_OFFSET`] above it.
///
/// Another process may take it before it is used, so a caller must be ready to ask for another.
///
/// # Errors
/// Fails if all ports of the range are taken.
pub(crate) fn free() -> Result<u16> {
    // Processes start at random places, so that they seldom meet; within one no port is given twice
    // before all others were.
    static NEXT: Mutex<Option<u16>> = Mutex::new(None);
    let mut next = NEXT.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let mut offset = match *next {
        Some(offset) => offset,
        None => u16::from_le_bytes(random::bytes()?) % PORT_COUNT,
    };
    for _ in 0..PORT_COUNT {
        let port = FIRST_PORT + offset;
        offset = (offset + 1) % PORT_COUNT;
        if is_free(port) && is_free(port + CLUSTER_BUS_OFFSET) {
            *next = Some(offset);
            return Ok(port);
        }
    }
    bail!(
        "no free port on 127.0.0.1 between {FIRST_PORT} and {}: stop some servers",
        FIRST_PORT + PORT_COUNT - 1
    )
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};

    use super::{CLUSTER_BUS_OFFSET, free, is_free};

    #[test]
    fn a_port_is_given_once_and_can_be_bound() {
        let (one, other) = (free().unwrap(), free().unwrap());
        assert_ne!(one, other);
        assert!(one.checked_add(CLUSTER_BUS_OFFSET).is_some());
    }

    #[test]
    fn a_port_in_use_is_not_free() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        assert!(!is_free(taken.local_addr().unwrap().port()));
    }
}
