//! Who runs PostgreSQL, which refuses to be run by root.

use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use rustix::process::geteuid;

/// Another user than root, who runs a server and owns its folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct User {
    uid: u32,
    gid: u32,
}

impl User {
    /// Whom root runs servers as that refuse root: `postgres`, else `nobody`. `None` if this is not root.
    ///
    /// # Errors
    /// Fails if this is root and the machine has neither user.
    pub(crate) fn instead_of_root() -> Result<Option<Self>> {
        if !geteuid().is_root() {
            return Ok(None);
        }
        let list = "/etc/passwd";
        let text = fs::read_to_string(list).with_context(|| format!("cannot read {list}"))?;
        let user = ["postgres", "nobody"].iter().find_map(|name| named(&text, name)).with_context(|| {
            format!(
                "PostgreSQL does not run as root, and {list} names neither `postgres` nor `nobody`: \
                 add one (`useradd --system postgres`) or run this as another user"
            )
        })?;
        Ok(Some(user))
    }

    /// Lets the command run as this user.
    pub(crate) fn run(self, command: &mut Command) {
        command.uid(self.uid).gid(self.gid);
    }

    /// Gives the file or folder to this user.
    pub(crate) fn own(self, path: &Path) -> Result<()> {
        chown(path, Some(self.uid), Some(self.gid))
            .with_context(|| format!("cannot give {} to uid {}", path.display(), self.uid))
    }
}

/// The user of that name in the lines of `/etc/passwd`.
fn named(list: &str, name: &str) -> Option<User> {
    let line = list.lines().find(|line| line.split(':').next() == Some(name))?;
    let mut fields = line.split(':').skip(2);
    let (uid, gid) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    (uid != 0).then_some(User { uid, gid })
}

#[cfg(test)]
mod tests {
    use super::{User, named};

    #[test]
    fn users_are_found_by_name() {
        let list = "root:x:0:0:root:/root:/bin/sh\npostgres2:x:7:8::/:/bin/sh\npostgres:x:101:104:,,,:/var/lib/postgresql:/bin/bash\n";
        assert_eq!(named(list, "postgres"), Some(User { uid: 101, gid: 104 }));
        for name in ["root", "nobody", ""] {
            assert_eq!(named(list, name), None, "{name}");
        }
    }
}
