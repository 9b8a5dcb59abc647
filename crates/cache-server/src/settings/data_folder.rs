//! Whether the data folder can be written to, or be made.

use std::{
    fs::{self, File},
    io::Write,
    path::Path,
    process,
};

/// How many bytes are written to see whether a disk tier can begin.
const LEAST_ROOM: usize = 64 << 10;

/// The longest name of a file or folder that common file systems take, in bytes.
const MAX_NAME_LEN: usize = 255;

/// Checks that files can be made in a folder, or in the nearest one above it if it isn't there yet, and in what
/// the disk tier keeps there. Where there is no disk tier yet, there must be room to begin one: what is there
/// already is read though the file system is full. Leaves nothing behind.
///
/// # Errors
///
/// Why not, with the remedy.
pub(super) fn check(folder: &Path) -> Result<(), String> {
    let first = if folder.join("disk").exists() { 0 } else { LEAST_ROOM };
    check_one(folder, first)?;
    ["disk", "disk/db"].iter().try_for_each(|inner| check_one(&folder.join(inner), 0))?;
    for file in ["disk/lock", "disk/writes", "disk/format"] {
        let path = folder.join(file);
        if path.is_dir() {
            return Err(unusable(folder, &path, &"it is a folder where a file should be"));
        }
    }
    Ok(())
}

fn unusable(folder: &Path, there: &Path, why: &dyn std::fmt::Display) -> String {
    let advice = "choose another with --data-dir or CACHE_SERVER_DATA_DIR";
    format!("the data folder {} can't be used: {}: {why}; {advice}", folder.display(), there.display())
}

/// Checks one folder, by a file of so many bytes.
fn check_one(folder: &Path, bytes: usize) -> Result<(), String> {
    if folder.components().any(|part| part.as_os_str().len() > MAX_NAME_LEN) {
        return Err(unusable(folder, folder, &format_args!("a name has more than {MAX_NAME_LEN} bytes")));
    }
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let Some(there) = absolute.ancestors().find(|above| fs::symlink_metadata(above).is_ok()) else {
        return Ok(());
    };
    let refused = |why: &dyn std::fmt::Display| Err(unusable(folder, there, why));
    if !there.is_dir() {
        return refused(&"it is no folder");
    }
    let probe = there.join(format!(".cache-server-check-{}", process::id()));
    // One that is there already was left by a process of the same number that was killed.
    let written = File::create(&probe).and_then(|mut file| file.write_all(&vec![0; bytes]));
    let _ = fs::remove_file(&probe);
    written.or_else(|why| refused(&why))
}
