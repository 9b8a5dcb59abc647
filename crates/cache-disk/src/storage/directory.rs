//! The tier's directory: whose it is, which format it has, how large it is, what was put aside.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, Write},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use cache_core::{Error, ErrorKind, Result};

/// What the marker says. The number rises with every change that an older version would misread.
const FORMAT: &str = "cache-disk format 1\n";
const FORMAT_PREFIX: &str = "cache-disk format ";

/// A directory that this process has to itself.
///
/// `lock`, `format`, `writes` (see [`Directory::acknowledged`]), `db`, `quarantine`, and for a moment `probe`.
#[derive(Debug)]
pub(crate) struct Directory {
    root: PathBuf,
    is_known_format: bool,
    writes: File,
    /// Held locked.
    lock: File,
}

impl Directory {
    /// Takes possession of the directory, making it, for the owner alone, if it is missing.
    pub(crate) fn lock(root: &Path) -> Result<Self> {
        let wrap = |what: &str, error: io::Error| {
            let message = format!("can't {what} in the directory {}", root.display());
            Error::caused(ErrorKind::Storage, "open", message, error)
        };
        make_directory(root).map_err(|error| wrap("make or enter the tier", error))?;
        let lock = open_file(&root.join("lock")).map_err(|error| wrap("open the lock", error))?;
        wait_for_lock(&lock, root)?;
        let is_known_format = check_format(root)?;
        let writes = open_file(&root.join("writes")).map_err(|error| wrap("open 'writes'", error))?;
        Ok(Self { root: root.to_owned(), is_known_format, writes, lock })
    }

    /// Lets others in. The database must be closed by now.
    pub(crate) fn unlock(&self) {
        // The lock goes with the file in any case, only later.
        drop(self.lock.unlock());
    }

    /// Whether the database, if there is one, can be taken to be of this format.
    pub(crate) fn is_known_format(&self) -> bool {
        self.is_known_format
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.root.join("db")
    }

    /// How many writes that replaced or removed something were acknowledged; `None` if unreadable.
    ///
    /// The database counts them too. If it knows of fewer it has lost some, and what they replaced
    /// or removed may have come back.
    pub(crate) fn acknowledged(&self) -> Option<u64> {
        let mut bytes = [0; 16];
        let mut file = &self.writes;
        file.rewind().and_then(|()| file.read_exact(&mut bytes)).ok()?;
        let (count, check) =
            (u64::from_le_bytes(*bytes.first_chunk()?), u64::from_le_bytes(*bytes.last_chunk()?));
        (count == !check).then_some(count)
    }

    /// Writes the count down. In place, so that it needs no space.
    pub(crate) fn acknowledge(&self, count: u64) -> io::Result<()> {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&count.to_le_bytes());
        bytes[8..].copy_from_slice(&(!count).to_le_bytes());
        let mut file = &self.writes;
        file.rewind()?;
        file.write_all(&bytes)
    }

    pub(crate) fn sync(&self) -> io::Result<()> {
        self.writes.sync_all()
    }

    /// Moves the database out of the way, in the place of what was there before; one larger than
    /// `keep` bytes is deleted.
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

    /// Whether `bytes` more can be written. Writes them only where there is room, so as not to take the
    /// last of it from others.
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
        // If it could not be made there is nothing to remove, and why is said already.
        let _ = fs::remove_file(&path);
        outcome
    }

    /// How many bytes the directory takes up on disk.
    pub(crate) fn size(&self) -> u64 {
        size_of(&self.root)
    }
}

/// What the file system has left for us; `None` where it can't be asked.
#[cfg(unix)]
fn free_space(path: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(path).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}

#[cfg(not(unix))]
fn free_space(_: &Path) -> Option<u64> {
    None
}

fn make_directory(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

fn open_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
}

/// A process that is just closing, or a task of this one that outlived its tier, is waited for.
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

/// Writes the marker if there is none, and says whether what is stored can be taken to be of this format.
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
            "the directory {} holds format {version}, this version reads format 1: use a newer version, or delete it",
            root.display()
        );
        return Err(Error::new(ErrorKind::Config, "open", message));
    }
    let is_new = !root.join("db").exists();
    if text.is_none() && !is_new && !root.join("writes").exists() {
        let message = format!("the directory {} holds a 'db' that is not of this tier", root.display());
        return Err(Error::new(ErrorKind::Config, "open", message));
    }
    fs::write(&path, FORMAT).map_err(|error| {
        let message = format!("can't write the format marker into {}", root.display());
        Error::caused(ErrorKind::Storage, "open", message, error)
    })?;
    Ok(is_new)
}

/// Files may come and go meanwhile, so what can't be read counts for nothing.
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
