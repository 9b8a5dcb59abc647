//! Globs over whole keys: `price:AAPL*`.

use std::fmt;

use crate::{Error, ErrorKind, Key, Result};

/// A glob over the text of keys: `*` matches any run of characters, `?` matches any one character, and `\`
/// makes the next character stand for itself. Every other character, `:` and `[` included, stands for
/// itself. The whole key must match.
///
/// ```
/// use cache_core::{Key, Pattern};
///
/// let pattern = Pattern::glob("price:AAPL*")?;
/// assert!(pattern.matches(&Key::new("price", "AAPL:yahoo")?));
/// assert!(!pattern.matches(&Key::new("price", "MSFT")?));
/// assert!(!Pattern::kind("users").matches(&Key::new("usersAbc", "1")?));
/// # Ok::<(), cache_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    One,
    Many,
}

impl Pattern {
    /// Parses a glob.
    ///
    /// # Errors
    ///
    /// `Config` if the text is empty or ends in a lone `\`.
    pub fn glob(text: &str) -> Result<Self> {
        let mut pieces = Vec::new();
        let mut chars = text.chars();
        while let Some(char) = chars.next() {
            match char {
                '*' if pieces.last() == Some(&Piece::Many) => {}
                '*' => pieces.push(Piece::Many),
                '?' => pieces.push(Piece::One),
                '\\' => match chars.next() {
                    Some(escaped) => push_text(&mut pieces, escaped),
                    None => return Err(invalid(text, "ends in a lone '\\': write '\\\\' for a backslash")),
                },
                _ => push_text(&mut pieces, char),
            }
        }
        if pieces.is_empty() {
            return Err(invalid(text, "is empty: write '*' for every key"));
        }
        Ok(Self(pieces))
    }

    /// Returns the pattern of every key that starts with `text`, in which nothing is special.
    #[must_use]
    pub fn starting_with(text: &str) -> Self {
        let text = Some(Piece::Text(text.to_owned())).filter(|_| !text.is_empty());
        Self(text.into_iter().chain([Piece::Many]).collect())
    }

    /// Returns the pattern of every key of one kind, outside any namespace.
    #[must_use]
    pub fn kind(kind: &str) -> Self {
        Self::starting_with(&format!("{kind}:"))
    }

    /// Returns the same pattern for the keys of a namespace.
    #[must_use]
    pub fn within(&self, namespace: &str) -> Self {
        let mut text = format!("{namespace}:");
        let mut rest = self.0.as_slice();
        if let [Piece::Text(first), tail @ ..] = rest {
            text.push_str(first);
            rest = tail;
        }
        Self([Piece::Text(text)].into_iter().chain(rest.iter().cloned()).collect())
    }

    /// Returns `part` with every character escaped that is special in a glob.
    #[must_use]
    pub fn escape(part: &str) -> String {
        let mut text = String::with_capacity(part.len());
        for char in part.chars() {
            if matches!(char, '*' | '?' | '\\') {
                text.push('\\');
            }
            text.push(char);
        }
        text
    }

    /// Whether the whole key matches.
    #[must_use]
    pub fn matches(&self, key: &Key) -> bool {
        self.matches_text(key.as_str())
    }

    /// Whether a key of this text matches. The cache's own keys, which start with `!`, never do. Takes at
    /// worst time linear in the text for each `*`.
    #[must_use]
    pub fn matches_text(&self, text: &str) -> bool {
        !text.starts_with('!') && self.globs(text)
    }

    fn globs(&self, text: &str) -> bool {
        let (mut pieces, mut rest) = (self.0.as_slice(), text);
        // Where to resume if what follows the last `*` does not match: one character later.
        let mut retry: Option<(&[Piece], &str)> = None;
        loop {
            let step = match pieces {
                [] => rest.is_empty().then_some((pieces, rest)),
                [Piece::Many] => return true,
                [Piece::Many, tail @ ..] => {
                    retry = Some((tail, rest));
                    Some((tail, rest))
                }
                [Piece::One, tail @ ..] => skip_char(rest).map(|rest| (tail, rest)),
                [Piece::Text(start), tail @ ..] => rest.strip_prefix(start.as_str()).map(|rest| (tail, rest)),
            };
            match step {
                Some(([], "")) => return true,
                Some(([], _)) | None => {
                    let Some((tail, from)) = retry else { return false };
                    let Some(from) = skip_char(from) else { return false };
                    retry = Some((tail, from));
                    (pieces, rest) = (tail, from);
                }
                Some(next) => (pieces, rest) = next,
            }
        }
    }

    /// Returns the text that every matching key starts with, which may be empty. A sorted store seeks by it.
    #[must_use]
    pub fn literal_prefix(&self) -> &str {
        match self.0.first() {
            Some(Piece::Text(text)) => text,
            _ => "",
        }
    }
}

fn push_text(pieces: &mut Vec<Piece>, char: char) {
    match pieces.last_mut() {
        Some(Piece::Text(text)) => text.push(char),
        _ => pieces.push(Piece::Text(char.to_string())),
    }
}

fn skip_char(text: &str) -> Option<&str> {
    let mut chars = text.chars();
    chars.next().map(|_| chars.as_str())
}

fn invalid(text: &str, why: &str) -> Error {
    Error::new(ErrorKind::Config, "pattern", format!("the pattern {text:?} {why}"))
}

impl TryFrom<&str> for Pattern {
    type Error = Error;

    /// As [`Pattern::glob`].
    fn try_from(text: &str) -> Result<Self> {
        Self::glob(text)
    }
}

impl TryFrom<&String> for Pattern {
    type Error = Error;

    /// As [`Pattern::glob`].
    fn try_from(text: &String) -> Result<Self> {
        Self::glob(text)
    }
}

impl From<&Self> for Pattern {
    fn from(pattern: &Self) -> Self {
        pattern.clone()
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|piece| match piece {
            Piece::Text(text) => f.write_str(&Self::escape(text)),
            Piece::One => f.write_str("?"),
            Piece::Many => f.write_str("*"),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Prefix;

    /// The definition of a glob, written out.
    fn model(pattern: &[char], text: &[char]) -> bool {
        match pattern {
            [] => text.is_empty(),
            ['*', tail @ ..] => (0..=text.len()).any(|at| model(tail, &text[at..])),
            ['?', tail @ ..] => !text.is_empty() && model(tail, &text[1..]),
            ['\\', char, tail @ ..] | [char, tail @ ..] => {
                text.first() == Some(char) && model(tail, &text[1..])
            }
        }
    }

    proptest! {
        #[test]
        fn rule_50_a_glob_matches_what_its_definition_says(glob in "([ab:*?]|\\\\[*?\\\\]){1,8}", text in "[ab:*?\\\\]{0,8}") {
            let pattern = Pattern::glob(&glob).unwrap();
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(pattern.matches_text(&text), model(&chars(&glob), &chars(&text)));
            prop_assert!(!pattern.matches_text(&text) || text.starts_with(pattern.literal_prefix()));
            prop_assert_eq!(Pattern::glob(&pattern.to_string()).unwrap(), pattern);
        }

        #[test]
        fn rule_50_an_escaped_part_matches_itself_only(part in ".{1,12}", other in ".{1,12}") {
            let pattern = Pattern::glob(&Pattern::escape(&part)).unwrap();
            prop_assert!(pattern.globs(&part));
            prop_assert_eq!(pattern.globs(&other), part == other);
        }
    }

    #[test]
    fn a_namespace_goes_in_front() {
        let pattern = Pattern::glob("*:AAPL").unwrap().within("md");
        assert_eq!(pattern.to_string(), "md:*:AAPL");
        assert_eq!(Pattern::kind("users").within("md").literal_prefix(), "md:users:");
    }

    #[test]
    fn no_pattern_matches_the_caches_own_keys() {
        let own = Prefix::new(Some("md"), "tag").unwrap().reserved().key("AAPL").unwrap();
        assert!(own.is_reserved() && own.as_str() == "!md:tag:AAPL");
        assert!(!Pattern::glob("*").unwrap().matches(&own) && !Pattern::glob("!md:*").unwrap().matches(&own));
    }

    #[test]
    fn a_pattern_that_says_nothing_is_refused() {
        assert!(Pattern::glob("").is_err() && Pattern::glob("a\\").is_err());
    }
}
