//! ConfigReader: reads a file, the environment and flags, and collects all errors.

use std::{
    collections::{HashMap, HashSet},
    path::Path,
    sync::Arc,
};

use crate::{
    errors::{ConfigErrors, cut, shortened},
    file::read_text_file,
    mask::{MASK, mask_urls},
    nearest::nearest,
    profile::Profile,
    setting::Setting,
    values::{GivenValue, Origin, Values},
    yaml::{Content, MapKey, Path as ValuePath, Position, Refused, ValueError, YamlNode, parse},
};

/// The key of the setting that selects the profile, if there is one.
const PROFILE_KEY: &str = "profile";
/// The largest file that is read, in bytes.
const MAX_FILE_BYTES: u64 = 1 << 20;
/// How many characters of a value are looked at for passwords, before the start of it is repeated.
const MAX_MASKED_CHARS: usize = 4096;
/// How many unknown names are compared with the known ones. A file of nothing else is no configuration.
const MAX_SUGGESTIONS: usize = 32;

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
    /// Where in `settings` each key is.
    keys: HashMap<&'static str, usize>,
    sections: HashSet<&'static str>,
    suggestions_left: usize,
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
        let keys = settings.iter().enumerate().map(|(at, setting)| (setting.key, at)).collect();
        let sections = settings.iter().flat_map(|setting| sections_of(setting.key)).collect();
        Self {
            settings,
            keys,
            sections,
            suggestions_left: MAX_SUGGESTIONS,
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
            Ok(Some(YamlNode { content: Content::Map(members), .. })) => {
                self.members(&mut FileRead { name, lines: HashMap::new() }, "", members);
            }
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
        match read_text_file(path, MAX_FILE_BYTES) {
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
            let node = YamlNode::unquoted(without_line_end(text));
            found.push((setting.clone(), node, Origin::Variable(name)));
        }
        for (setting, node, origin) in found {
            self.give(&setting, node, origin);
        }
        let Some(prefix) = self.env_prefix else { return };
        let is_known: HashSet<&str> = known.iter().copied().collect();
        for (name, _) in
            variables.iter().filter(|(name, _)| name.starts_with(prefix) && !is_known.contains(name))
        {
            let guess = if self.may_suggest() {
                suggestion(nearest(name, known.iter().copied(), prefix))
            } else {
                String::new()
            };
            self.warnings.push(format!("unknown variable {}{guess}", shortened(name)));
        }
    }

    /// Reads the value that a flag, without its `--`, gives to the setting `key`.
    pub fn flag(&mut self, flag: &str, key: &str, text: &str) {
        let origin = Origin::Flag(flag.to_owned());
        match self.setting(key).cloned() {
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
        let Some(setting) = self.setting(key) else { return Ok(()) };
        setting.check(&split_if_list(setting, YamlNode::unquoted(text))).map_err(|refused| {
            refused.errors.into_iter().next().map_or_else(String::new, |error| cut(&error.message))
        })
    }

    /// Returns the values and the warnings.
    ///
    /// # Errors
    ///
    /// All errors of all sources, if there are any.
    pub fn finish(self) -> Result<(Values, Vec<String>), ConfigErrors> {
        self.finish_with(|_, _| {})
    }

    /// Returns the values and the warnings, once `check` has added what else is wrong. It is called whether or
    /// not there are errors already; [`Values::is_refused`] tells which values are not those that were given.
    ///
    /// # Errors
    ///
    /// All errors of all sources and of `check`, if there are any.
    pub fn finish_with(
        mut self,
        check: impl FnOnce(&Values, &mut ConfigErrors),
    ) -> Result<(Values, Vec<String>), ConfigErrors> {
        self.values.profile = self.values.get(PROFILE_KEY).unwrap_or_default();
        check(&self.values, &mut self.errors);
        self.errors.or((self.values, self.warnings))
    }

    fn members(&mut self, file: &mut FileRead, section: &str, members: Vec<(MapKey, YamlNode)>) {
        for (MapKey { text, position }, node) in members {
            let key = if section.is_empty() { text } else { format!("{section}.{text}") };
            let name = file.name.clone();
            let origin = |position: Option<Position>| Origin::File(name.clone(), position);
            if let Some(setting) = self.setting(&key).cloned() {
                let line = position.map_or(0, |position| position.line);
                if let Some(first) = file.lines.insert(setting.key, line) {
                    let error = format!("{key} is given a second time, first on line {first}: give it once");
                    self.errors.add(&origin(position), error);
                } else if !node.is_null() {
                    let origin = origin(node.position.or(position));
                    self.give(&setting, node, origin);
                }
            } else if self.sections.contains(key.as_str()) {
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
        let mut node = split_if_list(setting, node);
        // A secret that was written to a variable or a block of YAML often has the line's end with it.
        if let (true, Content::Scalar { text, .. }) = (setting.spec.secret, &mut node.content) {
            text.truncate(without_line_end(text).len());
        }
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
            Err(Refused { errors, rest, left_out }) => {
                self.values.refused.entry(setting.key).or_default().extend(left_out);
                for error in errors {
                    self.invalid_value(setting, &node, &origin, &error);
                }
                // What is left is not used, but looked at for further errors.
                if let Some(rest) = rest {
                    self.values.given.insert(setting.key, GivenValue { node: rest, origin });
                }
            }
        }
    }

    fn invalid_value(&mut self, setting: &Setting, node: &YamlNode, origin: &Origin, error: &ValueError) {
        let key = setting.key;
        let message = &error.message;
        // Further errors are only counted, and looking for each of their places takes long.
        let path = if self.errors.is_full() { String::new() } else { ValuePath::to(node, error).to_string() };
        let origin = &origin.at(error.position);
        let flag = match (origin, setting.spec.flag) {
            (Origin::Variable(_), Some(flag)) => format!(" (as by --{flag})"),
            _ => String::new(),
        };
        match node.text() {
            Some(text) if !setting.spec.secret => {
                self.errors.add(origin, format_args!("{key} is '{}': {message}{flag}", echo(text)));
            }
            _ => self.errors.add(origin, format_args!("{key}{path}: {message}{flag}")),
        }
    }

    fn unknown_setting(&mut self, origin: &Origin, key: &str) {
        let guess = if self.may_suggest() {
            // In their order, so that of two that are equally near always the same one is named.
            let settings = self.settings.iter().map(|setting| setting.key);
            let sections = self.settings.iter().flat_map(|setting| sections_of(setting.key));
            suggestion(nearest(key, settings.chain(sections), ""))
        } else {
            String::new()
        };
        self.errors.add(origin, format_args!("unknown setting {}{guess}", echo(key)));
    }

    fn setting(&self, key: &str) -> Option<&Setting> {
        self.keys.get(key).map(|at| &self.settings[*at])
    }

    /// Whether one more unknown name may be compared with all known ones.
    fn may_suggest(&mut self) -> bool {
        let left = self.suggestions_left;
        self.suggestions_left = left.saturating_sub(1);
        left > 0
    }
}

/// A file that is being read: its name, and on which line each setting was given, whether by its dotted or its
/// nested name.
struct FileRead {
    name: Arc<str>,
    lines: HashMap<&'static str, usize>,
}

/// Returns the sections that a key is in.
fn sections_of(key: &'static str) -> impl Iterator<Item = &'static str> {
    key.match_indices('.').map(move |(at, _)| &key[..at])
}

fn suggestion(name: Option<&str>) -> String {
    name.map_or_else(String::new, |name| format!(": did you mean {name}?"))
}

fn without_line_end(text: &str) -> &str {
    text.trim_end_matches(['\r', '\n'])
}

fn split_if_list(setting: &Setting, node: YamlNode) -> YamlNode {
    if setting.spec.list { node.split_at_commas() } else { node }
}

/// Returns the start of a text, masked, to repeat in an error.
fn echo(text: &str) -> String {
    // A password is masked as a whole before the text is cut.
    let start = text.char_indices().nth(MAX_MASKED_CHARS).map_or(text, |(at, _)| &text[..at]);
    shortened(&mask_urls(start))
}
