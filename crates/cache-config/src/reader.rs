//! Reading a configuration: a file, then the environment, then flags, and all that is wrong with them.

use std::{fmt, path::Path, sync::Arc};

use crate::{
    deserialize::Misfit,
    mask,
    nearest::nearest,
    node::{Name, Node, Place, Said},
    profile::Profile,
    setting::Setting,
    values::{Given, Origin, Values},
    yaml,
};

/// The key of the profile, where there is one.
const PROFILE: &str = "profile";
/// The longest file that is read, in bytes.
const LONGEST: u64 = 1 << 20;
/// How much of a value is repeated.
const ECHO: usize = 64;

/// A configuration being read. What is read later replaces what was read before: read the file first, then
/// the environment, then flags.
///
/// ```
/// use cache_config::{Reading, Section, section, setting};
///
/// section! {
///     /// The near tier.
///     pub struct Memory("memory.", profile) {
///         /// What may be kept in memory.
///         mib: u64 = profile.choose(64, 256),
///             setting().unit("MiB").within(1.0..=1_048_576.0).env(&["CACHE_MEMORY_MIB"]).flag("memory-mib"),
///     }
/// }
///
/// section! {
///     /// The disk tier.
///     pub struct Disk("disk.", _profile) {
///         /// What may be kept on disk.
///         mib: u64 = 1024, setting().within(16.0..=1_073_741_824.0),
///     }
/// }
///
/// let mut reading = Reading::of([Memory::settings(), Disk::settings()].concat());
/// reading.file("cache.yaml", "memory:\n  mb: 16\ndisk:\n  mib: much\n");
/// reading.variables([("CACHE_MEMORY_MIB", "0")]);
/// let error = reading.finish().unwrap_err().to_string();
/// assert!(error.contains("cache.yaml:2:3: there is no memory.mb: did you mean memory.mib?"), "{error}");
/// assert!(error.contains("cache.yaml:4:8: disk.mib is 'much': give a number in 16..="), "{error}");
/// assert!(error.contains("CACHE_MEMORY_MIB: memory.mib is '0': give a number in 1..=1048576"), "{error}");
/// ```
#[derive(Debug)]
pub struct Reading {
    settings: Vec<Setting>,
    values: Values,
    faults: Faults,
    warnings: Vec<String>,
}

/// All that is wrong with a configuration, each with where it is and what to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults(Vec<String>);

impl Faults {
    /// One a fault.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// One more.
    pub fn add(&mut self, origin: &Origin, what: impl fmt::Display) {
        self.0.push(format!("{origin}: {what}"));
    }

    /// The values if nothing is wrong.
    ///
    /// # Errors
    ///
    /// The faults, if there are any.
    pub fn or<T>(self, values: T) -> Result<T, Self> {
        if self.0.is_empty() { Ok(values) } else { Err(self) }
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for Faults {}

impl Reading {
    /// Of these settings, nothing read yet.
    #[must_use]
    pub fn of(settings: Vec<Setting>) -> Self {
        Self { settings, values: Values::default(), faults: Faults::default(), warnings: Vec::new() }
    }

    /// Reads a file's text; `name` is what faults call it.
    pub fn file(&mut self, name: &str, text: &str) {
        let name: Arc<str> = name.into();
        match yaml::read(text) {
            Ok(None) => {}
            Ok(Some(Node { said: Said::Map(members), .. })) => self.members(&name, "", members),
            Ok(Some(root)) => {
                let origin = Origin::File(name, root.place);
                self.faults.add(&origin, "give sections, such as `memory:`, each with its settings below it");
            }
            Err(broken) => {
                self.faults.add(&Origin::File(name, broken.place), format!("no YAML: {}", broken.why));
            }
        }
    }

    /// Reads the file at `path`.
    pub fn path(&mut self, path: &Path) {
        let name = path.display().to_string();
        match text(path) {
            Ok(text) => self.file(&name, &text),
            Err(why) => self.faults.add(
                &Origin::File(name.into(), None),
                format!("can't be read: {why}; name one that can, with --config or CACHE_CONFIG"),
            ),
        }
    }

    /// Reads variables. A `CACHE_…` that means nothing is a warning.
    pub fn variables<'a>(&mut self, variables: impl IntoIterator<Item = (&'a str, &'a str)>) {
        let variables: Vec<(&str, &str)> = variables.into_iter().collect();
        let mut known: Vec<&str> = crate::OTHER_VARIABLES.to_vec();
        let mut found = Vec::new();
        for setting in &self.settings {
            known.extend(setting.traits.variables);
            let mut given = setting.traits.variables.iter().filter_map(|name| {
                variables.iter().find(|(one, _)| one == name).map(|(_, text)| (*name, *text))
            });
            let Some((name, text)) = given.next() else { continue };
            if let Some((other, _)) = given.find(|(_, other)| *other != text) {
                self.warnings
                    .push(format!("{other} says something else than {name}, which counts: give one"));
            }
            found.push((setting.clone(), Node::plain(text), Origin::Variable(name)));
        }
        for (setting, node, origin) in found {
            self.give(&setting, node, origin);
        }
        for (name, _) in
            variables.iter().filter(|(name, _)| name.starts_with("CACHE_") && !known.contains(name))
        {
            let guess = nearest(name, known.iter().copied());
            let guess = guess.map_or_else(String::new, |guess| format!(": did you mean {guess}?"));
            self.warnings.push(format!("{name} means nothing here{guess}"));
        }
    }

    /// Reads what a flag says of the setting `key`.
    pub fn flag(&mut self, flag: &str, key: &str, text: &str) {
        let origin = Origin::Flag(flag.to_owned());
        match self.settings.iter().find(|setting| setting.key == key).cloned() {
            Some(setting) => self.give(&setting, Node::plain(text), origin),
            None => self.unknown(&origin, key),
        }
    }

    /// What would be wrong with `text` for the setting `key`; for a setting that isn't there, nothing.
    ///
    /// # Errors
    ///
    /// Why it can't be, and what to give.
    pub fn judge(&self, key: &str, text: &str) -> Result<(), String> {
        let Some(setting) = self.settings.iter().find(|setting| setting.key == key) else { return Ok(()) };
        setting.check(&shaped(setting, Node::plain(text))).map_err(|misfit| misfit.why)
    }

    /// The values, with what is odd about them but not wrong.
    ///
    /// # Errors
    ///
    /// All that is wrong.
    pub fn finish(mut self) -> Result<(Values, Vec<String>), Faults> {
        self.values.profile = self.values.get(PROFILE).unwrap_or_default();
        self.faults.or((self.values, self.warnings))
    }

    fn members(&mut self, file: &Arc<str>, section: &str, members: Vec<(Name, Node)>) {
        for (Name { text, place }, node) in members {
            let key = if section.is_empty() { text } else { format!("{section}.{text}") };
            let origin = |place: Option<Place>| Origin::File(file.clone(), place);
            if let Some(setting) = self.settings.iter().find(|setting| setting.key == key).cloned() {
                if !node.is_null() {
                    let origin = origin(node.place.or(place));
                    self.give(&setting, node, origin);
                }
            } else if self.sections().any(|known| known == key) {
                match node.said {
                    Said::Map(members) => self.members(file, &key, members),
                    _ if node.is_null() => {}
                    _ => self
                        .faults
                        .add(&origin(node.place), format!("{key} is a section: give its settings below it")),
                }
            } else {
                self.unknown(&origin(place), &key);
            }
        }
    }

    fn give(&mut self, setting: &Setting, node: Node, origin: Origin) {
        let node = shaped(setting, node);
        if node.is_null() && setting.default(Profile::Development).is_null() {
            return;
        }
        if setting.traits.secret && node.text().is_some_and(|text| text.contains(mask::HIDDEN)) {
            let hidden =
                format!("{origin}: {} has {} where a password was not shown", setting.key, mask::HIDDEN);
            self.warnings.push(format!("{hidden}: give the password"));
        }
        match setting.check(&node) {
            Ok(()) => {
                // Nothing at all, where something must be, is an empty text.
                let node = if node.is_null() { Node { said: Said::text(""), ..node } } else { node };
                self.values.given.insert(setting.key, Given { node, origin });
            }
            Err(misfit) => self.misfit(setting, &node, &origin, &misfit),
        }
    }

    fn misfit(&mut self, setting: &Setting, node: &Node, origin: &Origin, misfit: &Misfit) {
        let key = setting.key;
        let why = &misfit.why;
        let origin = match origin {
            Origin::File(name, place) => &Origin::File(name.clone(), misfit.place.or(*place)),
            other => other,
        };
        let also = match (origin, setting.traits.flag) {
            (Origin::Variable(_), Some(flag)) => format!(" (as by --{flag})"),
            _ => String::new(),
        };
        match node.text() {
            Some(text) if !setting.traits.secret => {
                self.faults.add(origin, format!("{key} is '{}': {why}{also}", echo(text)));
            }
            _ => self.faults.add(origin, format!("{key}: {why}{also}")),
        }
    }

    fn unknown(&mut self, origin: &Origin, key: &str) {
        let known = self.settings.iter().map(|setting| setting.key).chain(self.sections());
        let guess = nearest(key, known);
        let guess = guess.map_or_else(String::new, |guess| format!(": did you mean {guess}?"));
        self.faults.add(origin, format!("there is no {}{guess}", echo(key)));
    }

    fn sections(&self) -> impl Iterator<Item = &'static str> {
        self.settings
            .iter()
            .flat_map(|setting| setting.key.match_indices('.').map(|(at, _)| &setting.key[..at]))
    }
}

/// A text as the setting wants it: in parts if it is a list.
fn shaped(setting: &Setting, node: Node) -> Node {
    if setting.traits.list { node.parted() } else { node }
}

fn text(path: &Path) -> Result<String, String> {
    let file = std::fs::metadata(path).map_err(|error| error.to_string())?;
    if !file.is_file() {
        return Err("it is no file".to_owned());
    }
    if file.len() > LONGEST {
        return Err(format!("it is {} bytes long, the most is {LONGEST}", file.len()));
    }
    std::fs::read_to_string(path).map_err(|error| error.to_string())
}

/// The start of a text, for a message.
fn echo(text: &str) -> String {
    let mut start: String = text.chars().take(ECHO).collect();
    if start.len() < text.len() {
        start.push('…');
    }
    mask::url(&start)
}
