//! The configuration in force: where it is read, and how it is read again.

use std::{ffi::OsString, fmt, path::PathBuf};

use cache_config::{ConfigErrors, ConfigReader, Section, Setting, Values};
use cache_core::{Error, ErrorKind};

use crate::{cli::invocation, settings::Settings};

/// Where a configuration is read: a file, then the environment, then flags. Its `Debug` shows no values.
#[derive(Clone, Default)]
pub struct Sources {
    /// The file, if there is one.
    pub file: Option<PathBuf>,
    variables: Vec<(String, String)>,
    /// Flags, each with the key it sets and what it says.
    flags: Vec<(String, String, String)>,
}

/// The configuration in force.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// All that can be set, typed.
    pub settings: Settings,
    /// The same as it was given.
    pub values: Values,
    /// What is odd about it, but not wrong.
    pub warnings: Vec<String>,
    sources: Sources,
}

/// What reading the configuration again came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reloaded {
    /// What changed: the key, what it was and what it is, without passwords.
    pub changed: Vec<(&'static str, String, String)>,
    /// What is new, and takes effect once the service is started again.
    pub needs_restart: Vec<&'static str>,
    /// What is odd about it, but not wrong.
    pub warnings: Vec<String>,
}

impl Sources {
    /// The environment's `variables`: `std::env::vars()`. One of them may name the file.
    pub fn new(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let variables: Vec<(String, String)> = variables.into_iter().collect();
        let named = variables.iter().find(|(name, text)| name == "CACHE_CONFIG" && !text.is_empty());
        let file = named.map(|(_, text)| text.into());
        Self { file, variables, flags: Vec::new() }
    }

    /// A flag says `text` of the setting `key`.
    pub fn flag(&mut self, flag: &str, key: &str, text: &str) {
        self.flags.push((flag.to_owned(), key.to_owned(), text.to_owned()));
    }

    /// Reads them.
    ///
    /// # Errors
    ///
    /// All that is wrong with them.
    pub fn read(&self) -> Result<Config, ConfigErrors> {
        let mut reader = ConfigReader::new(Settings::settings());
        if let Some(file) = &self.file {
            reader.path(file);
        }
        reader.variables(self.variables.iter().map(|(name, text)| (name.as_str(), text.as_str())));
        for (flag, key, text) in &self.flags {
            reader.flag(flag, key, text);
        }
        let (values, warnings) = reader.finish()?;
        let settings = Settings::from_values(&values);
        let mut faults = ConfigErrors::default();
        settings.check(&values, &mut faults);
        faults.or(Config { settings, values, warnings, sources: self.clone() })
    }
}

impl Config {
    /// The configuration that these flags make, the program's name first, without an environment.
    ///
    /// ```
    /// use cache_server::Config;
    ///
    /// let config = Config::from_flags(["cache-server", "--memory-mib=16", "--set=ttl.price=60"])?;
    /// assert_eq!(config.settings.cache.memory.mib, 16);
    /// assert_eq!(config.values.origin("ttl.price").to_string(), "--set");
    /// # Ok::<(), cache_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `Config` with all that is wrong.
    pub fn from_flags(
        args: impl IntoIterator<Item = impl Into<OsString> + Clone>,
    ) -> cache_core::Result<Self> {
        let (_, sources) = invocation(args, [])
            .map_err(|error| Error::new(ErrorKind::Config, "configure", error.to_string()))?;
        sources.read().map_err(|faults| Error::new(ErrorKind::Config, "configure", faults.to_string()))
    }

    /// What is in force, as YAML that can be read again, each line with where its value comes from. Passwords
    /// are replaced by `***`.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        self.values.to_yaml(&Settings::settings())
    }

    /// The same configuration read anew: what is live is taken over, the rest is as it was.
    ///
    /// # Errors
    ///
    /// All that is wrong with what is there now, in which case this one goes on.
    pub fn reread(&self) -> Result<(Self, Reloaded), ConfigErrors> {
        let next = self.sources.read()?;
        let settings = Settings::settings();
        let differing = self.values.differing(&next.values, &settings);
        let (live, fixed): (Vec<&Setting>, Vec<&Setting>) =
            differing.into_iter().partition(|setting| setting.spec.reloadable);
        let change =
            |setting: &&Setting| (setting.key, self.values.shown(setting), next.values.shown(setting));
        let reloaded = Reloaded {
            changed: live.iter().map(change).collect(),
            needs_restart: fixed.iter().map(|setting| setting.key).collect(),
            warnings: next.warnings.clone(),
        };
        let values = self.values.with(&next.values, live);
        let config = Self { settings: Settings::from_values(&values), values, ..next };
        Ok((config, reloaded))
    }
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let variables: Vec<&str> = self.variables.iter().map(|(name, _)| name.as_str()).collect();
        let flags: Vec<&str> = self.flags.iter().map(|(_, key, _)| key.as_str()).collect();
        f.debug_struct("Sources")
            .field("file", &self.file)
            .field("variables", &variables)
            .field("flags", &flags)
            .finish()
    }
}
