//! API keys: where they are kept, and what is a valid one.

use std::{
    env, fmt,
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use cache_core::{Error, ErrorKind, Result, Secret};
use serde::{Deserialize, Serialize};

/// The longest API key, in bytes.
const MAX_LEN: usize = 16 << 10;

/// Where an API key is kept; in a configuration `{env: NAME}` or `{file: PATH}`.
///
/// ```
/// use market_data::SecretSource;
///
/// let source: SecretSource = serde_json::from_str(r#"{"env": "NO_SUCH_KEY"}"#).unwrap();
/// let why = source.read().unwrap_err().to_string();
/// assert!(why.contains("NO_SUCH_KEY is not set"), "{why}");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SecretSource {
    /// In an environment variable of this name.
    Env(String),
    /// In a file, which holds it alone.
    File(PathBuf),
    /// In the program itself. A configuration can't say so.
    #[serde(skip)]
    Given(Secret),
}

impl SecretSource {
    /// Reads the secret.
    ///
    /// # Errors
    ///
    /// `Config` if the variable isn't set, the file can't be read, or its content is no valid key. No part of the
    /// content is shown.
    pub fn read(&self) -> Result<Secret> {
        let text = match self {
            Self::Env(name) => env::var(name).map_err(|why| match why {
                env::VarError::NotPresent => {
                    config(format!("the environment variable {name} is not set: put the key there"))
                }
                env::VarError::NotUnicode(_) => {
                    config(format!("the environment variable {name} holds no text: put the key there"))
                }
            })?,
            Self::File(path) => {
                let bytes = read_file(path)
                    .map_err(|why| config(format!("the key can't be read from {}: {why}", path.display())))?;
                String::from_utf8(bytes)
                    .map_err(|_| config(format!("{} holds no text: put the key there", path.display())))?
            }
            Self::Given(secret) => secret.reveal().to_owned(),
        };
        api_key(&text).map_err(|why| config(format!("the key in {self} is invalid: {why}")))
    }
}

impl fmt::Display for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "the environment variable {name}"),
            Self::File(path) => write!(f, "the file {}", path.display()),
            Self::Given(_) => f.write_str("the program"),
        }
    }
}

/// Reads the start of a regular file. A pipe may never end, and opening it may block.
fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(2 * MAX_LEN as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Validates an API key, and trims the white space around it.
///
/// # Errors
///
/// `Config` if it is empty, longer than 16 KiB, or can't be a header's value.
pub(crate) fn api_key(text: &str) -> Result<Secret> {
    let text = text.trim();
    if text.is_empty() {
        return Err(config("it is empty: give the key as its provider issued it".into()));
    }
    if text.len() > MAX_LEN || !text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') {
        let wanted = "a key is one line of at most 16 KiB of visible ASCII";
        return Err(config(format!("its {} bytes are no key: {wanted}", text.len())));
    }
    Ok(text.into())
}

fn config(message: String) -> Error {
    Error::new(ErrorKind::Config, "secret", message)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_key_is_read_from_its_file_without_the_line_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        fs::write(&path, "hunter2\n").unwrap();
        assert_eq!(SecretSource::File(path).read().unwrap().reveal(), "hunter2");
    }

    #[test]
    fn what_is_no_key_is_refused_by_its_source_and_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let long = "hunter2".repeat(MAX_LEN);
        for bad in ["", " \n", "hunter2\r\nhost: x", "hunter2\0", "hünter2", &long] {
            fs::write(&path, bad).unwrap();
            let why = SecretSource::File(path.clone()).read().unwrap_err().to_string();
            assert!(why.contains("key") && !why.contains("nter2"), "{why}");
        }
        fs::write(&path, b"hunter2\xff").unwrap();
        let why = SecretSource::File(path).read().unwrap_err().to_string();
        assert!(why.contains("holds no text") && !why.contains("nter2"), "{why}");
    }
}
