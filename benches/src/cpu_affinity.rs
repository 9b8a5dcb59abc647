//! Pins servers and client to processors: moving between them would be timed as well.

use anyhow::{Context, Result};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use serde_json::{Value, json};

/// The processors, by their numbers; none where there are fewer than two to choose from.
#[derive(Debug)]
pub struct CpuAffinity {
    /// That of the servers.
    pub servers: Option<usize>,
    /// That of their client.
    pub client: Option<usize>,
}

impl CpuAffinity {
    /// The first one for the servers and the last one for their client, of those that we may run on.
    #[must_use]
    pub fn choose() -> Self {
        let ours = sched_getaffinity(None).unwrap_or_else(|_| CpuSet::new());
        let mut ours = (0..CpuSet::MAX_CPU).filter(|number| ours.is_set(*number));
        let (servers, client) = (ours.next(), ours.next_back());
        Self { servers: servers.filter(|_| client.is_some()), client }
    }

    /// Keeps this thread, and whatever it starts from now on, on one processor.
    ///
    /// # Errors
    ///
    /// If the system refuses it.
    pub fn be_on(&self, processor: Option<usize>) -> Result<()> {
        let Some(number) = processor else { return Ok(()) };
        let mut only = CpuSet::new();
        only.set(number);
        sched_setaffinity(None, &only).with_context(|| format!("can't run on processor {number}"))
    }

    /// Both numbers, as JSON.
    #[must_use]
    pub fn report(&self) -> Value {
        json!({ "servers": self.servers, "client": self.client })
    }
}
