//! Writing a configuration as YAML: what holds, and where each value comes from, without passwords.

use crate::{
    mask,
    node::{Meaning, Name, Node, Said},
    profile::Profile,
    setting::Setting,
    values::Values,
};

/// In which column the origins begin, where a line leaves room for it.
const COLUMN: usize = 40;

impl Values {
    /// What holds for each of `settings`, as YAML that can be read again, in which each line says where its
    /// value comes from. Passwords are replaced by `***`.
    ///
    /// ```
    /// use cache_config::{Reading, Section, section, setting};
    ///
    /// section! {
    ///     /// Redis.
    ///     pub struct Redis("redis.", _profile) {
    ///         /// The password.
    ///         password: Option<String> = None, setting().secret().env(&["REDIS_PASSWORD"]),
    ///     }
    /// }
    ///
    /// let mut reading = Reading::of(Redis::settings());
    /// reading.variables([("REDIS_PASSWORD", "secret")]);
    /// let (values, _) = reading.finish()?;
    /// let yaml = values.to_yaml(&Redis::settings());
    /// let line = yaml.lines().find(|line| line.contains("password")).unwrap_or_default();
    /// assert!(line.starts_with("  password: \"***\" ") && line.ends_with(" # REDIS_PASSWORD"), "{line}");
    /// # Ok::<(), cache_config::Faults>(())
    /// ```
    #[must_use]
    pub fn to_yaml(&self, settings: &[Setting]) -> String {
        let mut text = String::new();
        let mut open: Vec<&str> = Vec::new();
        for setting in settings {
            let (sections, name) = parts(setting.key);
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

    /// The setting's value on one line, as it would stand in a file, without passwords.
    #[must_use]
    pub fn shown(&self, setting: &Setting) -> String {
        setting.line(self.node(setting))
    }

    fn line(&self, text: &mut String, setting: &Setting, depth: usize, name: &str, origin: &str) {
        let node = self.node(setting);
        let node = if setting.traits.secret { &hidden(node) } else { node };
        match block(node, depth + 1) {
            Some(block) => {
                let head = format!("{}{name}:", indent(depth));
                text.push_str(&format!("{head:COLUMN$} # {origin}\n{block}"));
            }
            None => {
                let head = format!("{}{name}: {}", indent(depth), flow(node));
                text.push_str(&format!("{head:COLUMN$} # {origin}\n"));
            }
        }
    }
}

impl Setting {
    /// What holds if nothing is given, on one line.
    #[must_use]
    pub fn shown_default(&self, profile: Profile) -> String {
        self.line(self.default(profile))
    }

    /// The same as lines of a file.
    pub(crate) fn default_lines(&self) -> Vec<String> {
        let (name, node) = (parts(self.key).1, self.default(Profile::Development));
        let text = block(node, 1)
            .map_or_else(|| format!("{name}: {}", self.line(node)), |block| format!("{name}:\n{block}"));
        text.lines().map(str::to_owned).collect()
    }

    fn line(&self, node: &Node) -> String {
        if self.traits.secret { flow(&hidden(node)) } else { flow(node) }
    }
}

/// The sections a setting is in, and its name there.
pub(crate) fn parts(key: &str) -> (Vec<&str>, &str) {
    let mut parts: Vec<&str> = key.split('.').collect();
    let name = parts.pop().unwrap_or_default();
    (parts, name)
}

/// A password that is no URL is hidden as a whole; what isn't there isn't hidden.
fn hidden(node: &Node) -> Node {
    let said = match &node.said {
        Said::Scalar { text, .. } if !node.is_null() => {
            let text = if text.contains("://") { mask::url(text) } else { mask::HIDDEN.to_owned() };
            Said::Scalar { text, quoted: true }
        }
        said => said.clone(),
    };
    Node { said, place: None }
}

fn indent(depth: usize) -> String {
    "  ".repeat(depth)
}

/// The node in lines of its own, if it has maps in it.
fn block(node: &Node, depth: usize) -> Option<String> {
    let items = match &node.said {
        Said::List(items) if items.iter().any(|item| matches!(item.said, Said::Map(_))) => items,
        Said::Map(members) if !members.is_empty() => return Some(members_of(members, depth)),
        _ => return None,
    };
    Some(
        items
            .iter()
            .map(|item| match block(item, depth + 1) {
                // The first member stands behind the dash.
                Some(lines) => format!("{}- {}", indent(depth), lines.trim_start()),
                None => format!("{}- {}\n", indent(depth), flow(item)),
            })
            .collect(),
    )
}

fn members_of(members: &[(Name, Node)], depth: usize) -> String {
    let member = |(name, node): &(Name, Node)| {
        let name = scalar(&name.text, true);
        match block(node, depth + 1) {
            Some(lines) => format!("{}{name}:\n{lines}", indent(depth)),
            None => format!("{}{name}: {}\n", indent(depth), flow(node)),
        }
    };
    members.iter().map(member).collect()
}

/// The node on one line.
fn flow(node: &Node) -> String {
    match &node.said {
        Said::Scalar { .. } if node.is_null() => "null".to_owned(),
        Said::Scalar { text, quoted } => scalar(&mask::url(text), *quoted),
        Said::List(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Said::Map(members) => {
            let members =
                members.iter().map(|(name, node)| format!("{}: {}", scalar(&name.text, true), flow(node)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
        }
    }
}

/// A text in quotes, if it would be something else without them.
fn scalar(text: &str, quoted: bool) -> String {
    let word = text.starts_with(|first: char| first.is_ascii_alphabetic() || "./_".contains(first))
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "._/-".contains(c));
    match Meaning::of(text) {
        Meaning::Text if word => text.to_owned(),
        Meaning::Text => quote(text),
        _ if quoted => quote(text),
        _ => text.to_owned(),
    }
}

/// In double quotes, with everything escaped that is not plainly readable.
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
