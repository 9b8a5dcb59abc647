//! ConfigErrors: everything that is wrong with a configuration, reported at once.

use std::{fmt, sync::Arc};

use crate::values::Origin;

/// How many errors are kept. Further ones are counted.
const MAX_ERRORS: usize = 100;
/// How many characters of a name or a value an error repeats.
const MAX_ECHO_CHARS: usize = 150;
/// How many characters of an error are kept at its start and at its end, where the remedy is.
const MAX_HALF_CHARS: usize = 500;

/// All errors of a configuration, each with its origin and its remedy, one a line in `Display`: those of a file by
/// their lines, then all others as they were found. Of more than 100 the first 100 are kept, and a last one says
/// how many more there are.
///
/// ```
/// use cache_config::{ConfigErrors, Origin, Position};
///
/// let at = |line| Origin::File("app.yaml".into(), Some(Position { line, column: 1 }));
/// let mut errors = ConfigErrors::default();
/// errors.add(&Origin::Flag("ttl".to_owned()), "give a number");
/// errors.add(&at(10), "the second");
/// errors.add(&at(9), format_args!("'{}' is long", "x".repeat(1000)));
/// let lines: Vec<&str> = errors.iter().collect();
/// assert_eq!(lines[0].len(), "app.yaml:9:1: '…' is long".len() + 149);
/// assert_eq!(lines[1..], ["app.yaml:10:1: the second", "--ttl: give a number"]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigErrors {
    errors: Vec<(Place, String)>,
    /// The last line, if there are more than are kept.
    more: Option<String>,
    count: usize,
}

impl ConfigErrors {
    /// The errors, each as one text.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.errors.iter().map(|(_, error)| error).chain(&self.more).map(String::as_str)
    }

    /// Adds an error found at `origin`. Of long values in it the start is kept.
    pub fn add(&mut self, origin: &Origin, error: impl fmt::Display) {
        self.count += 1;
        if self.is_full() {
            self.more = Some(format!("and {} more errors: mend these first", self.count - MAX_ERRORS));
        } else {
            let place = Place::of(origin);
            let at = self.errors.partition_point(|(other, _)| *other <= place);
            self.errors.insert(at, (place, format!("{origin}: {}", cut(&error.to_string()))));
        }
    }

    /// Returns how many errors there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// Whether further errors are only counted.
    pub(crate) fn is_full(&self) -> bool {
        self.count > MAX_ERRORS
    }

    /// Returns `value` if there are no errors.
    ///
    /// # Errors
    ///
    /// These errors, if there are any.
    pub fn or<T>(self, value: T) -> Result<T, Self> {
        if self.count == 0 { Ok(value) } else { Err(self) }
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.iter().collect::<Vec<_>>().join("\n"))
    }
}

/// Where an error is listed: by its line in its file, or behind all files.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    File(Arc<str>, usize, usize),
    Elsewhere,
}

impl Place {
    fn of(origin: &Origin) -> Self {
        match origin {
            Origin::File(name, position) => {
                let (line, column) = position.map_or((0, 0), |position| (position.line, position.column));
                Self::File(name.clone(), line, column)
            }
            _ => Self::Elsewhere,
        }
    }
}

/// Returns the start of a name or a value, to repeat in an error.
///
/// ```
/// assert_eq!(cache_config::shortened("a short one"), "a short one");
/// assert_eq!(cache_config::shortened(&"é".repeat(1 << 20)).chars().count(), 151);
/// ```
#[must_use]
pub fn shortened(text: &str) -> String {
    let mut start: String = text.chars().take(MAX_ECHO_CHARS).collect();
    if start.len() < text.len() {
        start.push('…');
    }
    start
}

/// Returns an error whose words are short, and of which the middle is left out if it is long even so: whoever made
/// it may have repeated a value as it was given.
pub(crate) fn cut(error: &str) -> String {
    let mut words = String::new();
    for word in error.split_inclusive(char::is_whitespace) {
        // What closes the value is kept.
        let value = word.trim_end_matches(|last: char| last.is_whitespace() || "'\":;,)".contains(last));
        words.push_str(&shortened(value));
        words.push_str(&shortened(&word[value.len()..]));
    }
    let chars = words.chars().count();
    if chars <= 2 * MAX_HALF_CHARS {
        return words;
    }
    let start: String = words.chars().take(MAX_HALF_CHARS).collect();
    let end: String = words.chars().skip(chars - MAX_HALF_CHARS).collect();
    format!("{start} … {end}")
}

impl std::error::Error for ConfigErrors {}
