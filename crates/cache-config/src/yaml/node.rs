//! YamlNode: a value as it is written in a file, a variable or a flag, with its position in a file.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A line and a column of a file, both counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct YamlNode {
    pub(crate) content: Content,
    pub(crate) position: Option<Position>,
}

/// What a node contains.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, Serialize, Deserialize)]
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

    /// Returns the node at a path of members and of items by their number, such as `0.options.headers`, or the
    /// nearest one above it.
    pub(crate) fn nearest_at(&self, path: &str) -> &Self {
        let mut node = self;
        for part in path.split('.').filter(|part| !part.is_empty()) {
            let below = match &node.content {
                Content::Map(members) => {
                    members.iter().find(|(key, _)| key.text == part).map(|(_, below)| below)
                }
                Content::List(items) => part.parse::<usize>().ok().and_then(|at| items.get(at)),
                Content::Scalar { .. } => None,
            };
            match below {
                Some(below) => node = below,
                None => break,
            }
        }
        node
    }

    /// Returns the scalar at a position.
    pub(crate) fn at(&self, position: Position) -> Option<&Self> {
        match &self.content {
            Content::Scalar { .. } => (self.position == Some(position)).then_some(self),
            Content::List(items) => items.iter().find_map(|item| item.at(position)),
            Content::Map(members) => members.iter().find_map(|(_, below)| below.at(position)),
        }
    }

    /// Returns it as JSON. A scalar that JSON would write in another way stays a text.
    pub(crate) fn to_json(&self) -> Value {
        match &self.content {
            Content::Scalar { text, quoted: true } => text.as_str().into(),
            Content::Scalar { text, quoted: false } => match Scalar::resolve(text) {
                Scalar::Null => Value::Null,
                Scalar::Bool(value) => value.into(),
                Scalar::Integer(_) | Scalar::Float(_) => {
                    let number = serde_json::from_str::<Value>(text).ok();
                    let same =
                        number.filter(|number| serde_json::to_string(number).is_ok_and(|json| json == *text));
                    same.unwrap_or_else(|| text.as_str().into())
                }
                Scalar::String => text.as_str().into(),
            },
            Content::List(items) => items.iter().map(Self::to_json).collect(),
            Content::Map(members) => {
                Value::Object(members.iter().map(|(key, node)| (key.text.clone(), node.to_json())).collect())
            }
        }
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
