//! ConfigReader: reads a file, the environment and flags, and collects all errors.

use std::{fs, path::Path, sync::Arc};

use crate::{
    errors::ConfigErrors,
    mask::{MASK, mask_urls},
    nearest::nearest,
    profile::Profile,
    setting::Setting,
    values::{GivenValue, Origin, Values},
    yaml::{Content, MapKey, Position, ValueError, YamlNode, parse},
};

/// The key of the setting that selects the profile, if there is one.
const PROFILE_KEY: &str = "profile";
/// The largest file that is read, in bytes.
const MAX_FILE_BYTES: u64 = 1 << 20;
/// How many characters of a value an error repeats.
const MAX_ECHO_CHARS: usize = 64;

/// Reads the sources of a configuration. A later source replaces the values of an earlier one: read the file
/// first, then the environment, then flags.
///
/// ```
/// use cache_config::{ConfigReader, Section, section, setting};
///
/// section! {
///     /// Memory.
///     pub struct Memory("memory.", _profile) {
///         /// How much memory is used.
///         mib: u64 = 64, setting().unit("MiB").range(1.0..=1_048_576.0).env(&["APP_MEMORY_MIB"]),
///     }
/// }
///
/// let mut reader = ConfigReader::new(Memory::settings());
/// reader.yaml("app.yaml", "memory:\n  mb: 16\n");
/// reader.env([("APP_MEMORY_MIB", "0")]);
/// let errors = reader.finish().unwrap_err();
/// assert_eq!(
///     errors.iter().collect::<Vec<_>>(),
///     [
///         "app.yaml:2:3: unknown setting memory.mb: did you mean memory.mib?",
///         "APP_MEMORY_MIB: memory.mib is '0': give a number in 1..=1048576",
///     ]
/// );
/// ```
#[derive(Debug)]
pub struct ConfigReader {
    settings: Vec<Setting>,
    env_prefix: Option<&'static str>,
    file_option: Option<(&'static str, &'static str)>,
    values: Values,
    errors: ConfigErrors,
    warnings: Vec<String>,
}

impl ConfigReader {
    /// Returns a reader of `settings` that has read nothing yet.
    #[must_use]
    pub fn new(settings: Vec<Setting>) -> Self {
        Self {
            settings,
            env_prefix: None,
            file_option: None,
            values: Values::default(),
            errors: ConfigErrors::default(),
            warnings: Vec::new(),
        }
    }

    /// Sets the prefix of the program's variables: one that begins with it and sets nothing is a warning.
    #[must_use]
    pub fn env_prefix(self, prefix: &'static str) -> Self {
        Self { env_prefix: Some(prefix), ..self }
    }

    /// Sets the flag, without its `--`, and the variable that name the file. The variable is a known one, and
    /// both are the remedy in the error for a file that can't be read.
    #[must_use]
    pub fn file_option(self, flag: &'static str, variable: &'static str) -> Self {
        Self { file_option: Some((flag, variable)), ..self }
    }

    /// Reads YAML; `name` is what errors call the file.
    pub fn yaml(&mut self, name: &str, text: &str) {
        let name: Arc<str> = name.into();
        match parse(text) {
            Ok(None) => {}
            Ok(Some(YamlNode { content: Content::Map(members), .. })) => self.members(&name, "", members),
            Ok(Some(root)) => {
                let origin = Origin::File(name, root.position);
                self.errors.add(&origin, "give sections, such as `memory:`, each with its settings below it");
            }
            Err(error) => {
                let origin = Origin::File(name, error.position);
                self.errors.add(&origin, format_args!("not valid YAML: {}", error.message));
            }
        }
    }

    /// Reads the file at `path`.
    pub fn file(&mut self, path: &Path) {
        let name = path.display().to_string();
        match read_file(path) {
            Ok(text) => self.yaml(&name, &text),
            Err(why) => {
                let remedy = self.file_option.map_or_else(String::new, |(flag, variable)| {
                    format!("; name one that can, with --{flag} or {variable}")
                });
                let origin = Origin::File(name.into(), None);
                self.errors.add(&origin, format_args!("can't be read: {why}{remedy}"));
            }
        }
    }

    /// Reads environment variables: those of the settings, and those with the prefix, to warn of unknown ones.
    pub fn env<'a>(&mut self, variables: impl IntoIterator<Item = (&'a str, &'a str)>) {
        let variables: Vec<(&str, &str)> = variables.into_iter().collect();
        let mut known: Vec<&str> = self.file_option.map(|(_, variable)| variable).into_iter().collect();
        let mut found = Vec::new();
        for setting in &self.settings {
            known.extend(setting.spec.variables);
            let mut given = setting.spec.variables.iter().filter_map(|name| {
                variables.iter().find(|(one, _)| one == name).map(|(_, text)| (*name, *text))
            });
            let Some((name, text)) = given.next() else { continue };
            if let Some((other, _)) = given.find(|(_, other)| *other != text) {
                let warning =
                    format!("{name} and {other} set {} to different values: {name} is used", setting.key);
                self.warnings.push(warning);
            }
            found.push((setting.clone(), YamlNode::unquoted(text), Origin::Variable(name)));
        }
        for (setting, node, origin) in found {
            self.give(&setting, node, origin);
        }
        let Some(prefix) = self.env_prefix else { return };
        for (name, _) in
            variables.iter().filter(|(name, _)| name.starts_with(prefix) && !known.contains(name))
        {
            let guess = suggestion(nearest(name, known.iter().copied(), prefix));
            self.warnings.push(format!("unknown variable {name}{guess}"));
        }
    }

    /// Reads the value that a flag, without its `--`, gives to the setting `key`.
    pub fn flag(&mut self, flag: &str, key: &str, text: &str) {
        let origin = Origin::Flag(flag.to_owned());
        match self.settings.iter().find(|setting| setting.key == key).cloned() {
            Some(setting) => self.give(&setting, YamlNode::unquoted(text), origin),
            None => self.unknown_setting(&origin, key),
        }
    }

    /// Checks `text` as a value of the setting `key`, without keeping it. An unknown key passes.
    ///
    /// # Errors
    ///
    /// Why it is not valid, and what to give.
    pub fn check(&self, key: &str, text: &str) -> Result<(), String> {
        let Some(setting) = self.settings.iter().find(|setting| setting.key == key) else { return Ok(()) };
        setting.check(&split_if_list(setting, YamlNode::unquoted(text))).map_err(|error| error.message)
    }

    /// Returns the values and the warnings.
    ///
    /// # Errors
    ///
    /// All errors of all sources, if there are any.
    pub fn finish(mut self) -> Result<(Values, Vec<String>), ConfigErrors> {
        self.values.profile = self.values.get(PROFILE_KEY).unwrap_or_default();
        self.errors.or((self.values, self.warnings))
    }

    fn members(&mut self, file: &Arc<str>, section: &str, members: Vec<(MapKey, YamlNode)>) {
        for (MapKey { text, position }, node) in members {
            let key = if section.is_empty() { text } else { format!("{section}.{text}") };
            let origin = |position: Option<Position>| Origin::File(file.clone(), position);
            if let Some(setting) = self.settings.iter().find(|setting| setting.key == key).cloned() {
                if !node.is_null() {
                    let origin = origin(node.position.or(position));
                    self.give(&setting, node, origin);
                }
            } else if self.sections().any(|known| known == key) {
                match node.content {
                    Content::Map(members) => self.members(file, &key, members),
                    _ if node.is_null() => {}
                    _ => {
                        let error = format!("{key} is a section: give its settings below it");
                        self.errors.add(&origin(node.position), error);
                    }
                }
            } else {
                self.unknown_setting(&origin(position), &key);
            }
        }
    }

    fn give(&mut self, setting: &Setting, node: YamlNode, origin: Origin) {
        let node = split_if_list(setting, node);
        if node.is_null() && setting.default(Profile::Development).is_null() {
            return;
        }
        if setting.spec.secret && node.text().is_some_and(|text| text.contains(MASK)) {
            let key = setting.key;
            self.warnings
                .push(format!("{origin}: {key} contains {MASK}, which masks a password: give the password"));
        }
        match setting.check(&node) {
            Ok(()) => {
                // Null, where a value is required, is an empty text.
                let node =
                    if node.is_null() { YamlNode { content: Content::text(""), ..node } } else { node };
                self.values.given.insert(setting.key, GivenValue { node, origin });
            }
            Err(error) => self.invalid_value(setting, &node, &origin, &error),
        }
    }

    fn invalid_value(&mut self, setting: &Setting, node: &YamlNode, origin: &Origin, error: &ValueError) {
        let key = setting.key;
        let message = &error.message;
        let origin = match origin {
            Origin::File(name, position) => &Origin::File(name.clone(), error.position.or(*position)),
            other => other,
        };
        let flag = match (origin, setting.spec.flag) {
            (Origin::Variable(_), Some(flag)) => format!(" (as by --{flag})"),
            _ => String::new(),
        };
        match node.text() {
            Some(text) if !setting.spec.secret => {
                self.errors.add(origin, format_args!("{key} is '{}': {message}{flag}", echo(text)));
            }
            _ => self.errors.add(origin, format_args!("{key}: {message}{flag}")),
        }
    }

    fn unknown_setting(&mut self, origin: &Origin, key: &str) {
        let known = self.settings.iter().map(|setting| setting.key).chain(self.sections());
        let guess = suggestion(nearest(key, known, ""));
        self.errors.add(origin, format_args!("unknown setting {}{guess}", echo(key)));
    }

    fn sections(&self) -> impl Iterator<Item = &'static str> {
        self.settings
            .iter()
            .flat_map(|setting| setting.key.match_indices('.').map(|(at, _)| &setting.key[..at]))
    }
}

fn suggestion(name: Option<&str>) -> String {
    name.map_or_else(String::new, |name| format!(": did you mean {name}?"))
}

fn split_if_list(setting: &Setting, node: YamlNode) -> YamlNode {
    if setting.spec.list { node.split_at_commas() } else { node }
}

fn read_file(path: &Path) -> Result<String, String> {
    let file = fs::metadata(path).map_err(|error| error.to_string())?;
    if !file.is_file() {
        return Err("it is no file".to_owned());
    }
    if file.len() > MAX_FILE_BYTES {
        return Err(format!("it has {} bytes, the limit is {MAX_FILE_BYTES}", file.len()));
    }
    fs::read_to_string(path).map_err(|error| error.to_string())
}

/// Returns the start of a text, masked, to repeat in an error.
fn echo(text: &str) -> String {
    let mut start: String = text.chars().take(MAX_ECHO_CHARS).collect();
    if start.len() < text.len() {
        start.push('…');
    }
    mask_urls(&start)
}
