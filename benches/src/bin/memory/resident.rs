//! How much memory this process has resident.

use std::fs;

/// Resident bytes, as Linux tells them; `None` where it isn't told.
pub(crate) fn resident_bytes() -> Option<u64> {
    of_status(&fs::read_to_string("/proc/self/status").ok()?)
}

fn of_status(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resident_memory_is_found_or_said_to_be_unknown() {
        assert_eq!(
            of_status("Name:\tx\nVmHWM:\t 9 kB\nVmRSS:\t  1840 kB\nRssAnon: 1 kB\n"),
            Some(1840 * 1024)
        );
        for text in ["", "VmRSS:\n", "VmRSS:\t12\n", "VmRSS:\tmany kB\n", "VmRSS:\t18446744073709551615 kB\n"]
        {
            assert_eq!(of_status(text), None, "{text:?}");
        }
    }
}
