//! The tier's directory: its lock, its format, its size, and the quarantine.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, Write},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use cache_core::{Error, ErrorKind, Result, sync::RwLock};

/// What the file `format` says. The number rises with every change that an older version would misread.
const FORMAT: &str = "cache-disk format 1\n";
const FORMAT_PREFIX: &str = "cache-disk format ";

/// A directory that this process has locked.
///
/// It contains `lock`, `format`, `writes` (see [`Directory::acknowledged`]), `db`, `quarantine`, and for a
/// moment `probe`.
#[derive(Debug)]
pub(crate) struct Directory {
    root: PathBuf,
    is_known_format: bool,
    files: RwLock<OpenFiles>,
}

/// The files that are open for as long as the directory is locked.
#[derive(Debug)]
struct OpenFiles {
    writes: File,
    /// The file that is locked.
    lock: File,
}

impl Directory {
    /// Locks the directory, which is created, readable by its owner alone, if it is missing.
    pub(crate) fn lock(root: &Path) -> Result<Self> {
        let (files, is_known_format) = OpenFiles::lock(root)?;
        Ok(Self { root: root.to_owned(), is_known_format, files: RwLock::new(files) })
    }

    /// Whether the directory that was locked is no longer there: removed, moved away, or its file system gone.
    pub(crate) fn is_gone(&self) -> bool {
        !is_same_file(&self.files.read().lock, &self.root.join("lock"))
    }

    /// Creates and locks the directory anew.
    pub(crate) fn make_anew(&self) -> Result<()> {
        *self.files.write() = OpenFiles::lock(&self.root)?.0;
        Ok(())
    }

    /// Unlocks the directory. The database must be closed by now.
    pub(crate) fn unlock(&self) {
        // If this fails, the lock ends when the file is closed.
        drop(self.files.read().lock.unlock());
    }

    /// Returns whether the database, if there is one, can be taken to be of this format.
    pub(crate) fn is_known_format(&self) -> bool {
        self.is_known_format
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.root.join("db")
    }

    /// Returns how many writes that replaced or removed something were acknowledged; `None` if that can't be
    /// read.
    ///
    /// The database counts them as well. If its count is lower it has lost some, and what they replaced or
    /// removed may have come back.
    pub(crate) fn acknowledged(&self) -> Option<u64> {
        let mut bytes = [0; 16];
        let files = self.files.read();
        let mut file = &files.writes;
        file.rewind().and_then(|()| file.read_exact(&mut bytes)).ok()?;
        let (count, check) =
            (u64::from_le_bytes(*bytes.first_chunk()?), u64::from_le_bytes(*bytes.last_chunk()?));
        (count == !check).then_some(count)
    }

    /// Writes the count of acknowledged writes, in place, so that it needs no space.
    pub(crate) fn acknowledge(&self, count: u64) -> io::Result<()> {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&count.to_le_bytes());
        bytes[8..].copy_from_slice(&(!count).to_le_bytes());
        let files = self.files.read();
        let mut file = &files.writes;
        file.rewind()?;
        file.write_all(&bytes)
    }

    pub(crate) fn sync(&self) -> io::Result<()> {
        self.files.read().writes.sync_all()
    }

    /// Moves the database to `quarantine`, where it replaces an earlier one; deletes it if it is larger than
    /// `keep` bytes.
    pub(crate) fn quarantine(&self, keep: u64) -> io::Result<()> {
        let (database, aside) = (self.database(), self.root.join("quarantine"));
        if aside.exists() {
            fs::remove_dir_all(&aside)?;
        }
        if !database.exists() {
            return Ok(());
        }
        fs::rename(&database, &aside)?;
        if size_of(&aside) > keep {
            fs::remove_dir_all(&aside)?;
        }
        Ok(())
    }

    /// Checks that `bytes` more can be written. Writes them only if the file system has that much space free,
    /// so as not to use up the last of it.
    pub(crate) fn probe(&self, bytes: u64) -> io::Result<()> {
        if let Some(free) = free_space(&self.root)
            && free < bytes
        {
            let message = format!("{free} bytes are free, {bytes} are needed");
            return Err(io::Error::new(io::ErrorKind::StorageFull, message));
        }
        let path = self.root.join("probe");
        let outcome = File::create(&path).and_then(|mut file| {
            let block = [1; 1 << 16];
            (0..bytes.div_ceil(block.len() as u64)).try_for_each(|_| file.write_all(&block))?;
            file.sync_all()
        });
        // If it could not be created there is nothing to remove, and `outcome` says why.
        let _ = fs::remove_file(&path);
        outcome
    }

    /// Returns how many bytes the directory takes up on disk.
    pub(crate) fn size(&self) -> u64 {
        size_of(&self.root)
    }
}

impl OpenFiles {
    /// Opens the files of a directory, and locks it. Returns whether its database can be taken to be of this
    /// format.
    fn lock(root: &Path) -> Result<(Self, bool)> {
        let wrap = |what: &str, error: io::Error| {
            let message = format!("can't {what} in the directory {}", root.display());
            Error::caused(ErrorKind::Storage, "open", message, error)
        };
        create_directory(root).map_err(|error| wrap("open the tier", error))?;
        let lock = open_file(&root.join("lock")).map_err(|error| wrap("open 'lock'", error))?;
        wait_for_lock(&lock, root)?;
        let is_known_format = check_format(root)?;
        let writes = open_file(&root.join("writes")).map_err(|error| wrap("open 'writes'", error))?;
        Ok((Self { writes, lock }, is_known_format))
    }
}

/// Whether a path leads to an open file.
#[cfg(unix)]
fn is_same_file(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;

    let (Ok(open), Ok(found)) = (file.metadata(), fs::metadata(path)) else { return false };
    (open.dev(), open.ino()) == (found.dev(), found.ino())
}

#[cfg(not(unix))]
fn is_same_file(_: &File, path: &Path) -> bool {
    path.exists()
}

/// Returns how many bytes are free on the file system; `None` where it can't be asked.
#[cfg(unix)]
fn free_space(path: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(path).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}

#[cfg(not(unix))]
fn free_space(_: &Path) -> Option<u64> {
    None
}

fn create_directory(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

fn open_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
}

/// Locks the file. Waits a little for a process that is just closing, or a task of this one that outlived
/// its tier.
fn wait_for_lock(lock: &File, root: &Path) -> Result<()> {
    const MAX_LOCK_ATTEMPTS: u32 = 10;
    for _ in 0..MAX_LOCK_ATTEMPTS {
        match lock.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(50)),
            Err(TryLockError::Error(error)) => {
                let message = format!("can't lock the directory {}", root.display());
                return Err(Error::caused(ErrorKind::Storage, "open", message, error));
            }
        }
    }
    let message = format!("the directory {} is in use by another tier or process", root.display());
    Err(Error::new(ErrorKind::Unavailable, "open", message))
}

/// Writes the file `format` if it is missing, and returns whether what is stored can be taken to be of this
/// format.
fn check_format(root: &Path) -> Result<bool> {
    let path = root.join("format");
    let text = fs::read(&path).ok();
    if text.as_deref().is_some_and(|text| text.trim_ascii_end() == FORMAT.trim_end().as_bytes()) {
        return Ok(true);
    }
    let start = text.as_deref().and_then(|text| str::from_utf8(text).ok());
    let version = start.and_then(|text| text.strip_prefix(FORMAT_PREFIX)?.trim_end().parse::<u32>().ok());
    if let Some(version) = version {
        let message = format!(
            "the directory {} has format {version}, this version reads format 1: use a newer version, or delete the directory",
            root.display()
        );
        return Err(Error::new(ErrorKind::Config, "open", message));
    }
    let is_new = !root.join("db").exists();
    if text.is_none() && !is_new && !root.join("writes").exists() {
        let message = format!(
            "the directory {} has a 'db' that this tier did not write: use another directory",
            root.display()
        );
        return Err(Error::new(ErrorKind::Config, "open", message));
    }
    fs::write(&path, FORMAT).map_err(|error| {
        let message = format!("can't write the file 'format' in {}", root.display());
        Error::caused(ErrorKind::Storage, "open", message, error)
    })?;
    Ok(is_new)
}

/// Returns how many bytes files take up. Files may come and go meanwhile, so one that can't be read counts 0.
fn size_of(path: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(path) else { return 0 };
    let sizes = entries.flatten().map(|entry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => size_of(&entry.path()),
        Ok(meta) => allocated(&meta),
        Err(_) => 0,
    });
    sizes.sum()
}

#[cfg(unix)]
fn allocated(meta: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::blocks(meta) * 512
}

#[cfg(not(unix))]
fn allocated(meta: &fs::Metadata) -> u64 {
    meta.len()
}
