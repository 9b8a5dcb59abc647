//! The id of a queued key, which takes no allocation of its own if it is short.

/// As many bytes as fit beside the tag and the length without making the text larger than a long one.
const INLINE: usize = 22;

/// A text that is held in place up to 22 bytes. Ids of assets are that short, and a key's own text takes an
/// allocation with two counters, which is more than all that the queue needs to know.
#[derive(Debug)]
pub(super) enum ShortText {
    Inline { len: u8, bytes: [u8; INLINE] },
    Long(Box<str>),
}

impl ShortText {
    pub(super) fn new(text: &str) -> Self {
        let mut bytes = [0; INLINE];
        match bytes.get_mut(..text.len()) {
            Some(start) => {
                start.copy_from_slice(text.as_bytes());
                Self::Inline { len: text.len() as u8, bytes }
            }
            None => Self::Long(text.into()),
        }
    }

    pub(super) fn as_str(&self) -> &str {
        match self {
            // It was copied from a text, so it is one.
            Self::Inline { len, bytes } => str::from_utf8(&bytes[..usize::from(*len)]).unwrap_or_default(),
            Self::Long(text) => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_text_comes_back_as_it_was(text in ".{0,40}") {
            let short = ShortText::new(&text);
            prop_assert_eq!(short.as_str(), text);
        }
    }

    #[test]
    fn a_short_text_is_as_small_as_a_long_one() {
        assert_eq!(size_of::<ShortText>(), 24);
    }
}
