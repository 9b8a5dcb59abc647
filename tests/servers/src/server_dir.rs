//! A server's temporary folder and its watchdog, which ends the server and removes the folder when their
//! owner dies.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use anyhow::{Context, Result};

use crate::user::User;

/// Reads pids until its input ends, which means that the owner let go or died. Then ends the last of them,
/// first by the signal `$2`, then together with its children by SIGKILL, and removes the folder `$1`.
///
/// A process stopped by SIGSTOP is continued first, or it could not end. Children are found by their parent's
/// pid.
const WATCHDOG: &str = r#"
pid=
while read -r line; do pid=$line; done
children() {
    for stat in /proc/[0-9]*/stat; do
        read -r id name state parent rest <"$stat" && [ "$parent" = "$1" ] && echo "$id"
    done
}
# A process that ended stays a zombie until its parent waits for it.
lives() { read -r id name state rest <"/proc/$1/stat" && [ "$state" != Z ]; }
if [ -n "$pid" ]; then
    left=$(children "$pid")
    kill -CONT $left "$pid"
    kill -"$2" "$pid"
    tries=0
    while lives "$pid" && [ $tries -lt 20 ]; do sleep 0.1; tries=$((tries + 1)); done
    kill -STOP "$pid" && kill -KILL $(children "$pid") "$pid"
    for child in $left; do lives "$child" && kill -KILL "$child"; done
fi
rm -rf "$1" || { sleep 1; rm -rf "$1"; }
"#;

/// A folder for one server, removed on drop.
#[derive(Debug)]
pub(crate) struct ServerDir {
    path: PathBuf,
    watchdog: Child,
    /// `None` only while being dropped.
    stdin: Option<ChildStdin>,
}

impl ServerDir {
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
        let mut watchdog = Command::new("sh");
        watchdog.args(["-c", WATCHDOG, "sh"]).arg(folder.path()).arg(end);
        // In a process group of its own, since Ctrl-C must end the owner and not the watchdog.
        watchdog.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        let mut watchdog = watchdog.spawn().context("cannot start `sh`, which watches over a server")?;
        let stdin = watchdog.stdin.take();
        Ok(Self { path: folder.keep(), watchdog, stdin })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Tells the watchdog which process to end if the owner dies.
    pub(crate) fn watch(&mut self, pid: u32) -> Result<()> {
        self.tell(&pid.to_string())
    }

    /// Tells the watchdog that the process has ended.
    pub(crate) fn forget(&mut self) -> Result<()> {
        self.tell("")
    }

    fn tell(&mut self, line: &str) -> Result<()> {
        let stdin = self.stdin.as_mut().context("the watchdog was already released")?;
        writeln!(stdin, "{line}").context("cannot tell the watchdog of a process: was it killed?")
    }
}

impl Drop for ServerDir {
    fn drop(&mut self) {
        drop(self.stdin.take());
        // The watchdog ends once its input is closed; there is no harm in one that is already gone.
        let _ = self.watchdog.wait();
    }
}
