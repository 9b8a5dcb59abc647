//! Prints a configuration as YAML: the values in force with their origins, secrets masked.

use super::node::{Content, MapKey, Scalar, YamlNode};
use crate::{
    mask::{MASK, mask_urls},
    profile::Profile,
    setting::Setting,
    values::Values,
};

/// The column in which the origins begin, unless the line is longer.
const ORIGIN_COLUMN: usize = 40;

impl Values {
    /// Returns the value in force of each of `settings` as YAML that can be read again, with its origin as a
    /// comment. Passwords are masked as `***`.
    ///
    /// ```
    /// use cache_config::{ConfigReader, Section, section, setting};
    ///
    /// section! {
    ///     /// Redis.
    ///     pub struct Redis("redis.", _profile) {
    ///         /// The password.
    ///         password: Option<String> = None, setting().secret().env(&["REDIS_PASSWORD"]),
    ///     }
    /// }
    ///
    /// let mut reader = ConfigReader::new(Redis::settings());
    /// reader.env([("REDIS_PASSWORD", "secret")]);
    /// let (values, _) = reader.finish()?;
    /// let yaml = values.to_yaml(&Redis::settings());
    /// let line = yaml.lines().find(|line| line.contains("password")).unwrap_or_default();
    /// assert!(line.starts_with("  password: \"***\" ") && line.ends_with(" # REDIS_PASSWORD"), "{line}");
    /// # Ok::<(), cache_config::ConfigErrors>(())
    /// ```
    #[must_use]
    pub fn to_yaml(&self, settings: &[Setting]) -> String {
        let mut text = String::new();
        let mut open: Vec<&str> = Vec::new();
        for setting in settings {
            let (sections, name) = sections_and_name(setting.key);
            let shared = open.iter().zip(&sections).take_while(|(a, b)| a == b).count();
            for (depth, section) in sections.iter().enumerate().skip(shared) {
                text.push_str(&format!("{}{section}:\n", indent(depth)));
            }
            open = sections;
            let origin = if self.given.contains_key(setting.key) {
                self.origin(setting.key).to_string()
            } else {
                "default".to_owned()
            };
            self.line(&mut text, setting, open.len(), name, &origin);
        }
        text
    }

    /// Returns the value of a setting on one line, as in a file. Passwords are masked.
    #[must_use]
    pub fn text(&self, setting: &Setting) -> String {
        setting.line(self.node(setting))
    }

    fn line(&self, text: &mut String, setting: &Setting, depth: usize, name: &str, origin: &str) {
        let node = self.node(setting);
        let node = if setting.spec.secret { &masked(node) } else { node };
        match block(node, depth + 1) {
            Some(block) => {
                let head = format!("{}{name}:", indent(depth));
                text.push_str(&format!("{head:ORIGIN_COLUMN$} # {origin}\n{block}"));
            }
            None => {
                let head = format!("{}{name}: {}", indent(depth), flow(node));
                text.push_str(&format!("{head:ORIGIN_COLUMN$} # {origin}\n"));
            }
        }
    }
}

impl Setting {
    /// Returns the default on one line, as in a file.
    #[must_use]
    pub fn default_text(&self, profile: Profile) -> String {
        self.line(self.default(profile))
    }

    /// Returns the default of the development profile as lines of a file.
    pub(crate) fn default_lines(&self) -> Vec<String> {
        let (name, node) = (sections_and_name(self.key).1, self.default(Profile::Development));
        let text = block(node, 1)
            .map_or_else(|| format!("{name}: {}", self.line(node)), |block| format!("{name}:\n{block}"));
        text.lines().map(str::to_owned).collect()
    }

    fn line(&self, node: &YamlNode) -> String {
        if self.spec.secret { flow(&masked(node)) } else { flow(node) }
    }
}

/// Returns the sections that a setting is in, and its name there.
pub(super) fn sections_and_name(key: &str) -> (Vec<&str>, &str) {
    let mut parts: Vec<&str> = key.split('.').collect();
    let name = parts.pop().unwrap_or_default();
    (parts, name)
}

/// Masks the password of a URL, and any other text as a whole. Null stays null.
fn masked(node: &YamlNode) -> YamlNode {
    let content = match &node.content {
        Content::Scalar { text, .. } if !node.is_null() => {
            let text = if text.contains("://") { mask_urls(text) } else { MASK.to_owned() };
            Content::Scalar { text, quoted: true }
        }
        content => content.clone(),
    };
    YamlNode { content, position: None }
}

fn indent(depth: usize) -> String {
    "  ".repeat(depth)
}

/// Returns the node in block style, if it has maps in it.
fn block(node: &YamlNode, depth: usize) -> Option<String> {
    let items = match &node.content {
        Content::List(items) if items.iter().any(|item| matches!(item.content, Content::Map(_))) => items,
        Content::Map(members) if !members.is_empty() => return Some(block_members(members, depth)),
        _ => return None,
    };
    Some(
        items
            .iter()
            .map(|item| match block(item, depth + 1) {
                // The first member is on the line of the dash.
                Some(lines) => format!("{}- {}", indent(depth), lines.trim_start()),
                None => format!("{}- {}\n", indent(depth), flow(item)),
            })
            .collect(),
    )
}

fn block_members(members: &[(MapKey, YamlNode)], depth: usize) -> String {
    let member = |(name, node): &(MapKey, YamlNode)| {
        let name = scalar(&name.text, true);
        match block(node, depth + 1) {
            Some(lines) => format!("{}{name}:\n{lines}", indent(depth)),
            None => format!("{}{name}: {}\n", indent(depth), flow(node)),
        }
    };
    members.iter().map(member).collect()
}

/// Returns the node in flow style, on one line.
fn flow(node: &YamlNode) -> String {
    match &node.content {
        Content::Scalar { .. } if node.is_null() => "null".to_owned(),
        Content::Scalar { text, quoted } => scalar(&mask_urls(text), *quoted),
        Content::List(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Content::Map(members) => {
            let members =
                members.iter().map(|(name, node)| format!("{}: {}", scalar(&name.text, true), flow(node)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
        }
    }
}

/// Returns a scalar, quoted if it would mean something else without quotes.
fn scalar(text: &str, quoted: bool) -> String {
    let word = text.starts_with(|first: char| first.is_ascii_alphabetic() || "./_".contains(first))
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "._/-".contains(c));
    match Scalar::resolve(text) {
        Scalar::String if word => text.to_owned(),
        Scalar::String => quote(text),
        _ if quoted => quote(text),
        _ => text.to_owned(),
    }
}

/// Returns a text in double quotes, with all but letters, digits and ASCII punctuation escaped.
fn quote(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            ' '..='~' => quoted.push(c),
            c if c.is_alphanumeric() => quoted.push(c),
            c => quoted.push_str(&format!("\\U{:08X}", u32::from(c))),
        }
    }
    quoted.push('"');
    quoted
}
