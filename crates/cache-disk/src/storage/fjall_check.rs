//! Checks what must hold of the database's files before fjall may read them.
//!
//! fjall checks its blocks and the items of its journal, but not its manifests, nor the lengths and the
//! order in its journal. Damage there makes it allocate without bound, which ends the process, or forget
//! tables and reorder writes, which brings back what was removed. The checks follow the file formats of
//! fjall 3.1 with lsm-tree 3.1, sfa 1.0:
//!
//! - `keyspaces/N/current`: number of the manifest (8 bytes), its xxh3-128 (16), the kind of checksum (1)
//! - `keyspaces/N/vM`: the manifest M
//! - `keyspaces/N/tables/T`: ends in a table of contents and a trailer: `SFA!`, version and checksum kind
//!   (1 each), xxh3-128 of the contents (16), where they begin (8), their length (8)
//! - `J.jnl`: batches; see [`Batches`]

use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use xxhash_rust::xxh3::xxh3_128;

use crate::error::{StorageError, StorageResult, is_about_content};

/// More than any journal of the tier has, and than the 64 MiB that fjall reserves for one.
const MAX_JOURNAL_BYTES: u64 = 128 << 20;
const MAX_MANIFEST_BYTES: u64 = 16 << 20;
const MAX_CONTENTS_BYTES: u64 = 64 << 10;
const TRAILER_BYTES: usize = 38;

/// Refuses a database with damage that fjall would not notice. Deletes tables without readable contents: if
/// one is in use fjall notices that it is missing, else it was never finished.
pub(crate) fn check_files(database: &Path) -> StorageResult<()> {
    let corrupt = |path: &Path, what: &str| StorageError::Corrupt(format!("{}: {what}", path.display()));
    let mut deleted = 0_u64;
    for keyspace in entries(&database.join("keyspaces")) {
        let current = keyspace.join("current");
        // A keyspace without this file was never finished.
        if current.exists() && !is_whole(&current, is_manifest_whole(&keyspace, &current))? {
            return Err(corrupt(&current, "the manifest it names is missing or damaged"));
        }
        for table in entries(&keyspace.join("tables")) {
            if !is_whole(&table, has_contents(&table))? {
                tracing::debug!(table = %table.display(), "deleting a table without readable contents");
                fs::remove_file(&table).map_err(|error| StorageError::Unusable(error.to_string()))?;
                deleted += 1;
            }
        }
    }
    if deleted > 0 {
        tracing::warn!(deleted, database = %database.display(), "deleted tables without readable contents");
    }
    for journal in entries(database).into_iter().filter(|path| path.extension().is_some_and(|e| e == "jnl")) {
        let in_order =
            is_whole(&journal, read_bounded(&journal, MAX_JOURNAL_BYTES).map(|bytes| is_in_order(&bytes)))?;
        if !in_order {
            return Err(corrupt(&journal, "has lengths or batch numbers that were never written"));
        }
    }
    Ok(())
}

/// Returns whether a file is whole. One that can't be read for want of access is `Unusable`, not damaged.
fn is_whole(path: &Path, whole: io::Result<bool>) -> StorageResult<bool> {
    match whole {
        Ok(whole) => Ok(whole),
        Err(error) if is_about_content(&error) => Ok(false),
        Err(error) => Err(StorageError::Unusable(format!("can't read {}: {error}", path.display()))),
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

fn read_bounded(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if File::open(path)?.take(limit + 1).read_to_end(&mut bytes)? as u64 > limit {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "longer than anything written here"));
    }
    Ok(bytes)
}

fn is_manifest_whole(keyspace: &Path, current: &Path) -> io::Result<bool> {
    let current = read_bounded(current, MAX_MANIFEST_BYTES)?;
    let Some((number, rest)) = current.split_first_chunk() else { return Ok(false) };
    let manifest = keyspace.join(format!("v{}", u64::from_le_bytes(*number)));
    let sum = xxh3_128(&read_bounded(&manifest, MAX_MANIFEST_BYTES)?).to_le_bytes();
    Ok(rest == [&sum[..], &[0]].concat())
}

fn has_contents(table: &Path) -> io::Result<bool> {
    let mut file = File::open(table)?;
    let end = file.metadata()?.len().saturating_sub(TRAILER_BYTES as u64);
    let mut trailer = [0; TRAILER_BYTES];
    file.seek(SeekFrom::Start(end))?;
    file.read_exact(&mut trailer)?;
    let Some(([b'S', b'F', b'A', b'!', 1, 0], rest)) = trailer.split_first_chunk() else { return Ok(false) };
    let Some((sum, rest)) = rest.split_first_chunk() else { return Ok(false) };
    let from = rest.first_chunk().map_or(u64::MAX, |from| u64::from_le_bytes(*from));
    if from > end || end - from > MAX_CONTENTS_BYTES {
        return Ok(false);
    }
    let mut contents = vec![0; (end - from) as usize];
    file.seek(SeekFrom::Start(from))?;
    file.read_exact(&mut contents)?;
    Ok(xxh3_128(&contents) == u128::from_le_bytes(*sum))
}

/// Returns whether no length in a journal exceeds what could have been written, and the batches rise in
/// number.
///
/// What follows the first batch that can't be parsed is not checked: fjall cuts the journal off there, as
/// after a write that was broken off, and [`Directory::acknowledged`](super::directory::Directory) tells
/// whether that lost something.
fn is_in_order(journal: &[u8]) -> bool {
    let mut last = None;
    for number in (Batches { rest: journal }) {
        match number {
            Some(number) if last.is_none_or(|last| last < number) => last = Some(number),
            _ => return false,
        }
    }
    true
}

/// The numbers of a journal's batches; `None` for one with an absurd length.
///
/// A batch is: 1, how many items (4), its number (8); the items; 3, checksum (8), 4 fixed bytes. An item
/// is: 2, what it is (1), compression (1, none), keyspace (8), length of the key (2), of the value (4),
/// of the value as stored (4); key; value.
struct Batches<'a> {
    rest: &'a [u8],
}

impl Batches<'_> {
    /// No record is longer, so no value either.
    const MAX_VALUE_BYTES: u32 = 64 << 20;

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*head)
    }

    /// Skips an item; returns `Some(false)` for one with an absurd length.
    fn item(&mut self) -> Option<bool> {
        let [_, compression] = self.take()?;
        self.take::<8>()?;
        let key = u16::from_le_bytes(self.take()?);
        let (value, stored) = (u32::from_le_bytes(self.take()?), u32::from_le_bytes(self.take()?));
        if compression != 0 || value != stored || value > Self::MAX_VALUE_BYTES {
            return Some(false);
        }
        self.rest = self.rest.get(usize::from(key) + value as usize..)?;
        Some(true)
    }
}

impl Iterator for Batches<'_> {
    type Item = Option<u64>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut number = None;
        loop {
            match (self.take()?, number) {
                ([1], None) => {
                    self.take::<4>()?;
                    number = Some(u64::from_le_bytes(self.take()?));
                }
                ([2], Some(_)) => {
                    if !self.item()? {
                        return Some(None);
                    }
                }
                ([3], Some(number)) => {
                    self.take::<12>()?;
                    return Some(Some(number));
                }
                _ => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn batch(number: u64, value: &[u8]) -> Vec<u8> {
        let len = (value.len() as u32).to_le_bytes();
        let item = [&[2, 0, 0][..], &[7; 8], &[1, 0], &len, &len, b"k", value].concat();
        [&[1, 1, 0, 0, 0][..], &number.to_le_bytes(), &item, &[3], &[0; 12]].concat()
    }

    #[test]
    fn rule_62_a_length_that_was_never_written_is_refused() {
        let journal = [batch(5, b"abc"), batch(6, b"")].concat();
        assert!(is_in_order(&journal));
        assert!((0..journal.len()).all(|len| is_in_order(&journal[..len])), "broken off anywhere");
        assert!(is_in_order(&[&journal[..], &[0; 100]].concat()), "reserved space may follow");

        let mut hostile = journal;
        hostile[13 + 13 + 3] = 0xff;
        assert!(!is_in_order(&hostile));
    }

    #[test]
    fn rule_53_batches_out_of_order_are_refused() {
        assert!(!is_in_order(&[batch(6, b""), batch(5, b"")].concat()));
        assert!(!is_in_order(&[batch(6, b""), batch(6, b"")].concat()));
    }

    proptest! {
        #[test]
        fn rule_62_any_bytes_are_judged_without_a_panic(bytes in prop::collection::vec(0_u8..4, 0..400)) {
            is_in_order(&bytes);
        }
    }
}
