//! A server's temporary folder, on a leash: it goes, and the server in it, when their owner goes.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use anyhow::{Context, Result};

use crate::user::User;

/// Reads pids until its input ends: the owner has let go, or is dead. Then ends the last of them,
/// first as it likes to be ended (`$2`), then with all its children by force, and removes the folder `$1`.
///
/// A process that is stopped by SIGSTOP must go on to end; children are found by their parent's pid.
const LEASH: &str = r#"
pid=
while read -r line; do pid=$line; done
children() {
    for stat in /proc/[0-9]*/stat; do
        read -r id name state parent rest <"$stat" && [ "$parent" = "$1" ] && echo "$id"
    done
}
# Nobody may have waited yet for one that has ended.
lives() { read -r id name state rest <"/proc/$1/stat" && [ "$state" != Z ]; }
if [ -n "$pid" ]; then
    kill -CONT $(children "$pid") "$pid"
    kill -"$2" "$pid"
    tries=0
    while lives "$pid" && [ $tries -lt 20 ]; do sleep 0.1; tries=$((tries + 1)); done
    kill -STOP "$pid" && kill -KILL $(children "$pid") "$pid"
fi
rm -rf "$1" || { sleep 1; rm -rf "$1"; }
"#;

/// A folder of its own for one server, removed on drop.
#[derive(Debug)]
pub(crate) struct Home {
    path: PathBuf,
    leash: Child,
    /// Only `None` while being dropped.
    told: Option<ChildStdin>,
}

impl Home {
    /// An empty folder in the system's temporary folder that only its owner may enter: `user`, if one is
    /// given. A server in it is ended by the signal `end`, such as `TERM`, if its owner dies.
    ///
    /// # Errors
    /// Fails if the folder can't be made, or `sh` can't be started.
    pub(crate) fn new(what: &str, end: &str, user: Option<User>) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix(&format!("{what}-"))
            .tempdir()
            .with_context(|| format!("cannot make a folder in {}", std::env::temp_dir().display()))?;
        if let Some(user) = user {
            user.own(folder.path())?;
        }
        let mut leash = Command::new("sh");
        leash.args(["-c", LEASH, "sh"]).arg(folder.path()).arg(end);
        // In a group of its own, for Ctrl-C must end the owner and not the leash.
        leash.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        let mut leash = leash.spawn().context("cannot start `sh`, which watches over a server")?;
        let told = leash.stdin.take();
        Ok(Self { path: folder.keep(), leash, told })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Says which process is to be ended if the owner dies.
    pub(crate) fn watch(&mut self, pid: u32) -> Result<()> {
        self.tell(&pid.to_string())
    }

    /// Says that the process has ended.
    pub(crate) fn forget(&mut self) -> Result<()> {
        self.tell("")
    }

    fn tell(&mut self, line: &str) -> Result<()> {
        let told = self.told.as_mut().context("the leash is let go")?;
        writeln!(told, "{line}").context("cannot tell the leash of a process: was it killed?")
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        drop(self.told.take());
        // It ends by itself once its input has; a leash that is gone has nothing to be waited for.
        let _ = self.leash.wait();
    }
}
