//! Reading a text file that may be anything: too long, no file at all, or of another encoding.

use std::{
    fs::{self, File},
    io::Read,
    path::Path,
};

/// Reads a text file of at most `max` bytes. Only a regular file is opened: a pipe or a device may never end, and
/// opening it may block.
///
/// ```
/// use std::path::Path;
/// use cache_config::read_text_file;
///
/// let why = read_text_file(Path::new("/dev/zero"), 1 << 20).unwrap_err();
/// assert_eq!(why, "it is no regular file");
/// ```
///
/// # Errors
///
/// Why the file can't be read.
pub fn read_text_file(path: &Path, max: u64) -> Result<String, String> {
    let unreadable = |error: std::io::Error| error.to_string();
    let too_long = |len: u64| format!("it has {len} bytes, the limit is {max}");
    let found = fs::metadata(path).map_err(unreadable)?;
    if !found.is_file() {
        return Err("it is no regular file".to_owned());
    }
    if found.len() > max {
        return Err(too_long(found.len()));
    }
    // It may grow while it is read.
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(max.saturating_add(1)).read_to_end(&mut bytes))
        .map_err(unreadable)?;
    if bytes.len() as u64 > max {
        return Err(too_long(bytes.len() as u64));
    }
    String::from_utf8(bytes).map_err(|error| {
        let line = error.as_bytes()[..error.utf8_error().valid_up_to()]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count();
        format!("it is not UTF-8 on line {}", line + 1)
    })
}
