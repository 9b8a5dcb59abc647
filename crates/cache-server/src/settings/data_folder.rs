//! Whether the data folder can be written to, or be made.

use std::{
    fs::{self, File},
    path::Path,
    process,
};

/// The longest name of a file or folder that common file systems take, in bytes.
const MAX_NAME_LEN: usize = 255;

/// Checks that files can be made in a folder, or in the nearest one above it if it isn't there yet, and in what
/// the disk tier keeps there. Leaves nothing behind.
///
/// # Errors
///
/// Why not, with the remedy.
pub(super) fn check(folder: &Path) -> Result<(), String> {
    check_one(folder)?;
    ["disk", "disk/db"].iter().try_for_each(|inner| check_one(&folder.join(inner)))?;
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

fn check_one(folder: &Path) -> Result<(), String> {
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
    match File::create(&probe) {
        Ok(_) => {
            let _ = fs::remove_file(&probe);
            Ok(())
        }
        Err(why) => refused(&why),
    }
}
