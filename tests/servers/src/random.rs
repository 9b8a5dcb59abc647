//! Random words: passwords of private servers, and names that meet no other's.

use std::fs::File;
use std::io::Read;

use anyhow::{Context, Result};

/// 32 hexadecimal digits that nobody can guess.
///
/// # Errors
/// Fails where there is no `/dev/urandom`.
pub(crate) fn word() -> Result<String> {
    Ok(bytes::<16>()?.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// `N` random bytes.
pub(crate) fn bytes<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    let source = "/dev/urandom";
    File::open(source)
        .and_then(|mut file| file.read_exact(&mut bytes))
        .with_context(|| format!("cannot read {source}, from which passwords are made"))?;
    Ok(bytes)
}
