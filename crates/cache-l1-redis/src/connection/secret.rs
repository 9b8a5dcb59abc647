//! A text that is never shown.

use std::fmt;

/// A password or a private key.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret<T = String>(pub(crate) T);

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn it_is_not_shown() {
        assert_eq!(format!("{:?}", Some(Secret("hunter2".to_owned()))), "Some(…)");
    }
}
