//! Calls that a node counts over its restarts: a file for each name, replaced as a whole before a call goes out.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use cache_core::{Clock, Error, ErrorKind, QuotaSnapshot, QuotaStore, Result, Timestamp, sync::Mutex};

/// Calls that one process counts in a folder of its own. What was replaced outlives kill -9 of the process and a
/// power failure. Time goes on between two runs as the wall clock says: one that was set forward between them
/// makes calls forgotten too early, one that was set back does not.
///
/// ```
/// use cache_core::{Clock, QuotaStore};
/// use cache_disk::DiskQuota;
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// let folder = tempfile::tempdir()?;
/// let quota = DiskQuota::new(folder.path().join("quota"), Clock::system());
/// assert!(quota.replace("acme", None, "1", b"a call").await?);
/// let again = DiskQuota::new(folder.path().join("quota"), Clock::system());
/// assert_eq!(again.read("acme").await?.record, Some(("1".to_owned(), b"a call".to_vec())));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct DiskQuota(Arc<QuotaFiles>);

#[derive(Debug)]
struct QuotaFiles {
    folder: PathBuf,
    clock: Clock,
    began: Timestamp,
    steady: i64,
    records: Mutex<HashMap<String, Record>>,
}

/// The version and the record of a name; `None` if there is none.
type Record = Option<(String, Vec<u8>)>;

impl DiskQuota {
    /// Returns calls that are counted in files of this folder, which is made with the first of them. No other
    /// process may count in it meanwhile.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>, clock: Clock) -> Self {
        let (began, steady) = (clock.now(), clock.steady());
        Self(Arc::new(QuotaFiles { folder: folder.into(), clock, began, steady, records: Mutex::default() }))
    }

    /// Runs on a thread that may block.
    async fn run<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&QuotaFiles) -> io::Result<T> + Send + 'static,
    ) -> Result<T> {
        let files = Arc::clone(&self.0);
        let folder = files.folder.display().to_string();
        let done = tokio::task::spawn_blocking(move || work(&files)).await;
        done.unwrap_or_else(|gone| Err(io::Error::other(gone))).map_err(|why| {
            let message = format!("calls can't be counted in {folder}");
            Error::caused(ErrorKind::Storage, operation, message, why)
        })
    }
}

impl QuotaFiles {
    /// A time that nobody sets while the process runs.
    fn now(&self) -> Timestamp {
        self.began.after(self.clock.elapsed(self.steady))
    }

    /// Returns the file of a name, whatever its characters are.
    fn path(&self, name: &str) -> PathBuf {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let encoded =
            |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02x}") };
        let stem: String = name.bytes().map(encoded).collect();
        self.folder.join(format!("{stem}.quota"))
    }

    fn load(&self, name: &str) -> io::Result<Record> {
        let held = match fs::read(self.path(name)) {
            Ok(held) => held,
            Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(why) => return Err(why),
        };
        let end = held.iter().position(|byte| *byte == b'\n').unwrap_or(held.len());
        let version = String::from_utf8_lossy(&held[..end]).into_owned();
        Ok(Some((version, held.get(end + 1..).unwrap_or_default().to_vec())))
    }

    /// Writes a file beside and renames it, so that there is always one as a whole.
    fn store(&self, name: &str, version: &str, record: &[u8]) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let path = self.path(name);
        let beside = path.with_extension("new");
        let mut file = File::create(&beside)?;
        file.write_all(&[version.as_bytes(), b"\n", record].concat())?;
        file.sync_data()?;
        fs::rename(&beside, &path)?;
        sync_folder(&self.folder)
    }
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[async_trait]
impl QuotaStore for DiskQuota {
    fn name(&self) -> &'static str {
        "disk"
    }

    fn is_shared(&self) -> bool {
        false
    }

    async fn read(&self, name: &str) -> Result<QuotaSnapshot> {
        let known = self.0.records.lock().get(name).cloned();
        let record = match known {
            Some(record) => record,
            None => {
                let wanted = name.to_owned();
                let read = move |files: &QuotaFiles| {
                    let mut records = files.records.lock();
                    let record = files.load(&wanted)?;
                    Ok(records.entry(wanted).or_insert(record).clone())
                };
                self.run("read quota", read).await?
            }
        };
        Ok(QuotaSnapshot { record, now: self.0.now(), run: None })
    }

    async fn replace(
        &self,
        name: &str,
        expected: Option<&str>,
        version: &str,
        record: &[u8],
    ) -> Result<bool> {
        let (name, version, record) = (name.to_owned(), version.to_owned(), record.to_vec());
        let expected = expected.map(str::to_owned);
        let replace = move |files: &QuotaFiles| {
            let mut records = files.records.lock();
            let held = match records.get(&name) {
                Some(held) => held.clone(),
                None => files.load(&name)?,
            };
            if held.map(|(version, _)| version) != expected {
                return Ok(false);
            }
            let stored = files.store(&name, &version, &record);
            match stored {
                Ok(()) => drop(records.insert(name, Some((version, record)))),
                // What the file holds now is looked up before anything else is made of it.
                Err(_) => drop(records.remove(&name)),
            }
            stored.map(|()| true)
        };
        self.run("replace quota", replace).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_record_is_replaced_by_whoever_read_it_last_and_outlives_the_process() {
        let folder = tempfile::tempdir().unwrap();
        let open = || DiskQuota::new(folder.path().join("quota"), Clock::manual());
        let (quota, name) = (open(), "a provider/..%");
        assert_eq!(quota.read(name).await.unwrap().record, None);
        assert!(!quota.replace(name, Some("1"), "2", b"none to replace").await.unwrap());
        assert!(quota.replace(name, None, "1", b"one\ntwo").await.unwrap());
        assert!(!quota.replace(name, None, "2", b"there is one").await.unwrap());
        // Another process.
        let quota = open();
        assert!(!quota.replace(name, Some("0"), "2", b"older").await.unwrap());
        assert!(quota.replace(name, Some("1"), "2", b"three").await.unwrap());
        assert_eq!(open().read(name).await.unwrap().record, Some(("2".to_owned(), b"three".to_vec())));
        assert_eq!(quota.read("another").await.unwrap().record, None);
        let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(names, [folder.path().join("quota")], "no name leaves the folder");
    }

    #[tokio::test]
    async fn a_folder_that_cannot_be_written_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("quota"), "a file").unwrap();
        let quota = DiskQuota::new(folder.path().join("quota"), Clock::manual());
        let error = quota.replace("acme", None, "1", b"one").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Storage);
    }
}
