//! The share of a node: calls that it may make without asking.

use cache_core::Timestamp;

use super::ledger::{Limit, SPANS, Shares, place_of};
use crate::registry::window::Window;

/// The calls that a node may make within each span without asking, which count for the fleet all the time.
#[derive(Debug)]
pub(super) struct NodeShare {
    /// By the node's own clock.
    until: Timestamp,
    windows: Vec<Window>,
}

impl Default for NodeShare {
    fn default() -> Self {
        Self { until: Timestamp::MIN, windows: SPANS.into_iter().map(|span| Window::new(0, span)).collect() }
    }
}

impl NodeShare {
    /// Returns how many calls it has within each span; none once it is over.
    pub(super) fn held(&self, now: Timestamp) -> Shares {
        let mut held = Shares::default();
        if now < self.until {
            held.iter_mut().zip(&self.windows).for_each(|(held, window)| *held = window.limit());
        }
        held
    }

    /// Sets how many calls it has from now on, until some moment if that is confirmed. Those that were made count
    /// on.
    pub(super) fn set(&mut self, shares: Shares, until: Option<Timestamp>) {
        self.until = until.unwrap_or(self.until);
        self.windows.iter_mut().zip(shares).for_each(|(window, share)| window.set_limit(share));
    }

    /// Takes one call, if it has one now for each of the limits.
    ///
    /// # Errors
    ///
    /// When it has one again; `None` if it won't.
    pub(super) fn take(&mut self, limits: &[Limit], now: Timestamp) -> Result<(), Option<Timestamp>> {
        if now >= self.until {
            return Err(None);
        }
        let mut until = None;
        for at in limits.iter().filter_map(place_of) {
            let window = &mut self.windows[at];
            if window.limit() == 0 {
                return Err(None);
            }
            until = until.max(window.ready(now).err());
        }
        if until.is_some() {
            return Err(until);
        }
        self.windows.iter_mut().for_each(|window| window.take(now));
        Ok(())
    }
}
