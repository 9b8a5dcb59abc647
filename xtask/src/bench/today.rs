//! Which day it is.

use std::process::Command;

use anyhow::{Context, Result, ensure};

/// Returns the date of today in UTC, as `2026-11-30`.
///
/// # Errors
/// Fails where there is no program `date`.
pub(crate) fn today() -> Result<String> {
    let output = Command::new("date").args(["-u", "+%F"]).output().context("cannot run `date`")?;
    ensure!(output.status.success(), "`date` ended with {}", output.status);
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::today;

    #[test]
    fn a_date_has_ten_characters() {
        let today = today().unwrap();
        assert_eq!(today.len(), 10, "{today}");
        assert!(today.starts_with("20"), "{today}");
    }
}
