//! Free ports of 127.0.0.1.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::Mutex;

use anyhow::{Result, bail};

use crate::random;

/// How far above its port a node of a Redis Cluster has its bus.
pub(crate) const BUS: u16 = 10_000;

/// Below what systems hand out to clients (32,768 and up), and so are the bus ports: no connection that
/// somebody opens takes the port of a server that is down for a moment.
const FIRST: u16 = 12_000;
const COUNT: u16 = 10_000;

/// How often a server that found its port taken is started on another.
pub(crate) const TRIES: usize = 10;

/// What every server says that finds its port taken.
pub(crate) const TAKEN: &str = "Address already in use";

/// A port on which nobody listens, nor on the one [`BUS`] above it.
///
/// Another process may take it before it is used: whoever asks must be ready to ask again.
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
        None => u16::from_le_bytes(random::bytes()?) % COUNT,
    };
    for _ in 0..COUNT {
        let port = FIRST + offset;
        offset = (offset + 1) % COUNT;
        if is_free(port) && is_free(port + BUS) {
            *next = Some(offset);
            return Ok(port);
        }
    }
    bail!("no free port on 127.0.0.1 between {FIRST} and {}: stop some servers", FIRST + COUNT - 1)
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};

    use super::{BUS, free, is_free};

    #[test]
    fn a_port_is_given_once_and_can_be_bound() {
        let (one, other) = (free().unwrap(), free().unwrap());
        assert_ne!(one, other);
        assert!(one.checked_add(BUS).is_some());
    }

    #[test]
    fn a_port_in_use_is_not_free() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        assert!(!is_free(taken.local_addr().unwrap().port()));
    }
}
