//! YamlNode: a value as it is written in a file, a variable or a flag, with its position in a file.

use std::fmt;

use serde_json::Value;

/// A line and a column of a file, both counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A value as it is written. Two are equal if their contents are, whatever their positions.
#[derive(Clone, Debug)]
pub(crate) struct YamlNode {
    pub(crate) content: Content,
    pub(crate) position: Option<Position>,
}

/// What a node contains.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Content {
    /// A text; in quotes it is a string, otherwise its [`Scalar`] decides.
    Scalar {
        text: String,
        quoted: bool,
    },
    List(Vec<YamlNode>),
    Map(Vec<(MapKey, YamlNode)>),
}

/// The key of a member of a map. Two are equal if their texts are.
#[derive(Clone, Debug)]
pub(crate) struct MapKey {
    pub(crate) text: String,
    pub(crate) position: Option<Position>,
}

impl Content {
    /// Returns a string, whatever it looks like.
    pub(crate) fn text(text: &str) -> Self {
        Self::Scalar { text: text.to_owned(), quoted: true }
    }
}

impl PartialEq for YamlNode {
    fn eq(&self, other: &Self) -> bool {
        self.content == other.content
    }
}

impl PartialEq for MapKey {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl YamlNode {
    /// Returns the node of a text without quotes, such as a variable's or a flag's.
    pub(crate) fn unquoted(text: &str) -> Self {
        Self { content: Content::Scalar { text: text.to_owned(), quoted: false }, position: None }
    }

    /// Returns the node of a value that the program made.
    pub(crate) fn from_json(value: &Value) -> Self {
        let content = match value {
            Value::Null => Content::Scalar { text: String::new(), quoted: false },
            Value::Bool(_) | Value::Number(_) => Content::Scalar { text: value.to_string(), quoted: false },
            Value::String(text) => Content::Scalar { text: text.clone(), quoted: true },
            Value::Array(items) => Content::List(items.iter().map(Self::from_json).collect()),
            Value::Object(members) => Content::Map(
                members
                    .iter()
                    .map(|(key, value)| {
                        (MapKey { text: key.clone(), position: None }, Self::from_json(value))
                    })
                    .collect(),
            ),
        };
        Self { content, position: None }
    }

    /// Whether it is empty, `~` or `null`, without quotes.
    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.content, Content::Scalar { text, quoted: false } if matches!(text.as_str(), "" | "~" | "null"))
    }

    /// Returns the list of what commas separate in a text without quotes; any other node as it is.
    pub(crate) fn split_at_commas(self) -> Self {
        match self.content {
            Content::Scalar { text, quoted: false } => {
                let parts = text.split(',').filter(|_| !text.is_empty()).map(str::trim);
                Self { content: Content::List(parts.map(Self::unquoted).collect()), position: self.position }
            }
            content => Self { content, position: self.position },
        }
    }

    /// Returns the text of a scalar; `None` for a list or a map.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }
}

/// The meaning of a scalar without quotes, by the core schema of YAML 1.2.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Scalar {
    Null,
    Bool(bool),
    Integer(i128),
    Float(f64),
    String,
}

impl Scalar {
    /// Returns what the text means.
    pub(crate) fn resolve(text: &str) -> Self {
        match text {
            "" | "~" | "null" => Self::Null,
            "true" => Self::Bool(true),
            "false" => Self::Bool(false),
            _ if !text.starts_with(|first: char| first.is_ascii_digit() || "+-.".contains(first)) => {
                Self::String
            }
            _ => match (text.parse(), text.parse::<f64>()) {
                (Ok(integer), _) => Self::Integer(integer),
                (_, Ok(float)) if float.is_finite() => Self::Float(float),
                _ => Self::String,
            },
        }
    }
}
