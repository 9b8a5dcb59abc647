//! Where the service is, and what to show it: arguments, the environment, and files.

use std::{env, fs, path::PathBuf, time::Duration};

use reqwest::{Url, header::HeaderValue};

use crate::commands::exit::{CommandError, CommandResult};

/// The variable with the token, the same as the service's own.
const TOKEN_VARIABLE: &str = "CACHE_ACCESS_TOKEN";
/// The variables that tell commands how to reach a service. They are no settings of the service.
pub(crate) const CLIENT_VARIABLES: [&str; 3] = ["CACHE_URL", "CACHE_TOKEN_FILE", "CACHE_CA_FILE"];

/// Where the service is, who asks, and how the answer is printed.
///
/// The token is in the variable `CACHE_ACCESS_TOKEN` or in a file: all on the machine can read arguments.
#[derive(Clone, Debug, clap::Args)]
pub struct ConnectionArgs {
    /// The URL of the service.
    #[arg(
        long,
        value_name = "URL",
        env = "CACHE_URL",
        hide_env_values = true,
        default_value = "http://127.0.0.1:8080",
        help_heading = "Service"
    )]
    url: String,

    /// The file with the service's token. Without it the variable `CACHE_ACCESS_TOKEN` has it, if there is one.
    #[arg(
        long,
        value_name = "FILE",
        env = "CACHE_TOKEN_FILE",
        hide_env_values = true,
        help_heading = "Service"
    )]
    token_file: Option<PathBuf>,

    /// The file with the certificates to trust, in PEM. Without it those of the system.
    #[arg(
        long,
        value_name = "FILE",
        env = "CACHE_CA_FILE",
        hide_env_values = true,
        help_heading = "Service"
    )]
    ca_file: Option<PathBuf>,

    /// How long to wait for an answer.
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 30,
        value_parser = clap::value_parser!(u64).range(1..=3600),
        help_heading = "Service"
    )]
    timeout: u64,

    /// Print JSON, for programs.
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
}

impl ConnectionArgs {
    pub(super) fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout)
    }

    /// Returns the URL, if it is one of HTTP. An address alone is taken for one.
    pub(super) fn url(&self) -> CommandResult<Url> {
        let text = self.url.trim();
        let whole = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let remedy =
            "give such as http://127.0.0.1:8080 or https://cache.example:8443, by --url or CACHE_URL";
        let url: Url = whole
            .parse()
            .map_err(|why| CommandError::usage(format!("the URL {text:?} is none: {why}; {remedy}")))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(CommandError::usage(format!(
                "the URL {text:?} is not of a service by HTTP: {remedy}"
            )));
        }
        if url.query().is_some()
            || url.fragment().is_some()
            || !url.username().is_empty()
            || url.password().is_some()
        {
            return Err(CommandError::usage(format!(
                "the URL of {} may have a path, and nothing else behind or before its host: {remedy}",
                url.host_str().unwrap_or_default()
            )));
        }
        Ok(url)
    }

    /// Returns the header with the token, if there is one.
    pub(super) fn token(&self) -> CommandResult<Option<HeaderValue>> {
        let token = match &self.token_file {
            Some(path) => {
                let read = fs::read_to_string(path);
                let text = read.map_err(|why| {
                    CommandError::usage(format!("the token file {} can't be read: {why}", path.display()))
                })?;
                let text = text.trim().to_owned();
                Some(text).filter(|text| !text.is_empty()).ok_or_else(|| {
                    CommandError::usage(format!(
                        "the token file {} is empty: write the token into it",
                        path.display()
                    ))
                })?
            }
            None => match env::var(TOKEN_VARIABLE) {
                Ok(text) if !text.trim().is_empty() => text.trim().to_owned(),
                _ => return Ok(None),
            },
        };
        // What is wrong with it is not shown: it would be the token.
        let mut header = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| {
            CommandError::usage(
                "the token has characters that no header can carry: look for line breaks in it",
            )
        })?;
        header.set_sensitive(true);
        Ok(Some(header))
    }

    /// Returns the certificates to trust in place of the system's.
    pub(super) fn roots(&self) -> CommandResult<Option<Vec<u8>>> {
        let Some(path) = &self.ca_file else { return Ok(None) };
        let unreadable =
            |why| CommandError::usage(format!("the file {} can't be read: {why}", path.display()));
        fs::read(path).map(Some).map_err(unreadable)
    }
}
