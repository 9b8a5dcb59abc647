//! Texts put into URLs, so that they mean nothing there but themselves.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What may stand in a URL as it is: letters, digits, and the four marks of RFC 3986.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// `text`, percent-encoded for a segment of a path or a value of a query. A whole segment of `.` or `..` is a
/// way up all the same: it is for the caller to see that there is none.
pub(crate) fn escaped(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}
