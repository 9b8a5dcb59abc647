//! One part of an id that has several.

use std::fmt::{self, Display, Write};

/// A part of an id, written so that ids of other parts are never alike: `:` and `%` are escaped.
///
/// ```
/// use cache_facade::Part;
///
/// let id = |symbol: &str, venue: &str| format!("{}:{}", Part(symbol), Part(venue));
/// assert_eq!(id("AAPL", "XNAS"), "AAPL:XNAS");
/// assert_ne!(id("a:b", "c"), id("a", "b:c"));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Part<T>(pub T);

impl<T: Display> Display for Part<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping(f), "{}", self.0)
    }
}

struct Escaping<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for piece in text.split_inclusive([':', '%']) {
            let plain = piece.trim_end_matches([':', '%']);
            self.0.write_str(plain)?;
            match &piece[plain.len()..] {
                ":" => self.0.write_str("%3A")?,
                "%" => self.0.write_str("%25")?,
                _ => {}
            }
        }
        Ok(())
    }
}
