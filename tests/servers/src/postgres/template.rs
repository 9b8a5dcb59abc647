//! An empty PostgreSQL cluster, made once a process and copied for each server.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use anyhow::{Context, Result, bail};

use crate::server_dir::ServerDir;
use crate::user::User;
use crate::{install, random};

/// The superuser of every private server.
pub(crate) const SUPERUSER: &str = "cache";

/// The data folder within a server's folder.
pub(crate) const DATA: &str = "data";

/// Copies an empty cluster into `dir`, and returns its superuser's password.
///
/// # Errors
/// Fails if `initdb` fails, or the copy, for instance because the disk is full.
pub(crate) fn copy_to(dir: &Path, user: Option<User>) -> Result<String> {
    // Making a cluster takes a second or two, copying it a tenth. The folder goes with the process.
    static MADE: Mutex<Option<(ServerDir, String)>> = Mutex::new(None);
    let mut made = MADE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let (template, password) = match made.take() {
        Some(known) => made.insert(known),
        None => made.insert(make(user)?),
    };
    let mut copy = Command::new("cp");
    copy.arg("-R").arg("-p").arg(template.path().join(DATA)).arg(dir.join(DATA));
    run(&mut copy, user)?;
    Ok(password.clone())
}

fn make(user: Option<User>) -> Result<(ServerDir, String)> {
    let dir = ServerDir::new("postgres-template", "TERM", user)?;
    let password = random::word()?;
    let file = password_file(&dir, &password, user)?;
    let mut initdb = Command::new(install::postgres()?.join("initdb"));
    initdb.arg("--pgdata").arg(dir.path().join(DATA)).arg("--pwfile").arg(file);
    initdb.args(["--username", SUPERUSER, "--auth", "scram-sha-256", "--encoding", "UTF8", "--no-locale"]);
    initdb.args(["--no-sync", "--no-instructions"]);
    run(&mut initdb, user)?;
    Ok((dir, password))
}

fn password_file(dir: &ServerDir, password: &str, user: Option<User>) -> Result<PathBuf> {
    let file = dir.path().join("password");
    fs::write(&file, password).with_context(|| format!("cannot write {}", file.display()))?;
    if let Some(user) = user {
        user.own(&file)?;
    }
    Ok(file)
}

/// Runs a command to its end, as `user` if one is given, from a folder that every user may enter.
fn run(command: &mut Command, user: Option<User>) -> Result<()> {
    if let Some(user) = user {
        user.run(command);
    }
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.current_dir("/").env("LC_ALL", "C").output();
    let output = output.with_context(|| format!("cannot start {program}"))?;
    if !output.status.success() {
        bail!("{program} failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
