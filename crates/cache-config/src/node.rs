//! What a configuration says, as it was written, and in which line.

use std::fmt;

use serde_json::Value;

/// A line and a column of a file, both counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// What is given for a setting: equal to another one if it says the same, wherever either stands.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) said: Said,
    pub(crate) place: Option<Place>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Said {
    /// A text, which in quotes is nothing but one.
    Scalar {
        text: String,
        quoted: bool,
    },
    List(Vec<Node>),
    Map(Vec<(Name, Node)>),
}

/// The name of a member, and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Name {
    pub(crate) text: String,
    pub(crate) place: Option<Place>,
}

impl Said {
    /// A text and nothing else, whatever it looks like.
    pub(crate) fn text(text: &str) -> Self {
        Self::Scalar { text: text.to_owned(), quoted: true }
    }
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.said == other.said
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Node {
    /// A text as it stands in a variable or a flag.
    pub(crate) fn plain(text: &str) -> Self {
        Self { said: Said::Scalar { text: text.to_owned(), quoted: false }, place: None }
    }

    /// A value of the program's own.
    pub(crate) fn of(value: &Value) -> Self {
        let said = match value {
            Value::Null => Said::Scalar { text: String::new(), quoted: false },
            Value::Bool(_) | Value::Number(_) => Said::Scalar { text: value.to_string(), quoted: false },
            Value::String(text) => Said::Scalar { text: text.clone(), quoted: true },
            Value::Array(items) => Said::List(items.iter().map(Self::of).collect()),
            Value::Object(members) => Said::Map(
                members
                    .iter()
                    .map(|(name, value)| (Name { text: name.clone(), place: None }, Self::of(value)))
                    .collect(),
            ),
        };
        Self { said, place: None }
    }

    /// Whether nothing is said: left empty, `~` or `null`.
    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.said, Said::Scalar { text, quoted: false } if matches!(text.as_str(), "" | "~" | "null"))
    }

    /// The texts in it parted by commas, as a list.
    pub(crate) fn parted(self) -> Self {
        match self.said {
            Said::Scalar { text, quoted: false } => {
                let parts = text.split(',').filter(|_| !text.is_empty()).map(str::trim);
                Self { said: Said::List(parts.map(Self::plain).collect()), place: self.place }
            }
            said => Self { said, place: self.place },
        }
    }

    /// The text, if it is one.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.said {
            Said::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }
}

/// What a scalar means that is in no quotes (the core schema of YAML 1.2).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Meaning {
    Null,
    Bool(bool),
    Whole(i128),
    Number(f64),
    Text,
}

impl Meaning {
    pub(crate) fn of(text: &str) -> Self {
        match text {
            "" | "~" | "null" => Self::Null,
            "true" => Self::Bool(true),
            "false" => Self::Bool(false),
            _ if !text.starts_with(|first: char| first.is_ascii_digit() || "+-.".contains(first)) => {
                Self::Text
            }
            _ => match (text.parse(), text.parse::<f64>()) {
                (Ok(whole), _) => Self::Whole(whole),
                (_, Ok(number)) if number.is_finite() => Self::Number(number),
                _ => Self::Text,
            },
        }
    }
}
