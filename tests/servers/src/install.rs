//! The servers' programs: found, or installed by apt.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use rustix::process::geteuid;

use crate::schemathesis;

/// `redis-server`.
///
/// # Errors
/// Fails if it is not installed, and says how to install it.
pub fn redis() -> Result<PathBuf> {
    find("redis-server").with_context(|| missing("redis-server", REDIS))
}

/// The folder of PostgreSQL's programs, of the newest version there is.
///
/// # Errors
/// Fails if it is not installed, and says how to install it.
pub fn postgres() -> Result<PathBuf> {
    let has_all =
        |folder: &PathBuf| ["initdb", "postgres", "psql"].iter().all(|name| folder.join(name).is_file());
    // Debian keeps them off the path, since several versions may be there.
    let found = places().into_iter().chain(versions(Path::new("/usr/lib/postgresql"))).find(has_all);
    found.with_context(|| missing("PostgreSQL (initdb, postgres and psql)", POSTGRES))
}

/// `openssl`, which makes the certificates of servers with TLS.
///
/// # Errors
/// Fails if it is not installed, and says how to install it.
pub fn openssl() -> Result<PathBuf> {
    find("openssl").with_context(|| missing("openssl", OPENSSL))
}

/// `prometheus`.
///
/// # Errors
/// Fails if it is not installed, and says how to install it.
pub fn prometheus() -> Result<PathBuf> {
    find("prometheus").with_context(|| missing("prometheus", PROMETHEUS))
}

/// `promtool`, which comes with Prometheus.
///
/// # Errors
/// Fails if it is not installed, and says how to install it.
pub fn promtool() -> Result<PathBuf> {
    find("promtool").with_context(|| missing("promtool", PROMETHEUS))
}

/// `chromium`, a browser.
///
/// # Errors
/// Fails if it is not installed, and says how to install it.
pub fn chromium() -> Result<PathBuf> {
    find("chromium").with_context(|| missing("chromium", CHROMIUM))
}

/// `chromedriver`, by which tests drive Chromium.
///
/// # Errors
/// Fails if it is not installed, and says how to install it.
pub fn chromedriver() -> Result<PathBuf> {
    find("chromedriver").with_context(|| missing("chromedriver", CHROMEDRIVER))
}

/// `nginx`, which is installed by apt if it is missing. Only a benchmark needs it.
///
/// # Errors
/// As [`all`].
pub fn nginx() -> Result<PathBuf> {
    if find("nginx").is_none() {
        apt(&[NGINX])?;
    }
    find("nginx").with_context(|| missing("nginx", NGINX))
}

/// Debian's packages.
const REDIS: &str = "redis-server";
const POSTGRES: &str = "postgresql";
const OPENSSL: &str = "openssl";
const PROMETHEUS: &str = "prometheus";
const CHROMIUM: &str = "chromium";
const CHROMEDRIVER: &str = "chromium-driver";
const NGINX: &str = "nginx-light";
const PYTHON: &str = "python3-venv";

/// Finds every program the tests need, and installs by apt what is missing.
///
/// No service is started, and none that runs is touched.
///
/// # Errors
/// Fails if something is missing and this is neither root nor may become so by `sudo` without being asked
/// for a password, or the machine has no apt, or apt fails. The error says what to install.
pub fn all() -> Result<()> {
    let wanted = [
        (REDIS, redis as fn() -> _),
        (POSTGRES, postgres),
        (OPENSSL, openssl),
        (PROMETHEUS, prometheus),
        (PROMETHEUS, promtool),
        (CHROMIUM, chromium),
        (CHROMEDRIVER, chromedriver),
        (PYTHON, schemathesis::python),
    ];
    let mut packages: Vec<&str> =
        wanted.iter().filter(|(_, find)| find().is_err()).map(|(package, _)| *package).collect();
    packages.dedup();
    if !packages.is_empty() {
        apt(&packages)?;
    }
    for (_, find) in wanted {
        find().context("apt succeeded, and yet a program is missing")?;
    }
    schemathesis::install()
}

/// Installs Debian packages without letting them start services: a policy that forbids it is there
/// meanwhile, unless the machine has one of its own.
const APT: &str = r#"
set -e
policy=/usr/sbin/policy-rc.d
if ! [ -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
install() { apt-get install --yes --no-install-recommends -o DPkg::Lock::Timeout=300 "$@"; }
install "$@" || { apt-get update && install "$@"; }
"#;

fn apt(packages: &[&str]) -> Result<()> {
    let what = packages.join(" and ");
    let by_hand = format!("install by hand: {}", by_hand(packages));
    if find("apt-get").is_none() {
        bail!(
            "not installed: {what}, and this machine has no apt: {by_hand}, elsewhere the packages of Redis 7, \
             PostgreSQL 15, Prometheus 2 or newer, Chromium and its driver. Images of Docker won't do: tests kill, pause and restart the programs by pid"
        );
    }
    let mut command = if geteuid().is_root() {
        Command::new("sh")
    } else {
        if !may_sudo() {
            bail!(
                "not installed: {what}; only root may install it, and there is no `sudo` without a password: {by_hand}"
            );
        }
        let mut sudo = Command::new("sudo");
        sudo.args(["-n", "sh"]);
        sudo
    };
    eprintln!("installing {what} by apt");
    // What apt prints is no answer of ours: it goes where errors go.
    command.args(["-c", APT, "sh"]).args(packages).stdin(Stdio::null()).stdout(std::io::stderr());
    let status = command.status().context("cannot start apt")?;
    if !status.success() {
        bail!("apt could not install {what} (see above): {by_hand}");
    }
    Ok(())
}

fn may_sudo() -> bool {
    let mut sudo = Command::new("sudo");
    sudo.args(["-n", "true"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    sudo.status().is_ok_and(|status| status.success())
}

fn missing(what: &str, package: &str) -> String {
    format!(
        "{what} is not installed: run `cargo xtask services`, which installs it where it may, or {}",
        by_hand(&[package])
    )
}

fn by_hand(packages: &[&str]) -> String {
    format!("`apt-get install {}` on Debian or Ubuntu", packages.join(" "))
}

fn find(program: &str) -> Option<PathBuf> {
    places().into_iter().map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// The folders of the path, and those where servers often are without being on it.
fn places() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let more = ["/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"].map(PathBuf::from);
    env::split_paths(&path).chain(more).collect()
}

/// `root/15/bin` and the like, the highest number first.
fn versions(root: &Path) -> Vec<PathBuf> {
    let entries = root.read_dir().into_iter().flatten().flatten();
    let mut found: Vec<(u32, PathBuf)> =
        entries.filter_map(|entry| Some((number(&entry.file_name())?, entry.path().join("bin")))).collect();
    found.sort_by(|a, b| b.cmp(a));
    found.into_iter().map(|(_, folder)| folder).collect()
}

fn number(name: &OsStr) -> Option<u32> {
    name.to_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{by_hand, missing, versions};

    #[test]
    fn the_newest_version_comes_first() {
        let root = tempfile::tempdir().unwrap();
        for name in ["9", "15", "16", "common"] {
            fs::create_dir(root.path().join(name)).unwrap();
        }
        let found = versions(root.path());
        let names = ["16/bin", "15/bin", "9/bin"].map(|name| root.path().join(name));
        assert_eq!(found, names);
        assert!(versions(&root.path().join("none")).is_empty());
    }

    #[test]
    fn what_is_missing_is_said_with_the_way_to_get_it() {
        let text = missing("redis-server", "redis-server");
        assert!(
            text.contains("cargo xtask services") && text.contains("apt-get install redis-server"),
            "{text}"
        );
        assert_eq!(by_hand(&["a", "b"]), "`apt-get install a b` on Debian or Ubuntu");
    }
}
