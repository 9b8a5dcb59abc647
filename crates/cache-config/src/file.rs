//! Reading a text file that may be anything: too long, no file at all, or of another encoding.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read},
    path::Path,
};

/// Opens a file to read, and never waits for that: nor does a read of what has nothing to read yet.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    }
    options.open(path)
}

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
    let file = open(path).map_err(unreadable)?;
    // Another may have taken its place meanwhile.
    if !file.metadata().map_err(unreadable)?.is_file() {
        return Err("it is no regular file".to_owned());
    }
    // It may grow while it is read.
    let mut bytes = Vec::new();
    file.take(max.saturating_add(1)).read_to_end(&mut bytes).map_err(unreadable)?;
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

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    /// Between the look at a path and its opening another file may take its place.
    #[test]
    fn rule_75_opening_a_pipe_that_nobody_writes_to_does_not_wait() {
        let folder = std::env::temp_dir().join(format!("cache-config-pipe-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        let opened = open(&path).map(|file| file.metadata().unwrap().is_file());
        fs::remove_dir_all(&folder).unwrap();
        assert!(!opened.unwrap());
    }
}
