//! What rules may know of the machine, looked at once at the start.

use std::{fs, path::Path};

use cache_core::Timestamp;

use crate::settings::{ServerCertificate, Settings};

/// What is known of the machine: `None` where it can't be known.
#[derive(Clone, Debug, Default)]
pub(crate) struct Machine {
    /// The memory that the container may have, in bytes.
    pub(crate) memory_limit: Option<u64>,
    /// The space that is free where the data folder is, in bytes, with what the disk tier has there already.
    pub(crate) disk_room: Option<u64>,
    /// The time, in seconds since 1970.
    pub(crate) now: i64,
    /// When the certificate that is shown to clients ends, in seconds since 1970.
    pub(crate) certificate_ends: Option<i64>,
}

impl Machine {
    /// Looks at the machine, as far as it is of interest to these settings.
    pub(crate) fn look(settings: &Settings, certificate: Option<&ServerCertificate>, now: Timestamp) -> Self {
        let folder = settings.cache.disk.dir.as_path();
        Self {
            memory_limit: memory_limit(
                Path::new("/sys/fs/cgroup"),
                &fs::read_to_string("/proc/self/cgroup").unwrap_or_default(),
            ),
            disk_room: free_space(folder).map(|free| free.saturating_add(size_of(&folder.join("disk")))),
            now: now.as_micros() / 1_000_000,
            certificate_ends: certificate.and_then(|certificate| certificate.ends),
        }
    }
}

/// The cgroups of this process, and where limits of memory are written of them and those above.
///
/// A container may see a path of its host that it can't look at: what is there of it, up to the root, is looked
/// at.
fn memory_limit(root: &Path, groups: &str) -> Option<u64> {
    let read = |path: &Path| fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    let mut limits = Vec::new();
    let mut look = |mount: &Path, group: &str, files: &[&str]| {
        let own = mount.join(group.trim_start_matches('/'));
        let levels = own.ancestors().take_while(|level| level.starts_with(mount));
        limits.extend(levels.flat_map(|level| files.iter().filter_map(move |file| read(&level.join(file)))));
    };
    // Each line is `number:controllers:path`; of version 2 there is one, without controllers.
    let lines: Vec<(&str, &str)> =
        groups.lines().filter_map(|line| line.split_once(':')?.1.split_once(':')).collect();
    let of = |wanted: &str| {
        let line = lines.iter().find(|(controllers, _)| controllers.split(',').any(|one| one == wanted));
        line.map_or("/", |(_, path)| path)
    };
    for mount in [root.to_owned(), root.join("unified")] {
        look(&mount, of(""), &["memory.max", "memory.high"]);
    }
    look(&root.join("memory"), of("memory"), &["memory.limit_in_bytes"]);
    // Version 1 writes a limit that nobody set as a number near the greatest.
    limits.into_iter().filter(|limit| *limit < 1 << 60).min()
}

/// Returns the free space of the file system of a folder, or of the nearest one above it that there is.
fn free_space(folder: &Path) -> Option<u64> {
    let absolute = std::path::absolute(folder).ok()?;
    let there = absolute.ancestors().find(|above| above.is_dir())?;
    let system = rustix::fs::statvfs(there).ok()?;
    Some(system.f_bavail.saturating_mul(system.f_frsize))
}

/// Returns the size of the files of a folder, in bytes.
fn size_of(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let sizes = entries.filter_map(Result::ok).map(|entry| match entry.metadata() {
        Ok(found) if found.is_dir() => size_of(&entry.path()),
        Ok(found) => found.len(),
        Err(_) => 0,
    });
    sizes.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_limit_from_the_own_cgroup_up_is_the_limit() {
        let root = tempfile::tempdir().unwrap();
        let limit = |own: &str| memory_limit(root.path(), &format!("0::{own}\n"));
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        assert_eq!(limit("/"), None, "no files");
        write("a/b/memory.max", "max\n");
        assert_eq!(limit("/a/b"), None, "no limit");
        write("a/memory.max", "1048576\n");
        assert_eq!((limit("/a/b"), limit("/")), (Some(1 << 20), None));
        write("a/memory.high", "524288\n");
        assert_eq!(limit("/a/b"), Some(1 << 19), "above it a process is slowed down");
        write("a/b/memory.max", "4096\n");
        assert_eq!(limit("/a/b"), Some(4096));
        assert_eq!(limit("/a/not/there"), Some(1 << 19), "as a container sees its host's");

        let old = |own: &str| {
            memory_limit(root.path(), &format!("12:pids:/p\n5:cpu,memory:{own}\n1:name=systemd:/s\n"))
        };
        write("memory/memory.limit_in_bytes", "9223372036854771712\n");
        assert_eq!(old("/c/d"), None, "version 1 without a limit");
        write("memory/c/memory.limit_in_bytes", "65536\n");
        write("memory/c/d/memory.limit_in_bytes", "131072\n");
        assert_eq!((old("/c/d"), old("/")), (Some(65536), None));
        write("memory/memory.limit_in_bytes", "32768\n");
        assert_eq!(old("/c/d"), Some(32768));
        write("unified/u/memory.max", "2048\n");
        assert_eq!(memory_limit(root.path(), "1:memory:/c\n0::/u\n"), Some(2048), "both versions");
    }

    #[test]
    fn a_folder_that_is_not_there_yet_has_the_room_of_the_one_above() {
        let root = tempfile::tempdir().unwrap();
        let (there, below) = (free_space(root.path()), free_space(&root.path().join("a/b")));
        assert!(there.is_some_and(|free| free > 0) && below.is_some());
        fs::create_dir(root.path().join("a")).unwrap();
        fs::write(root.path().join("a/file"), [0; 100]).unwrap();
        assert_eq!(size_of(root.path()), 100);
    }
}
