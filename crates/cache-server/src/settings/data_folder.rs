//! Whether the data folder can be written to, or be made.

use std::{
    fs::{self, File},
    path::Path,
    process,
};

/// Checks that files can be made in a folder, or in the nearest one above it if it isn't there yet. Leaves nothing
/// behind.
///
/// # Errors
///
/// Why not, with the remedy.
pub(super) fn check(folder: &Path) -> Result<(), String> {
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let Some(there) = absolute.ancestors().find(|above| fs::symlink_metadata(above).is_ok()) else {
        return Ok(());
    };
    let refused = |why: &dyn std::fmt::Display| {
        let advice = "choose another with --data-dir or CACHE_SERVER_DATA_DIR";
        Err(format!(
            "the data folder {} can't be used: {}: {why}; {advice}",
            folder.display(),
            there.display()
        ))
    };
    if !there.is_dir() {
        return refused(&"it is no folder");
    }
    let probe = there.join(format!(".cache-server-check-{}", process::id()));
    match File::create_new(&probe) {
        Ok(_) => {
            let _ = fs::remove_file(&probe);
            Ok(())
        }
        Err(why) => refused(&why),
    }
}
