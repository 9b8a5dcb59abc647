//! The encoding of one part of a key.

use std::borrow::Cow;

use market_data::Invalid;

/// Returns the part as it stands in a key: `:` and `%` are percent-encoded, as in
/// [`cache_core::Key::from_parts`]. `name` is what the part is, for the error.
pub(super) fn write<'a>(name: &str, part: &'a str) -> Result<Cow<'a, str>, Invalid> {
    if part.is_empty() {
        return Err(Invalid::new(format!("the {name} of a key is empty: it would name nothing")));
    }
    if !part.contains([':', '%']) {
        return Ok(Cow::Borrowed(part));
    }
    Ok(Cow::Owned(part.replace('%', "%25").replace(':', "%3A")))
}

/// Decodes a part; a text that [`write`] would not have written is refused.
pub(super) fn read(text: &str) -> Result<String, Invalid> {
    let part = text.replace("%3A", ":").replace("%25", "%");
    // Otherwise one part would have two texts.
    if write("part", &part)? == text {
        return Ok(part);
    }
    let start: String = text.chars().take(32).collect();
    Err(Invalid::new(format!("{start:?} is no part of a key: ':' is written %3A there, and '%' as %25")))
}
