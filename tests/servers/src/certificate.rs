//! Certificates for servers that speak TLS: an authority of their own, and a certificate for 127.0.0.1.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::install;
use crate::user::User;

/// Whom clients must trust, whom the server shows, and the key to it.
#[derive(Clone, Debug)]
pub(crate) struct Certificate {
    pub(crate) authority: PathBuf,
    pub(crate) shown: PathBuf,
    pub(crate) key: PathBuf,
}

/// For clients that insist, the authority is another certificate than the one shown.
const AUTHORITY: [&str; 4] = ["-subj", "/CN=tests", "-addext", "keyUsage=critical,keyCertSign"];
const SHOWN: [&str; 8] = [
    "-subj",
    "/CN=localhost",
    "-addext",
    "basicConstraints=critical,CA:FALSE",
    "-addext",
    "subjectAltName=IP:127.0.0.1,DNS:localhost",
    "-addext",
    "extendedKeyUsage=serverAuth",
];

impl Certificate {
    /// Makes one that is good for two days, in a folder; the key belongs to `user` if one is given.
    ///
    /// # Errors
    /// Fails without `openssl` 3, and says how to install it.
    pub(crate) fn make(folder: &Path, user: Option<User>) -> Result<Self> {
        let [authority, signs, shown, key] =
            ["ca.pem", "ca.key", "server.pem", "server.key"].map(|name| folder.join(name));
        openssl(&signs, &authority, &AUTHORITY, None)?;
        openssl(&key, &shown, &SHOWN, Some((&authority, &signs)))?;
        if let Some(user) = user {
            [&authority, &shown, &key].into_iter().try_for_each(|file| user.own(file))?;
        }
        Ok(Self { authority, shown, key })
    }
}

/// Makes a key and a certificate, signed by itself or by an authority.
fn openssl(key: &Path, shown: &Path, what: &[&str], by: Option<(&Path, &Path)>) -> Result<()> {
    let mut command = Command::new(install::openssl()?);
    command.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]);
    command.args(["-nodes", "-days", "2", "-keyout"]).arg(key).arg("-out").arg(shown).args(what);
    if let Some((authority, signs)) = by {
        command.arg("-CA").arg(authority).arg("-CAkey").arg(signs);
    }
    let output = command.stdin(Stdio::null()).output();
    let output =
        output.context("cannot start openssl, which makes certificates: `apt-get install openssl`")?;
    if !output.status.success() {
        bail!("openssl made no certificate: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
