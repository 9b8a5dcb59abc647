//! The configuration in force, its sources, and its reload.

use std::{ffi::OsString, fmt, path::PathBuf};

use cache_config::{ConfigErrors, Section, Setting, Values};
use cache_core::{Clock, Error, ErrorKind};
use cache_facade::Eviction;
use market_calendar::Calendars;

use crate::{
    advisor::{Machine, advise},
    cli::{ReadCalendars, parse_command_line},
    settings::{CERTIFICATE, ServerCertificate, Settings},
};

/// The setting whose file can change without it.
const CALENDAR_FILE: &str = "calendars.file";

/// The sources of a configuration: a file, then the environment, then flags. Its `Debug` shows no values.
#[derive(Clone, Default)]
pub struct ConfigSources {
    /// The file, if there is one.
    pub file: Option<PathBuf>,
    variables: Vec<(String, String)>,
    /// Flags, each with the key that it sets and its text.
    flags: Vec<(String, String, String)>,
}

/// The configuration in force.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// All settings, typed.
    pub settings: Settings,
    /// The values that were given, with their origins.
    pub values: Values,
    /// The warnings of its sources.
    pub warnings: Vec<String>,
    /// The certificate that clients are shown: read to start, and by a reload.
    pub certificate: Option<ServerCertificate>,
    sources: ConfigSources,
    /// The digest of the calendar file.
    calendar_digest: u128,
}

/// The settings of memory's budget, which some policies can't change.
const MEMORY_BUDGET: [&str; 2] = ["memory.mib", "memory.pressure_threshold"];

/// The result of a reload.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReloadReport {
    /// The settings that changed: key, old value and new value, secrets masked.
    pub changed: Vec<(&'static str, String, String)>,
    /// The settings that differ from those in force and need a restart.
    pub needs_restart: Vec<&'static str>,
    /// The warnings of the sources.
    pub warnings: Vec<String>,
}

/// A configuration that was read again, and is not in force yet.
#[derive(Debug)]
pub(crate) struct Reloaded {
    pub(crate) config: Config,
    pub(crate) calendars: Calendars,
    pub(crate) report: ReloadReport,
}

impl ConfigSources {
    /// Returns sources with the environment's `variables`: `std::env::vars()`. `CACHE_CONFIG` names the file.
    pub fn new(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let variables: Vec<(String, String)> = variables.into_iter().collect();
        let named = variables.iter().find(|(name, text)| name == "CACHE_CONFIG" && !text.is_empty());
        let file = named.map(|(_, text)| text.into());
        Self { file, variables, flags: Vec::new() }
    }

    /// Adds a flag that sets `key` to `text`.
    pub fn flag(&mut self, flag: &str, key: &str, text: &str) {
        self.flags.push((flag.to_owned(), key.to_owned(), text.to_owned()));
    }

    /// Reads the sources.
    ///
    /// # Errors
    ///
    /// All errors of all sources.
    pub fn read(&self) -> Result<Config, ConfigErrors> {
        self.read_and(|_, _, _| None).map(|(config, _)| config)
    }

    /// Reads the sources, to start by them. What holds together, and bites, is among the warnings.
    ///
    /// # Errors
    ///
    /// All errors of all sources, and all else that would stop the start as far as it can be known without the
    /// network: API keys and folders that aren't there. Must be called from within a runtime.
    pub fn read_to_start(&self) -> Result<Config, ConfigErrors> {
        let (mut config, _) = self.read_and(Settings::check_start)?;
        let advice = config.advice().into_iter().map(|(_, text)| text);
        config.warnings.extend(advice);
        Ok(config)
    }

    /// Reads the sources and the calendars that they name. `check` reads the certificate, if it is to be read.
    fn read_and(
        &self,
        check: impl FnOnce(&Settings, &Values, &mut ConfigErrors) -> Option<ServerCertificate>,
    ) -> Result<(Config, Calendars), ConfigErrors> {
        let mut reader = Settings::reader();
        if let Some(file) = &self.file {
            reader.file(file);
        }
        reader.env(self.variables.iter().map(|(name, text)| (name.as_str(), text.as_str())));
        for (flag, key, text) in &self.flags {
            reader.flag(flag, key, text);
        }
        let (mut calendars, mut certificate) = (None, None);
        let (values, mut warnings) = reader.finish_with(|values, errors| {
            let settings = Settings::from_values(values);
            calendars = settings.check(values, errors);
            certificate = check(&settings, values, errors);
        })?;
        let settings = Settings::from_values(&values);
        warnings.extend(settings.warnings(&values));
        let ReadCalendars { calendars, digest } = calendars.unwrap_or_default();
        let sources = self.clone();
        let config = Config { settings, values, warnings, certificate, sources, calendar_digest: digest };
        Ok((config, calendars))
    }
}

impl Config {
    /// Returns the configuration of a command line alone, the program's name first.
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
    /// `Config` with all errors.
    pub fn from_flags(
        args: impl IntoIterator<Item = impl Into<OsString> + Clone>,
    ) -> cache_core::Result<Self> {
        let (_, sources) = parse_command_line(args, [])
            .map_err(|error| Error::new(ErrorKind::Config, "configure", error.to_string()))?;
        sources.read().map_err(|errors| Error::new(ErrorKind::Config, "configure", errors.to_string()))
    }

    /// Returns the configuration in force as YAML that can be read again, each value with its origin. Passwords
    /// are masked as `***`.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        self.values.to_yaml(&Settings::settings())
    }

    /// Returns what is to be said of settings that hold together, and bite: the setting to change first, and why.
    fn advice(&self) -> Vec<(&'static str, String)> {
        let machine = Machine::look(&self.settings, self.certificate.as_ref(), Clock::system().now());
        advise(&self.settings, &self.values, &machine)
    }

    /// Reads the sources again. Returns a configuration with the new values of the reloadable settings and the
    /// current ones of all others, and the calendars that it names.
    /// Among the warnings is what holds together, and bites, of the settings that have changed.
    ///
    /// # Errors
    ///
    /// All errors of all sources.
    pub(crate) fn reload(&self) -> Result<Reloaded, ConfigErrors> {
        // Where the certificate lies holds until a restart.
        let certificate = |_: &Settings, _: &Values, errors: &mut ConfigErrors| {
            self.certificate.as_ref().and_then(|_| self.settings.tls.read(&self.values, errors))
        };
        let (next, calendars) = self.sources.read_and(certificate)?;
        let settings = Settings::settings();
        let changed = self.values.changed(&next.values, &settings);
        let fixed_budget =
            self.settings.cache.memory.policy.parse::<Eviction>().is_ok_and(Eviction::has_fixed_budget);
        let can_change = |setting: &&Setting| {
            setting.spec.reloadable && !(fixed_budget && MEMORY_BUDGET.contains(&setting.key))
        };
        let (reloadable, fixed): (Vec<&Setting>, Vec<&Setting>) = changed.into_iter().partition(can_change);
        let change = |setting: &&Setting| (setting.key, self.values.text(setting), next.values.text(setting));
        let mut changed: Vec<_> = reloadable.iter().map(change).collect();
        let digest = |config: &Self| config.certificate.as_ref().map(|certificate| certificate.digest);
        for (key, differs) in [
            (CALENDAR_FILE, next.calendar_digest != self.calendar_digest),
            (CERTIFICATE, digest(&next) != digest(self)),
        ] {
            let file = settings.iter().find(|setting| setting.key == key).filter(|_| differs);
            if let Some(file) = file
                && !changed.iter().any(|(changed, ..)| *changed == key)
            {
                let path = next.values.text(file);
                changed.push((file.key, path.clone(), format!("{path}, with other content")));
            }
        }
        let advice =
            next.advice().into_iter().filter(|(key, _)| changed.iter().any(|(changed, ..)| changed == key));
        let warnings = next.warnings.iter().cloned().chain(advice.map(|(_, text)| text)).collect();
        let report = ReloadReport {
            changed,
            needs_restart: fixed.iter().map(|setting| setting.key).collect(),
            warnings,
        };
        let values = self.values.with_values_of(&next.values, reloadable);
        let config = Self { settings: Settings::from_values(&values), values, ..next };
        Ok(Reloaded { config, calendars, report })
    }
}

impl fmt::Debug for ConfigSources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let variables: Vec<&str> = self.variables.iter().map(|(name, _)| name.as_str()).collect();
        let flags: Vec<&str> = self.flags.iter().map(|(_, key, _)| key.as_str()).collect();
        f.debug_struct("ConfigSources")
            .field("file", &self.file)
            .field("variables", &variables)
            .field("flags", &flags)
            .finish()
    }
}
