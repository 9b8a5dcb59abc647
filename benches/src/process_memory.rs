//! What memory a process has resident.

use std::fs;

use anyhow::{Context, Result};
use serde::Serialize;

/// What a process has resident, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ProcessMemory {
    /// All of it.
    pub resident: u64,
    /// Of that, the heap and stacks.
    pub anonymous: u64,
}

impl ProcessMemory {
    /// Reads it of a running process.
    ///
    /// # Errors
    ///
    /// If there is no such process, or this system has no `/proc`.
    pub fn of(pid: u32) -> Result<Self> {
        let path = format!("/proc/{pid}/status");
        let status = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
        Self::of_status(&status).with_context(|| format!("{path} says nothing of resident memory"))
    }

    fn of_status(status: &str) -> Option<Self> {
        let bytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
            Some(kibibytes << 10)
        };
        Some(Self { resident: bytes("VmRSS:")?, anonymous: bytes("RssAnon:")? })
    }

    /// Returns the larger of each.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self { resident: self.resident.max(other.resident), anonymous: self.anonymous.max(other.anonymous) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resident_memory_is_read_in_bytes() {
        let status = "Name:\tx\nVmRSS:\t  1840 kB\nRssAnon:\t 40 kB\n";
        assert_eq!(
            ProcessMemory::of_status(status),
            Some(ProcessMemory { resident: 1840 << 10, anonymous: 40 << 10 })
        );
        for text in
            ["", "VmRSS:\t12 kB\n", "VmRSS:\t12\nRssAnon:\t1 kB\n", "VmRSS:\tmany kB\nRssAnon:\t1 kB\n"]
        {
            assert_eq!(ProcessMemory::of_status(text), None, "{text:?}");
        }
    }
}
